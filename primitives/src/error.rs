//! The error that all errors of operations convert into.

use std::io;

use thiserror::Error;

use crate::{
    BarrierError, CallError, Failure, LockError, OnceError, OpenError, PoolError, PopError, PushError, RecvError,
    RoleError, RouteTaken, SendError, Undecodable, WatchError, raw,
    workers::{JobError, WorkersError},
};

/// A specialised `Result` for the primitives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of this crate, for functions that use several kinds of operations.
///
/// Each operation returns an error of its own family, which lists what can happen there. Each of them converts into this one, so
/// `?` works. The [crate's documentation](crate#errors) has a table of which call returns which.
///
/// ```
/// use sysv_primitives::{Error, Mutex, OpenError};
///
/// fn total() -> sysv_primitives::Result<u64> {
///     Ok(*Mutex::open("no mutex has this name")?.lock()?)
/// }
/// assert!(matches!(total(), Err(Error::Open(OpenError::NoSuchName { .. }))));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A call of the raw layer failed.
    #[error(transparent)]
    Raw(#[from] raw::Error),
    /// The system refused a call, or the object is corrupt.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// An object could not be created, opened or unlinked.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A lock was refused.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A barrier was not passed.
    #[error(transparent)]
    Barrier(#[from] BarrierError),
    /// A value was not set, or is not there.
    #[error(transparent)]
    Once(#[from] OnceError),
    /// A value was not set, read or waited for.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// Permits could not be acquired, or a pool not be resized.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A role of a ring was not taken.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// An item was not pushed.
    #[error(transparent)]
    Push(PushError<()>),
    /// No item was popped.
    #[error(transparent)]
    Pop(#[from] PopError),
    /// A message was not sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// No message was received.
    #[error(transparent)]
    Recv(#[from] RecvError),
    /// A request has no response.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A message could not be decoded: from [`Envelope::decode`](crate::Envelope::decode) and a router. Receiving and
    /// calling have it in their own errors.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// Two types of messages have the same route.
    #[error(transparent)]
    RouteTaken(#[from] RouteTaken),
    /// A pool of workers was not started, or has ended.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// A job of a pool of workers has no result.
    #[error(transparent)]
    Job(#[from] JobError),
}

impl<T> From<PushError<T>> for Error {
    fn from(error: PushError<T>) -> Self {
        Self::Push(error.without_item())
    }
}

impl Error {
    /// Returns whether waiting longer could have helped: `WouldBlock`, `TimedOut`, `Full`, `Empty` and their like.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Raw(error) => error.is_busy(),
            Self::Lock(error) => error.is_busy(),
            Self::Barrier(error) => error.is_busy(),
            Self::Once(error) => error.is_busy(),
            Self::Watch(error) => error.is_busy(),
            Self::Pool(error) => error.is_busy(),
            Self::Role(error) => error.is_busy(),
            Self::Push(error) => error.is_busy(),
            Self::Pop(error) => error.is_busy(),
            Self::Send(error) => error.is_busy(),
            Self::Recv(error) => error.is_busy(),
            Self::Call(error) => error.is_busy(),
            Self::Job(error) => error.is_busy(),
            Self::Failed(_) | Self::Open(_) | Self::Undecodable(_) | Self::RouteTaken(_) | Self::Workers(_) => false,
        }
    }

    /// Returns whether the object is closed or disconnected.
    #[must_use]
    pub fn is_end(&self) -> bool {
        match self {
            Self::Watch(error) => error.is_end(),
            Self::Push(error) => error.is_end(),
            Self::Pop(error) => error.is_end(),
            Self::Send(error) => error.is_end(),
            Self::Recv(error) => error.is_end(),
            Self::Call(error) => error.is_end(),
            Self::Job(error) => error.is_end(),
            _ => false,
        }
    }

    /// Returns whether the object was removed, or never existed.
    ///
    /// ```
    /// # use sysv_primitives::{Error, Pool};
    /// assert!(Error::from(Pool::open("no pool has this name").unwrap_err()).is_gone());
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Open(OpenError::NoSuchName { .. }))
            || self.failure().is_some_and(Failure::is_gone)
            || self.raw().is_some_and(raw::Error::is_gone)
    }

    /// Returns what went wrong below the operation, if that is why it failed.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure)
            | Self::Open(OpenError::Failed(failure))
            | Self::Lock(LockError::Failed(failure))
            | Self::Barrier(BarrierError::Failed(failure))
            | Self::Once(OnceError::Failed(failure))
            | Self::Watch(WatchError::Failed(failure))
            | Self::Pool(PoolError::Failed(failure))
            | Self::Role(RoleError::Failed(failure))
            | Self::Push(PushError::Failed { failure, .. })
            | Self::Pop(PopError::Failed(failure))
            | Self::Send(SendError::Failed(failure))
            | Self::Recv(RecvError::Failed(failure))
            | Self::Call(CallError::Failed(failure) | CallError::NotSent(SendError::Failed(failure)))
            | Self::Job(JobError::Failed(failure) | JobError::NotSubmitted(SendError::Failed(failure))) => {
                Some(failure)
            }
            Self::Workers(error) | Self::Job(JobError::Ended(error)) => error.failure(),
            _ => None,
        }
    }

    /// Returns what the system said, if a System V call failed.
    #[must_use]
    pub fn raw(&self) -> Option<&raw::Error> {
        match self {
            Self::Raw(error) => Some(error),
            Self::Open(error) => error.raw(),
            error => error.failure()?.raw(),
        }
    }

    fn io_kind(&self) -> io::ErrorKind {
        if let Some(error) = self.raw() {
            return io::Error::from(error.clone()).kind();
        }
        if let Some(failure) = self.failure() {
            return match failure {
                Failure::Damaged { .. } => io::ErrorKind::InvalidData,
                Failure::TooManyHandles { .. } => io::ErrorKind::QuotaExceeded,
                Failure::Unreachable { .. } => io::ErrorKind::NotConnected,
                Failure::Removed { .. } => io::ErrorKind::NotFound,
                Failure::Unsupported { .. } => io::ErrorKind::Unsupported,
                Failure::Refused { .. } | Failure::LeaseLost { .. } => io::ErrorKind::Other,
                _ => io::ErrorKind::InvalidInput,
            };
        }
        match self {
            _ if self.is_timed_out() => io::ErrorKind::TimedOut,
            Self::Role(_) => io::ErrorKind::ResourceBusy,
            _ if self.is_busy() => io::ErrorKind::WouldBlock,
            _ if self.is_end() => io::ErrorKind::BrokenPipe,
            Self::Open(error) => match error {
                OpenError::NoSuchName { .. } => io::ErrorKind::NotFound,
                OpenError::NameTaken { .. } | OpenError::NameCollision { .. } => io::ErrorKind::AlreadyExists,
                OpenError::Untrusted { .. } => io::ErrorKind::PermissionDenied,
                OpenError::Wiped { .. } => io::ErrorKind::ResourceBusy,
                _ => io::ErrorKind::InvalidInput,
            },
            Self::Barrier(BarrierError::Broken { .. })
            | Self::Call(CallError::NoResponse { .. })
            | Self::Job(JobError::Lost { .. }) => io::ErrorKind::ConnectionAborted,
            Self::Job(JobError::Undecodable(_)) => io::ErrorKind::InvalidData,
            Self::Workers(_) | Self::Job(_) => io::ErrorKind::Other,
            Self::Undecodable(_) | Self::Recv(RecvError::Undecodable(_)) | Self::Call(CallError::Undecodable(_)) => {
                io::ErrorKind::InvalidData
            }
            Self::Once(OnceError::AlreadySet { .. }) => io::ErrorKind::AlreadyExists,
            Self::Lock(LockError::Poisoned { .. }) => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidInput,
        }
    }

    fn is_timed_out(&self) -> bool {
        matches!(
            self,
            Self::Lock(LockError::TimedOut)
                | Self::Barrier(BarrierError::TimedOut)
                | Self::Once(OnceError::TimedOut)
                | Self::Watch(WatchError::TimedOut)
                | Self::Pool(PoolError::TimedOut)
                | Self::Role(RoleError::TimedOut { .. })
                | Self::Push(PushError::TimedOut(()))
                | Self::Pop(PopError::TimedOut)
                | Self::Send(SendError::TimedOut(_))
                | Self::Recv(RecvError::TimedOut)
                | Self::Call(CallError::TimedOut | CallError::NotSent(SendError::TimedOut(_)))
                | Self::Job(JobError::TimedOut | JobError::NotSubmitted(SendError::TimedOut(_)))
        )
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Raw(error) => error.into(),
            error => Self::new(error.io_kind(), error),
        }
    }
}

/// The errors of single operations are as good as an [`Error`] where an `io::Error` is wanted.
macro_rules! into_io_error {
    ($($family:ty),+) => {$(
        impl From<$family> for io::Error {
            fn from(error: $family) -> Self {
                Error::from(error).into()
            }
        }
    )+};
}
into_io_error!(
    Failure,
    OpenError,
    BarrierError,
    LockError,
    OnceError,
    WatchError,
    PoolError,
    RoleError,
    PopError,
    SendError,
    RecvError,
    CallError,
    Undecodable,
    WorkersError,
    JobError
);

impl<T> From<PushError<T>> for io::Error {
    fn from(error: PushError<T>) -> Self {
        Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectName;

    /// The name comes along, and the kind is the system's.
    #[test]
    fn case_f8_an_io_error_keeps_the_name() {
        let set = raw::ObjectId { kind: raw::ObjectKind::Semaphores, key: None, id: Some(7) };
        let error = raw::Error::Removed { call: "semop", object: set, errno: raw::Errno::EIDRM };
        let failure = Failure::System { object: ObjectName::new("mutex", "x"), error };
        assert!(failure.is_gone());
        let error = io::Error::from(LockError::from(failure));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with(r#"mutex "x": semop: semaphore set 7"#), "{error}");
    }

    #[test]
    fn case_f8_a_name_is_shown_as_text() {
        let object = ObjectName::new("pool", "a\x1b[2J\n");
        assert_eq!(object.to_string(), r#"pool "a\u{1b}[2J\n""#);
        let error = PopError::Disconnected { object };
        assert!(!error.to_string().contains(char::is_control));
    }

    /// They are returned by value on the paths that push and pop.
    #[test]
    fn an_error_is_small() {
        assert!(size_of::<PopError>() <= 80, "{}", size_of::<PopError>());
        assert!(size_of::<Error>() <= 112, "{}", size_of::<Error>());
    }

    #[test]
    fn a_timeout_and_a_refusal_are_different_kinds() {
        let kind = |error: PushError<u8>| io::Error::from(error).kind();
        assert_eq!(kind(PushError::Full(1)), io::ErrorKind::WouldBlock);
        assert_eq!(kind(PushError::TimedOut(1)), io::ErrorKind::TimedOut);
        assert_eq!(io::Error::from(RecvError::Empty).kind(), io::ErrorKind::WouldBlock);
    }
}
