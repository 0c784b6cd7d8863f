//! Repairing the slots of dead members (R-reap): which slots are dead and dirty, and how a helper enters and leaves.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{Members, ONE, Repair, Session};
use crate::{
    failure::Result,
    raw::{self, SemOp},
    set_layout::{STATE, test_state},
};

/// So many semaphores are read one by one sooner than all at once, which takes two longer calls.
const FEW: usize = 3;

impl Members {
    /// Helps to repair a slot if no member lives in it (R-reap). Returns whether it did, and then no word names the slot
    /// any more.
    ///
    /// No step of the protocol leaves a word that names a clean slot, but such a word is repaired as well. Otherwise
    /// corrupt memory could make a waiter wait for a member that does not exist.
    pub(crate) fn reap(&self, slot: u32, repair: &impl Repair) -> Result<bool> {
        if !self.enter(slot)? {
            return Ok(false);
        }
        // The helper leaves before it reports a failure: otherwise no new member could enter the slot.
        let repaired = self.repair_entered(slot, true, repair);
        self.leave_helpers(slot)?;
        repaired.map(|()| true)
    }

    /// Repairs a slot that this process has entered, and marks it as clean.
    pub(super) fn repair_entered(&self, slot: u32, is_begun: bool, repair: &impl Repair) -> Result<()> {
        let entry = &self.slots[slot as usize];
        // SYNC: Acquire pairs with the store in `move_in`. Nothing but a helper changes it now (MB5).
        let used = entry.used.load(Acquire);
        repair.repair(slot, is_begun, self)?;
        if used != 0 {
            // MB6: last of all, so the slot is dirty for as long as a word may name it. If it fails, another helper has
            // cleared it, after a whole repair of its own.
            // SYNC: Release pairs with the load of the next new member: it finds every word repaired.
            let is_first = entry.used.compare_exchange(used, 0, Release, Relaxed).is_ok();
            // One helper alone reports it. It is only handed over: other helpers and new members wait for none of it. By MB5
            // the number is that of the dead member until this helper leaves.
            #[cfg(feature = "tracing")]
            if is_first {
                crate::events::member_reaped(self.object(), slot, entry.pid.load(Relaxed));
            }
            #[cfg(not(feature = "tracing"))]
            let _ = is_first;
        }
        Ok(())
    }

    /// Is no helper of a slot any more.
    pub(super) fn leave_helpers(&self, slot: u32) -> Result<()> {
        let leave = [SemOp::sub(self.helpers(slot), ONE).undo().no_wait()];
        self.set.op(&leave).map_err(|error| self.failed(error))
    }

    /// Enters a slot as one of its helpers, if no member lives in it (MB5). Returns whether it did.
    fn enter(&self, slot: u32) -> Result<bool> {
        // One `semop` tests the identity (OB2) and ALIVE and counts the helper, so nothing can change in between (MB5).
        let [test, zero, restore] = test_state(self.identity);
        let is_dead = SemOp::zero(self.alive(slot)).no_wait();
        let join = SemOp::add(self.helpers(slot), ONE).undo().no_wait();
        match self.set.op(&[test, zero, restore, is_dead, join]) {
            Ok(()) => Ok(true),
            // A member lives there, or the set is another one.
            Err(raw::Error::WouldBlock { .. }) => self.check_state(self.value(STATE)?).map(|()| false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Reaps every dead and dirty slot, until a check of all of them finds none.
    ///
    /// The check need not be at one instant: a process that dies after its slot was checked posts the doorbells, and
    /// the caller has not taken that post. So if it took more checks than there are slots, processes die all the time,
    /// or a process overwrites the slots, and the caller goes on.
    pub(crate) fn reap_all(&self, repair: &impl Repair) -> Result<()> {
        for _ in 0..=self.max_handles() {
            if !self.reap_some(repair)? {
                break;
            }
        }
        Ok(())
    }

    /// Checks all other slots once, and reaps those that are dead and dirty. Returns whether there were any.
    fn reap_some(&self, repair: &impl Repair) -> Result<bool> {
        let me = Session::kept(self.me.load(Relaxed));
        let mine = if me.is_ours() { me.owner() } else { 0 };
        // SYNC: pairs with the store of `used` in `move_in`.
        let is_used = |&slot: &u32| slot + 1 != mine && self.slots[slot as usize].used.load(Acquire) != 0;
        let others = || (0..self.max_handles()).filter(is_used);
        self.check_slot()?;
        let values = match others().take(FEW + 1).count() {
            // Without other members there is none to reap, but the object may have been removed.
            0 => return self.check_state(self.value(STATE)?).map(|()| false),
            1..=FEW => None,
            _ => Some(self.values()?),
        };
        let mut has_reaped = false;
        for slot in others() {
            let is_alive = match &values {
                Some(values) => values.get(usize::from(self.alive(slot))) != Some(&0),
                None => self.is_alive(slot)?,
            };
            if !is_alive {
                has_reaped |= self.reap(slot, repair)?;
            }
        }
        Ok(has_reaped)
    }
}
