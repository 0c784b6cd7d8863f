//! What must hold in each state.

use std::ops::Range;

use super::{Action, At, Mutex, MutexState, NO_SLOT, Process, Slot};

/// The most steps that a new member takes until it holds the lock, or until it has unlocked.
const MOST_STEPS: usize = 200;

impl MutexState {
    pub(super) fn is_alive(&self, slot: Slot) -> bool {
        self.processes.iter().any(|process| process.slot == slot)
    }

    pub(super) fn is_helped(&self, slot: Slot) -> bool {
        self.processes.iter().any(|process| process.helped == slot)
    }

    /// Dead and dirty: any process may help.
    pub(super) fn is_dirty(&self, slot: Slot) -> bool {
        self.used[usize::from(slot)] && !self.is_alive(slot)
    }

    pub(super) fn is_offered_to_another(&self, process: &Process) -> bool {
        self.word.offered && self.word.owner != process.slot
    }

    fn has_nothing_to_do(&self, process: &Process) -> bool {
        match process.at {
            At::Outside | At::Idle => true,
            At::Sleep => !process.watches && self.bells[usize::from(process.slot)] == 0,
            _ => process.stopped,
        }
    }

    /// Whether no running process has a step to take.
    fn is_quiet(&self) -> bool {
        self.processes.iter().all(|process| process.stopped || self.has_nothing_to_do(process))
    }

    fn sleepers(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.at == At::Sleep && !process.stopped)
    }

    fn stopped(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.stopped)
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.stopped().next().is_none() && self.sleepers().next().is_some() && self.is_quiet()
    }

    pub(super) fn excludes(&self) -> bool {
        let mut holders = self.processes.iter().filter(|process| process.holds());
        let first = holders.next();
        holders.next().is_none() && first.is_none_or(|holder| self.word.owner == holder.slot)
    }

    pub(super) fn poison_is_exact(&self) -> bool {
        let Self { word, processes, .. } = self;
        let is_settled = word.owner == NO_SLOT || word.offered || processes.iter().any(Process::holds);
        !is_settled || word.poisoned == self.tainted
    }

    pub(super) fn members_are_marked(&self) -> bool {
        self.processes.iter().all(|process| !process.is_member() || self.used[usize::from(process.slot)])
    }

    /// Whether the lock, or the call for it, is with this process.
    fn is_with(&self, process: &Process) -> bool {
        let is_named = process.slot != NO_SLOT && self.word.owner == process.slot;
        let is_called = process.is_member() && self.entries[usize::from(process.slot)].is_called();
        let hands_on = matches!(
            process.at,
            At::Scan
                | At::Call
                | At::Post
                | At::Retract
                | At::PostOther
                | At::MarkOther
                | At::FreeUnlessWaited
                | At::Release
        );
        process.holds() || is_named || is_called || process.called || hands_on
    }

    pub(super) fn stops_detain(&self) -> bool {
        let is_excused = self.stopped().next().is_none()
            || self.sleepers().next().is_none()
            || self.stopped().any(|process| self.is_with(process));
        is_excused || !self.is_quiet()
    }
}

impl MutexState {
    /// Makes a process from outside an idle member of a clean slot. Returns whether there are both.
    fn settle_outsider(&mut self, slots: Range<Slot>) -> bool {
        let outsider = self.processes.iter().position(|process| process.at == At::Outside);
        let is_clean = |slot: &Slot| !self.used[usize::from(*slot)] && !self.is_helped(*slot);
        let clean = slots.into_iter().find(is_clean);
        if let (Some(index), Some(slot)) = (outsider, clean) {
            self.used[usize::from(slot)] = true;
            self.processes[index] = Process::idle(slot, true);
        }
        outsider.is_some() && clean.is_some()
    }
}

impl Mutex {
    pub(super) fn new_members_get_by(&self, state: &MutexState) -> bool {
        if state.stopped().next().is_none() || state.stopped().any(Process::holds) || !state.is_quiet() {
            return true;
        }
        let mut state = state.clone();
        if !state.processes.iter().any(Process::is_idle) && !state.settle_outsider(self.all()) {
            return true;
        }
        [false, true].into_iter().all(|offers| self.gets_by(&state, offers))
    }

    /// Lets an idle process lock and unlock, once more than there are stopped processes.
    fn gets_by(&self, state: &MutexState, offers: bool) -> bool {
        let mut state = state.clone();
        (state.locks, state.stops, state.deaths, state.timeouts) = (super::FOR_EVER, 0, 0, 0);
        let sleeps = state.sleepers().next().is_some();
        let rounds = state.stopped().count() + 1;
        for _ in 0..rounds {
            if !self.lock_and_unlock(&mut state, offers) {
                return false;
            }
            if state.sleepers().any(|process| state.bells[usize::from(process.slot)] > 0) {
                return true;
            }
        }
        !sleeps
    }

    fn lock_and_unlock(&self, state: &mut MutexState, offers: bool) -> bool {
        let Some(slot) = state.processes.iter().find(|process| process.is_idle()) else {
            return false;
        };
        // Slots are not renamed meanwhile.
        let slot = slot.slot;
        let index = |state: &MutexState| state.processes.iter().position(|process| process.slot == slot);
        for count in 0..MOST_STEPS {
            let Some(index) = index(state) else { return false };
            if count > 0 && state.processes[index].at == At::Idle {
                return true;
            }
            let mut actions = Vec::new();
            self.moves(state, index, &mut actions);
            let is_wanted = |action: &Action| match action {
                Action::Wait(_) | Action::Expire(..) => true,
                Action::Offer(_) => offers,
                Action::Free(_) => !offers,
                Action::Mend(_) | Action::TimeOut(..) | Action::Take(_) => false,
                _ => true,
            };
            actions.retain(is_wanted);
            let expires = actions.iter().copied().find(|action| matches!(action, Action::Expire(..)));
            let Some(action) = expires.or(actions.first().copied()) else { return false };
            state.processes[index].at = self.apply(state, index, action);
            state.processes[index].forget();
        }
        false
    }
}
