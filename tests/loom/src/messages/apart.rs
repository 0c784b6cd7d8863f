//! Messages in blocks, and messages that are set aside.

use std::sync::Arc;

use super::{StoreScene, WORD, about, route_of};
use crate::{
    Error,
    kernel::{Deadline, Session},
    sizes::INLINE,
    store::{Class, Copied, Geometry, Received, Selection, Wants},
};

/// The length of a message that does not fit into a cell.
const LONG: usize = 2 * INLINE;

/// A long message that a process has claimed.
#[derive(Clone, Copy, Debug)]
pub struct Long(Received);

impl StoreScene {
    /// Makes a store of one cell for a message, which may be longer than the cell.
    #[must_use]
    pub fn with_blocks(processes: usize, handles: u32) -> Arc<Self> {
        let (messages, max_routes) = (1, 1);
        Self::of(
            processes,
            Geometry { messages, max_message_size: LONG, max_routes, max_handles: handles, attempts: 0 },
        )
    }

    /// Sends a message of route 1 that takes a block. Its bytes are not written.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn send_long(&self, me: Session) {
        let about = about(101, Class::Message);
        let draft = self.store(me).draft(Class::Message, LONG, self.party(me), Deadline::NOW.into());
        draft.and_then(|draft| draft.send(about)).map_err(Error::from).expect("there is room");
    }

    /// Claims a long message, if there is one.
    pub fn claim_long(&self, me: Session) -> Option<Long> {
        let wants = Wants { claims: true, ..Wants::default() };
        self.store(me).receive(Selection::Any, self.party(me), wants, Deadline::NOW).ok().map(Long)
    }

    /// Says that a long message is done. Returns whether it was still claimed.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn done_long(&self, me: Session, claimed: Long) -> bool {
        self.store(me).done(claimed.0.held, &self.members).expect("nothing is damaged")
    }

    /// Returns whether a message has blocks.
    #[must_use]
    pub fn has_blocks(&self, me: Session) -> bool {
        self.store(me).fill(Class::Message).bytes > 0
    }

    /// Returns the messages that are set aside. Each is whole.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    #[must_use]
    pub fn listed(&self, me: Session) -> Vec<u64> {
        let listed = self.store(me).set_aside(self.party(me)).map_err(Error::from).expect("it waits for the lock");
        let number = |copied: Copied| {
            let (halves, rest) = copied.bytes.as_chunks::<WORD>();
            let message = u64::from_ne_bytes(halves[0]);
            assert!(rest.is_empty() && halves.iter().all(|&half| u64::from_ne_bytes(half) == message), "it is whole");
            assert_eq!(copied.route, route_of(message), "a message has its own route");
            message
        };
        listed.into_iter().map(number).collect()
    }
}
