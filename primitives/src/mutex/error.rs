//! Why a lock was refused.

use crate::{Failure, ObjectName, members::Members};

/// Why a lock was refused.
///
/// It holds no guard and borrows nothing, so `?` carries it out of any function.
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
    /// Another thread or process holds the lock, and the call does not wait.
    #[error("the lock is held by another")]
    WouldBlock,
    /// Another thread or process held the lock until the timeout elapsed.
    #[error("the lock was held by another until the timeout elapsed")]
    TimedOut,
    /// The mutex was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl LockError {
    /// Returns the refusal of a poisoned lock.
    #[cold]
    pub(crate) fn poisoned(members: &Members) -> Self {
        // Only handed over: the caller drops the guard afterwards.
        #[cfg(feature = "tracing")]
        crate::events::poison_met(members.object());
        Self::Poisoned { object: members.object().clone() }
    }

    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::WouldBlock | Self::TimedOut)
    }

    /// Returns whether the mutex was removed.
    ///
    /// ```
    /// use sysv_primitives::{LockError, Mutex};
    ///
    /// # let name = format!("lock-error-example-{}", std::process::id());
    /// let mutex = Mutex::open_or_create(&name, ())?;
    /// let guard = mutex.lock()?;
    /// assert!(matches!(mutex.try_lock(), Err(LockError::WouldBlock)));
    /// mutex.remove()?;
    /// assert!(mutex.try_lock().unwrap_err().is_gone());
    /// drop(guard);
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}
