//! Waiting for permits, for one or for several at once.

use super::state::{Attempt, PoolState};
use crate::{
    failure::Result,
    members::Members,
    raw::Deadline,
    sync::{LOOKS, Ordering::SeqCst, fence},
    waiting::{
        Checked, Party, wait,
        waiter::{Gate, Waiter},
    },
};

impl PoolState {
    /// Waits for one permit. Returns `None` if the timeout elapsed.
    #[cold]
    pub(crate) fn wait_for_one(&self, party: Party<'_, Self>, deadline: Deadline) -> Result<Option<usize>> {
        let waiter = Waiter::new(&self.singles, ForOne(self), party.me, 0);
        wait(party, &waiter, deadline, |_| Ok(self.check_for_one(party)))
    }

    /// The check of a waiter for one permit.
    pub(crate) fn check_for_one(&self, party: Party<'_, Self>) -> Checked<usize> {
        self.scan(party.me).map_or(Checked::Sleep(Deadline::NEVER), Checked::Found)
    }

    /// The check of a waiter for several.
    pub(crate) fn check_for_many(&self, party: Party<'_, Self>, count: usize) -> Checked<Vec<usize>> {
        match self.claim_many(party, count) {
            Attempt::Claimed(indices) => Checked::Found(indices),
            Attempt::TooFew | Attempt::Occupied => Checked::Sleep(Deadline::NEVER),
        }
    }

    /// Acquires several permits at once (PL4). Returns `None` if the timeout elapsed.
    pub(crate) fn take_many(
        &self,
        party: Party<'_, Self>,
        count: usize,
        deadline: Deadline,
    ) -> Result<Option<Vec<usize>>> {
        match self.claim_many(party, count) {
            Attempt::Claimed(indices) => Ok(Some(indices)),
            // One permit needs no turnstile.
            _ if count == 1 && deadline != Deadline::NOW => {
                Ok(self.wait_for_one(party, deadline)?.map(|index| vec![index]))
            }
            attempt if deadline == Deadline::NOW => self.take_many_now(party, count, attempt),
            _ => self.wait_for_many(party, count, deadline),
        }
    }

    /// Acquires several permits without waiting. Dead members may hold permits, or the turnstile. A living member has
    /// the turnstile for a moment only.
    #[cold]
    fn take_many_now(&self, party: Party<'_, Self>, count: usize, mut attempt: Attempt) -> Result<Option<Vec<usize>>> {
        for look in 0..LOOKS {
            // The member in the turnstile is dead, or has it for a moment: reap once, and then check again for a while.
            if look == 0 || matches!(attempt, Attempt::TooFew) {
                party.reap_all()?;
            }
            match self.claim_many(party, count) {
                Attempt::Claimed(indices) => return Ok(Some(indices)),
                Attempt::TooFew => return Ok(None),
                Attempt::Occupied => attempt = Attempt::Occupied,
            }
            std::hint::spin_loop();
        }
        Ok(None)
    }

    #[cold]
    fn wait_for_many(&self, party: Party<'_, Self>, count: usize, deadline: Deadline) -> Result<Option<Vec<usize>>> {
        let taken = {
            let waiter = Waiter::new(&self.many, ForSeveral(self), party.me, count as u64);
            wait(party, &waiter, deadline, |_| Ok(self.check_for_many(party, count)))
        };
        // PL5: this was perhaps the first in line. While it was announced, notifiers counted for it alone.
        let notified = self.notify_many(party.members);
        match taken {
            Ok(None) => notified.map(|()| None),
            taken => {
                // The caller has a result already.
                party.members.record(notified);
                taken
            }
        }
    }
}

fn open(state: &PoolState) -> Deadline {
    state.flag.raise();
    // SYNC: pairs with the compare-and-swap and the load in `free`: either it sees the flag, or we see the free word.
    fence(SeqCst);
    Deadline::NEVER
}

pub(crate) struct ForOne<'a>(pub(crate) &'a PoolState);

impl Gate for ForOne<'_> {
    fn open(&self, _: u64) -> Deadline {
        open(self.0)
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        if self.0.available() > 0 { self.pass_on_unused(members) } else { Ok(()) }
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.0.singles.call_oldest(members).map(drop)
    }
}

pub(crate) struct ForSeveral<'a>(pub(crate) &'a PoolState);

impl Gate for ForSeveral<'_> {
    fn open(&self, _: u64) -> Deadline {
        // In this order: permits that are freed while the flag is down are not counted (PS1).
        self.0.flag.raise();
        self.0.shortage.forget();
        open(self.0)
    }

    fn interest_changed(&self, _: u64) {
        self.0.shortage.forget();
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        self.0.notify_many(members)
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.0.notify_many(members)
    }
}
