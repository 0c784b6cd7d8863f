//! Comparisons in one run: alternatives in turn, several rounds, the median ratio and its spread.
//!
//! A single timing says little on a machine that does other things as well. Each round times every
//! alternative once, and a ratio is to another of the same round: what disturbs a round disturbs all of it.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each benchmark uses its own part")]
#![allow(unsafe_code, reason = "peers are forked, and the C library is called directly")]

mod alternative;
mod barrier;
mod comparison;
mod condition;
mod crowd;
pub mod fit;
pub mod gate;
mod load;
pub mod objects;
mod place;
mod posix;
mod process;
mod robust;
mod rwlock;
mod settings;

/// So far apart that two processors that use the one never fetch the other, as far ahead as they fetch.
pub const APART: usize = 256;

pub use self::{
    alternative::{Alternative, Kind},
    barrier::PosixBarrier,
    comparison::{Comparison, Line, PROGRESS, Ratio, Rounds, compare, measure},
    condition::PosixCondition,
    crowd::Crowd,
    load::Load,
    place::{UNPINNED, pin, processors, unpin},
    posix::PosixSemaphore,
    process::{Process, fork_child, generation},
    robust::RobustMutex,
    rwlock::PosixRwLock,
    settings::{STOP, Settings, WHOLE_SECTION, is_named, is_wanted, settings},
};
