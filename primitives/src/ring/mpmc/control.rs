//! The words of an mpmc ring that both roles share. The rules of waiting are in `ends`.

use crate::{
    attendance::Arrivals,
    sync::{AtomicU32, AtomicU64},
    waiting::{flag::Flag, spin::LastCpus},
};

/// What every process reads often and changes seldom: one cache line.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct MpmcControl {
    pub(crate) dirty: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) taken_over: AtomicU64,
    pub(crate) overwritten: AtomicU64,
    pub(crate) flags: [Flag; 2],
    pub(crate) arrivals: Arrivals,
    pub(crate) closed: AtomicU32,
    /// Not 0: every process fences for itself (`StrongFences`).
    pub(crate) strong: AtomicU32,
    pub(crate) last_cpus: LastCpus,
}
