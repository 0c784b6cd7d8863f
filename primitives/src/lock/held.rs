//! How a lock is held: what travels from where it is taken to where it is freed.

use std::thread;

use super::{CONDITIONS, Holding, Lock, POISONED, Taken};
use crate::members::Session;

impl Holding {
    #[inline]
    pub(crate) fn new(me: Session, taken: Taken) -> Self {
        Self { me, taken, was_panicking: thread::panicking() }
    }

    /// Returns whether the lock is poisoned if it is given back now.
    #[inline]
    pub(crate) fn poisons(self, lock: &Lock) -> bool {
        (self.taken.poisoned && lock.is_poisoned()) || (!self.was_panicking && thread::panicking())
    }

    /// Returns the bits with which a waiter for a condition frees the word (CW1).
    pub(super) fn kept_by_waiter(self, lock: &Lock) -> u32 {
        CONDITIONS | if self.poisons(lock) { POISONED } else { 0 }
    }
}
