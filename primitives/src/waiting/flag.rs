//! The word by which a notifier learns, with one load, that there may be waiters.
//!
//! | bits | meaning | changed by |
//! | --- | --- | --- |
//! | 0 | a waiter may be announced | a waiter sets it after it announced itself, and a notifier that found none clears it |
//! | 1 | a hint of the primitive, which decides nothing | the primitive |
//! | 2–31 | how many announcements there were, modulo their number | each announcement adds one |
//!
//! - **WF1** A notifier clears the bit by compare-and-swap from the word that it read *before* it scanned for waiters.
//!   Any announcement since then has changed the word, so no announcement is cleared unseen.
//! - **WF2** A notifier that is stopped before or after any step has cleared nothing that other processes need.

use crate::sync::{
    AtomicU32,
    Ordering::{Relaxed, SeqCst},
};

const UP: u32 = 1;
const HINT: u32 = 2;
const ONE: u32 = 4;

/// Whether there may be waiters.
#[repr(transparent)]
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicU32);

/// What a flag was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u32);

impl Flag {
    /// Returns whether there may be waiters. The caller has made available what they wait for, and fenced.
    #[inline]
    pub(crate) fn is_up(&self) -> bool {
        // SYNC: pairs with `raise`. Both are in the one order of all sequentially consistent operations.
        self.0.load(SeqCst) & UP != 0
    }

    /// Returns whether there may be waiters, or the hint is set: one load for both.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        // SYNC: as in `is_up`.
        self.0.load(SeqCst) & (UP | HINT) != 0
    }

    pub(crate) fn has_hint(&self) -> bool {
        // Relaxed: the hint decides nothing.
        self.0.load(Relaxed) & HINT != 0
    }

    pub(crate) fn set_hint(&self, is_set: bool) {
        // Relaxed: as in `has_hint`. A change of this bit changes no announcement.
        if is_set {
            self.0.fetch_or(HINT, Relaxed);
        } else {
            self.0.fetch_and(!HINT, Relaxed);
        }
    }

    /// Returns its value, for a later [`lower`](Self::lower). Returns `None` if there are no waiters.
    pub(crate) fn seen(&self) -> Option<Seen> {
        // SYNC: as in `is_up`. It is read before the room is scanned, which WF1 needs.
        let word = self.0.load(SeqCst);
        (word & UP != 0).then_some(Seen(word))
    }

    /// Raises the flag: a waiter is announced. The caller fences afterwards.
    pub(crate) fn raise(&self) {
        // It never fails: the closure always returns a word.
        // SYNC: pairs with the loads in `is_up`, `is_any` and `seen`.
        let _ = self.0.fetch_update(SeqCst, Relaxed, |word| Some(word.wrapping_add(ONE) | UP));
    }

    /// Lowers the flag, unless a waiter was announced since (WF1).
    pub(crate) fn lower(&self, seen: Seen) {
        // SYNC: pairs with the change in `raise`: it fails if a waiter was announced since.
        let _ = self.0.compare_exchange(seen.0, seen.0 & !UP, SeqCst, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Flag;

    #[test]
    fn wf1_an_announcement_since_the_scan_keeps_it_up() {
        let flag = Flag::default();
        flag.raise();
        let seen = flag.seen().expect("it is up");
        flag.raise();
        flag.lower(seen);
        assert!(flag.is_up(), "the second waiter may not have been seen");
        flag.lower(flag.seen().expect("it is up"));
        assert!(!flag.is_up());
    }
}
