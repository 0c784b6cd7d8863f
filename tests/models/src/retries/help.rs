//! What becomes of the word of a dead caller, or of a dead claimer.

use super::{
    At, Await, CellState, Help, Retries, RetriesState, Word, bit,
    state::{CALLER, Part},
};
use crate::members::Slot;

impl Retries {
    /// The kernel posts the doorbell of the caller.
    pub(super) fn die(&self, state: &mut RetriesState, index: usize) -> At {
        let slot = Slot::try_from(index).unwrap_or(Slot::MAX);
        state.deaths -= 1;
        state.dirty |= bit(slot);
        state.posted |= self.rules.obituary_posts && slot != CALLER;
        if slot == CALLER {
            (state.announced, state.posted) = (false, false);
            // What it has sent may go with it.
            state.ended |= state.word.names(CALLER) && !self.outlives;
        }
        At::Outside
    }

    pub(super) fn help(&self, state: &mut RetriesState, index: usize, step: Help) -> At {
        let Some(slot) = state.processes[index].helps else { return At::Rest };
        match step {
            Help::Look if !state.word.names(slot) => {
                state.dirty &= !bit(slot);
                state.processes[index].helps = None;
                if index == usize::from(CALLER) { At::Await(Await::Reap) } else { At::Rest }
            }
            Help::Look => self.begin_help(state.word, slot),
            Help::Response(word) => {
                self.free_dead_response(state, word);
                match word.state {
                    CellState::Claimed => self.before_swap(word, slot),
                    _ => At::Help(Help::Request(word)),
                }
            }
            Help::Request(word) => {
                state.free_blocks(word.generation, Part::Request);
                At::Help(Help::Swap(word))
            }
            Help::Mark(word) => {
                state.returned = true;
                At::Help(if self.rules.mark_before_ready { Help::Swap(word) } else { Help::Look })
            }
            Help::Swap(word) => self.change(state, word, slot),
            Help::Call => {
                state.call();
                At::Help(Help::Look)
            }
        }
    }

    fn begin_help(&self, word: Word, slot: Slot) -> At {
        let is_owner = word.owner == Some(slot);
        match word.state {
            CellState::Claimed if is_owner && self.rules.helper_frees_response => At::Help(Help::Response(word)),
            CellState::Claimed if is_owner => self.before_swap(word, slot),
            CellState::Held if is_owner && !self.rules.held_frees_response => At::Help(Help::Request(word)),
            CellState::Held if is_owner => At::Help(Help::Response(word)),
            CellState::Filling => At::Help(Help::Request(word)),
            CellState::Answered | CellState::Lost => At::Help(Help::Response(word)),
            _ => self.before_swap(word, slot),
        }
    }

    /// A request is marked before it is READY.
    fn before_swap(&self, word: Word, slot: Slot) -> At {
        let to = self.repaired(word, slot);
        let comes_back = to.state == CellState::Ready && to.owner.is_none();
        At::Help(if comes_back && self.rules.mark_before_ready { Help::Mark(word) } else { Help::Swap(word) })
    }

    fn free_dead_response(&self, state: &mut RetriesState, word: Word) {
        let part = match (word.state, state.response) {
            (CellState::Answered | CellState::Lost, Some(response)) => response.part,
            (CellState::Answered | CellState::Lost, None) => return,
            _ => self.part(word),
        };
        state.free_blocks(word.generation, part);
    }

    /// What becomes of a word that names a dead slot.
    fn repaired(&self, word: Word, slot: Slot) -> Word {
        let is_owner = word.owner == Some(slot);
        match word.state {
            CellState::Ready | CellState::Delayed if word.caller == Some(slot) && !self.outlives => {
                self.taken_back(word)
            }
            CellState::Ready | CellState::Delayed => Word {
                owner: word.owner.filter(|_| !is_owner),
                caller: word.caller.filter(|caller| *caller != slot),
                ..word
            },
            CellState::Claimed if is_owner => self.returned(word, None),
            CellState::Claimed if self.outlives && self.rules.outlives_is_kept => word.without_caller(),
            CellState::Claimed => word.with(CellState::Held, word.owner).without_caller(),
            CellState::Held if !is_owner => word.without_caller(),
            CellState::Held if word.caller.is_some() => word.with(CellState::Lost, None),
            CellState::Aside => word.without_caller(),
            _ => word.free(),
        }
    }

    fn change(&self, state: &mut RetriesState, word: Word, slot: Slot) -> At {
        let to = self.repaired(word, slot);
        if self.rules.help_by_swap && !state.swap(word, to) {
            return At::Help(Help::Look);
        }
        state.word = to;
        let ends = matches!(to.state, CellState::Lost | CellState::Aside) && word.state != to.state;
        match to.state {
            CellState::Free => state.account_for_end(),
            CellState::Lost => state.faults.lost |= !state.ended,
            CellState::Ready if to.owner.is_none() && !self.rules.mark_before_ready => {
                return At::Help(Help::Mark(to));
            }
            _ => {}
        }
        let calls = ends && to.caller.is_some() && self.rules.helper_calls;
        At::Help(if calls { Help::Call } else { Help::Look })
    }
}
