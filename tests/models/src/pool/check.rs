//! What must hold.

use super::{At, PERMITS, Pool, PoolState, Process, Reap, Wish};

impl PoolState {
    fn is_held(&self, permit: usize) -> bool {
        self.processes.iter().any(|process| process.holds[permit])
    }

    fn turnstile_is_held(&self) -> bool {
        self.processes.iter().any(|process| process.holds_turnstile)
    }

    pub(super) fn holders_are_alone(&self) -> bool {
        (0..PERMITS).all(|permit| {
            let mut holders = self.processes.iter().filter(|process| process.holds[permit]);
            holders.next().is_none_or(|only| self.permits[permit] == Some(only.member.slot)) && holders.next().is_none()
        })
    }

    pub(super) fn nothing_is_lost(&self) -> bool {
        let is_fine = |owner: Option<_>, is_held| owner.is_none_or(|owner| is_held || self.slots.is_dirty(owner));
        (0..PERMITS).all(|permit| is_fine(self.permits[permit], self.is_held(permit)))
            && is_fine(self.turnstile.owner, self.turnstile_is_held())
    }

    pub(super) fn one_holds_all(&self) -> bool {
        self.processes.iter().any(|process| process.at == At::Holding && process.holds == [true; PERMITS])
    }

    pub(super) fn a_reaper_has_freed(&self) -> bool {
        let posts = |process: &Process| matches!(process.at, At::Reap(Reap::Post(_)));
        self.processes.iter().any(|process| posts(process) && process.member.is_reaping())
    }

    /// Whether a process sleeps for this.
    fn sleeps(&self, at: At, wish: Wish) -> bool {
        self.processes.iter().any(|process| process.at == at && process.wish == wish)
    }
}

impl Pool {
    fn has_nothing_to_do(&self, state: &PoolState, process: &Process) -> bool {
        match process.at {
            At::Outside | At::Idle | At::Holding => true,
            At::Sleep | At::TurnSleep => !self.can_wake(state, process),
            _ => false,
        }
    }

    /// Whether no process has a step to take until one begins something new, or dies.
    pub(super) fn is_quiet(&self, state: &PoolState) -> bool {
        state.processes.iter().all(|process| self.has_nothing_to_do(state, process))
    }

    pub(super) fn is_served(&self, state: &PoolState) -> bool {
        let has_permit = (0..PERMITS).any(|permit| !state.is_held(permit));
        !(self.is_quiet(state) && has_permit && state.sleeps(At::Sleep, Wish::One))
    }

    pub(super) fn is_served_all(&self, state: &PoolState) -> bool {
        let has_all = (0..PERMITS).all(|permit| !state.is_held(permit));
        !(self.is_quiet(state) && has_all && state.sleeps(At::Sleep, Wish::All))
    }

    pub(super) fn turns(&self, state: &PoolState) -> bool {
        let is_free = !state.turnstile_is_held();
        !(self.is_quiet(state) && is_free && state.sleeps(At::TurnSleep, Wish::All))
    }
}
