//! Why a value was not set, or not waited for.

use thiserror::Error;

use crate::{Failure, ObjectName};

/// Why a value of a [`Watch`](crate::Watch) was not set, read or waited for.
///
/// ```
/// use sysv_primitives::{Watch, WatchError};
///
/// # let name = format!("watch-error-example-{}", std::process::id());
/// let stop = Watch::create(&name, 0_u8)?;
/// let mut watcher = stop.watcher();
/// watcher.detect_disconnect(true);
/// assert!(matches!(watcher.try_changed(), Err(WatchError::WouldBlock)));
/// drop(stop.writer()?);
/// assert!(matches!(watcher.changed(), Err(WatchError::Disconnected { .. })));
/// stop.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WatchError {
    /// There is no newer value, or another process or thread sets it, and the call does not wait.
    #[error("there is no newer value, or another process or thread sets it")]
    WouldBlock,
    /// The timeout elapsed before the value could be set, or a newer value came.
    #[error("the value was not set before the timeout elapsed")]
    TimedOut,
    /// The last writer was dropped or died, and what it set was seen: see [`Watcher::detect_disconnect`](crate::Watcher::detect_disconnect).
    #[error("no writer of {object} is left")]
    Disconnected {
        /// The watch.
        object: ObjectName,
    },
    /// The watch was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl WatchError {
    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::WouldBlock | Self::TimedOut)
    }

    /// Returns whether the last writer is disconnected.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Disconnected { .. })
    }

    /// Returns whether the watch was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}
