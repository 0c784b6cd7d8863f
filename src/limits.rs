//! The kernel's limits, and how much of them is in use.

use nix::errno::Errno;

#[cfg(target_os = "linux")]
use crate::ObjectKind;
use crate::{Error, Limit, ObjectId, Result, sys};

/// Limits of semaphores, as this IPC namespace has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemaphoreLimits {
    /// Sets there may be (`SEMMNI`).
    pub max_sets: u64,
    /// Sets there are.
    pub used_sets: u64,
    /// Semaphores in all sets there may be (`SEMMNS`).
    pub max_semaphores: u64,
    /// Semaphores in all sets there are.
    pub used_semaphores: u64,
    /// Semaphores one set may have (`SEMMSL`).
    pub max_per_set: u64,
    /// Operations one `semop` may have (`SEMOPM`).
    pub max_operations: u64,
    /// The largest value (`SEMVMX`).
    pub max_value: u64,
    /// What a process's operations with undo may add up to on one semaphore (`SEMAEM`).
    pub max_undo: u64,
}

/// Limits of shared memory, as this IPC namespace has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedMemoryLimits {
    /// Segments there may be (`SHMMNI`).
    pub max_segments: u64,
    /// Segments there are.
    pub used_segments: u64,
    /// Bytes one segment may have (`SHMMAX`).
    pub max_size: u64,
    /// Bytes the smallest segment has (`SHMMIN`).
    pub min_size: u64,
    /// Pages all segments may have (`SHMALL`).
    pub max_pages: u64,
    /// Pages all segments have.
    pub used_pages: u64,
    /// Pages of them in memory.
    pub resident_pages: u64,
    /// Pages of them in swap.
    pub swapped_pages: u64,
    /// Whether a segment is removed when its last process detaches it (`kernel.shm_rmid_forced`), as if all were marked for
    /// it.
    pub removes_unused: bool,
}

/// Limits of message queues, as this IPC namespace has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageQueueLimits {
    /// Queues there may be (`MSGMNI`).
    pub max_queues: u64,
    /// Queues there are.
    pub used_queues: u64,
    /// Bytes one message may have (`MSGMAX`).
    pub max_message_size: u64,
    /// Bytes a new queue holds, and the most an unprivileged owner may give it (`MSGMNB`).
    pub max_queue_size: u64,
    /// Messages on all queues.
    pub used_messages: u64,
    /// Bytes on all queues.
    pub used_bytes: u64,
}

/// Every limit of the kernel on System V objects, and what is in use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Limits of semaphores.
    pub semaphores: SemaphoreLimits,
    /// Limits of shared memory.
    pub shared_memory: SharedMemoryLimits,
    /// Limits of message queues.
    pub message_queues: MessageQueueLimits,
}

impl Limits {
    /// Returns the value of one limit. Returns `None` if this system doesn't have the limit.
    ///
    /// [`Limit::Timers`] belongs to the process: it is read when this is called, and `None` if there is no limit.
    ///
    /// ```
    /// # if !cfg!(target_os = "linux") { return Ok(()) }
    /// use sysv_ipc::{Limit, limits};
    ///
    /// let limits = limits()?;
    /// assert_eq!(limits.value(Limit::Msgmax), Some(limits.message_queues.max_message_size));
    /// assert_eq!(limits.value(Limit::Shmseg), None); // Linux has none of its own.
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[must_use]
    pub fn value(&self, limit: Limit) -> Option<u64> {
        Some(match limit {
            Limit::Semmni => self.semaphores.max_sets,
            Limit::Semmns => self.semaphores.max_semaphores,
            Limit::Semmsl => self.semaphores.max_per_set,
            Limit::Semopm => self.semaphores.max_operations,
            Limit::Semaem => self.semaphores.max_undo,
            Limit::Shmmni => self.shared_memory.max_segments,
            Limit::Shmmax => self.shared_memory.max_size,
            Limit::Shmall => self.shared_memory.max_pages,
            Limit::Shmseg => return None,
            Limit::Msgmni => self.message_queues.max_queues,
            Limit::Msgmax => self.message_queues.max_message_size,
            Limit::Msgmnb => self.message_queues.max_queue_size,
            Limit::Timers => return sys::max_pending_signals(),
        })
    }
}

impl Limit {
    /// The error of a call that met this limit, with the value that the kernel tells of it.
    #[cold]
    pub(crate) fn reached(self, call: &'static str, object: ObjectId, errno: Errno) -> Error {
        Error::LimitReached {
            call,
            object,
            limit: self,
            value: limits().ok().and_then(|limits| limits.value(self)),
            errno,
        }
    }
}

/// Returns the kernel's limits and what is in use of them, for this IPC namespace.
///
/// The amounts in use count the objects of all users, also those that the caller may not read. The six system calls are
/// not made at one instant. Only Linux has them (`IPC_INFO`, `SEM_INFO`, `SHM_INFO`, `MSG_INFO`).
///
/// See [`semctl(2)`](https://man7.org/linux/man-pages/man2/semctl.2.html),
/// [`shmctl(2)`](https://man7.org/linux/man-pages/man2/shmctl.2.html) and
/// [`msgctl(2)`](https://man7.org/linux/man-pages/man2/msgctl.2.html).
///
/// # Errors
///
/// [`Error::Unsupported`] outside Linux.
///
/// ```
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// let limits = sysv_ipc::limits()?;
/// let free = limits.semaphores.max_sets - limits.semaphores.used_sets;
/// println!("{free} more semaphore sets can be made");
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[cfg(target_os = "linux")]
pub fn limits() -> Result<Limits> {
    Ok(Limits { semaphores: semaphores()?, shared_memory: shared_memory()?, message_queues: message_queues()? })
}

/// Returns [`Error::Unsupported`]: this system doesn't tell its limits by System V calls.
///
/// # Errors
///
/// [`Error::Unsupported`], always.
#[cfg(not(target_os = "linux"))]
pub fn limits() -> Result<Limits> {
    Err(Error::Unsupported { call: "IPC_INFO" })
}

/// Returns the limits of semaphores alone, by two system calls. See [`limits`].
///
/// # Errors
///
/// [`Error::Unsupported`] outside Linux.
///
/// ```
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// let limits = sysv_ipc::semaphore_limits()?;
/// println!("a set has at most {} semaphores", limits.max_per_set);
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
pub fn semaphore_limits() -> Result<SemaphoreLimits> {
    #[cfg(target_os = "linux")]
    return semaphores();
    #[cfg(not(target_os = "linux"))]
    Err(Error::Unsupported { call: "IPC_INFO" })
}

#[cfg(target_os = "linux")]
fn semaphores() -> Result<SemaphoreLimits> {
    let (_, limits) =
        sys::semctl_info(libc::IPC_INFO).map_err(|errno| refused("semctl", ObjectKind::Semaphores, errno))?;
    let (_, used) =
        sys::semctl_info(libc::SEM_INFO).map_err(|errno| refused("semctl", ObjectKind::Semaphores, errno))?;
    Ok(SemaphoreLimits {
        max_sets: count(limits.semmni),
        used_sets: count(used.semusz),
        max_semaphores: count(limits.semmns),
        used_semaphores: count(used.semaem),
        max_per_set: count(limits.semmsl),
        max_operations: count(limits.semopm),
        max_value: count(limits.semvmx),
        max_undo: count(limits.semaem),
    })
}

#[cfg(target_os = "linux")]
fn shared_memory() -> Result<SharedMemoryLimits> {
    let (_, limits) = sys::shmctl_limits().map_err(|errno| refused("shmctl", ObjectKind::SharedMemory, errno))?;
    let (_, used) = sys::shmctl_usage().map_err(|errno| refused("shmctl", ObjectKind::SharedMemory, errno))?;
    Ok(SharedMemoryLimits {
        max_segments: wide(limits.shmmni),
        used_segments: count(used.used_ids),
        max_size: wide(limits.shmmax),
        min_size: wide(limits.shmmin),
        max_pages: wide(limits.shmall),
        used_pages: wide(used.shm_tot),
        resident_pages: wide(used.shm_rss),
        swapped_pages: wide(used.shm_swp),
        removes_unused: removes_unused_segments(),
    })
}

#[cfg(target_os = "linux")]
fn removes_unused_segments() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/shm_rmid_forced").is_ok_and(|text| text.trim() != "0")
}

#[cfg(target_os = "linux")]
fn message_queues() -> Result<MessageQueueLimits> {
    let (_, limits) =
        sys::msgctl_info(libc::IPC_INFO).map_err(|errno| refused("msgctl", ObjectKind::MessageQueue, errno))?;
    let (_, used) =
        sys::msgctl_info(libc::MSG_INFO).map_err(|errno| refused("msgctl", ObjectKind::MessageQueue, errno))?;
    Ok(MessageQueueLimits {
        max_queues: count(limits.msgmni),
        used_queues: count(used.msgpool),
        max_message_size: count(limits.msgmax),
        max_queue_size: count(limits.msgmnb),
        used_messages: count(used.msgmap),
        used_bytes: count(used.msgtql),
    })
}

#[cfg(target_os = "linux")]
fn refused(call: &'static str, kind: ObjectKind, errno: Errno) -> Error {
    Error::from_errno(call, ObjectId { kind, key: None, id: None }, errno)
}

/// The kernel's counts are never negative.
#[cfg(target_os = "linux")]
fn count(number: libc::c_int) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(target_os = "linux")]
#[allow(clippy::useless_conversion, reason = "c_ulong has 32 bits on some machines")]
fn wide(number: libc::c_ulong) -> u64 {
    u64::from(number)
}

/// Which of two limits an `ENOSPC` came from: the number of objects, or the room in all of them.
///
/// The kernel doesn't tell them apart, but a full table can be seen. If another process removes an object between the
/// refusal and the check, the hint in the error names the other limit.
#[cfg(target_os = "linux")]
pub(crate) fn sets_are_full() -> bool {
    semaphores().is_ok_and(|limits| limits.used_sets >= limits.max_sets)
}

/// As [`sets_are_full`], for segments.
#[cfg(target_os = "linux")]
pub(crate) fn segments_are_full() -> bool {
    shared_memory().is_ok_and(|limits| limits.used_segments >= limits.max_segments)
}

/// Unknown here. The number of objects is the limit that is reached first on the known systems.
#[cfg(not(target_os = "linux"))]
pub(crate) fn sets_are_full() -> bool {
    true
}

/// As [`sets_are_full`], for segments.
#[cfg(not(target_os = "linux"))]
pub(crate) fn segments_are_full() -> bool {
    true
}

/// Returns the size of a page in bytes, asked of the system and not assumed.
///
/// Segments are made of pages, so a multiple of it is a good size for one.
///
/// ```
/// assert!(sysv_ipc::page_size().is_power_of_two());
/// ```
#[must_use]
pub fn page_size() -> usize {
    sys::page_size()
}
