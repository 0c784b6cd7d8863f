//! Deadlines: time as an absolute instant, computed once at the door.

use std::time::{Duration, Instant};

/// How long a call may wait: not at all, until an instant, or without limit.
///
/// A wait that is interrupted and resumed keeps its deadline, so that signals don't prolong it.
///
/// ```
/// use std::time::Duration;
/// use sysv_ipc::Deadline;
///
/// let soon = Deadline::after(Duration::from_secs(1));
/// assert!(soon.remaining().expect("it is not never") <= Duration::from_secs(1));
/// assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER);
/// assert!(Deadline::NOW.has_passed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(When);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Now,
    At(Instant),
    Never,
}

impl Deadline {
    /// Don't wait: what isn't ready is [`Error::WouldBlock`](crate::Error::WouldBlock).
    pub const NOW: Self = Self(When::Now);

    /// Never give up.
    pub const NEVER: Self = Self(When::Never);

    /// Returns the deadline `timeout` from now; one beyond what the clock can say is never.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Instant::now().checked_add(timeout).map_or(Self::NEVER, Self::from)
    }

    /// Returns the time that is left, zero if it is over, or `None` for never.
    #[must_use]
    pub fn remaining(self) -> Option<Duration> {
        match self.0 {
            When::Now => Some(Duration::ZERO),
            When::At(at) => Some(at.saturating_duration_since(Instant::now())),
            When::Never => None,
        }
    }

    /// Returns the earlier one of two.
    ///
    /// ```
    /// use sysv_ipc::Deadline;
    ///
    /// assert_eq!(Deadline::NEVER.min(Deadline::NOW), Deadline::NOW);
    /// ```
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        match (self.0, other.0) {
            (When::Never, _) | (_, When::Now) => other,
            (When::At(mine), When::At(theirs)) if theirs < mine => other,
            _ => self,
        }
    }

    /// Returns whether the time is over.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }
}

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(When::At(at))
    }
}
