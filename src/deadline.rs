//! Deadlines: time as an absolute instant, computed once, when a call begins.

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
    /// Don't wait. A call that would have to wait fails with [`Error::WouldBlock`](crate::Error::WouldBlock).
    pub const NOW: Self = Self(When::Now);

    /// Never time out.
    pub const NEVER: Self = Self(When::Never);

    /// Returns the deadline `timeout` from now. Returns [`NEVER`](Self::NEVER) if the clock can't represent the
    /// instant.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Instant::now().checked_add(timeout).map_or(Self::NEVER, Self::from)
    }

    /// Returns the time that is left. Returns zero if the deadline has passed, and `None` for [`NEVER`](Self::NEVER).
    #[must_use]
    pub fn remaining(self) -> Option<Duration> {
        match self.0 {
            When::Now => Some(Duration::ZERO),
            When::At(at) => Some(at.saturating_duration_since(Instant::now())),
            When::Never => None,
        }
    }

    /// Returns the earlier of two deadlines.
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

    /// Returns whether the deadline has passed.
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
