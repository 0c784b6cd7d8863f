//! What becomes of the words of a dead member (R-reap). Any number of helpers do it at once, by compare-and-swap.

use super::{
    Store,
    blocks::Name,
    causes::DIED,
    cell::{Cell, MOST_CHANGES},
    wishes::Wishes,
    word::{CellState, CellWord, Hint},
};
use crate::{
    failure::Result,
    members::{Members, Repair},
    sync::Ordering::Relaxed,
};

impl Store {
    /// Repairs a cell until it no longer names the owner. Returns whether it changed it.
    fn repair_cell(&self, number: usize, owner: u32, members: &Members) -> Result<bool> {
        let mut is_changed = false;
        // A word of a dead slot changes a few times at most, by other helpers and living callers (MB5).
        for _ in 0..MOST_CHANGES {
            let word = self.cells[number].word();
            if !word.names(owner) {
                return Ok(is_changed);
            }
            is_changed |= self.repair_word(number, word, owner, members)?;
        }
        Err(members.damaged("the state of the cells"))
    }

    /// Takes one step of a repair.
    fn repair_word(&self, number: usize, word: CellWord, owner: u32, members: &Members) -> Result<bool> {
        let cell = &self.cells[number];
        let is_caller = word.caller() == owner;
        match word.state() {
            CellState::Ready | CellState::Delayed if is_caller => self.repair_request(number, word, owner, members),
            CellState::Ready => self.keep_message(number, word, word.ready(0, word.caller()), members),
            CellState::Delayed => self.keep_delay(number, word, word.delayed(0, word.caller()), members),
            CellState::Claimed if is_caller && word.owner() != owner => {
                // Its living owner goes on with it.
                Ok(cell.change(word, self.uncalled(cell, word)))
            }
            CellState::Claimed => self.repair_claim(number, word, owner, members),
            CellState::Held if is_caller && word.owner() != owner => Ok(cell.change(word, word.without_caller())),
            CellState::Held if word.caller() != 0 && !is_caller => {
                // The blocks first: once the word has changed, no other helper knows of them.
                self.give_names(number, word);
                if !cell.change_seq_cst(word, word.lost()) {
                    return Ok(false);
                }
                self.call_caller(number, word.lost(), members).map(|()| true)
            }
            CellState::Aside => Ok(cell.change(word, word.aside_without(owner))),
            CellState::Filling | CellState::Held | CellState::Answered | CellState::Lost => {
                self.give_names(number, word);
                Ok(cell.change(word, word.free()))
            }
            CellState::Spare => Ok(cell.change(word, word.spare())),
            // No state of the protocol's: it says FREE from now on.
            CellState::Free | CellState::Unknown => Ok(cell.change(word, word.free())),
        }
    }

    /// Gives back the blocks of a message, and those of the response of this attempt.
    fn give_names(&self, number: usize, word: CellWord) {
        self.blocks.give_all(Name::of(number, word));
        self.blocks.give_all(Name::of_response(number, word));
    }

    /// Returns the word of a claim with a dead caller. The claim does not come back, unless the request outlives its
    /// caller.
    fn uncalled(&self, cell: &Cell, word: CellWord) -> CellWord {
        if Wishes(cell.wishes.load(Relaxed)).is_outliving() { word.without_caller() } else { word.cancelled() }
    }

    /// Repairs a request that no process has taken, with a dead caller.
    fn repair_request(&self, number: usize, word: CellWord, owner: u32, members: &Members) -> Result<bool> {
        let cell = &self.cells[number];
        // Whatever changes these fields changes the word first.
        if !Wishes(cell.wishes.load(Relaxed)).is_outliving() {
            // A dead caller takes its request back, as a living one does.
            return Ok(cell.change(word, word.taken_back()));
        }
        match word.state() {
            // Its owner sees to the hint.
            _ if word.owner() != owner => Ok(cell.change(word, word.without_caller())),
            CellState::Ready => self.keep_message(number, word, word.ready(0, 0), members),
            _ => self.keep_delay(number, word, word.delayed(0, 0), members),
        }
    }

    /// Gives back the message of a process that died with a claim on it, or sets it aside (CL2, CL3).
    fn repair_claim(&self, number: usize, word: CellWord, owner: u32, members: &Members) -> Result<bool> {
        let cell = &self.cells[number];
        // CL7. Blocks of the message have the name of this life of the cell, and stay.
        self.blocks.give_all(Name::of_response(number, word));
        let wishes = Wishes(cell.wishes.load(Relaxed));
        // A process that called itself.
        let word = if word.caller() == owner {
            let uncalled = self.uncalled(cell, word);
            if !cell.change(word, uncalled) || uncalled.state() != CellState::Claimed {
                return Ok(true);
            }
            uncalled
        } else {
            word
        };
        // Before the word changes: afterwards the next attempt may end, and note that.
        self.note(number, word, DIED, members.member(owner - 1).pid);
        if wishes.is_exhausted(word.attempts().saturating_add(1)) {
            return self.change_to_aside(number, word, members);
        }
        self.keep_message(number, word, word.given_back(0), members)
    }

    /// Keeps a delayed message of a process that died: first it is seen to that receivers wake for it (DL1).
    fn keep_delay(&self, number: usize, word: CellWord, delayed: CellWord, members: &Members) -> Result<bool> {
        let cell = &self.cells[number];
        // DL1: in this order, so that the message is never without `earliest` and without a helper.
        self.show_delay(cell.due.load(Relaxed), members)?;
        Ok(cell.change(word, delayed))
    }

    /// Keeps the message of a process that died: it has a hint, or it is marked as returned first (ST5).
    fn keep_message(&self, number: usize, word: CellWord, ready: CellWord, members: &Members) -> Result<bool> {
        let (cell, hint) = (&self.cells[number], Hint::of(number, word));
        let lane = self.lane_of(cell.route.load(Relaxed).max(1));
        // The hint of a message that was claimed may be one that a receiver has met meanwhile, and is about to empty.
        let is_hint_enough = word.state() == CellState::Ready && word.attempts() == 0;
        if !(is_hint_enough && self.lane(lane).has(hint)) {
            self.mark_returned(number);
        }
        if !cell.change_seq_cst(word, ready) {
            return Ok(false);
        }
        self.notify_message(hint, lane, members).map(|()| true)
    }
}

impl Repair for Store {
    fn repair(&self, slot: u32, is_begun: bool, members: &Members) -> Result<()> {
        // The lock first: many processes may wait for it.
        self.blocks.lock.repair(slot, members)?;
        let index = slot as usize;
        let mut is_changed = is_begun;
        for (number, _) in self.touched_cells() {
            is_changed |= self.repair_cell(number, slot + 1, members)?;
        }
        self.reap_serves(index);
        [&self.receive, &self.space, &self.response].into_iter().for_each(|room| room.repair(slot));
        if self.reap_attachments(index) {
            self.receive.notify_all(members)?;
        }
        if !is_changed {
            return Ok(());
        }
        // FC2: a process that died between FREE and its bit has left a cell that senders pass over.
        self.show_free_cells();
        // SA1: it may have died right after it set a message aside.
        self.control.seldom.unbalanced.raise();
        self.space.notify_all(members)
    }
}
