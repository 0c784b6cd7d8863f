//! Delays: a message that can be received from a time on.
//!
//! | word of a cell | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | FILLING(s), CLAIMED(r) | | DELAYED(s), DELAYED(r) | its owner |
//! | DELAYED(s) | s lowers `earliest` | the same | |
//! | DELAYED(s) | its time has come | READY(p) | a receiver that checks, by compare-and-swap. p pushes the hint |
//! | DELAYED(c, c) | a request | FILLING(c), to be freed | the caller, by compare-and-swap |
//! | DELAYED(s) | s is dead | DELAYED(0) | a helper of the slot, once it has lowered `earliest` |
//!
//! There is no thread for it, and no polling: receivers that sleep wake at the earliest time.
//!
//! - **DL1** `earliest` is no later than the time of any DELAYED message, except if its owner has not lowered it yet.
//!   If that owner dies, its helper lowers it.
//! - **DL2** A process that makes a message DELAYED, and then lowers `earliest`, changes its version in any case. A
//!   receiver that raises it does so by compare-and-swap from what it read *before* it scanned the cells. So it raises
//!   it past no message that it did not see.
//! - **DL3** A receiver reads `earliest` after its announcement, and sleeps no longer. If it is made earlier, all that sleep are
//!   called. UNCALLED in the word says that they have not been yet. A later process that finds it calls them too, so one that is
//!   stopped before the call does not hold up the others' messages.
//! - **DL4** Each receiver first makes those messages READY that are due. One of several does it: the word of the cell
//!   changes by compare-and-swap. If the caller or the owner in it changed meanwhile, it checks the cell again.
//! - **DL5** The stamp of a delayed message is the time when it is due. Before its hint is pushed the store's latest stamp is raised to it:
//!   so it is lower than that of any message which is sent afterwards (CK2). The clock of the stamps may be behind.
//! - **DL6** On a closed channel the time of each delayed message has come. No receiver is disconnected as long as any is delayed.
//!
//! | a process dies, or is stopped | what is left by a dead one | what a stopped one holds up |
//! | --- | --- | --- |
//! | between DELAYED and `earliest` | a message that names it: its helper lowers `earliest` | that message |
//! | having lowered it, before the call | sleepers that are woken by the obituary | that message, for waiters that sleep |
//! | between READY and the hint | a complete message: it is marked as returned | that message |
//!
//! Times are those of `CLOCK_MONOTONIC`, which stands still while the machine is suspended.

use std::time::Duration;

use super::{
    Held, Store,
    cell::{Cell, MOST_CHANGES},
    word::{CellState, CellWord, Hint},
};
use crate::{
    clock,
    failure::Result,
    members::Members,
    raw::Deadline,
    sync::{
        Ordering::{AcqRel, Relaxed},
        order_seq_cst,
    },
};

impl Store {
    /// Writes into a cell that this process owns when its message is due, and returns that.
    pub(super) fn set_due(cell: &Cell, delay: Duration) {
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let due = clock::monotonic().saturating_add(delay);
        cell.due.store(due, Relaxed);
        // DL5.
        cell.sent_at.store(due, Relaxed);
    }

    /// Says that a message is DELAYED until then, and calls the receivers that would sleep for too long.
    #[cold]
    pub(super) fn show_delay(&self, due: u64, members: &Members) -> Result<()> {
        let Some(uncalled) = self.control.seldom.earliest.lower(due) else { return Ok(()) };
        order_seq_cst();
        // DL3.
        self.receive.notify_all(members)?;
        self.control.seldom.earliest.called(uncalled);
        Ok(())
    }

    /// Gives back a message that this process has claimed, to be received later. Returns whether it was still claimed.
    pub(super) fn delay_claim(&self, held: Held, delay: Duration, members: &Members) -> Result<bool> {
        let cell = self.held(held);
        Self::set_due(cell, delay);
        // Read before the change: afterwards the cell is not ours.
        let due = cell.due.load(Relaxed);
        if !cell.change_seq_cst(held.word, held.word.given_back_later(held.word.owner())) {
            return Ok(false);
        }
        self.show_delay(due, members).map(|()| true)
    }

    /// Returns until when a receiver may sleep (DL3).
    pub(super) fn until_due(&self) -> Deadline {
        let Some(time) = self.control.seldom.earliest.seen().time() else { return Deadline::NEVER };
        Deadline::after(Duration::from_nanos(time.saturating_sub(clock::monotonic())))
    }

    /// Makes each message READY that is due (DL4). For processes that check often: it may be late by a few
    /// milliseconds.
    #[cold]
    pub(super) fn promote_soon(&self, owner: u32, members: &Members) -> Result<()> {
        self.promote_at(clock::coarse(), owner, members)
    }

    /// Makes each message READY that is due (DL4).
    #[inline]
    pub(super) fn promote(&self, owner: u32, members: &Members) -> Result<()> {
        if self.control.seldom.earliest.is_any() { self.promote_at(clock::monotonic(), owner, members) } else { Ok(()) }
    }

    #[cold]
    fn promote_at(&self, now: u64, owner: u32, members: &Members) -> Result<()> {
        let seen = self.control.seldom.earliest.seen();
        // DL6.
        let now = if self.is_closed() { u64::MAX } else { now };
        if seen.time().is_none_or(|time| time > now) {
            return Ok(());
        }
        let (mut due, mut next) = (Vec::new(), None::<u64>);
        for (number, cell) in self.touched_cells() {
            if let Some((time, _)) = Self::delayed_until(cell) {
                if time <= now {
                    due.push((time, number));
                } else {
                    next = Some(next.map_or(time, |next| next.min(time)));
                }
            }
        }
        // In the order of their times, so that two messages of one sender keep it in the lane.
        due.sort_unstable();
        for (_, number) in due {
            let later = self.make_ready(number, now, owner, members)?;
            next = next.into_iter().chain(later).min();
        }
        // DL2.
        self.control.seldom.earliest.raise(seen, next);
        Ok(())
    }

    /// Returns when the message of a cell is due, if it is delayed.
    fn delayed_until(cell: &Cell) -> Option<(u64, CellWord)> {
        let word = cell.word_seq_cst();
        // If the word has changed since, the compare-and-swap fails.
        (word.state() == CellState::Delayed).then(|| (cell.due.load(Relaxed), word))
    }

    /// Makes the message of a cell READY, if it is due. Returns when it is due, if it stays delayed.
    fn make_ready(&self, number: usize, now: u64, owner: u32, members: &Members) -> Result<Option<u64>> {
        let cell = &self.cells[number];
        for _ in 0..MOST_CHANGES {
            let Some((time, word)) = Self::delayed_until(cell) else { return Ok(None) };
            // It was received, given back and delayed again since it was read.
            if time > now {
                return Ok(Some(time));
            }
            let (route, stamp) = (cell.route.load(Relaxed).max(1), cell.sent_at.load(Relaxed));
            // The owner is this process until the hint is pushed: its reaper sees to the message if it dies before.
            let ready = word.ready(owner, word.caller());
            if cell.change_seq_cst(word, ready) {
                // DL5.
                // SYNC: pairs with the load and the change in `clock::next` of a later sender.
                self.control.latest.0.fetch_max(stamp, AcqRel);
                let (hint, lane) = (Hint::of(number, ready), self.lane_of(route));
                self.lane(lane).push(hint, members)?;
                return self.notify_message(hint, lane, members).map(|()| None);
            }
        }
        Err(members.damaged("the state of the cells"))
    }
}
