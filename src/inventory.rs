//! Every object on the machine.

use crate::{Key, MessageQueueStat, Result, SegmentStat, SemaphoreStat};

/// One object: its key, its id, and its state in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<S> {
    /// Its key, or [`Key::PRIVATE`] if no key finds it.
    pub key: Key,
    /// The kernel's id.
    pub id: i32,
    /// What the kernel knows of it.
    pub stat: S,
}

/// Every System V object of this IPC namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inventory {
    /// The semaphore sets.
    pub semaphores: Vec<Entry<SemaphoreStat>>,
    /// The segments.
    pub shared_memory: Vec<Entry<SegmentStat>>,
    /// The message queues.
    pub message_queues: Vec<Entry<MessageQueueStat>>,
}

impl Inventory {
    /// Returns whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.semaphores.is_empty() && self.shared_memory.is_empty() && self.message_queues.is_empty()
    }
}

/// Returns every System V object of this IPC namespace, of all users, as `ipcs` lists them.
///
/// No permission is needed. The objects are not read at one instant: an object that is created or removed meanwhile may
/// be missing or still be listed. Nothing is attached or changed.
///
/// # Errors
///
/// [`Error::Unsupported`](crate::Error::Unsupported) outside Linux, where no call lists the objects.
///
/// ```
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// for entry in sysv_ipc::inventory()?.shared_memory {
///     println!("{} {} {} bytes, mode {}", entry.key, entry.id, entry.stat.size, entry.stat.permissions.mode);
/// }
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[cfg(target_os = "linux")]
pub fn inventory() -> Result<Inventory> {
    linux::inventory()
}

/// Returns [`Error::Unsupported`](crate::Error::Unsupported): this system has no call that lists objects.
///
/// # Errors
///
/// [`Error::Unsupported`](crate::Error::Unsupported), always.
#[cfg(not(target_os = "linux"))]
pub fn inventory() -> Result<Inventory> {
    Err(crate::Error::Unsupported { call: "inventory" })
}

#[cfg(target_os = "linux")]
mod linux {
    use libc::{c_int, ipc_perm};
    use nix::errno::Errno;

    use super::{Entry, Inventory};
    use crate::{Error, Key, MessageQueueStat, ObjectId, ObjectKind, Result, SegmentStat, SemaphoreStat, sys};

    pub(super) fn inventory() -> Result<Inventory> {
        Ok(Inventory {
            semaphores: walk(
                ("semctl", ObjectKind::Semaphores),
                sys::semctl_info(libc::SEM_INFO).map(|(highest, _)| highest),
                |index| sys::semctl_stat(index, sys::SEM_STAT_ANY),
                |raw| (key(&raw.sem_perm), SemaphoreStat::from_raw(raw)),
            )?,
            shared_memory: walk(
                ("shmctl", ObjectKind::SharedMemory),
                sys::shmctl_usage().map(|(highest, _)| highest),
                |index| sys::shmctl_stat(index, sys::SHM_STAT_ANY),
                |raw| (key(&raw.shm_perm), SegmentStat::from_raw(raw)),
            )?,
            message_queues: walk(
                ("msgctl", ObjectKind::MessageQueue),
                sys::msgctl_info(libc::MSG_INFO).map(|(highest, _)| highest),
                |index| sys::msgctl_stat(index, sys::MSG_STAT_ANY),
                |raw| (key(&raw.msg_perm), MessageQueueStat::from_raw(raw)),
            )?,
        })
    }

    fn key(perm: &ipc_perm) -> Key {
        Key::from_raw(sys::key_of(perm))
    }

    /// Reads every index of the kernel's table. Any of them may be free.
    fn walk<Raw, S>(
        (call, kind): (&'static str, ObjectKind),
        highest: Result<c_int, Errno>,
        stat: impl Fn(c_int) -> Result<(c_int, Raw), Errno>,
        read: impl Fn(&Raw) -> (Key, S),
    ) -> Result<Vec<Entry<S>>> {
        let error = |errno| Error::from_errno(call, ObjectId { kind, key: None, id: None }, errno);
        let entry = |index| match stat(index) {
            Ok((id, raw)) => {
                let (key, stat) = read(&raw);
                Some(Ok(Entry { key, id, stat }))
            }
            // Free, or freed meanwhile.
            Err(Errno::EINVAL | Errno::EIDRM) => None,
            Err(errno) => Some(Err(error(errno))),
        };
        (0..=highest.map_err(error)?).filter_map(entry).collect()
    }
}
