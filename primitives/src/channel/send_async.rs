//! Sending and calling in a future.

use std::{
    io::Write,
    sync::Arc,
    task::{Context, Poll},
};

#[cfg(feature = "redis")]
use super::remotely;
use super::{
    Channel,
    coding::{unencodable, write_long},
    delivery::Delivery,
    ends::Sender,
    passing::passing,
    pending::PendingResponse,
    shared::Shared,
    transport::Transport,
    typed::{
        Message, Request, Route,
        codec::{Codec, Short},
    },
};
use crate::{
    CallError, Failure, SendError,
    members::Session,
    raw::Deadline,
    store::{Class, Held, INLINE, Store, Until},
    waiting::clerk::HeldTicket,
};

/// The wait of a future for the ends of calls, between its polls.
#[derive(Debug, Default)]
pub(crate) struct CallsWait {
    held: HeldTicket,
    #[cfg(feature = "redis")]
    number: Option<u64>,
}

impl CallsWait {
    /// Whether a poll has found nothing in shared memory, so that the future may have been called since.
    pub(crate) fn is_taken(&self) -> bool {
        self.held.is_taken()
    }
}

impl Channel {
    /// Sends a value. Waits while the channel is full, without blocking the thread.
    ///
    /// **Cancel safety.** The value is sent only in the poll that returns `Ok`. A future that is dropped has sent nothing, and
    /// what it had taken for the message is free again. On a Redis server a future that is dropped may have sent.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_async<T: Message>(&self, value: &T) -> Result<(), SendError> {
        // No poll waits for a server.
        if !self.transport.is_server() {
            match self.try_send(value) {
                Err(SendError::Full(_)) => {}
                sent => return sent,
            }
        }
        self.send_later(value, Delivery::new()).await
    }

    /// Sends a value as [`send_async`](Self::send_async) does, with a limit of attempts or a delay of its own.
    ///
    /// **Cancel safety.** As [`send_async`](Self::send_async).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_with_async<T: Message>(&self, value: &T, delivery: Delivery) -> Result<(), SendError> {
        if !self.transport.is_server() {
            match self.try_send_with(value, delivery) {
                Err(SendError::Full(_)) => {}
                sent => return sent,
            }
        }
        self.send_later(value, delivery).await
    }

    /// Sends a value, and waits if there is no room.
    async fn send_later<T: Message>(&self, value: &T, delivery: Delivery) -> Result<(), SendError> {
        let class = if T::IS_CONTROL { Class::Control } else { Class::Message };
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => {
                return remotely::post_async(remote, value, class, delivery, None).await.map(drop);
            }
        };
        Self::post_async(shared, value, class, delivery, Deadline::NEVER.into()).await.map(drop)
    }

    /// Sends bytes as they are. Waits while the channel is full, without blocking the thread.
    ///
    /// **Cancel safety.** As [`send_async`](Self::send_async).
    ///
    /// # Errors
    ///
    /// As [`send_raw`](Self::send_raw).
    pub async fn send_raw_async(&self, route: Route, bytes: &[u8]) -> Result<(), SendError> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => return remotely::post_raw_async(remote, route, bytes).await,
        };
        let (me, about) = (shared.session()?, Self::about_raw(shared, route));
        let pass_on = passing(shared, Store::pass_on_space);
        let not_sent = |refusal| shared.not_sent(refusal, Class::Message, bytes.len(), Deadline::NEVER);
        let (party, until) = (shared.party(me), Deadline::NEVER.into());
        if bytes.len() <= INLINE {
            let sent = shared.store.send_short_async(about, bytes, party, until, &pass_on).await;
            return sent.map(drop).map_err(not_sent);
        }
        let draft = shared.store.draft_async(Class::Message, bytes.len(), party, until, &pass_on).await;
        let mut draft = draft.map_err(not_sent)?;
        draft.run().write_all(bytes).map_err(|_| shared.members.damaged("the blocks of a message"))?;
        draft.send(about).map(drop).map_err(not_sent)
    }

    /// As `post`.
    async fn post_async<T: Message>(
        shared: &Arc<Shared>,
        value: &T,
        class: Class,
        delivery: Delivery,
        until: Until<'_>,
    ) -> Result<(Held, Session), SendError> {
        let me = shared.session()?;
        let about = delivery.about::<T>(class, shared.store.geometry.attempts);
        let unencodable = |why| unencodable(shared.name(), T::ROUTE, why);
        let mut short = Short::new();
        T::Codec::encode(value, &mut short).map_err(unencodable)?;
        let (len, pass_on) = (short.len(), passing(shared, Store::pass_on_space));
        let not_sent = |refusal| shared.not_sent(refusal, class, len, Deadline::NEVER);
        let held = match short.bytes() {
            Some(bytes) => {
                let sent = shared.store.send_short_async(about, bytes, shared.party(me), until, &pass_on).await;
                sent.map_err(not_sent)?
            }
            None => {
                let draft = shared.store.draft_async(class, len, shared.party(me), until, &pass_on).await;
                let mut draft = draft.map_err(not_sent)?;
                write_long::<T::Codec, T>(value, draft.run()).map_err(unencodable)?;
                draft.send(about).map_err(not_sent)?
            }
        };
        Ok((held, me))
    }

    /// Sends a request, and waits for its response, without blocking the thread.
    ///
    /// **Cancel safety.** A future that is dropped takes the request back, as a timeout does. If a process works on it already,
    /// its response is dropped.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn call_async<R: Request>(&self, request: &R) -> Result<R::Response, CallError> {
        self.request_async(request).await?.await
    }

    /// Sends a request, and returns its response as a future. Waits while the channel is full, without blocking the thread.
    ///
    /// **Cancel safety.** As [`send_async`](Self::send_async).
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub async fn request_async<R: Request>(&self, request: &R) -> Result<PendingResponse<R>, SendError> {
        self.request_until_async(request, Delivery::new(), Deadline::NEVER.into()).await
    }

    /// Sends a request as [`request_async`](Self::request_async) does, with a limit of attempts or a delay of its own, or one that
    /// outlives its caller.
    ///
    /// **Cancel safety.** As [`send_async`](Self::send_async).
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub async fn request_with_async<R: Request>(
        &self,
        request: &R,
        delivery: Delivery,
    ) -> Result<PendingResponse<R>, SendError> {
        self.request_until_async(request, delivery, Deadline::NEVER.into()).await
    }

    /// Polls until a check finds something, as `wait_for_calls` waits.
    pub(crate) fn poll_for_calls<T>(
        &self,
        wait: &mut CallsWait,
        check: impl FnMut() -> Option<T>,
        context: &Context<'_>,
    ) -> Poll<Result<T, Failure>> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => return remote.poll_calls(&mut wait.number, check, context),
        };
        shared.store.poll_for_calls(&mut wait.held, shared.party(shared.session()?), check, context)
    }

    /// Ends such a wait.
    pub(crate) fn cancel_wait_for_calls(&self, wait: &mut CallsWait) {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => return remote.cancel_calls(&mut wait.number),
        };
        let Shared { store, members, .. } = &**shared;
        if let Some(me) = members.own_session() {
            store.cancel_response(&mut wait.held, me, members);
        }
    }

    /// As `request_until`. Its deadline is not looked at.
    pub(crate) async fn request_until_async<R: Request>(
        &self,
        request: &R,
        delivery: Delivery,
        until: Until<'_>,
    ) -> Result<PendingResponse<R>, SendError> {
        // As in `request_with_deadline`.
        if self.requires_server {
            self.check_served::<R>()?;
        }
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => {
                let id = remotely::post_async(remote, request, Class::Call, delivery, until.stop).await?;
                return Ok(PendingResponse::of_server(remote, id, true));
            }
        };
        let (held, me) = Self::post_async(shared, request, Class::Call, delivery, until).await?;
        Ok(PendingResponse::new(shared, Store::ticket(held), me))
    }
}

impl<T: Message> Sender<T> {
    /// As [`Channel::send_async`].
    ///
    /// **Cancel safety.** The same.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn send_async(&self, value: &T) -> Result<(), SendError> {
        self.channel.send_async(value).await
    }
}
