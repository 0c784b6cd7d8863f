//! How one end of a ring waits: what it has learnt, and what it wants to know.

use crate::ring::{linger::Linger, side::Side, spin::Spin};

/// One handle's way to wait.
#[derive(Debug)]
pub(crate) struct Patience {
    pub(crate) linger: Linger,
    pub(crate) spin: Spin,
    /// Whether it is told when nobody is at the other end any more.
    pub(crate) wants_to_know: bool,
}

impl Patience {
    pub(crate) const fn new(side: Side) -> Self {
        Self { linger: Linger::new(side), spin: Spin::new(), wants_to_know: false }
    }
}
