//! The word of a rate limiter, and all that is done to it.
//!
//! The word is a time of `CLOCK_MONOTONIC` in nanoseconds. Each permit costs one *interval*, and at this time all permits that were
//! given out are paid for. The *window* is the burst times the interval.
//!
//! | word | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | up to now | all is paid for: the whole burst is available | now + n intervals | a caller that takes n, by compare-and-swap |
//! | up to now + window | so much is not paid for | word + n intervals, at most now + window | the same |
//! | later | impossible: damage, or another clock | now + window | a caller that finds it, by compare-and-swap |
//!
//! - **RL1** The word changes by compare-and-swap alone, so each permit is counted once. A caller that waits has changed
//!   nothing: it takes its permits when they are available, and all of them at once.
//! - **RL2** A caller reads the word, and then the clock. So each word that it can read is at most a window later than the
//!   time that it reads. A later one is impossible, and is mended.
//! - **RL3** What was not used is not saved: permits are counted from now on if the word is in the past. So in any time t there
//!   are given out at most as many permits as the window has room for, and t / interval more. A permit counts for
//!   the time at which its caller read the clock.
//! - **RL4** A waiter sleeps until its permits are available if no other caller takes any. Permits that others take make that time
//!   later and never earlier, so no other process needs to wake the waiter.
//!
//! | the process dies, or is stopped | what is left | what others do |
//! | --- | --- | --- |
//! | before the compare-and-swap, or while it waits | nothing | nothing |
//! | after the compare-and-swap | permits that were taken | nothing: time pays for them, as for all others |

use crate::{
    clock,
    failure::Result,
    layout::Mapped,
    members::{Members, Repair},
    sync::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed},
    },
};

/// The rate as one handle knows it. It is read from memory once, when the handle is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How many nanoseconds pay for one permit.
    pub(crate) interval: u64,
    /// How many permits may be given out at once.
    pub(crate) burst: u32,
}

impl Rate {
    /// The longest window: some 73 years. Twice that, and the time since the system started, is a number of 64 bits.
    const LONGEST: u64 = u64::MAX / 8;

    /// Returns the rate of so many permits in so many nanoseconds, if it is one. The interval is rounded up.
    pub(crate) fn new(permits: u32, nanoseconds: u64, burst: u32) -> Option<Self> {
        let interval = (permits != 0).then(|| nanoseconds.div_ceil(permits.into()))?;
        // So that no later sum of the clock and a window can overflow.
        let window = interval.checked_mul(burst.into())?;
        (interval != 0 && burst != 0 && window <= Self::LONGEST).then_some(Self { interval, burst })
    }

    fn window(self) -> u64 {
        self.interval * u64::from(self.burst)
    }
}

/// The word, and the rate.
#[derive(Debug)]
pub(crate) struct RateState {
    pub(crate) word: Mapped<AtomicU64>,
    pub(crate) rate: Rate,
}

/// What a caller has read.
#[derive(Clone, Copy)]
struct Seen {
    word: u64,
    now: u64,
}

impl RateState {
    /// Takes so many permits, at most the burst, or returns in how many nanoseconds they are available.
    #[inline]
    pub(crate) fn try_take(&self, permits: u32) -> Result<(), u64> {
        let (cost, window) = (self.rate.interval * u64::from(permits), self.rate.window());
        loop {
            let Seen { word, now } = self.look();
            let latest = now + window;
            // RL2: no caller could have written it.
            if word > latest {
                self.mend(word, latest);
                continue;
            }
            // RL3: what was not used before now is not saved beyond the window.
            let next = word.max(now) + cost;
            if next > latest {
                return Err(next - latest);
            }
            // RL1: all of them in one step, or none. SYNC: Release pairs with the load in `look`: the clock was read before (RL2).
            if self.word.compare_exchange_weak(word, next, AcqRel, Relaxed).is_ok() {
                return Ok(());
            }
        }
    }

    /// Reads the word, and then the clock (RL2).
    #[inline]
    fn look(&self) -> Seen {
        // SYNC: Acquire pairs with the compare-and-swap in `try_take`. The clock is read after it, so it is not earlier than
        // what the process read that wrote the word.
        let word = self.word.load(Acquire);
        Seen { word, now: clock::monotonic() }
    }

    /// Makes an impossible word the latest that is possible (RL2).
    #[cold]
    fn mend(&self, word: u64, latest: u64) {
        // If it fails, another process has changed the word, and the caller reads it again.
        let _ = self.word.compare_exchange(word, latest, AcqRel, Relaxed);
    }

    /// Returns in how many nanoseconds so many permits are available.
    pub(crate) fn time_until(&self, permits: u32) -> u64 {
        let Seen { word, now } = self.look();
        let latest = now + self.rate.window();
        let next = word.clamp(now, latest) + self.rate.interval * u64::from(permits);
        next.saturating_sub(latest)
    }

    /// Returns how many permits are available.
    pub(crate) fn available(&self) -> u32 {
        let Seen { word, now } = self.look();
        let latest = now + self.rate.window();
        // The window has room for as many as a number of 32 bits.
        u32::try_from((latest - word.clamp(now, latest)) / self.rate.interval).unwrap_or(self.rate.burst)
    }
}

impl Repair for RateState {
    /// No word names a slot.
    fn repair(&self, _: u32, _: bool, _: &Members) -> Result<()> {
        Ok(())
    }
}
