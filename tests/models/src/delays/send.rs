//! Sending, delaying and notifying.

use super::{
    At, CellState, Delays, DelaysState, Job, Promote, Send, Word,
    state::{Earliest, Then},
};
use crate::members::Slot;

impl Delays {
    pub(super) fn begin_send(&self, state: &mut DelaysState, index: usize, job: Job) -> At {
        let number = self.own_message(index, state.processes[index].begun);
        let owner = Slot::try_from(index).ok();
        let has_caller = matches!(job, Job::RequestAt(_));
        state.cell(number).word = Word { state: CellState::Filling, owner, has_caller, attempts: 0 };
        At::Send(if job == Job::Send { Send::Ready(number) } else { Send::Due(number) })
    }

    pub(super) fn send(&self, state: &mut DelaysState, index: usize, step: Send) -> At {
        match step {
            Send::Due(cell) => {
                state.cell(cell).due = self.due(index, &state.processes[index]);
                At::Send(if self.rules.delayed_before_lower { Send::Delay(cell) } else { Send::Lower(cell) })
            }
            Send::Delay(cell) => {
                let word = state.word(cell);
                let is_attempt = word.state == CellState::Claimed && self.rules.attempts_grow;
                let attempts = word.attempts + u8::from(is_attempt);
                let cell_now = state.cell(cell);
                cell_now.word = Word { state: CellState::Delayed, attempts, ..word };
                cell_now.shown = false;
                if self.rules.delayed_before_lower { At::Send(Send::Lower(cell)) } else { self.sent(state, index) }
            }
            Send::Lower(cell) => {
                let due = state.cell(cell).due;
                let calls = self.lower(state, index, due);
                if calls { At::Send(Send::Call(cell, 0)) } else { self.lowered(state, index, cell) }
            }
            Send::Call(cell, slot) => {
                let is_called = state.call(usize::from(slot), None);
                match slot + 1 {
                    _ if is_called && !self.rules.calls_all => At::Send(Send::Clear(cell)),
                    next if usize::from(next) < self.jobs.len() => At::Send(Send::Call(cell, next)),
                    _ => At::Send(Send::Clear(cell)),
                }
            }
            Send::Clear(cell) => {
                self.clear(state, index);
                self.lowered(state, index, cell)
            }
            Send::Ready(cell) => {
                state.cell(cell).word.state = CellState::Ready;
                At::Send(Send::Push(cell))
            }
            Send::Push(cell) => {
                state.cell(cell).shown = true;
                At::Notify(cell)
            }
        }
    }

    /// Lowers `earliest`. Returns whether sleepers must be called.
    pub(super) fn lower(&self, state: &mut DelaysState, index: usize, due: u8) -> bool {
        let Earliest { time, version, uncalled } = state.earliest;
        let is_earlier = time.is_none_or(|time| due < time);
        let calls = is_earlier || (uncalled && self.rules.others_call_too);
        state.earliest = Earliest {
            time: Some(time.map_or(due, |time| time.min(due))),
            version: version + u8::from(self.rules.version_changes),
            uncalled: calls && self.rules.others_call_too,
        };
        state.processes[index].seen = state.earliest;
        calls && self.rules.calls_sleepers
    }

    /// Takes the mark away, if `earliest` is still what this process wrote.
    pub(super) fn clear(&self, state: &mut DelaysState, index: usize) {
        if state.earliest == state.processes[index].seen || !self.rules.clear_by_swap {
            state.earliest.uncalled = false;
        }
    }

    fn lowered(&self, state: &mut DelaysState, index: usize, cell: u8) -> At {
        if self.rules.delayed_before_lower { self.sent(state, index) } else { At::Send(Send::Delay(cell)) }
    }

    fn sent(&self, state: &mut DelaysState, index: usize) -> At {
        state.processes[index].held = None;
        At::Rest
    }

    /// Calls a waiter for a message: this one, or the first one that is ANNOUNCED.
    pub(super) fn notify(&self, state: &mut DelaysState, index: usize, cell: u8, slot: Option<Slot>) -> At {
        if state.word(cell).state == CellState::Ready {
            match slot {
                Some(slot) => _ = state.call(usize::from(slot), Some(cell)),
                None => _ = (0..self.jobs.len()).find(|slot| state.call(*slot, Some(cell))),
            }
        }
        match state.processes[index].then {
            Then::End => self.end(state, index),
            Then::Promote(cell) => At::Promote(Promote::Word(cell)),
            Then::Help(cell) => At::Help(super::Help::Cell(cell)),
        }
    }

    /// What a process does that has nothing more to tell.
    pub(super) fn end(&self, state: &DelaysState, index: usize) -> At {
        match state.processes[index].held {
            Some(cell) => At::Send(Send::Due(cell)),
            None => At::Rest,
        }
    }
}
