//! Waiting for all others in a future.

use super::{
    Barrier, BarrierWaitResult,
    error::BarrierError,
    state::{Arrived, BarrierGate, BarrierState},
    word::Outcome,
};
use crate::{
    failure::Result,
    waiting::{
        Party,
        clerk::{HeldTicket, PassOn, TaskGate, wait_async},
        waiter::Waiter,
    },
};

impl Barrier {
    /// Arrives, and waits until all have arrived, without blocking the thread.
    ///
    /// It arrives in the first poll. It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async).
    ///
    /// **Cancel safety.** A future that is dropped takes its arrival back, as a timeout does. If all had arrived by then, it has
    /// passed.
    ///
    /// ```
    /// use sysv_primitives::Barrier;
    ///
    /// # let name = format!("barrier-async-example-{}", std::process::id());
    /// let barrier = Barrier::create(&name, 1)?;
    /// assert!(pollster::block_on(barrier.wait_async())?.is_leader());
    /// barrier.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub async fn wait_async(&self) -> Result<BarrierWaitResult, BarrierError> {
        let party = self.join()?;
        match self.state.arrive(true, party)? {
            Arrived::Last => Ok(BarrierWaitResult { is_leader: true }),
            Arrived::Missed(generation) => Err(self.broken(generation)),
            Arrived::In(generation) => {
                let outcome = Arrival { party, generation, has_passed: false }.wait().await?;
                self.passed(generation, outcome)
            }
            // A caller that waits is in.
            Arrived::TooFew => Err(BarrierError::WouldBlock),
        }
    }
}

/// An arrival. It is taken back if it is dropped before it has passed.
struct Arrival<'a> {
    party: Party<'a, BarrierState>,
    generation: u32,
    has_passed: bool,
}

impl Arrival<'_> {
    async fn wait(mut self) -> Result<Outcome> {
        let (party, generation) = (self.party, self.generation);
        let state = party.repair;
        let interest = u64::from(generation);
        let station = |held: &HeldTicket| Waiter::of_task(&state.room, BarrierGate, party.me, interest, held);
        let outcome = wait_async(party, station, |_| Ok(state.check(generation))).await?;
        self.has_passed = true;
        state.pass(generation);
        Ok(outcome)
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        // As in `wait_for`, after a timeout. In a child made by `fork` it is the parent's.
        let state = self.party.repair;
        if !self.has_passed && self.party.me.is_ours() && state.leave(self.generation).is_some() {
            state.pass(self.generation);
        }
    }
}

impl TaskGate for BarrierGate {
    /// All waiters are called at once, so none passes a call on.
    fn pass_on(&self) -> PassOn {
        Box::new(|_, _| Ok(()))
    }
}
