//! Guards that may go to another thread, and guards that own the handle.
#![allow(unsafe_code, reason = "the guarded value is reached through its address")]

use std::{
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use bytemuck::Pod;

use super::{enter::HowToRead, guard::RwLockWriteGuard, handle::RwLock, state::Counter};
use crate::{LockError, lock::Holding, members::Session, raw::Deadline};

/// The lock, held for reading by a guard that may go to another thread. From `RwLock::read_async`.
///
/// It is a [`RwLockReadGuard`](crate::RwLockReadGuard) that is counted among those of all threads of the process, so it costs an
/// atomic read-modify-write to lock and to unlock. An [`OwnedRwLockReadGuard`] borrows nothing besides.
#[must_use = "dropping the guard unlocks the lock"]
pub struct RwLockSendReadGuard<'a, T: Pod> {
    pub(super) lock: &'a RwLock<T>,
    pub(super) session: Session,
    /// Other threads may have a guard at the same time.
    pub(super) value: PhantomData<&'a T>,
}

impl<T: Pod> Deref for RwLockSendReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by RW1 and RW2 no writer is inside as long as this guard is counted.
        unsafe { self.lock.value.get() }
    }
}

impl<T: Pod> Drop for RwLockSendReadGuard<'_, T> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            self.lock.state.leave(self.session, Counter::Shared, &self.lock.members);
        }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for RwLockSendReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The lock, held for reading, with a share of the handle: a guard that borrows nothing.
///
/// It may be kept in a struct, or go to a thread or task that outlives the caller. In a child made by `fork`, dropping a
/// guard of the parent's does nothing. From [`RwLock::read_owned`].
///
/// ```
/// use std::{sync::Arc, thread};
/// use sysv_primitives::RwLock;
///
/// # let name = format!("owned-read-example-{}", std::process::id());
/// let limits = Arc::new(RwLock::create(&name, [10_u32, 20])?);
/// let reading = limits.read_owned()?;
/// assert_eq!(thread::spawn(move || reading[1]).join().expect("it does not panic"), 20);
/// limits.write_owned()?[1] = 30;
/// limits.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[must_use = "dropping the guard unlocks the lock"]
pub struct OwnedRwLockReadGuard<T: Pod> {
    lock: Arc<RwLock<T>>,
    session: Session,
    /// Other threads may have a guard at the same time.
    value: PhantomData<&'static T>,
}

impl<T: Pod> OwnedRwLockReadGuard<T> {
    /// Takes a guard's count over.
    pub(super) fn new(lock: &Arc<RwLock<T>>, guard: RwLockSendReadGuard<'_, T>) -> Self {
        let session = ManuallyDrop::new(guard).session;
        Self { lock: Arc::clone(lock), session, value: PhantomData }
    }
}

impl<T: Pod> Deref for OwnedRwLockReadGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by RW1 and RW2 no writer is inside as long as this guard is counted.
        unsafe { self.lock.value.get() }
    }
}

impl<T: Pod> Drop for OwnedRwLockReadGuard<T> {
    fn drop(&mut self) {
        drop(RwLockSendReadGuard { lock: &self.lock, session: self.session, value: PhantomData });
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for OwnedRwLockReadGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The lock, held for writing, with a share of the handle: a [`RwLockWriteGuard`] that borrows nothing.
///
/// It may be kept in a struct, or go to a thread or task that outlives the caller. In a child made by `fork`, dropping a
/// guard of the parent's does nothing. From [`RwLock::write_owned`].
#[must_use = "dropping the guard unlocks the lock"]
pub struct OwnedRwLockWriteGuard<T: Pod> {
    lock: Arc<RwLock<T>>,
    held: Holding,
    /// Threads may share the guard if they may share the value.
    value: PhantomData<&'static mut T>,
}

impl<T: Pod> OwnedRwLockWriteGuard<T> {
    /// Takes a guard's lock over.
    pub(super) fn new(lock: &Arc<RwLock<T>>, guard: RwLockWriteGuard<'_, T>) -> Self {
        let held = ManuallyDrop::new(guard).held;
        Self { lock: Arc::clone(lock), held, value: PhantomData }
    }

    /// Goes on reading what was written, and lets other readers in. See [`RwLockWriteGuard::downgrade`].
    pub fn downgrade(guard: Self) -> OwnedRwLockReadGuard<T> {
        let (lock, session) = (Arc::clone(&guard.lock), guard.held.me);
        if session.is_ours() {
            // Counted before the guard unlocks (RW7).
            lock.state.count(session, Counter::Shared);
        }
        drop(guard);
        OwnedRwLockReadGuard { lock, session, value: PhantomData }
    }
}

impl<T: Pod> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by LK1 this process has the lock, and by RW2 no reader is left.
        unsafe { self.lock.value.get() }
    }
}

impl<T: Pod> DerefMut for OwnedRwLockWriteGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the exclusive borrow keeps this guard's other users out.
        unsafe { self.lock.value.get_mut() }
    }
}

impl<T: Pod> Drop for OwnedRwLockWriteGuard<T> {
    fn drop(&mut self) {
        drop(RwLockWriteGuard { lock: &self.lock, held: self.held, value: PhantomData });
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for OwnedRwLockWriteGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: Pod> RwLock<T> {
    /// Locks for reading, and returns a guard that owns a share of the handle. Blocks while a living process writes, or waits to.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_owned(self: &Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, LockError> {
        self.read_owned_deadline(Deadline::NEVER)
    }

    /// Locks for reading if no living process writes, or waits to, and returns a guard that owns a share of the handle.
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    pub fn try_read_owned(self: &Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, LockError> {
        Ok(OwnedRwLockReadGuard::new(self, self.read_to_send(HowToRead::AT_ONCE)?))
    }

    /// Locks for reading, and returns a guard that owns a share of the handle. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`read_timeout`](Self::read_timeout).
    pub fn read_owned_timeout(self: &Arc<Self>, timeout: Duration) -> Result<OwnedRwLockReadGuard<T>, LockError> {
        self.read_owned_deadline(Deadline::after(timeout))
    }

    /// Locks for reading, and returns a guard that owns a share of the handle. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`read_deadline`](Self::read_deadline).
    pub fn read_owned_deadline(self: &Arc<Self>, deadline: Deadline) -> Result<OwnedRwLockReadGuard<T>, LockError> {
        let how = HowToRead { deadline: Some(deadline), ..HowToRead::AT_ONCE };
        Ok(OwnedRwLockReadGuard::new(self, self.read_to_send(how)?))
    }

    /// Locks for writing, and returns a guard that owns a share of the handle. Blocks until no living process reads or writes.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_owned(self: &Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, LockError> {
        self.write_owned_deadline(Deadline::NEVER)
    }

    /// Locks for writing if no living process reads or writes, and returns a guard that owns a share of the handle.
    ///
    /// # Errors
    ///
    /// As [`try_write`](Self::try_write).
    pub fn try_write_owned(self: &Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, LockError> {
        Ok(OwnedRwLockWriteGuard::new(self, self.try_write()?))
    }

    /// Locks for writing, and returns a guard that owns a share of the handle. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`write_timeout`](Self::write_timeout).
    pub fn write_owned_timeout(self: &Arc<Self>, timeout: Duration) -> Result<OwnedRwLockWriteGuard<T>, LockError> {
        self.write_owned_deadline(Deadline::after(timeout))
    }

    /// Locks for writing, and returns a guard that owns a share of the handle. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`write_deadline`](Self::write_deadline).
    pub fn write_owned_deadline(self: &Arc<Self>, deadline: Deadline) -> Result<OwnedRwLockWriteGuard<T>, LockError> {
        Ok(OwnedRwLockWriteGuard::new(self, self.write_deadline(deadline)?))
    }

    /// As `read_as`, with a guard in the count of all threads.
    fn read_to_send(&self, how: HowToRead) -> Result<RwLockSendReadGuard<'_, T>, LockError> {
        let me = self.members.session(&self.state)?;
        if self.state.count_and_check(me, Counter::Shared) {
            return Ok(self.send_guard(me));
        }
        self.wait_to_read(me, Counter::Shared, how)?;
        Ok(self.send_guard(me))
    }

    pub(super) fn send_guard(&self, session: Session) -> RwLockSendReadGuard<'_, T> {
        RwLockSendReadGuard { lock: self, session, value: PhantomData }
    }
}
