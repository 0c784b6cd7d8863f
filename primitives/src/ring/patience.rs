//! How one end of a ring waits: what it has learnt, and whether it detects a disconnect.

use crate::{
    ring::{linger::Linger, spin::Spin},
    role::Role,
};

/// How one handle waits.
#[derive(Debug)]
pub(crate) struct Patience {
    pub(crate) linger: Linger,
    pub(crate) spin: Spin,
    /// Whether a wait ends when the other end is disconnected.
    pub(crate) wants_to_know: bool,
}

impl Patience {
    pub(crate) const fn new(role: Role) -> Self {
        Self { linger: Linger::new(role), spin: Spin::new(), wants_to_know: false }
    }
}
