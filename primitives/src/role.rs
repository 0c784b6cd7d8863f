//! The two roles at a ring or channel.

use std::fmt;

/// A role at a ring or channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The side that pushes or sends.
    Producer,
    /// The side that pops or receives.
    Consumer,
}

impl Role {
    /// Returns the opposite role.
    ///
    /// ```
    /// use sysv_primitives::Role;
    ///
    /// assert_eq!(Role::Producer.other(), Role::Consumer);
    /// ```
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        })
    }
}
