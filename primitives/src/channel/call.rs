//! Calls: a request, and the response to its caller.
//!
//! Both travel in one cell of the [store](crate::store), which has the states and the deaths. The caller sleeps on a doorbell of
//! its own, which the responder, or the obituary of the process that has taken the request, posts.

use std::time::Duration;

#[cfg(feature = "redis")]
use super::remotely;
use super::{
    Channel, delivery::Delivery, named::MEMBERS, pending::PendingResponse, request::IncomingRequest,
    transport::Transport, typed::Request,
};
use crate::{
    CallError, Failure, Member, RecvError, SendError,
    raw::Deadline,
    store::{Class, Store, Until},
};

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
    /// - [`CallError::Undecodable`], with the bytes, if the response can't be decoded.
    /// - [`CallError::Failed`] if the channel was removed or is corrupt.
    pub fn call<R: Request>(&self, request: &R) -> Result<R::Response, CallError> {
        self.call_deadline(request, Deadline::NEVER)
    }

    /// Sends a request, and waits for its response for at most `timeout` in all.
    ///
    /// When the timeout elapses, the request is withdrawn, and leaves nothing behind. If a process already works on it, its
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
        // One deadline for both, so room that came late leaves less time for the response.
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

    /// Sends a request as [`request`](Self::request) does, with a limit of attempts or a delay of its own, or one that outlives
    /// its caller.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use sysv_primitives::{Channel, Delivery, Request, messages};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Square(u64);
    /// messages! { 1 => Square }
    /// impl Request for Square {
    ///     type Response = u64;
    /// }
    ///
    /// # let name = format!("request-with-example-{}", std::process::id());
    /// let channel = Channel::create(&name)?;
    /// let mut pending = channel.request_with(&Square(12), Delivery::new().attempts(3))?;
    /// drop(channel.claim::<Square>()?); // the first attempt fails
    /// let square = channel.claim::<Square>()?;
    /// let response = square.0 * square.0;
    /// square.respond(&response)?;
    /// assert_eq!(pending.try_wait()?, 144);
    /// # drop(pending);
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn request_with<R: Request>(&self, request: &R, delivery: Delivery) -> Result<PendingResponse<R>, SendError> {
        self.request_with_deadline(request, delivery, Deadline::NEVER)
    }

    /// Sends a request as [`request_with`](Self::request_with), if there is room for it now.
    ///
    /// # Errors
    ///
    /// As [`try_request`](Self::try_request).
    pub fn try_request_with<R: Request>(
        &self,
        request: &R,
        delivery: Delivery,
    ) -> Result<PendingResponse<R>, SendError> {
        self.request_with_deadline(request, delivery, Deadline::NOW)
    }

    /// Sends a request as [`request_with`](Self::request_with), and waits for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`request_timeout`](Self::request_timeout).
    pub fn request_with_timeout<R: Request>(
        &self,
        request: &R,
        delivery: Delivery,
        timeout: Duration,
    ) -> Result<PendingResponse<R>, SendError> {
        self.request_with_deadline(request, delivery, Deadline::after(timeout))
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
        self.request_until(request, delivery, deadline.into())
    }

    /// Sends a request, and waits for room as long as it is told to. If it is stopped it fails as if the channel were closed.
    #[inline]
    pub(crate) fn request_until<R: Request>(
        &self,
        request: &R,
        delivery: Delivery,
        until: Until<'_>,
    ) -> Result<PendingResponse<R>, SendError> {
        // Before anything is sent. A server that comes or leaves afterwards changes nothing.
        if self.requires_server {
            self.check_served::<R>()?;
        }
        match &self.transport {
            Transport::Memory(shared) => {
                // Cells of their own: a channel full of messages does not keep requests out.
                let (held, me) = Self::post(shared, request, Class::Call, delivery, until)?;
                Ok(PendingResponse::new(shared, Store::ticket(held), me))
            }
            #[cfg(feature = "redis")]
            Transport::Server(remote) => {
                let id = remotely::post(remote, request, Class::Call, delivery, until)?;
                Ok(PendingResponse::of_server(remote, id, false))
            }
        }
    }

    /// Returns the members that have received requests of this type since they opened the channel, or that receive them
    /// now.
    ///
    /// # Errors
    ///
    /// As [`members`](Self::members).
    pub fn servers<R: Request>(&self) -> Result<Vec<Member>, Failure> {
        let shared = self.memory("list of servers", MEMBERS)?;
        let store = &shared.store;
        shared.members_in(store.servers(store.lane_of(R::ROUTE.number())))
    }

    /// Sets whether a request on this handle fails at once, with [`SendError::NoServer`], if no member serves its route. By default
    /// the request waits for a server.
    ///
    /// A member is a server of a route once it has called [`recv_request`](Self::recv_request), or run a router, for it.
    pub fn require_server(&mut self, is_required: bool) -> &mut Self {
        self.requires_server = is_required;
        self
    }

    /// Waits until a check finds something. It checks after each end of a call of this handle, and after
    /// [`rouse_callers`](Self::rouse_callers). Returns `None` once the deadline has passed.
    pub(crate) fn wait_for_calls<T>(
        &self,
        deadline: Deadline,
        glance: impl FnMut() -> Option<T>,
        check: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => return Ok(remote.wait_for_calls(deadline, check)),
        };
        // Before it sleeps it spins with `glance`, which may overlook something.
        shared.store.wait_for_calls(shared.party(shared.session()?), deadline, glance, check)
    }

    /// Returns whether a call gives its room back when it is answered, and not when its caller takes the response.
    pub(crate) fn is_room_made_by_servers(&self) -> bool {
        match &self.transport {
            Transport::Memory(_) => false,
            #[cfg(feature = "redis")]
            Transport::Server(_) => true,
        }
    }

    /// Makes every thread that waits for calls of this handle check again.
    pub(crate) fn rouse_callers(&self) -> Result<(), Failure> {
        match &self.transport {
            Transport::Memory(shared) => shared.store.rouse_callers(shared.session()?.slot(), &shared.members),
            #[cfg(feature = "redis")]
            Transport::Server(remote) => {
                remote.rouse_callers();
                Ok(())
            }
        }
    }

    /// Makes every thread that waits for room on this handle check whether it is to stop.
    pub(crate) fn rouse_senders(&self) -> Result<(), Failure> {
        match &self.transport {
            Transport::Memory(shared) => shared.store.rouse_senders(shared.session()?.slot(), &shared.members),
            #[cfg(feature = "redis")]
            Transport::Server(remote) => remote.rouse(),
        }
    }

    pub(super) fn check_served<R: Request>(&self) -> Result<(), SendError> {
        if self.servers::<R>()?.is_empty() {
            return Err(SendError::NoServer { object: self.transport.name().clone(), route: R::ROUTE });
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
