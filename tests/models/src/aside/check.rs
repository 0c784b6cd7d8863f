//! What must hold.

use super::{Action, Aside, AsideState, At, Kind, MOST_CELLS, Process, SetAside};

impl AsideState {
    fn has_dead(&self) -> bool {
        self.processes.iter().any(|process: &Process| process.at == At::Dead)
    }
}

impl Aside {
    /// A1.
    pub(super) fn is_full_when_it_says_so(&self, state: &AsideState) -> bool {
        let idle = (0..self.processes).find(|index| state.processes[*index].at == At::Rest);
        let (Some(index), None) = (idle, state.lock) else { return true };
        if state.has_dead() {
            return true;
        }
        let mut alone = AsideState { operations: 1, ..state.clone() };
        self.apply(&mut alone, Action::Send(index));
        for _ in 0..8 * MOST_CELLS {
            if !self.can_step(&alone, index) {
                break;
            }
            let at = alone.processes[index].at;
            self.apply(&mut alone, Action::Step(index, at));
        }
        // A process that is stopped before it raises holds up its own cell.
        let is_late = |process: &&Process| matches!(process.at, At::SetAside(SetAside::Raise(_)));
        let late = alone.processes.iter().filter(is_late).count();
        let used = alone.count(self.cells(), Kind::Used) + late;
        matches!(alone.processes[index].at, At::Uses(_)) || used >= self.capacity
    }

    /// A2.
    pub(super) fn has_its_capacity(&self, state: &AsideState) -> bool {
        state.count(self.cells(), Kind::Used) + state.count(self.cells(), Kind::Free) <= self.capacity
    }

    /// A3.
    pub(super) fn lock_comes_free(&self, state: &AsideState) -> bool {
        let is_busy = |index: usize| self.can_step(state, index) || state.processes[index].at == At::Dead;
        state.lock.is_none() || (0..self.processes).any(is_busy)
    }

    /// A4.
    pub(super) fn blocks_are_there(&self, state: &AsideState) -> bool {
        state.cells[..self.cells()].iter().all(|cell| match (cell.kind, cell.owner) {
            (Kind::Used, _) | (Kind::Aside, None) => cell.has_blocks,
            (Kind::Aside, Some(owner)) => state.processes[owner].at != At::Rest,
            (Kind::Free | Kind::Spare, _) => !cell.has_blocks,
        })
    }
}
