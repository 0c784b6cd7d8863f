//! The guards of an rwlock: the ways to the value.
#![allow(unsafe_code, reason = "the guarded value is reached through its address")]

use std::{
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
};

use bytemuck::Pod;

use super::{handle::RwLock, state::Counter};
use crate::{LockError, lock::Holding, members::Session};

/// The lock, held for reading: the value can be read through it, and dropping it leaves.
///
/// Any number of processes and threads may have one at once. It never poisons. In a child made by `fork`, dropping a guard of
/// the parent's does nothing.
///
/// It can't be sent to another thread. The guards of [`read_owned`](RwLock::read_owned) and of `read_async` can:
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>() {}
/// is_send::<sysv_primitives::RwLockReadGuard<'static, u32>>();
/// ```
#[must_use = "dropping the guard unlocks the lock"]
pub struct RwLockReadGuard<'a, T: Pod> {
    pub(super) lock: &'a RwLock<T>,
    pub(super) session: Session,
    /// Where it is counted.
    pub(super) counter: Counter,
    pub(super) not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out shared references to a `Pod`, which threads may share.
unsafe impl<T: Pod + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<T: Pod> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by RW1 and RW2 no writer is inside as long as this guard is counted.
        unsafe { self.lock.value.get() }
    }
}

impl<T: Pod> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.session.is_current() {
            self.lock.state.leave(self.session, self.counter, &self.lock.members);
        }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The lock, held for writing: the value can be read and changed through it, and dropping it unlocks.
///
/// No other guard exists meanwhile. A thread that panics with it poisons the lock. In a child made by `fork`, dropping a guard
/// of the parent's does nothing.
///
/// It may go to another thread, and unlock there. It borrows the lock: an
/// [`OwnedRwLockWriteGuard`](crate::OwnedRwLockWriteGuard) does not.
#[must_use = "dropping the guard unlocks the lock"]
pub struct RwLockWriteGuard<'a, T: Pod> {
    pub(super) lock: &'a RwLock<T>,
    pub(super) held: Holding,
    /// Threads may share the guard if they may share the value.
    pub(super) value: PhantomData<&'a mut T>,
}

impl<T: Pod> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by LK1 this process has the lock, and by RW2 no reader is left.
        unsafe { self.lock.value.get() }
    }
}

impl<T: Pod> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; the exclusive borrow keeps this guard's other users out.
        unsafe { self.lock.value.get_mut() }
    }
}

impl<'a, T: Pod> RwLockWriteGuard<'a, T> {
    /// Goes on reading what was written, and lets other readers in.
    ///
    /// No writer comes in between. It is a function of the type, not a method, as the value may have one of that name.
    ///
    /// ```
    /// use sysv_primitives::{LockError, RwLock, RwLockWriteGuard};
    ///
    /// # let name = format!("downgrade-example-{}", std::process::id());
    /// let total = RwLock::create(&name, 1_u64)?;
    /// let mut writing = total.write()?;
    /// *writing += 1;
    /// let reading = RwLockWriteGuard::downgrade(writing);
    /// assert_eq!((*reading, *total.read()?), (2, 2));
    /// assert!(matches!(total.try_write(), Err(LockError::WouldBlock)));
    /// drop(reading);
    /// total.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        let guard = ManuallyDrop::new(guard);
        let (lock, session) = (guard.lock, guard.held.me);
        let counter = lock.counter();
        if session.is_ours() {
            lock.state.downgrade(session, counter, &lock.members, guard.poisons());
        }
        RwLockReadGuard { lock, session, counter, not_send: PhantomData }
    }

    /// Returns whether the lock is to be freed poisoned.
    #[inline]
    fn poisons(&self) -> bool {
        self.held.poisons(&self.lock.state.lock)
    }

    /// Unlocks again, and says so, if the value may be half changed.
    #[inline]
    pub(super) fn refuse_poisoned(self) -> Result<Self, LockError> {
        if self.held.taken.poisoned {
            return Err(LockError::poisoned(&self.lock.members));
        }
        Ok(self)
    }
}

impl<T: Pod> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.held.me.is_ours() {
            self.lock.state.leave_inside(self.held.me, &self.lock.members, self.poisons());
        }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
