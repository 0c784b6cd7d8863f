//! How one end of a ring waits: what it has learnt, and whether it detects a disconnect.

use crate::{
    role::Role,
    waiting::{batching::BatchingDelay, spin::Spin},
};

/// How one handle waits.
#[derive(Debug)]
pub(crate) struct Patience {
    pub(crate) delay: BatchingDelay,
    pub(crate) spin: Spin,
    /// Whether a wait ends when the other end is disconnected.
    pub(crate) wants_to_know: bool,
}

impl Patience {
    pub(crate) const fn new(role: Role) -> Self {
        Self { delay: BatchingDelay::new(role), spin: Spin::new(), wants_to_know: false }
    }
}
