//! New members, the dead, and the helpers that repair what the dead leave behind.

use super::{At, CellState, Help, Hint, Member, Store, StoreState, Word, bit};
use crate::members::Slot;

impl Store {
    /// The semop with which a new member enters a slot as its only helper.
    pub(super) fn enter(&self, state: &mut StoreState, index: usize, slot: Slot) -> At {
        let process = &mut state.processes[index];
        (process.helps, process.is_joining) = (Some(slot), true);
        state.slot(slot).helpers += u8::from(self.rules.helpers_are_counted);
        if self.rules.new_member_repairs { self.begin_repair() } else { At::Member(Member::Claim(slot)) }
    }

    pub(super) fn join(&self, state: &mut StoreState, index: usize, step: Member) -> At {
        match step {
            Member::Claim(slot) => {
                let own = u8::from(self.rules.helpers_are_counted);
                let place = state.slot(slot);
                if place.is_alive || place.helpers != own {
                    return At::Help(Help::Exit);
                }
                (place.is_alive, place.helpers) = (true, 0);
                let process = &mut state.processes[index];
                (process.slot, process.helps, process.since) = (Some(slot), None, process.begun);
                At::Member(Member::MarkUsed)
            }
            Member::MarkUsed => {
                if let Some(slot) = state.processes[index].slot {
                    state.slot(slot).is_used = true;
                }
                At::Rest
            }
        }
    }

    /// Clears what the process holds of ALIVE and HELPERS: its undo account.
    pub(super) fn die(&self, state: &mut StoreState, index: usize) -> At {
        let process = state.processes[index];
        let is_counted = self.rules.helpers_are_counted && process.at != At::Help(Help::Enter);
        if let Some(slot) = process.helps.filter(|_| is_counted) {
            state.slot(slot).helpers -= 1;
        }
        if let Some(slot) = process.slot {
            state.slot(slot).is_alive = false;
        }
        state.deaths -= 1;
        At::Outside
    }

    fn begin_repair(&self) -> At {
        At::Help(if self.rules.used_is_last { Help::Cell(0) } else { Help::Unused })
    }

    pub(super) fn help(&self, state: &mut StoreState, index: usize, step: Help) -> At {
        let Some(slot) = state.processes[index].helps else { return At::Rest };
        match step {
            Help::Enter if state.is_alive(slot) => self.helped(state, index),
            Help::Enter => {
                state.slot(slot).helpers += u8::from(self.rules.helpers_are_counted);
                self.begin_repair()
            }
            Help::Cell(cell) if usize::from(cell) == self.cells => {
                if self.rules.helper_shows_cells {
                    At::Help(Help::Show(0))
                } else {
                    self.repaired(state, index)
                }
            }
            Help::Cell(cell) => {
                let word = state.word(cell);
                if word.names(slot) { self.repair(cell, word, slot) } else { At::Help(Help::Cell(cell + 1)) }
            }
            Help::Has(cell, word) => {
                let hint = Hint { cell, generation: word.generation };
                let lane = usize::from(self.lane_of(state.cells[usize::from(cell)].route.max(1)));
                let has = state.lanes[lane].places.iter().any(|place| place.hint == Some(hint));
                let kept = Help::Change(cell, word, self.kept(word));
                let was_claimed = word.state == CellState::Claimed || word.attempts > 0;
                let marks = self.rules.kept_is_marked && (!has || (was_claimed && self.rules.marked_despite_hint));
                match (marks, self.rules.mark_before_keeping) {
                    (true, true) => self.keep(state, index, cell, word),
                    _ => At::Help(kept),
                }
            }
            Help::Change(cell, from, to) => self.change(state, index, cell, from, to),
            Help::Clear(cell) => {
                state.returned &= !bit(cell);
                At::Help(Help::Cell(cell))
            }
            Help::Show(cell) => {
                if state.word(cell).state == CellState::Free {
                    state.taken &= !bit(cell);
                }
                let is_last = usize::from(cell) + 1 == self.cells;
                if is_last { self.repaired(state, index) } else { At::Help(Help::Show(cell + 1)) }
            }
            Help::Unused => {
                state.slot(slot).is_used = false;
                if self.rules.used_is_last { self.end(state, index) } else { At::Help(Help::Cell(0)) }
            }
            Help::Exit => {
                let place = state.slot(slot);
                place.helpers -= u8::from(self.rules.helpers_are_counted);
                self.helped(state, index)
            }
        }
    }

    /// What becomes of a word that names a dead slot.
    fn repair(&self, cell: u8, word: Word, slot: Slot) -> At {
        let is_caller = word.caller == Some(slot);
        let next = Help::Cell(cell + 1);
        let to = match word.state {
            CellState::Ready if is_caller && !self.rules.caller_is_detached => return At::Help(next),
            CellState::Ready if is_caller => Word { caller: None, ..word.with(CellState::Filling, word.caller) },
            CellState::Claimed if !self.rules.claims_come_back => word.free(),
            CellState::Ready | CellState::Claimed => return At::Help(Help::Has(cell, word)),
            CellState::Held if is_caller && word.owner != Some(slot) => {
                if !self.rules.caller_is_detached {
                    return At::Help(next);
                }
                word.without_caller()
            }
            CellState::Held if word.caller.is_some() && !is_caller && self.rules.lost_for_caller => {
                word.with(CellState::Lost, None)
            }
            _ => word.free(),
        };
        At::Help(Help::Change(cell, word, to))
    }

    fn change(&self, state: &mut StoreState, index: usize, cell: u8, from: Word, to: Word) -> At {
        let is_changed = if self.rules.repair_by_swap {
            state.swap(cell, from, to)
        } else {
            state.cell(cell).word = to;
            true
        };
        let message = bit(state.cells[usize::from(cell)].message);
        match (is_changed, from.state, to.state) {
            (true, CellState::Ready | CellState::Claimed, CellState::Ready) => {
                state.shown |= message;
                if from.state == CellState::Claimed {
                    (state.waiting, state.claimed) = (state.waiting | message, state.claimed & !message);
                    state.processes.iter_mut().for_each(|process| process.came_back |= message);
                }
                if self.rules.kept_is_marked && !self.rules.mark_before_keeping {
                    return self.keep(state, index, cell, to);
                }
            }
            // A request without a caller.
            (true, CellState::Ready, _) => state.waiting &= !message,
            (true, _, CellState::Free) if !self.rules.helpers_leave_bits => return At::Help(Help::Clear(cell)),
            _ => {}
        }
        At::Help(Help::Cell(cell))
    }

    /// Marks a message of a dead sender as returned.
    fn keep(&self, state: &mut StoreState, index: usize, cell: u8, word: Word) -> At {
        state.processes[index].kept = word;
        self.begin_mark(cell)
    }

    fn repaired(&self, state: &StoreState, index: usize) -> At {
        if self.rules.used_is_last { At::Help(Help::Unused) } else { self.end(state, index) }
    }

    /// The slot is repaired.
    fn end(&self, state: &StoreState, index: usize) -> At {
        let process = &state.processes[index];
        match process.helps {
            Some(slot) if process.is_joining => At::Member(Member::Claim(slot)),
            _ => At::Help(Help::Exit),
        }
    }

    fn helped(&self, state: &mut StoreState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.helps = None;
        match (std::mem::take(&mut process.is_joining), process.held) {
            (true, _) => At::Outside,
            (false, Some(_)) => At::Await,
            (false, None) => At::Rest,
        }
    }
}
