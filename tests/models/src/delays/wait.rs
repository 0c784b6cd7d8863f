//! Receiving and sleeping.

use super::{
    At, CellState, Delays, DelaysState, Help, Job, Promote, Wait, Word, bit,
    state::{Entry, Then},
};
use crate::members::Slot;

impl Delays {
    pub(super) fn wait(&self, state: &mut DelaysState, index: usize, step: Wait) -> At {
        match step {
            Wait::Lanes => match self.take(state, index) {
                true => At::Wait(Wait::Leave),
                false if state.entries[index] != Entry::Awake => self.announced(),
                false if self.rules.bound_after_announcement => At::Wait(Wait::Announce),
                false => At::Wait(Wait::Bound),
            },
            Wait::Announce => {
                state.entries[index] = Entry::Announced;
                At::Wait(Wait::Reap)
            }
            Wait::Reap => self.reap(state, index),
            Wait::Bound => {
                state.processes[index].bound = state.earliest.time.filter(|_| self.rules.sleep_is_bounded);
                At::Wait(if self.rules.bound_after_announcement { Wait::Sleep } else { Wait::Announce })
            }
            Wait::Sleep => {
                state.posts[index] = 0;
                At::Wait(Wait::Withdraw)
            }
            Wait::Withdraw => {
                withdraw(state, index);
                At::Promote(Promote::Look)
            }
            Wait::Leave => {
                withdraw(state, index);
                match state.processes[index].called_for.take() {
                    Some(cell) if self.rules.leaver_passes_on => At::Wait(Wait::PassOn(cell)),
                    _ => self.end(state, index),
                }
            }
            Wait::PassOn(cell) => {
                let Word { state: found, .. } = state.word(cell);
                state.processes[index].then = Then::End;
                if found == CellState::Ready { At::Notify(cell) } else { self.end(state, index) }
            }
        }
    }

    fn announced(&self) -> At {
        At::Wait(if self.rules.bound_after_announcement { Wait::Bound } else { Wait::Sleep })
    }

    fn reap(&self, state: &mut DelaysState, index: usize) -> At {
        match (0..8).find(|slot| state.dirty & bit(*slot) != 0) {
            Some(slot) => {
                state.processes[index].helps = Some(slot);
                At::Help(Help::Cell(0))
            }
            None => At::Promote(Promote::Look),
        }
    }

    /// Takes the first message that can be taken.
    fn take(&self, state: &mut DelaysState, index: usize) -> bool {
        let can_be_taken = |cell: &u8| {
            let cell = &state.cells[usize::from(*cell)];
            cell.word.state == CellState::Ready && cell.shown
        };
        let Some(cell) = (0..self.messages()).filter_map(|cell| u8::try_from(cell).ok()).find(can_be_taken) else {
            return false;
        };
        let claims = matches!(self.job(index, &state.processes[index]), Some(Job::Delay(_)));
        let word = state.word(cell);
        if claims {
            let owner = Slot::try_from(index).ok();
            state.cell(cell).word = Word { state: CellState::Claimed, owner, ..word };
            state.processes[index].held = Some(cell);
        } else {
            state.faults.twice |= state.received & bit(cell) != 0;
            state.received |= bit(cell);
            state.cell(cell).word = Word { state: CellState::Done, owner: None, has_caller: false, ..word };
        }
        true
    }
}

/// The entry becomes AWAKE.
fn withdraw(state: &mut DelaysState, index: usize) {
    let entry = std::mem::take(&mut state.entries[index]);
    let process = &mut state.processes[index];
    process.bound = None;
    if let Entry::Called(Some(cell)) = entry {
        process.called_for = Some(cell);
    }
}
