//! The words of a lane in shared memory.

use super::geometry::LANE;
use crate::{
    sizes::ATOMICS_ARE_PLAIN,
    sync::AtomicU64,
    waiting::{flag::Flag, spin::LastCpus},
};

/// The words of a lane, the two sides on cache lines of their own.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct LaneWords {
    /// No entry before it is EMPTY for its lap: where to push.
    pub(super) tail: AtomicU64,
    /// Up if a receiver waits for this lane alone.
    pub(super) flag: Flag,
    pad: [u64; 14],
    /// No entry before it has a hint to a message that can be taken: where a receiver begins.
    pub(super) head: AtomicU64,
    /// On which processor each side of this lane last waited, or called the other one, plus one.
    pub(super) last_cpus: LastCpus,
    reserved: [u64; 14],
}

const _: () = assert!(size_of::<LaneWords>() == LANE || !ATOMICS_ARE_PLAIN);
