//! Taking over from the dead (R-reap): which slots are dead and dirty, and their repair.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{Members, ONE, Repair, Session};
use crate::{
    failure::Result,
    raw::{self, SemOp},
    set_layout::{CONDEMNED, STATE, test_state},
};

/// So many semaphores are read one by one sooner than all at once, which takes two longer calls.
const FEW: usize = 3;

impl Members {
    /// Reaps a slot if no member lives in it (R-reap); returns whether it did.
    ///
    /// A word that names a clean slot is none of the protocol's, and is repaired as well: otherwise
    /// damaged memory could make a waiter wait for no member.
    pub(crate) fn reap(&self, slot: u32, repair: &impl Repair) -> Result<bool> {
        let alive = self.alive(slot);
        let [test, zero, restore] = test_state(self.identity);
        let claim = [test, zero, restore, SemOp::zero(alive).no_wait(), SemOp::add(alive, ONE).undo().no_wait()];
        match self.set.op(&claim) {
            Ok(()) => {}
            // A member lives there, or is reaping, or the set is another one.
            Err(raw::Error::WouldBlock { .. }) => return self.check_state(self.value(STATE)?).map(|()| false),
            Err(error) => return Err(self.failed(error)),
        }
        let entry = &self.slots[slot as usize];
        let repaired = repair.repair(slot, true, self);
        if repaired.is_ok() {
            entry.used.store(0, Release);
        }
        self.set.op(&[SemOp::sub(alive, ONE).undo().no_wait()]).map_err(|error| self.failed(error))?;
        repaired.map(|()| true)
    }

    /// Reaps every dead and dirty slot, until a check of all of them finds none.
    ///
    /// The check need not be at one instant: a process that dies after its slot was checked posts the doorbells, and the
    /// caller has not taken that post. So if it took more checks than there are slots, processes die all the time, or one
    /// overwrites the slots, and the caller may as well go on.
    pub(crate) fn reap_all(&self, repair: &impl Repair) -> Result<()> {
        for _ in 0..=self.max_handles() {
            if !self.reap_some(repair)? {
                break;
            }
        }
        Ok(())
    }

    /// Checks all others once, and reaps those that are dead and dirty; returns whether there were any.
    fn reap_some(&self, repair: &impl Repair) -> Result<bool> {
        let me = Session::kept(self.me.load(Relaxed));
        let mine = if me.is_ours() { me.owner() } else { 0 };
        let is_used = |&slot: &u32| slot + 1 != mine && self.slots[slot as usize].used.load(Acquire) != 0;
        let others = || (0..self.max_handles()).filter(is_used);
        self.check_slot()?;
        let values = match others().take(FEW + 1).count() {
            // Without others there is no one to reap, but the object may have been removed.
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

    /// Fails unless STATE is this object's identity.
    pub(super) fn check_state(&self, state: u16) -> Result<()> {
        match state {
            state if state == self.identity.get() => self.check_slot(),
            CONDEMNED => Err(self.removed()),
            _ => Err(self.membership_lost()),
        }
    }

    /// Fails if the slot of this process was taken over: it was reaped, and may be another member's by now. It asks the
    /// memory alone, which a process that has left the IPC namespace still has.
    pub(super) fn check_slot(&self) -> Result<()> {
        let me = Session::kept(self.me.load(Relaxed));
        if !me.is_ours() {
            return Ok(());
        }
        let Some(entry) = self.slots.get(me.slot()) else { return Err(self.membership_lost()) };
        let is_mine = entry.used.load(Acquire) == self.registration.load(Relaxed);
        if is_mine { Ok(()) } else { Err(self.membership_lost()) }
    }
}
