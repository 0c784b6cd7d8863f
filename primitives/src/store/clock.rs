//! The order of messages: a stamp for each, which grows.
//!
//! A stamp is a coarse time of `CLOCK_MONOTONIC`, and its lowest bits count the messages of one tick. The exact clock would
//! take as long as the rest of a message.
//!
//! - **CK1** `latest` only grows, and no two messages have one stamp. So a message that is sent after another one has the
//!   larger stamp, whichever processes sent them.
//! - **CK2** A sender takes the stamp before it pushes. A message in front of another one in a lane was pushed earlier. So
//!   if a sender has pushed one message, and then takes the stamp of a second one, each message in front of the first one has
//!   a lower stamp than the second. So the first message of each lane is enough to compare lanes (ST6).

use super::Store;
use crate::{
    clock,
    sync::{
        AtomicU64,
        Ordering::{AcqRel, Acquire},
    },
};

/// A tick is 2^20 ns, about a millisecond.
const TICK: u32 = 20;

impl Store {
    /// Returns the stamp of a message that is sent now.
    #[inline]
    pub(super) fn stamp(&self) -> u64 {
        let now = clock::coarse() >> TICK << TICK;
        next(&self.control.latest.0, now)
    }
}

fn next(latest: &AtomicU64, now: u64) -> u64 {
    // What memory says may be any number, so it does not overflow.
    let after = |latest: u64| now.max(latest.saturating_add(1));
    // SYNC: as below.
    let mut seen = latest.load(Acquire);
    loop {
        // SYNC: pairs with itself in each sender that comes later: a stamp is larger than those of the messages before it.
        match latest.compare_exchange_weak(seen, after(seen), AcqRel, Acquire) {
            Ok(_) => return after(seen),
            Err(now_there) => seen = now_there,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AtomicU64, next};

    #[test]
    fn a_stamp_is_larger_than_the_one_before() {
        let latest = AtomicU64::new(0);
        let stamps = [0, 0, 1 << 20, 1 << 20, 5, 3 << 20].map(|now| next(&latest, now));
        assert_eq!(stamps, [1, 2, 1 << 20, (1 << 20) + 1, (1 << 20) + 2, 3 << 20]);
    }

    #[test]
    fn a_damaged_clock_stands_still() {
        assert_eq!(next(&AtomicU64::new(u64::MAX), 7), u64::MAX);
    }
}
