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
/// **When a process dies** while it reads, at whatever instruction, the next writer goes on at once, and nothing is poisoned. When
/// it dies while it writes, the next caller gets the lock at once, [poisoned](crate::LockError::Poisoned): it can
/// [check and mend](RwLock::ignore_poison) the value, and [clear](RwLock::clear_poison) the poison. When it dies while it waits
/// for the readers to leave, it has changed nothing, and nothing is poisoned. A panic while writing poisons it as well.
///
/// A writer that waits keeps new readers out, so it waits only for those that read already. When a writer leaves, all readers
/// that wait are woken together. A reader that loses against further writers takes its turn among them, so it does not wait for
/// ever.
///
/// Reading costs neither a system call nor an atomic read-modify-write in the thread that read first through the handle, and
/// processes that read share no cache line that is written. The writer makes up for it, by a system call of some microseconds
/// (`membarrier`). See [`Options::light_fences`](crate::Options::light_fences).
///
/// Each handle takes one of the object's slots, however many threads share it. Threads that share a handle share a cache
/// line, so threads that read often had better open one each. A child made by `fork` may go on using the handle. It
/// must not use a guard of its parent's.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle, also to read.
///
/// **While a process is stopped** that reads or writes, others wait as with any such lock. One that is stopped while it waits
/// holds up none.
///
/// To read again in a thread that reads may wait for ever, if a writer comes in between. So may a thread that writes while it
/// reads, as with `std`'s lock. A program that `exec` starts in place keeps the lock until it ends.
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
    /// The thread that counts by itself alone: the first that read here, or 0.
    pub(super) favoured: AtomicUsize,
}

thread_local! {
    /// Its address is different for each thread that lives.
    static THREAD: Cell<u8> = const { Cell::new(0) };
}

impl<T: Pod> RwLock<T> {
    /// Returns in which count the calling thread's guards are.
    ///
    /// A thread with the number of a former favoured one goes on with its count: the former one has ended, and so runs
    /// no instruction any more. A child made by `fork` has its parent's favour and another slot.
    #[inline]
    pub(super) fn counter(&self) -> Counter {
        let thread = THREAD.with(|thread| ptr::from_ref(thread).addr());
        // Relaxed: only a thread that finds its own number relies on it.
        let favoured = self.favoured.load(Relaxed);
        if favoured == thread { Counter::Own } else { self.counter_of_another(thread, favoured) }
    }

    #[inline(never)]
    fn counter_of_another(&self, thread: usize, favoured: usize) -> Counter {
        let is_first = favoured == 0 && self.favoured.compare_exchange(0, thread, Relaxed, Relaxed).is_ok();
        if is_first { Counter::Own } else { Counter::Shared }
    }
}
