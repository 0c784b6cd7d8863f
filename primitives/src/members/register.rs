//! Registering in a slot, and leaving it.
//!
//! One `semop` has at most SEMOPM operations, and every doorbell needs two of them. So a new member arms the doorbells in as
//! many steps as that takes, *before* it enters a slot, and a leaving one disarms them after it has given ALIVE back. A
//! process that dies in between posts some doorbells once too often, so their waiters check, and find nothing. Where all fits
//! one `semop`, it is one. Claiming a slot needs seven operations: that is the least SEMOPM with which this works.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    ops::Range,
    sync::{
        OnceLock,
        atomic::Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
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
/// How many operations enter a slot as its only helper.
const ENTER: usize = 3;

/// What a new member finds when it searches for a slot.
enum Found {
    /// A slot that it may enter, clean or dirty.
    Free(u32),
    /// A slot that has helpers, and becomes free once they have left.
    Helped(u32),
    Nothing,
}

impl Members {
    /// Registers this process in a free slot of a live object.
    pub(crate) fn register(&self, repair: &impl Repair) -> Result<Registration> {
        let mut armed = 0;
        let registered = self.register_in_steps(repair, &mut armed);
        if armed > 0 {
            // What can't be disarmed now is disarmed by the end of this process. What happened first is what counts.
            let _ = self.disarm_bells(0, armed);
        }
        match registered {
            Err(failure) if failure.is_gone() => Ok(Registration::StartAgain),
            registered => registered,
        }
    }

    /// Registers, or leaves it to the caller to disarm as many doorbells as it has armed.
    fn register_in_steps(&self, repair: &impl Repair, armed: &mut u16) -> Result<Registration> {
        let open_deadline = Deadline::after(self.open_timeout);
        let mut is_last_check = false;
        loop {
            let values = self.values()?;
            // OB2: another set may have come to this id, or the object was condemned.
            if values.get(usize::from(STATE)) != Some(&self.identity.get()) {
                return Ok(Registration::StartAgain);
            }
            match self.find_slot(&values) {
                // Another thread of this child was faster, and took the last slot.
                Found::Helped(_) | Found::Nothing if Session::kept(self.me.load(Relaxed)).is_ours() => {
                    return Ok(Registration::Done);
                }
                Found::Free(slot) => {
                    if self.try_claim(slot, repair, &values, armed)? {
                        return Ok(Registration::Done);
                    }
                    continue;
                }
                Found::Helped(slot) if !is_last_check => self.await_helpers(slot, open_deadline)?,
                Found::Helped(_) | Found::Nothing => {
                    let (object, max_handles) = (self.object.clone(), self.max_handles());
                    return Err(Failure::TooManyHandles { object, max_handles });
                }
            }
            // Another slot may have become free since.
            is_last_check = open_deadline.has_passed();
        }
    }

    /// Finds a slot for a new member. Prefers a clean one, since a dirty one must be repaired first.
    fn find_slot(&self, values: &[u16]) -> Found {
        let is_zero = |semaphore: u16| values.get(usize::from(semaphore)) == Some(&0);
        let (mut dirty, mut helped) = (None, None);
        for slot in (0..self.max_handles()).filter(|&slot| is_zero(self.alive(slot))) {
            // SYNC: pairs with the stores of `used` in `leave` and `repair_entered`: no word names a clean slot.
            let is_clean = self.slots[slot as usize].used.load(Acquire) == 0;
            match (is_zero(self.helpers(slot)), is_clean) {
                (true, true) => return Found::Free(slot),
                (true, false) => dirty = dirty.or(Some(slot)),
                (false, _) => helped = helped.or(Some(slot)),
            }
        }
        dirty.map(Found::Free).or(helped.map(Found::Helped)).unwrap_or(Found::Nothing)
    }

    /// Sleeps until a slot has no helpers. The sleep ends when the last helper leaves or dies, or when the set is
    /// removed.
    fn await_helpers(&self, slot: u32, open_deadline: Deadline) -> Result<()> {
        match self.set.op_deadline(&[SemOp::zero(self.helpers(slot))], open_deadline) {
            Ok(()) => Ok(()),
            Err(error) if error.is_busy() => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Takes the next step towards a slot, and moves in with the last one. Returns whether it did.
    fn try_claim(&self, slot: u32, repair: &impl Repair, values: &[u16], armed: &mut u16) -> Result<bool> {
        // MB2: every doorbell is armed before or with the entry, so that the death of this helper posts them too.
        if !self.can_enter(*armed) {
            return self.arm_more(values, armed).map(|()| false);
        }
        // Counted as the only helper of a slot without a member, in the same step that arms the last doorbells.
        let mut ops = self.arming(*armed..self.bells(), values);
        let helpers = self.helpers(slot);
        ops.extend([
            SemOp::zero(self.alive(slot)).no_wait(),
            SemOp::zero(helpers).no_wait(),
            SemOp::add(helpers, ONE).undo().no_wait(),
        ]);
        if !self.attempt_or_learn(&ops)? {
            return Ok(false);
        }
        *armed = self.bells();
        let claimed = self.claim_as_helper(slot, repair);
        if let Ok(true) = claimed {
            *armed = 0;
            self.move_in(slot, repair);
        } else {
            self.leave_helpers(slot)?;
        }
        claimed
    }

    /// Repairs a slot that this process has entered, and claims it. Returns `false` if another helper has entered since.
    fn claim_as_helper(&self, slot: u32, repair: &impl Repair) -> Result<bool> {
        // MB4: a process that is stopped here is a helper, and holds up the reuse of the slot alone. A word that names
        // a clean slot is corrupt, and is repaired as well.
        // SYNC: as in `repair_entered`.
        let is_dirty = self.slots[slot as usize].used.load(Acquire) != 0;
        self.repair_entered(slot, is_dirty, repair)?;
        let helpers = self.helpers(slot);
        // MB5: it is the only helper when it becomes the owner.
        let claim = [
            SemOp::sub(helpers, ONE).undo().no_wait(),
            SemOp::zero(helpers).no_wait(),
            SemOp::add(self.alive(slot), ONE).undo().no_wait(),
            SemOp::add(LIVING, ONE).undo().no_wait(),
        ];
        self.attempt_or_learn(&[&test_state(self.identity)[..], &claim].concat())
    }

    /// Arms some more doorbells, as many as one step allows.
    fn arm_more(&self, values: &[u16], armed: &mut u16) -> Result<()> {
        // At least one, so that a system that allows too few returns its error.
        let room = u16::try_from((self.most_operations().saturating_sub(TEST) / 2).max(1)).unwrap_or(u16::MAX);
        let next = armed.saturating_add(room).min(self.bells());
        if self.attempt_or_learn(&self.arming(*armed..next, values))? {
            *armed = next;
        }
        Ok(())
    }

    /// Returns the operations that arm some of the doorbells of a live object.
    fn arming(&self, bells: Range<u16>, values: &[u16]) -> Vec<SemOp> {
        let mut ops = test_state(self.identity).to_vec();
        ops.extend(self.on_bells(bells, values, arm));
        ops
    }

    /// Returns whether one `semop` can enter a slot, and arm what is left of the doorbells if so many are armed.
    fn can_enter(&self, armed: u16) -> bool {
        let left = self.bells() - armed;
        left == 0 || TEST + ENTER + 2 * usize::from(left) <= self.most_operations()
    }

    /// Returns how many operations one `semop` may have, as far as it is known: without a limit until the first refusal.
    pub(super) fn most_operations(&self) -> usize {
        match self.most_operations.load(Relaxed) {
            0 => usize::MAX,
            most => usize::try_from(most).unwrap_or(usize::MAX),
        }
    }

    /// Reads SEMOPM from the system. Returns whether that is less than the number known before.
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

    /// Returns the operations on some of the doorbells.
    fn on_bells(&self, bells: Range<u16>, values: &[u16], of_bell: fn(u16) -> (SemOp, SemOp)) -> Vec<SemOp> {
        let semaphores = bells.map(|bell| self.layout.bell(bell));
        semaphores.flat_map(|bell| in_possible_order(of_bell(bell), values, bell)).collect()
    }

    /// Performs all operations, or none if another process has changed something.
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

    fn move_in(&self, slot: u32, repair: &impl Repair) {
        let entry = &self.slots[slot as usize];
        entry.pid.store(std::process::id(), Relaxed);
        entry.start_time.store(own_start_time(), Relaxed);
        // Another member of the slot may have taken an obituary of its doorbells, and not reaped.
        self.suspect();
        // MB1: from here on the slot may own words.
        let registration = self.new_registration();
        // Before `me` is ours: from then on other threads of this process compare it. Two threads store the same number.
        self.registration.store(registration, Relaxed);
        // SYNC: pairs with the loads of `used` in `list`, `check_slot` and `repair_entered`.
        entry.used.store(registration, Release);
        // Two threads of a child can get here at once. The slot of the first counts: it may own words already, and the
        // slot of the second can't.
        let claim = |me: u64| (!Session::kept(me).is_ours()).then_some(Session::new(slot).bits());
        // SYNC: pairs with the other thread's change of `me`. The handle's own loads are relaxed: they use the value
        // alone.
        if self.me.fetch_update(AcqRel, Acquire, claim).is_err() {
            // If that fails, the kernel gives the slot back when the process ends.
            let _ = self.leave(slot, repair);
        }
    }

    /// Returns a number that distinguishes this handle's registration from others of the same slot. It is the same for
    /// all threads of a process, and another one in its children.
    fn new_registration(&self) -> u32 {
        static SEED: OnceLock<RandomState> = OnceLock::new();
        let of_handle = (process::fork_generation(), std::ptr::from_ref(self).addr());
        let hash = SEED.get_or_init(RandomState::new).hash_one(of_handle);
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is as good")]
        let number = hash as u32;
        number.max(1)
    }

    /// Gives a slot back, with the words that it may still own.
    fn leave(&self, slot: u32, repair: &impl Repair) -> Result<()> {
        repair.repair(slot, false, self)?;
        // MB1: once ALIVE is given back, the slot may be another member's.
        // SYNC: pairs with the load in `find_slot` of the next member: every word is repaired.
        self.slots[slot as usize].used.store(0, Release);
        self.disarm(slot)
    }

    /// Gives ALIVE back, and takes the obituary off every doorbell.
    fn disarm(&self, slot: u32) -> Result<()> {
        let alive = self.alive(slot);
        let give_back = [SemOp::sub(alive, ONE).undo().no_wait(), SemOp::sub(LIVING, ONE).undo().no_wait()];
        let bells = self.bells();
        loop {
            // If not all fits one `semop`, ALIVE goes first. Until the doorbells are disarmed, a death posts too often,
            // and never too seldom.
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
            // STATE is tested in each step, since another set may come to this id meanwhile.
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
        // MB3: a process that lost its slot leaves the words to the reaper of the slot.
        let is_member = self.is_member();
        // SYNC: pairs with the change of `me` in `move_in`. The handle has no other user any more.
        let session = Session::kept(self.me.swap(Session::NONE.bits(), AcqRel));
        if session.is_ours() && is_member {
            // If the object was removed, there is nothing to leave. If anything else fails, the kernel does it when the
            // process ends.
            let _ = self.leave(session.owner() - 1, repair);
        }
    }
}

/// How often a death posts each doorbell: a waiter may take one of the posts for a notifier's (W6 in `waiting`).
const OBITUARY: Amount = match Amount::new(2) {
    Ok(amount) => amount,
    Err(_) => panic!("it is an amount"),
};

/// Returns operations that change nothing now, and post when the process dies.
fn arm(bell: u16) -> (SemOp, SemOp) {
    (SemOp::add(bell, OBITUARY).no_wait(), SemOp::sub(bell, OBITUARY).undo().no_wait())
}

/// Returns operations that take the obituary of a doorbell back.
fn disarm(bell: u16) -> (SemOp, SemOp) {
    (SemOp::add(bell, OBITUARY).undo().no_wait(), SemOp::sub(bell, OBITUARY).no_wait())
}

/// Adding comes first, except where a doorbell can't count so much higher.
fn in_possible_order((add, sub): (SemOp, SemOp), values: &[u16], bell: u16) -> [SemOp; 2] {
    let value = values.get(usize::from(bell)).copied().unwrap_or(0);
    if value > raw::SEMAPHORE_VALUE_MAX - OBITUARY.get() { [sub, add] } else { [add, sub] }
}
