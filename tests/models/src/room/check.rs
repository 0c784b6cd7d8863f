//! What must hold, and what must be reached.

use super::{At, Help, Notify, Place, Process, Room, RoomState, Wait, Word, bit};
use crate::members::Slot;

impl RoomState {
    fn has_step(&self, process: &Process) -> bool {
        match process.at {
            At::Outside | At::Rest => false,
            At::Wait(Wait::Sleep) => !self.sleeps(process),
            _ => true,
        }
    }

    fn word(&self, process: &Process) -> Word {
        process.slot.map_or(Word::Awake, |slot| self.places[usize::from(slot)].word)
    }

    /// Whether it was called, has taken its post, and has not acted, or made a thing available and has not notified.
    fn has_debt(&self, process: &Process) -> bool {
        let is_called = process.is_called || matches!(self.word(process), Word::Unposted | Word::Called);
        let is_waiting = matches!(process.at, At::Wait(_)) && process.is_woken;
        let is_taken = |slot: Slot| self.places[usize::from(slot)].posts == 0;
        let has_posted = match process.at {
            At::Notify(Notify::Mark(slot)) => is_taken(slot),
            At::Notify(Notify::Scan | Notify::Look | Notify::Call) => process.memory.last.is_some_and(is_taken),
            At::Notify(Notify::ClearFlag) => process.memory.unposted == 0,
            At::Notify(Notify::MarkOther(slot)) => process.memory.unposted == bit(slot),
            _ => false,
        };
        let is_notifying = matches!(process.at, At::Notify(_)) && !has_posted;
        (is_called && is_waiting) || is_notifying
    }

    fn has_sleeper(&self) -> bool {
        self.processes.iter().any(|process| self.sleeps(process))
    }

    pub(super) fn holders_are_alone(&self) -> bool {
        self.things.iter().enumerate().all(|(thing, owner)| {
            let mut holders = self.processes.iter().filter(|process| process.holds[thing]);
            holders.next().is_none_or(|only| *owner == only.slot) && holders.next().is_none()
        })
    }

    pub(super) fn nothing_is_lost(&self) -> bool {
        self.things.iter().enumerate().all(|(thing, owner)| {
            let is_held = self.processes.iter().any(|process| process.holds[thing]);
            owner.is_none_or(|slot| is_held || self.is_dirty(slot))
        })
    }

    pub(super) fn two_help(&self) -> bool {
        let repairs = |process: &&Process| matches!(process.at, At::Help(step) if step != Help::Enter);
        let mut helpers = self.processes.iter().filter(repairs).map(|process| process.helps);
        let first = helpers.next();
        first.is_some_and(|slot| helpers.any(|other| other == slot))
    }

    pub(super) fn is_called_early(&self) -> bool {
        let checks = |process: &Process| matches!(process.at, At::Wait(Wait::Check(_)));
        self.processes.iter().any(|process| checks(process) && self.word(process) == Word::Called)
    }

    pub(super) fn a_dead_waiter_is_called(&self) -> bool {
        self.places.iter().any(|place: &Place| !place.is_alive && place.word == Word::Called)
    }

    pub(super) fn another_posts(&self) -> bool {
        self.processes.iter().any(|process| matches!(process.at, At::Notify(Notify::MarkOther(_))))
    }

    pub(super) fn a_stop_delays(&self) -> bool {
        self.has_sleeper() && self.things[0].is_none()
    }
}

impl Room {
    fn available(&self, state: &RoomState) -> usize {
        let is_available = |owner: &&Option<Slot>| owner.is_none_or(|slot| !state.places[usize::from(slot)].is_alive);
        state.things[..self.things].iter().filter(is_available).count()
    }

    fn is_quiet(state: &RoomState) -> bool {
        !state.processes.iter().any(|process| state.has_step(process))
    }

    pub(super) fn is_quiet_with_sleeper(&self, state: &RoomState) -> bool {
        Self::is_quiet(state) && state.has_sleeper()
    }

    pub(super) fn is_served(&self, state: &RoomState) -> bool {
        !self.is_quiet_with_sleeper(state) || self.available(state) == 0
    }

    pub(super) fn stops_delay_one(&self, state: &RoomState) -> bool {
        let debts = state.processes.iter().filter(|process| state.has_step(process) && state.has_debt(process));
        !state.has_sleeper() || self.available(state) <= debts.count()
    }
}
