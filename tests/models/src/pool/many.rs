//! All permits or none.

use super::{At, PERMITS, Pool, PoolState, wait::take};

impl Pool {
    /// Counts the free permits. If there are enough, takes one after another, wherever it finds one.
    pub(super) fn take_all(&self, state: &mut PoolState, index: usize, at: At) -> At {
        match at {
            At::ManyLook(permit) if state.permits[permit].is_some() => self.short(state, index),
            At::ManyLook(permit) if permit + 1 < PERMITS => At::ManyLook(permit + 1),
            At::ManyLook(_) => At::ManyTake(0),
            At::ManyTake(permit) if take(state, index, permit) => {
                let has_all = state.processes[index].holds == [true; PERMITS];
                if has_all { At::TurnDrop } else { At::ManyTake(0) }
            }
            At::ManyTake(permit) if permit + 1 < PERMITS => At::ManyTake(permit + 1),
            _ => {
                let first = state.processes[index].first_held();
                first.map_or_else(|| self.short(state, index), At::Free)
            }
        }
    }
}
