//! Setting aside, balancing, retrying and dropping.

use super::{Aside, AsideState, At, Balance, Cell, Kind, Remove, SetAside};

impl Aside {
    pub(super) fn raise(&self, state: &mut AsideState) {
        let counted = if self.rules.raise_counts { state.unbalanced + 2 } else { state.unbalanced };
        state.unbalanced = counted | 1;
    }

    pub(super) fn begin_set_aside(&self, cell: usize) -> At {
        At::SetAside(match (self.rules.aside_before_spare, self.rules.raised_after_aside) {
            (true, false) => SetAside::Raise(cell),
            (true, true) => SetAside::Word(cell),
            (false, _) => SetAside::Early(cell),
        })
    }

    pub(super) fn make_aside(&self, state: &mut AsideState, cell: usize) {
        state.turn += 1;
        let (turn, has_caller) = (state.turn, self.callers);
        state.cells[cell] = Cell { kind: Kind::Aside, turn, has_caller, owner: None, ..state.cells[cell] };
    }

    pub(super) fn set_aside(&self, state: &mut AsideState, step: SetAside) -> At {
        match step {
            SetAside::Raise(cell) => {
                self.raise(state);
                if self.rules.raised_after_aside {
                    At::Balance(Balance::Lock)
                } else {
                    At::SetAside(SetAside::Word(cell))
                }
            }
            SetAside::Early(cell) => {
                if let Some(spare) = state.find(self.cells(), Kind::Spare) {
                    state.cells[spare].kind = Kind::Free;
                }
                At::SetAside(SetAside::Word(cell))
            }
            SetAside::Word(cell) => {
                self.make_aside(state, cell);
                match (self.rules.aside_before_spare, self.rules.raised_after_aside) {
                    (false, _) => At::Rest,
                    (true, false) => At::Balance(Balance::Lock),
                    (true, true) => At::SetAside(SetAside::Raise(cell)),
                }
            }
        }
    }

    pub(super) fn is_lockable(&self, state: &AsideState, at: At) -> bool {
        let needs_lock = match at {
            At::Balance(Balance::Lock) => self.rules.balance_under_lock,
            At::Remove(Remove::Lock(..)) => self.rules.removed_under_lock,
            _ => false,
        };
        !needs_lock || state.lock.is_none()
    }

    pub(super) fn balance(&self, state: &mut AsideState, index: usize, step: Balance) -> At {
        let cells = self.cells();
        match step {
            Balance::Lock => {
                if self.rules.balance_under_lock {
                    state.lock = Some(index);
                }
                At::Balance(Balance::Read)
            }
            Balance::Read => {
                let seen = state.unbalanced;
                let process = &mut state.processes[index];
                process.seen = seen;
                let is_up = seen % 2 == 1;
                match (is_up, self.rules.read_before_count) {
                    (false, _) => At::Unlock,
                    (true, true) => {
                        process.counted = 0;
                        At::Balance(Balance::Count(0))
                    }
                    (true, false) => self.counted(state, index),
                }
            }
            Balance::Count(cell) if cell == cells && self.rules.read_before_count => self.counted(state, index),
            Balance::Count(cell) if cell == cells => At::Balance(Balance::Read),
            Balance::Count(cell) => {
                let counts = matches!(state.cells[cell].kind, Kind::Spare | Kind::Aside);
                state.processes[index].counted += usize::from(counts);
                At::Balance(Balance::Count(cell + 1))
            }
            Balance::Less => self.less(state, index),
            Balance::Own(cell, word) => self.own(state, index, (cell, word), true),
            Balance::Blocks(cell) => {
                state.cells[cell].has_blocks = false;
                if self.rules.own_before_blocks {
                    At::Balance(Balance::Free(cell))
                } else {
                    At::Balance(Balance::Own(cell, state.cells[cell]))
                }
            }
            Balance::Free(cell) => {
                state.cells[cell] = Cell::default();
                self.gave(state, index)
            }
            Balance::Lower => {
                if state.unbalanced == state.processes[index].seen || !self.rules.lower_by_swap {
                    state.unbalanced &= !1;
                }
                At::Unlock
            }
        }
    }

    fn counted(&self, state: &AsideState, index: usize) -> At {
        let is_too_much = state.processes[index].counted > self.quota;
        At::Balance(if is_too_much { Balance::Less } else { Balance::Lower })
    }

    fn gave(&self, state: &mut AsideState, index: usize) -> At {
        state.processes[index].counted -= 1;
        self.counted(state, index)
    }

    fn less(&self, state: &mut AsideState, index: usize) -> At {
        if let Some(spare) = state.find(self.cells(), Kind::Spare) {
            state.cells[spare].kind = Kind::Free;
            return self.gave(state, index);
        }
        let is_oldest = |cell: &&usize| state.cells[**cell].kind == Kind::Aside && self.is_removable(state, **cell);
        let cells: Vec<_> = (0..self.cells()).collect();
        let oldest = cells.iter().filter(is_oldest).min_by_key(|cell| state.cells[**cell].turn);
        match oldest.filter(|_| self.rules.oldest_is_dropped) {
            Some(cell) => self.begin_drop(state, *cell, true),
            // What a dead process drops is repaired first. `unbalanced` stays up, if something is there to be given then.
            None if self.rules.oldest_is_dropped => At::Unlock,
            None => At::Balance(Balance::Lower),
        }
    }

    pub(super) fn is_removable(&self, state: &AsideState, cell: usize) -> bool {
        state.cells[cell].owner.is_none() || !self.rules.owned_is_passed_over
    }

    fn begin_drop(&self, state: &AsideState, cell: usize, balances: bool) -> At {
        match (self.rules.own_before_blocks, balances) {
            (true, true) => At::Balance(Balance::Own(cell, state.cells[cell])),
            (true, false) => At::Remove(Remove::Own(cell, state.cells[cell])),
            (false, true) => At::Balance(Balance::Blocks(cell)),
            (false, false) => At::Remove(Remove::Blocks(cell)),
        }
    }

    /// ASIDE names the process that drops the message. The caller may have gone since the word was read.
    fn own(&self, state: &mut AsideState, index: usize, (cell, word): (usize, Cell), balances: bool) -> At {
        let is_owned = state.cells[cell] == word;
        if is_owned {
            state.cells[cell] = Cell { owner: Some(index), has_caller: false, ..word };
        }
        let has_blocks = state.cells[cell].has_blocks;
        match (is_owned, balances) {
            (true, true) if has_blocks => At::Balance(Balance::Blocks(cell)),
            (true, true) => At::Balance(Balance::Free(cell)),
            (true, false) if has_blocks => At::Remove(Remove::Blocks(cell)),
            (true, false) => At::Remove(Remove::Drop(cell)),
            (false, true) if self.rules.failed_looks_again => At::Balance(Balance::Less),
            (false, true) => self.gave(state, index),
            (false, false) => At::Remove(Remove::Own(cell, state.cells[cell])),
        }
    }

    pub(super) fn remove(&self, state: &mut AsideState, index: usize, step: Remove) -> At {
        match step {
            Remove::Lock(cell, retries) => {
                if self.rules.removed_under_lock {
                    state.lock = Some(index);
                }
                let is_there = state.cells[cell].kind == Kind::Aside && self.is_removable(state, cell);
                match (is_there, retries) {
                    (false, _) => At::Unlock,
                    (true, true) if !self.rules.spare_before_retry => {
                        At::Remove(Remove::Retry(cell, state.cells[cell]))
                    }
                    (true, true) => At::Remove(Remove::Spare(cell)),
                    (true, false) => self.begin_drop(state, cell, false),
                }
            }
            Remove::Spare(cell) => match state.find(self.cells(), Kind::Free) {
                Some(free) => {
                    state.cells[free].kind = Kind::Spare;
                    At::Remove(Remove::Retry(cell, state.cells[cell]))
                }
                // The channel is full.
                None => At::Unlock,
            },
            Remove::Retry(cell, word) => {
                let is_aside = state.cells[cell].kind == Kind::Aside;
                if state.cells[cell] == word && is_aside {
                    state.cells[cell] =
                        Cell { kind: Kind::Used, owner: Some(index), turn: 0, has_caller: false, ..word };
                    state.processes[index].cell = Some(cell);
                } else if is_aside && self.rules.failed_looks_again {
                    return At::Remove(Remove::Retry(cell, state.cells[cell]));
                }
                At::Unlock
            }
            Remove::Own(cell, _) if state.cells[cell].kind != Kind::Aside => At::Unlock,
            Remove::Own(cell, word) => self.own(state, index, (cell, word), false),
            Remove::Blocks(cell) => {
                state.cells[cell].has_blocks = false;
                let owned = self.rules.own_before_blocks;
                At::Remove(if owned { Remove::Drop(cell) } else { Remove::Own(cell, state.cells[cell]) })
            }
            Remove::Drop(cell) => {
                let kind = if self.rules.dropped_is_spare { Kind::Spare } else { Kind::Free };
                state.cells[cell] = Cell { kind, ..Cell::default() };
                At::Unlock
            }
        }
    }
}
