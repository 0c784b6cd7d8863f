//! The handle of an rwlock: what its guards and both forms of locking need.

use std::{
    cell::Cell,
    ptr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use bytemuck::Pod;

use super::state::{Counter, RwState};
use crate::{layout::ValueCell, members::Members, object::Object};

/// A named lock between processes for many readers or one writer, with the value it guards.
///
/// The value lies in shared memory, so it is a [`Pod`]: plain data, without pointers, aligned to at
/// most 128 bytes. A value that is too large for the stack is [written in place](RwLock::create_with), or begins as
/// [zeroes](RwLock::create_zeroed).
///
/// **When a process dies** while it reads, at whatever instruction, the next writer goes on at once, and the lock is not poisoned.
/// If it dies while it writes, the next caller gets [`Poisoned`](crate::LockError::Poisoned) at once. It can [check and
/// repair](RwLock::ignore_poison) the value, and [clear](RwLock::clear_poison) the poison. If it dies while it waits
/// for the readers to leave, it has changed nothing, and the lock is not poisoned. A panic while writing poisons the lock as well.
///
/// A waiting writer keeps new readers out, so it waits only for the readers that have the lock already. When a writer leaves, all
/// waiting readers are woken together. A reader that finds further writers ahead of it several times queues among the writers, so
/// it does not wait for ever.
///
/// In the thread that read first through a handle, reading costs neither a system call nor an atomic read-modify-write. Processes
/// that read write to no common cache line. The writer pays for this with a system call of some microseconds (`membarrier`). See
/// [`Options::light_fences`](crate::Options::light_fences).
///
/// Each handle takes one of the object's slots, however many threads share it. Threads that share a handle share a cache
/// line, so each thread that reads often should open a handle of its own. A child made by `fork` may go on using the handle. It
/// must not use a guard of its parent's.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle, also to read.
///
/// **While a process that has a guard is stopped**, others wait for it. A process that is stopped while it waits holds up no other.
///
/// As with `std`'s lock, a thread that has a guard must not lock again. To write, it would wait for itself. To read again, it would
/// wait forever if a writer waits for its first guard. A program that `exec` starts in place keeps the lock until it ends.
///
/// ```
/// use sysv_primitives::RwLock;
///
/// # let name = format!("rwlock-example-{}", std::process::id());
/// let limits = RwLock::open_or_create(&name, [10_u32, 20])?;
/// assert_eq!(limits.read()?[1], 20);
/// limits.write()?[1] = 30;
/// assert_eq!(limits.read()?[1], 30);
/// limits.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct RwLock<T: Pod = ()> {
    pub(super) object: Object,
    pub(super) members: Members,
    pub(super) state: RwState,
    pub(super) value: ValueCell<T>,
    /// The thread with a count of its own: the first that read through this handle, or 0.
    pub(super) favoured: AtomicUsize,
    #[cfg(feature = "async")]
    pub(super) writers: super::futures::WriteFutures,
}

thread_local! {
    /// Its address is different in each living thread.
    static THREAD: Cell<u8> = const { Cell::new(0) };
}

#[inline]
fn this_thread() -> usize {
    THREAD.with(|thread| ptr::from_ref(thread).addr())
}

impl<T: Pod> RwLock<T> {
    /// Returns in which count the calling thread's guards are.
    ///
    /// If the favoured thread has ended, a later thread may get the same address, and goes on with its count. The two never run
    /// at the same time. A child made by `fork` has the same favoured thread as its parent, and another slot.
    pub(super) fn counter(&self) -> Counter {
        let thread = this_thread();
        let is_first = || self.favoured.compare_exchange(0, thread, Relaxed, Relaxed).is_ok();
        if self.is_favoured() || is_first() { Counter::Own } else { Counter::Shared }
    }

    /// Returns whether the calling thread is the favoured one.
    #[inline]
    pub(super) fn is_favoured(&self) -> bool {
        // Relaxed: only a thread that finds its own address relies on it.
        self.favoured.load(Relaxed) == this_thread()
    }
}
