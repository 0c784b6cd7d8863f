//! How a lock that was refused is told.

use crate::{Error, ObjectName};

/// Why a lock was refused.
///
/// It holds no guard and borrows nothing, so that `?` carries it out of any function.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// A former holder died or panicked while it held the lock: the value may be half changed.
    ///
    /// The lock is free. [`ignore_poison`](crate::Mutex::ignore_poison) gives the guard, and
    /// [`clear_poison`](crate::Mutex::clear_poison) ends it once the value is right.
    #[error(
        "a process died or panicked while it held {object}, and its value may be half changed; \
         lock it through ignore_poison, mend the value and call clear_poison"
    )]
    Poisoned {
        /// The mutex.
        object: ObjectName,
    },
    /// Another thread or process holds it, and the timeout elapsed or there was none.
    #[error("the lock is held by another")]
    Busy,
    /// The object was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl LockError {
    /// Returns whether waiting longer could have helped; see [`Error::is_busy`].
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Poisoned { .. } => false,
            Self::Busy => true,
            Self::Failed(error) => error.is_busy(),
        }
    }

    /// Returns whether the mutex was removed; see [`Error::is_gone`].
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("lock-error-example-{}", std::process::id());
    /// let mutex = Mutex::open_or_create(&name, ())?;
    /// let guard = mutex.lock()?;
    /// assert!(mutex.try_lock().unwrap_err().is_busy());
    /// mutex.remove()?;
    /// assert!(mutex.try_lock().unwrap_err().is_gone());
    /// drop(guard);
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_gone())
    }
}

impl From<LockError> for Error {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Poisoned { object } => Self::Poisoned { object },
            LockError::Busy => Self::Busy,
            LockError::Failed(error) => error,
        }
    }
}
