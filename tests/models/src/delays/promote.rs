//! Promoting: a DELAYED message that is due becomes READY.

use super::{
    At, CellState, Delays, DelaysState, Promote, Wait, Word,
    state::{Earliest, Then},
};
use crate::members::Slot;

impl Delays {
    pub(super) fn promote(&self, state: &mut DelaysState, index: usize, step: Promote) -> At {
        match step {
            Promote::Look => {
                let (seen, now) = (state.earliest, state.clock);
                let process = &mut state.processes[index];
                (process.seen, process.now, process.left) = (seen, now, None);
                let is_passed = seen.time.is_some_and(|time| time <= now);
                if is_passed { At::Promote(Promote::Word(0)) } else { At::Wait(Wait::Lanes) }
            }
            Promote::Word(cell) if usize::from(cell) == self.messages() => At::Promote(Promote::Raise),
            Promote::Word(cell) if !self.rules.word_before_due => {
                state.processes[index].due = state.cell(cell).due;
                At::Promote(Promote::WordLast(cell))
            }
            Promote::Word(cell) => match state.word(cell) {
                word if word.state == CellState::Delayed => At::Promote(Promote::Due(cell, word)),
                _ => At::Promote(Promote::Word(cell + 1)),
            },
            Promote::Due(cell, word) => {
                let due = state.cell(cell).due;
                self.decide(state, index, (cell, word), due)
            }
            Promote::WordLast(cell) => match state.word(cell) {
                word if word.state == CellState::Delayed => {
                    let due = state.processes[index].due;
                    self.decide(state, index, (cell, word), due)
                }
                _ => At::Promote(Promote::Word(cell + 1)),
            },
            Promote::Swap(cell, word) => self.make_ready(state, index, cell, word),
            Promote::Push(cell) => {
                state.cell(cell).shown = true;
                state.processes[index].then = Then::Promote(cell + 1);
                At::Notify(cell)
            }
            Promote::Raise => {
                let Earliest { version, uncalled, .. } = state.earliest;
                if state.earliest == state.processes[index].seen || !self.rules.raise_by_swap {
                    let uncalled = uncalled && self.rules.raise_keeps_mark;
                    state.earliest = Earliest { time: state.processes[index].left, version, uncalled };
                }
                At::Wait(Wait::Lanes)
            }
        }
    }

    fn decide(&self, state: &mut DelaysState, index: usize, (cell, word): (u8, Word), due: u8) -> At {
        let process = &mut state.processes[index];
        if due <= process.now {
            return At::Promote(Promote::Swap(cell, word));
        }
        process.left = Some(process.left.map_or(due, |left| left.min(due)));
        At::Promote(Promote::Word(cell + 1))
    }

    fn make_ready(&self, state: &mut DelaysState, index: usize, cell: u8, word: Word) -> At {
        let owner = if self.rules.promoter_is_named { Slot::try_from(index).ok() } else { None };
        let ready = Word { state: CellState::Ready, owner, ..word };
        if !self.rules.promote_by_swap {
            state.cell(cell).word = ready;
        } else if !state.swap(cell, word, ready) {
            let next = if self.rules.failed_is_read_again { cell } else { cell + 1 };
            return At::Promote(Promote::Word(next));
        }
        state.cell(cell).shown = false;
        state.faults.early |= state.cell(cell).due > state.clock;
        At::Promote(Promote::Push(cell))
    }
}
