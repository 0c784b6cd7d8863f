//! What an operation can meet, and what it returns then.

use crate::ring::refusal::Refusal;

/// What any operation can meet. Nothing else happens in a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A word names no slot, or says something else that can't be.
    Damaged,
    /// A post of a process without the rights to it.
    Refused,
    /// A process frees what was given to another.
    MembershipLost,
    /// The object was removed.
    Removed,
    /// No thread can be made.
    NoThread {
        /// The only object.
        object: Object,
        /// What the system says.
        errno: Errno,
    },
    /// The handle is another process's.
    Inherited {
        /// The only object.
        object: Object,
        /// What can't be done.
        what: &'static str,
    },
}

impl Failure {
    /// Nothing is removed in a model.
    pub(crate) fn is_gone(self) -> bool {
        false
    }
}

/// There is one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object;

/// What the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(i32);

impl Errno {
    pub(crate) const EAGAIN: Self = Self(0);

    pub(crate) fn from_raw(number: i32) -> Self {
        Self(number)
    }
}

/// What an operation returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not available in the time that was given.
    Busy,
    /// It is closed.
    Closed,
    /// The other side is disconnected.
    Disconnected,
    /// See [`Failure`].
    Failed(Failure),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotInTime => Self::Busy,
            Refusal::Closed => Self::Closed,
            Refusal::Disconnected => Self::Disconnected,
            Refusal::Failed(failure) => Self::Failed(failure),
        }
    }
}
