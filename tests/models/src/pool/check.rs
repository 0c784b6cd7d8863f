//! What must hold, and what must be reached.

use super::{After, At, Check, Hall, Notify, Pool, PoolState, Process, Wait, Word};
use crate::members::Slot;

impl PoolState {
    /// Whether no living process owns the slot. A new member has repaired it before it owns it.
    fn is_left_behind(&self, slot: Slot) -> bool {
        !self.places[usize::from(slot)].is_alive
    }

    fn is_available(&self, owner: Option<Slot>) -> bool {
        owner.is_none_or(|slot| self.is_left_behind(slot))
    }

    fn available(&self) -> u8 {
        self.permits.iter().fold(0, |count, owner| count + u8::from(self.is_available(*owner)))
    }

    pub(super) fn holders_are_alone(&self) -> bool {
        self.permits.iter().enumerate().all(|(permit, owner)| {
            let mut holders = self.processes.iter().filter(|process| process.has(permit));
            holders.next().is_none_or(|only| *owner == only.slot) && holders.next().is_none()
        })
    }

    pub(super) fn nothing_is_lost(&self) -> bool {
        let is_held = |permit: usize| self.processes.iter().any(|process| process.has(permit));
        let is_fine = |owner: Option<Slot>, is_held: bool| owner.is_none_or(|slot| is_held || self.is_dirty(slot));
        let permits = self.permits.iter().enumerate().all(|(permit, owner)| is_fine(*owner, is_held(permit)));
        permits && is_fine(self.turnstile, self.processes.iter().any(|process| process.turns))
    }

    pub(super) fn one_has_several(&self) -> bool {
        self.processes.iter().any(|process| process.at == At::Rest && process.is_many() && process.has_all())
    }

    pub(super) fn turnstile_is_found_taken(&self) -> bool {
        let tries = |process: &Process| process.at == At::Check(Check::Turn);
        self.turnstile.is_some() && self.processes.iter().any(tries)
    }
}

impl Pool {
    fn has_step(&self, state: &PoolState, process: &Process) -> bool {
        match process.at {
            At::Outside | At::Rest => false,
            At::Wait(Wait::Sleep) => !self.sleeps(state, process),
            _ => true,
        }
    }

    fn stopped<'a>(&'a self, state: &'a PoolState) -> impl Iterator<Item = &'a Process> {
        state.processes.iter().filter(|process| self.has_step(state, process))
    }

    /// Whether it was called, and has not acted.
    fn is_called(&self, state: &PoolState, process: &Process) -> bool {
        let word = process.slot.map(|slot| state.places[usize::from(slot)].words[self.room(process)]);
        let is_waiting = matches!(process.at, At::Wait(_) | At::Check(_) | At::Notify(_) | At::Help(_));
        is_waiting && (process.called || matches!(word, Some(Word::Unposted | Word::Called)))
    }

    /// For how many permits it has still to call a caller for one.
    fn owes_singles(&self, state: &PoolState, process: &Process) -> u8 {
        let as_waiter = u8::from(!process.is_many() && self.is_called(state, process));
        let has_posted = u8::from(process.at == At::Notify(Notify::Mark(Hall::Singles)));
        as_waiter.max(process.pending.saturating_sub(has_posted))
    }

    /// How many permits it was called for as a caller for several, or has freed, or has found for such a caller.
    fn owes_many(&self, state: &PoolState, process: &Process) -> u8 {
        let as_waiter = if process.is_many() && self.is_called(state, process) { process.need } else { 0 };
        let is_calling = matches!(process.at, At::Notify(Notify::Choose(Hall::Many) | Notify::Post(Hall::Many)));
        let is_done = matches!(process.at, At::Notify(Notify::Mark(Hall::Many) | Notify::LookAround | Notify::Lower));
        let has_freed = matches!(process.at, At::Notify(_) | At::Help(_)) && !is_done;
        let freed = if has_freed { process.owed.max(process.pending) } else { 0 };
        as_waiter.max(freed).max(if is_calling { process.interest } else { 0 })
    }

    pub(super) fn one_is_served(&self, state: &PoolState) -> bool {
        let sleeps = |process: &Process| !process.is_many() && self.sleeps(state, process);
        let owed: u8 = self.stopped(state).map(|process| self.owes_singles(state, process)).sum();
        state.available() <= owed || !state.processes.iter().any(sleeps)
    }

    /// The caller for several that sleeps, and that no other one came before.
    fn first_in_line<'a>(&self, state: &'a PoolState) -> Option<&'a Process> {
        let waits = state.processes.iter().filter(|process| process.ticket > 0);
        waits.min_by_key(|process| process.ticket).filter(|first| self.sleeps(state, first))
    }

    /// Whether a caller for several, with such a ticket, has just acquired permits while an older one sleeps.
    pub(super) fn overtakes(&self, state: &PoolState, is_meant: impl Fn(u8) -> bool) -> bool {
        let Some(first) = self.first_in_line(state) else { return false };
        let has_acquired = |process: &Process| process.at == At::Check(Check::LeaveTurn) && process.has_all();
        state.processes.iter().any(|process| {
            let comes_later = process.ticket == 0 || process.ticket > first.ticket;
            has_acquired(process) && comes_later && is_meant(process.ticket)
        })
    }

    fn is_in_turnstile(process: &Process) -> bool {
        let leaves = matches!(process.at, At::Notify(_)) && process.after == After::LeftTurn;
        process.turns || leaves
    }

    pub(super) fn several_are_served(&self, state: &PoolState) -> bool {
        let Some(first) = self.first_in_line(state) else { return true };
        let owed: u8 = self.stopped(state).map(|process| self.owes_many(state, process)).sum();
        state.available() < owed + first.need || state.processes.iter().any(Self::is_in_turnstile)
    }

    pub(super) fn sleepers_hold_nothing(&self, state: &PoolState) -> bool {
        let sleeps = |process: &&Process| process.is_many() && self.sleeps(state, process);
        state.processes.iter().filter(sleeps).all(|process| process.holds == 0)
    }

    pub(super) fn the_turnstile_turns(&self, state: &PoolState) -> bool {
        let is_quiet = self.stopped(state).next().is_none();
        !is_quiet || state.is_available(state.turnstile)
    }

    /// Forgets what can't matter any more, and sorts.
    pub(super) fn settle(&self, state: &mut PoolState) {
        let none_is_dead = state.deaths == 0 && !state.all().any(|slot| state.is_dirty(slot));
        if none_is_dead && !state.processes.iter().any(|process| process.at == At::Outside && self.comes_back) {
            state.processes.iter_mut().for_each(|process| process.suspects = false);
        }
        // A caller for several that comes makes a count due.
        if self.rules.waiter_forgets && state.tickets().all(|ticket| ticket == 0) {
            state.due = 0;
        }
        if self.sorts {
            self.rename(state);
        }
    }
}
