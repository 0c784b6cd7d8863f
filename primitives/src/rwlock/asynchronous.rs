//! Locking in a future. How it waits is in `wait_async`.

use std::sync::Arc;

use bytemuck::Pod;

use super::{
    guard::RwLockWriteGuard,
    handle::RwLock,
    ignore_poison::IgnoreRwLockPoison,
    owned::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockSendReadGuard},
    state::{Counter, WRITER_BELL},
    wait::Admission,
};
use crate::{LockError, failure::Result, lock::Taken};

impl<T: Pod> RwLock<T> {
    /// Locks for reading. Waits while a living process writes, or waits to, without blocking the thread.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async). Its guard may go to another thread.
    ///
    /// **Cancel safety.** A future that is dropped does not read, and keeps no writer out.
    ///
    /// ```
    /// use sysv_primitives::RwLock;
    ///
    /// # let name = format!("rwlock-async-example-{}", std::process::id());
    /// let limits = RwLock::create(&name, [10_u32, 20])?;
    /// pollster::block_on(async {
    ///     limits.write_async().await?[1] = 30;
    ///     assert_eq!(limits.read_async().await?[1], 30);
    ///     Ok::<(), sysv_primitives::Error>(())
    /// })?;
    /// limits.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read). [`LockError::Failed`] with [`Failure::NoThread`](crate::Failure::NoThread) if the system
    /// refuses the thread that sleeps for futures.
    pub async fn read_async(&self) -> Result<RwLockSendReadGuard<'_, T>, LockError> {
        self.enter_async(false).await
    }

    /// Locks for writing. Waits until no living process reads or writes, without blocking the thread.
    ///
    /// Once this caller is first among the writers, it keeps new readers out, also while it waits for those that are left. A
    /// future that was woken then and is not polled within 10 ms lets others in, and is a new writer when it is polled.
    ///
    /// **Cancel safety.** A future that is dropped has not taken the lock, and lets others in at once. If it waited for
    /// readers, its drop waits for the thread that sleeps for it to end.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and as [`read_async`](Self::read_async).
    pub async fn write_async(&self) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        self.write_anyway_async().await?.refuse_poisoned()
    }

    /// Locks for reading, and returns a guard that owns a share of the handle, for tasks that borrow nothing.
    ///
    /// **Cancel safety.** As [`read_async`](Self::read_async).
    ///
    /// # Errors
    ///
    /// As [`read_async`](Self::read_async).
    pub async fn read_owned_async(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, LockError> {
        let guard = self.read_async().await?;
        Ok(OwnedRwLockReadGuard::new(&self, guard))
    }

    /// Locks for writing, and returns a guard that owns a share of the handle, for tasks that borrow nothing.
    ///
    /// **Cancel safety.** As [`write_async`](Self::write_async).
    ///
    /// # Errors
    ///
    /// As [`write_async`](Self::write_async).
    pub async fn write_owned_async(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, LockError> {
        let guard = self.write_async().await?;
        Ok(OwnedRwLockWriteGuard::new(&self, guard))
    }

    async fn enter_async(&self, ignores_poison: bool) -> Result<RwLockSendReadGuard<'_, T>, LockError> {
        let me = self.members.session(&self.state)?;
        if self.state.count_and_check(me, Counter::Shared) {
            return Ok(self.send_guard(me));
        }
        // As in `wait_to_read`.
        self.state.leave(me, Counter::Shared, &self.members);
        let Taken { poisoned } = self.state.enter_async(self.party(me)).await?;
        let guard = self.send_guard(me);
        if poisoned && !ignores_poison {
            return Err(LockError::poisoned(&self.members));
        }
        Ok(guard)
    }

    async fn write_anyway_async(&self) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        let me = self.members.session(&self.state)?;
        match self.state.enter_to_write_async(self.party(me), &self.writers).await? {
            Admission::Inside(taken) => Ok(self.write_guard(me, taken)),
            // It waits as long as it takes.
            Admission::Unfenced | Admission::NotInTime => Err(self.unfenced().into()),
        }
    }

    /// Ends the clerks of this process. The handle is being dropped.
    pub(super) fn dismiss_clerks(&self) {
        self.state.lock.room.dismiss_clerk(&self.members);
        self.state.readers.dismiss_clerk(&self.members);
        self.writers.desk.dismiss_clerk(WRITER_BELL, &self.members);
    }
}

impl<'a, T: Pod> IgnoreRwLockPoison<'a, T> {
    /// Locks for reading. Waits while a living process writes, or waits to, without blocking the thread.
    ///
    /// **Cancel safety.** As [`RwLock::read_async`].
    ///
    /// # Errors
    ///
    /// As [`RwLock::read_async`], without [`LockError::Poisoned`].
    pub async fn read_async(&self) -> Result<RwLockSendReadGuard<'a, T>, LockError> {
        self.lock.enter_async(true).await
    }

    /// Locks for writing. Waits until no living process reads or writes, without blocking the thread.
    ///
    /// **Cancel safety.** As [`RwLock::write_async`].
    ///
    /// # Errors
    ///
    /// As [`RwLock::write_async`], without [`LockError::Poisoned`].
    pub async fn write_async(&self) -> Result<RwLockWriteGuard<'a, T>, LockError> {
        self.lock.write_anyway_async().await
    }
}
