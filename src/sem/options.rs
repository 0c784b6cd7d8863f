//! How semaphores are created and opened.

use std::time::Duration;

use super::{get::get, semaphore::Semaphore, set::SemaphoreSet};
use crate::{
    Deadline, Error, Key, Mode, ObjectId, ObjectKind, Result,
    limit::SEMAPHORE_VALUE_MAX,
    open::{Disposition, Requested, open_or_create},
};

/// Creates and opens semaphores, as [`std::fs::OpenOptions`] does files.
///
/// Without [`create`](Self::create), an existing semaphore is opened and nothing of it is changed.
/// Initial value and mode count only for what this very call created.
///
/// See [`semget(2)`](https://man7.org/linux/man-pages/man2/semget.2.html).
///
/// ```
/// use sysv_ipc::SemaphoreOptions;
///
/// let semaphore = SemaphoreOptions::new().initial_value(1).mode(0o600).open_random()?;
/// semaphore.acquire()?;
/// assert_eq!(semaphore.value()?, 0);
/// semaphore.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SemaphoreOptions {
    disposition: Disposition,
    mode: Mode,
    access: Requested,
    initial_value: u16,
}

impl Default for SemaphoreOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SemaphoreOptions {
    /// Returns options that open an existing semaphore: mode 0600, initial value 0.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            disposition: Disposition { create: false, exclusive: false },
            mode: Mode::PRIVATE,
            access: Requested::NONE,
            initial_value: 0,
        }
    }

    crate::open::open_options_methods!();

    /// Sets the value of a semaphore if this call creates it. 0 by default.
    ///
    /// Creating and setting the value are two system calls, between which other processes see 0.
    /// [`open_initialized`](Self::open_initialized) prevents that. The value is ignored, as in Python's `sysv_ipc`, if
    /// the mode denies the owner to write (such as 0400).
    ///
    /// Linux creates semaphores with the value 0. A creation with that value therefore sets nothing there, and
    /// leaves [`last_pid`](Semaphore::last_pid) at `None`.
    pub const fn initial_value(&mut self, value: u16) -> &mut Self {
        self.initial_value = value;
        self
    }

    /// Opens or creates a single semaphore, which is the first one of a larger set.
    ///
    /// # Errors
    ///
    /// - [`Error::NotFound`] without `create`, if there is none.
    /// - [`Error::AlreadyExists`] with `exclusive`, if there is one.
    /// - [`Error::PermissionDenied`] if the access asked for is not granted.
    /// - [`Error::LimitReached`] for `SEMMNI`, `SEMMNS` or `SEMMSL`.
    /// - [`Error::ValueOutOfRange`] and [`Error::ExclusiveWithoutCreate`], before any system call.
    ///
    /// If a later step fails, what this call created is removed again, and nothing else.
    pub fn open(&self, key: Key) -> Result<Semaphore> {
        self.open_members(key, 0, 1).map(Semaphore::of)
    }

    /// Opens or creates a set of `count` semaphores.
    ///
    /// With a `count` of 0, opens an existing set of any size.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::SizeMismatch`] if the set that exists is smaller, and [`Error::SizeZero`]
    /// if `count` is 0 and there is nothing to open.
    pub fn open_set(&self, key: Key, count: u16) -> Result<SemaphoreSet> {
        self.open_members(key, count, count)
    }

    /// Creates a single semaphore under a random unused key. [`Semaphore::key`] returns the key.
    ///
    /// # Errors
    ///
    /// As an exclusive [`open`](Self::open), and [`Error::NoFreeKey`] after a bounded number of tries.
    pub fn open_random(&self) -> Result<Semaphore> {
        let exclusive = Self { disposition: Disposition::EXCLUSIVE, ..*self };
        crate::open::with_random_key(ObjectKind::Semaphores, |key| exclusive.open(key))
    }

    /// Creates a set of `count` semaphores under a random unused key.
    ///
    /// [`SemaphoreSet::key`] returns the key.
    ///
    /// # Errors
    ///
    /// As [`open_random`](Self::open_random), and [`Error::SizeZero`] if `count` is 0.
    ///
    /// ```
    /// use sysv_ipc::SemaphoreOptions;
    ///
    /// let set = SemaphoreOptions::new().initial_value(5).open_random_set(3)?;
    /// assert_eq!(set.values()?, [5, 5, 5]);
    /// set.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn open_random_set(&self, count: u16) -> Result<SemaphoreSet> {
        let exclusive = Self { disposition: Disposition::EXCLUSIVE, ..*self };
        crate::open::with_random_key(ObjectKind::Semaphores, |key| exclusive.open_set(key, count))
    }

    /// Opens or creates a single semaphore, safe from the initialisation race.
    ///
    /// Between `semget` and the setting of its value a semaphore exists but must not be used. This constructor closes
    /// the gap with the kernel's `sem_otime`, as W. Richard Stevens described (*UNIX Network Programming*, volume 2):
    /// the creator sets its value by the first `semop` ever, which makes `sem_otime` non-zero. A process that finds the
    /// semaphore waits for that, for at most `timeout`. `create` is implied, and `exclusive` is ignored.
    ///
    /// Every process must open the semaphore this way: a semaphore that was made otherwise counts as initialised once
    /// any process has operated on it. The mode must give the owner write permission, and openers must be allowed to
    /// read.
    ///
    /// A creator that dies in between leaves a semaphore that no process will complete. This call then fails with
    /// [`Error::Uninitialized`], which has the creator's pid, and the caller decides. The `sysv-primitives` crate
    /// repairs its objects by itself.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::Uninitialized`] if `timeout` elapses.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sysv_ipc::SemaphoreOptions;
    ///
    /// # let other = SemaphoreOptions::new().open_random()?;
    /// # let key = other.key().expect("it was opened by a key");
    /// # other.remove()?;
    /// let mut options = SemaphoreOptions::new();
    /// let first = options.initial_value(3).open_initialized(key, Duration::from_secs(1))?;
    /// let second = options.open_initialized(key, Duration::from_secs(1))?;
    /// assert_eq!(second.value()?, 3);
    /// first.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn open_initialized(&self, key: Key, timeout: Duration) -> Result<Semaphore> {
        self.check()?;
        super::initialized::open(key, self.mode, self.access, self.initial_value, Deadline::after(timeout))
            .map(Semaphore::of)
    }

    /// Creates a single semaphore under a random unused key, safe from the initialisation race.
    ///
    /// It is initialised when this returns, so [`open_initialized`](Self::open_initialized) with its key does not
    /// wait. A semaphore that [`open_random`](Self::open_random) made counts as initialised only after
    /// its first operation.
    ///
    /// # Errors
    ///
    /// As [`open_random`](Self::open_random). [`Error::PermissionDenied`] if the mode denies the owner to write.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sysv_ipc::SemaphoreOptions;
    ///
    /// let made = SemaphoreOptions::new().initial_value(3).open_random_initialized()?;
    /// let key = made.key().expect("it was drawn");
    /// let opened = SemaphoreOptions::new().open_initialized(key, Duration::ZERO)?;
    /// assert_eq!(opened.value()?, 3);
    /// made.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn open_random_initialized(&self) -> Result<Semaphore> {
        self.check()?;
        crate::open::with_random_key(ObjectKind::Semaphores, |key| {
            super::initialized::create(key, self.mode, self.initial_value).map(Semaphore::of)
        })
    }

    fn check(&self) -> Result<()> {
        self.disposition.check()?;
        if self.initial_value > SEMAPHORE_VALUE_MAX {
            return Err(Error::ValueOutOfRange {
                call: "initial_value",
                object: ObjectId { kind: ObjectKind::Semaphores, key: None, id: None },
            });
        }
        Ok(())
    }

    fn open_members(&self, key: Key, open_count: u16, create_count: u16) -> Result<SemaphoreSet> {
        self.check()?;
        let (id, created) = open_or_create(
            self.disposition,
            key,
            |flags| get(key, open_count, self.access.flags() | flags),
            |flags| get(key, create_count, self.mode.flags() | flags),
        )?;
        let set = SemaphoreSet::new(Some(key), id);
        if created {
            self.initialise(&set, create_count).inspect_err(|_| {
                // The error is reported. The set is ours, so it is removed.
                let _ = set.remove();
            })?;
        }
        Ok(set)
    }

    fn initialise(&self, set: &SemaphoreSet, count: u16) -> Result<()> {
        const OWNER_MAY_WRITE: u32 = 0o200;
        // Linux creates semaphores with the value 0, but POSIX doesn't promise that. So 0 is set as well, unless the
        // mode forbids it and no value was asked for.
        if self.mode.bits() & OWNER_MAY_WRITE == 0 {
            return Ok(());
        }
        if cfg!(target_os = "linux") && self.initial_value == 0 {
            return Ok(());
        }
        // Not `set_values`, which asks for the size and so for permission to read: we made the set.
        set.set_all(&vec![self.initial_value; count.into()])
    }
}
