//! Why an item was not pushed or popped, and why a role was not taken.

use std::fmt;

use thiserror::Error;

use super::refusal::Refusal;
use crate::{Failure, ObjectName, Role, iter::IterError, members::Members, raw::Deadline};

/// Why an item was not pushed. The item comes back: [`into_item`](Self::into_item) returns it from any variant.
///
/// Calls that take no item by value, such as those that reserve or push a slice, return `PushError<()>`. `?` turns it
/// into an [`Error`](crate::Error) in functions that can do without the item.
///
/// ```
/// use sysv_primitives::{PushError, spsc};
///
/// # let name = format!("push-error-example-{}", std::process::id());
/// let ring = spsc::Ring::create(&name, 1)?;
/// let mut producer = ring.producer()?;
/// producer.push(1_u64)?;
/// let Err(PushError::Full(item)) = producer.try_push(2) else { panic!("it has room for one") };
/// assert_eq!(item, 2);
/// ring.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Error)]
#[non_exhaustive]
pub enum PushError<T> {
    /// The ring is full, and the call does not wait.
    #[error("the ring is full")]
    Full(T),
    /// The ring was full until the timeout elapsed.
    #[error("the ring was full until the timeout elapsed")]
    TimedOut(T),
    /// The ring was closed.
    #[error("{object} was closed, and takes no more items; to begin anew, remove it and create it again")]
    Closed {
        /// The item.
        item: T,
        /// The ring.
        object: ObjectName,
    },
    /// Every consumer was dropped or died, and the producer [detects that](crate::spsc::Producer::detect_disconnect), which is off
    /// by
    /// default.
    #[error("{object}: every consumer has left or died; wait for another one with detect_disconnect(false)")]
    Disconnected {
        /// The item.
        item: T,
        /// The ring.
        object: ObjectName,
    },
    /// The ring was removed, is corrupt, or the system refused something.
    #[error("{failure}")]
    Failed {
        /// The item.
        item: T,
        /// What happened.
        #[source]
        failure: Failure,
    },
}

impl<T> PushError<T> {
    /// Makes it of a refusal, and of the item that was not pushed until the deadline.
    #[inline]
    pub(super) fn refused(refusal: Refusal, item: T, deadline: Deadline, members: &Members) -> Self {
        match refusal {
            Refusal::NotInTime if deadline == Deadline::NOW => Self::Full(item),
            Refusal::NotInTime => Self::TimedOut(item),
            Refusal::Closed => Self::Closed { item, object: members.object().clone() },
            Refusal::Disconnected => Self::Disconnected { item, object: members.object().clone() },
            Refusal::Failed(failure) => Self::Failed { item, failure },
        }
    }

    /// Returns the item.
    #[must_use]
    pub fn into_item(self) -> T {
        match self {
            Self::Full(item)
            | Self::TimedOut(item)
            | Self::Closed { item, .. }
            | Self::Disconnected { item, .. }
            | Self::Failed { item, .. } => item,
        }
    }

    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Full(_) | Self::TimedOut(_))
    }

    /// Returns whether the ring is closed or disconnected.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Disconnected { .. })
    }

    /// Returns whether the ring was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed { failure, .. } if failure.is_gone())
    }

    /// Returns the error without the item.
    pub(crate) fn without_item(self) -> PushError<()> {
        match self {
            Self::Full(_) => PushError::Full(()),
            Self::TimedOut(_) => PushError::TimedOut(()),
            Self::Closed { object, .. } => PushError::Closed { item: (), object },
            Self::Disconnected { object, .. } => PushError::Disconnected { item: (), object },
            Self::Failed { failure, .. } => PushError::Failed { item: (), failure },
        }
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::TimedOut(_) => f.write_str("TimedOut(..)"),
            Self::Closed { object, .. } => f.debug_struct("Closed").field("object", object).finish_non_exhaustive(),
            Self::Disconnected { object, .. } => {
                f.debug_struct("Disconnected").field("object", object).finish_non_exhaustive()
            }
            Self::Failed { failure, .. } => f.debug_struct("Failed").field("failure", failure).finish_non_exhaustive(),
        }
    }
}

/// Why no item was popped or claimed.
///
/// ```
/// use sysv_primitives::{PopError, spsc};
///
/// # let name = format!("pop-error-example-{}", std::process::id());
/// let ring = spsc::Ring::<u64>::create(&name, 1)?;
/// let mut consumer = ring.consumer()?;
/// assert!(matches!(consumer.try_pop(), Err(PopError::Empty)));
/// ring.close()?;
/// assert!(matches!(consumer.try_pop(), Err(PopError::Closed { .. })));
/// ring.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PopError {
    /// The ring is empty, and the call does not wait.
    #[error("the ring is empty")]
    Empty,
    /// The ring was empty until the timeout elapsed.
    #[error("the ring was empty until the timeout elapsed")]
    TimedOut,
    /// Items of a broadcast ring were overwritten before the subscriber popped them. Its next pop returns the oldest item that is
    /// left.
    #[error(
        "{missed} items were overwritten before they were popped; the next pop returns the oldest one that is left"
    )]
    Lagged {
        /// How many.
        missed: u64,
    },
    /// The ring was closed, and no item is left in it.
    #[error("{object} was closed, and no item is left in it; to begin anew, remove it and create it again")]
    Closed {
        /// The ring.
        object: ObjectName,
    },
    /// Every producer was dropped or died, no item is left, and the consumer [detects
    /// that](crate::spsc::Consumer::detect_disconnect).
    #[error("{object}: every producer has left or died; wait for another one with detect_disconnect(false)")]
    Disconnected {
        /// The ring.
        object: ObjectName,
    },
    /// The ring was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl PopError {
    /// Makes it of a refusal, until the deadline.
    #[inline]
    pub(super) fn refused(refusal: Refusal, deadline: Deadline, members: &Members) -> Self {
        match refusal {
            Refusal::NotInTime if deadline == Deadline::NOW => Self::Empty,
            Refusal::NotInTime => Self::TimedOut,
            Refusal::Closed => Self::Closed { object: members.object().clone() },
            Refusal::Disconnected => Self::Disconnected { object: members.object().clone() },
            Refusal::Failed(failure) => Self::Failed(failure),
        }
    }

    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Empty | Self::TimedOut)
    }

    /// Returns whether the ring is closed or disconnected, and empty.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Disconnected { .. })
    }

    /// Returns whether the ring was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}

impl IterError for PopError {
    fn is_end(&self) -> bool {
        self.is_end()
    }

    fn is_busy(&self) -> bool {
        self.is_busy()
    }

    fn is_passing(&self) -> bool {
        matches!(self, Self::Lagged { .. })
    }
}

/// Why a role of an [`spsc::Ring`](crate::spsc::Ring) or a [`broadcast::Ring`](crate::broadcast::Ring) was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RoleError {
    /// Another handle has the role and lives, and the call does not wait.
    #[error(
        "process {pid} is the {role} of {object}, and there can be only one; \
         {role}_timeout waits until it leaves or dies"
    )]
    Taken {
        /// The ring.
        object: ObjectName,
        /// The role.
        role: Role,
        /// The process that has it, by its own id.
        pid: u32,
    },
    /// Another handle had the role until the timeout elapsed.
    #[error("process {pid} was the {role} of {object} until the timeout elapsed, and there can be only one")]
    TimedOut {
        /// The ring.
        object: ObjectName,
        /// The role.
        role: Role,
        /// The process that has it, by its own id.
        pid: u32,
    },
    /// The ring was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl RoleError {
    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Taken { .. } | Self::TimedOut { .. })
    }

    /// Returns whether the ring was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}
