//! A barrier between processes. All participants are notified at once when one of them dies.
//!
//! The protocol is that of its [`BarrierState`]. Here is what a user sees of it.
//!
//! | the process dies, or is stopped | the others |
//! | --- | --- |
//! | between two waits, or waiting | dead: the waiters are notified at once, and the others at their next wait. Stopped: they wait for it |
//! | after it arrived as the last one | pass |
//! | after it dropped its handle | notice nothing |
//!
//! Not promised: that a process learns of a broken generation if more than 16 generations have ended since. That each thread of a
//! handle learns of it: of the threads that do not wait at that time, one does.

#[cfg(feature = "async")]
mod asynchronous;
mod error;
mod named;
pub(crate) mod report;
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
/// Each handle is a participant, from when it is opened until it is dropped. So each process that takes part opens the barrier
/// once, and other processes do not open it. The barrier can be used any number of times. The waits that end together are a
/// *generation*.
///
/// **When a participant dies**, at whatever instruction, the generation is broken. The waiters get [`BarrierError::Broken`] at
/// once, with the member that died. Each other participant gets it once, at its next wait. Afterwards the remaining
/// participants are in one generation again, and another process can open the barrier to replace the dead participant. A process
/// that
/// drops its handle breaks nothing. A process that ends without dropping it counts as dead.
///
/// If a wait times out, the arrival is taken back. **While a process is stopped** before it has arrived, the others wait for it.
/// If it is stopped after it arrived as the last one, waiters that it had not woken yet wait until it goes on.
///
/// Threads may share a handle, and the arrival of each thread counts. When a generation breaks, one of the threads of a handle
/// that do not wait at that time gets the error at its next wait. A child made by `fork` becomes a participant of its own when
/// it waits.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If the last participant lacks these
/// rights and can't notify the waiters, the next call on its handle fails, and the waiters sleep until a member dies or their
/// timeout elapses.
///
/// What a participant did before it arrived is visible to all others after their wait.
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

/// The result of a wait that has passed a [`Barrier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Returns whether this caller is the leader of the generation: the one that arrived last.
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
    /// - [`BarrierError::Broken`] if a participant died while this one waited, or since its last wait.
    /// - [`BarrierError::Failed`] if the barrier was removed, or is corrupt.
    pub fn wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_deadline(Deadline::NEVER)
    }

    /// Arrives if all others have arrived. Does not block.
    ///
    /// # Errors
    ///
    /// [`BarrierError::WouldBlock`] if some have not. Otherwise as [`wait`](Self::wait).
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
        let party = self.join()?;
        let mut arrived = self.state.arrive(deadline != Deadline::NOW, party)?;
        if arrived == Arrived::TooFew {
            // A participant that has not arrived may be dead.
            party.reap_all()?;
            arrived = self.state.arrive(false, party)?;
        }
        match arrived {
            Arrived::Last => Ok(BarrierWaitResult { is_leader: true }),
            Arrived::TooFew => Err(BarrierError::WouldBlock),
            Arrived::Missed(generation) => Err(self.broken(generation)),
            Arrived::In(generation) => match self.state.wait_for(generation, party, deadline)? {
                Some(outcome) => self.passed(generation, outcome),
                None => Err(BarrierError::TimedOut),
            },
        }
    }

    /// Takes part, as long as the handle lives.
    fn join(&self) -> Result<Party<'_, BarrierState>, BarrierError> {
        let me = self.members.session(&self.state)?;
        self.state.join(me);
        Ok(Party { members: &self.members, repair: &self.state, me })
    }

    fn passed(&self, generation: u32, outcome: Outcome) -> Result<BarrierWaitResult, BarrierError> {
        match outcome {
            Outcome::Complete => Ok(BarrierWaitResult { is_leader: false }),
            Outcome::Broken => Err(self.broken(generation)),
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

    /// Returns the number of participants that it was created for.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.state.parties as usize
    }

    /// Returns how many participants have arrived and wait, as of a moment ago.
    ///
    /// It shows the state before repair: a participant that died counts until another participant finds it dead.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.state.count() as usize
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.state.room.dismiss_clerk(&self.members);
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
