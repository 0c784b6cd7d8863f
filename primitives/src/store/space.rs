//! Room for messages: waiting for a cell, or for blocks, and notifying of them.
//!
//! Cells of one class are interchangeable, and so are blocks. A waiter announces what it needs as a bit. A process that frees
//! something calls the waiter for it that has waited longest. Blocks go by the order of asking: a waiter that was called and
//! finds too few sleeps again, and is called by the next that frees some. One that got them calls the next.

use super::{
    Refusal, Store, Until,
    blocks::{Chain, Name},
    geometry::Class,
    notify::{BLOCKS, RESPONSE_BLOCKS},
    word::CellWord,
};
use crate::{
    Role,
    failure::Result,
    members::{Members, Repair},
    raw::Deadline,
    sync::{Ordering::SeqCst, fence},
    waiting::{
        Checked, Party, Round, wait,
        waiter::{Gate, Waiter},
    },
};

/// Which blocks a message may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Messages,
    Responses,
}

impl Share {
    pub(super) fn interest(self) -> u32 {
        match self {
            Self::Messages => BLOCKS,
            Self::Responses => RESPONSE_BLOCKS,
        }
    }
}

/// How a process that frees something finds the waiters for it.
pub(super) struct SpaceGate<'a> {
    pub(super) store: &'a Store,
    pub(super) interest: u32,
}

impl Gate for SpaceGate<'_> {
    fn open(&self, _: u64) -> Deadline {
        self.store.control.seldom.space.raise();
        // SYNC: pairs with the SeqCst operations of `free_cell` and of `Blocks::give`: either the process that frees sees the
        // flag, or the check sees what it freed.
        fence(SeqCst);
        Deadline::NEVER
    }

    fn interest_changed(&self, _: u64) {
        self.store.control.seldom.space.raise();
    }

    fn selection(&self) -> Option<u64> {
        Some(self.interest.into())
    }

    fn pass_on_named(&self, what: u32, members: &Members) -> Result<()> {
        // Perhaps what is free has another waiter that was called. Then this call is one too many.
        self.store.notify_if_free(what, members)
    }
}

impl Store {
    /// Makes the threads of this process that wait for room check whether they are to stop.
    pub(crate) fn rouse_senders(&self, slot: usize, members: &Members) -> Result<()> {
        self.space.rouse_own(slot, members)
    }

    /// Takes a free cell of a class, and waits for one.
    #[cold]
    pub(super) fn wait_for_cell(
        &self,
        class: Class,
        party: Party<'_, impl Repair>,
        until: Until<'_>,
    ) -> Result<(usize, CellWord), Refusal> {
        let (me, deadline) = (party.me, until.deadline);
        if deadline == Deadline::NOW {
            // The cells of dead members are free once they are reaped.
            if self.is_turn() {
                party.reap_all()?;
            }
            self.balance(party, deadline)?;
            return self.take_cell(class, me).ok_or(Refusal::Busy);
        }
        // A receiver of a full channel frees a cell in a fraction of the time that a sleep and its wake-up take.
        let processors = &self.control.last_cpus.0;
        let (delay, spin) = &self.patience.cell;
        // Cells that are freed while this process is awake cost no system call.
        if let Some(found) = spin.until_gathered(delay, Role::Producer, processors, || self.take_cell(class, me)) {
            let (free, cells) = self.free_ahead(class, found.0);
            delay.learn(free, cells, 1);
            return Ok(found);
        }
        let gate = SpaceGate { store: self, interest: class.interest() };
        let waiter = Waiter::new(&self.space, gate, me, class.interest().into());
        wait(party, &waiter, deadline, |_: Round| {
            until.check()?;
            self.check_for_cell(class, party)
        })?
        .ok_or(Refusal::Busy)
    }

    /// The check of a waiter for a cell.
    pub(super) fn check_for_cell(
        &self,
        class: Class,
        party: Party<'_, impl Repair>,
    ) -> Result<Checked<(usize, CellWord)>, Refusal> {
        if self.is_closed() {
            return Err(self.closed(party.members));
        }
        // SA2.
        self.balance(party, Deadline::NOW)?;
        Ok(self.take_cell(class, party.me).map_or(Checked::Sleep(Deadline::NEVER), Checked::Found))
    }

    /// Takes blocks for a message, and waits for them.
    pub(super) fn take_blocks(
        &self,
        name: Name,
        len: usize,
        share: Share,
        party: Party<'_, impl Repair>,
        until: Until<'_>,
    ) -> Result<Chain, Refusal> {
        let deadline = until.deadline;
        let range = match share {
            Share::Messages => self.geometry.blocks_for_messages(),
            Share::Responses => self.geometry.blocks_for_responses(),
        };
        // It would never succeed, however long it waits.
        if self.blocks.needed(len) > range.len() {
            return Err(Refusal::TooLong);
        }
        // A response takes the blocks of messages if there are some, so its own are left for others.
        let shares: &[_] = match share {
            Share::Messages => &[Share::Messages],
            Share::Responses => &[Share::Messages, Share::Responses],
        };
        let take = |until: Deadline| -> Result<Option<Chain>, Refusal> {
            for share in shares {
                let from = match share {
                    Share::Messages => self.geometry.blocks_for_messages(),
                    Share::Responses => range.clone(),
                };
                if let Some(chain) = self.blocks.take(name, len, from, party, until)? {
                    return Ok(Some(chain));
                }
            }
            Ok(None)
        };
        if let Some(chain) = take(deadline)? {
            return Ok(chain);
        }
        if deadline == Deadline::NOW {
            // Blocks of dead members are free once they are reaped.
            party.reap_all()?;
            return take(deadline)?.ok_or(Refusal::Busy);
        }
        let interest = shares.iter().fold(0, |mask, share| mask | share.interest());
        // BL2: it sleeps without blocks and without the lock.
        let waiter = Waiter::new(&self.space, SpaceGate { store: self, interest }, party.me, interest.into());
        let found = wait(party, &waiter, deadline, |_: Round| {
            until.check()?;
            // A response is still wanted on a closed channel.
            if share == Share::Messages && self.is_closed() {
                return Err(self.closed(party.members));
            }
            // It may wait for the lock while it is announced here. Whatever calls it meanwhile waits as long as the lock is held.
            Ok(take(deadline)?.map_or(Checked::Sleep(Deadline::NEVER), Checked::Found))
        })?;
        drop(waiter);
        let chain = found.ok_or(Refusal::Busy)?;
        // Perhaps there are enough for the next one too.
        self.notify_blocks(party.members)?;
        Ok(chain)
    }
}
