//! Letting things gather before one looks for them, where they come fast.
//!
//! Every look at the other side's word takes its cache line away, and it comes back only after some hundred
//! nanoseconds. A consumer that is a little faster than its producer would look again after every few
//! items, and slow both down to that. So who must look often and finds little each time waits a moment
//! before it looks again; who finds much, or hardly anything, does not: single items are never held up.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use crate::ring::role::Role;

/// The most pauses: a microsecond or so.
const MOST: u32 = 64;
/// So many items at once are a stream; fewer may be questions and answers, which must not wait.
const STREAM: u64 = 4;

/// What one side has learnt; loops that don't wait learn nothing.
#[derive(Debug)]
pub(crate) struct Linger {
    pauses: AtomicU32,
    /// How much must be found at once to be taken for a stream.
    stream: u64,
}

impl Linger {
    pub(crate) const fn new(role: Role) -> Self {
        // Who finds the ring full holds no item up that is not held up anyway.
        let stream = if matches!(role, Role::Producer) { 1 } else { STREAM };
        Self { pauses: AtomicU32::new(0), stream }
    }

    /// Waits as long as it lately was worth it.
    #[inline]
    pub(crate) fn wait(&self) {
        (0..self.pauses.load(Relaxed)).for_each(|_| spin_loop());
    }

    /// Learns from how much there was; `unit` items are wanted at once.
    #[inline]
    pub(crate) fn learn(&self, found: u64, capacity: u64, unit: u64) {
        let (found, capacity) = if unit > 1 { (found / unit, capacity / unit) } else { (found, capacity) };
        let pauses = self.pauses.load(Relaxed);
        let next = if found < self.stream {
            pauses / 2
        } else if found < capacity / 8 {
            (pauses * 2).clamp(2, MOST)
        } else if found > capacity / 2 {
            pauses / 2
        } else {
            return;
        };
        if next != pauses {
            self.pauses.store(next, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(found: &[u64]) -> u32 {
        let linger = Linger::new(Role::Consumer);
        found.iter().for_each(|&found| linger.learn(found, 1024, 1));
        linger.pauses.load(Relaxed)
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
    fn small_rings_never_linger() {
        let linger = Linger::new(Role::Consumer);
        (0..100).for_each(|found| linger.learn(found % 9, 8, 1));
        assert_eq!(linger.pauses.load(Relaxed), 0);
    }
}
