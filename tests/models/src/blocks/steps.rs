//! The steps of senders, receivers and helpers.

use super::{At, Blocks, BlocksState, Name, Process, State, Word, bit};

impl Blocks {
    pub(super) fn step(&self, state: &mut BlocksState, index: usize, at: At) -> At {
        match at {
            At::Rest | At::Dead => at,
            At::Lock => self.lock(state, index),
            At::Take(block) => self.take(state, index, block),
            At::GiveBack(block) => self.give_back(state, index, block),
            At::Unlock => self.unlock(state, index),
            At::Write => self.write(state, index),
            At::Ready => {
                let Process { cell, word, .. } = state.processes[index];
                state.swap(cell, word, State::Ready);
                At::Rest
            }
            At::Read => self.read(state, index),
            At::Give(block) => self.give(state, index, block),
            At::Free => self.free(state, index),
            At::HelpLock(dead) => {
                if state.lock == Some(dead) && self.rules.lock_is_repaired {
                    state.lock = None;
                }
                At::HelpCell(dead, 0)
            }
            At::HelpCell(dead, cell) => self.help_cell(state, dead, cell),
            At::HelpGive(dead, cell, word, block) => self.help_give(state, (dead, cell, word), block),
            At::HelpFree(dead, cell, word) => {
                state.swap(cell, word, State::Free);
                if self.rules.helper_gives_first { At::HelpCell(dead, cell) } else { At::HelpGive(dead, cell, word, 0) }
            }
        }
    }

    fn lock(&self, state: &mut BlocksState, index: usize) -> At {
        if self.rules.taken_under_lock {
            if state.lock.is_some() {
                return At::Lock;
            }
            state.lock = Some(index);
        }
        At::Take(0)
    }

    fn take(&self, state: &mut BlocksState, index: usize, block: usize) -> At {
        let Process { cell, word, .. } = state.processes[index];
        if state.blocks[block].owner.is_none() {
            state.blocks[block].owner = Some(self.name(cell, word));
            state.processes[index].blocks |= bit(block);
        }
        let has_enough = state.processes[index].blocks.count_ones() as usize == self.needed;
        match block + 1 < self.blocks {
            _ if has_enough => At::Unlock,
            true => At::Take(block + 1),
            false if self.rules.gives_back => At::GiveBack(0),
            false => At::Unlock,
        }
    }

    fn give_back(&self, state: &mut BlocksState, index: usize, block: usize) -> At {
        if state.processes[index].blocks & bit(block) != 0 {
            state.blocks[block].owner = None;
        }
        state.processes[index].blocks &= !bit(block);
        if block + 1 < self.blocks { At::GiveBack(block + 1) } else { At::Unlock }
    }

    fn unlock(&self, state: &mut BlocksState, index: usize) -> At {
        if self.rules.taken_under_lock {
            state.lock = None;
        }
        let has_enough = state.processes[index].blocks.count_ones() as usize == self.needed;
        if has_enough { At::Write } else { At::Free }
    }

    fn write(&self, state: &mut BlocksState, index: usize) -> At {
        let Process { cell, word, blocks, .. } = state.processes[index];
        for block in (0..self.blocks).filter(|block| blocks & bit(*block) != 0) {
            state.blocks[block].bytes_of = Some(Name { cell, generation: word.generation });
        }
        state.cells[cell].chain = blocks;
        At::Ready
    }

    fn read(&self, state: &mut BlocksState, index: usize) -> At {
        let Process { cell, word, .. } = state.processes[index];
        let (owner, bytes_of) = (Some(self.name(cell, word)), Some(Name { cell, generation: word.generation }));
        let chain = state.cells[cell].chain;
        let is_its = |block: usize| state.blocks[block].owner == owner && state.blocks[block].bytes_of == bytes_of;
        let all_are = (0..self.blocks).filter(|block| chain & bit(*block) != 0).all(is_its);
        state.is_corrupt |= !all_are;
        state.processes[index].blocks = chain;
        if self.rules.owner_gives_first { At::Give(0) } else { At::Free }
    }

    fn give(&self, state: &mut BlocksState, index: usize, block: usize) -> At {
        if state.processes[index].blocks & bit(block) != 0 {
            state.blocks[block].owner = None;
        }
        match block + 1 < self.blocks {
            true => At::Give(block + 1),
            false if self.rules.owner_gives_first => At::Free,
            false => At::Rest,
        }
    }

    fn free(&self, state: &mut BlocksState, index: usize) -> At {
        let Process { cell, word, reads, .. } = state.processes[index];
        state.swap(cell, word, State::Free);
        if reads && !self.rules.owner_gives_first { At::Give(0) } else { At::Rest }
    }

    fn help_cell(&self, state: &mut BlocksState, dead: usize, cell: usize) -> At {
        if cell == self.cells {
            state.repaired |= bit(dead);
            return At::Rest;
        }
        let word = state.cells[cell].word;
        match (word.owner() == Some(dead), self.rules.helper_gives_first) {
            (false, _) => At::HelpCell(dead, cell + 1),
            (true, true) => At::HelpGive(dead, cell, word, 0),
            (true, false) => At::HelpFree(dead, cell, word),
        }
    }

    fn help_give(&self, state: &mut BlocksState, (dead, cell, word): (usize, usize, Word), block: usize) -> At {
        let found = &mut state.blocks[block];
        let is_of_chain = state.cells[cell].chain & bit(block) != 0;
        let is_looked_at = is_of_chain || self.rules.helper_gives_all;
        let is_its = found.owner == Some(self.name(cell, word));
        if is_looked_at && (is_its || (!self.rules.helper_swaps && is_of_chain)) {
            found.owner = None;
        }
        match block + 1 < self.blocks {
            true => At::HelpGive(dead, cell, word, block + 1),
            false if self.rules.helper_gives_first => At::HelpFree(dead, cell, word),
            false => At::HelpCell(dead, cell),
        }
    }
}
