//! Receiving: by type, any, by priority, all but one.

use std::time::Duration;

use super::{
    Channel, Envelope, Message, Route,
    codec::{self, Codec},
    forms::receiving_forms,
    shared::{Incoming, Shared},
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
        /// - [`RecvError::Undecodable`], with the bytes, for a message on its route that is no such value.
        /// - [`RecvError::Closed`] once the channel is closed and nothing that is wanted is left. [`RecvError::Disconnected`] on a
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
    fn take(&self, selection: Selection, deadline: Deadline) -> Result<(Received, Session), RecvError> {
        self.take_as(selection, self.wants(), deadline)
    }

    #[inline]
    pub(super) fn take_as(
        &self,
        selection: Selection,
        wants: Wants<'_>,
        deadline: Deadline,
    ) -> Result<(Received, Session), RecvError> {
        let Shared { store, .. } = &*self.shared;
        let me = self.shared.session()?;
        let received = store.receive(selection, self.shared.party(me), wants, deadline);
        let received = received.map_err(|refusal| self.shared.not_received(refusal, deadline))?;
        Ok((received, me))
    }

    /// Receives a value of one type.
    #[inline]
    pub(super) fn recv_value<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        let Shared { store, members, .. } = &*self.shared;
        let (received, me) = self.take(Selection::Only(T::ROUTE.number()), deadline)?;
        // A short message without a caller is copied, and its cell freed before it is decoded. Others are freed by the
        // drop.
        let (Some(first), false) = (received.inline, received.is_call) else {
            let incoming = Incoming::new(&self.shared, received, me);
            return decode::<T>(&incoming);
        };
        let mut bytes = [0; INLINE];
        store.read_short(received.held, first, received.len, &mut bytes);
        // From here on it is received, even if a waiter for its room can't be notified.
        members.record(store.release(received.held, members));
        let bytes = &bytes[..received.len];
        let decoded = codec::check::<T>(received.codec, received.schema).and_then(|()| T::Codec::decode(bytes));
        decoded.map_err(|why| self.undecodable(T::ROUTE, bytes.to_vec(), why))
    }

    /// Receives the request of a type, with what is needed to respond.
    pub(super) fn recv_incoming<T: Message>(&self, deadline: Deadline) -> Result<(T, Option<Incoming>), RecvError> {
        // Before the wait, so that `require_server` sees a server that has not received anything yet.
        let lane = self.shared.store.lane_of(T::ROUTE.number());
        self.shared.store.serve(lane, self.shared.session()?);
        let (received, me) = self.take(Selection::Only(T::ROUTE.number()), deadline)?;
        // From here on an early return frees it, and its caller learns that there is no response.
        let incoming = Incoming::new(&self.shared, received, me);
        let value = decode::<T>(&incoming)?;
        Ok((value, received.is_call.then_some(incoming)))
    }

    fn recv_selected(&self, selection: Selection, deadline: Deadline) -> Result<Envelope, RecvError> {
        let Shared { store, members, .. } = &*self.shared;
        let (received, me) = self.take(selection, deadline)?;
        let envelope = |bytes, request| Envelope {
            object: self.shared.name().clone(),
            route: Route::from_number(received.route),
            encoded: Some((received.codec, received.schema)),
            bytes,
            is_call: received.is_call,
            request,
        };
        let (Some(first), false) = (received.inline, received.is_call) else {
            // As in `recv_value`. The envelope keeps a request, for the response.
            let incoming = Incoming::new(&self.shared, received, me);
            let bytes = read_all(&incoming)?;
            return Ok(envelope(bytes, received.is_call.then_some(incoming)));
        };
        let mut bytes = [0; INLINE];
        store.read_short(received.held, first, received.len, &mut bytes);
        members.record(store.release(received.held, members));
        Ok(envelope(bytes[..received.len].to_vec(), None))
    }

    #[cold]
    fn undecodable(&self, route: Route, bytes: Vec<u8>, why: codec::CodecError) -> RecvError {
        Undecodable { object: self.shared.name().clone(), route, bytes, why: why.to_string() }.into()
    }
}

/// Returns a message that is claimed, as it came.
pub(super) fn envelope(incoming: &Incoming) -> Result<Envelope, RecvError> {
    let Received { route, codec, schema, is_call, .. } = incoming.received;
    Ok(Envelope {
        object: incoming.shared.name().clone(),
        route: Route::from_number(route),
        encoded: Some((codec, schema)),
        bytes: read_all(incoming)?,
        is_call,
        request: None,
    })
}

/// Returns the bytes of a message.
pub(super) fn read_all(incoming: &Incoming) -> Result<Vec<u8>, RecvError> {
    let Incoming { shared, received, .. } = incoming;
    if let Some(first) = received.inline {
        let mut bytes = [0; INLINE];
        shared.store.read_short(received.held, first, received.len, &mut bytes);
        return Ok(bytes[..received.len].to_vec());
    }
    let mut bytes = Vec::new();
    // The memory for it may be too much for this process, which is no reason to abort.
    let is_whole = bytes.try_reserve_exact(received.len).is_ok()
        && std::io::Read::read_to_end(&mut shared.store.run(received.held), &mut bytes).is_ok()
        && bytes.len() == received.len;
    if is_whole { Ok(bytes) } else { Err(shared.members.damaged("the blocks of a message").into()) }
}

/// Decodes a message. If that fails, its bytes are in the error.
#[inline]
pub(super) fn decode<T: Message>(incoming: &Incoming) -> Result<T, RecvError> {
    decode_as::<T::Codec, T>(incoming, T::SCHEMA)
}

#[inline]
pub(super) fn decode_as<C: Codec<T>, T>(incoming: &Incoming, schema: u32) -> Result<T, RecvError> {
    let Incoming { shared, received, .. } = incoming;
    let decoded = codec::check_as::<C, T>(received.codec, received.schema, schema).and_then(|()| {
        // A long message is decoded where it lies, without a copy of the whole.
        let Some(first) = received.inline else {
            return C::decode_from(shared.store.run(received.held), received.len);
        };
        let mut bytes = [0; INLINE];
        shared.store.read_short(received.held, first, received.len, &mut bytes);
        C::decode(&bytes[..received.len])
    });
    match decoded {
        Ok(value) => Ok(value),
        Err(why) => {
            // C2: the bytes are read again for the error, as the codec may have used up some of them.
            let (object, route) = (shared.name().clone(), Route::from_number(received.route));
            Err(Undecodable { object, route, bytes: read_all(incoming)?, why: why.to_string() }.into())
        }
    }
}
