//! Receiving: by type, any, by priority, all but one.

use std::time::Duration;

use super::{
    Channel,
    coding::{decode, read_all},
    envelope::Envelope,
    forms::receiving_forms,
    shared::{Incoming, Shared},
    taken::Taken,
    transport::Transport,
    typed::{
        Message, Route, check,
        codec::{Codec, CodecError},
    },
};
use crate::{
    RecvError, Undecodable,
    iter::{until_the_end, while_available},
    members::Session,
    raw::Deadline,
    store::{INLINE, Received, Selection, Wants},
};

impl Channel {
    receiving_forms! {
        /// Receives the oldest value of this type. Blocks until there is one.
        ///
        /// The message is received at most once: if this process dies before `recv` returns, it is lost. If it is a
        /// [request](Self::call), its caller learns that there is no response: use [`recv_request`](Self::recv_request).
        ///
        /// # Errors
        ///
        /// - [`RecvError::Undecodable`], with the bytes, for a message on its route that can't be decoded.
        /// - [`RecvError::Closed`] once the channel is closed and no message of this selection is left. [`RecvError::Disconnected`]
        ///   on a
        ///   handle that [detects](Self::detect_disconnect) it.
        /// - [`RecvError::Failed`] if the channel was removed or is corrupt, or the system refuses something.
    }

    /// Receives the oldest value of this type. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        self.recv_value(deadline)
    }

    /// Receives the oldest message of any route. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_any_timeout`](Self::recv_any_timeout).
    pub fn recv_any_deadline(&self, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selection::Any, deadline)
    }

    /// Receives the oldest message of the lowest route up to this one. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_lowest_timeout`](Self::recv_lowest_timeout).
    pub fn recv_lowest_deadline(&self, up_to: Route, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selection::UpTo(up_to.number()), deadline)
    }

    /// Receives the oldest message of any other route. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_except_timeout`](Self::recv_except_timeout).
    pub fn recv_except_deadline<T: Message>(&self, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selection::Except(T::ROUTE.number()), deadline)
    }

    /// Receives the bytes of the oldest message of this route. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_raw_timeout`](Self::recv_raw_timeout).
    pub fn recv_raw_deadline(&self, route: Route, deadline: Deadline) -> Result<Vec<u8>, RecvError> {
        Ok(self.recv_selected(Selection::Only(route.number()), deadline)?.bytes)
    }

    /// Takes the next message. The caller of a request is left to wait.
    #[inline]
    fn take(
        &self,
        shared: &Shared,
        selection: Selection,
        deadline: Deadline,
    ) -> Result<(Received, Session), RecvError> {
        Self::take_as(shared, selection, self.wants(), deadline)
    }

    #[inline]
    pub(super) fn take_as(
        shared: &Shared,
        selection: Selection,
        wants: Wants<'_>,
        deadline: Deadline,
    ) -> Result<(Received, Session), RecvError> {
        let me = shared.session()?;
        let received = shared.store.receive(selection, shared.party(me), wants, deadline);
        let received = received.map_err(|refusal| shared.not_received(refusal, deadline))?;
        Ok((received, me))
    }

    /// Receives a value of one type.
    #[inline]
    pub(super) fn recv_value<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(_) => return self.recv_value_remotely(deadline),
        };
        let Shared { store, members, .. } = &**shared;
        let (received, me) = self.take(shared, Selection::Only(T::ROUTE.number()), deadline)?;
        // A short message without a caller is copied, and its cell freed before it is decoded. Others are freed by the
        // drop.
        let (Some(first), false) = (received.inline, received.is_call) else {
            let incoming = Incoming::new(shared, received, me);
            return decode::<T>(&incoming);
        };
        let mut bytes = [0; INLINE];
        store.read_short(received.held, first, received.len, &mut bytes);
        // From here on it is received, even if a waiter for its room can't be notified.
        members.record(store.release(received.held, members));
        let bytes = &bytes[..received.len];
        let decoded = check::<T>(received.codec, received.schema).and_then(|()| T::Codec::decode(bytes));
        decoded.map_err(|why| undecodable(shared, T::ROUTE, bytes.to_vec(), why))
    }

    /// Receives the request of a type, with what is needed to respond.
    pub(super) fn recv_incoming<T: Message>(&self, deadline: Deadline) -> Result<(T, Option<Taken>), RecvError> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(_) => return self.recv_incoming_remotely(deadline),
        };
        // Before the wait, so that `require_server` sees a server that has not received anything yet.
        let lane = shared.store.lane_of(T::ROUTE.number());
        shared.store.serve(lane, shared.session()?);
        let (received, me) = self.take(shared, Selection::Only(T::ROUTE.number()), deadline)?;
        // From here on an early return frees it, and its caller learns that there is no response.
        let incoming = Incoming::new(shared, received, me);
        let value = decode::<T>(&incoming)?;
        Ok((value, received.is_call.then_some(Taken::Memory(incoming))))
    }

    fn recv_selected(&self, selection: Selection, deadline: Deadline) -> Result<Envelope, RecvError> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(_) => return self.recv_selected_remotely(selection, deadline),
        };
        let Shared { store, members, .. } = &**shared;
        let (received, me) = self.take(shared, selection, deadline)?;
        let envelope = |bytes, request| Envelope {
            object: shared.name().clone(),
            route: Route::from_number(received.route),
            encoded: Some((received.codec, received.schema)),
            bytes,
            is_call: received.is_call,
            request,
        };
        let (Some(first), false) = (received.inline, received.is_call) else {
            // As in `recv_value`. The envelope keeps a request, for the response.
            let incoming = Incoming::new(shared, received, me);
            let bytes = read_all(&incoming)?;
            return Ok(envelope(bytes, received.is_call.then_some(Taken::Memory(incoming))));
        };
        let mut bytes = [0; INLINE];
        store.read_short(received.held, first, received.len, &mut bytes);
        members.record(store.release(received.held, members));
        Ok(envelope(bytes[..received.len].to_vec(), None))
    }
}

#[cold]
fn undecodable(shared: &Shared, route: Route, bytes: Vec<u8>, why: CodecError) -> RecvError {
    Undecodable { object: shared.name().clone(), route, bytes, why: why.to_string() }.into()
}
