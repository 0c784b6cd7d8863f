//! How long to spin before going to sleep. It depends on where the other side runs, and on how long it took lately.
//!
//! Waking a process on another processor costs some ten microseconds, and spinning for a while costs less. So each
//! handle spins about twice as long as the spins that succeeded lately took. A process that shares a processor with its
//! peer would keep the peer from running, so it goes to sleep at once. It does not yield either: under Linux a process
//! that has yielded waits for whole time slices, if it is then woken beside a busy one.
//!
//! In a crowd, which has more processes than there are processors, one that spins keeps another from running as well. If
//! they pass on a stream, it yields once instead. Then the others of its processor go on, one of them perhaps the one it waits for,
//! and mostly there is a batch when its turn comes. To sleep until it is woken takes some ten microseconds in each of
//! two processes, and the woken one runs at once, and finds a few items. Single items are not passed on so, since their
//! delay counts.
//!
//! Both sides record on which processor they last waited, or woke the other side. It is a hint, and decides nothing
//! else.

use std::{hint::spin_loop, ops::RangeInclusive, thread};

use crate::{
    raw::process::current_processor,
    role::Role,
    sync::{AtomicU32, Ordering::Relaxed},
    waiting::batching::BatchingDelay,
};

/// The most pauses of the processor before sleeping: about what a sleep and its wake-up cost.
const MOST: u32 = 1024;
/// The fewest: what the other side may need if it is nearly done.
const FEWEST: u32 = 128;
/// The most pauses between two checks: a check takes the cache line away from the process that is to change it.
const LONGEST_STEP: u32 = 8;

/// The most pauses of a probe.
const PROBE: u32 = 4096;
/// How many vain waits lie between two probes, at first and at last.
const PROBES: RangeInclusive<u32> = 16..=1024;
/// How many waits show whether a probe that found something was worthwhile.
const TRIALS: u32 = 2;

/// The processor on which each side last waited or woke the other, plus one. 0 is unknown.
pub(crate) type LastCpus = [AtomicU32; 2];

/// Records the processor of this side, and returns it. To be called where time is spent anyway.
pub(crate) fn record_cpu(role: Role, last_cpus: &LastCpus) -> u32 {
    let here = current_processor().map_or(0, |processor| processor.wrapping_add(1));
    let mine = &last_cpus[role as usize];
    // A store only on a change, since the other side reads the line. Relaxed: it is a hint.
    if mine.load(Relaxed) != here {
        mine.store(here, Relaxed);
    }
    here
}

/// Records the processor, and returns whether the other side last recorded the same one.
pub(crate) fn is_beside_other(role: Role, last_cpus: &LastCpus) -> bool {
    let here = record_cpu(role, last_cpus);
    here != 0 && last_cpus[role.other() as usize].load(Relaxed) == here
}

/// What a handle has learnt.
#[derive(Debug)]
pub(crate) struct Spin {
    /// How many pauses it took lately.
    estimate: AtomicU32,
    probes: Option<Probes>,
}

/// Finds out whether both sides would be faster if they stayed awake.
///
/// Two processes that exchange requests and responses may both sleep each time: each waits for the other's wake-up,
/// which takes longer than it spins. In a probe, one of them stays awake until the other responds. If that was
/// worthwhile, the next waits are short. If not, the response would have come as soon anyway, and the next probe comes
/// later.
#[derive(Debug)]
struct Probes {
    /// How many waits were in vain since the last one.
    vain: AtomicU32,
    interval: AtomicU32,
    /// How many waits are left that show whether it was worthwhile.
    trials: AtomicU32,
}

/// What a wait is for, besides waiting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Nothing,
    Probe,
    Trial,
}

impl Spin {
    pub(crate) const fn new() -> Self {
        Self { estimate: AtomicU32::new(MOST / 4), probes: None }
    }

    pub(crate) const fn with_probes() -> Self {
        Self { estimate: AtomicU32::new(MOST / 4), probes: Some(Probes::new()) }
    }

    /// Checks until something is found, or until sleeping is likely to be cheaper.
    pub(crate) fn until<T>(&self, role: Role, last_cpus: &LastCpus, look: impl FnMut() -> Option<T>) -> Option<T> {
        if is_beside_other(role, last_cpus) { None } else { self.look_for_a_while(look) }
    }

    /// Does the same, but waits for items to gather first.
    pub(crate) fn until_gathered<T>(
        &self,
        delay: &BatchingDelay,
        role: Role,
        last_cpus: &LastCpus,
        look: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        if is_beside_other(role, last_cpus) {
            return None;
        }
        delay.wait();
        self.look_for_a_while(look)
    }

    /// Lets the other processes of this processor go on, if there is a stream, and checks once.
    pub(crate) fn after_others<T>(&self, delay: &BatchingDelay, look: impl FnOnce() -> Option<T>) -> Option<T> {
        if !delay.has_stream() {
            return None;
        }
        thread::yield_now();
        look()
    }

    fn look_for_a_while<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let estimate = self.estimate.load(Relaxed);
        let purpose = self.probes.as_ref().map_or(Purpose::Nothing, Probes::purpose);
        // Twice the estimate, so that the estimate can grow.
        let limit = match purpose {
            Purpose::Nothing => (2 * estimate + FEWEST).min(MOST),
            Purpose::Probe => PROBE,
            Purpose::Trial => MOST,
        };
        let (mut pauses, mut step) = (0, 1);
        let mut found = None;
        while found.is_none() && pauses < limit {
            (0..step).for_each(|_| spin_loop());
            pauses += step;
            step = (2 * step).min(LONGEST_STEP);
            found = look();
        }
        // A probe, and a trial that finds nothing, tell nothing about the next wait.
        match (purpose, found.is_some()) {
            (Purpose::Nothing | Purpose::Trial, true) => {
                // A moving average of what successful spins took.
                self.estimate.store(estimate - estimate / 8 + pauses / 8, Relaxed);
            }
            // Spins in vain shorten the next ones, down to FEWEST.
            (Purpose::Nothing, false) => self.estimate.store(estimate - estimate.div_ceil(8), Relaxed),
            (Purpose::Probe, _) | (Purpose::Trial, false) => {}
        }
        if let Some(probes) = &self.probes {
            probes.learn(purpose, found.is_some());
        }
        found
    }
}

impl Probes {
    const fn new() -> Self {
        let (vain, interval, trials) = (AtomicU32::new(0), AtomicU32::new(*PROBES.start()), AtomicU32::new(0));
        Self { vain, interval, trials }
    }

    fn purpose(&self) -> Purpose {
        if self.trials.load(Relaxed) > 0 {
            Purpose::Trial
        } else if self.vain.load(Relaxed) >= self.interval.load(Relaxed) {
            Purpose::Probe
        } else {
            Purpose::Nothing
        }
    }

    fn learn(&self, purpose: Purpose, has_found: bool) {
        match (purpose, has_found) {
            (Purpose::Nothing, true) => {}
            (Purpose::Nothing, false) => self.vain.store(self.vain.load(Relaxed) + 1, Relaxed),
            // Whether it was worthwhile shows only in the next waits: they must succeed early.
            (Purpose::Probe, true) => {
                self.vain.store(0, Relaxed);
                self.trials.store(TRIALS, Relaxed);
            }
            (Purpose::Probe, false) => {
                self.vain.store(0, Relaxed);
                self.wait_longer();
            }
            // Both sides stay awake now, so the next probe may come soon.
            (Purpose::Trial, true) => {
                self.trials.store(0, Relaxed);
                self.interval.store(*PROBES.start(), Relaxed);
            }
            (Purpose::Trial, false) => {
                let left = self.trials.load(Relaxed).saturating_sub(1);
                self.trials.store(left, Relaxed);
                if left == 0 {
                    self.wait_longer();
                }
            }
        }
    }

    fn wait_longer(&self) {
        self.interval.store((2 * self.interval.load(Relaxed)).min(*PROBES.end()), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(spin: &Spin, success_after: u32) -> u32 {
        let mut looks = 0;
        spin.look_for_a_while(|| {
            looks += 1;
            (looks >= success_after).then_some(())
        });
        looks
    }

    #[test]
    fn it_learns_what_is_worth_waiting_for() {
        let spin = Spin::new();
        let at_first = looks(&spin, u32::MAX);
        (0..100).for_each(|_| assert!(looks(&spin, u32::MAX) > 0));
        let later = looks(&spin, u32::MAX);
        assert!(later < at_first, "{later} of {at_first}");
        (0..100).for_each(|_| assert_eq!(looks(&spin, later - 1), later - 1));
        assert!(looks(&spin, u32::MAX) > later, "what was worth it is waited for longer");
    }

    #[test]
    fn probes_become_rare_if_they_are_not_worth_it() {
        let spin = Spin::with_probes();
        // Something comes each time, but never as early as an ordinary wait ends.
        let long = (0..50_000).filter(|_| looks(&spin, 200) >= 200).count();
        assert!((1..80).contains(&long), "{long} of 50,000 waits are long");
        assert_eq!(looks(&spin, u32::MAX), looks(&Spin { estimate: 0.into(), probes: None }, u32::MAX));
    }

    #[test]
    fn a_probe_that_is_worth_it_keeps_both_awake() {
        let spin = Spin::with_probes();
        let probe = (0..100).find(|_| looks(&spin, 300) == 300);
        assert!(probe.is_some());
        // From now on the other side is there at once.
        assert_eq!(looks(&spin, 100), 100);
        (0..100).for_each(|_| assert_eq!(looks(&spin, 20), 20));
    }

    #[test]
    fn beside_the_other_side_it_does_not_look() {
        let spin = Spin::new();
        let everywhere = LastCpus::default();
        // Unless this thread is moved meanwhile, which is not the case each time.
        let looks = (0..100).map(|_| {
            record_cpu(Role::Producer, &everywhere);
            let mut looks = 0;
            spin.until(Role::Consumer, &everywhere, || -> Option<()> {
                looks += 1;
                None
            });
            looks
        });
        assert!(current_processor().is_none() || looks.min() == Some(0));
    }
}
