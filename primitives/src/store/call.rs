//! Calls, as the caller sees them: a request and its response travel in one cell.
//!
//! The caller sleeps on a doorbell of its own, and is called for its cell. See the tables of the states in [`store`](super) and
//! [`claim`](super::claim).

use super::{
    Ending, Held, Refusal, Store,
    cell::{MOST_CHANGES, WORD},
    receive::Received,
    wishes::Wishes,
    word::CellState,
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
        Checked, Party, Round, wait,
        waiter::{Gate, Waiter},
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
    /// It was claimed as often as allowed.
    Aside(Held),
    /// There is, or will be, no response.
    Lost,
}

/// How the wait for a response ends.
#[derive(Debug)]
pub(crate) enum Outcome {
    Response(Received),
    /// The request is set aside: how its attempts ended.
    Aside(Vec<(u32, Ending)>),
    Lost,
}

/// The wait of a caller: for the end of one call, or of any of its process.
pub(super) struct ResponseGate<'a> {
    pub(super) store: &'a Store,
    pub(super) me: Session,
    pub(super) ticket: Option<Ticket>,
}

impl Gate for ResponseGate<'_> {
    /// The cell and its generation: each caller of the process finds another response.
    fn selection(&self) -> Option<u64> {
        self.ticket.map(|Ticket(sent)| (sent.cell as u64) << 32 | sent.word.generation())
    }

    fn may_find(&self, selection: Option<u64>) -> bool {
        selection.is_none_or(|call| self.store.may_have_ended(call, self.me))
    }

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

    /// Returns whether a request was ever taken, or has ended.
    #[inline]
    pub(crate) fn is_begun(&self, Ticket(sent): Ticket) -> bool {
        self.held(sent).word() != sent.word
    }

    /// Returns how far a request is.
    #[inline]
    pub(crate) fn progress(&self, ticket: Ticket, me: Session) -> Progress {
        let Ticket(sent) = ticket;
        let word = self.held(sent).word();
        // The cell has another life, or the caller was taken out of the word: there is nothing to wait for.
        if word.generation() != sent.word.generation() || word.caller() != me.owner() {
            return Progress::Lost;
        }
        match word.state() {
            CellState::Ready | CellState::Delayed => Progress::Waiting,
            // An owner of 0 comes from memory that is corrupt. It is no member's slot then.
            CellState::Held | CellState::Claimed => Progress::Taken(word.owner().saturating_sub(1)),
            CellState::Answered => Progress::Answered(Held { cell: sent.cell, word }),
            CellState::Aside => Progress::Aside(Held { cell: sent.cell, word }),
            _ => Progress::Lost,
        }
    }

    /// Returns whether the caller of a cell and a generation may find an end. Otherwise it is called when there is one.
    fn may_have_ended(&self, call: u64, me: Session) -> bool {
        let Some(cell) = usize::try_from(call >> 32).ok().and_then(|cell| self.cells.get(cell)) else { return true };
        let word = cell.word();
        if word.generation() != call & u64::from(u32::MAX) || word.caller() != me.owner() {
            return true;
        }
        match word.state() {
            // As in `check_for_end`.
            CellState::Ready | CellState::Delayed => self.is_closed(),
            CellState::Held | CellState::Claimed => false,
            _ => true,
        }
    }

    /// Waits for the response to a request.
    pub(crate) fn wait_for_response(
        &self,
        ticket: Ticket,
        party: Party<'_, impl Repair>,
        deadline: Deadline,
    ) -> Result<Outcome, Refusal> {
        let check = || match self.progress(ticket, party.me) {
            Progress::Waiting | Progress::Taken(_) => None,
            ended => Some(ended),
        };
        let ended = match check() {
            Some(ended) => ended,
            None if deadline == Deadline::NOW => return Err(Refusal::Busy),
            None => match self.patience.response.until(Role::Producer, &self.control.last_cpus.0, check) {
                Some(ended) => ended,
                None => self.wait_slowly(ticket, party, deadline, check)?,
            },
        };
        match ended {
            Progress::Answered(held) => self.describe_response(held, party.members).map(Outcome::Response),
            Progress::Aside(held) => Ok(self.learn_aside(held)),
            _ => Ok(Outcome::Lost),
        }
    }

    /// Waits until a check finds something. It checks after each end of a call of this process, and when it is roused. While it
    /// spins it uses `glance`, which may overlook something.
    pub(crate) fn wait_for_calls<T>(
        &self,
        party: Party<'_, impl Repair>,
        deadline: Deadline,
        glance: impl FnMut() -> Option<T>,
        mut check: impl FnMut() -> Option<T>,
    ) -> Result<Option<T>> {
        // A response mostly comes while this process still runs, and then neither side makes a system call.
        if let Some(found) = self.patience.response.until(Role::Producer, &self.control.last_cpus.0, glance) {
            return Ok(Some(found));
        }
        let gate = ResponseGate { store: self, me: party.me, ticket: None };
        let waiter = Waiter::new(&self.response, gate, party.me, 1);
        wait(party, &waiter, deadline, |_: Round| Ok(check().map_or(Checked::Sleep(Deadline::NEVER), Checked::Found)))
    }

    /// Makes the threads of this process that wait for the ends of calls check again.
    pub(crate) fn rouse_callers(&self, slot: usize, members: &Members) -> Result<()> {
        self.response.rouse_own(slot, members)
    }

    /// Returns how the attempts of a request ended, and leaves it aside.
    fn learn_aside(&self, held: Held) -> Outcome {
        // Read before the word is left: afterwards the message may be retried, and its attempts go on.
        let endings = self.endings(held.cell, held.word);
        // If it was retried or discarded meanwhile, its caller does not wait for it any more either.
        self.leave(Ticket(held));
        Outcome::Aside(endings)
    }

    #[cold]
    fn wait_slowly(
        &self,
        ticket: Ticket,
        party: Party<'_, impl Repair>,
        deadline: Deadline,
        check: impl Fn() -> Option<Progress>,
    ) -> Result<Progress, Refusal> {
        // The interest is the same for each. Which thread may find its response the leader asks the gate.
        let gate = ResponseGate { store: self, me: party.me, ticket: Some(ticket) };
        let waiter = Waiter::new(&self.response, gate, party.me, 1);
        let found = wait(party, &waiter, deadline, |_: Round| match check() {
            Some(found) => Ok(Checked::Found(found)),
            None => self.check_for_end(ticket, party),
        })?;
        found.ok_or(Refusal::Busy)
    }

    /// The check of a waiter while its request has not ended.
    pub(super) fn check_for_end<T>(
        &self,
        ticket: Ticket,
        party: Party<'_, impl Repair>,
    ) -> Result<Checked<T>, Refusal> {
        // A request that no process has taken ends with the channel. One that was taken is waited for.
        if self.is_closed() && self.take_back(ticket, party.members)? {
            return Err(self.closed(party.members));
        }
        Ok(Checked::Sleep(Deadline::NEVER))
    }

    fn describe_response(&self, held: Held, members: &Members) -> Result<Received, Refusal> {
        let cell = self.held(held);
        // CL7: where the response lies depends on whether the request was to stay whole.
        let is_apart = Wishes(cell.wishes.load(Relaxed)).is_redelivered();
        let (len, block) =
            if is_apart { (&cell.answer_len, &cell.answer_block) } else { (&cell.len, &cell.first_block) };
        let (len, is_in_blocks) = (usize::try_from(len.load(Relaxed)).unwrap_or(usize::MAX), block.load(Relaxed) != 0);
        let first = if is_apart { self.request_words(cell) } else { 0 };
        let most = if is_in_blocks { self.geometry.max_message_size } else { INLINE - WORD * usize::from(first) };
        // ST9: an impossible length costs this response, and not the channel.
        if len > most.max(if is_in_blocks { INLINE } else { 0 }) {
            self.release(held, members)?;
            return Err(members.damaged("the length of a response").into());
        }
        // `finish_response` has put codec and schema there, as the fields hold those of the request.
        let apart = cell.due.load(Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the upper and the lower half")]
        let apart = ((apart >> 32) as u32, apart as u32);
        let (codec, schema) = if is_apart { apart } else { (cell.codec.load(Relaxed), cell.schema.load(Relaxed)) };
        Ok(Received {
            held,
            route: cell.route.load(Relaxed),
            codec,
            schema,
            len,
            inline: (!is_in_blocks).then_some(first),
            is_call: false,
            sent_at: cell.sent_at.load(Relaxed),
        })
    }

    /// Takes back a request that no process has taken. Returns whether it did.
    pub(crate) fn take_back(&self, ticket: Ticket, members: &Members) -> Result<bool> {
        let Ticket(sent) = ticket;
        let cell = self.held(sent);
        let word = cell.word();
        let is_waiting = matches!(word.state(), CellState::Ready | CellState::Delayed)
            && word.generation() == sent.word.generation();
        let back = word.taken_back();
        if !is_waiting || word.caller() != sent.word.caller() || !cell.change(word, back) {
            return Ok(false);
        }
        // ST5: before the cell is free, as its next message may be marked.
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
                CellState::Ready | CellState::Delayed => {
                    if self.take_back(ticket, members)? {
                        return Ok(());
                    }
                }
                CellState::Held | CellState::Claimed => {
                    // The server goes on, and finds no caller when it responds. It frees the cell then.
                    if cell.change(word, word.cancelled()) {
                        return Ok(());
                    }
                }
                CellState::Aside => {
                    if cell.change(word, word.without_caller()) {
                        return Ok(());
                    }
                }
                // It has ended already, so the cell is the caller's to free.
                CellState::Answered | CellState::Lost => return self.release(Held { cell: sent.cell, word }, members),
                _ => return Ok(()),
            }
        }
        Err(members.damaged("the state of the cells"))
    }

    /// Waits for a request no more, and leaves it to be worked on. What has come of it already is freed.
    pub(crate) fn detach_call(&self, ticket: Ticket, me: Session, members: &Members) -> Result<()> {
        match self.progress(ticket, me) {
            // Without a caller in its word the request is a message like others.
            Progress::Waiting | Progress::Taken(_) | Progress::Aside(_) if self.leave(ticket) => Ok(()),
            _ => self.cancel(ticket, me, members),
        }
    }

    /// Takes the caller out of the word of a request that has not ended. Returns whether it did.
    fn leave(&self, ticket: Ticket) -> bool {
        let Ticket(sent) = ticket;
        let cell = self.held(sent);
        (0..MOST_CHANGES).any(|_| {
            let word = cell.word();
            let is_ours = word.generation() == sent.word.generation() && word.caller() == sent.word.caller();
            let has_ended = matches!(word.state(), CellState::Answered | CellState::Lost);
            is_ours && !has_ended && cell.change(word, word.without_caller())
        })
    }
}
