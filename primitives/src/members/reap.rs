//! Taking over from the dead (R-reap): which slots are dead and dirty, and their repair.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{Members, ONE, Repair, Session};
use crate::{
    failure::Result,
    raw::{self, SemOp},
    set_layout::STATE,
};

/// So many semaphores are read one by one sooner than all at once, which takes two longer calls.
const FEW: usize = 3;

impl Members {
    /// Reaps a slot if nobody lives in it (R-reap); returns whether it did.
    ///
    /// A word that names a clean slot is none of the protocol's, and is repaired as well: otherwise
    /// damaged memory could make us wait for nobody.
    pub(crate) fn reap(&self, slot: u32, repair: &impl Repair) -> Result<bool> {
        let alive = self.alive(slot);
        let claim = [SemOp::zero(alive).no_wait(), SemOp::add(alive, ONE).undo().no_wait()];
        match self.set.op(&claim) {
            Ok(()) => {}
            // Somebody lives there, or is reaping.
            Err(raw::Error::WouldBlock { .. }) => return Ok(false),
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

    /// Reaps every dead and dirty slot, until a look at all of them finds none.
    ///
    /// The look need not be at one instant: whoever dies after its slot was looked at posts the doorbells, and who looked
    /// has not taken that post. So if it took more looks than there are slots, somebody dies all the time, or overwrites
    /// the slots, and the caller may as well go on.
    pub(crate) fn reap_all(&self, repair: &impl Repair) -> Result<()> {
        for _ in 0..=self.max_handles() {
            if !self.reap_some(repair)? {
                break;
            }
        }
        Ok(())
    }

    /// Looks at all others once, and reaps those that are dead and dirty; returns whether there were any.
    fn reap_some(&self, repair: &impl Repair) -> Result<bool> {
        let me = Session::kept(self.me.load(Relaxed));
        let mine = if me.is_ours() { me.owner() } else { 0 };
        let is_used = |&slot: &u32| slot + 1 != mine && self.slots[slot as usize].used.load(Acquire) != 0;
        let others = || (0..self.max_handles()).filter(is_used);
        let values = match others().count() {
            // Nobody else is there, but the object may have been removed.
            0 => return self.value(STATE).map(|_| false),
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
