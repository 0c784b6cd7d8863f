//! The waiters at both ends of an mpmc ring, and how it ends. See `attendance` for the endpoints that are attached, and
//! `waiting` for the rounds of a waiter.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `flags` of a role | whether there may be waiters of the role: see `waiting::flag` | waiters; notifiers |
//! | `attachments` of a slot, `arrivals` | which endpoints are attached | see `attendance` |
//! | `closed` | 1 from the closing on | `close` |
//!
//! - **E1** (R-sleep) A waiter checks for the end before it checks for an item or room, so what was pushed before the end is
//!   popped before the end is reported.
//! - **E2** (R-wake) A process that changes a slot checks the flag of the role that it serves afterwards, and calls one
//!   waiter. A process that closes the ring, detaches an endpoint or reaps calls every waiter of a role.
//! - **E3** Items are popped in order, and slots are taken in order. So a slot may be filled, or emptied, while one
//!   before it is claimed, and the waiter that is called for it finds nothing yet. The process that completes a slot
//!   calls a waiter for it, and one more for each slot behind it that is ready, up to the next one that is claimed.
//! - **E4** The end is not reported to consumers while any slot is not EMPTY: an item is available, or is claimed and
//!   may be requeued, or a living producer writes it that began before the end. A consumer that waits for that raises
//!   the flags of both roles. A consumer that completes a claim serves producers, finds their flag raised, and calls
//!   every waiting consumer if the ring ends.
//!
//! A role ends if the ring is closed, or if the other role is disconnected and the endpoint detects that.

use crate::{
    failure::Result,
    members::{Members, Session},
    raw::Deadline,
    ring::{
        mpmc::{
            state::{Claim, MpmcState},
            word::{SlotState, SlotWord},
        },
        patience::Patience,
        refusal::Refusal,
    },
    role::Role,
    sync::{
        Ordering::{Relaxed, SeqCst},
        fence,
    },
    waiting::{
        Checked, Party,
        room::Room,
        spin::record_cpu,
        wait,
        waiter::{Gate, Waiter},
    },
};

impl MpmcState {
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Relaxed: a push that begins before it sees the closing counts as one before the closing.
        self.control.closed.load(Relaxed) != 0
    }

    pub(crate) fn close(&self, members: &Members) -> Result<()> {
        // SYNC: pairs with the load in `end`, through the fence in `notify_all` and that of the waiter.
        self.control.closed.store(1, SeqCst);
        self.notify_all(members)
    }

    /// Notifies waiters of a role of a slot that was changed at a position. Returns whether a failure was recorded.
    #[inline]
    #[must_use]
    pub(crate) fn notify(&self, role: Role, position: u64, members: &Members) -> bool {
        self.control.flags[role as usize].is_up() && self.notify_slowly(role, position, members)
    }

    #[cold]
    fn notify_slowly(&self, role: Role, position: u64, members: &Members) -> bool {
        record_cpu(role.other(), &self.control.last_cpus);
        let ended = if role == Role::Producer && self.ends_for_some(Role::Consumer) {
            // E4: perhaps this was the last claim. Before the flag is lowered: another consumer may have the last one.
            self.room(Role::Consumer).notify_all(members)
        } else {
            Ok(())
        };
        let notified = match self.room(role).notify(&self.control.flags[role as usize], members) {
            Ok(true) => self.notify_behind(role, position, members),
            other => other.map(drop),
        };
        members.record(notified.and(ended))
    }

    /// Notifies waiters of the slots right behind a position, which are available only now (E3).
    pub(crate) fn notify_behind(&self, role: Role, position: u64, members: &Members) -> Result<()> {
        let behind = (1..=self.slots.len() as u64).map(|distance| position.wrapping_add(distance));
        // Slots that another process has claimed already, or cancelled, are in no waiter's way.
        let reachable = behind.map(|position| self.look(position)).take_while(|&look| is_past(role, look));
        for _ in reachable.filter(|&look| is_ready(role, look)) {
            if !self.room(role).notify(&self.control.flags[role as usize], members)? {
                break;
            }
        }
        Ok(())
    }

    /// Notifies one waiter of a role. Returns whether a failure was recorded.
    #[cold]
    pub(crate) fn notify_one(&self, role: Role, members: &Members) -> bool {
        members.record(self.room(role).notify(&self.control.flags[role as usize], members).map(drop))
    }

    pub(crate) fn room(&self, role: Role) -> &Room {
        &self.rooms[role as usize]
    }

    /// Notifies every waiter: the ring may end, or anything may have become available.
    pub(crate) fn notify_all(&self, members: &Members) -> Result<()> {
        // SYNC: pairs with the fence of an announcement: either the waiter sees what changed, or we see it announced.
        fence(SeqCst);
        let producers = self.room(Role::Producer).notify_all(members);
        self.room(Role::Consumer).notify_all(members).and(producers)
    }

    /// Attaches an endpoint.
    pub(crate) fn attach(&self, role: Role, me: Session) {
        self.control.arrivals.attach(role, &self.attachments[me.slot()]);
    }

    /// Detaches an endpoint. If it was the last one of its role, each waiter that asked for it is notified. Returns
    /// whether a failure was recorded.
    pub(crate) fn detach(&self, role: Role, me: Session, members: &Members) -> bool {
        // Before the flag is checked: the fence in `detach` lies between the two (AT4).
        self.attachments[me.slot()].detach(role);
        // AT4: each waiter of the other role checks whether this was the last endpoint.
        self.control.flags[role.other() as usize].is_up() && members.record(self.room(role.other()).notify_all(members))
    }

    /// Returns whether a role is disconnected (AT2). Dead members have been reaped by the caller.
    fn is_disconnected(&self, role: Role) -> bool {
        self.control.arrivals.is_disconnected(role, || self.attachments.iter())
    }

    /// Returns how many slots are available to a role, from one of its claims on.
    fn left_for(&self, role: Role, claim: Claim) -> u64 {
        // Relaxed: an estimate, for the batching delay alone.
        let end = match role {
            Role::Consumer => self.tail.load(Relaxed),
            Role::Producer => self.head.load(Relaxed).wrapping_add(self.slots.len() as u64),
        };
        end.wrapping_sub(claim.position)
    }

    #[inline]
    fn claim(&self, role: Role, me: Session, members: &Members) -> Result<Option<Claim>> {
        match role {
            Role::Producer => self.start_push(me, members),
            Role::Consumer => self.start_pop(me, members),
        }
    }

    /// Returns why the other role will do nothing more, or `None` if it may. Dead members have been reaped by the
    /// caller.
    fn end(&self, role: Role, detects_disconnect: bool) -> Option<Refusal> {
        // SYNC: pairs with the store in `close`.
        let end = if self.control.closed.load(SeqCst) != 0 {
            Refusal::Closed
        } else if detects_disconnect && self.is_disconnected(role.other()) {
            Refusal::Disconnected
        } else {
            return None;
        };
        // E4: consumers first pop all that was pushed before the end.
        (role == Role::Producer || self.is_all_empty()).then_some(end)
    }

    /// Returns whether a waiter of a role may be notified of an end, or may wait for claims to be completed before it.
    fn ends_for_some(&self, role: Role) -> bool {
        // SYNC: pairs with the store in `close`. A waiter calls this after its announcement, and a notifier before it
        // lowers the flag.
        self.control.closed.load(SeqCst) != 0 || !self.attachments.iter().any(|waiter| waiter.has(role.other()))
    }

    /// Returns whether no slot has an item or is claimed. A scan that sees every slot EMPTY, one after another, has
    /// missed no item: a requeued item was claimed before.
    fn is_all_empty(&self) -> bool {
        // SYNC: pairs with the stores of EMPTY in `publish`, `give_up_push` and `swap`.
        self.slots.iter().all(|slot| SlotWord(slot.load(SeqCst)).state() == SlotState::Empty)
    }

    /// Claims without waiting, after a first attempt found nothing: a dead member may own the slot, or be in the way.
    #[cold]
    pub(crate) fn claim_now(
        &self,
        role: Role,
        party: Party<'_, Self>,
        detects_disconnect: bool,
        checks_for_dead: bool,
    ) -> Result<Claim, Refusal> {
        let Party { members, me, .. } = party;
        // A dead member in the way is found at every call, by one system call. Others are checked for now and then.
        let is_obstacle_dead = match members.slot_of(self.in_the_way(role)) {
            Ok(slot) => !members.is_alive(slot)?,
            Err(_) => false,
        };
        // SYNC: pairs with the store in `close`.
        let ends = self.control.closed.load(SeqCst) != 0;
        if checks_for_dead || detects_disconnect || is_obstacle_dead || ends {
            party.reap_all()?;
        }
        // E1: the end before the item.
        let end = self.end(role, detects_disconnect);
        // Once more, since the reaping may have requeued an item or skipped a slot.
        match self.claim(role, me, members)? {
            Some(claim) => Ok(claim),
            None => Err(end.unwrap_or(Refusal::NotInTime)),
        }
    }

    /// Waits until there is something for a role, and claims it.
    #[cold]
    pub(crate) fn wait(
        &self,
        role: Role,
        party: Party<'_, Self>,
        patience: &Patience,
        deadline: Deadline,
    ) -> Result<Claim, Refusal> {
        let Patience { delay, spin, wants_to_know } = patience;
        let Party { members, me, .. } = party;
        delay.wait();
        let look = || self.claim(role, me, members).transpose();
        // What comes while both sides are awake costs no system call.
        if let Some(claim) = spin.until(role, &self.control.last_cpus, look) {
            let claim = claim?;
            delay.learn(self.left_for(role, claim), self.slots.len() as u64, 1);
            return Ok(claim);
        }
        let waiter = Waiter::new(self.room(role), RoleGate { state: self, role }, me, 0);
        let check = |_| self.check(role, party, *wants_to_know);
        wait(party, &waiter, deadline, check)?.ok_or(Refusal::NotInTime)
    }

    /// A waiter's check: claims what there is for its role.
    pub(crate) fn check(
        &self,
        role: Role,
        party: Party<'_, Self>,
        detects_disconnect: bool,
    ) -> Result<Checked<Claim>, Refusal> {
        // E1.
        let end = self.end(role, detects_disconnect);
        match (self.claim(role, party.me, party.members)?, end) {
            (Some(claim), _) => Ok(Checked::Found(claim)),
            (None, Some(end)) => Err(end),
            (None, None) => Ok(Checked::Sleep(Deadline::NEVER)),
        }
    }
}

/// Returns whether the slot of a position is in no waiter's way: it is ready, or another process has used it.
fn is_past(role: Role, (word, ahead): (SlotWord, i64)) -> bool {
    match role {
        Role::Consumer => ahead > 0 || ahead == 0 && matches!(word.state(), SlotState::Full | SlotState::Reading),
        Role::Producer => ahead > 0,
    }
}

/// Returns whether the slot of a position has an item for a consumer, or is free for the producer of the next lap.
fn is_ready(role: Role, (word, ahead): (SlotWord, i64)) -> bool {
    match role {
        Role::Consumer => ahead == 0 && word.state() == SlotState::Full,
        Role::Producer => ahead == 1 && word.state() == SlotState::Empty,
    }
}

/// How the waiters of a role are announced.
pub(crate) struct RoleGate<'a> {
    pub(crate) state: &'a MpmcState,
    pub(crate) role: Role,
}

impl Gate for RoleGate<'_> {
    fn open(&self, _: u64) -> Deadline {
        let flags = &self.state.control.flags;
        flags[self.role as usize].raise();
        if self.role == Role::Consumer && self.state.ends_for_some(Role::Consumer) {
            // E4: the end waits for the last claims. The consumer that completes a claim notifies producers.
            flags[Role::Producer as usize].raise();
        }
        self.state.fence.after_announcement()
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        // W7: the waiter took a thing while it was announced, so the call was for another one, which may be taken
        // already.
        if self.state.is_more_for(self.role) { self.pass_on_unused(members) } else { Ok(()) }
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.state.room(self.role).call_oldest(members).map(drop)
    }
}
