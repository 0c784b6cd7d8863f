//! What can go wrong, on what, and what to do about it.

use std::{fmt, io};

pub use nix::errno::Errno;
use thiserror::Error;

use crate::Key;

/// A specialised `Result` for System V calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The three kinds of System V object.
///
/// Each kind has a key space of its own: a semaphore set and a segment may have the same key.
///
/// ```
/// use sysv_ipc::Kind;
/// assert_eq!(Kind::MessageQueue.to_string(), "message queue");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A set of semaphores.
    Semaphores,
    /// A segment of shared memory.
    SharedMemory,
    /// A message queue.
    MessageQueue,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Semaphores => "semaphore set",
            Self::SharedMemory => "shared memory segment",
            Self::MessageQueue => "message queue",
        })
    }
}

/// The object a call was about, as far as the caller had named it.
///
/// ```
/// use sysv_ipc::{Key, Kind, Object};
/// let object = Object { kind: Kind::SharedMemory, key: Some(Key::new(42)?), id: Some(7) };
/// assert_eq!(object.to_string(), "shared memory segment 7 (key 0x0000002a)");
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// What kind of object it is.
    pub kind: Kind,
    /// Its key, if the caller knew it.
    pub key: Option<Key>,
    /// Its kernel id, if the caller knew it.
    pub id: Option<i32>,
}

impl Object {
    pub(crate) fn with_key(kind: Kind, key: Key) -> Self {
        Self { kind, key: Some(key), id: None }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match (self.id, self.key) {
            (Some(id), Some(key)) => write!(f, " {id} (key {key})"),
            (Some(id), None) => write!(f, " {id}"),
            (None, Some(key)) => write!(f, " with key {key}"),
            (None, None) => Ok(()),
        }
    }
}

/// A limit of the kernel on System V objects.
///
/// [`limits`](crate::limits) reads them all.
///
/// ```
/// use sysv_ipc::Limit;
/// assert_eq!(Limit::Msgmax.to_string(), "MSGMAX (bytes in one message)");
/// assert!(Limit::Msgmax.advice().contains("kernel.msgmax"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Semaphore sets in this IPC namespace.
    Semmni,
    /// Semaphores in all sets of this IPC namespace.
    Semmns,
    /// Semaphores in one set.
    Semmsl,
    /// Operations in one `semop`.
    Semopm,
    /// Segments in this IPC namespace.
    Shmmni,
    /// Bytes in one segment.
    Shmmax,
    /// Pages in all segments of this IPC namespace.
    Shmall,
    /// Segments attached to one process.
    Shmseg,
    /// Message queues in this IPC namespace.
    Msgmni,
    /// Bytes in one message.
    Msgmax,
    /// Bytes a queue may be given without privilege.
    Msgmnb,
}

impl Limit {
    /// Returns how the limit is raised on this system.
    #[must_use]
    pub fn advice(self) -> &'static str {
        if cfg!(not(target_os = "linux")) {
            return "see the kern.sysv or kern.ipc entries of sysctl";
        }
        match self {
            Self::Semmsl => "raise the 1st number of `sysctl kernel.sem`",
            Self::Semmns => "raise the 2nd number of `sysctl kernel.sem`",
            Self::Semopm => "raise the 3rd number of `sysctl kernel.sem`",
            Self::Semmni => "remove leftovers (`ipcs -s`, `ipcrm -s`) or raise the 4th number of `sysctl kernel.sem`",
            Self::Shmmni => "remove leftovers (`ipcs -m`, `ipcrm -m`) or raise `sysctl kernel.shmmni`",
            Self::Shmmax => "raise `sysctl kernel.shmmax`",
            Self::Shmall => "remove leftovers (`ipcs -m`, `ipcrm -m`) or raise `sysctl kernel.shmall`",
            Self::Shmseg => "detach segments that are no longer needed",
            Self::Msgmni => "remove leftovers (`ipcs -q`, `ipcrm -q`) or raise `sysctl kernel.msgmni`",
            Self::Msgmax => "send less at once or raise `sysctl kernel.msgmax`",
            Self::Msgmnb => "raise `sysctl kernel.msgmnb`, or run with CAP_SYS_RESOURCE",
        }
    }
}

impl Limit {
    /// The error of a call that met this limit, with the value that the kernel tells of it.
    #[cold]
    pub(crate) fn reached(self, call: &'static str, object: Object) -> Error {
        Error::LimitReached {
            call,
            object,
            limit: self,
            value: crate::limits().ok().and_then(|limits| limits.value(self)),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Semmni => "SEMMNI (semaphore sets)",
            Self::Semmns => "SEMMNS (semaphores in all sets)",
            Self::Semmsl => "SEMMSL (semaphores in one set)",
            Self::Semopm => "SEMOPM (operations in one semop)",
            Self::Shmmni => "SHMMNI (segments)",
            Self::Shmmax => "SHMMAX (bytes in one segment)",
            Self::Shmall => "SHMALL (pages in all segments)",
            Self::Shmseg => "SHMSEG (segments attached to one process)",
            Self::Msgmni => "MSGMNI (message queues)",
            Self::Msgmax => "MSGMAX (bytes in one message)",
            Self::Msgmnb => "MSGMNB (bytes on one queue)",
        })
    }
}

/// The error of every operation of this crate.
///
/// Each variant says which call was made, on which object, and what can be done. The errno is
/// mapped per call: `EINVAL` of `msgsnd`, for one, is told apart into four different errors.
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
    /// Nothing has this key or id (`ENOENT`).
    #[error(
        "{call}: no {object} here; it was never created, was removed (systemd's RemoveIPC does so at logout), \
         or is in another IPC namespace (containers have their own)"
    )]
    NotFound {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
    },
    /// An exclusive creation found the key taken (`EEXIST`).
    #[error("{call}: {object} exists already; open it, or choose another key")]
    AlreadyExists {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
    },
    /// The object was removed before or during the call (`EIDRM`, or `EINVAL` on its id).
    #[error("{call}: {object} was removed; somebody called remove or ipcrm, or systemd's RemoveIPC did at logout")]
    Removed {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
    },
    /// The caller may not do this (`EACCES` or `EPERM`).
    #[error("{call}: permission denied on {object} ({errno}); ask its owner, or see its mode with `ipcs`")]
    PermissionDenied {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
        /// `EACCES` (the mode forbids it) or `EPERM` (only the owner, the creator or root may).
        errno: Errno,
    },
    /// Huge pages are not for everybody (`EPERM`).
    #[error(
        "{call}: huge pages for {object} need CAP_IPC_LOCK, or membership in the group of \
         `sysctl vm.hugetlb_shm_group`"
    )]
    HugePagesDenied {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
    },
    /// It can't be done now, and the caller asked not to wait.
    #[error("{call}: {object} is not ready, and the call was not to wait")]
    WouldBlock {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
    },
    /// The time the caller gave is over.
    #[error("{call}: timed out on {object}")]
    TimedOut {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
    },
    /// A signal handler ran, and the caller asked to be told (`EINTR`).
    #[error("{call}: interrupted by a signal while waiting on {object}")]
    Interrupted {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
    },
    /// A limit of the kernel is reached.
    #[error("{call}: {object} would exceed {limit}{}; {}", at(*value), limit.advice())]
    LimitReached {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
        /// The limit.
        limit: Limit,
        /// Its value, where the system tells.
        value: Option<u64>,
    },
    /// The kernel has no memory for it (`ENOMEM`).
    #[error("{call}: not enough memory for {object}")]
    OutOfMemory {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
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
        object: Object,
        /// The process that began to initialise it, if it got that far.
        creator: Option<u32>,
    },
    /// Every try to find a free random key met a taken one.
    #[error("no free key for a {kind} in {tries} random tries")]
    NoFreeKey {
        /// What was to be created.
        kind: Kind,
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
        kind: Kind,
    },
    /// The object that exists is smaller than what was asked for (`EINVAL`).
    #[error(
        "{call}: {object} exists but is smaller than the {requested} asked for; open with size 0 to take it as it is"
    )]
    SizeMismatch {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
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
    #[error("{call}: the value of {object} must be 0 to {}", crate::SEMAPHORE_VALUE_MAX)]
    ValueOutOfRange {
        /// The system call that failed, or the method that refused to make it.
        call: &'static str,
        /// What it was called on.
        object: Object,
    },
    /// The set has no semaphore of this number, or the number of values differs from its size.
    #[error("{call}: {object} has no semaphore number {index}")]
    NoSuchSemaphore {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
        /// The number that was asked for.
        index: usize,
    },
    /// A `semop` without operations.
    #[error("semop: a list of operations can't be empty")]
    NoOperations,
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
        object: Object,
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
    #[error("a message of {len} bytes is longer than this handle's max_message_size of {max_message_size}")]
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
    /// The message is longer than the queue's `max_size`: it could never be sent.
    #[error("a message of {len} bytes can never fit: {object} holds {max_size} bytes; raise its max_size")]
    MessageExceedsQueue {
        /// The queue.
        object: Object,
        /// The length of the message.
        len: usize,
        /// The number of bytes the queue may hold.
        max_size: usize,
    },
    /// The message is longer than the buffer (`E2BIG`). It stays on the queue.
    #[error("the message on {object} is longer than the buffer of {buffer} bytes; it stays on the queue")]
    BufferTooSmall {
        /// The queue.
        object: Object,
        /// The room the buffer had.
        buffer: usize,
    },
    /// Anything else, as the system said it.
    #[error("{call} on {object}: {errno}")]
    System {
        /// The system call that failed.
        call: &'static str,
        /// What it was called on.
        object: Object,
        /// What the system said.
        errno: Errno,
    },
}

fn at(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| format!(", which is {value}"))
}

fn by(creator: Option<u32>) -> String {
    creator.map_or_else(String::new, |pid| format!(" by process {pid}"))
}

impl Error {
    /// Maps what every call has in common. Callers look at their own cases first.
    #[cold]
    pub(crate) fn from_errno(call: &'static str, object: Object, errno: Errno) -> Self {
        match errno {
            Errno::ENOENT => Self::NotFound { call, object },
            Errno::EEXIST => Self::AlreadyExists { call, object },
            Errno::EIDRM => Self::Removed { call, object },
            Errno::EACCES | Errno::EPERM => Self::PermissionDenied { call, object, errno },
            Errno::EINTR => Self::Interrupted { call, object },
            Errno::ENOMEM => Self::OutOfMemory { call, object },
            Errno::ENOSYS => Self::Unsupported { call },
            errno => Self::System { call, object, errno },
        }
    }

    /// Maps the errno of a call by id, where `EINVAL` means that the id is no longer known.
    #[cold]
    pub(crate) fn on_id(call: &'static str, object: Object, errno: Errno) -> Self {
        match errno {
            Errno::EINVAL => Self::Removed { call, object },
            errno => Self::from_errno(call, object, errno),
        }
    }

    /// Maps the errno of `IPC_SET`, where `EINVAL` is also a user or group that doesn't exist; `look`
    /// says what is wrong with the object, if anything is.
    #[cold]
    pub(crate) fn on_set(
        call: &'static str,
        object: Object,
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

    /// An id that nobody had a handle of: gone and never there are the same to the caller.
    pub(crate) fn into_never_seen(self) -> Self {
        match self {
            Self::Removed { call, object } => Self::NotFound { call, object },
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
    /// The seed has one `BusyError` for both; [`WouldBlock`](Self::WouldBlock) and
    /// [`TimedOut`](Self::TimedOut) tell them apart.
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

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::NotFound { .. } | Error::Removed { .. } => io::ErrorKind::NotFound,
            Error::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
            Error::PermissionDenied { .. } | Error::HugePagesDenied { .. } => io::ErrorKind::PermissionDenied,
            Error::WouldBlock { .. } => io::ErrorKind::WouldBlock,
            Error::TimedOut { .. } | Error::Uninitialized { .. } => io::ErrorKind::TimedOut,
            Error::Interrupted { .. } => io::ErrorKind::Interrupted,
            Error::OutOfMemory { .. } => io::ErrorKind::OutOfMemory,
            Error::Unsupported { .. } => io::ErrorKind::Unsupported,
            Error::LimitReached { .. } | Error::NoFreeKey { .. } => io::ErrorKind::QuotaExceeded,
            Error::System { errno, .. } => io::Error::from(*errno).kind(),
            _ => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
