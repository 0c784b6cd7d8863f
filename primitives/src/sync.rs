//! The atomics that the protocols are written with; the model checker brings its own.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Stands between two sequentially consistent operations on different words.
///
/// All of those have one order, so nothing is left to do. The model checker takes them for
/// acquire and release alone, and puts a fence here.
#[inline]
pub(crate) fn order_seq_cst() {}

/// Whether hints are given: models leave out what decides nothing.
pub(crate) const HINTS: bool = true;

/// How often a caller that won't wait looks at a turnstile that another member has for a moment.
pub(crate) const LOOKS: u32 = 200;

/// How often to look at a lock that is held before the first sleep: some ten microseconds in all.
pub(crate) const SPINS: u32 = 13;

/// How often a reader of an rwlock sleeps for the gate before it goes by the lock.
pub(crate) const TURNS: u32 = 2;
