//! Waiting for a [`Lock`] in a future.

use std::future::Future;

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
    pub(crate) fn take_async<'a>(
        &'a self,
        party: Party<'a, impl Repair>,
    ) -> impl Future<Output = Result<Taken>> + Unpin + 'a {
        let station = move |held: &HeldTicket| Waiter::of_task(&self.room, LockGate(&self.room), party.me, 0, held);
        wait_async(party, station, move |round| self.check(party, round))
    }
}

impl TaskGate for LockGate<'_> {
    fn pass_on(&self) -> PassOn {
        let room = self.0.view();
        Box::new(move |_, members| room.call_oldest(members).map(drop))
    }
}
