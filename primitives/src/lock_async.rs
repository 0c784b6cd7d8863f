//! Waiting for a [`Lock`] in a future.

use crate::{
    failure::Result,
    lock::{Lock, LockGate, Taken},
    members::Repair,
    waiting::{
        Party,
        clerk::{HeldTicket, PassOn, TaskGate, wait_async},
        waiter::Waiter,
    },
};

impl Lock {
    /// Waits for the lock. If this is dropped, it was not taken.
    pub(crate) async fn take_async(&self, party: Party<'_, impl Repair>) -> Result<Taken> {
        let station = |held: &HeldTicket| Waiter::of_task(&self.room, LockGate(&self.room), party.me, 0, held);
        wait_async(party, station, |round| self.check(party, round)).await
    }
}

impl TaskGate for LockGate<'_> {
    fn pass_on(&self) -> PassOn {
        let room = self.0.view();
        Box::new(move |_, members| room.call_oldest(members).map(drop))
    }
}
