//! A guard that owns its mutex's handle.
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

use super::{error::LockError, guard::MutexGuard, handle::Mutex};
use crate::{lock::Holding, raw::Deadline};

/// The lock, held, with a share of the handle: a [`MutexGuard`] that borrows nothing.
///
/// It may be kept in a struct, or go to a thread or task that outlives the caller. In a child made by `fork`, dropping a
/// guard of the parent's does nothing. From [`Mutex::lock_owned`].
///
/// ```
/// use std::{sync::Arc, thread};
/// use sysv_primitives::Mutex;
///
/// # let name = format!("owned-guard-example-{}", std::process::id());
/// let counter = Arc::new(Mutex::create(&name, 0_u64)?);
/// let mut guard = counter.lock_owned()?;
/// thread::spawn(move || *guard += 1).join().expect("it does not panic");
/// assert_eq!(*counter.lock()?, 1);
/// counter.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[must_use = "dropping the guard unlocks the mutex"]
pub struct OwnedMutexGuard<T: Pod> {
    mutex: Arc<Mutex<T>>,
    held: Holding,
    is_changed: bool,
}

// SAFETY: a shared guard gives out shared references to the value, which threads may share if it is `Sync`. The handle may
// be shared by any threads.
unsafe impl<T: Pod + Send + Sync> Sync for OwnedMutexGuard<T> {}
// SAFETY: the value may be used by another thread if it is `Send`. Nothing else of the guard belongs to a thread.
unsafe impl<T: Pod + Send> Send for OwnedMutexGuard<T> {}

impl<T: Pod> Mutex<T> {
    /// Locks, and returns a guard that owns a share of the handle. Blocks until the lock is free.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    pub fn lock_owned(self: &Arc<Self>) -> Result<OwnedMutexGuard<T>, LockError> {
        self.lock_owned_deadline(Deadline::NEVER)
    }

    /// Locks if no living process holds the lock, and returns a guard that owns a share of the handle.
    ///
    /// # Errors
    ///
    /// As [`try_lock`](Self::try_lock).
    pub fn try_lock_owned(self: &Arc<Self>) -> Result<OwnedMutexGuard<T>, LockError> {
        Ok(OwnedMutexGuard::new(self, self.try_lock()?))
    }

    /// Locks, and returns a guard that owns a share of the handle. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`lock_timeout`](Self::lock_timeout).
    pub fn lock_owned_timeout(self: &Arc<Self>, timeout: Duration) -> Result<OwnedMutexGuard<T>, LockError> {
        self.lock_owned_deadline(Deadline::after(timeout))
    }

    /// Locks, and returns a guard that owns a share of the handle. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`lock_deadline`](Self::lock_deadline).
    pub fn lock_owned_deadline(self: &Arc<Self>, deadline: Deadline) -> Result<OwnedMutexGuard<T>, LockError> {
        Ok(OwnedMutexGuard::new(self, self.lock_deadline(deadline)?))
    }
}

impl<T: Pod> OwnedMutexGuard<T> {
    /// Takes a guard's lock over.
    pub(super) fn new(mutex: &Arc<Mutex<T>>, guard: MutexGuard<'_, T>) -> Self {
        let guard = ManuallyDrop::new(guard);
        Self { mutex: Arc::clone(mutex), held: guard.held, is_changed: guard.is_changed }
    }
}

impl<T: Pod> Deref for OwnedMutexGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by LK1 this process holds the lock, and this guard keeps others of it out.
        unsafe { self.mutex.value.get() }
    }
}

impl<T: Pod> DerefMut for OwnedMutexGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.is_changed = true;
        // SAFETY: as for `deref`, and the exclusive borrow keeps this guard's other users out.
        unsafe { self.mutex.value.get_mut() }
    }
}

impl<T: Pod> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        let Self { held, is_changed, .. } = *self;
        drop(MutexGuard { mutex: &self.mutex, held, is_changed, value: PhantomData });
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
