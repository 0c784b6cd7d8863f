//! Messages that are set aside: they were claimed as often as allowed, and none of the attempts was done.
//!
//! Each class has more cells than its capacity: its quota. As many are SPARE at first. A message that is set aside keeps its cell,
//! and a spare one becomes free instead. So SPARE and ASIDE are as many as the quota, but for a moment, and a channel has the
//! room that it was made with.
//!
//! | word of a cell | next | changed by |
//! | --- | --- | --- |
//! | CLAIMED(r, c) | ASIDE(0, c) | r, or a helper of the dead r |
//! | ASIDE(0, c) | ASIDE(0, 0) | the caller, which has learnt it, or a helper of the dead caller |
//! | ASIDE(0, c) | READY(0, c) | a process that retries it, under the lock |
//! | ASIDE | HELD(d, 0), and then SPARE; FREE | a process that discards it; one that balances: under the lock |
//! | SPARE, FREE | FREE, SPARE | under the lock |
//!
//! The lock is that of the blocks.
//!
//! - **SA1** A process that has set a message aside raises `unbalanced`, and *balances*: it counts SPARE and ASIDE under the lock. While
//!   there are more than the quota, a spare cell becomes free, or the oldest message is dropped, and counted. Each repair of
//!   a dead member's slot raises `unbalanced` too: the member may have died on the way, and no word says so.
//! - **SA2** `unbalanced` is lowered by the holder of the lock alone, and only if it was not raised since before it counted. A
//!   sender that finds no free cell balances if it is raised, before it says that the channel is full, and before it sleeps.
//! - **SA3** A message is retried in the other order: a free cell becomes spare, then the message is READY. If none is free,
//!   the channel is full for it as for any other message.
//! - **SA4** What a message says is read under the lock: whatever takes it out of ASIDE holds the lock.
//! - **SA5** A message that is retried is allowed as many attempts again, and its attempts are counted on (CL3).
//! - **SA6** A message that is dropped or discarded becomes HELD by that process before its blocks are freed. If the process dies the
//!   cell becomes free, and a spare one is missing. So to balance is also to make free cells spare ones, if too few are.
//!
//! | a process dies, or is stopped | what is left by a dead one | what a stopped one holds up |
//! | --- | --- | --- |
//! | between ASIDE and the call of the caller | the caller is woken by the obituary | that call |
//! | between ASIDE and the flag | one cell less, until a sender needs it | one cell |
//! | having raised the flag, before it has balanced | the same | nothing |
//! | in the lock | as in the lock of the blocks; a count that is too high or too low by one, until the next process balances | long messages, and what is set aside |
//!
//! The model `aside` of `tests/models` explores this.

use std::io::Read;

use super::{
    Held, Refusal, Store,
    blocks::Chain,
    causes::Ending,
    cell::MOST_CHANGES,
    geometry::Class,
    wishes::Wishes,
    word::{CellState, CellWord, Hint},
};
use crate::{
    failure::Result,
    members::{Members, Repair},
    raw::Deadline,
    sizes::INLINE,
    sync::{
        Ordering::{Relaxed, SeqCst},
        order_seq_cst,
    },
    waiting::Party,
};

/// What came of the balance of a class.
#[derive(Clone, Copy, Debug)]
struct Balanced {
    /// How many cells became free.
    freed: usize,
    /// Whether SPARE and ASIDE are as many as the quota.
    is_whole: bool,
}

/// Which message is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Put {
    cell: usize,
    word: CellWord,
}

/// A message that is set aside, as it was copied.
#[derive(Clone, Debug)]
pub(crate) struct Copied {
    pub(crate) put: Put,
    pub(crate) route: u32,
    pub(crate) codec: u32,
    pub(crate) schema: u32,
    pub(crate) sent_at: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) endings: Vec<(u32, Ending)>,
}

impl Store {
    /// Sets a message aside that this process has claimed. Returns whether it was still claimed.
    #[cold]
    pub(super) fn put_aside(&self, held: Held, party: Party<'_, impl Repair>) -> Result<bool> {
        if !self.change_to_aside(held.cell, held.word, party.members)? {
            return Ok(false);
        }
        self.balance(party, Deadline::NOW).map(|()| true)
    }

    /// Changes the word of a claimed message, and calls its caller. Returns whether the word was as it was read.
    pub(super) fn change_to_aside(&self, number: usize, word: CellWord, members: &Members) -> Result<bool> {
        let aside = word.aside();
        // A helper, or the caller that cancels, has changed it: it is not ours any more.
        if !self.cells[number].change_seq_cst(word, aside) {
            return Ok(false);
        }
        // SA1: afterwards, so that no process counts between the two and lowers it.
        self.control.seldom.unbalanced.raise();
        // Only handed over: the caller is not called yet, and the owner may be a helper's.
        #[cfg(feature = "tracing")]
        crate::events::message_set_aside(members.object(), self.cells[number].route.load(Relaxed));
        self.call_caller(number, aside, members).map(|()| true)
    }

    /// Balances the cells, if that may be needed (SA1, SA2).
    #[cold]
    pub(super) fn balance(&self, party: Party<'_, impl Repair>, deadline: Deadline) -> Result<()> {
        if !self.control.seldom.unbalanced.is_up() || !self.blocks.lock_blocks(party, deadline)? {
            return Ok(());
        }
        // SA2: what was raised before the count is lowered after it. `seen` is read first, so a later raise stays.
        let freed = self.control.seldom.unbalanced.seen().map(|seen| {
            let balanced = Class::ALL.map(|class| (class, self.balance_locked(class, party)));
            if balanced.iter().all(|(_, balanced)| balanced.is_whole) {
                self.control.seldom.unbalanced.lower(seen);
            }
            balanced
        });
        self.blocks.unlock_blocks(party);
        // After the lock: a waiter that is called may need it.
        let notify = |(class, balanced): (Class, Balanced)| {
            (0..balanced.freed).map(|_| self.notify_space(class, party.members)).fold(Ok(()), Result::and)
        };
        let notified = freed.into_iter().flatten().map(notify).fold(Ok(()), Result::and);
        notified.and(self.notify_blocks(party.members))
    }

    /// Makes SPARE and ASIDE as many as the quota, as far as there are free cells. Returns how many became free.
    fn balance_locked(&self, class: Class, party: Party<'_, impl Repair>) -> Balanced {
        let (quota, cells) = self.quota_of(class);
        let (mut spares, mut asides) = (Vec::new(), Vec::new());
        for (number, cell) in cells {
            match cell.word().state() {
                CellState::Spare => spares.push(number),
                CellState::Aside => asides.push((cell.sent_at.load(Relaxed), number)),
                _ => {}
            }
        }
        // Two of a kind are counted together: a message that is set aside keeps the room of a spare cell.
        let count = spares.len() + asides.len();
        asides.sort_unstable();
        let oldest = asides.into_iter().map(|(_, number)| number);
        // Spare cells first, since nothing is lost with them. Then the oldest messages.
        let in_excess = spares.into_iter().chain(oldest).take(count.saturating_sub(quota));
        let freed = in_excess.filter(|&number| self.free_locked(number, party)).count();
        // SA6: a process died while it dropped a message, so a spare cell is missing.
        let missing = quota.saturating_sub(count);
        let found = (0..missing).filter(|_| self.spare_locked(class, party)).count();
        Balanced { freed, is_whole: found == missing }
    }

    /// Makes a free cell a spare one. Returns whether there was any. The caller holds the lock.
    fn spare_locked(&self, class: Class, party: Party<'_, impl Repair>) -> bool {
        // By FILLING, as a sender takes it. If this process dies in between, its reaper frees the cell.
        let taken = self.take_cell(class, party.me);
        taken.is_some_and(|(number, filling)| self.cells[number].change(filling, filling.spare()))
    }

    /// Frees a spare cell, or that of a message that is dropped. The caller holds the lock.
    fn free_locked(&self, number: usize, party: Party<'_, impl Repair>) -> bool {
        let cell = &self.cells[number];
        let spare = cell.word();
        let word = match spare.state() {
            CellState::Spare => spare,
            CellState::Aside => {
                // Relaxed: a number for operators.
                self.control.dropped.0.fetch_add(1, Relaxed);
                match self.take_out(number, party) {
                    Some(held) => held,
                    None => return false,
                }
            }
            _ => return false,
        };
        // A spare cell may never have been used. If this process dies before it has cleared the bit, its reaper does (FC2), and
        // reads the groups that are used.
        self.control.seldom.touch(self.group_of(number));
        let is_freed = cell.change_seq_cst(word, word.free());
        if is_freed {
            // As in `free_cell`.
            order_seq_cst();
            self.show_cell(number);
        }
        is_freed
    }

    /// Takes a message out of ASIDE, and frees its blocks (SA6). Returns the word that it has then.
    fn take_out(&self, number: usize, party: Party<'_, impl Repair>) -> Option<CellWord> {
        let cell = &self.cells[number];
        for _ in 0..MOST_CHANGES {
            let word = cell.word();
            if word.state() != CellState::Aside {
                return None;
            }
            // SA6: HELD by this process, so that a helper frees the cell and its blocks if this process dies here.
            let held = word.without_caller().held(party.me.owner());
            if cell.change(word, held) {
                if cell.first_block.load(Relaxed) != 0 {
                    self.blocks.give(self.chain(Held { cell: number, word: held }));
                    cell.first_block.store(0, Relaxed);
                }
                return Some(held);
            }
        }
        None
    }

    pub(crate) fn class_of_put(&self, put: Put) -> Class {
        self.class_of(put.cell)
    }

    /// Returns the messages that are set aside, the oldest one first. Each is copied under the lock, and the lock is free in between.
    pub(crate) fn set_aside(&self, party: Party<'_, impl Repair>) -> Result<Vec<Copied>, Refusal> {
        // Without the lock: only a list of candidates, which are checked again under it.
        let is_aside = |cell: &super::Cell| cell.word().state() == CellState::Aside;
        let numbers: Vec<usize> =
            self.touched_cells().filter(|(_, cell)| is_aside(cell)).map(|(number, _)| number).collect();
        let mut found = Vec::new();
        for number in numbers {
            // SA4. The lock is free between two copies, so that long messages can be sent meanwhile.
            self.lock_aside(party)?;
            let copied = self.copy_locked(number);
            self.blocks.unlock_blocks(party);
            found.extend(copied);
        }
        found.sort_unstable_by_key(|copied| copied.sent_at);
        Ok(found)
    }

    fn lock_aside(&self, party: Party<'_, impl Repair>) -> Result<(), Refusal> {
        if self.blocks.lock_blocks(party, Deadline::NEVER)? { Ok(()) } else { Err(Refusal::Busy) }
    }

    fn copy_locked(&self, number: usize) -> Option<Copied> {
        let cell = &self.cells[number];
        let word = cell.word();
        if word.state() != CellState::Aside {
            return None;
        }
        // ST9: the length comes from memory.
        let most = self.geometry.max_message_size.max(INLINE);
        let len = usize::try_from(cell.len.load(Relaxed)).unwrap_or(usize::MAX).min(most);
        let first_block = cell.first_block.load(Relaxed);
        let mut bytes = Vec::new();
        if first_block == 0 {
            let mut inline = [0; INLINE];
            cell.read_at(0, len.min(INLINE), &mut inline);
            bytes.extend_from_slice(&inline[..len.min(INLINE)]);
        } else {
            let chain = Chain::new(Self::name(Held { cell: number, word }), first_block, len);
            // What is corrupt, or too much for this process, is shown as far as it goes.
            bytes.try_reserve_exact(len).ok()?;
            let _ = self.blocks.run(chain).read_to_end(&mut bytes);
        }
        Some(Copied {
            put: Put { cell: number, word },
            route: cell.route.load(Relaxed),
            codec: cell.codec.load(Relaxed),
            schema: cell.schema.load(Relaxed),
            sent_at: cell.sent_at.load(Relaxed),
            bytes,
            endings: self.endings(number, word),
        })
    }

    /// Returns the word of a message if it is set aside still. The caller holds the lock.
    fn still_aside(&self, put: Put) -> Option<CellWord> {
        let word = self.cells[put.cell].word();
        // A caller that learnt of it has changed the word since, and it is the same message still.
        (word.state() == CellState::Aside && word.is_same_attempt(put.word)).then_some(word)
    }

    /// Makes a message that is set aside one that can be received. Returns whether it was still there.
    pub(crate) fn retry(&self, put: Put, party: Party<'_, impl Repair>) -> Result<bool, Refusal> {
        // SA2: first, as a sender does before it reports that the channel is full.
        self.balance(party, Deadline::NEVER)?;
        self.lock_aside(party)?;
        let retried = self.retry_locked(put, party);
        self.blocks.unlock_blocks(party);
        // After the lock: a waiter that is called may need it.
        let Some(ready) = retried? else { return Ok(false) };
        let lane = self.lane_of(self.cells[put.cell].route.load(Relaxed).max(1));
        self.notify_message(Hint::of(put.cell, ready), lane, party.members)?;
        Ok(true)
    }

    fn retry_locked(&self, put: Put, party: Party<'_, impl Repair>) -> Result<Option<CellWord>, Refusal> {
        if self.still_aside(put).is_none() {
            return Ok(None);
        }
        // SA3: first the spare cell, so that the room of the class is not exceeded for a moment.
        if !self.spare_locked(self.class_of(put.cell), party) {
            return Err(Refusal::Busy);
        }
        let cell = &self.cells[put.cell];
        cell.sent_at.store(self.stamp(), Relaxed);
        // SA5: the limit moves, and the count of attempts goes on.
        let wishes = Wishes(cell.wishes.load(Relaxed)).once_more();
        cell.wishes.store(wishes.0, Relaxed);
        // ST5: the bit before READY. A caller that has not learnt that it is aside waits on.
        self.mark_returned(put.cell);
        for _ in 0..MOST_CHANGES {
            let Some(word) = self.still_aside(put) else { return Ok(None) };
            let ready = word.ready(0, word.caller());
            if cell.change_seq_cst(word, ready) {
                return Ok(Some(ready));
            }
        }
        Ok(None)
    }

    /// Drops a message that is set aside. Returns whether it was still there.
    pub(crate) fn discard(&self, put: Put, party: Party<'_, impl Repair>) -> Result<bool, Refusal> {
        self.lock_aside(party)?;
        let found = self.still_aside(put);
        // SA6: its blocks are freed by this process, or by the helper of its slot.
        if found.is_some()
            && let Some(held) = self.take_out(put.cell, party)
        {
            // The cell that was kept for it is a spare one again, and the balance stays as it was.
            self.cells[put.cell].change(held, held.spare());
        }
        self.blocks.unlock_blocks(party);
        self.notify_blocks(party.members)?;
        Ok(found.is_some())
    }

    /// Returns how many messages were dropped because the quota was full.
    pub(crate) fn dropped(&self) -> u64 {
        // SYNC: pairs with the change in `free_locked`, which is relaxed: it is a number for operators.
        self.control.dropped.0.load(SeqCst)
    }
}
