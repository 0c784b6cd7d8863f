//! What becomes of the words of a dead member (R-reap). Any number of helpers do it at once, by compare-and-swap.

use super::{
    Store,
    blocks::Name,
    cell::MOST_CHANGES,
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
            // A dead caller takes its request back, as a living one does.
            CellState::Ready if is_caller => Ok(cell.change(word, word.taken_back())),
            CellState::Ready => self.keep_message(number, word, word.ready(0, word.caller()), members),
            // CL2. Blocks have the name of this life of the cell, and stay.
            CellState::Claimed => self.keep_message(number, word, word.given_back(0), members),
            CellState::Held if is_caller && word.owner() != owner => Ok(cell.change(word, word.without_caller())),
            CellState::Held if word.caller() != 0 && !is_caller => {
                self.blocks.give_all(Name::of(number, word));
                if !cell.change_seq_cst(word, word.lost()) {
                    return Ok(false);
                }
                self.call_caller(number, word.lost(), members).map(|()| true)
            }
            CellState::Filling | CellState::Held | CellState::Answered | CellState::Lost => {
                self.blocks.give_all(Name::of(number, word));
                Ok(cell.change(word, word.free()))
            }
            // No state of the protocol's: it says FREE from now on.
            CellState::Free | CellState::Unknown => Ok(cell.change(word, word.free())),
        }
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
        self.show_free_cells();
        self.space.notify_all(members)
    }
}
