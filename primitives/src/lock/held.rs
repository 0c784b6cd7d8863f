//! How a lock is held: what travels from where it is taken to where it is freed.

use std::thread;

use super::{CONDITIONS, Lock, POISONED};
use crate::members::Session;

/// How a lock was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) poisoned: bool,
}

/// How a guard, or a wait that gives the lock back, has the lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holding {
    pub(crate) me: Session,
    pub(crate) taken: Taken,
    /// Whether the thread was panicking already when it locked.
    was_panicking: bool,
}

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
