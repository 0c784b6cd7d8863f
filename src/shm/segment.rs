//! Segments: shared memory that outlives processes, seen from outside.

use std::time::SystemTime;

use libc::c_int;
use nix::errno::Errno;

use crate::{
    Error, Key, Mode, ObjectId, ObjectKind, Permissions, Result,
    perm::{object_methods, pid, time},
    sys,
};

/// Removes a segment by its id, without a handle.
///
/// A process that has it attached keeps it. The memory is freed at the last detach. The key is free at once.
///
/// # Errors
///
/// [`Error::NotFound`] if no segment has this id, [`Error::PermissionDenied`] unless the caller is
/// owner, creator or root.
///
/// ```
/// use sysv_ipc::{SharedMemoryOptions, remove_shared_memory};
///
/// let memory = SharedMemoryOptions::new().size(64).open_random()?;
/// remove_shared_memory(memory.id())?;
/// memory.write(b"still here", 0)?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
pub fn remove_shared_memory(id: i32) -> Result<()> {
    Segment::new(None, id).remove_object().map_err(Error::into_never_seen)
}

/// A shared memory segment, not attached by this handle.
///
/// A handle is a number. Dropping it removes nothing. [`attach`](Self::attach) maps the memory.
///
/// See [`shmctl(2)`](https://man7.org/linux/man-pages/man2/shmctl.2.html).
///
/// ```
/// use sysv_ipc::{Segment, SharedMemoryOptions};
///
/// let memory = SharedMemoryOptions::new().size(100).open_random()?;
/// let segment = Segment::from_id(memory.id())?;
/// assert_eq!((segment.stat()?.size, segment.stat()?.attached), (100, 1));
/// memory.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    key: Option<Key>,
    pub(super) id: c_int,
}

/// What the kernel knows of a segment (`IPC_STAT`). Times are in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentStat {
    /// Owner, creator and mode.
    pub permissions: Permissions,
    /// Its size in bytes. Some systems round it up to pages. Linux reports the requested size.
    pub size: usize,
    /// How often it is attached: attachments, not processes. `fork` adds to it, exit and `exec` subtract.
    pub attached: u64,
    /// Whether it was removed and waits for its last detach (`SHM_DEST`). Always `false` outside Linux.
    pub marked_removed: bool,
    /// Whether its pages are kept in memory (`SHM_LOCKED`). Always `false` outside Linux.
    pub locked: bool,
    /// The mode with all bits that the kernel reports: permissions, and on Linux `SHM_DEST` (0o1000) and
    /// `SHM_LOCKED` (0o2000).
    pub mode_bits: u32,
    /// When it was last attached.
    pub attach_time: Option<SystemTime>,
    /// When it was last detached. `None` before the first time.
    pub detach_time: Option<SystemTime>,
    /// When it was made or removed, or its owner and mode were set, even if they didn't change.
    pub change_time: Option<SystemTime>,
    /// The process that made it.
    pub creator_pid: Option<u32>,
    /// The process that last attached or detached it. An exit counts.
    pub last_pid: Option<u32>,
}

impl SegmentStat {
    #[allow(clippy::useless_conversion, reason = "the types differ from system to system")]
    pub(crate) fn from_raw(raw: &libc::shmid_ds) -> Self {
        let mode_bits = sys::mode_of(&raw.shm_perm);
        Self {
            permissions: Permissions::from_raw(&raw.shm_perm),
            size: raw.shm_segsz,
            attached: raw.shm_nattch.into(),
            marked_removed: cfg!(target_os = "linux") && mode_bits & SHM_DEST != 0,
            locked: cfg!(target_os = "linux") && mode_bits & SHM_LOCKED != 0,
            mode_bits,
            attach_time: time(raw.shm_atime.into()),
            detach_time: time(raw.shm_dtime.into()),
            change_time: time(raw.shm_ctime.into()),
            creator_pid: pid(raw.shm_cpid),
            last_pid: pid(raw.shm_lpid),
        }
    }
}

/// Linux's mark in the mode of a removed segment.
const SHM_DEST: u32 = 0o1000;

/// Linux's mark in the mode of a segment that is locked in memory.
const SHM_LOCKED: u32 = 0o2000;

impl Segment {
    pub(crate) const fn new(key: Option<Key>, id: c_int) -> Self {
        Self { key, id }
    }

    /// Makes a handle of a kernel id, as `ipcs -m` shows it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if no segment has this id.
    pub fn from_id(id: i32) -> Result<Self> {
        let segment = Self::from_raw_id(id);
        match segment.stat() {
            // It exists. Attaching reports whether it is allowed.
            Ok(_) | Err(Error::PermissionDenied { .. }) => Ok(segment),
            Err(error) => Err(error.into_never_seen()),
        }
    }

    /// Makes a handle of a kernel id without asking the kernel about it.
    ///
    /// No system call is made, so that attaching by id takes the two calls that `attach` needs. If no segment has the
    /// id, the first call fails with [`Error::Removed`].
    ///
    /// ```
    /// use sysv_ipc::{Segment, SharedMemoryOptions};
    ///
    /// let made = SharedMemoryOptions::new().size(64).open_random()?;
    /// let memory = Segment::from_raw_id(made.id()).attach()?;
    /// memory.remove()?;
    /// assert!(Segment::from_raw_id(-1).attach().unwrap_err().is_gone());
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[must_use]
    pub const fn from_raw_id(id: i32) -> Self {
        Self::new(None, id)
    }

    object_methods! {
        "Removes the segment (`IPC_RMID`): the key is free at once, the memory at the last detach."
    }

    /// Returns what the kernel knows of the segment (`IPC_STAT`).
    ///
    /// # Errors
    ///
    /// [`Error::Removed`], or [`Error::PermissionDenied`] without read permission.
    pub fn stat(&self) -> Result<SegmentStat> {
        let (_, raw) = sys::shmctl_stat(self.id, libc::IPC_STAT).map_err(|errno| self.control_error(errno))?;
        Ok(SegmentStat::from_raw(&raw))
    }

    /// Keeps the segment's pages in memory, out of swap (`SHM_LOCK`).
    ///
    /// See [`shmctl(2)`](https://man7.org/linux/man-pages/man2/shmctl.2.html).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] beyond the limit `RLIMIT_MEMLOCK`, [`Error::Removed`], or [`Error::PermissionDenied`]
    /// unless the caller is owner or creator and that limit isn't 0, or has `CAP_IPC_LOCK`.
    ///
    /// ```
    /// use sysv_ipc::SharedMemoryOptions;
    ///
    /// let segment = SharedMemoryOptions::new().size(4096).open_random_segment()?;
    /// segment.lock_pages()?;
    /// assert!(segment.stat()?.locked);
    /// segment.unlock_pages()?;
    /// segment.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[cfg(target_os = "linux")]
    pub fn lock_pages(&self) -> Result<()> {
        sys::shmctl_lock(self.id, true).map_err(|errno| self.control_error(errno))
    }

    /// Lets the segment's pages be swapped again (`SHM_UNLOCK`).
    ///
    /// # Errors
    ///
    /// As [`lock_pages`](Self::lock_pages).
    ///
    /// ```
    /// use sysv_ipc::SharedMemoryOptions;
    ///
    /// let segment = SharedMemoryOptions::new().size(4096).open_random_segment()?;
    /// segment.lock_pages()?;
    /// segment.unlock_pages()?;
    /// assert!(!segment.stat()?.locked);
    /// segment.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[cfg(target_os = "linux")]
    pub fn unlock_pages(&self) -> Result<()> {
        sys::shmctl_lock(self.id, false).map_err(|errno| self.control_error(errno))
    }

    pub(super) fn object(&self) -> ObjectId {
        ObjectId { kind: ObjectKind::SharedMemory, key: self.key, id: Some(self.id) }
    }

    pub(super) fn set_permissions(&self, uid: u32, gid: u32, mode: u32) -> Result<()> {
        let set = sys::shmctl_set(self.id, uid, gid, Mode::new(mode));
        set.map_err(|errno| Error::on_set("shmctl", self.object(), errno, || self.stat().err()))
    }

    pub(super) fn remove_object(&self) -> Result<()> {
        sys::shmctl_remove(self.id).map_err(|errno| self.control_error(errno))
    }

    fn control_error(&self, errno: Errno) -> Error {
        Error::on_id("shmctl", self.object(), errno)
    }
}
