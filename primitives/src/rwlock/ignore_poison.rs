//! Locking an rwlock even if it is poisoned.

use std::{fmt, time::Duration};

use bytemuck::Pod;

use super::{
    enter::HowToRead,
    guard::{RwLockReadGuard, RwLockWriteGuard},
    handle::RwLock,
};
use crate::{LockError, raw::Deadline};

/// An [`RwLock`] that is locked even if it is poisoned, from [`RwLock::ignore_poison`].
///
/// Its guards are the lock's own. The lock stays poisoned until [`RwLock::clear_poison`].
///
/// Each method does what the one of the same name does there, and fails as that does, but for
/// [`LockError::Poisoned`].
pub struct IgnoreRwLockPoison<'a, T: Pod> {
    pub(super) lock: &'a RwLock<T>,
}

impl<'a, T: Pod> IgnoreRwLockPoison<'a, T> {
    /// Locks for reading. Blocks while a living process writes, or waits to.
    ///
    /// # Errors
    ///
    /// As [`RwLock::read`], without [`LockError::Poisoned`].
    pub fn read(&self) -> Result<RwLockReadGuard<'a, T>, LockError> {
        self.read_deadline(Deadline::NEVER)
    }

    /// Locks for reading if no living process writes, or waits to.
    ///
    /// # Errors
    ///
    /// As [`RwLock::try_read`], without [`LockError::Poisoned`].
    pub fn try_read(&self) -> Result<RwLockReadGuard<'a, T>, LockError> {
        self.lock.read_as(HowToRead { ignores_poison: true, ..HowToRead::AT_ONCE })
    }

    /// Locks for reading. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`RwLock::read_timeout`], without [`LockError::Poisoned`].
    pub fn read_timeout(&self, timeout: Duration) -> Result<RwLockReadGuard<'a, T>, LockError> {
        self.read_deadline(Deadline::after(timeout))
    }

    /// Locks for reading. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`RwLock::read_deadline`], without [`LockError::Poisoned`].
    pub fn read_deadline(&self, deadline: Deadline) -> Result<RwLockReadGuard<'a, T>, LockError> {
        self.lock.read_as(HowToRead { deadline: Some(deadline), ignores_poison: true })
    }

    /// Locks for writing. Blocks until no living process reads or writes.
    ///
    /// # Errors
    ///
    /// As [`RwLock::write`], without [`LockError::Poisoned`].
    pub fn write(&self) -> Result<RwLockWriteGuard<'a, T>, LockError> {
        self.write_deadline(Deadline::NEVER)
    }

    /// Locks for writing if no living process reads or writes.
    ///
    /// # Errors
    ///
    /// As [`RwLock::try_write`], without [`LockError::Poisoned`].
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'a, T>, LockError> {
        self.lock.try_write_anyway()
    }

    /// Locks for writing. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`RwLock::write_timeout`], without [`LockError::Poisoned`].
    pub fn write_timeout(&self, timeout: Duration) -> Result<RwLockWriteGuard<'a, T>, LockError> {
        self.write_deadline(Deadline::after(timeout))
    }

    /// Locks for writing. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`RwLock::write_deadline`], without [`LockError::Poisoned`].
    pub fn write_deadline(&self, deadline: Deadline) -> Result<RwLockWriteGuard<'a, T>, LockError> {
        self.lock.write_anyway(deadline, LockError::TimedOut)
    }
}

impl<T: Pod> fmt::Debug for IgnoreRwLockPoison<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IgnoreRwLockPoison").field(self.lock).finish()
    }
}
