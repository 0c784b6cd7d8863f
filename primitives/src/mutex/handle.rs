//! The handle of a mutex: what its guards and both forms of locking need.

use bytemuck::Pod;

use crate::{layout::ValueCell, lock::Lock, members::Members, object::Object};

/// A named mutex between processes, with the value it guards.
///
/// The value lies in shared memory, so it is a [`Pod`]: plain data, without pointers, aligned to at
/// most 128 bytes. With `()`, the default, it is only a named lock. A value that is too large for the stack is
/// [written in place](Mutex::create_with), or begins as [zeroes](Mutex::create_zeroed).
///
/// **When a process dies** while it holds the lock, at whatever instruction, the next caller gets
/// [`Poisoned`](crate::LockError::Poisoned) at once. It can [check and repair](Mutex::ignore_poison) the value, and
/// [clear](Mutex::clear_poison) the poison. A panic while the lock is held poisons it as well.
///
/// Each handle takes one of the object's slots, however many threads share it. A child made by `fork` may go on using
/// the handle. It must not use a guard of its parent's.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If an unlock lacks these rights and
/// can't notify a waiter, the next call on the handle fails, and the waiter sleeps until another process
/// unlocks.
///
/// A running process may take the lock before a waiter that is just being woken. A waiter that has waited for a
/// millisecond is offered the lock when it is freed: no other process takes it, unless the waiter is stopped or starved and does
/// not take it within a millisecond. A mutex made with [`fair`](crate::Options::fair) offers it each
/// time, to the waiter that has waited longest. **While the holder of the lock is stopped**, others wait. A waiter that
/// is stopped holds up no process that comes to lock. Waiters that already sleep are notified by the next unlock.
///
/// Locking again in the thread that holds the lock waits forever, as it may with `std`'s mutex. A program that `exec`
/// starts in place keeps the lock until it ends.
///
/// ```
/// use sysv_primitives::Mutex;
///
/// # let name = format!("mutex-example-{}", std::process::id());
/// let counter = Mutex::open_or_create(&name, 0_u64)?;
/// *counter.lock()? += 1;
/// assert_eq!(*counter.lock()?, 1);
/// counter.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Mutex<T: Pod = ()> {
    pub(super) object: Object,
    pub(super) members: Members,
    pub(super) lock: Lock,
    pub(super) value: ValueCell<T>,
}
