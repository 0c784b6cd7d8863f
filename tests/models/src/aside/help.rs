//! What becomes of what a dead process had.

use super::{Aside, AsideState, At, Cell, Help, Kind, Process};

impl Aside {
    pub(super) fn help(&self, state: &mut AsideState, index: usize, step: Help) -> At {
        let Process { helps: Some(dead), sets_aside, .. } = state.processes[index] else { return At::Rest };
        match step {
            Help::Lock => {
                if state.lock == Some(dead) && self.rules.lock_is_repaired {
                    state.lock = None;
                }
                At::Help(Help::Cell(0))
            }
            Help::Cell(cell) if cell == self.cells() => {
                At::Help(if self.rules.repair_raises { Help::Raise } else { Help::End })
            }
            Help::Cell(cell) => match state.cells[cell].kind {
                _ if state.cells[cell].owner != Some(dead) => At::Help(Help::Cell(cell + 1)),
                Kind::Used if sets_aside => At::Help(Help::Word(cell)),
                Kind::Aside if self.rules.drop_is_repaired => At::Help(Help::Blocks(cell)),
                Kind::Aside => At::Help(Help::Cell(cell + 1)),
                _ => {
                    state.cells[cell] = Cell::default();
                    At::Help(Help::Cell(cell + 1))
                }
            },
            Help::Word(cell) => {
                self.make_aside(state, cell);
                At::Help(Help::Cell(cell + 1))
            }
            Help::Blocks(cell) => {
                state.cells[cell].has_blocks = false;
                At::Help(Help::Spare(cell))
            }
            Help::Spare(cell) => {
                state.cells[cell] = Cell { kind: Kind::Spare, ..Cell::default() };
                At::Help(Help::Cell(cell + 1))
            }
            Help::Raise => {
                self.raise(state);
                At::Help(Help::End)
            }
            Help::End => {
                // It comes back as a new process.
                state.processes[dead] = Process::default();
                At::Rest
            }
        }
    }
}
