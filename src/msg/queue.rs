//! Message queues: messages with a type, which receivers choose by.

use std::time::SystemTime;

use libc::c_int;
use nix::errno::Errno;

use crate::{
    Error, Key, Limit, Mode, ObjectId, ObjectKind, Permissions, Result, alarm, limits,
    perm::{object_methods, pid, time},
    process, sys,
};

/// Removes a message queue by its id, without a handle.
///
/// Immediate: its messages are lost, and its waiters wake with [`Error::Removed`].
///
/// # Errors
///
/// [`Error::NotFound`] if no queue has this id, [`Error::PermissionDenied`] unless the caller is
/// owner, creator or root.
///
/// ```
/// use sysv_ipc::{MessageQueueOptions, remove_message_queue};
///
/// let queue = MessageQueueOptions::new().open_random()?;
/// remove_message_queue(queue.id())?;
/// assert!(remove_message_queue(queue.id()).unwrap_err().is_gone());
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
pub fn remove_message_queue(id: i32) -> Result<()> {
    MessageQueue::new(None, id, 0).remove_object().map_err(Error::into_never_seen)
}

/// A message queue.
///
/// Make one with [`MessageQueueOptions`](crate::MessageQueueOptions). A handle is a number and a limit. Dropping it
/// removes nothing. All methods may be called from any thread, and only the calling thread waits.
///
/// **When a process dies** nothing happens to the queue. The messages that it sent stay, and those that it received are
/// lost with it.
///
/// See [`msgop(2)`](https://man7.org/linux/man-pages/man2/msgop.2.html) and
/// [`msgctl(2)`](https://man7.org/linux/man-pages/man2/msgctl.2.html).
///
/// ```
/// use std::time::Duration;
/// use sysv_ipc::{MessageBuffer, MessageQueueOptions, MessageType, Selector};
///
/// let queue = MessageQueueOptions::new().open_random()?;
/// queue.send(&MessageBuffer::new(MessageType::ONE, b"first"))?;
/// assert_eq!(queue.receive(Selector::Any)?.bytes(), b"first");
/// assert!(queue.receive_timeout(Selector::Any, Duration::from_millis(10)).unwrap_err().is_busy());
/// queue.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageQueue {
    key: Option<Key>,
    pub(super) id: c_int,
    pub(super) max_message_size: usize,
    pub(super) interruptible: bool,
    pub(super) waits_for_resize: bool,
}

/// What the kernel knows of a queue (`IPC_STAT`). Times are in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageQueueStat {
    /// Owner, creator and mode.
    pub permissions: Permissions,
    /// How many messages are on it.
    pub messages: u64,
    /// How many bytes they have together (`None` where the system doesn't tell).
    pub bytes: Option<u64>,
    /// How many bytes it holds at most. On Linux also how many messages, which empty ones meet first.
    pub max_size: u64,
    /// When something was last sent.
    pub send_time: Option<SystemTime>,
    /// When something was last received.
    pub receive_time: Option<SystemTime>,
    /// When it was made, or given another owner, mode or size.
    pub change_time: Option<SystemTime>,
    /// The process that last sent.
    pub last_send_pid: Option<u32>,
    /// The process that last received.
    pub last_receive_pid: Option<u32>,
}

impl MessageQueueStat {
    #[allow(clippy::useless_conversion, reason = "the types differ from system to system")]
    pub(crate) fn from_raw(raw: &sys::msqid_ds) -> Self {
        Self {
            permissions: Permissions::from_raw(&raw.msg_perm),
            messages: u64::from(raw.msg_qnum),
            #[cfg(target_os = "linux")]
            bytes: Some(u64::from(raw.__msg_cbytes)),
            #[cfg(not(target_os = "linux"))]
            bytes: None,
            max_size: u64::from(raw.msg_qbytes),
            send_time: time(raw.msg_stime.into()),
            receive_time: time(raw.msg_rtime.into()),
            change_time: time(raw.msg_ctime.into()),
            last_send_pid: pid(raw.msg_lspid),
            last_receive_pid: pid(raw.msg_lrpid),
        }
    }
}

impl MessageQueue {
    pub(crate) const fn new(key: Option<Key>, id: c_int, max_message_size: usize) -> Self {
        Self { key, id, max_message_size, interruptible: false, waits_for_resize: false }
    }

    /// Makes a handle of a kernel id, as `ipcs -q` shows it. It sends and receives messages of up to 2,048 bytes by
    /// default. [`set_max_message_size`](Self::set_max_message_size) changes that.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if no queue has this id.
    pub fn from_id(id: i32) -> Result<Self> {
        let queue = Self::from_raw_id(id);
        match queue.stat() {
            // It exists. Each operation reports whether it is allowed.
            Ok(_) | Err(Error::PermissionDenied { .. }) => Ok(queue),
            Err(error) => Err(error.into_never_seen()),
        }
    }

    /// Makes a handle of a kernel id without asking the kernel about it.
    ///
    /// No system call is made. If no queue has the id, the first call fails with [`Error::Removed`]. The handle sends
    /// and receives messages of up to 2,048 bytes by default.
    ///
    /// ```
    /// # use sysv_ipc::{MessageQueue, MessageQueueOptions};
    /// let made = MessageQueueOptions::new().open_random()?;
    /// assert_eq!(MessageQueue::from_raw_id(made.id()).stat()?.messages, 0);
    /// made.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[must_use]
    pub const fn from_raw_id(id: i32) -> Self {
        Self::new(None, id, 2048)
    }

    object_methods! {
        "Removes the queue at once (`IPC_RMID`): its messages are lost, and its waiters wake with [`Error::Removed`]."
    }

    /// Returns the longest message this handle sends, and the room it receives with.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        self.max_message_size
    }

    /// Sets the longest message this handle sends, and the room it receives with.
    pub fn set_max_message_size(&mut self, bytes: usize) -> &mut Self {
        self.max_message_size = bytes;
        self
    }

    /// Sets whether later waits of this handle end with [`Error::Interrupted`] when a signal handler ran. By default
    /// they go on with the time that is left. Stopping and continuing the process (`SIGSTOP`, `SIGCONT`) does not end a
    /// wait.
    pub fn set_interruptible(&mut self, interruptible: bool) -> &mut Self {
        self.interruptible = interruptible;
        self
    }

    /// Returns whether a signal handler ends waits of this handle.
    ///
    /// ```
    /// # use sysv_ipc::MessageQueue;
    /// let mut queue = MessageQueue::from_raw_id(0);
    /// assert!(!queue.interruptible());
    /// assert!(queue.set_interruptible(true).interruptible());
    /// ```
    #[must_use]
    pub fn interruptible(&self) -> bool {
        self.interruptible
    }

    pub(super) fn alarm_error(&self, errno: Errno) -> Error {
        alarm::refused(self.object(), errno)
    }

    /// Returns `msg_qbytes`, on Linux without permission to read as well.
    pub(super) fn max_size(&self) -> Result<u64> {
        #[cfg(target_os = "linux")]
        if let Ok((id, raw)) = sys::msgctl_stat(self.id, sys::MSG_STAT_ANY)
            && id == self.id
        {
            return Ok(MessageQueueStat::from_raw(&raw).max_size);
        }
        Ok(self.stat()?.max_size)
    }

    pub(super) fn wait_error(&self, call: &'static str, errno: Errno) -> Error {
        let object = self.object();
        match errno {
            Errno::EAGAIN | Errno::ENOMSG => Error::WouldBlock { call, object, errno },
            Errno::ETIMEDOUT => Error::TimedOut { call, object },
            errno => Error::on_id(call, object, errno),
        }
    }

    /// Returns what the kernel knows of the queue (`IPC_STAT`).
    ///
    /// # Errors
    ///
    /// [`Error::Removed`], or [`Error::PermissionDenied`] without read permission.
    pub fn stat(&self) -> Result<MessageQueueStat> {
        let (_, raw) = sys::msgctl_stat(self.id, libc::IPC_STAT).map_err(|errno| self.control_error(errno))?;
        Ok(MessageQueueStat::from_raw(&raw))
    }

    /// Sets how many bytes the queue holds (`msg_qbytes`).
    ///
    /// What is on a queue that shrinks stays readable. FreeBSD and macOS ignore an increase.
    /// Reads owner and mode first and writes all: a change by another process in between is lost.
    ///
    /// # Errors
    ///
    /// - [`Error::LimitReached`] above `MSGMNB` without `CAP_SYS_RESOURCE`.
    /// - [`Error::PermissionDenied`] unless the caller is owner, creator or root, and may read.
    pub fn set_max_size(&self, bytes: usize) -> Result<()> {
        let stat = self.stat()?;
        let permissions = stat.permissions;
        let uid = process::effective_uid();
        let may_change = [permissions.uid, permissions.cuid, 0].contains(&uid);
        sys::msgctl_set(self.id, permissions.uid, permissions.gid, permissions.mode, bytes).map_err(|errno| {
            let msgmnb = limits().ok().map(|limits| limits.message_queues.max_queue_size);
            match errno {
                Errno::EPERM if may_change && msgmnb.is_some_and(|msgmnb| bytes as u64 > msgmnb) => {
                    Limit::Msgmnb.reached("msgctl", self.object(), errno)
                }
                // The queue exists, as `stat` found it: the number doesn't fit.
                Errno::EINVAL => Limit::Msgmnb.reached("msgctl", self.object(), errno),
                errno => self.control_error(errno),
            }
        })
    }

    pub(super) fn object(&self) -> ObjectId {
        ObjectId { kind: ObjectKind::MessageQueue, key: self.key, id: Some(self.id) }
    }

    pub(super) fn set_permissions(&self, uid: u32, gid: u32, mode: u32) -> Result<()> {
        // `IPC_SET` sets the size as well.
        let max_size = usize::try_from(self.max_size()?).unwrap_or(usize::MAX);
        let set = sys::msgctl_set(self.id, uid, gid, Mode::new(mode), max_size);
        set.map_err(|errno| Error::on_set("msgctl", self.object(), errno, || self.stat().err()))
    }

    pub(super) fn remove_object(&self) -> Result<()> {
        sys::msgctl_remove(self.id).map_err(|errno| self.control_error(errno))
    }

    fn control_error(&self, errno: Errno) -> Error {
        Error::on_id("msgctl", self.object(), errno)
    }
}
