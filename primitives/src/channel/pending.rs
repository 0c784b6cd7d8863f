//! The caller's end of a call: it waits for the response, cancels the call, or leaves it alone.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};
#[cfg(feature = "async")]
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

#[cfg(feature = "redis")]
use super::remotely;
use super::{
    attempt::Attempt,
    coding::{decode_as, read_all},
    refusal::REFUSED,
    shared::{Incoming, Shared},
    typed::{Request, codec::Bincode},
};
#[cfg(feature = "redis")]
use crate::remote::Remote;
#[cfg(feature = "async")]
use crate::waiting::clerk::HeldTicket;
use crate::{
    CallError, Failure, Member, RecvError, SendError,
    members::Session,
    raw::Deadline,
    store::{Outcome, Progress, Refusal, Ticket},
};

/// A request under way. Dropping it cancels the call.
#[must_use = "dropping it cancels the call"]
pub struct PendingResponse<R: Request> {
    call: Call,
    request: PhantomData<fn() -> R>,
}

/// A call under way, on either transport.
enum Call {
    Memory(InMemory),
    #[cfg(feature = "redis")]
    Server(OnServer),
}

/// A call under way on a server.
#[cfg(feature = "redis")]
struct OnServer {
    remote: Arc<Remote>,
    /// The server's name for it.
    id: String,
    /// Whether it is waited for as a future. Then it is cancelled without blocking the thread.
    #[cfg_attr(not(feature = "async"), expect(dead_code, reason = "there are no futures then"))]
    is_awaited: bool,
}

/// A call under way in shared memory.
struct InMemory {
    shared: Arc<Shared>,
    ticket: Ticket,
    me: Session,
    /// Its wait as a future.
    #[cfg(feature = "async")]
    held: HeldTicket,
}

impl<R: Request> PendingResponse<R> {
    pub(super) fn new(shared: &Arc<Shared>, ticket: Ticket, me: Session) -> Self {
        let call = InMemory {
            shared: Arc::clone(shared),
            ticket,
            me,
            #[cfg(feature = "async")]
            held: HeldTicket::default(),
        };
        Self { call: Call::Memory(call), request: PhantomData }
    }

    #[cfg(feature = "redis")]
    pub(super) fn of_server(remote: &Arc<Remote>, id: String, is_awaited: bool) -> Self {
        let call = OnServer { remote: Arc::clone(remote), id, is_awaited };
        Self { call: Call::Server(call), request: PhantomData }
    }

    /// Waits for the response.
    ///
    /// # Errors
    ///
    /// As [`Channel::call`](crate::Channel::call), as far as it concerns the response.
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
        match &self.call {
            Call::Memory(call) => {
                // A child made by `fork` must not take the response out of the cell: the parent waits for it.
                call.check_ours()?;
                // After a timeout the request stays sent, so it may be waited for again.
                let outcome = call.shared.store.wait_for_response(call.ticket, call.shared.party(call.me), deadline);
                call.conclude::<R>(outcome, deadline)
            }
            #[cfg(feature = "redis")]
            Call::Server(OnServer { remote, id, .. }) => {
                remotely::conclude::<R>(remote, remote.wait_for_end(id, deadline), deadline)
            }
        }
    }

    /// Returns which member has taken the request, or `None` if none has, or if the call has ended. Always `None` on a Redis
    /// server.
    #[must_use]
    pub fn taken_by(&self) -> Option<Member> {
        match &self.call {
            Call::Memory(call) => match call.progress() {
                // The slot comes from memory, so it may be none.
                Progress::Taken(slot) if slot < call.shared.store.geometry.max_handles => {
                    Some(call.shared.members.member(slot))
                }
                _ => None,
            },
            #[cfg(feature = "redis")]
            Call::Server(..) => None,
        }
    }

    /// Returns whether a response is there, or it is known that there will be none.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        match &self.call {
            Call::Memory(call) => !matches!(call.progress(), Progress::Waiting | Progress::Taken(_)),
            #[cfg(feature = "redis")]
            Call::Server(OnServer { remote, id, .. }) => remote.is_ended(id),
        }
    }

    /// Returns whether any process has ever taken the request. On a server it is known when it has ended.
    pub(crate) fn is_begun(&self) -> bool {
        match &self.call {
            Call::Memory(call) => call.shared.store.is_begun(call.ticket),
            #[cfg(feature = "redis")]
            Call::Server(OnServer { remote, id, .. }) => remote.is_ended(id),
        }
    }

    /// Ends the wait, and leaves the request in the channel. Its response is dropped.
    pub fn detach(self) {
        match &self.call {
            Call::Memory(call) if call.me.is_ours() => {
                let Shared { store, members, .. } = &*call.shared;
                // The word no longer names a caller, so the drop that follows finds nothing to cancel.
                members.record(store.detach_call(call.ticket, call.me, members));
            }
            Call::Memory(_) => {}
            // The drop that follows finds no call.
            #[cfg(feature = "redis")]
            Call::Server(OnServer { remote, id, .. }) => remote.leave(id, true),
        }
    }
}

impl InMemory {
    fn progress(&self) -> Progress {
        self.shared.store.progress(self.ticket, self.me)
    }

    /// Decodes what a wait ended with.
    fn conclude<R: Request>(
        &self,
        outcome: Result<Outcome, Refusal>,
        deadline: Deadline,
    ) -> Result<R::Response, CallError> {
        let outcome = match outcome {
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
                // The request stays in the channel, set aside. The list of its attempts was copied.
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

    /// In a child made by `fork` the call is the parent's.
    fn check_ours(&self) -> Result<(), Failure> {
        if self.me.is_ours() {
            return Ok(());
        }
        Err(Failure::Inherited { object: self.shared.name().clone(), what: "request" })
    }
}

#[cfg(feature = "redis")]
impl Drop for OnServer {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        if self.is_awaited {
            return self.remote.leave_later(std::mem::take(&mut self.id));
        }
        self.remote.leave(&self.id, false);
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        if self.me.is_ours() {
            let Shared { store, members, .. } = &*self.shared;
            #[cfg(feature = "async")]
            store.cancel_response(&mut self.held, self.me, members);
            // Not an error to return: the caller has turned away. The next call on the handle returns it.
            members.record(store.cancel(self.ticket, self.me, members));
        }
    }
}

/// Waits for the response, without blocking the thread.
///
/// **Cancel safety.** Dropping it cancels the call. Between two polls it may be used by any other method: the response is
/// received in one poll, or not at all. Once it was received, another poll returns [`CallError::NoResponse`].
///
/// ```
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
/// # let name = format!("pending-async-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// let pending = channel.request(&Square(12))?;
/// let square = channel.recv_request::<Square>()?;
/// let response = square.0 * square.0;
/// square.respond(&response)?;
/// assert_eq!(pollster::block_on(pending)?, 144);
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[cfg(feature = "async")]
impl<R: Request> Future for PendingResponse<R> {
    type Output = Result<R::Response, CallError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_unless(|| false, context)
    }
}

#[cfg(feature = "async")]
impl<R: Request> PendingResponse<R> {
    /// Polls for the response. Fails with [`CallError::TimedOut`] if there is none, and the wait is to stop. It checks that again
    /// when the callers of the handle are roused.
    pub(crate) fn poll_unless(
        &mut self,
        stops: impl Fn() -> bool,
        context: &Context<'_>,
    ) -> Poll<Result<R::Response, CallError>> {
        let is_waited_for = match &mut self.call {
            Call::Memory(call) => {
                call.check_ours()?;
                call.held.is_taken()
            }
            #[cfg(feature = "redis")]
            Call::Server(OnServer { remote, id, is_awaited }) => {
                *is_awaited = true;
                return match remote.poll_end(id, context)? {
                    Poll::Ready(end) => Poll::Ready(remotely::conclude::<R>(remote, Some(end), Deadline::NEVER)),
                    // After its waker is known: what rouses it calls that then.
                    Poll::Pending if stops() => Poll::Ready(Err(CallError::TimedOut)),
                    Poll::Pending => Poll::Pending,
                };
            }
        };
        if !is_waited_for {
            match self.try_wait() {
                Err(CallError::WouldBlock) => {}
                ended => return Poll::Ready(ended),
            }
        }
        match &mut self.call {
            Call::Memory(call) => {
                let InMemory { shared, ticket, me, held } = call;
                let ended = ready!(shared.store.poll_response(held, *ticket, shared.party(*me), stops, context));
                Poll::Ready(call.conclude::<R>(ended, Deadline::NEVER))
            }
            #[cfg(feature = "redis")]
            Call::Server(_) => Poll::Pending,
        }
    }
}

impl<R: Request> fmt::Debug for PendingResponse<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse").field("route", &R::ROUTE).finish_non_exhaustive()
    }
}
