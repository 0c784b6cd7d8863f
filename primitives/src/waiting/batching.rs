//! The batching delay: a side lets items gather before it checks for them, where they come fast.
//!
//! Every check of the other side's word takes its cache line away, and the line comes back only after some hundred
//! nanoseconds. A consumer that is a little faster than its producer would check again after every few items, and slow
//! both down to that. So a side that checks often and finds little each time waits a moment before it checks again. A
//! side that finds much, or hardly anything, does not wait. Single items are never delayed. Of single messages, one in
//! some thousand is.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
};

use crate::role::Role;

/// The most pauses: a microsecond or so.
const MOST: u32 = 64;
/// The same for messages, which take more lines each: some microseconds.
const MOST_FOR_MESSAGES: u32 = 256;
/// So many items at once are a stream. Fewer may be requests and responses, which must not wait.
const STREAM: u64 = 4;

/// How many pauses find out whether more comes.
const PROBE: u32 = 32;
/// How many waits for single items lie between two probes, at first and at last.
const PROBES: std::ops::RangeInclusive<u32> = 32..=4096;

/// What one side has learnt. Loops that don't wait learn nothing.
#[derive(Debug)]
pub(crate) struct BatchingDelay {
    pauses: AtomicU32,
    most: u32,
    /// How much must be found at once to be taken for a stream.
    stream: u64,
    /// Whether so much was found at the last check.
    has_stream: AtomicBool,
    probes: Option<Probes>,
}

/// Finds out whether single items are a stream that is met too early each time.
///
/// A receiver that is a little faster than its sender finds one message at a time, and so does a server that responds
/// to one request at a time. So one in many waits lasts a little longer. If more has come by then, it was a stream. If
/// not, the next probe comes later.
#[derive(Debug)]
struct Probes {
    /// How many single items came since the last one.
    singles: AtomicU32,
    interval: AtomicU32,
}

impl BatchingDelay {
    pub(crate) const fn new(role: Role) -> Self {
        // A producer that finds the ring full delays no item that is not delayed anyway.
        let stream = if matches!(role, Role::Producer) { 1 } else { STREAM };
        Self { pauses: AtomicU32::new(0), most: MOST, stream, has_stream: AtomicBool::new(false), probes: None }
    }

    /// For messages.
    pub(crate) const fn with_probes(role: Role) -> Self {
        let probes = Probes { singles: AtomicU32::new(0), interval: AtomicU32::new(*PROBES.start()) };
        Self { most: MOST_FOR_MESSAGES, probes: Some(probes), ..Self::new(role) }
    }

    /// Waits for as long as has been worthwhile lately.
    #[inline]
    pub(crate) fn wait(&self) {
        (0..self.pauses.load(Relaxed)).for_each(|_| spin_loop());
    }

    /// Returns whether the last check found a stream.
    pub(crate) fn has_stream(&self) -> bool {
        self.has_stream.load(Relaxed)
    }

    /// Learns from how much was found. The caller takes `unit` items at once.
    #[inline]
    pub(crate) fn learn(&self, found: u64, capacity: u64, unit: u64) {
        // Measured in batches, if the caller takes several items at once: one batch is no stream.
        let (found, capacity) = if unit > 1 { (found / unit, capacity / unit) } else { (found, capacity) };
        self.has_stream.store(found >= self.stream, Relaxed);
        let pauses = self.pauses.load(Relaxed);
        let next = if found < self.stream {
            // Too little for a stream: it must not be delayed.
            self.probes.as_ref().map_or(pauses / 2, |probes| probes.after_single(pauses))
        } else if found < capacity / 8 {
            // A stream, met too early: more would come in a longer wait.
            (pauses * 2).clamp(2, self.most)
        } else if found > capacity / 2 {
            // Half a ring is too much: the other side may run into its end.
            pauses / 2
        } else {
            return;
        };
        if next != pauses {
            self.pauses.store(next, Relaxed);
        }
    }
}

impl Probes {
    fn after_single(&self, pauses: u32) -> u32 {
        let interval = self.interval.load(Relaxed);
        if pauses > 0 {
            // It waited, and no more came.
            self.interval.store((2 * interval).min(*PROBES.end()), Relaxed);
            return 0;
        }
        let singles = self.singles.load(Relaxed) + 1;
        let is_probe = singles >= interval;
        self.singles.store(if is_probe { 0 } else { singles }, Relaxed);
        if is_probe { PROBE } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(found: &[u64]) -> u32 {
        let delay = BatchingDelay::new(Role::Consumer);
        found.iter().for_each(|&found| delay.learn(found, 1024, 1));
        delay.pauses.load(Relaxed)
    }

    #[test]
    fn it_lets_a_stream_gather_and_nothing_else() {
        assert_eq!(after(&[1; 100]), 0, "single items are not held up");
        assert_eq!(after(&[10; 100]), MOST);
        assert_eq!(after(&[10, 10, 200, 300, 200]), 4, "it stays where it is right");
        assert_eq!(after(&[10, 10, 10, 10, 900, 900, 900, 900, 900]), 0);
        assert_eq!(after(&[10, 10, 10, 10, 1, 1, 1, 1, 1]), 0);
    }

    #[test]
    fn a_stream_of_single_messages_is_found_out() {
        let delay = BatchingDelay::with_probes(Role::Consumer);
        let learn = |found| {
            delay.learn(found, 1024, 1);
            delay.pauses.load(Relaxed)
        };
        let probe = (1..).find(|_| learn(1) > 0);
        assert_eq!(probe, Some(*PROBES.start()));
        assert_eq!(learn(10), 2 * PROBE, "more had come by then");
        assert_eq!([learn(10), learn(10), learn(10)], [128, 256, 256]);

        // It ends, and single messages come.
        assert_eq!(learn(1), 0);
        let delays = (0..100_000).filter(|_| learn(1) > 0).count();
        assert!((24..40).contains(&delays), "{delays} of 100,000 single messages are held up");
    }

    #[test]
    fn small_rings_never_linger() {
        let delay = BatchingDelay::new(Role::Consumer);
        (0..100).for_each(|found| delay.learn(found % 9, 8, 1));
        assert_eq!(delay.pauses.load(Relaxed), 0);
    }
}
