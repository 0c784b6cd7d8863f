//! Waiting for a change of the value, in a future. The rules are in `conditions`.
//!
//! The future gives the lock back in the poll in which it is announced, and is woken by a change, or by a death. Then it is off the
//! list, takes the lock as any other caller does, and checks its condition. So it has the lock only during a poll.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Holding, Lock, Taken,
    conditions::Conditions,
    wait_while::{CHANGE, ConditionGate},
};
use crate::{
    failure::Result,
    members::{Members, Repair},
    raw::Deadline,
    waiting::{
        Checked, Party, Round, Station, Turn, Withdrawn,
        clerk::{HeldTicket, PassOn, Stand, TaskGate, TaskStation, wait_async},
        desk::Ticket,
        entry::Chosen,
        waiter::Waiter,
    },
};

/// The lock of a future, until that has given it back.
struct Leaving<'a, R: Repair> {
    lock: &'a Lock,
    conditions: &'a Conditions,
    party: Party<'a, R>,
    /// How the lock was taken, and the waiters that were chosen, which are to be posted once it is given back.
    held: Mutex<Option<(Holding, Vec<Chosen>)>>,
}

impl<R: Repair> Leaving<'_, R> {
    fn held(&self) -> MutexGuard<'_, Option<(Holding, Vec<Chosen>)>> {
        // No code panics while it is locked.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the lock back, if it is held, and says that there are waiters (CW1).
    fn give_back(&self) -> Result<()> {
        let Some((held, chosen)) = self.held().take() else { return Ok(()) };
        let Party { members, me, .. } = self.party;
        // CW3.
        self.lock.free_slowly(me, members, held.kept_by_waiter(self.lock)).and(self.conditions.post(chosen, members))
    }
}

impl<R: Repair> Drop for Leaving<'_, R> {
    /// The wait failed before it gave the lock back.
    fn drop(&mut self) {
        let held = self.held().take();
        if let Some((held, _)) = held
            && self.party.me.is_ours()
        {
            self.lock.free(self.party.me, self.party.members, held.poisons(self.lock));
        }
    }
}

impl Lock {
    /// Gives the lock back, and waits for a change of the value, or for less. If it fails the lock is given back as well.
    pub(crate) async fn wait_for_change_async(
        &self,
        party: Party<'_, impl Repair>,
        taken: Taken,
        is_changed: bool,
    ) -> Result<()> {
        let Some(conditions) = &self.conditions else {
            self.free(party.me, party.members, taken.poisoned);
            return Err(party.members.damaged("the waiters for a condition"));
        };
        let chosen = self.choose_before_wait(party.me, is_changed);
        let held = Mutex::new(Some((Holding::new(party.me, taken), chosen)));
        let leaving = Leaving { lock: self, conditions, party, held };
        let station = |held: &HeldTicket| ChangeWait {
            waiter: Waiter::of_task(&conditions.0, ConditionGate, party.me, CHANGE, held),
            leaving: &leaving,
        };
        let check = |round| {
            if leaving.held().is_none() {
                // Something woke it.
                return Ok(Checked::Found(()));
            }
            if round == Round::Announced {
                leaving.give_back()?;
            }
            Ok(Checked::Sleep(Deadline::NEVER))
        };
        // At once: others wait for the lock.
        wait_async(party, station, check).at_once().await
    }

    /// Ends the clerks of this process. The handle is being dropped.
    pub(crate) fn dismiss_clerks(&self, members: &Members) {
        self.room.dismiss_clerk(members);
        if let Some(Conditions(room)) = &self.conditions {
            room.dismiss_clerk(members);
        }
    }
}

/// A future that waits for a change, during a poll.
struct ChangeWait<'a, R: Repair> {
    waiter: Waiter<'a, ConditionGate>,
    leaving: &'a Leaving<'a, R>,
}

impl<R: Repair> Station for ChangeWait<'_, R> {
    fn turn(&self, deadline: Deadline) -> Turn {
        let turn = self.waiter.turn(deadline);
        if turn == Turn::Late {
            // CW7: it is parked behind another one.
            let members = self.leaving.party.members;
            members.record(self.leaving.give_back());
        }
        turn
    }

    fn announce(&self) -> Deadline {
        self.waiter.announce()
    }

    fn withdraw(&self) -> Withdrawn {
        self.waiter.withdraw()
    }

    fn bell(&self) -> u16 {
        self.waiter.bell()
    }

    fn found_nothing(&self, members: &Members) -> Result<()> {
        self.waiter.found_nothing(members)
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        self.waiter.pass_on_used(members)
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.waiter.pass_on_unused(members)
    }
}

impl<R: Repair> TaskStation for ChangeWait<'_, R> {
    fn ticket(&self) -> &Ticket<'_> {
        TaskStation::ticket(&self.waiter)
    }

    fn into_id(self) -> u64 {
        self.waiter.into_id()
    }

    fn stand(&self, members: &Members) -> Stand {
        self.waiter.stand(members)
    }

    fn withdraw_locked(&self) -> Withdrawn {
        self.waiter.withdraw_locked()
    }

    fn pass_on_things(&self, things: Vec<u32>, members: &Members) -> Result<()> {
        self.waiter.pass_on_things(things, members)
    }
}

impl TaskGate for ConditionGate {
    /// All waiters are called at once, so none passes a call on.
    fn pass_on(&self) -> PassOn {
        Box::new(|_, _| Ok(()))
    }
}
