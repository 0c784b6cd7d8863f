//! Why a value was not set, or is not there.

use thiserror::Error;

use crate::{Failure, ObjectName};

/// Why a value of a [`OnceLock`](crate::OnceLock) was not set, or is not there.
///
/// ```
/// use sysv_primitives::{OnceError, OnceLock};
///
/// # let name = format!("once-error-example-{}", std::process::id());
/// let once = OnceLock::<u32>::create(&name)?;
/// once.set(4)?;
/// assert!(matches!(once.set(5), Err(OnceError::AlreadySet { .. })));
/// once.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OnceError {
    /// The value is set, and can't be set again.
    #[error("the value of {object} is set already")]
    AlreadySet {
        /// The once lock.
        object: ObjectName,
    },
    /// Another thread or process initialises it, and the call does not wait.
    #[error("the value is being initialised by another")]
    WouldBlock,
    /// The value was not set before the timeout elapsed.
    #[error("the value was not set before the timeout elapsed")]
    TimedOut,
    /// The object was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl OnceError {
    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::WouldBlock | Self::TimedOut)
    }

    /// Returns whether the object was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}
