//! A single semaphore, with the methods of the class in Python's `sysv_ipc`.

use std::time::{Duration, SystemTime};

use super::set::{SemaphoreSet, SemaphoreStat};
use crate::{Amount, Deadline, Result, SemOp, perm::object_methods, sys};

/// A counting semaphore: the first, and usually only, member of a set.
///
/// Make one with [`SemaphoreOptions`](crate::SemaphoreOptions). There is no ownership: any process may release, any
/// number of times. There is no queue: a caller that finds the value large enough gets it, even if others wait for
/// more.
///
/// Whether later operations are undone at exit, wait, or can be interrupted are attributes of the
/// handle, as in Python's `sysv_ipc`. A handle removes nothing when it is dropped.
///
/// **When a process dies** holding the semaphore, the value stays as it is, unless it acquired with
/// [`set_undo(true)`](Self::set_undo). Then the kernel releases what the process had acquired.
///
/// ```
/// use std::time::Duration;
/// use sysv_ipc::SemaphoreOptions;
///
/// let semaphore = SemaphoreOptions::new().initial_value(1).open_random()?;
/// semaphore.acquire()?;
/// assert!(semaphore.acquire_timeout(Duration::from_millis(10)).unwrap_err().is_busy());
/// semaphore.release()?;
/// semaphore.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semaphore {
    set: SemaphoreSet,
    undo: bool,
    no_wait: bool,
}

impl Semaphore {
    pub(super) const fn of(set: SemaphoreSet) -> Self {
        Self { set, undo: false, no_wait: false }
    }

    /// Makes a handle of a kernel id, as `ipcs -s` shows it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) if no set has this id.
    pub fn from_id(id: i32) -> Result<Self> {
        SemaphoreSet::from_id(id).map(Self::of)
    }

    /// Makes a handle of a kernel id without asking the kernel about it.
    ///
    /// No system call is made. If no set has the id, the first call fails with
    /// [`Error::Removed`](crate::Error::Removed).
    ///
    /// ```
    /// # use sysv_ipc::{Semaphore, SemaphoreOptions};
    /// let made = SemaphoreOptions::new().open_random()?;
    /// Semaphore::from_raw_id(made.id()).release()?;
    /// assert_eq!(made.value()?, 1);
    /// made.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[must_use]
    pub const fn from_raw_id(id: i32) -> Self {
        Self::of(SemaphoreSet::from_raw_id(id))
    }

    /// Acquires one. Blocks until the value is at least 1.
    ///
    /// # Errors
    ///
    /// - [`Error::Removed`](crate::Error::Removed), also while waiting.
    /// - [`Error::PermissionDenied`](crate::Error::PermissionDenied).
    /// - [`Error::WouldBlock`](crate::Error::WouldBlock) after [`set_block(false)`](Self::set_block).
    /// - [`Error::LimitReached`](crate::Error::LimitReached) for `SEMAEM` after [`set_undo(true)`](Self::set_undo), if
    ///   too many were acquired with undo and released without.
    /// - [`Error::Interrupted`](crate::Error::Interrupted) after [`set_interruptible(true)`](Self::set_interruptible).
    #[inline]
    pub fn acquire(&self) -> Result<()> {
        self.acquire_deadline(Deadline::NEVER)
    }

    /// Acquires one if that is possible at once (`IPC_NOWAIT`, on every system).
    ///
    /// # Errors
    ///
    /// [`Error::WouldBlock`](crate::Error::WouldBlock) if not. Otherwise as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> Result<()> {
        self.acquire_deadline(Deadline::NOW)
    }

    /// Acquires one. Blocks until the value is at least 1, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`](crate::Error::TimedOut). Otherwise as [`acquire`](Self::acquire).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<()> {
        self.acquire_deadline(Deadline::after(timeout))
    }

    /// Acquires one. Blocks until the value is at least 1, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout), and for [`Deadline::NOW`] as [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn acquire_deadline(&self, deadline: Deadline) -> Result<()> {
        self.acquire_many_deadline(Amount::ONE, deadline)
    }

    /// Acquires `amount`, all or nothing. Blocks until the value is at least that.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// ```
    /// # use sysv_ipc::{Amount, SemaphoreOptions};
    /// # let semaphore = SemaphoreOptions::new().initial_value(3).open_random()?;
    /// semaphore.acquire_many(Amount::new(2)?)?;
    /// assert!(semaphore.try_acquire_many(Amount::new(2)?).unwrap_err().is_busy());
    /// # semaphore.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn acquire_many(&self, amount: Amount) -> Result<()> {
        self.acquire_many_deadline(amount, Deadline::NEVER)
    }

    /// Acquires `amount` if all of it is available at once.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_many(&self, amount: Amount) -> Result<()> {
        self.acquire_many_deadline(amount, Deadline::NOW)
    }

    /// Acquires `amount`. Blocks until all of it is available, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    pub fn acquire_many_timeout(&self, amount: Amount, timeout: Duration) -> Result<()> {
        self.acquire_many_deadline(amount, Deadline::after(timeout))
    }

    /// Acquires `amount`. Blocks until all of it is available, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_deadline`](Self::acquire_deadline).
    #[inline]
    pub fn acquire_many_deadline(&self, amount: Amount, deadline: Deadline) -> Result<()> {
        self.perform(SemOp::sub(0, amount), deadline)
    }

    /// Releases one. Never blocks.
    ///
    /// # Errors
    ///
    /// [`Error::ValueOutOfRange`](crate::Error::ValueOutOfRange) if the value would exceed 32,767. It is unchanged
    /// then. (macOS counts to 65,535 and then wraps to 0.) [`Error::LimitReached`](crate::Error::LimitReached) for
    /// `SEMAEM` after [`set_undo(true)`](Self::set_undo), if too many were released with undo and acquired without.
    /// [`Error::Removed`](crate::Error::Removed), [`Error::PermissionDenied`](crate::Error::PermissionDenied).
    #[inline]
    pub fn release(&self) -> Result<()> {
        self.release_many(Amount::ONE)
    }

    /// Releases `amount`. Never blocks.
    ///
    /// # Errors
    ///
    /// As [`release`](Self::release).
    #[inline]
    pub fn release_many(&self, amount: Amount) -> Result<()> {
        self.perform(SemOp::add(0, amount), Deadline::NEVER)
    }

    /// Blocks until the value is 0, and changes nothing. Read permission is enough.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub fn wait_zero(&self) -> Result<()> {
        self.wait_zero_deadline(Deadline::NEVER)
    }

    /// Succeeds if the value is 0 now.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_wait_zero(&self) -> Result<()> {
        self.wait_zero_deadline(Deadline::NOW)
    }

    /// Blocks until the value is 0, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    pub fn wait_zero_timeout(&self, timeout: Duration) -> Result<()> {
        self.wait_zero_deadline(Deadline::after(timeout))
    }

    /// Blocks until the value is 0, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_deadline`](Self::acquire_deadline).
    pub fn wait_zero_deadline(&self, deadline: Deadline) -> Result<()> {
        self.perform(SemOp::zero(0), deadline)
    }

    /// Dijkstra's name for [`acquire`](Self::acquire). The other forms have no such name.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub fn p(&self) -> Result<()> {
        self.acquire()
    }

    /// Dijkstra's name for [`release`](Self::release).
    ///
    /// # Errors
    ///
    /// As [`release`](Self::release).
    pub fn v(&self) -> Result<()> {
        self.release()
    }

    /// The name in Python's `sysv_ipc` for [`wait_zero`](Self::wait_zero).
    ///
    /// # Errors
    ///
    /// As [`wait_zero`](Self::wait_zero).
    pub fn z(&self) -> Result<()> {
        self.wait_zero()
    }

    /// Sets whether later operations of this handle are undone when the process ends (`SEM_UNDO`).
    ///
    /// Use it for both acquire and release, or for neither: the kernel reverses the sum of the operations with undo.
    /// See [`SemOp::undo`].
    pub fn set_undo(&mut self, undo: bool) -> &mut Self {
        self.undo = undo;
        self
    }

    /// Returns whether operations of this handle are undone when the process ends.
    #[must_use]
    pub fn undo(&self) -> bool {
        self.undo
    }

    /// Sets whether later operations of this handle wait at all. `false` overrides every timeout.
    pub fn set_block(&mut self, block: bool) -> &mut Self {
        self.no_wait = !block;
        self
    }

    /// Returns whether operations of this handle wait.
    #[must_use]
    pub fn block(&self) -> bool {
        !self.no_wait
    }

    /// Sets whether later waits of this handle end with [`Error::Interrupted`](crate::Error::Interrupted) when a signal
    /// handler ran. By default they go on with the time that is left.
    ///
    /// **On Linux they also end when the process was stopped and goes on** (`SIGSTOP`, `SIGCONT`), without a handler:
    /// the kernel returns `EINTR` for both. Check what the handlers set, and wait again.
    pub fn set_interruptible(&mut self, interruptible: bool) -> &mut Self {
        self.set.set_interruptible(interruptible);
        self
    }

    /// Returns whether a signal handler ends waits of this handle.
    ///
    /// ```
    /// # use sysv_ipc::Semaphore;
    /// let mut semaphore = Semaphore::from_raw_id(0);
    /// assert!(!semaphore.interruptible());
    /// assert!(semaphore.set_interruptible(true).interruptible());
    /// ```
    #[must_use]
    pub fn interruptible(&self) -> bool {
        self.set.interruptible()
    }

    /// Returns the value, as of a moment ago.
    ///
    /// # Errors
    ///
    /// [`Error::Removed`](crate::Error::Removed), or
    /// [`Error::PermissionDenied`](crate::Error::PermissionDenied) without read permission.
    pub fn value(&self) -> Result<u16> {
        self.set.value(0)
    }

    /// Sets the value and wakes the waiters for that value. **Clears every process's undo account for it.**
    ///
    /// # Errors
    ///
    /// [`Error::ValueOutOfRange`](crate::Error::ValueOutOfRange) above 32,767. Nothing is changed then. Otherwise as
    /// [`value`](Self::value).
    pub fn set_value(&self, value: u16) -> Result<()> {
        self.set.set_value(0, value)
    }

    /// Returns the process that last operated on it.
    ///
    /// `None` before the first operation. On Linux a creation with the value 0 is no operation, and one with another value is. See
    /// [`SemaphoreSet::last_pid`].
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn last_pid(&self) -> Result<Option<u32>> {
        self.set.last_pid(0)
    }

    /// Returns how many callers wait to acquire.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn waiting_for_nonzero(&self) -> Result<usize> {
        self.set.waiting_for_nonzero(0)
    }

    /// Returns how many callers wait for zero.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn waiting_for_zero(&self) -> Result<usize> {
        self.set.waiting_for_zero(0)
    }

    /// Returns when the last successful operation was, `None` before the first.
    ///
    /// Failed and timed-out operations and [`set_value`](Self::set_value) don't count. Operations that the kernel
    /// undoes when a process exits do.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn o_time(&self) -> Result<Option<SystemTime>> {
        Ok(self.stat()?.o_time)
    }

    /// Returns what the kernel knows of it.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn stat(&self) -> Result<SemaphoreStat> {
        self.set.stat()
    }

    object_methods! {
        "Removes it at once. Its waiters wake with [`Error::Removed`](crate::Error::Removed).",
        via set
    }

    /// Returns the set this is the first member of.
    #[must_use]
    pub fn as_set(&self) -> &SemaphoreSet {
        &self.set
    }

    #[inline]
    fn perform(&self, op: SemOp, deadline: Deadline) -> Result<()> {
        let no_wait = self.no_wait || deadline == Deadline::NOW;
        let op = op.with_if(no_wait, sys::IPC_NOWAIT).with_if(self.undo, sys::SEM_UNDO);
        let deadline = if no_wait { Deadline::NEVER } else { deadline };
        self.set.op_deadline(&[op], deadline)
    }
}
