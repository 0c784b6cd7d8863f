//! What can go wrong, on what, and what to do about it.

pub use nix::errno::Errno;
use thiserror::Error;

use crate::{Limit, ObjectId, ObjectKind, limit::SEMAPHORE_VALUE_MAX};

/// A specialised `Result` for System V calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of every operation of this crate.
///
/// Each variant says which call was made, on which object, and what can be done. The errno is mapped per call: `EINVAL`
/// of `msgsnd`, for example, becomes one of four errors. [`errno`](Self::errno) returns it as the system said it.
///
/// # As an `io::Error`
///
/// `io::Error::from(error)` has the kind of [`io_kind`](Self::io_kind). It keeps
/// [`raw_os_error`](std::io::Error::raw_os_error) where the system gave an errno that the standard library
/// gives the same kind. An `io::Error` with an errno has no room for anything else, so this error's text is lost.
/// Otherwise the `io::Error` holds this error, with its text and its errno.
///
/// The text is always kept by `io::Error::new(error.io_kind(), error)`.
///
/// ```
/// use std::io;
/// use sysv_ipc::{Errno, Error, Key, SemaphoreOptions};
///
/// let error = SemaphoreOptions::new().open(Key::new(0x5eed_0001)?).unwrap_err();
/// let short = io::Error::from(error.clone());
/// assert_eq!((short.kind(), short.raw_os_error()), (io::ErrorKind::NotFound, Some(Errno::ENOENT as i32)));
/// let long = io::Error::new(error.io_kind(), error);
/// assert_eq!(long.kind(), io::ErrorKind::NotFound);
/// assert!(long.to_string().contains("key 0x5eed0001"));
/// # Ok::<(), Error>(())
/// ```
///
/// # Examples
///
/// ```
/// use sysv_ipc::{Error, Key, SemaphoreOptions};
///
/// let error = SemaphoreOptions::new().open(Key::new(0x5eed_0001)?).unwrap_err();
/// assert!(matches!(error, Error::NotFound { call: "semget", .. }));
/// assert!(error.to_string().contains("key 0x5eed0001"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Nothing has this key (`ENOENT`) or id (`EINVAL` or `EIDRM`).
    #[error(
        "{call}: no {object} here; it was never created, was removed (systemd's RemoveIPC does so at logout), \
         or is in another IPC namespace (containers have their own)"
    )]
    NotFound {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
        /// `ENOENT` for a key, `EINVAL` or `EIDRM` for an id.
        errno: Errno,
    },
    /// An exclusive creation found the key taken (`EEXIST`).
    #[error("{call}: {object} exists already; open it, or choose another key")]
    AlreadyExists {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
    },
    /// The object was removed before or during the call (`EIDRM`, or `EINVAL` on its id).
    #[error("{call}: {object} was removed (by remove, by ipcrm, or by systemd's RemoveIPC at logout){}", or_never(*object))]
    Removed {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
        /// `EIDRM` while waiting or just after it was removed, `EINVAL` later.
        errno: Errno,
    },
    /// The caller may not do this (`EACCES` or `EPERM`).
    ///
    /// `EPERM` from a call that the kernel refuses with `EACCES` alone comes from a sandbox: `semget`, `semop`, `msgget`,
    /// `msgsnd`, `msgrcv`, `shmget` (except for [huge pages](Self::HugePagesDenied)), `shmat`. The text says so.
    #[error("{call}: permission denied on {object} ({errno}); {}", why_denied(call, *errno))]
    PermissionDenied {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
        /// `EACCES` (the mode forbids it) or `EPERM` (only the owner, the creator or root may).
        errno: Errno,
    },
    /// The caller may not use huge pages (`EPERM`).
    #[error(
        "{call}: huge pages for {object} need CAP_IPC_LOCK, or membership in the group of \
         `sysctl vm.hugetlb_shm_group`"
    )]
    HugePagesDenied {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
    },
    /// It can't be done now, and the caller asked not to wait.
    #[error("{call}: {object} is not ready, and the call was not to wait")]
    WouldBlock {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
        /// `EAGAIN`, or `ENOMSG` for a queue without a message that suits.
        errno: Errno,
    },
    /// The timeout elapsed, or the deadline passed.
    #[error("{call}: timed out on {object}")]
    TimedOut {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
    },
    /// A signal handler ran, and the handle's waits are interruptible (`EINTR`).
    ///
    /// On Linux also if the process was stopped and goes on (`SIGSTOP`, `SIGCONT`) while it waits on a semaphore. Check what
    /// the handlers set, and wait again.
    #[error("{call}: interrupted by a signal while waiting on {object}")]
    Interrupted {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
    },
    /// A limit of the kernel is reached.
    #[error("{call}: {object} would exceed {limit}{}; {}", at(*value), limit.advice())]
    LimitReached {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
        /// The limit.
        limit: Limit,
        /// Its value, where the system tells.
        value: Option<u64>,
        /// What the system said, such as `ENOSPC`.
        errno: Errno,
    },
    /// The kernel has no memory for it (`ENOMEM`).
    #[error("{call}: not enough memory for {object}")]
    OutOfMemory {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
    },
    /// This system doesn't have the call or the flag.
    #[error("{call}: not supported by this system")]
    Unsupported {
        /// The system call or flag.
        call: &'static str,
    },
    /// The semaphore exists, but its creator has not given it its first value in time.
    #[error(
        "{object} was created but not initialised in time{}, or without `open_initialized` and never used; \
         if its creator died, remove it (`ipcrm -s`) and start again", by(*creator)
    )]
    Uninitialized {
        /// The semaphore.
        object: ObjectId,
        /// The process that began to initialise it, if it got that far.
        creator: Option<u32>,
    },
    /// Every try to find a free random key met a taken one.
    #[error("no free key for a {kind} in {tries} random tries")]
    NoFreeKey {
        /// What was to be created.
        kind: ObjectKind,
        /// How often it was tried.
        tries: u32,
    },
    /// A number is no key: 0 is the private key, the rest must fit in 32 bits.
    #[error("{key} is no key: a key is a 32-bit number other than 0 (for 0, say Key::PRIVATE)")]
    KeyOutOfRange {
        /// The number.
        key: i128,
    },
    /// A text is no key: neither a decimal nor a hexadecimal number of 32 bits other than 0.
    #[error("a key is written as a 32-bit number other than 0, such as 42 or 0x0000002a")]
    KeyUnreadable,
    /// `exclusive` was asked for without `create`.
    #[error("exclusive(true) means nothing without create(true)")]
    ExclusiveWithoutCreate,
    /// A new object can't be empty.
    #[error("a new {kind} needs a size of at least 1")]
    SizeZero {
        /// What was to be created.
        kind: ObjectKind,
    },
    /// The object that exists is smaller than what was asked for (`EINVAL`).
    #[error(
        "{call}: {object} exists but is smaller than the {requested} asked for; open with size 0 to take it as it is"
    )]
    SizeMismatch {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
        /// The number of bytes or of semaphores that was asked for.
        requested: usize,
    },
    /// An amount to acquire or release is not in 1..=32,767.
    #[error("{amount} is no amount to acquire or release: it must be 1 to 32767")]
    AmountOutOfRange {
        /// The amount.
        amount: i64,
    },
    /// A semaphore's value is or would be out of range (`ERANGE`).
    #[error("{call}: the value of {object} must be 0 to {}", SEMAPHORE_VALUE_MAX)]
    ValueOutOfRange {
        /// The system call that failed, or the method that refused to make it.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
    },
    /// As many values must be set as there are semaphores.
    #[error("{object} has {len} semaphores, and {given} values were given")]
    WrongCount {
        /// The set.
        object: ObjectId,
        /// How many values were given.
        given: usize,
        /// How many semaphores it has.
        len: usize,
    },
    /// The set has no semaphore of this number.
    #[error("{call}: {object} has no semaphore number {index}")]
    NoSuchSemaphore {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
        /// The number that was asked for.
        index: usize,
    },
    /// A `semop` without operations.
    #[error("semop: a list of operations can't be empty")]
    NoOperations,
    /// The machine has no huge pages of this size.
    #[error(
        "{object}: no huge pages of {bytes} bytes on this machine; /sys/kernel/mm/hugepages names the sizes it has"
    )]
    NoSuchHugePages {
        /// What was to be created.
        object: ObjectId,
        /// The size that was asked for.
        bytes: usize,
    },
    /// The segment was attached for reading only.
    #[error("{object} is attached for reading only; attach it for writing to change it")]
    AttachedReadOnly {
        /// The segment.
        object: ObjectId,
    },
    /// An access would leave the segment.
    #[error("{len} bytes at offset {offset} do not lie inside the {size} bytes of the segment")]
    OutOfBounds {
        /// Where the access begins.
        offset: usize,
        /// How many bytes it needs.
        len: usize,
        /// The size of the segment.
        size: usize,
    },
    /// An address or offset does not have the alignment it needs.
    #[error("{address:#x} is not aligned to {align} bytes")]
    Misaligned {
        /// The address or offset.
        address: usize,
        /// The alignment that is needed.
        align: usize,
    },
    /// A segment can't be attached at this address: something else is there, or may not be.
    #[error("shmat: {object} can't be attached at {address:#x}; let the kernel choose the address")]
    AddressUnusable {
        /// The segment.
        object: ObjectId,
        /// The address.
        address: usize,
    },
    /// A message type must be positive.
    #[error("{message_type} is no message type: it must be positive")]
    TypeOutOfRange {
        /// The number.
        message_type: i64,
    },
    /// The message is longer than the handle's own limit.
    #[error(
        "a message of {len} bytes is longer than this handle's max_message_size of {max_message_size}; \
         set a larger one on the handle, up to the kernel's MSGMAX (8192 bytes on Linux by default)"
    )]
    MessageTooLong {
        /// The length of the message.
        len: usize,
        /// The limit of the handle.
        max_message_size: usize,
    },
    /// The message is longer than the kernel lets any message be.
    #[error("a message of {len} bytes is longer than the kernel's MSGMAX of {msgmax}; {}", Limit::Msgmax.advice())]
    MessageExceedsMsgmax {
        /// The length of the message.
        len: usize,
        /// The limit of the kernel.
        msgmax: usize,
    },
    /// The message is longer than the queue's `max_size`: it can't be sent unless that is raised.
    #[error(
        "a message of {len} bytes can't fit: {object} holds {max_size} bytes; raise its max_size, or wait until \
         another process does (set_wait_for_resize)"
    )]
    MessageExceedsQueue {
        /// The queue.
        object: ObjectId,
        /// The length of the message.
        len: usize,
        /// The number of bytes the queue may hold.
        max_size: usize,
    },
    /// The message is longer than the buffer (`E2BIG`). It stays on the queue.
    #[error("the message on {object} is longer than the buffer of {buffer} bytes; it stays on the queue")]
    BufferTooSmall {
        /// The queue.
        object: ObjectId,
        /// The room the buffer had.
        buffer: usize,
    },
    /// Anything else, as the system said it.
    #[error("{call} on {object}: {errno}")]
    System {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: ObjectId,
        /// What the system said.
        errno: Errno,
    },
}

/// A handle that was made from an id may never have had an object.
fn or_never(object: ObjectId) -> &'static str {
    if object.key.is_none() { ", or never existed" } else { "" }
}

fn why_denied(call: &str, errno: Errno) -> &'static str {
    match (errno, call) {
        (Errno::EPERM, "semget" | "semop" | "msgget" | "msgsnd" | "msgrcv" | "shmget" | "shmat") => {
            "a sandbox forbids the call, whatever the mode: a seccomp filter, or the profile of a container or service"
        }
        (Errno::EPERM, _) => {
            "only its owner, its creator or root may change or remove it; if it was one of them, or only read it, a \
             sandbox forbids the call"
        }
        _ => "ask its owner, or see its mode with `ipcs`",
    }
}

fn at(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| format!(", which is {value}"))
}

fn by(creator: Option<u32>) -> String {
    creator.map_or_else(String::new, |pid| format!(" by process {pid}"))
}

impl Error {
    /// Maps the errnos that every call has in common. Callers check for their own cases first.
    #[cold]
    pub(crate) fn from_errno(call: &'static str, object: ObjectId, errno: Errno) -> Self {
        match errno {
            Errno::ENOENT => Self::NotFound { call, object, errno },
            Errno::EEXIST => Self::AlreadyExists { call, object },
            Errno::EIDRM => Self::Removed { call, object, errno },
            Errno::EACCES | Errno::EPERM => Self::PermissionDenied { call, object, errno },
            Errno::EINTR => Self::Interrupted { call, object },
            Errno::ENOMEM => Self::OutOfMemory { call, object },
            Errno::ENOSYS => Self::Unsupported { call },
            errno => Self::System { call, object, errno },
        }
    }

    /// Maps the errno of a call by id, where `EINVAL` means that the id is no longer known.
    #[cold]
    pub(crate) fn on_id(call: &'static str, object: ObjectId, errno: Errno) -> Self {
        match errno {
            Errno::EINVAL => Self::Removed { call, object, errno },
            errno => Self::from_errno(call, object, errno),
        }
    }

    /// Maps the errno of `IPC_SET`, where `EINVAL` is also a user or group that doesn't exist. `look` returns what is
    /// wrong with the object, if anything is.
    #[cold]
    pub(crate) fn on_set(
        call: &'static str,
        object: ObjectId,
        errno: Errno,
        look: impl FnOnce() -> Option<Self>,
    ) -> Self {
        match errno {
            Errno::EINVAL => match look() {
                Some(gone) if gone.is_gone() => gone,
                _ => Self::System { call, object, errno },
            },
            errno => Self::from_errno(call, object, errno),
        }
    }

    /// Turns `Removed` into `NotFound`, for an id without a handle: the caller can't tell whether the object ever
    /// existed.
    pub(crate) fn into_never_seen(self) -> Self {
        match self {
            Self::Removed { call, object, errno } => Self::NotFound { call, object, errno },
            other => other,
        }
    }

    /// Returns whether the object is gone: [`NotFound`](Self::NotFound) or [`Removed`](Self::Removed).
    ///
    /// ```
    /// # use sysv_ipc::remove_semaphore;
    /// assert!(remove_semaphore(-1).unwrap_err().is_gone());
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::Removed { .. })
    }

    /// Returns whether waiting longer could have helped: would-block or timed-out.
    ///
    /// Python's `sysv_ipc` has one `BusyError` for both. Here [`WouldBlock`](Self::WouldBlock) and
    /// [`TimedOut`](Self::TimedOut) differ.
    ///
    /// ```
    /// # use sysv_ipc::{Key, SemaphoreOptions};
    /// let semaphore = SemaphoreOptions::new().create(true).open(Key::PRIVATE)?;
    /// assert!(semaphore.try_acquire().unwrap_err().is_busy());
    /// semaphore.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::WouldBlock { .. } | Self::TimedOut { .. })
    }
}
