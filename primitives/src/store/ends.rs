//! How receiving ends: the channel is closed, every sender has left, or receiving is stopped on the handle.

use std::sync::atomic::AtomicBool;

use super::{Refusal, Store, control::WIDE, select::Selection};
use crate::{
    Role,
    attendance::Attachment,
    failure::Result,
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::{
        Ordering::{Acquire, Relaxed, SeqCst},
        order_seq_cst,
    },
    waiting::Party,
};

/// What a receiver wants besides a message: of which ends to hear, besides closing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wants<'a> {
    /// That no sender of its lanes is left.
    pub(crate) disconnect: bool,
    /// That it is to stop.
    pub(crate) stop: Option<&'a AtomicBool>,
    /// That the message comes back unless it is done.
    pub(crate) claims: bool,
}

/// How long a sender waits for room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until<'a> {
    pub(crate) deadline: Deadline,
    /// Set when it is to stop waiting.
    pub(crate) stop: Option<&'a AtomicBool>,
}

impl From<Deadline> for Until<'_> {
    fn from(deadline: Deadline) -> Self {
        Self { deadline, stop: None }
    }
}

#[cfg(feature = "redis")]
impl Wants<'_> {
    /// Returns whether the receiver is to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        is_stopped(self.stop)
    }
}

impl Until<'_> {
    /// Returns whether the sender is to wait no more.
    #[cfg(feature = "redis")]
    pub(crate) fn is_stopped(&self) -> bool {
        is_stopped(self.stop)
    }

    /// Fails once the sender is to stop. To be called after it announced itself.
    pub(super) fn check(self) -> Result<(), Refusal> {
        if is_stopped(self.stop) { Err(Refusal::Stopped) } else { Ok(()) }
    }
}

impl Store {
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.control.seldom.is_closed()
    }

    /// Says to the handles that exist that the object was removed.
    pub(crate) fn mark_removed(&self) {
        self.control.seldom.mark_removed();
    }

    /// Returns why nothing is sent any more, or received if nothing is left.
    #[cold]
    pub(super) fn closed(&self, members: &Members) -> Refusal {
        if self.control.seldom.is_removed() { members.removed().into() } else { Refusal::Closed }
    }

    /// Closes the channel for good, and notifies every waiter.
    pub(crate) fn close(&self, members: &Members) -> Result<()> {
        self.control.seldom.close();
        order_seq_cst();
        let rooms = [&self.receive, &self.space, &self.response];
        rooms.map(|room| room.notify_all(members)).into_iter().fold(Ok(()), Result::and)
    }

    /// Returns how receiving ends now, if nothing is left to receive.
    pub(super) fn end(&self, selection: Selection, wants: Wants<'_>, party: Party<'_, impl Repair>) -> Option<Refusal> {
        // A stop comes first: it is this process's own, and holds even if the channel is closed.
        if is_stopped(wants.stop) {
            return Some(Refusal::Stopped);
        }
        if self.is_closed() {
            return Some(self.closed(party.members));
        }
        // What is delayed is still to come. In this order: a sender delays a message before it leaves.
        let is_over =
            wants.disconnect && self.is_disconnected(selection, party.me) && !self.control.seldom.earliest.is_any();
        is_over.then_some(Refusal::Disconnected)
    }

    fn attachment(&self, lane: usize, slot: usize) -> &Attachment {
        &self.attachments[lane * self.geometry.max_handles as usize + slot]
    }

    /// Returns whether every sender to the lanes of a selection has left. A sender of the same handle does not count.
    fn is_disconnected(&self, selection: Selection, me: Session) -> bool {
        // Lanes without a sender so far aren't waited for, but one of them must have had one.
        let lanes = self.lanes_of(selection) & !WIDE & self.control.seldom.used_lanes();
        let lanes: Vec<usize> = (0..self.geometry.lanes()).filter(|lane| lanes & 1 << lane != 0).collect();
        let handles = self.geometry.max_handles as usize;
        let others = |lane: usize| {
            let slots = (0..handles).filter(|&slot| slot != me.slot());
            slots.map(move |slot| self.attachment(lane, slot))
        };
        let had_any = lanes.iter().any(|&lane| self.arrivals[lane].has_arrived(Role::Producer));
        had_any
            && lanes.iter().all(|&lane| {
                !self.arrivals[lane].has_arrived(Role::Producer)
                    || self.arrivals[lane].is_disconnected(Role::Producer, || others(lane))
            })
    }

    /// Counts an endpoint of a role at the lane of a route.
    pub(crate) fn attach(&self, lane: usize, role: Role, me: Session) {
        self.arrivals[lane].attach(role, self.attachment(lane, me.slot()));
    }

    /// Counts an endpoint no more, and notifies the waiters that may be waiting for that.
    pub(crate) fn detach(&self, lane: usize, role: Role, me: Session, members: &Members) -> Result<()> {
        self.attachment(lane, me.slot()).detach(role);
        if role == Role::Producer { self.receive.notify_all(members) } else { Ok(()) }
    }

    /// Returns the slots that have an endpoint of a role at a lane.
    pub(crate) fn attached(&self, lane: usize, role: Role) -> impl Iterator<Item = usize> {
        let handles = self.geometry.max_handles as usize;
        (0..handles).filter(move |&slot| self.attachment(lane, slot).has(role))
    }

    /// Clears every attachment of a slot. Returns whether it had any.
    pub(super) fn reap_attachments(&self, slot: usize) -> bool {
        let lanes = (0..self.geometry.lanes()).zip(&*self.arrivals);
        lanes.filter(|(lane, arrivals)| arrivals.reap(self.attachment(*lane, slot))).count() > 0
    }

    /// Says that a member receives requests of a lane.
    #[inline]
    pub(crate) fn serve(&self, lane: usize, me: Session) {
        let mine = &self.serves[me.slot()];
        // Relaxed: only this member sets the bit. SYNC: the change pairs with the load in `servers`.
        if mine.load(Relaxed) & 1 << lane == 0 {
            mine.fetch_or(1 << lane, SeqCst);
        }
    }

    /// Returns the slots of the members that have received requests of a lane.
    pub(crate) fn servers(&self, lane: usize) -> impl Iterator<Item = usize> {
        let slots = self.serves.iter().enumerate();
        // SYNC: pairs with the change in `serve`.
        slots.filter(move |(_, serves)| serves.load(SeqCst) & 1 << lane != 0).map(|(slot, _)| slot)
    }

    pub(super) fn reap_serves(&self, slot: usize) {
        // SYNC: pairs with the load in `servers`. The bits are the slot's own, so each helper may clear them (MB7).
        self.serves[slot].store(0, SeqCst);
    }
}

/// Returns whether receiving, or waiting for room, was stopped.
pub(crate) fn is_stopped(stop: Option<&AtomicBool>) -> bool {
    // SYNC: pairs with the store in `Stop::stop`, and in `stop_submitting` of a pool.
    stop.is_some_and(|stop| stop.load(Acquire))
}
