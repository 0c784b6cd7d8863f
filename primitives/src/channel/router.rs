//! Handlers by type, and what becomes of messages without a handler.
//!
//! - **D1** Every message that is received goes to one handler, to the fallback, or into the error that ends the run.
//! - **D2** Each route has one handler: a second type on the same route is refused when it is registered.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    ops::ControlFlow,
};

use super::{
    Channel,
    claimed::{self, Claimed},
    envelope::Envelope,
    transport::Transport,
    typed::{Message, Request, Route},
    unread::{Parcel, Unread},
};
use crate::{RecvError, Result, RouteTaken, SendError, Undecodable, raw::Deadline};

/// A message without a handler, or with a handler of a type that does not fit.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unhandled {
    /// The message.
    pub incoming: Envelope,
    /// Why it could not be decoded, if there was a handler.
    pub why: Option<String>,
}

/// Returns whether to go on, or why the message is no such value. The message is unchanged then.
type Handler<'a> = Box<dyn FnMut(&mut Parcel<'_>) -> Result<Result<ControlFlow<()>, SendError>, String> + 'a>;

/// Handlers by type of message.
///
/// ```
/// use std::ops::ControlFlow;
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, Router, messages};
///
/// #[derive(Serialize, Deserialize)]
/// struct Add(u64);
/// #[derive(Serialize, Deserialize)]
/// struct Stop;
/// messages! { 1 => Add; 2 => Stop }
///
/// # let name = format!("router-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// (1..=4).try_for_each(|number| channel.send(&Add(number)))?;
/// channel.send(&Stop)?;
///
/// let mut sum = 0;
/// let mut router = Router::new();
/// router.on(|Add(number)| sum += number)?;
/// router.until(|Stop| ControlFlow::Break(()))?;
/// router.run(&channel)?;
/// drop(router);
/// assert_eq!(sum, 10);
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Default)]
pub struct Router<'a> {
    handlers: BTreeMap<Route, Handler<'a>>,
    fallback: Option<Box<dyn FnMut(Unhandled) + 'a>>,
}

impl<'a> Router<'a> {
    /// Returns a router that handles nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the handler of a type.
    ///
    /// # Errors
    ///
    /// [`RouteTaken`] if another type has the same route.
    pub fn on<T: Message>(&mut self, mut handle: impl FnMut(T) + 'a) -> Result<&mut Self, RouteTaken> {
        self.until(move |value| {
            handle(value);
            ControlFlow::Continue(())
        })
    }

    /// Sets the handler of a type, which also decides whether the run continues.
    ///
    /// # Errors
    ///
    /// As [`on`](Self::on).
    pub fn until<T: Message>(
        &mut self,
        mut handle: impl FnMut(T) -> ControlFlow<()> + 'a,
    ) -> Result<&mut Self, RouteTaken> {
        self.register::<T>(Box::new(move |parcel| Ok(Ok(handle(parcel.decode()?)))))
    }

    /// Sets the handler that responds to requests of a type.
    ///
    /// A response that can't be sent ends the [run](Self::run), and the caller gets an error.
    ///
    /// # Errors
    ///
    /// As [`on`](Self::on).
    pub fn respond<R: Request>(
        &mut self,
        mut handle: impl FnMut(R) -> R::Response + 'a,
    ) -> Result<&mut Self, RouteTaken> {
        self.register::<R>(Box::new(move |parcel| {
            let response = handle(parcel.decode()?);
            // A request that was sent, and not called, has no caller to respond to.
            let sent = match parcel.take_request() {
                Some(call) => claimed::respond::<R>(call, &response, Deadline::NEVER),
                None => Ok(()),
            };
            Ok(sent.map(ControlFlow::Continue))
        }))
    }

    fn register<T: Message>(&mut self, handler: Handler<'a>) -> Result<&mut Self, RouteTaken> {
        // D2.
        match self.handlers.entry(T::ROUTE) {
            Entry::Vacant(place) => place.insert(handler),
            Entry::Occupied(_) => return Err(RouteTaken { route: T::ROUTE }),
        };
        Ok(self)
    }

    /// Sets the handler of all other messages: those of other routes, and those that can't be decoded.
    ///
    /// Without a fallback, such a message ends [`run`](Self::run), which returns it in the error.
    pub fn fallback(&mut self, handle: impl FnMut(Unhandled) + 'a) -> &mut Self {
        self.fallback = Some(Box::new(handle));
        self
    }

    /// Receives and handles, until a handler stops the run, the channel is closed or removed, or the handle is
    /// [stopped](Channel::stoppable) or, if it [detects](Channel::detect_disconnect) that, disconnected.
    ///
    /// # Errors
    ///
    /// - [`Undecodable`], with the bytes, for a message without a handler, if there is no
    ///   [`fallback`](Self::fallback). It may be run again.
    /// - [`RecvError::Failed`], as [`Channel::recv_any`].
    pub fn run(&mut self, channel: &Channel) -> Result<()> {
        self.serve(channel)?;
        self.run_with(|| channel.recv_any())
    }

    /// Receives and handles as [`run`](Self::run), the lowest route first, and none above `up_to`.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_lowest(&mut self, channel: &Channel, up_to: Route) -> Result<()> {
        self.serve(channel)?;
        self.run_with(|| channel.recv_lowest(up_to))
    }

    /// Claims and handles as [`run`](Self::run) receives and handles, so that no message is lost if this process dies.
    ///
    /// A message is [done](Claimed::done) when its handler returns, and a request when it was responded to. If the handler panics the
    /// message is requeued. See [`Channel::claim`].
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). A message without a handler, or which its handler's type does not fit, is done: it is in the error, or
    /// was given to the fallback.
    pub fn run_claims(&mut self, channel: &Channel) -> Result<()> {
        self.serve(channel)?;
        self.run_with_claims(|| channel.claim_unread(None))
    }

    /// Claims and handles as [`run_claims`](Self::run_claims), the lowest route first, and none above `up_to`.
    ///
    /// # Errors
    ///
    /// As [`run_claims`](Self::run_claims).
    pub fn run_claims_lowest(&mut self, channel: &Channel, up_to: Route) -> Result<()> {
        self.serve(channel)?;
        self.run_with_claims(|| channel.claim_unread(Some(up_to)))
    }

    fn run_with_claims(&mut self, claim: impl Fn() -> Result<Claimed<Unread>, RecvError>) -> Result<()> {
        loop {
            match claim() {
                Ok(claimed) => {
                    let mut claimed = Some(claimed);
                    let flow = self.handle_claim(&mut claimed);
                    // D1: what no handler took is in the error or was given to the fallback, so it is done.
                    if let Some(claimed) = claimed {
                        claimed.done()?;
                    }
                    if flow?.is_break() {
                        return Ok(());
                    }
                }
                Err(error) if error.is_gone() || error.is_end() => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Handles one claim. If it is still there afterwards it has not ended: there was no handler for it, or the handler panicked.
    pub(crate) fn handle_claim(&mut self, claimed: &mut Option<Claimed<Unread>>) -> Result<ControlFlow<()>> {
        let Some(claim) = claimed else { return Ok(ControlFlow::Continue(())) };
        let handler = claim.route().and_then(|route| self.handlers.get_mut(&route));
        let why = match handler.map(|handler| handler(&mut claim.parcel())) {
            Some(Ok(flow)) => {
                // A handler that responded has completed the claim already.
                if let Some(claim) = claimed.take() {
                    claim.done()?;
                }
                return Ok(flow?);
            }
            Some(Err(why)) => Some(why),
            None => None,
        };
        // The fallback gets a copy. The claim stays with the caller, which completes it.
        match claim.copied()? {
            Some(envelope) => self.leave_over(envelope, why),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    /// Returns the highest route that it has a handler for.
    pub(crate) fn highest_route(&self) -> Option<Route> {
        self.handlers.keys().next_back().copied()
    }

    /// Records that this member serves the routes that it has handlers for.
    pub(crate) fn serve(&self, channel: &Channel) -> Result<()> {
        match &channel.transport {
            Transport::Memory(shared) => {
                let (me, store) = (shared.session()?, &shared.store);
                self.handlers.keys().for_each(|route| store.serve(store.lane_of(route.number()), me));
            }
            // A server has no list of those that serve.
            #[cfg(feature = "redis")]
            Transport::Server(_) => {}
        }
        Ok(())
    }

    fn run_with(&mut self, receive: impl Fn() -> Result<Envelope, RecvError>) -> Result<()> {
        loop {
            match receive() {
                Ok(incoming) => {
                    // D1: an error ends the run with the message in it.
                    if self.handle(incoming)?.is_break() {
                        return Ok(());
                    }
                }
                Err(error) if error.is_gone() || error.is_end() => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Handles one message.
    ///
    /// # Errors
    ///
    /// [`Undecodable`], as [`run`](Self::run), and the reason why a [response](Self::respond) was not sent.
    pub fn handle(&mut self, mut incoming: Envelope) -> Result<ControlFlow<()>> {
        let why = match self.handlers.get_mut(&incoming.route) {
            Some(handler) => match handler(&mut Parcel::Received(&mut incoming)) {
                Ok(flow) => return Ok(flow?),
                Err(why) => Some(why),
            },
            None => None,
        };
        self.leave_over(incoming, why)
    }

    /// Gives a message that no handler takes to the fallback, or returns it as an error.
    fn leave_over(&mut self, incoming: Envelope, why: Option<String>) -> Result<ControlFlow<()>> {
        match &mut self.fallback {
            Some(fallback) => {
                fallback(Unhandled { incoming, why });
                Ok(ControlFlow::Continue(()))
            }
            None => {
                let why = why.unwrap_or_else(|| "no handler is set for this route".to_owned());
                let Envelope { object, route, bytes, .. } = incoming;
                Err(Undecodable { object, route, bytes, why }.into())
            }
        }
    }
}

impl fmt::Debug for Router<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("routes", &self.handlers.keys()).finish_non_exhaustive()
    }
}
