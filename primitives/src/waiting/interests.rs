//! How the interests of several waiters make one.

/// What the calls of a room are for, and how the interests of a process's threads make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interests {
    /// Things are interchangeable. An interest is a number, and the least counts. It is 0 where all waiters want the same.
    Least,
    /// Calls are named. An interest is a set of bits, and all of them count.
    Union,
}

impl Interests {
    pub(crate) fn of_both(self, one: u64, other: u64) -> u64 {
        match self {
            Self::Least => one.min(other),
            Self::Union => one | other,
        }
    }
}
