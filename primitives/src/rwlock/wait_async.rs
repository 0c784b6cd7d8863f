//! Waiting in a future: readers for the gate, and the owner of the lock for the readers.
//!
//! A reader waits for the gate as a thread does. It is counted among those of all threads, so that its guard may go to
//! another one. For writers see `futures`.

use super::{
    futures::{Held, WriteFutures},
    state::{Counter, RwState},
    wait::{Admission, ReadGate},
};
use crate::{
    failure::Result,
    lock::Taken,
    raw::Deadline,
    waiting::{
        Checked, Party,
        clerk::{HeldTicket, PassOn, TaskGate, wait_async},
        waiter::Waiter,
    },
};

impl RwState {
    /// Waits until the gate is open, and reads.
    pub(crate) async fn enter_async(&self, party: Party<'_, Self>) -> Result<Taken> {
        let station = |held: &HeldTicket| Waiter::of_task(&self.readers, ReadGate(self), party.me, 0, held);
        let mut turns = 0;
        let check = |round| self.check_to_read(party, Counter::Shared, round, &mut turns);
        if let Some(taken) = wait_async(party, station, check).await? {
            return Ok(taken);
        }
        let taken = self.lock.take_async(party).await?;
        self.read_as_owner(party, Counter::Shared, taken);
        Ok(taken)
    }

    /// Takes the lock, and waits until all readers have left.
    pub(crate) async fn enter_to_write_async(
        &self,
        party: Party<'_, Self>,
        writers: &WriteFutures,
    ) -> Result<Admission> {
        loop {
            let taken = match self.lock.try_take(party.me) {
                true => Taken { poisoned: false },
                false => self.lock.take_async(party).await?,
            };
            let held = Held::new(writers, party, taken);
            // As in `drain`.
            if self.fence.after_announcement() != Deadline::NEVER {
                return Ok(Admission::Unfenced);
            }
            if self.is_read() {
                let station = |ticket: &HeldTicket| writers.desk.station(held.station(), ticket);
                let check = |round| match held.is_held() {
                    true => self.check_drained(party, round),
                    // RA2.
                    false => Ok(Checked::Found(())),
                };
                wait_async(party, station, check).await?;
            }
            if held.go_inside() {
                return Ok(Admission::Inside(taken));
            }
        }
    }
}

impl TaskGate for ReadGate<'_> {
    /// All waiters are called at once, so none passes a call on.
    fn pass_on(&self) -> PassOn {
        Box::new(|_, _| Ok(()))
    }
}
