//! The lock word of a ring's roles, and its atomic operations.
//!
//! A load that is followed by a compare-and-swap, and again if that fails, is one operation here: the swap that
//! succeeds has seen the word as it was.

use crate::members::Slot;

/// Free or owned, with WAITERS and POISONED.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockWord {
    pub(crate) owner: Option<Slot>,
    pub(crate) waiters: bool,
    pub(crate) poisoned: bool,
}

impl LockWord {
    /// Takes the word if it is free, with WAITERS if the caller was ever woken. The other bits stay.
    pub(crate) fn take(&mut self, slot: Slot, has_slept: bool) -> bool {
        if self.owner.is_some() {
            return false;
        }
        self.owner = Some(slot);
        self.waiters |= has_slept;
        true
    }

    /// Sets WAITERS, because the caller is about to sleep. Returns the owner, or `None` if the word is free.
    pub(crate) fn mark(&mut self) -> Option<Slot> {
        self.waiters |= self.owner.is_some();
        self.owner
    }

    /// Frees the word, for its owner. Returns whether it had waiters.
    pub(crate) fn free(&mut self) -> bool {
        let had_waiters = self.waiters;
        *self = Self { poisoned: self.poisoned, ..Self::default() };
        had_waiters
    }

    /// Takes the word away from a slot that owns it. Returns whether it had waiters.
    ///
    /// This is one step, because only the reaper of the slot changes the owner, and the swap itself reads WAITERS.
    pub(crate) fn repair(&mut self, slot: Slot) -> bool {
        if self.owner != Some(slot) {
            return false;
        }
        let had_waiters = self.waiters;
        *self = Self { owner: None, waiters: false, poisoned: true };
        had_waiters
    }
}
