//! The order of messages: a stamp for each, which grows.
//!
//! A stamp is a coarse time of `CLOCK_MONOTONIC`, whose lowest bits count the messages of one tick. A message that is sent
//! after another one was, by the same handle or by a process that knows of it, has the larger stamp. The exact clock
//! would take as long as the rest of a message, and a counter that all senders share a locked instruction.
//!
//! The word `latest` is read and stored, not added to. Two senders at once may have the same stamp, and a sender that
//! is stopped between the two may set the word back, for at most one tick of the coarse clock. The order within a
//! lane does not depend on it. Over several lanes two messages of one sender may be received in the wrong order then, if
//! another sender pushed between them.

use super::Store;
use crate::{
    clock,
    sync::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// A tick is 2^20 ns, about a millisecond.
const TICK: u32 = 20;

impl Store {
    /// Returns the stamp of a message that is sent now.
    #[inline]
    pub(super) fn stamp(&self, latest: &AtomicU64) -> u64 {
        let now = clock::coarse() >> TICK << TICK;
        // SYNC: pairs with the store below by a sender whose message this one may depend on.
        let stamp =
            now.max(latest.load(Acquire).saturating_add(1)).max(self.last_stamp.load(Relaxed).saturating_add(1));
        self.last_stamp.store(stamp, Relaxed);
        latest.store(stamp, Release);
        stamp
    }
}
