//! What an error is to callers that know errnos and `io::Error`.
//!
//! The variants of [`Error`] say more than an errno does. For bindings of other languages, and for `?` into an
//! [`io::Error`], each is given the errno and the kind that it stands for.

use std::io;

use crate::{Errno, Error};

impl Error {
    /// Returns the errno that the system returned.
    ///
    /// If a check of this crate refused the arguments before the call, it is the errno that the call would have
    /// returned. Returns `None` if no system call could refuse such arguments: a key, amount or range that can't be
    /// passed to a call, or a bound of this crate's own.
    ///
    /// For two errors the errno of the call would mislead, and another is returned. [`TimedOut`](Self::TimedOut) is
    /// `ETIMEDOUT`, although `semtimedop` returns `EAGAIN` and a signal ends the wait on a queue.
    /// [`MessageExceedsQueue`](Self::MessageExceedsQueue) is `EINVAL`, as POSIX has it, although Linux would wait.
    ///
    /// ```
    /// use sysv_ipc::{Errno, Key, SemaphoreOptions, remove_semaphore};
    ///
    /// assert_eq!(remove_semaphore(-1).unwrap_err().errno(), Some(Errno::EINVAL));
    /// let too_large = SemaphoreOptions::new().create(true).initial_value(u16::MAX).open(Key::PRIVATE);
    /// assert_eq!(too_large.unwrap_err().errno(), Some(Errno::ERANGE));
    /// assert_eq!(Key::new(0).unwrap_err().errno(), None);
    /// ```
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        Some(match *self {
            Self::NotFound { errno, .. }
            | Self::Removed { errno, .. }
            | Self::PermissionDenied { errno, .. }
            | Self::WouldBlock { errno, .. }
            | Self::LimitReached { errno, .. }
            | Self::System { errno, .. } => errno,
            Self::AlreadyExists { .. } => Errno::EEXIST,
            Self::HugePagesDenied { .. } => Errno::EPERM,
            Self::TimedOut { .. } => Errno::ETIMEDOUT,
            Self::Interrupted { .. } => Errno::EINTR,
            Self::OutOfMemory { .. } => Errno::ENOMEM,
            Self::Unsupported { .. } => Errno::ENOSYS,
            Self::ValueOutOfRange { .. } => Errno::ERANGE,
            Self::NoSuchSemaphore { call: "semop", .. } => Errno::EFBIG,
            Self::BufferTooSmall { .. } => Errno::E2BIG,
            Self::SizeZero { .. }
            | Self::SizeMismatch { .. }
            | Self::NoSuchSemaphore { .. }
            | Self::NoOperations
            | Self::Misaligned { .. }
            | Self::AddressUnusable { .. }
            | Self::TypeOutOfRange { .. }
            | Self::NoSuchHugePages { .. }
            | Self::MessageExceedsMsgmax { .. }
            | Self::MessageExceedsQueue { .. } => Errno::EINVAL,
            Self::Uninitialized { .. }
            | Self::NoFreeKey { .. }
            | Self::KeyOutOfRange { .. }
            | Self::KeyUnreadable
            | Self::ExclusiveWithoutCreate
            | Self::AmountOutOfRange { .. }
            | Self::WrongCount { .. }
            | Self::OutOfBounds { .. }
            | Self::AttachedReadOnly { .. }
            | Self::MessageTooLong { .. } => return None,
        })
    }

    /// Returns the kind that this error has as an [`io::Error`].
    ///
    /// ```
    /// use std::io;
    ///
    /// let error = sysv_ipc::remove_semaphore(-1).unwrap_err();
    /// assert_eq!(error.io_kind(), io::ErrorKind::NotFound);
    /// assert!(io::Error::new(error.io_kind(), error).to_string().contains("RemoveIPC"));
    /// ```
    #[must_use]
    pub fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::NotFound { .. } | Self::Removed { .. } => io::ErrorKind::NotFound,
            Self::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
            Self::PermissionDenied { .. } | Self::HugePagesDenied { .. } | Self::AttachedReadOnly { .. } => {
                io::ErrorKind::PermissionDenied
            }
            Self::WouldBlock { .. } => io::ErrorKind::WouldBlock,
            Self::TimedOut { .. } | Self::Uninitialized { .. } => io::ErrorKind::TimedOut,
            Self::Interrupted { .. } => io::ErrorKind::Interrupted,
            Self::OutOfMemory { .. } => io::ErrorKind::OutOfMemory,
            Self::Unsupported { .. } => io::ErrorKind::Unsupported,
            Self::LimitReached { .. } | Self::NoFreeKey { .. } => io::ErrorKind::QuotaExceeded,
            Self::System { errno, .. } => io::Error::from(*errno).kind(),
            _ => io::ErrorKind::InvalidInput,
        }
    }

    /// Returns whether a check of this crate refused the arguments, so that no call returned an errno.
    fn is_our_own(&self) -> bool {
        matches!(
            self,
            Self::NoOperations
                | Self::Misaligned { .. }
                | Self::TypeOutOfRange { .. }
                | Self::MessageExceedsQueue { .. }
        )
    }
}

impl From<Error> for io::Error {
    /// Keeps the errno if it has the same kind, and the error itself otherwise.
    fn from(error: Error) -> Self {
        let kind = error.io_kind();
        let errno = error.errno().filter(|_| !error.is_our_own());
        match errno.map(|errno| Self::from_raw_os_error(errno as i32)) {
            Some(raw) if raw.kind() == kind => raw,
            _ => Self::new(kind, error),
        }
    }
}
