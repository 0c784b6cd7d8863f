//! The handle of a pool: what its permits and its operations need.

use std::fmt;

use super::state::PoolState;
use crate::{members::Members, object::Object, sync::AtomicU64};

/// A named pool of numbered permits between processes.
///
/// Permits are numbered from 0: [`Permit::index`](crate::Permit::index) can stand for a GPU, a port or a licence.
///
/// **When a process dies** its permits come back, each exactly once, and waiters get them.
///
/// Each handle takes one of the object's slots, however many threads share it. A child made by `fork` may go on using
/// the handle. Permits stay the parent's.
///
/// A permit that is released is offered to the waiter that has waited longest, but any process that comes may take it
/// first. So it is with [several](Pool::acquire_many): of the callers that sleep, the caller that has waited longest is woken once there
/// are enough for it, and callers for fewer sleep on behind it. But a caller that comes takes what it finds, and so do all that wait
/// after a process has died, or if the woken one does not run.
/// **While a process is stopped**, others wait for the permits that it holds, and for a permit that it was just woken
/// for.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If a release lacks these rights and
/// can't notify a waiter, the next call on the handle fails, and the waiter sleeps until another process
/// releases a permit.
///
/// ```
/// use sysv_primitives::Pool;
///
/// # let name = format!("pool-example-{}", std::process::id());
/// let gpus = Pool::open_or_create(&name, 4)?;
/// let one = gpus.acquire()?;
/// println!("working on GPU {}", one.index());
/// let two = gpus.acquire_many(2)?;
/// assert_eq!(gpus.available(), 1);
/// drop((one, two));
/// gpus.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Pool {
    pub(super) object: Object,
    pub(super) members: Members,
    pub(super) state: PoolState,
    /// Where the permit lies that this handle freed last. Perhaps no other process has touched its cache line since.
    pub(super) hint: AtomicU64,
}

impl Drop for Pool {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.state.rooms().into_iter().for_each(|room| room.dismiss_clerk(&self.members));
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.object.description().name)
            .field("permits", &self.state.limit())
            .field("available", &self.state.available())
            .finish_non_exhaustive()
    }
}
