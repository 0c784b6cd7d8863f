//! The time that a wait may take.

use std::time::Duration;

use crate::sync::PASS_TIME;

/// How long to wait. A time is the time of one step, where there are steps, or without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<u8>);

/// The time of one step, where time goes on in steps.
const STEP: Duration = Duration::from_millis(10);

impl Deadline {
    /// Don't wait.
    pub const NOW: Self = Self(Some(0));
    /// Wait for one step of time.
    pub(super) const SOON: Self = Self(Some(1));
    /// Never give up.
    pub const NEVER: Self = Self(None);

    pub(crate) fn has_passed(self) -> bool {
        self == Self::NOW
    }

    pub(crate) fn min(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(one), Some(another)) => Self(Some(one.min(another))),
            (one, another) => Self(one.or(another)),
        }
    }

    /// Time stands still for a process that sleeps, unless it goes on in steps.
    pub(crate) fn after(time: Duration) -> Self {
        match time {
            Duration::ZERO => Self::NOW,
            _ if time <= STEP && PASS_TIME.is_some() => Self::SOON,
            _ => Self::NEVER,
        }
    }

    pub(crate) fn remaining(self) -> Option<Duration> {
        self.0.map(|steps| STEP * u32::from(steps))
    }
}
