//! What must hold.

use super::{
    At, Await, CellState, Help, Process, Retries, RetriesState, bit,
    state::{CALLER, Part},
};
use crate::members::Slot;

impl RetriesState {
    fn is_dirty(&self, slot: Slot) -> bool {
        self.dirty & bit(slot) != 0
    }

    fn responses(&self) -> usize {
        self.blocks.iter().filter(|block| matches!(block.name, Some((_, Part::Response(_))))).count()
    }

    fn has_request_block(&self) -> bool {
        self.blocks.iter().any(|block| block.name == Some((self.word.generation, Part::Request)))
    }

    /// Whether a living process of this slot has this claim.
    fn has_claimed(&self, slot: Slot) -> bool {
        let process = &self.processes[usize::from(slot)];
        let is_busy = !matches!(process.at, At::Rest | At::Outside);
        is_busy && process.held.generation == self.word.generation
    }
}

impl Retries {
    /// Q1.
    pub(super) fn is_whole(&self, state: &RetriesState) -> bool {
        let must_be =
            matches!(state.word.state, CellState::Ready | CellState::Delayed | CellState::Claimed | CellState::Aside);
        !must_be || (state.whole && (!self.long || state.has_request_block()))
    }

    /// Q2.
    pub(super) fn is_not_lost(state: &RetriesState) -> bool {
        let is_pushed = state.word.state != CellState::Ready || state.is_shown();
        let pushes = |owner: Slot| state.is_dirty(owner) || state.processes[usize::from(owner)].at == At::Push;
        !state.faults.lost && (is_pushed || state.word.owner.is_some_and(pushes))
    }

    /// Q4.
    pub(super) fn names_are_true(state: &RetriesState) -> bool {
        let is_true = |slot: Slot| state.is_dirty(slot) || state.has_claimed(slot);
        let owner_is_true = match (state.word.state, state.word.owner) {
            (CellState::Filling | CellState::Claimed | CellState::Held, owner) => owner.is_some_and(is_true),
            _ => true,
        };
        !state.faults.vanished && owner_is_true && state.word.caller.is_none_or(is_true)
    }

    /// Q5.
    pub(super) fn wakes(state: &RetriesState) -> bool {
        let caller: &Process = &state.processes[usize::from(CALLER)];
        let sleeps = caller.at == At::Await(Await::Sleep) && !state.posted;
        let ends = matches!(state.word.state, CellState::Answered | CellState::Lost | CellState::Aside);
        let waits = !ends && state.word.caller == Some(CALLER);
        let calls = |process: &Process| matches!(process.at, At::Call | At::Help(Help::Call));
        !sleeps || waits || state.processes.iter().any(calls)
    }

    /// Q7.
    pub(super) fn blocks_are_owned(state: &RetriesState) -> bool {
        let most = match state.word.state {
            CellState::Claimed | CellState::Held | CellState::Answered => 1,
            _ => 0,
        };
        let is_free = matches!(state.word.state, CellState::Free);
        let has_request = state.blocks.iter().any(|block| matches!(block.name, Some((_, Part::Request))));
        !state.faults.freed_twice && state.responses() <= most && !(is_free && has_request)
    }

    pub(super) fn helper_is_late(state: &RetriesState) -> bool {
        state.processes.iter().any(|process| match process.at {
            At::Help(Help::Response(word) | Help::Swap(word)) => {
                state.word.generation == word.generation
                    && state.word.state == CellState::Claimed
                    && state.word.owner != word.owner
            }
            _ => false,
        })
    }
}
