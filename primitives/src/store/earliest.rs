//! When the first delayed message is due: a time and a version in one word. See DL1 to DL3 of [`delays`](super::delays).

use crate::sync::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

/// A unit of time is 2^10 ns, about a microsecond. 48 bits of them are nine years.
const UNIT: u32 = 10;
const TIME_SHIFT: u32 = 16;
const LATEST: u64 = u64::MAX >> TIME_SHIFT;
/// Receivers sleep that know of a later time alone, or of none.
const UNCALLED: u64 = 1 << 15;
const VERSION: u64 = UNCALLED - 1;

/// The earliest time at which a delayed message is due, in units, UNCALLED, and a version of 15 bits. The time is 0 if there is none.
#[repr(transparent)]
#[derive(Debug, Default)]
pub(crate) struct Earliest(AtomicU64);

/// What it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen(u64);

/// Returns a time in units. It is rounded up, so no message is early.
fn units(time: u64) -> u64 {
    time.div_ceil(1 << UNIT).clamp(1, LATEST)
}

impl Seen {
    /// Returns the time in nanoseconds.
    pub(super) fn time(self) -> Option<u64> {
        let units = self.0 >> TIME_SHIFT;
        (units != 0).then(|| units.saturating_mul(1 << UNIT))
    }
}

impl Earliest {
    /// Returns whether any message is delayed.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        // Relaxed: only a filter. A receiver that would sleep reads it again in `until_due`, after its announcement.
        self.0.load(Relaxed) >> TIME_SHIFT != 0
    }

    pub(super) fn seen(&self) -> Seen {
        // SYNC: SeqCst pairs with `lower`, which comes before the check for waiters.
        Seen(self.0.load(SeqCst))
    }

    /// Makes it this time at the latest (DL2). Returns what it is now, if receivers that sleep must be called.
    pub(super) fn lower(&self, due: u64) -> Option<Seen> {
        let due = units(due);
        let lowered = |word: u64| {
            let (time, version) = (word >> TIME_SHIFT, word.wrapping_add(1) & VERSION);
            let is_later = time == 0 || time > due;
            let (time, uncalled) = if is_later { (due, UNCALLED) } else { (time, word & UNCALLED) };
            time << TIME_SHIFT | uncalled | version
        };
        // It never fails: the closure always returns a word.
        // SYNC: pairs with the load in `seen` of a receiver that is announced (DL3), and with the compare-and-swap in
        // `raise` (DL2).
        let before = self.0.fetch_update(SeqCst, Relaxed, |word| Some(lowered(word))).unwrap_or_else(|word| word);
        let after = lowered(before);
        (after & UNCALLED != 0).then_some(Seen(after))
    }

    /// Says that every receiver that sleeps was called, unless it has changed.
    pub(super) fn called(&self, seen: Seen) {
        // SYNC: pairs with the change in `lower`: it fails if another message was delayed since, and the sleepers may
        // not have been called for that.
        let _ = self.0.compare_exchange(seen.0, seen.0 & !UNCALLED, SeqCst, Relaxed);
    }

    /// Makes it another time, if it is as it was seen.
    pub(super) fn raise(&self, seen: Seen, next: Option<u64>) {
        let time = next.map_or(0, units);
        let rest = seen.0 & (UNCALLED | VERSION);
        // SYNC: pairs with the change in `lower`: it fails if a message was delayed since the cells were read (DL2).
        let _ = self.0.compare_exchange(seen.0, time << TIME_SHIFT | rest, SeqCst, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_time_is_lowered_and_raised() {
        let earliest = Earliest::default();
        assert_eq!((earliest.is_any(), earliest.seen().time()), (false, None));
        let lowered = earliest.lower(5_000).unwrap();
        assert_eq!((earliest.is_any(), lowered.time()), (true, Some(5_120)));
        earliest.called(lowered);
        let seen = earliest.seen();
        // A later one changes the version alone.
        assert_eq!(earliest.lower(9_000), None);
        earliest.raise(seen, None);
        assert_eq!(earliest.seen().time(), Some(5_120));
        assert!(earliest.lower(1).is_some());
        earliest.raise(earliest.seen(), None);
        assert!(!earliest.is_any());
    }

    #[test]
    fn receivers_that_were_not_called_are_called_by_the_next_process() {
        let earliest = Earliest::default();
        let first = earliest.lower(1).unwrap();
        let second = earliest.lower(5_000).unwrap();
        earliest.called(first);
        assert!(earliest.lower(6_000).is_some());
        earliest.called(second);
        let third = earliest.lower(7_000).unwrap();
        earliest.called(third);
        assert_eq!(earliest.lower(8_000), None);
    }

    #[test]
    fn times_beyond_the_word_are_the_latest_one() {
        let earliest = Earliest::default();
        earliest.called(earliest.lower(u64::MAX).unwrap());
        assert_eq!(earliest.seen().time(), Some(LATEST << UNIT));
        (0..=VERSION).for_each(|_| assert_eq!(earliest.lower(u64::MAX), None));
        assert_eq!(earliest.seen().time(), Some(LATEST << UNIT));
    }
}
