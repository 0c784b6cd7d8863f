//! The atomics that the protocols are written with, and the threads of a desk. The model checker replaces them.

#[cfg(feature = "async")]
pub(crate) use std::{sync::Condvar, time::Instant};
pub(crate) use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU32, AtomicU64, Ordering, fence},
    },
    thread,
};

/// Stands between two sequentially consistent operations on different words.
///
/// All such operations have one order, so it does nothing. The model checker treats them as acquire and release alone,
/// and puts a fence here.
#[inline]
pub(crate) fn order_seq_cst() {}

/// Whether hints are given: models leave out what decides nothing.
pub(crate) const HINTS: bool = true;

/// Whether a wait is left in order while a panic unwinds it: a model ends with a panic, and nothing of it can run then.
pub(crate) const UNWINDS: bool = true;

/// How often a caller that won't wait checks a turnstile that another member has for a moment.
pub(crate) const LOOKS: u32 = 200;

/// How often to check a lock that is held before the first sleep: some ten microseconds in all.
pub(crate) const SPINS: u32 = 33;

/// How often a reader of an rwlock sleeps for the gate before it goes by the lock.
pub(crate) const TURNS: u32 = 2;
