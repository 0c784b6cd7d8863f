//! A barrier between processes. The death of a participant is told to all others at once.
//!
//! The protocol is that of its [`BarrierState`]. Here is what a user sees of it.
//!
//! | the process dies, or is stopped | the others |
//! | --- | --- |
//! | between two waits, or waiting | dead: those that wait are told at once, and the others at their next wait. Stopped: they wait for it |
//! | as the last one, having passed | pass |
//! | after it dropped its handle | notice nothing |
//!
//! Not promised: that a process is told of the break of a generation if more than 16 generations have ended since. That a thread
//! is told that shares its handle with others, and does not wait while it happens.

mod error;
mod named;
mod state;
mod word;

use std::{fmt, time::Duration};

pub use self::error::BarrierError;
use self::{
    state::{Arrived, BarrierState},
    word::Outcome,
};
use crate::{Member, members::Members, object::Object, raw::Deadline, waiting::Party};

/// A named barrier: a number of processes wait until all of them have arrived.
///
/// Each handle is a participant, from when it is opened until it is dropped. So each process that takes part opens it once,
/// and no other process opens it. Then the barrier can be used again and again: each time that all have arrived is a
/// *generation*.
///
/// **When a participant dies**, at whatever instruction, the generation is broken: those that wait get
/// [`BarrierError::Broken`] at once, which names the member that died, and each of the others gets it at its next wait, once.
/// Afterwards all that are left are in one generation again, and another process can take the place of the dead one. A process
/// that drops its handle breaks nothing. One that ends without dropping it counts as dead.
///
/// A wait that times out takes the arrival back. **While a process is stopped** that has not arrived, others wait, as the barrier
/// is there for. One that has arrived as the last one may hold up those that it had yet to wake.
///
/// Threads may share a handle, and each of them counts. A thread that does not wait when a generation breaks is told only if no
/// other thread of the handle is. A child made by `fork` that waits becomes a participant of its own.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If the last one can't notify
/// the others for want of them, the next call on its handle fails, and they sleep until a member dies or their timeout elapses.
///
/// What a process did before it arrived is seen by all others once they have passed.
///
/// ```
/// use sysv_primitives::Barrier;
///
/// # let name = format!("barrier-example-{}", std::process::id());
/// // In each of the processes, with the same name. Here there is one.
/// let barrier = Barrier::open_or_create(&name, 1)?;
/// for phase in 0..3 {
///     let passed = barrier.wait()?;
///     println!("phase {phase}, leader: {}", passed.is_leader());
/// }
/// barrier.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Barrier {
    object: Object,
    members: Members,
    state: BarrierState,
}

/// What a process learns when it has passed a [`Barrier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Returns whether this caller is the leader of the generation. One of those that passed is: the last one that arrived.
    ///
    /// ```
    /// use sysv_primitives::Barrier;
    ///
    /// # let name = format!("is-leader-example-{}", std::process::id());
    /// let barrier = Barrier::create(&name, 1)?;
    /// assert!(barrier.wait()?.is_leader());
    /// barrier.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn is_leader(self) -> bool {
        self.is_leader
    }
}

impl Barrier {
    /// Arrives, and blocks until all have arrived.
    ///
    /// # Errors
    ///
    /// - [`BarrierError::Broken`] if a participant died, while this one waited or since it waited last.
    /// - [`BarrierError::Failed`] if the barrier was removed, or is corrupt.
    pub fn wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_deadline(Deadline::NEVER)
    }

    /// Arrives if all others have arrived, and passes.
    ///
    /// # Errors
    ///
    /// [`BarrierError::WouldBlock`] if not. Otherwise as [`wait`](Self::wait).
    pub fn try_wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_deadline(Deadline::NOW)
    }

    /// Arrives, and blocks for at most `timeout` until all have arrived.
    ///
    /// # Errors
    ///
    /// [`BarrierError::TimedOut`] if the timeout elapses: the arrival is taken back. Otherwise as [`wait`](Self::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_deadline(Deadline::after(timeout))
    }

    /// Arrives, and blocks until all have arrived, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<BarrierWaitResult, BarrierError> {
        let me = self.members.session(&self.state)?;
        self.state.join(me);
        let party = Party { members: &self.members, repair: &self.state, me };
        let mut arrived = self.state.arrive(deadline != Deadline::NOW, party)?;
        if arrived == Arrived::TooFew {
            // One of those that are missing may be dead.
            party.reap_all()?;
            arrived = self.state.arrive(false, party)?;
        }
        match arrived {
            Arrived::Last => Ok(BarrierWaitResult { is_leader: true }),
            Arrived::TooFew => Err(BarrierError::WouldBlock),
            Arrived::Missed(generation) => Err(self.broken(generation)),
            Arrived::In(generation) => match self.state.wait_for(generation, party, deadline)? {
                Some(Outcome::Complete) => Ok(BarrierWaitResult { is_leader: false }),
                Some(Outcome::Broken) => Err(self.broken(generation)),
                None => Err(BarrierError::TimedOut),
            },
        }
    }

    #[cold]
    fn broken(&self, generation: u32) -> BarrierError {
        let breaker = self.state.breaker(generation);
        let member = breaker.filter(|name| name.slot < self.object.description().max_handles).map(|name| {
            // Another member may have the slot by now.
            let found = self.members.member(name.slot);
            let start_time = if found.pid == name.pid { found.start_time } else { 0 };
            Member { slot: name.slot, pid: name.pid, start_time }
        });
        BarrierError::Broken { object: self.object.name().clone(), member }
    }

    /// Returns for how many participants it is.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.state.parties as usize
    }

    /// Returns how many have arrived and wait, as it was a moment ago.
    ///
    /// It shows the state before repair: a participant that died counts until another one finds it dead.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.state.count() as usize
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("name", &self.object.description().name)
            .field("participants", &self.participants())
            .field("arrived", &self.arrived())
            .finish_non_exhaustive()
    }
}
