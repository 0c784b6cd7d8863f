//! The second form of locking: a lock that is given out even if it is poisoned.

use std::{fmt, time::Duration};

use bytemuck::Pod;

use super::{error::LockError, guard::MutexGuard, handle::Mutex};
use crate::raw::Deadline;

/// A view of a [`Mutex`] that locks it even if it is poisoned, from [`Mutex::ignore_poison`].
///
/// Its guards are the mutex's own. The mutex stays poisoned until [`Mutex::clear_poison`].
pub struct IgnorePoison<'a, T: Pod> {
    pub(super) mutex: &'a Mutex<T>,
}

impl<'a, T: Pod> IgnorePoison<'a, T> {
    /// Locks. Blocks until the lock is free.
    ///
    /// # Errors
    ///
    /// [`LockError::Failed`] if the object was removed or is corrupt.
    pub fn lock(&self) -> Result<MutexGuard<'a, T>, LockError> {
        self.lock_deadline(Deadline::NEVER)
    }

    /// Locks if no living process holds the lock.
    ///
    /// # Errors
    ///
    /// [`LockError::WouldBlock`] if one does. Otherwise as [`lock`](Self::lock).
    pub fn try_lock(&self) -> Result<MutexGuard<'a, T>, LockError> {
        self.mutex.try_lock_anyway()
    }

    /// Locks. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] if the timeout elapses. Otherwise as [`lock`](Self::lock).
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'a, T>, LockError> {
        self.lock_deadline(Deadline::after(timeout))
    }

    /// Locks. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] if the deadline passes. Otherwise as [`lock`](Self::lock).
    pub fn lock_deadline(&self, deadline: Deadline) -> Result<MutexGuard<'a, T>, LockError> {
        self.mutex.lock_anyway(deadline)
    }
}

impl<T: Pod> fmt::Debug for IgnorePoison<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IgnorePoison").field(self.mutex).finish()
    }
}
