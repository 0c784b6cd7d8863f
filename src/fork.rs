//! Fork generations: how a process tells what it inherited from what is its own.
//!
//! A process that has a generation keeps it for life. [`GENERATION`] holds it, and 0 means that the process has none yet.
//! On Linux the kernel wipes that page in every child that has its own memory, whether or not the child was made through
//! the C library. Where the kernel can't wipe, a fork handler gives the child its generation.
//!
//! - **FG1** [`LAST`] is copied to a child, and is at least as large as every generation that its ancestors had taken
//!   before the fork. A child takes a larger one, so nothing that it inherits has its generation.
//! - **FG2** Only a compare-exchange from 0 gives a process its generation, so all its threads have the same. The fork
//!   handler stores without comparing: it runs before the child's only thread returns from `fork`.
#![allow(unsafe_code, reason = "a fork handler is registered here")]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use crate::sys;

/// The generation of this process, or 0.
static GENERATION: sys::Wiped = sys::Wiped::new();

/// The last generation that was taken by this process or an ancestor (FG1).
static LAST: AtomicU32 = AtomicU32::new(0);

/// Relaxed: the number alone matters, and a read-modify-write gives no two threads the same.
fn take_next() -> u32 {
    LAST.fetch_add(1, Relaxed) + 1
}

extern "C" fn begin_child() {
    // The page still has the parent's number, and by FG2 there is no other thread.
    GENERATION.word().store(take_next(), Relaxed);
}

/// Begins to count forks. Call it before relying on [`fork_generation`]. A second call costs nothing.
///
/// # Panics
///
/// If there is no memory left to note the handler in.
///
/// ```
/// sysv_ipc::process::watch_forks();
/// let before = sysv_ipc::process::fork_generation();
/// assert_eq!(before, sysv_ipc::process::fork_generation());
/// ```
pub fn watch_forks() {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    // No lock: a child would find it held if its parent forked in another thread just now. Two
    // threads may both register, and then a child takes two generations, which is as good.
    if !WATCHED.load(Relaxed) {
        if GENERATION.wipe_on_fork().is_err() {
            // SAFETY: the handler changes atomics alone, which is allowed in a child at once.
            let failed = unsafe { libc::pthread_atfork(None, None, Some(begin_child)) };
            // It fails for want of memory alone, as any allocation would.
            assert_eq!(failed, 0, "no memory for a fork handler");
        }
        WATCHED.store(true, Relaxed);
    }
}

/// Returns a number that differs between a process and its children, made since [`watch_forks`].
///
/// A value that a process read before it made a child is never returned in that child. All threads of a process get the
/// same number. It costs one load, and some more the first time in each process.
///
/// Since Linux 4.14 this holds for every child with its own memory, also one made by the `fork` or `clone` system call or by
/// `_Fork`. On older kernels and other systems it holds for children made by `fork` of the C library. A child that
/// shares its parent's memory, by `vfork` or `CLONE_VM`, has its parent's number: it must not use or drop the parent's
/// handles before it calls `exec`.
#[inline]
#[must_use]
pub fn fork_generation() -> u32 {
    // Relaxed: it is stored by this process, and the number alone matters.
    match GENERATION.word().load(Relaxed) {
        0 => first_generation(),
        generation => generation,
    }
}

/// Returns whether this process has a generation, as [`fork_generation`] returned it: one load and one comparison.
///
/// ```
/// use sysv_ipc::process;
///
/// process::watch_forks();
/// let mine = process::fork_generation();
/// assert!(process::is_generation(mine) && !process::is_generation(mine.wrapping_add(1)));
/// ```
#[inline]
#[must_use]
pub fn is_generation(generation: u32) -> bool {
    // Relaxed: as in `fork_generation`. A page that was wiped has 0, which is no generation.
    GENERATION.word().load(Relaxed) == generation
}

/// Takes a generation for this process, unless another thread was faster (FG2).
#[cold]
fn first_generation() -> u32 {
    let next = take_next();
    match GENERATION.word().compare_exchange(0, next, Relaxed, Relaxed) {
        Ok(_) => next,
        Err(generation) => generation,
    }
}
