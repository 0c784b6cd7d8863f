//! Calls: a request, and the answer to who asked.
//!
//! A request travels in a parcel that names its caller, and the answer in the same parcel; so it reaches who asked
//! and nobody else, and no thread needs a queue or a route of its own. `parcels` has the states and
//! the deaths. The caller sleeps on its slot's doorbell, which the answer, or the obituary of who has
//! taken the request, posts.

use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Channel, Message, codec, deliver,
    desk::Watch,
    notice::Notice,
    parcels::Found,
    shared::{Parcel, Shared},
    with_scratch,
};
use crate::{CallError, Failure, RecvError, SendError, members::Session, raw::Deadline};

/// A message that is answered.
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
/// A message without an answer can be sent, and not called:
///
/// ```compile_fail,E0277
/// # use serde::{Deserialize, Serialize};
/// # use sysv_primitives::{Channel, messages};
/// #[derive(Serialize, Deserialize)]
/// struct Stop;
/// messages! { 1 => Stop }
/// fn call(channel: &Channel) {
///     let _ = channel.call(&Stop); // `Stop` is not a request: no answer is declared for it
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request: no answer is declared for it",
    label = "this type does not implement `Request`",
    note = "declare its route with `messages! {{ 1 => {Self} }}`, and its answer with `impl Request for {Self} {{ type Response = ...; }}`"
)]
pub trait Request: Message {
    /// What answers it.
    type Response: Serialize + DeserializeOwned;
    /// As [`Message::SCHEMA`], for the answer.
    const ANSWER_SCHEMA: u32 = 0;
}

impl Channel {
    /// Sends a request, and waits for its answer.
    ///
    /// Any number of threads and processes may do so at once, up to 1,024 calls in all; further ones wait for room.
    /// While no process receives requests it waits as well: say how long with [`call_timeout`](Self::call_timeout).
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
    ///         let asked = channel.recv_request::<Square>()?;
    ///         let square = asked.0 * asked.0;
    ///         asked.respond(&square)?;
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
    /// - [`CallError::NotSent`], with what [`send`](Self::send) says.
    /// - [`CallError::NoResponse`] if the process that received the request died, or dropped it.
    /// - [`CallError::Undecodable`], with the bytes, if the response is no such value.
    /// - [`CallError::Failed`] if the channel was removed or is corrupt.
    pub fn call<R: Request>(&self, request: &R) -> Result<R::Response, CallError> {
        self.call_deadline(request, Deadline::NEVER)
    }

    /// Sends a request, and waits for its answer for at most `timeout` in all.
    ///
    /// When the timeout elapses the request is taken back. If a process works on it already, its answer is dropped. A request
    /// that was taken back leaves 32 bytes on the queue until a process receives on its route. If none does, some 500 such
    /// calls fill the queue.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). If the timeout elapses, [`CallError::TimedOut`] if the request was sent, and otherwise
    /// [`SendError::TimedOut`] in [`CallError::NotSent`].
    pub fn call_timeout<R: Request>(&self, request: &R, timeout: Duration) -> Result<R::Response, CallError> {
        self.call_deadline(request, Deadline::after(timeout))
    }

    /// Sends a request, and waits for its answer until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`call_timeout`](Self::call_timeout).
    pub fn call_deadline<R: Request>(&self, request: &R, deadline: Deadline) -> Result<R::Response, CallError> {
        self.request_deadline(request, deadline)?.wait_deadline(deadline)
    }

    /// Sends a request, and leaves the waiting for later; several may be under way.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn request<R: Request>(&self, request: &R) -> Result<PendingResponse<R>, SendError> {
        self.request_deadline(request, Deadline::NEVER)
    }

    /// Sends a request, waiting for room for at most `timeout`, and leaves the waiting for the answer for later.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    pub fn request_timeout<R: Request>(&self, request: &R, timeout: Duration) -> Result<PendingResponse<R>, SendError> {
        self.request_deadline(request, Deadline::after(timeout))
    }

    /// Sends a request if there is room for it, and leaves the waiting for the answer for later.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_request<R: Request>(&self, request: &R) -> Result<PendingResponse<R>, SendError> {
        self.request_deadline(request, Deadline::NOW)
    }

    /// Sends a request, waiting for room until `deadline` at most, and leaves the waiting for the answer for later.
    ///
    /// # Errors
    ///
    /// As [`send_deadline`](Self::send_deadline).
    pub fn request_deadline<R: Request>(
        &self,
        request: &R,
        deadline: Deadline,
    ) -> Result<PendingResponse<R>, SendError> {
        let shared = self.shared("make calls")?;
        self.check_open()?;
        let parcel = with_scratch(|message| {
            message.clear();
            let len = codec::encode(request, R::SCHEMA, message, self.longest)
                .map_err(|why| SendError::Unencodable { object: self.object.clone(), route: R::ROUTE, why })?;
            let parcel = shared.rent(len, deadline)?;
            deliver::write(request, R::SCHEMA, message, &parcel, R::ROUTE)?;
            Ok::<_, SendError>(parcel)
        })?;
        let (notice, session) = (parcel.held().notice, parcel.session());
        parcel.post(R::ROUTE.message_type(), true, deadline)?;
        let Shared { words, members, .. } = &**shared;
        // Closed meanwhile: those who answer may have been told the end already, and look no more.
        if words.is_closed_by_now() && words.parcels.take_back(notice, session, members) {
            return Err(SendError::Closed { object: self.object.clone() });
        }
        Ok(PendingResponse { shared: Arc::clone(shared), notice, session, request: PhantomData })
    }

    /// Receives the oldest request of this type, to be answered; waits for one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv). The caller of a request that can't be decoded is told that there is no answer.
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

    /// Receives the oldest request of this type; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_request`](Self::recv_request), and [`RecvError::TimedOut`] if the timeout elapses.
    pub fn recv_request_timeout<R: Request>(&self, timeout: Duration) -> Result<IncomingRequest<R>, RecvError> {
        self.recv_request_deadline(Deadline::after(timeout))
    }

    /// Receives the oldest request of this type; waits until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_request_timeout`](Self::recv_request_timeout).
    pub fn recv_request_deadline<R: Request>(&self, deadline: Deadline) -> Result<IncomingRequest<R>, RecvError> {
        let (request, parcel) = self.recv_value(deadline)?;
        Ok(IncomingRequest::new(request, parcel))
    }
}

/// A request under way; dropping it gives the answer up.
#[must_use = "dropping it gives the answer up"]
pub struct PendingResponse<R: Request> {
    shared: Arc<Shared>,
    notice: Notice,
    session: Session,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> PendingResponse<R> {
    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// As [`Channel::call`], as far as it concerns the answer.
    pub fn wait(mut self) -> Result<R::Response, CallError> {
        self.wait_deadline(Deadline::NEVER)
    }

    /// Waits for the answer for at most `timeout`; it may be waited for again.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`CallError::TimedOut`] if the timeout elapses. Once the response was received,
    /// [`CallError::NoResponse`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<R::Response, CallError> {
        self.wait_deadline(Deadline::after(timeout))
    }

    /// Takes the answer, if it is there.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`CallError::WouldBlock`] if it is not there. Once the response was received,
    /// [`CallError::NoResponse`].
    pub fn try_wait(&mut self) -> Result<R::Response, CallError> {
        self.wait_deadline(Deadline::NOW)
    }

    /// Waits for the answer until `deadline` at most; it may be waited for again.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&mut self, deadline: Deadline) -> Result<R::Response, CallError> {
        let Shared { words, members, .. } = &*self.shared;
        if !self.session.is_ours() {
            // In a child made by `fork` it is the parent's.
            let object = self.shared.object.name().clone();
            return Err(Failure::Inherited { object, what: "request" }.into());
        }
        let look = || match words.parcels.look(self.notice) {
            Found::Waiting => None,
            found => Some(found),
        };
        let found = match look() {
            Some(found) => found,
            None => {
                let found = self.shared.wait(Watch::Call(self.notice), deadline, |_| Ok::<_, Failure>(look()))?;
                found.ok_or_else(|| CallError::not_in_time(deadline))?
            }
        };
        if found != Found::Answered {
            words.parcels.settle(self.notice, self.session, members);
            return Err(self.unanswered());
        }
        let held = words.parcels.respond(self.notice, members)?;
        // Frees it, when it was read.
        let parcel = Parcel::of_answer(&self.shared, held, self.session);
        deliver::read(R::ANSWER_SCHEMA, &parcel, R::ROUTE)
    }

    fn unanswered(&self) -> CallError {
        CallError::NoResponse { object: self.shared.object.name().clone(), route: R::ROUTE }
    }
}

impl<R: Request> Drop for PendingResponse<R> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            self.shared.words.parcels.settle(self.notice, self.session, &self.shared.members);
        }
    }
}

impl<R: Request> fmt::Debug for PendingResponse<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse").field("route", &R::ROUTE).finish_non_exhaustive()
    }
}

/// A request that this process has taken, and is to answer; it derefs to the request.
///
/// If it is dropped, or its process dies, the caller is told that there is [no response](CallError::NoResponse).
#[derive(Debug)]
#[must_use = "dropping it gives the answer up"]
pub struct IncomingRequest<R: Request> {
    request: R,
    /// `None` if the message was sent, and not called.
    parcel: Option<Parcel>,
}

impl<R: Request> IncomingRequest<R> {
    pub(super) fn new(request: R, parcel: Option<Parcel>) -> Self {
        Self { request, parcel }
    }

    /// Answers. If the caller has given up or died meanwhile, or only sent the request, nothing happens.
    ///
    /// An answer that is longer than the request may have to wait for room, as long as others leave theirs unread: say
    /// how long with [`respond_timeout`](Self::respond_timeout).
    ///
    /// # Errors
    ///
    /// - [`SendError::TooLong`], [`SendError::Unencodable`]: the caller gets [`CallError::NoResponse`].
    /// - [`SendError::Failed`] if the channel was removed, and with [`Failure::Inherited`] in a child made by `fork`: it is
    ///   the parent's to respond.
    pub fn respond(self, answer: &R::Response) -> Result<(), SendError> {
        self.respond_deadline(answer, Deadline::NEVER)
    }

    /// Answers, and waits for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond), and [`SendError::TimedOut`] if the timeout elapses. Then the caller gets
    /// [`CallError::NoResponse`].
    pub fn respond_timeout(self, answer: &R::Response, timeout: Duration) -> Result<(), SendError> {
        self.respond_deadline(answer, Deadline::after(timeout))
    }

    /// Answers if there is room for the answer.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond), and [`SendError::Full`] if there is none. Then the caller gets
    /// [`CallError::NoResponse`].
    pub fn try_respond(self, answer: &R::Response) -> Result<(), SendError> {
        self.respond_deadline(answer, Deadline::NOW)
    }

    /// Answers, and waits for room until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`respond_timeout`](Self::respond_timeout).
    pub fn respond_deadline(self, answer: &R::Response, deadline: Deadline) -> Result<(), SendError> {
        match self.parcel {
            Some(parcel) => deliver::respond(parcel, answer, R::ANSWER_SCHEMA, R::ROUTE, deadline),
            None => Ok(()),
        }
    }

    /// Returns whether somebody waited for the answer when the request was received.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.parcel.is_some()
    }

    /// Gives the answer up, and keeps the request.
    #[must_use]
    pub fn into_request(self) -> R {
        self.request
    }
}

impl<R: Request> Deref for IncomingRequest<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.request
    }
}
