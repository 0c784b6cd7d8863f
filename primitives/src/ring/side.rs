//! The two ends of a ring.

use std::fmt;

/// One end of a ring or channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that pushes.
    Producer,
    /// The end that pops.
    Consumer,
}

impl Side {
    /// Returns the end opposite.
    ///
    /// ```
    /// use sysv_primitives::Side;
    ///
    /// assert_eq!(Side::Producer.other(), Side::Consumer);
    /// ```
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        })
    }
}
