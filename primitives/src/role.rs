//! The two ends of a ring.

use std::fmt;

/// One end of a ring or channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that pushes.
    Producer,
    /// The end that pops.
    Consumer,
}

impl Role {
    /// Returns the end opposite.
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
