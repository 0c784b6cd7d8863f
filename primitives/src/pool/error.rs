//! Why permits could not be acquired, or a pool not be resized.

use thiserror::Error;

use crate::{Failure, TooManyPermits};

/// Why permits of a pool or of a rate limiter could not be acquired, or a pool not be resized.
///
/// ```
/// use sysv_primitives::{Pool, PoolError};
///
/// # let name = format!("pool-error-example-{}", std::process::id());
/// let pool = Pool::create(&name, 1)?;
/// let permit = pool.acquire()?;
/// assert!(matches!(pool.try_acquire(), Err(PoolError::WouldBlock)));
/// assert!(matches!(pool.try_acquire_many(2), Err(PoolError::TooMany(_))));
/// drop(permit);
/// pool.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Too few permits are available, and the call does not wait.
    #[error("too few permits are available")]
    WouldBlock,
    /// Too few permits became available before the timeout elapsed.
    #[error("too few permits became available before the timeout elapsed")]
    TimedOut,
    /// The pool or limiter can never give out that many at once.
    #[error(transparent)]
    TooMany(#[from] TooManyPermits),
    /// The pool was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl PoolError {
    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::WouldBlock | Self::TimedOut)
    }

    /// Returns whether the pool was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}
