//! One wait in a room: the member's entry and doorbell, and its threads at the desk.

use std::cell::Cell;

use super::{Station, Turn, Withdrawn, desk::Place, room::Room};
use crate::{
    clock,
    failure::Result,
    members::{Members, Session},
    raw::Deadline,
};

/// How the notifiers of a room learn of its waiters.
pub(crate) trait Gate {
    /// Makes notifiers look into the room, and fences. Returns until when a waiter may sleep.
    fn open(&self) -> Deadline;

    /// The member waits for less than it had announced.
    fn interest_changed(&self) {}

    /// See [`Station::pass_on_used`].
    fn pass_on_used(&self, members: &Members) -> Result<()>;

    /// See [`Station::pass_on_unused`].
    fn pass_on_unused(&self, members: &Members) -> Result<()>;
}

/// One thread's wait in a room.
pub(crate) struct Seat<'a, G> {
    room: &'a Room,
    gate: G,
    slot: usize,
    ticket: Cell<u64>,
    has_own_interest: bool,
    place: Place<'a>,
}

impl<'a, G: Gate> Seat<'a, G> {
    /// Begins a wait. In a room whose things are all the same, the interest is 0.
    pub(crate) fn take(room: &'a Room, gate: G, me: Session, interest: u64) -> Self {
        let slot = me.slot();
        let place = room.desk.ours().join(interest, |interest| {
            room.change_interest(slot, interest);
            gate.interest_changed();
        });
        Self { room, gate, slot, ticket: Cell::new(clock::monotonic()), has_own_interest: interest > 0, place }
    }
}

impl<G: Gate> Station for Seat<'_, G> {
    fn turn(&self, deadline: Deadline) -> Turn {
        self.place.turn(deadline)
    }

    fn announce(&self) -> Deadline {
        let ticket = self.ticket.get();
        // No two announcements have the same ticket. The next wait begins later than so many rounds take.
        self.ticket.set(ticket + 1);
        self.place.announce(|interest| self.room.announce(self.slot, ticket, interest));
        let until = self.gate.open();
        // A call of all waiters that came before the announcement woke none of the other threads.
        self.place.compare_ends(self.room.ends());
        until
    }

    fn withdraw(&self) -> Withdrawn {
        let withdrawn = self.room.withdraw(self.slot);
        if withdrawn != Withdrawn::Uncalled && self.has_own_interest {
            // The call may be for another thread (DK4).
            self.place.rouse();
        }
        withdrawn
    }

    fn bell(&self) -> u16 {
        self.room.bell(self.slot)
    }

    fn rouse(&self) {
        self.place.rouse();
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        self.gate.pass_on_used(members)
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.gate.pass_on_unused(members)
    }
}
