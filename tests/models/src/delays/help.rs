//! What becomes of the words of a dead process.

use super::{
    At, CellState, Delays, DelaysState, Help, Wait, Word, bit,
    state::{Entry, Then},
};

impl Delays {
    /// The kernel posts the doorbells.
    pub(super) fn die(&self, state: &mut DelaysState, index: usize) -> At {
        state.deaths -= 1;
        state.dirty |= bit(u8::try_from(index).unwrap_or(u8::MAX));
        if self.rules.obituary_posts {
            state.posts[..self.jobs.len()].fill(1);
        }
        At::Outside
    }

    pub(super) fn help(&self, state: &mut DelaysState, index: usize, step: Help) -> At {
        let Some(slot) = state.processes[index].helps else { return At::Rest };
        match step {
            Help::Cell(cell) if usize::from(cell) == self.messages() => {
                // The room repairs the entry.
                state.entries[usize::from(slot)] = Entry::Awake;
                state.dirty &= !bit(slot);
                At::Wait(Wait::Reap)
            }
            Help::Cell(cell) => {
                let word = state.word(cell);
                match word.state {
                    _ if word.owner != Some(slot) => At::Help(Help::Cell(cell + 1)),
                    CellState::Delayed if !self.rules.helper_lowers || !self.rules.helper_lowers_first => {
                        At::Help(Help::Swap(cell, word))
                    }
                    CellState::Delayed => At::Help(Help::Lower(cell, word)),
                    CellState::Ready | CellState::Claimed => At::Help(Help::Mark(cell, word)),
                    _ => At::Help(Help::Swap(cell, word)),
                }
            }
            Help::Lower(cell, word) => {
                let due = state.cell(cell).due;
                let calls = self.lower(state, index, due);
                if calls { At::Help(Help::Call(cell, word, 0)) } else { self.helped_lower(cell, word) }
            }
            Help::Call(cell, word, slot) => {
                state.call(usize::from(slot), None);
                let is_last = usize::from(slot) + 1 == self.jobs.len();
                At::Help(if is_last { Help::Clear(cell, word) } else { Help::Call(cell, word, slot + 1) })
            }
            Help::Clear(cell, word) => {
                self.clear(state, index);
                self.helped_lower(cell, word)
            }
            Help::Mark(cell, word) => {
                state.cell(cell).shown = true;
                At::Help(Help::Swap(cell, word))
            }
            Help::Swap(cell, word) => self.change(state, index, cell, word),
        }
    }

    fn helped_lower(&self, cell: u8, word: Word) -> At {
        At::Help(if self.rules.helper_lowers_first { Help::Swap(cell, word) } else { Help::Cell(cell + 1) })
    }

    /// Changes a word that names the dead process. The cell is looked at once more afterwards.
    fn change(&self, state: &mut DelaysState, index: usize, cell: u8, word: Word) -> At {
        let to = match word.state {
            CellState::Claimed => {
                let attempts = word.attempts + u8::from(self.rules.attempts_grow);
                Word { state: CellState::Ready, owner: None, attempts, ..word }
            }
            CellState::Ready | CellState::Delayed => Word { owner: None, ..word },
            _ => Word::default(),
        };
        let is_changed = state.swap(cell, word, to);
        match to.state {
            CellState::Ready if is_changed => {
                state.processes[index].then = Then::Help(cell);
                At::Notify(cell)
            }
            CellState::Delayed if is_changed && self.rules.helper_lowers && !self.rules.helper_lowers_first => {
                At::Help(Help::Lower(cell, to))
            }
            _ => At::Help(Help::Cell(cell)),
        }
    }
}
