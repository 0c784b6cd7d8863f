//! Waiting for a condition on the value, with the guard of a mutex.
#![allow(unsafe_code, reason = "the guarded value is reached through its address")]

use std::{marker::PhantomData, mem::ManuallyDrop, time::Duration};

use bytemuck::Pod;

use super::{error::LockError, guard::MutexGuard};
use crate::{lock::Taken, raw::Deadline};

/// Whether a wait for a condition ended because its timeout elapsed.
///
/// See [`MutexGuard::wait_while_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the condition still holds if the timeout elapsed"]
pub struct WaitTimeoutResult {
    timed_out: bool,
}

impl WaitTimeoutResult {
    /// Returns whether the timeout elapsed, and the condition still holds.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("timed-out-example-{}", std::process::id());
    /// let jobs = Mutex::create(&name, 0_u32)?;
    /// let (guard, result) = jobs.lock()?.wait_while_timeout(Duration::from_millis(1), |&jobs| jobs == 0)?;
    /// assert!(result.timed_out());
    /// assert_eq!(*guard, 0); // the lock is held
    /// jobs.remove()?;
    /// # drop(guard);
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn timed_out(self) -> bool {
        self.timed_out
    }
}

impl<T: Pod> MutexGuard<'_, T> {
    /// Unlocks, blocks as long as a condition holds on the value, and locks again.
    ///
    /// This is `std`'s `Condvar::wait_while` for any mutex, without another object. A condition that does not hold costs no system
    /// call. Otherwise the mutex is unlocked, and `condition` is checked again, with the lock held, after each change of the
    /// value by another thread or process. The value counts as changed if its guard gave out a mutable reference. Each change wakes
    /// all waiters. `condition` must not lock the same mutex. If it panics, the mutex is poisoned.
    ///
    /// **When a process dies** while it waits, the others notice nothing. If it dies while it holds the lock, the mutex is
    /// poisoned, and all waiters get [`LockError::Poisoned`] at once. If it dies after it changed the value and unlocked, no waiter
    /// stays asleep.
    /// **While a waiter is stopped**, the others go on.
    ///
    /// A guard from [`ignore_poison`](crate::Mutex::ignore_poison) that found the mutex poisoned goes on waiting, and returns the
    /// guard of a mutex that may still be poisoned.
    ///
    /// ```
    /// use std::thread;
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("wait-while-example-{}", std::process::id());
    /// // Here two threads share the handle. Two processes with a handle each do the same.
    /// let jobs = Mutex::create(&name, 0_u32)?;
    /// thread::scope(|scope| {
    ///     let worker = scope.spawn(|| {
    ///         let mut waiting = jobs.lock()?.wait_while(|&jobs| jobs == 0)?;
    ///         *waiting -= 1;
    ///         Ok::<(), sysv_primitives::Error>(())
    ///     });
    ///     *jobs.lock()? += 1;
    ///     worker.join().unwrap()
    /// })?;
    /// jobs.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`LockError::Poisoned`] if a holder died or panicked meanwhile. The lock is free again and stays poisoned, as with
    ///   [`lock`](crate::Mutex::lock).
    /// - [`LockError::Failed`] if the mutex was removed and the wait must sleep, it is corrupt, or the guard belongs to the parent
    ///   of this process. The mutex is unlocked.
    pub fn wait_while(self, condition: impl FnMut(&T) -> bool) -> Result<Self, LockError> {
        self.wait_while_deadline(Deadline::NEVER, condition).map(|(guard, _)| guard)
    }

    /// Does the same, for at most `timeout`. Returns the guard in any case, and whether the timeout elapsed.
    ///
    /// An error would have to borrow the mutex to bring the guard back. So the result is that of `std`'s
    /// `Condvar::wait_timeout_while`. The call may take longer than the timeout, as long as another process holds the lock.
    ///
    /// # Errors
    ///
    /// As [`wait_while`](Self::wait_while).
    pub fn wait_while_timeout(
        self,
        timeout: Duration,
        condition: impl FnMut(&T) -> bool,
    ) -> Result<(Self, WaitTimeoutResult), LockError> {
        self.wait_while_deadline(Deadline::after(timeout), condition)
    }

    /// Does the same, until `deadline` at most. With [`Deadline::NOW`] it checks once, and keeps the lock.
    ///
    /// # Errors
    ///
    /// As [`wait_while`](Self::wait_while).
    pub fn wait_while_deadline(
        self,
        deadline: Deadline,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<(Self, WaitTimeoutResult), LockError> {
        let holds = condition(&self);
        if !self.held.me.is_ours() {
            return Err(self.mutex.members.membership_lost().into());
        }
        if !holds || deadline.has_passed() {
            return Ok((self, WaitTimeoutResult { timed_out: holds }));
        }
        // The wait gives the lock back, and not this guard.
        let this = ManuallyDrop::new(self);
        let (mutex, mut held) = (this.mutex, this.held);
        let taken = Taken { poisoned: this.poisons() };
        // SAFETY: by CW4 this process holds the lock, in this thread, whenever the condition is checked.
        let check = || condition(unsafe { mutex.value.get() });
        let waited = mutex.lock.wait_while(mutex.party(held.me), taken, this.is_changed, deadline, check);
        let (taken_again, holds) = waited?;
        held.taken = taken_again;
        let guard = MutexGuard { mutex, held, is_changed: false, value: PhantomData };
        // A guard that ignores poison comes back with it.
        let guard = if taken.poisoned { guard } else { guard.refuse_poisoned()? };
        Ok((guard, WaitTimeoutResult { timed_out: holds }))
    }
}
