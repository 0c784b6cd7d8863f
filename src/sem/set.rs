//! Semaphore sets: several semaphores under one key, and operations on them that happen as one.

use std::time::SystemTime;

use libc::c_int;
use nix::errno::Errno;

use crate::{
    Error, Mode, ObjectId, ObjectKind, Permissions, Result,
    limit::SEMAPHORE_VALUE_MAX,
    perm::{object_methods, pid, time},
    sys,
};

/// Removes a semaphore set by its id, without a handle.
///
/// Immediate: its waiters wake with [`Error::Removed`].
///
/// # Errors
///
/// [`Error::NotFound`] if no set has this id, [`Error::PermissionDenied`] unless the caller is
/// owner, creator or root.
///
/// ```
/// use sysv_ipc::{SemaphoreOptions, remove_semaphore};
///
/// let semaphore = SemaphoreOptions::new().open_random()?;
/// remove_semaphore(semaphore.id())?;
/// assert!(remove_semaphore(semaphore.id()).unwrap_err().is_gone());
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
pub fn remove_semaphore(id: i32) -> Result<()> {
    SemaphoreSet::new(None, id).remove_object().map_err(Error::into_never_seen)
}

/// A set of semaphores.
///
/// A handle is a number. Dropping it removes nothing. Two handles of one key are independent. All methods may be called
/// from any thread, and only the calling thread waits.
///
/// When a process dies, the kernel reverses what it did with [`SemOp::undo`](crate::SemOp::undo), and nothing else.
///
/// See [`semop(2)`](https://man7.org/linux/man-pages/man2/semop.2.html) and
/// [`semctl(2)`](https://man7.org/linux/man-pages/man2/semctl.2.html).
///
/// ```
/// use sysv_ipc::{Amount, Key, SemOp, SemaphoreOptions};
///
/// let set = SemaphoreOptions::new().create(true).initial_value(5).open_set(Key::PRIVATE, 3)?;
/// // Moves one unit from semaphore 0 to semaphore 2, in one step.
/// set.op(&[SemOp::sub(0, Amount::ONE), SemOp::add(2, Amount::ONE)])?;
/// assert_eq!(set.values()?, [4, 5, 6]);
/// set.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SemaphoreSet {
    key: Option<crate::Key>,
    pub(super) id: c_int,
    pub(super) interruptible: bool,
}

/// What the kernel knows of a semaphore set (`IPC_STAT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemaphoreStat {
    /// Owner, creator and mode.
    pub permissions: Permissions,
    /// How many semaphores the set has.
    pub len: usize,
    /// When the last successful `semop` was, in whole seconds. `None` before the first.
    pub o_time: Option<SystemTime>,
    /// When it was made or last changed by `IPC_SET`, `SETVAL` or `SETALL`.
    pub c_time: Option<SystemTime>,
}

impl SemaphoreStat {
    #[allow(clippy::useless_conversion, reason = "the types differ from system to system")]
    #[allow(clippy::cast_possible_truncation, reason = "a set has at most some ten thousand members")]
    pub(crate) fn from_raw(raw: &sys::semid_ds) -> Self {
        Self {
            permissions: Permissions::from_raw(&raw.sem_perm),
            len: raw.sem_nsems as usize,
            o_time: time(raw.sem_otime.into()),
            c_time: time(raw.sem_ctime.into()),
        }
    }
}

impl SemaphoreSet {
    pub(crate) const fn new(key: Option<crate::Key>, id: c_int) -> Self {
        Self { key, id, interruptible: false }
    }

    /// Makes a handle of a kernel id, as `ipcs -s` shows it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if no set has this id.
    ///
    /// ```
    /// # use sysv_ipc::{Key, SemaphoreOptions, SemaphoreSet};
    /// let set = SemaphoreOptions::new().create(true).open_set(Key::PRIVATE, 2)?;
    /// let same = SemaphoreSet::from_id(set.id())?;
    /// assert_eq!((same.key(), same.len()?), (None, 2));
    /// # set.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn from_id(id: i32) -> Result<Self> {
        let set = Self::new(None, id);
        match set.stat() {
            // It exists. Each operation reports whether it is allowed.
            Ok(_) | Err(Error::PermissionDenied { .. }) => Ok(set),
            Err(error) => Err(error.into_never_seen()),
        }
    }

    /// Makes a handle of a kernel id without asking the kernel about it.
    ///
    /// No system call is made. If no set has the id, the first call fails with [`Error::Removed`].
    ///
    /// ```
    /// # use sysv_ipc::SemaphoreSet;
    /// assert!(SemaphoreSet::from_raw_id(-1).len().unwrap_err().is_gone());
    /// ```
    #[must_use]
    pub const fn from_raw_id(id: i32) -> Self {
        Self::new(None, id)
    }

    object_methods! {
        "Removes the set at once. Its waiters wake with [`Error::Removed`] (`IPC_RMID`)."
    }

    /// Sets whether later waits of this handle end with [`Error::Interrupted`] when a signal handler ran.
    ///
    /// By default they go on with the time that is left.
    ///
    /// **On Linux they also end when the process was stopped and goes on** (`SIGSTOP`, `SIGCONT`), without a handler:
    /// the kernel returns `EINTR` for both. Check what the handlers set, and wait again.
    pub fn set_interruptible(&mut self, interruptible: bool) -> &mut Self {
        self.interruptible = interruptible;
        self
    }

    /// Returns whether a signal handler ends waits of this handle.
    ///
    /// ```
    /// # use sysv_ipc::SemaphoreSet;
    /// let mut set = SemaphoreSet::from_raw_id(0);
    /// assert!(!set.interruptible());
    /// assert!(set.set_interruptible(true).interruptible());
    /// ```
    #[must_use]
    pub fn interruptible(&self) -> bool {
        self.interruptible
    }

    /// Returns the value of one semaphore (`GETVAL`).
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchSemaphore`], [`Error::Removed`], or [`Error::PermissionDenied`] without read permission.
    pub fn value(&self, index: usize) -> Result<u16> {
        let value = self.get(index, sys::GETVAL)?;
        u16::try_from(value).map_err(|_| self.control_error(Errno::ERANGE))
    }

    /// Returns all values at one instant (`GETALL`).
    ///
    /// # Errors
    ///
    /// [`Error::Removed`], or [`Error::PermissionDenied`] without read permission.
    pub fn values(&self) -> Result<Vec<u16>> {
        let mut values = vec![0; self.len()?];
        sys::semctl_get_all(self.id, &mut values).map_err(|errno| self.control_error(errno))?;
        Ok(values)
    }

    /// Sets the value of one semaphore and wakes the waiters for that value (`SETVAL`).
    ///
    /// **Clears what every process's undo account holds for this semaphore.** Leaves [`o_time`](SemaphoreStat::o_time)
    /// unchanged. On Linux it sets [`last_pid`](Self::last_pid).
    ///
    /// # Errors
    ///
    /// [`Error::ValueOutOfRange`] above 32,767, before any system call. Otherwise as [`value`](Self::value).
    pub fn set_value(&self, index: usize, value: u16) -> Result<()> {
        self.check_value(value)?;
        let number = self.index(index)?;
        sys::semctl_set_value(self.id, number, value).map_err(|errno| self.member_error(index, errno))
    }

    /// Sets all values at once (`SETALL`).
    ///
    /// **Clears every process's undo account for the whole set.**
    ///
    /// # Errors
    ///
    /// [`Error::WrongCount`] unless there is one value for each semaphore. Otherwise as
    /// [`set_value`](Self::set_value).
    pub fn set_values(&self, values: &[u16]) -> Result<()> {
        values.iter().try_for_each(|&value| self.check_value(value))?;
        let len = self.len()?;
        if len != values.len() {
            return Err(Error::WrongCount { object: self.object(), given: values.len(), len });
        }
        self.set_all(values)
    }

    /// Sets the values of a set that is known to have as many semaphores.
    pub(super) fn set_all(&self, values: &[u16]) -> Result<()> {
        sys::semctl_set_all(self.id, values).map_err(|errno| self.control_error(errno))
    }

    /// Returns the process that last operated on the semaphore (`GETPID`).
    ///
    /// `None` before the first operation.
    ///
    /// Linux and macOS also record a process that set its value, and a process that the kernel undid operations of at
    /// exit. FreeBSD records `semop` alone.
    ///
    /// **A creation alone is no operation.** On Linux a semaphore that was created with the value 0 has `None`, as
    /// nothing had to be set. With another value the creator set it, and is returned.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    ///
    /// ```
    /// use sysv_ipc::SemaphoreOptions;
    ///
    /// let semaphore = SemaphoreOptions::new().initial_value(0).open_random()?;
    /// # if cfg!(target_os = "linux") {
    /// assert_eq!(semaphore.last_pid()?, None);
    /// # }
    /// semaphore.release()?;
    /// assert_eq!(semaphore.last_pid()?, Some(std::process::id()));
    /// semaphore.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn last_pid(&self, index: usize) -> Result<Option<u32>> {
        self.get(index, sys::GETPID).map(pid)
    }

    /// Returns how many callers wait to acquire from the semaphore (`GETNCNT`).
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn waiting_for_nonzero(&self, index: usize) -> Result<usize> {
        self.get(index, sys::GETNCNT).map(|count| usize::try_from(count).unwrap_or(0))
    }

    /// Returns how many callers wait for the semaphore to be zero (`GETZCNT`).
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn waiting_for_zero(&self, index: usize) -> Result<usize> {
        self.get(index, sys::GETZCNT).map(|count| usize::try_from(count).unwrap_or(0))
    }

    /// Returns what the kernel knows of the set (`IPC_STAT`).
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn stat(&self) -> Result<SemaphoreStat> {
        let (_, raw) = sys::semctl_stat(self.id, libc::IPC_STAT).map_err(|errno| self.control_error(errno))?;
        Ok(SemaphoreStat::from_raw(&raw))
    }

    /// Returns how many semaphores the set has, which is never 0. It takes a system call.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    #[expect(clippy::len_without_is_empty, reason = "no set is empty")]
    pub fn len(&self) -> Result<usize> {
        Ok(self.stat()?.len)
    }

    pub(super) fn object(&self) -> ObjectId {
        ObjectId { kind: ObjectKind::Semaphores, key: self.key, id: Some(self.id) }
    }

    pub(super) fn set_permissions(&self, uid: u32, gid: u32, mode: u32) -> Result<()> {
        let set = sys::semctl_set(self.id, uid, gid, Mode::new(mode));
        set.map_err(|errno| Error::on_set("semctl", self.object(), errno, || self.stat().err()))
    }

    pub(super) fn remove_object(&self) -> Result<()> {
        sys::semctl_remove(self.id).map_err(|errno| Error::on_id("semctl", self.object(), errno))
    }

    fn check_value(&self, value: u16) -> Result<()> {
        if value > SEMAPHORE_VALUE_MAX {
            return Err(Error::ValueOutOfRange { call: "semctl", object: self.object() });
        }
        Ok(())
    }

    fn index(&self, index: usize) -> Result<c_int> {
        c_int::try_from(index).map_err(|_| self.no_such(index))
    }

    fn get(&self, index: usize, command: c_int) -> Result<c_int> {
        let number = self.index(index)?;
        sys::semctl_get(self.id, number, command).map_err(|errno| self.member_error(index, errno))
    }

    fn no_such(&self, index: usize) -> Error {
        Error::NoSuchSemaphore { call: "semctl", object: self.object(), index }
    }

    /// `EINVAL` means a wrong number or a removed set. Only another call can tell which.
    fn member_error(&self, index: usize, errno: Errno) -> Error {
        match errno {
            Errno::EINVAL => match self.len() {
                Ok(len) if index < len => self.control_error(errno),
                Err(error) if error.is_gone() => error,
                // The set exists, even if the caller may not read how large it is.
                _ => self.no_such(index),
            },
            errno => self.control_error(errno),
        }
    }

    fn control_error(&self, errno: Errno) -> Error {
        match errno {
            Errno::ERANGE => Error::ValueOutOfRange { call: "semctl", object: self.object() },
            errno => Error::on_id("semctl", self.object(), errno),
        }
    }
}
