//! Registering in a slot, and leaving it.
//!
//! One `semop` has at most SEMOPM operations, and every doorbell needs two of them. So a new member arms the doorbells in as
//! many steps as that takes, *before* it claims ALIVE, and a leaving one disarms them after it has given ALIVE back. A
//! process that dies in between posts some doorbells once too often, so their waiters check, and find nothing. Where all fits
//! one `semop`, it is one.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    ops::Range,
    sync::{
        OnceLock,
        atomic::Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    thread,
    time::Duration,
};

use super::{Members, ONE, Registration, Repair, Session};
use crate::{
    Failure,
    failure::Result,
    member::own_start_time,
    raw::{self, Amount, Deadline, Limit, SemOp, process},
    set_layout::{CONDEMNED, LIVING, STATE, test_state},
};

/// What SEMOPM is taken for where the system doesn't tell: what the BSDs have by default.
const FEW_OPERATIONS: u64 = 100;
/// How many operations test STATE.
const TEST: usize = 3;
/// How many operations claim a slot.
const CLAIM: usize = 3;

impl Members {
    /// Registers this process in a free slot of a live object.
    pub(crate) fn register(&self, repair: &impl Repair) -> Result<Registration> {
        let mut armed = 0;
        let registered = self.register_in_steps(repair, &mut armed);
        if armed > 0 {
            // What can't be disarmed now is disarmed by the end of this process. What happened first is what counts.
            let _ = self.disarm_bells(0, armed);
        }
        registered
    }

    /// Registers, or leaves it to the caller to disarm as many doorbells as it has armed.
    fn register_in_steps(&self, repair: &impl Repair, armed: &mut u16) -> Result<Registration> {
        let patience = Deadline::after(self.patience);
        let mut pause = Duration::from_micros(20);
        loop {
            let values = self.values()?;
            if values.get(usize::from(STATE)) != Some(&self.identity.get()) {
                return Ok(Registration::StartAgain);
            }
            let Some(slot) = self.free_slot(&values) else {
                // Another thread of this child was faster, and took the last slot.
                if Session::kept(self.me.load(Relaxed)).is_ours() {
                    return Ok(Registration::Done);
                }
                if self.is_being_reaped(&values) && !patience.has_passed() {
                    // The kernel has no event for it that names a slot.
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(5));
                    continue;
                }
                return Err(Failure::TooManyHandles { object: self.object.clone(), max_handles: self.max_handles() });
            };
            // MB2: the doorbells first, ALIVE with or after the last of them.
            let (next, claims) = self.next_step(*armed);
            let mut ops = test_state(self.identity).to_vec();
            ops.extend(self.on_bells(*armed..next, &values, arm));
            if claims {
                ops.extend(self.claim(slot));
            }
            match self.attempt(&ops) {
                Ok(true) if claims => {
                    *armed = 0;
                    return self.settle_in(slot, repair);
                }
                Ok(true) => *armed = next,
                // Another process took the slot, filled or emptied a doorbell, or condemned the object.
                Ok(false) => {}
                Err(error) if error.is_gone() => return Ok(Registration::StartAgain),
                // So many operations are too many here: from now on in steps.
                Err(raw::Error::LimitReached { limit: Limit::Semopm, .. }) if self.learn_most_operations() => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn settle_in(&self, slot: u32, repair: &impl Repair) -> Result<Registration> {
        match self.move_in(slot, repair) {
            Ok(()) => Ok(Registration::Done),
            Err(error) => {
                // The slot must not look alive: otherwise what its former owner left could not be repaired by others.
                self.disarm(slot)?;
                Err(error)
            }
        }
    }

    /// Prefers a clean slot: a dirty one must be repaired first.
    fn free_slot(&self, values: &[u16]) -> Option<u32> {
        let free = |slot: &u32| values.get(usize::from(self.alive(*slot))) == Some(&0);
        let clean = |slot: &u32| self.slots[*slot as usize].used.load(Acquire) == 0;
        let mut candidates = (0..self.max_handles()).filter(free);
        let first = candidates.next()?;
        if clean(&first) { Some(first) } else { Some(candidates.find(clean).unwrap_or(first)) }
    }

    /// Returns whether more slots have their ALIVE claimed than members live: a reaper has the others, and gives them back.
    fn is_being_reaped(&self, values: &[u16]) -> bool {
        let claimed = self.layout.all_alive().filter(|&alive| values.get(usize::from(alive)) != Some(&0)).count();
        claimed > values.get(usize::from(LIVING)).copied().unwrap_or(0).into()
    }

    /// Claims ALIVE of a slot, and counts the member as living.
    fn claim(&self, slot: u32) -> [SemOp; CLAIM] {
        let alive = self.alive(slot);
        [
            SemOp::zero(alive).no_wait(),
            SemOp::add(alive, ONE).undo().no_wait(),
            SemOp::add(LIVING, ONE).undo().no_wait(),
        ]
    }

    /// Returns up to which doorbell the next step arms if `armed` are armed, and whether it claims ALIVE as well.
    fn next_step(&self, armed: u16) -> (u16, bool) {
        let (all, most) = (self.bells(), self.most_operations());
        if armed == all || TEST + CLAIM + 2 * usize::from(all - armed) <= most {
            return (all, true);
        }
        // At least one, so that a system that allows too few says so.
        let room = u16::try_from((most.saturating_sub(TEST) / 2).max(1)).unwrap_or(u16::MAX);
        (armed.saturating_add(room).min(all), false)
    }

    /// Returns how many operations one `semop` may have, as far as it is known: without a limit until the first refusal.
    fn most_operations(&self) -> usize {
        match self.most_operations.load(Relaxed) {
            0 => usize::MAX,
            most => usize::try_from(most).unwrap_or(usize::MAX),
        }
    }

    /// Asks the system for SEMOPM; returns whether that is less than what was known.
    fn learn_most_operations(&self) -> bool {
        let most = raw::semaphore_limits().map_or(FEW_OPERATIONS, |limits| limits.max_operations);
        let most = u32::try_from(most).unwrap_or(u32::MAX).max(1);
        let known = self.most_operations.swap(most, Relaxed);
        known == 0 || most < known
    }

    /// Returns how many doorbells there are.
    fn bells(&self) -> u16 {
        self.layout.all_bells().end - self.layout.all_bells().start
    }

    /// Returns what is to be done to some of the doorbells.
    fn on_bells(&self, bells: Range<u16>, values: &[u16], of_bell: fn(u16) -> (SemOp, SemOp)) -> Vec<SemOp> {
        let semaphores = bells.map(|bell| self.layout.bell(bell));
        semaphores.flat_map(|bell| in_possible_order(of_bell(bell), values, bell)).collect()
    }

    /// Does all of it, or none because another process has changed something.
    fn attempt(&self, ops: &[SemOp]) -> raw::Result<bool> {
        match self.set.op(ops) {
            Ok(()) => Ok(true),
            Err(raw::Error::WouldBlock { .. } | raw::Error::ValueOutOfRange { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// As [`attempt`](Self::attempt). The limit of operations may have been lowered since this process registered.
    fn attempt_or_learn(&self, ops: &[SemOp]) -> Result<bool> {
        match self.attempt(ops) {
            Err(raw::Error::LimitReached { limit: Limit::Semopm, .. }) if self.learn_most_operations() => Ok(false),
            other => other.map_err(|error| self.failed(error)),
        }
    }

    fn move_in(&self, slot: u32, repair: &impl Repair) -> Result<()> {
        let entry = &self.slots[slot as usize];
        repair.repair(slot, entry.used.load(Acquire) != 0, self)?;
        entry.pid.store(std::process::id(), Relaxed);
        entry.start_time.store(own_start_time(), Relaxed);
        // MB1: from here on the slot may own words.
        let registration = self.new_registration();
        // Before `me` is ours: from then on other threads of this process compare it. Two threads store the same number.
        self.registration.store(registration, Relaxed);
        entry.used.store(registration, Release);
        // Two threads of a child can get here at once. The first one's slot counts: it may own words
        // already, and the second one's can't.
        let claim = |me: u64| (!Session::kept(me).is_ours()).then_some(Session::new(slot).bits());
        match self.me.fetch_update(AcqRel, Acquire, claim) {
            Ok(_) => Ok(()),
            // If that fails, the end of the process gives the slot back. Nothing is to be given back twice.
            Err(_) => self.leave(slot, repair).or(Ok(())),
        }
    }

    /// Returns a number by which this handle's registration is told from others of the same slot. It is the same for all
    /// threads of a process, and another one in its children.
    fn new_registration(&self) -> u32 {
        static SEED: OnceLock<RandomState> = OnceLock::new();
        let of_handle = (process::fork_generation(), std::ptr::from_ref(self).addr());
        let hash = SEED.get_or_init(RandomState::new).hash_one(of_handle);
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is as good")]
        let number = hash as u32;
        number.max(1)
    }

    /// Gives a slot back, and what it may still own.
    fn leave(&self, slot: u32, repair: &impl Repair) -> Result<()> {
        repair.repair(slot, false, self)?;
        // MB1: once ALIVE is given back, the slot may be another member's.
        self.slots[slot as usize].used.store(0, Release);
        self.disarm(slot)
    }

    /// Gives ALIVE back, and takes the obituary off every doorbell.
    fn disarm(&self, slot: u32) -> Result<()> {
        let alive = self.alive(slot);
        let give_back = [SemOp::sub(alive, ONE).undo().no_wait(), SemOp::sub(LIVING, ONE).undo().no_wait()];
        let bells = self.bells();
        loop {
            let fits = TEST + give_back.len() + 2 * usize::from(bells) <= self.most_operations();
            let values = self.values()?;
            let Some(state) = self.own_state(&values) else { return Ok(()) };
            // The kernel has taken back what this process owed already: it left its list of undo operations.
            if values.get(usize::from(alive)) == Some(&0) {
                return Ok(());
            }
            let mut ops = [&test_state(state)[..], &give_back].concat();
            if fits {
                ops.extend(self.on_bells(0..bells, &values, disarm));
            }
            if self.attempt_or_learn(&ops)? {
                return if fits { Ok(()) } else { self.disarm_bells(0, bells) };
            }
        }
    }

    /// Takes the obituary off the doorbells from `from` up to `to`.
    fn disarm_bells(&self, mut from: u16, to: u16) -> Result<()> {
        while from < to {
            let room = u16::try_from((self.most_operations().saturating_sub(TEST) / 2).max(1)).unwrap_or(u16::MAX);
            let values = self.values()?;
            let Some(state) = self.own_state(&values) else { return Ok(()) };
            let next = from.saturating_add(room).min(to);
            let mut ops = test_state(state).to_vec();
            ops.extend(self.on_bells(from..next, &values, disarm));
            if self.attempt_or_learn(&ops)? {
                from = next;
            }
        }
        Ok(())
    }

    /// Returns STATE of a set that is this object's, live or condemned.
    fn own_state(&self, values: &[u16]) -> Option<Amount> {
        let state = *values.get(usize::from(STATE))?;
        let is_ours = state == self.identity.get() || state == CONDEMNED;
        if is_ours { Amount::new(state).ok() } else { None }
    }

    /// Returns whether this process is still what its slot says. Otherwise the words of the slot are its reaper's, or those of
    /// the member that has the slot now.
    fn is_member(&self) -> bool {
        let me = Session::kept(self.me.load(Relaxed));
        me.is_ours()
            && self.check_slot().is_ok()
            && self.values().is_ok_and(|values| {
                let alive = u32::try_from(me.slot()).ok().and_then(|slot| values.get(usize::from(self.alive(slot))));
                self.own_state(&values).is_some() && alive.is_some_and(|&alive| alive != 0)
            })
    }

    /// Leaves for good. A handle of the parent's leaves nothing.
    pub(crate) fn deregister(&self, repair: &impl Repair) {
        let is_member = self.is_member();
        let session = Session::kept(self.me.swap(0, AcqRel));
        if session.is_ours() && is_member {
            // If the object is gone there is nothing to leave; if anything else fails, the process's end does it.
            let _ = self.leave(session.owner() - 1, repair);
        }
    }
}

/// Nothing now, and a post when the process dies.
fn arm(bell: u16) -> (SemOp, SemOp) {
    (SemOp::add(bell, ONE).no_wait(), SemOp::sub(bell, ONE).undo().no_wait())
}

/// Takes that back.
fn disarm(bell: u16) -> (SemOp, SemOp) {
    (SemOp::add(bell, ONE).undo().no_wait(), SemOp::sub(bell, ONE).no_wait())
}

/// Adding comes first, except where a doorbell can't count any higher.
fn in_possible_order((add, sub): (SemOp, SemOp), values: &[u16], bell: u16) -> [SemOp; 2] {
    let is_full = values.get(usize::from(bell)) == Some(&raw::SEMAPHORE_VALUE_MAX);
    if is_full { [sub, add] } else { [add, sub] }
}
