//! Calls: a request, and the response to its caller.
//!
//! Both travel in one cell of the [store](crate::store), which has the states and the deaths. The caller sleeps on a doorbell of
//! its own, which the responder, or the obituary of the process that has taken the request, posts.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Attempt, Channel, IncomingRequest, Message,
    codec::Bincode,
    delivery::Delivery,
    recv::{decode_as, read_all},
    request::REFUSED,
    shared::{Incoming, Shared},
};
use crate::{
    CallError, Failure, Member, RecvError, SendError,
    members::Session,
    raw::Deadline,
    store::{Class, Outcome, Progress, Refusal, Store, Ticket},
};

/// A message that has a response.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Request, messages};
///
/// #[derive(Serialize, Deserialize)]
/// struct Thumbnail { path: String, width: u32 }
/// messages! { 1 => Thumbnail }
///
/// impl Request for Thumbnail {
///     type Response = Result<Vec<u8>, String>;
/// }
/// ```
///
/// A message without a response can be sent, and not called:
///
/// ```compile_fail,E0277
/// # use serde::{Deserialize, Serialize};
/// # use sysv_primitives::{Channel, messages};
/// #[derive(Serialize, Deserialize)]
/// struct Stop;
/// messages! { 1 => Stop }
/// fn call(channel: &Channel) {
///     let _ = channel.call(&Stop); // `Stop` is not a request: no response is declared for it
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request: no response is declared for it",
    label = "this type does not implement `Request`",
    note = "declare its route with `messages! {{ 1 => {Self} }}`, and its response with `impl Request for {Self} {{ type Response = ...; }}`"
)]
pub trait Request: Message {
    /// The type of its response.
    type Response: Serialize + DeserializeOwned;
    /// As [`Message::SCHEMA`], for the response.
    const RESPONSE_SCHEMA: u32 = 0;
}

impl Channel {
    /// Sends a request, and waits for its response.
    ///
    /// Any number of threads and processes may do so at once, up to [as many calls](super::Depth::max_calls) as the channel has
    /// room for. Further ones wait. While no process receives requests it waits as well: to limit that, use
    /// [`call_timeout`](Self::call_timeout), or [`require_server`](Self::require_server).
    ///
    /// ```
    /// use std::thread;
    /// use serde::{Deserialize, Serialize};
    /// use sysv_primitives::{Channel, Request, messages};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Square(u64);
    /// messages! { 1 => Square }
    /// impl Request for Square {
    ///     type Response = u64;
    /// }
    ///
    /// # let name = format!("call-example-{}", std::process::id());
    /// let channel = Channel::open_or_create(&name)?;
    /// thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let request = channel.recv_request::<Square>()?;
    ///         let square = request.0 * request.0;
    ///         request.respond(&square)?;
    ///         Ok::<(), sysv_primitives::Error>(())
    ///     });
    ///     assert_eq!(channel.call(&Square(12))?, 144);
    ///     Ok::<(), sysv_primitives::Error>(())
    /// })?;
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`CallError::NotSent`], with an error of [`send`](Self::send). With [`SendError::Closed`] also if the channel
    ///   was closed before a process took the request.
    /// - [`CallError::NoResponse`] if the process that received the request died, or dropped it.
    /// - [`CallError::Undecodable`], with the bytes, if the response is no such value.
    /// - [`CallError::Failed`] if the channel was removed or is corrupt.
    pub fn call<R: Request>(&self, request: &R) -> Result<R::Response, CallError> {
        self.call_deadline(request, Deadline::NEVER)
    }

    /// Sends a request, and waits for its response for at most `timeout` in all.
    ///
    /// When the timeout elapses the request is taken back, and leaves nothing behind. If a process works on it already, its
    /// response is dropped.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). If the timeout elapses, [`CallError::TimedOut`] if the request was sent, and otherwise
    /// [`SendError::TimedOut`] in [`CallError::NotSent`].
    pub fn call_timeout<R: Request>(&self, request: &R, timeout: Duration) -> Result<R::Response, CallError> {
        self.call_deadline(request, Deadline::after(timeout))
    }

    /// Sends a request, and waits for its response until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`call_timeout`](Self::call_timeout).
    pub fn call_deadline<R: Request>(&self, request: &R, deadline: Deadline) -> Result<R::Response, CallError> {
        self.request_deadline(request, deadline)?.wait_deadline(deadline)
    }

    /// Sends a request without waiting for its response. Several may be under way.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn request<R: Request>(&self, request: &R) -> Result<PendingResponse<R>, SendError> {
        self.request_deadline(request, Deadline::NEVER)
    }

    /// Sends a request without waiting for its response. Blocks until there is room, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    pub fn request_timeout<R: Request>(&self, request: &R, timeout: Duration) -> Result<PendingResponse<R>, SendError> {
        self.request_deadline(request, Deadline::after(timeout))
    }

    /// Sends a request if there is room for it, without waiting for its response.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_request<R: Request>(&self, request: &R) -> Result<PendingResponse<R>, SendError> {
        self.request_deadline(request, Deadline::NOW)
    }

    /// Sends a request without waiting for its response. Blocks until there is room, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`send_deadline`](Self::send_deadline).
    pub fn request_deadline<R: Request>(
        &self,
        request: &R,
        deadline: Deadline,
    ) -> Result<PendingResponse<R>, SendError> {
        self.request_with_deadline(request, Delivery::new(), deadline)
    }

    /// Sends a request as [`request_with`](Self::request_with), and waits for room until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`request_deadline`](Self::request_deadline).
    pub fn request_with_deadline<R: Request>(
        &self,
        request: &R,
        delivery: Delivery,
        deadline: Deadline,
    ) -> Result<PendingResponse<R>, SendError> {
        // Before anything is sent. A server that comes or leaves afterwards changes nothing.
        if self.requires_server {
            self.check_served::<R>()?;
        }
        let (held, me) = self.post(request, Class::Call, delivery, deadline)?;
        let (ticket, shared) = (Store::ticket(held), Arc::clone(&self.shared));
        Ok(PendingResponse { shared, ticket, me, request: PhantomData })
    }

    /// Returns the members that have received requests of this type since they opened the channel, or that receive them
    /// now.
    ///
    /// # Errors
    ///
    /// As [`members`](Self::members).
    pub fn servers<R: Request>(&self) -> Result<Vec<Member>, Failure> {
        let store = &self.shared.store;
        self.shared.members_in(store.servers(store.lane_of(R::ROUTE.number())))
    }

    /// Sets whether a request on this handle fails at once, with [`SendError::NoServer`], if no member serves its route. By
    /// default it waits for one.
    ///
    /// A member serves a route once it has called [`recv_request`](Self::recv_request) or run a router for it.
    pub fn require_server(&mut self, is_required: bool) -> &mut Self {
        self.requires_server = is_required;
        self
    }

    /// Waits until a check finds something. It checks after each end of a call of this handle, and after
    /// [`rouse_callers`](Self::rouse_callers). Returns `None` once the deadline has passed.
    pub(crate) fn wait_for_calls<T>(
        &self,
        deadline: Deadline,
        check: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let shared = &*self.shared;
        shared.store.wait_for_calls(shared.party(shared.session()?), deadline, check)
    }

    /// Makes every thread that waits for calls of this handle check again.
    pub(crate) fn rouse_callers(&self) -> Result<(), Failure> {
        let shared = &*self.shared;
        shared.store.rouse_callers(shared.session()?.slot(), &shared.members)
    }

    fn check_served<R: Request>(&self) -> Result<(), SendError> {
        if self.servers::<R>()?.is_empty() {
            return Err(SendError::NoServer { object: self.shared.name().clone(), route: R::ROUTE });
        }
        Ok(())
    }

    /// Receives the oldest request of this type, to respond to. Blocks until there is one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv). The caller of a request that can't be decoded learns that there is no response.
    pub fn recv_request<R: Request>(&self) -> Result<IncomingRequest<R>, RecvError> {
        self.recv_request_deadline(Deadline::NEVER)
    }

    /// Receives the oldest request of this type, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`recv_request`](Self::recv_request), and [`RecvError::Empty`] if there is none.
    pub fn try_recv_request<R: Request>(&self) -> Result<IncomingRequest<R>, RecvError> {
        self.recv_request_deadline(Deadline::NOW)
    }

    /// Receives the oldest request of this type. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_request`](Self::recv_request), and [`RecvError::TimedOut`] if the timeout elapses.
    pub fn recv_request_timeout<R: Request>(&self, timeout: Duration) -> Result<IncomingRequest<R>, RecvError> {
        self.recv_request_deadline(Deadline::after(timeout))
    }

    /// Receives the oldest request of this type. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_request_timeout`](Self::recv_request_timeout).
    pub fn recv_request_deadline<R: Request>(&self, deadline: Deadline) -> Result<IncomingRequest<R>, RecvError> {
        let (request, parcel) = self.recv_incoming(deadline)?;
        Ok(IncomingRequest::new(request, parcel))
    }
}

/// A request under way. Dropping it cancels the call.
#[must_use = "dropping it cancels the call"]
pub struct PendingResponse<R: Request> {
    shared: Arc<Shared>,
    ticket: Ticket,
    me: Session,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> PendingResponse<R> {
    /// Waits for the response.
    ///
    /// # Errors
    ///
    /// As [`Channel::call`], as far as it concerns the response.
    pub fn wait(mut self) -> Result<R::Response, CallError> {
        self.wait_deadline(Deadline::NEVER)
    }

    /// Waits for the response for at most `timeout`. It may be waited for again.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`CallError::TimedOut`] if the timeout elapses. Once the response was received,
    /// [`CallError::NoResponse`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<R::Response, CallError> {
        self.wait_deadline(Deadline::after(timeout))
    }

    /// Returns the response, if there is one.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`CallError::WouldBlock`] if there is none yet. Once the response was received,
    /// [`CallError::NoResponse`].
    pub fn try_wait(&mut self) -> Result<R::Response, CallError> {
        self.wait_deadline(Deadline::NOW)
    }

    /// Waits for the response until `deadline` at most. It may be waited for again.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&mut self, deadline: Deadline) -> Result<R::Response, CallError> {
        self.check_ours()?;
        let Shared { store, .. } = &*self.shared;
        // After a timeout the request stays sent, so it may be waited for again.
        let outcome = match store.wait_for_response(self.ticket, self.shared.party(self.me), deadline) {
            Ok(outcome) => outcome,
            Err(Refusal::Busy) => return Err(CallError::not_in_time(deadline)),
            Err(Refusal::Failed(failure)) => return Err(failure.into()),
            // It was taken back: no process has worked on it.
            Err(_) => return Err(SendError::Closed { object: self.shared.name().clone() }.into()),
        };
        let (object, route) = (self.shared.name().clone(), R::ROUTE);
        let received = match outcome {
            Outcome::Response(received) => received,
            Outcome::Aside(endings) => {
                return Err(CallError::SetAside { object, route, attempts: Attempt::list(&endings) });
            }
            Outcome::Lost => return Err(CallError::NoResponse { object, route }),
        };
        // Frees it, when it was read.
        let response = Incoming::new(&self.shared, received, self.me);
        // A refusal travels as a response with a codec number of its own.
        if received.codec == REFUSED {
            let why = read_all(&response).map_err(|_| self.shared.members.damaged("the text of a refusal"))?;
            return Err(CallError::Refused { object, route, why: String::from_utf8_lossy(&why).into_owned() });
        }
        decode_as::<Bincode, _>(&response, R::RESPONSE_SCHEMA).map_err(|error| match error {
            RecvError::Undecodable(error) => error.into(),
            RecvError::Failed(failure) => failure.into(),
            // Decoding waits for nothing.
            _ => CallError::WouldBlock,
        })
    }

    /// Returns which member has taken the request, or `None` if none has, or if the call has ended.
    #[must_use]
    pub fn taken_by(&self) -> Option<Member> {
        match self.shared.store.progress(self.ticket, self.me) {
            // The slot comes from memory, so it may be none.
            Progress::Taken(slot) if slot < self.shared.store.geometry.max_handles => {
                Some(self.shared.members.member(slot))
            }
            _ => None,
        }
    }

    /// Returns whether a response is there, or it is known that there will be none.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        !matches!(self.shared.store.progress(self.ticket, self.me), Progress::Waiting | Progress::Taken(_))
    }

    /// Ends the wait, and leaves the request in the channel. Its response is dropped.
    pub fn detach(self) {
        if self.me.is_ours() {
            let Shared { store, members, .. } = &*self.shared;
            members.record(store.detach_call(self.ticket, self.me, members));
        }
    }

    /// In a child made by `fork` the call is the parent's.
    fn check_ours(&self) -> Result<(), Failure> {
        if self.me.is_ours() {
            return Ok(());
        }
        Err(Failure::Inherited { object: self.shared.name().clone(), what: "request" })
    }
}

impl<R: Request> Drop for PendingResponse<R> {
    fn drop(&mut self) {
        if self.me.is_ours() {
            let Shared { store, members, .. } = &*self.shared;
            members.record(store.cancel(self.ticket, self.me, members));
        }
    }
}

impl<R: Request> fmt::Debug for PendingResponse<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse").field("route", &R::ROUTE).finish_non_exhaustive()
    }
}
