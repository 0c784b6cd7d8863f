//! How long to look before going to sleep: it depends on where the other side is, and on what came of it lately.
//!
//! Waking a process on another processor costs some ten microseconds, and looking for a while costs less. So each
//! handle spins about twice as long as it lately took when it was worth it. But who shares a
//! processor with the one it waits for keeps it from running: it goes to sleep at once. It does not yield
//! either: Linux lets who has yielded wait for whole time slices, once it is woken beside a busy process.
//!
//! Both sides leave word of where they last waited, or woke the other; that is a hint, and decides nothing but this.

use std::hint::spin_loop;

use crate::{
    raw::process::current_processor,
    ring::role::Role,
    sync::{AtomicU32, Ordering::Relaxed},
};

/// The most pauses of the processor before sleeping: about what a sleep and its wake-up cost.
const MOST: u32 = 1024;
/// The fewest: what the other side may need if it is about to be done.
const FEWEST: u32 = 128;
/// The longest time between two looks: a look takes the cache line away from who is to change it.
const LONGEST_STEP: u32 = 8;

/// The most pauses of a wait that finds out whether the other side would be there sooner if both stayed awake.
const PROBE: u32 = 4096;
/// One in so many vain waits is such a one.
const PROBES: u32 = 16;

/// On which processor each side last waited or woke the other, plus one; 0 is unknown.
pub(crate) type Whereabouts = [AtomicU32; 2];

/// Says where this side is now, and returns it; to be called where time is spent anyway.
pub(crate) fn leave_word(role: Role, whereabouts: &Whereabouts) -> u32 {
    let here = current_processor().map_or(0, |processor| processor.wrapping_add(1));
    let mine = &whereabouts[role as usize];
    if mine.load(Relaxed) != here {
        mine.store(here, Relaxed);
    }
    here
}

/// What a handle has learnt.
#[derive(Debug)]
pub(crate) struct Spin {
    /// How many pauses it took lately.
    estimate: AtomicU32,
    /// How many waits were in vain since a probe, where there are probes.
    ///
    /// Two processes that ask and respond may have come to sleep each time, since each waits for the other one's
    /// wake-up, which takes longer than it pauses. A probe lets one of them stay awake until the other one is there.
    vain: Option<AtomicU32>,
}

impl Spin {
    pub(crate) const fn new() -> Self {
        Self { estimate: AtomicU32::new(MOST / 4), vain: None }
    }

    pub(crate) const fn with_probes() -> Self {
        Self { estimate: AtomicU32::new(MOST / 4), vain: Some(AtomicU32::new(0)) }
    }

    /// Looks until something is found, or until sleeping is the better bet.
    pub(crate) fn until<T>(&self, role: Role, whereabouts: &Whereabouts, look: impl FnMut() -> Option<T>) -> Option<T> {
        let here = leave_word(role, whereabouts);
        let is_shared = here != 0 && whereabouts[role.other() as usize].load(Relaxed) == here;
        if is_shared { None } else { self.look_for_a_while(look) }
    }

    fn look_for_a_while<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let estimate = self.estimate.load(Relaxed);
        let is_probe = self.vain.as_ref().is_some_and(|vain| vain.load(Relaxed) >= PROBES);
        let limit = if is_probe { PROBE } else { (2 * estimate + FEWEST).min(MOST) };
        let (mut pauses, mut step) = (0, 1);
        while pauses < limit {
            (0..step).for_each(|_| spin_loop());
            pauses += step;
            step = (2 * step).min(LONGEST_STEP);
            if let Some(found) = look() {
                self.estimate.store(estimate - estimate / 8 + pauses / 8, Relaxed);
                return Some(found);
            }
        }
        if let Some(vain) = &self.vain {
            vain.store(if is_probe { 0 } else { vain.load(Relaxed) + 1 }, Relaxed);
        }
        self.estimate.store(estimate - estimate.div_ceil(8), Relaxed);
        None
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
    fn who_shares_a_processor_does_not_look() {
        let spin = Spin::new();
        let everywhere = Whereabouts::default();
        // Unless this thread is moved meanwhile, which is not the case each time.
        let looks = (0..100).map(|_| {
            leave_word(Role::Producer, &everywhere);
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
