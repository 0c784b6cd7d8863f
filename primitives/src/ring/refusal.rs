//! How a wait in a ring ends without a result, at either end of it.

use crate::failure::Failure;

/// Why an end of a ring got nothing: [`PushError`](crate::PushError) and [`PopError`](crate::PopError) are made of it.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No room, or no item, in the time that was given.
    NotInTime,
    Closed,
    Disconnected,
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
