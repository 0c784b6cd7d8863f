//! Calls: a request and its response travel in one cell.
//!
//! The caller sleeps on a doorbell of its own, and is called for its cell. See the table of the states in [`store`](super).

use super::{
    About, Held, Refusal, Run, Store,
    cell::MOST_CHANGES,
    receive::Received,
    space::Share,
    word::{CellState, Hint},
};
use crate::{
    Role,
    failure::Result,
    members::{Members, Repair, Session},
    raw::Deadline,
    sizes::INLINE,
    sync::{
        Ordering::{Relaxed, SeqCst},
        fence,
    },
    waiting::{
        Checked, Party, Round,
        seat::{Gate, Seat},
        wait,
    },
};

/// A request that this process sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(Held);

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// No process has taken it.
    Waiting,
    /// The member of this slot has taken it.
    Taken(u32),
    Answered(Held),
    /// There is, or will be, no response.
    Lost,
}

struct ResponseGate;

impl Gate for ResponseGate {
    fn open(&self, _: u64) -> Deadline {
        // SYNC: pairs with the SeqCst change to ANSWERED or LOST: either the responder sees the announcement, or the
        // check sees the response.
        fence(SeqCst);
        Deadline::NEVER
    }
}

impl Store {
    pub(crate) fn ticket(held: Held) -> Ticket {
        Ticket(held)
    }

    /// Returns how far a request is.
    pub(crate) fn progress(&self, ticket: Ticket, me: Session) -> Progress {
        let Ticket(sent) = ticket;
        let word = self.held(sent).word();
        if word.generation() != sent.word.generation() || word.caller() != me.owner() {
            return Progress::Lost;
        }
        match word.state() {
            CellState::Ready => Progress::Waiting,
            CellState::Held => Progress::Taken(word.owner().saturating_sub(1)),
            CellState::Answered => Progress::Answered(Held { cell: sent.cell, word }),
            _ => Progress::Lost,
        }
    }

    /// Waits for the response to a request. Returns `None` if there will be none.
    pub(crate) fn wait_for_response(
        &self,
        ticket: Ticket,
        party: Party<'_, impl Repair>,
        deadline: Deadline,
    ) -> Result<Option<Received>, Refusal> {
        let look = || match self.progress(ticket, party.me) {
            Progress::Answered(held) => Some(Some(held)),
            Progress::Lost => Some(None),
            Progress::Waiting | Progress::Taken(_) => None,
        };
        let found = match look() {
            Some(found) => found,
            None if deadline == Deadline::NOW => return Err(Refusal::Busy),
            None => match self.patience.response.until(Role::Producer, &self.control.last_processor.0, look) {
                Some(found) => found,
                None => self.wait_slowly(ticket, party, deadline, look)?,
            },
        };
        let Some(held) = found else { return Ok(None) };
        self.describe_response(held, party.members).map(Some)
    }

    #[cold]
    fn wait_slowly(
        &self,
        ticket: Ticket,
        party: Party<'_, impl Repair>,
        deadline: Deadline,
        look: impl Fn() -> Option<Option<Held>>,
    ) -> Result<Option<Held>, Refusal> {
        // Each thread of this process waits for another response, so all of them check after a call: the interest is not 0.
        let seat = Seat::take(&self.response, ResponseGate, party.me, 1);
        let found = wait(party, &seat, deadline, |_: Round| {
            if let Some(found) = look() {
                return Ok(Checked::Found(found));
            }
            // A request that no process has taken ends with the channel. One that was taken is waited for.
            if self.is_closed() && self.take_back(ticket, party.members)? {
                return Err(self.closed(party.members));
            }
            Ok(Checked::Sleep(Deadline::NEVER))
        })?;
        found.ok_or(Refusal::Busy)
    }

    fn describe_response(&self, held: Held, members: &Members) -> Result<Received, Refusal> {
        let cell = self.held(held);
        let len = usize::try_from(cell.len.load(Relaxed)).unwrap_or(usize::MAX);
        if len > self.geometry.max_message_size.max(INLINE) || (len > INLINE && cell.first_block.load(Relaxed) == 0) {
            self.release(held, members)?;
            return Err(members.damaged("the length of a response").into());
        }
        Ok(Received {
            held,
            route: cell.route.load(Relaxed),
            codec: cell.codec.load(Relaxed),
            schema: cell.schema.load(Relaxed),
            len,
            is_call: false,
            sent_at: cell.sent_at.load(Relaxed),
        })
    }

    /// Takes back a request that no process has taken. Returns whether it did.
    pub(crate) fn take_back(&self, ticket: Ticket, members: &Members) -> Result<bool> {
        let Ticket(sent) = ticket;
        let cell = self.held(sent);
        let word = cell.word();
        let is_waiting = word.state() == CellState::Ready && word.generation() == sent.word.generation();
        let back = word.taken_back();
        if !is_waiting || word.caller() != sent.word.caller() || !cell.change(word, back) {
            return Ok(false);
        }
        self.clear_returned(sent.cell);
        self.release(Held { cell: sent.cell, word: back }, members)?;
        Ok(true)
    }

    /// Waits for a response no more, and frees what is there.
    pub(crate) fn cancel(&self, ticket: Ticket, me: Session, members: &Members) -> Result<()> {
        // The word of a request changes a few times at most.
        for _ in 0..MOST_CHANGES {
            let Ticket(sent) = ticket;
            let cell = self.held(sent);
            let word = cell.word();
            if word.generation() != sent.word.generation() || word.caller() != me.owner() {
                return Ok(());
            }
            match word.state() {
                CellState::Ready => {
                    if self.take_back(ticket, members)? {
                        return Ok(());
                    }
                }
                CellState::Held => {
                    if cell.change(word, word.without_caller()) {
                        return Ok(());
                    }
                }
                CellState::Answered | CellState::Lost => return self.release(Held { cell: sent.cell, word }, members),
                _ => return Ok(()),
            }
        }
        Err(members.damaged("the state of the cells"))
    }

    /// Responds to a request that is held, with bytes that fit into the cell.
    pub(crate) fn respond_short(&self, held: Held, about: About, bytes: &[u8], members: &Members) -> Result<()> {
        let cell = self.held(held);
        let given = self.give_blocks_if_any(held, members);
        cell.write(bytes);
        self.finish_response(held, about, bytes.len(), members).and(given)
    }

    /// Takes blocks for a long response. Its request must have been read.
    pub(crate) fn start_response(
        &self,
        held: Held,
        len: usize,
        party: Party<'_, impl Repair>,
        deadline: Deadline,
    ) -> Result<Run<'_>, Refusal> {
        if len > self.geometry.max_message_size {
            return Err(Refusal::TooLong);
        }
        self.give_blocks_if_any(held, party.members)?;
        let chain = self.take_blocks(Self::name(held), len, Share::Responses, party, deadline)?;
        let cell = self.held(held);
        #[expect(clippy::cast_possible_truncation, reason = "checked against the largest message")]
        cell.len.store(len as u32, Relaxed);
        cell.first_block.store(chain.first(), Relaxed);
        Ok(self.run(held))
    }

    /// Makes a response that is written one that the caller finds.
    pub(crate) fn finish_response(&self, held: Held, about: About, len: usize, members: &Members) -> Result<()> {
        let cell = self.held(held);
        #[expect(clippy::cast_possible_truncation, reason = "checked against the largest message")]
        cell.len.store(len as u32, Relaxed);
        cell.codec.store(about.codec, Relaxed);
        cell.schema.store(about.schema, Relaxed);
        self.end_call(held, held.word.answered(), members)
    }

    /// Says that there will be no response.
    pub(crate) fn lose(&self, held: Held, members: &Members) -> Result<()> {
        let given = self.give_blocks_if_any(held, members);
        self.end_call(held, held.word.lost(), members).and(given)
    }

    fn end_call(&self, held: Held, end: super::CellWord, members: &Members) -> Result<()> {
        let caller = held.word.caller();
        if caller != 0 && self.held(held).change_seq_cst(held.word, end) {
            return self.call_caller(held.cell, end, members);
        }
        // The caller waits no more. The cell is ours alone.
        self.release(Held { cell: held.cell, word: held.word.without_caller() }, members)
    }

    /// Calls the caller of a request that has ended.
    pub(super) fn call_caller(&self, cell: usize, word: super::CellWord, members: &Members) -> Result<()> {
        let slot = word.caller() as usize;
        match slot.checked_sub(1) {
            Some(slot) if slot < self.geometry.max_handles as usize => {
                self.response.call_slot(slot, Hint::of(cell, word).what(), members).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn give_blocks_if_any(&self, held: Held, members: &Members) -> Result<()> {
        if self.held(held).first_block.load(Relaxed) != 0 { self.give_blocks(held, members) } else { Ok(()) }
    }
}
