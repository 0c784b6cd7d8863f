//! The guard of a mutex: the way to the value.
#![allow(unsafe_code, reason = "the guarded value is reached through its address")]

use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use bytemuck::Pod;

use super::{error::LockError, handle::Mutex};
use crate::lock::Holding;

/// The lock, held: the value can be read and written through it, and dropping it unlocks.
///
/// In a child made by `fork`, dropping a guard of the parent's does nothing.
///
/// It may go to another thread, and unlock there. It borrows the mutex: an
/// [`OwnedMutexGuard`](crate::OwnedMutexGuard) does not.
#[must_use = "dropping the guard unlocks the mutex"]
pub struct MutexGuard<'a, T: Pod> {
    pub(super) mutex: &'a Mutex<T>,
    pub(super) held: Holding,
    /// Whether a mutable reference to the value was given out since the lock was taken.
    pub(super) is_changed: bool,
    /// Threads may share the guard if they may share the value.
    pub(super) value: PhantomData<&'a mut T>,
}

impl<T: Pod> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by LK1 this process holds the lock, and the guard's borrow keeps others of it out.
        unsafe { self.mutex.value.get() }
    }
}

impl<T: Pod> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.is_changed = true;
        // SAFETY: as for `deref`, and the exclusive borrow keeps this guard's other users out.
        unsafe { self.mutex.value.get_mut() }
    }
}

impl<T: Pod> MutexGuard<'_, T> {
    /// Unlocks again and fails if the value may be half changed.
    #[inline]
    pub(super) fn refuse_poisoned(self) -> Result<Self, LockError> {
        if self.held.taken.poisoned {
            return Err(LockError::poisoned(&self.mutex.members));
        }
        Ok(self)
    }

    /// Returns whether the lock is poisoned if it is given back now.
    #[inline]
    pub(super) fn poisons(&self) -> bool {
        self.held.poisons(&self.mutex.lock)
    }
}

impl<T: Pod> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.held.me.is_ours() {
            return;
        }
        self.mutex.lock.free_value(self.held.me, &self.mutex.members, self.poisons(), self.is_changed);
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
