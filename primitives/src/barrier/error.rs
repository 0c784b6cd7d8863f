//! Why a barrier was not passed.

use thiserror::Error;

use crate::{Failure, Member, ObjectName};

/// Why a [`Barrier`](crate::Barrier) was not passed.
///
/// ```
/// use std::time::Duration;
/// use sysv_primitives::{Barrier, BarrierError};
///
/// # let name = format!("barrier-error-example-{}", std::process::id());
/// let barrier = Barrier::create(&name, 2)?;
/// assert!(matches!(barrier.try_wait(), Err(BarrierError::WouldBlock)));
/// assert!(matches!(barrier.wait_timeout(Duration::ZERO), Err(BarrierError::TimedOut)));
/// barrier.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// A participant died, so the generation can't be complete. Each participant gets this once. The barrier can be used again.
    #[error("a member of {object} died{}, so the generation is broken", named(member.as_ref()))]
    Broken {
        /// The barrier.
        object: ObjectName,
        /// The member that died. `None` if it is not known any more, because many generations have ended since.
        ///
        /// Its `start_time` is 0 if another member has its slot already.
        member: Option<Member>,
    },
    /// Not all others have arrived, and the call does not wait.
    #[error("not all others have arrived")]
    WouldBlock,
    /// Not all others arrived before the timeout elapsed.
    #[error("not all others arrived before the timeout elapsed")]
    TimedOut,
    /// The barrier was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

fn named(member: Option<&Member>) -> String {
    member.map_or(String::new(), |member| format!(" (process {})", member.pid))
}

impl BarrierError {
    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::WouldBlock | Self::TimedOut)
    }

    /// Returns whether the barrier was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}
