//! How one end of a ring waits: what it has learnt, and what it wants to know.

use crate::ring::{linger::Linger, role::Role, spin::Spin};

/// One handle's way to wait.
#[derive(Debug)]
pub(crate) struct Patience {
    pub(crate) linger: Linger,
    pub(crate) spin: Spin,
    /// Whether it is told when nobody is at the other end any more.
    pub(crate) wants_to_know: bool,
}

impl Patience {
    pub(crate) const fn new(role: Role) -> Self {
        Self { linger: Linger::new(role), spin: Spin::new(), wants_to_know: false }
    }
}
