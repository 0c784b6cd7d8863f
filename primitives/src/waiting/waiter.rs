//! One wait in a room: the member's entry and doorbell, and its threads at the desk.

use super::{Station, Turn, Withdrawn, desk::Ticket, interests::Interests, room::Room};
use crate::{
    clock,
    failure::Result,
    members::{Members, Session},
    raw::Deadline,
    sync::{Ordering::SeqCst, fence},
};

/// How the notifiers of a room learn of its waiters, and how a call is passed on (W7, W8).
pub(crate) trait Gate {
    /// Makes notifiers scan the room for what is announced, and fences. Returns until when a waiter may sleep.
    fn open(&self, interest: u64) -> Deadline;

    /// The announced member waits for this instead, which includes what it waited for. A fence follows.
    fn interest_changed(&self, _interest: u64) {}

    /// In a room with named calls: two threads of a process that return the same number here find the same things. So one
    /// of them need not check if the other one does.
    fn selection(&self) -> Option<u64> {
        None
    }

    /// Whether a waiter of this process with such a selection may find something now. The leader asks it after it has announced
    /// what all of them wait for, and rouses those (DK4). What comes later calls the process.
    fn may_find(&self, _selection: Option<u64>) -> bool {
        true
    }

    /// See [`Station::pass_on_used`]. Not called in a room with named calls.
    fn pass_on_used(&self, _members: &Members) -> Result<()> {
        Ok(())
    }

    /// See [`Station::pass_on_unused`]. Not called in a room with named calls.
    fn pass_on_unused(&self, _members: &Members) -> Result<()> {
        Ok(())
    }

    /// In a room with named calls: calls the next fitting waiter for a thing, if that is still available. The name
    /// comes from memory, and may be any number.
    fn pass_on_named(&self, _what: u32, _members: &Members) -> Result<()> {
        Ok(())
    }
}

/// One thread's wait in a room.
pub(crate) struct Waiter<'a, G> {
    pub(super) room: &'a Room,
    pub(super) gate: G,
    pub(super) slot: usize,
    pub(super) since: u64,
    pub(super) ticket: Ticket<'a>,
}

impl<'a, G: Gate> Waiter<'a, G> {
    /// Begins a wait. See [`Interests`] for the interest.
    pub(crate) fn new(room: &'a Room, gate: G, me: Session, interest: u64) -> Self {
        let selection = selection(room, &gate, interest);
        // The list before the first check: DK1.
        let ticket = room.desk.ours().join(interest, selection);
        Self { room, gate, slot: me.slot(), since: clock::monotonic(), ticket }
    }

    /// Returns whether this thread leads those of its process that wait here. Then it does until its wait is over.
    pub(crate) fn leads(&self) -> bool {
        self.ticket.leads()
    }

    pub(super) fn pass_on_all(&self, things: Vec<u32>, members: &Members) -> Result<()> {
        things.into_iter().map(|what| self.gate.pass_on_named(what, members)).fold(Ok(()), Result::and)
    }
}

/// Returns what threads have in common that find the same things.
pub(super) fn selection(room: &Room, gate: &impl Gate, interest: u64) -> Option<u64> {
    match room.interests {
        Interests::Least => Some(interest),
        Interests::Union => gate.selection(),
    }
}

impl<G: Gate> Station for Waiter<'_, G> {
    fn turn(&self, deadline: Deadline) -> Turn {
        self.ticket.turn(deadline, |interest| {
            self.room.change_interest(self.slot, interest);
            self.gate.interest_changed(interest);
            // SYNC: as that of `open`, for the check that follows (W2).
            fence(SeqCst);
        })
    }

    fn announce(&self) -> Deadline {
        let interest = self.ticket.announce(|interest| self.room.announce(self.slot, self.since, interest));
        let until = self.gate.open(interest);
        // A call of all waiters that came before the announcement woke none of the other threads.
        self.ticket.announced(self.room.ends(), |selection| self.gate.may_find(selection));
        until
    }

    fn withdraw(&self) -> Withdrawn {
        let withdraw = || self.room.withdraw(self.slot);
        if self.room.has_named_calls() { self.ticket.withdraw(withdraw) } else { withdraw() }
    }

    fn bell(&self) -> u16 {
        self.room.bell(self.slot)
    }

    fn rouse(&self) {
        self.ticket.rouse();
    }

    fn had_company(&self) -> bool {
        self.ticket.had_company()
    }

    fn found_nothing(&self, members: &Members) -> Result<()> {
        if self.room.has_named_calls() { self.pass_on_all(self.ticket.excess(), members) } else { Ok(()) }
    }

    fn leave(&self, members: &Members) -> Result<()> {
        let things = self.ticket.leave();
        let passed = match self.room.has_named_calls() {
            true => self.pass_on_all(things, members),
            // A call that an announcement replaced. It may be spent, and one too many does no harm.
            false if !things.is_empty() => self.gate.pass_on_unused(members),
            false => Ok(()),
        };
        #[cfg(feature = "async")]
        if self.ticket.is_poke_due() {
            return passed.and(members.post(self.room.bell(self.slot)));
        }
        passed
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        if self.room.has_named_calls() { Ok(()) } else { self.gate.pass_on_used(members) }
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        if self.room.has_named_calls() { Ok(()) } else { self.gate.pass_on_unused(members) }
    }
}
