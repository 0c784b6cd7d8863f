//! What must hold in each state.

use stateright::Model;

use super::{Action, At, Entry, Goal, Process, RwLock, RwLockState};

impl RwLockState {
    fn living(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter()
    }

    pub(super) fn excludes(&self) -> bool {
        let writers = self.living().filter(|process| process.at == At::Writing).count();
        let readers = self.living().filter(|process| process.at == At::Reading).count();
        writers == 0 || (writers == 1 && readers == 0)
    }

    pub(super) fn poison_is_exact(&self) -> bool {
        let names_dead = self.owner.is_some_and(|slot| self.is_dirty(slot));
        names_dead || self.poisoned == self.tainted
    }

    pub(super) fn two_read(&self) -> bool {
        self.living().filter(|process| process.at == At::Reading).count() == 2
    }

    pub(super) fn a_reader_is_called(&self) -> bool {
        self.places.iter().any(|place| place.entry == Entry::Called)
    }

    pub(super) fn a_look_overtakes(&self) -> bool {
        self.living().any(|process| process.at == At::Reading && process.buffer[0].is_some())
    }

    fn is_counted(&self, process: &Process) -> bool {
        process.slot.is_some_and(|slot| self.places[usize::from(slot)].count > 0)
    }

    /// Whether the lock, a count or a notification is with this process.
    fn is_with(&self, process: &Process) -> bool {
        let notifies = matches!(
            process.at,
            At::LookForWriter
                | At::ScanAsLeaver
                | At::CallWriter
                | At::PostWriter
                | At::LookAtFlag
                | At::Choose
                | At::PostAll
                | At::Mark
                | At::ClearFlag
        );
        notifies || process.helps.is_some() || self.is_counted(process) || self.owns(process)
    }

    fn has_sleeper(&self) -> bool {
        let waits = |process: &&Process| matches!(process.at, At::Sleep | At::SleepForReaders | At::Queue);
        self.living().filter(waits).any(|process| !process.is_stopped && process.goal != Goal::Nothing)
    }
}

impl RwLock {
    /// Whether no running process has a step of its own to take, and none could begin to read or write.
    fn is_quiet(&self, state: &RwLockState) -> bool {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        let is_step = |action: &Action| action.is_own_step() || matches!(action, Action::Drain(_));
        !actions.iter().any(is_step)
    }

    pub(super) fn is_stuck(&self, state: &RwLockState) -> bool {
        let has_stopped = state.living().any(|process| process.is_stopped);
        !has_stopped && state.has_sleeper() && self.is_quiet(state)
    }

    fn stopped_with_sleepers(&self, state: &RwLockState) -> bool {
        state.living().any(|process| process.is_stopped) && state.has_sleeper() && self.is_quiet(state)
    }

    pub(super) fn stops_detain(&self, state: &RwLockState) -> bool {
        let is_to_blame = |process: &Process| process.is_stopped && state.is_with(process);
        !self.stopped_with_sleepers(state) || state.living().any(is_to_blame)
    }

    pub(super) fn new_members_get_by(&self, state: &RwLockState) -> bool {
        if !self.stopped_with_sleepers(state) {
            return true;
        }
        let stopped = || state.living().filter(|process| process.is_stopped);
        let holds = |slot: u8| stopped().any(|process| process.slot == Some(slot));
        let is_counted_by_stopped = self.all().any(|slot| holds(slot) && state.places[usize::from(slot)].count > 0);
        let gate = state.owner.is_none_or(|slot| holds(slot) || state.is_dirty(slot) || is_counted_by_stopped);
        let counts = self.all().all(|slot| {
            let place = &state.places[usize::from(slot)];
            place.count == 0 || holds(slot) || state.is_dirty(slot)
        });
        // A writer that no process calls keeps the gate shut. Its notifier was stopped before its post.
        let notifies = stopped().any(|process| {
            matches!(process.at, At::LookForWriter | At::ScanAsLeaver | At::CallWriter | At::PostWriter)
        });
        (gate || notifies) && counts
    }
}
