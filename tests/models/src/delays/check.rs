//! What must hold.

use super::{
    At, Cell, CellState, Delays, DelaysState, Help, Process, Promote, Send, Set, Wait, bit,
    state::{Entry, Then},
};

/// More steps than any operation takes alone.
const MOST_STEPS: usize = 200;

impl DelaysState {
    /// Whether a process has a step to take for a message that others may wait for.
    fn is_with(&self, index: usize, number: u8) -> bool {
        let process: &Process = &self.processes[index];
        let delayed = self.word(number).state == CellState::Delayed;
        let is_called = match self.entries[index] {
            Entry::Called(Some(cell)) => cell == number,
            Entry::Called(None) => delayed,
            Entry::Awake | Entry::Announced => process.called_for == Some(number),
        };
        let tells_of = match process.at {
            At::Send(Send::Lower(cell) | Send::Call(cell, _) | Send::Push(cell)) => Some(cell),
            At::Notify(cell) | At::Promote(Promote::Push(cell)) | At::Wait(Wait::PassOn(cell)) => Some(cell),
            At::Help(Help::Lower(cell, _) | Help::Call(cell, ..)) => Some(cell),
            _ => None,
        };
        let is_over = matches!(process.at, At::Outside | At::Rest) || self.sleeps(index);
        tells_of == Some(number) || (is_called && !is_over)
    }

    /// Whether the process that has changed a word last has not reported it yet.
    fn is_between(&self, number: u8) -> bool {
        let owner = self.word(number).owner.map(usize::from);
        owner.is_some_and(|owner| match self.processes[owner].at {
            At::Send(Send::Lower(cell) | Send::Push(cell)) | At::Promote(Promote::Push(cell)) => cell == number,
            _ => false,
        })
    }
}

impl Delays {
    fn numbered<'a>(&self, state: &'a DelaysState) -> impl Iterator<Item = (u8, &'a Cell)> {
        (0..).zip(&state.cells).take(self.messages())
    }

    /// D1.
    pub(super) fn is_on_its_way(&self, state: &DelaysState) -> bool {
        if !(0..self.jobs.len()).any(|index| state.sleeps(index)) {
            return true;
        }
        let is_there = |cell: &Cell| match cell.word.state {
            CellState::Ready => true,
            CellState::Delayed => cell.due <= state.clock,
            _ => false,
        };
        let there = self.numbered(state).filter(|(_, cell)| is_there(cell));
        there.into_iter().all(|(number, _)| (0..self.jobs.len()).any(|index| state.is_with(index, number)))
    }

    /// D4.
    pub(super) fn earliest_is_true(&self, state: &DelaysState) -> bool {
        let delayed = self.numbered(state).filter(|(_, cell)| cell.word.state == CellState::Delayed);
        delayed.into_iter().all(|(number, cell)| {
            let is_dead = cell.word.owner.is_some_and(|owner| state.dirty & bit(owner) != 0);
            let is_told = state.earliest.time.is_some_and(|time| time <= cell.due);
            is_told || is_dead || state.is_between(number)
        })
    }

    /// D5.
    pub(super) fn all_is_found(&self, state: &DelaysState) -> bool {
        let waits = |cell: &Cell| matches!(cell.word.state, CellState::Ready | CellState::Delayed);
        let wanted = self.numbered(state).filter(|(number, cell)| waits(cell) && !state.is_between(*number));
        let wanted = wanted.fold(0, |set, (number, _)| set | bit(number));
        wanted == 0 || wanted & !self.drain(state) == 0
    }

    /// Returns what a new receiver finds when all times are there.
    fn drain(&self, state: &DelaysState) -> Set {
        let mut state = DelaysState { clock: u8::MAX, ..state.clone() };
        state.processes.push(Process::default());
        let index = state.processes.len() - 1;
        let mut at = At::Wait(Wait::Reap);
        for _ in 0..MOST_STEPS {
            at = match at {
                At::Wait(Wait::Announce | Wait::Bound) => break,
                At::Rest => At::Promote(Promote::Look),
                at => self.step(&mut state, index, at),
            };
        }
        state.received
    }

    /// D6.
    pub(super) fn none_is_held_up(&self, state: &DelaysState) -> bool {
        (0..self.jobs.len()).all(|index| self.gets_on(state, index))
    }

    fn gets_on(&self, state: &DelaysState, index: usize) -> bool {
        let mut at = state.processes[index].at;
        let is_between = |at: At| matches!(at, At::Outside | At::Rest | At::Wait(Wait::Sleep));
        if is_between(at) {
            return true;
        }
        let mut state = state.clone();
        for _ in 0..MOST_STEPS {
            at = self.step(&mut state, index, at);
            if is_between(at) {
                return true;
            }
        }
        false
    }

    pub(super) fn is_renamed_while_promoted(&self, state: &DelaysState) -> bool {
        state.processes.iter().any(|process| match process.at {
            At::Promote(Promote::Swap(cell, word)) => {
                let found = state.word(cell);
                found.state == CellState::Delayed && found != word && found.attempts == word.attempts
            }
            _ => false,
        })
    }

    pub(super) fn helper_notifies(&self, state: &DelaysState) -> bool {
        state.processes.iter().any(|process| matches!((process.at, process.then), (At::Notify(_), Then::Help(_))))
    }
}
