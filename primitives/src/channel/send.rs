//! Sending.

use std::{io::Write, time::Duration};

#[cfg(feature = "redis")]
use super::remotely;
use super::{
    Channel,
    coding::{unencodable, write_long},
    delivery::Delivery,
    forms::sending_forms,
    shared::Shared,
    transport::Transport,
    typed::{
        Message, Route,
        codec::{Codec, Raw, Short},
    },
};
use crate::{
    SendError,
    members::Session,
    raw::Deadline,
    store::{About, Class, Held, INLINE, Until, Wishes},
};

impl Channel {
    sending_forms! {
        send: {
            /// Sends a value. Blocks while the channel is full.
            ///
            /// # Errors
            ///
            /// Nothing was sent:
            ///
            /// - [`SendError::TooLong`] if it is longer than the channel carries. [`SendError::Unencodable`].
            /// - [`SendError::Closed`] if the channel is closed.
            /// - [`SendError::Failed`] if the channel was removed or is corrupt, or the system refuses something.
        }
        send_raw: {
            /// Sends bytes as they are on a route. Blocks while the channel is full.
            ///
            /// They are received by [`recv_raw`](Self::recv_raw), or as a message with the [codec `raw`](crate::codec::Raw).
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
        }
    }

    /// Sends a value. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    #[inline]
    pub fn send_deadline<T: Message>(&self, value: &T, deadline: Deadline) -> Result<(), SendError> {
        self.send_with_deadline(value, Delivery::new(), deadline)
    }

    /// Sends a value as [`send`](Self::send) does, with a limit of attempts or a delay of its own.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_with<T: Message>(&self, value: &T, delivery: Delivery) -> Result<(), SendError> {
        self.send_with_deadline(value, delivery, Deadline::NEVER)
    }

    /// Sends a value as [`send_with`](Self::send_with), if there is room now.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_send_with<T: Message>(&self, value: &T, delivery: Delivery) -> Result<(), SendError> {
        self.send_with_deadline(value, delivery, Deadline::NOW)
    }

    /// Sends a value as [`send_with`](Self::send_with), and waits for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    pub fn send_with_timeout<T: Message>(
        &self,
        value: &T,
        delivery: Delivery,
        timeout: Duration,
    ) -> Result<(), SendError> {
        self.send_with_deadline(value, delivery, Deadline::after(timeout))
    }

    /// Sends a value as [`send_with`](Self::send_with), and waits for room until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_deadline`](Self::send_deadline).
    pub fn send_with_deadline<T: Message>(
        &self,
        value: &T,
        delivery: Delivery,
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let class = if T::IS_CONTROL { Class::Control } else { Class::Message };
        match &self.transport {
            Transport::Memory(shared) => Self::post(shared, value, class, delivery, deadline.into()).map(drop),
            #[cfg(feature = "redis")]
            Transport::Server(remote) => remotely::post(remote, value, class, delivery, deadline.into()).map(drop),
        }
    }

    /// Encodes a value, and sends it as a message of a class.
    #[inline]
    pub(super) fn post<T: Message>(
        shared: &Shared,
        value: &T,
        class: Class,
        delivery: Delivery,
        until: Until<'_>,
    ) -> Result<(Held, Session), SendError> {
        let me = shared.session()?;
        // The limit of attempts is fixed with the message: a receiver may be of another version of the program.
        let about = delivery.about::<T>(class, shared.store.geometry.attempts);
        let unencodable = |why| unencodable(shared.name(), T::ROUTE, why);
        // In place: a value that is returned is copied.
        let mut short = Short::new();
        T::Codec::encode(value, &mut short).map_err(unencodable)?;
        let held = match short.bytes() {
            Some(bytes) => {
                let sent = shared.store.send_short(about, bytes, shared.party(me), until);
                sent.map_err(|refusal| shared.not_sent(refusal, class, bytes.len(), until.deadline))?
            }
            // Too long for a cell: its length is known now, and it is encoded a second time into blocks.
            None => Self::post_long::<T::Codec, T>(shared, value, short.len(), about, me, until)?,
        };
        Ok((held, me))
    }

    /// Sends a value that does not fit into a cell: it is encoded once more, to where the receiver finds it.
    #[cold]
    fn post_long<C: Codec<T>, T>(
        shared: &Shared,
        value: &T,
        len: usize,
        about: About,
        me: Session,
        until: Until<'_>,
    ) -> Result<Held, SendError> {
        let not_sent = |refusal| shared.not_sent(refusal, about.class, len, until.deadline);
        // Waits for a cell and for blocks, and takes both before a byte is written.
        let mut draft = shared.store.draft(about.class, len, shared.party(me), until).map_err(not_sent)?;
        // An early return drops the draft, which frees the cell and the blocks: nothing was sent (C3).
        let route = Route::from_number(about.route);
        write_long::<C, T>(value, draft.run()).map_err(|why| unencodable(shared.name(), route, why))?;
        // From here on receivers find it (ST2).
        draft.send(about).map_err(not_sent)
    }

    pub(super) fn about_raw(shared: &Shared, route: Route) -> About {
        About {
            route: route.number(),
            codec: Raw::NUMBER,
            schema: 0,
            class: Class::Message,
            wishes: Wishes::attempts(shared.store.geometry.attempts),
            delay: Duration::ZERO,
        }
    }

    /// Sends bytes. Blocks until there is room, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`send_raw_timeout`](Self::send_raw_timeout).
    pub fn send_raw_deadline(&self, route: Route, bytes: &[u8], deadline: Deadline) -> Result<(), SendError> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => return remotely::post_raw(remote, route, bytes, deadline.into()),
        };
        let store = &shared.store;
        let me = shared.session()?;
        let about = Self::about_raw(shared, route);
        let not_sent = |refusal| shared.not_sent(refusal, Class::Message, bytes.len(), deadline);
        // In the cell itself, without blocks.
        if bytes.len() <= INLINE {
            return store.send_short(about, bytes, shared.party(me), deadline.into()).map(drop).map_err(not_sent);
        }
        let mut draft =
            store.draft(Class::Message, bytes.len(), shared.party(me), deadline.into()).map_err(not_sent)?;
        draft.run().write_all(bytes).map_err(|_| shared.members.damaged("the blocks of a message"))?;
        draft.send(about).map(drop).map_err(not_sent)
    }
}
