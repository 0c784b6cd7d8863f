//! The waiters at both ends of an mpmc ring, and how it ends. See `attendance` for the endpoints that are attached.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `flags` of a side, bit 0 | somebody of that side may sleep on its doorbell | set by who is about to sleep; cleared by who posts |
//! | `flags` of a side, bit 1 | the same, and wants to be told when the other side is gone: another doorbell | as above |
//! | `attachments` of a slot, `arrivals` | which endpoints are attached | see `attendance` |
//! | `closed` | 1 from the closing on | `close` |
//!
//! - **E1** (R-sleep) Who sleeps has raised its bit, fenced for everybody, reaped the dead, and then found
//!   nothing, in this order and on every round. Who was woken does so too before it looks, although it may find
//!   something at once: others may sleep on the same bit, and the post has cleared it.
//! - **E2** (R-wake) Who changes a place looks at the flags of the side it serves afterwards, and posts each
//!   doorbell whose bit it clears. If a post is refused, it raises that bit again.
//! - **E3** (R-one) Who asked to be told has a doorbell of its own: otherwise one that did not ask could take
//!   the post that tells of an end, and go back to sleep with it. What serves both is posted to both.
//! - **E4** (R-leave, and the passing on) Who was woken and leaves, or finds more than it needs, posts again.
//!   That also wakes one after another when the ring is closed.
//!   Who finds both an item and the end passes the end on, since it would not sleep again to do so.
//! - **E5** The end of a closed ring is not told while a living producer writes the item at `head`: it was begun
//!   before, and what was committed behind it is not to be had yet.

use crate::{
    doorbell::{Doorbell, Token},
    failure::Result,
    members::{Members, Session},
    raw::Deadline,
    ring::{
        fence::Fence,
        mpmc::{
            control::{bells, post_all},
            state::{Claim, MpmcState},
            word::SlotState,
        },
        patience::Patience,
        refusal::Refusal,
        role::Role,
    },
    sync::Ordering::{Acquire, Relaxed, SeqCst},
};

impl MpmcState {
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.control.closed.load(Relaxed) != 0
    }

    pub(crate) fn close(&self, members: &Members) -> Result<()> {
        self.control.closed.store(1, SeqCst);
        post_all(members)
    }

    /// Attaches an endpoint.
    pub(crate) fn attach(&self, role: Role, me: Session) {
        self.control.arrivals.attach(role, &self.attachments[me.slot()]);
    }

    /// Detaches an endpoint. If it was the last one of its role, each waiter that asked for it is notified. Returns
    /// whether a failure was recorded.
    pub(crate) fn detach(&self, role: Role, me: Session, members: &Members) -> bool {
        self.attachments[me.slot()].detach(role);
        // AT4.
        self.control.wake_if_asleep(role.other(), members)
    }

    /// Returns whether a role is disconnected (AT2). The dead are reaped.
    fn is_disconnected(&self, role: Role) -> bool {
        self.control.arrivals.is_disconnected(role, || self.attachments.iter())
    }

    /// Returns for how many of a side there is something, from a claim of theirs on.
    fn left_for(&self, role: Role, claim: Claim) -> u64 {
        let end = match role {
            Role::Consumer => self.tail.load(Relaxed),
            Role::Producer => self.head.load(Relaxed).wrapping_add(self.places.len() as u64),
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

    /// Returns why nothing more is to be expected from the other side, if that is so. The dead are reaped.
    fn end(&self, role: Role, wants_to_know: bool) -> Option<Refusal> {
        if self.control.closed.load(SeqCst) != 0 {
            // E5.
            return (role == Role::Producer || !self.is_writing_at_head()).then_some(Refusal::Closed);
        }
        (wants_to_know && self.is_disconnected(role.other())).then_some(Refusal::Disconnected)
    }

    fn is_writing_at_head(&self) -> bool {
        let (word, ahead) = self.look(self.head.load(Acquire));
        ahead == 0 && word.state() == SlotState::Writing
    }

    /// Nothing is to be had, and the caller won't wait: perhaps the dead have it, or are in the way.
    #[cold]
    pub(crate) fn claim_now(
        &self,
        role: Role,
        me: Session,
        members: &Members,
        wants_to_know: bool,
        look_for_the_dead: bool,
    ) -> Result<Claim, Refusal> {
        let is_obstacle_dead = match members.slot_of(self.in_the_way(role)) {
            Ok(slot) => !members.is_alive(slot)?,
            Err(_) => false,
        };
        if look_for_the_dead || wants_to_know || is_obstacle_dead {
            members.reap_all(self)?;
        }
        let end = self.end(role, wants_to_know);
        match self.claim(role, me, members)? {
            Some(claim) => Ok(claim),
            None => Err(end.unwrap_or(Refusal::NotInTime)),
        }
    }

    /// Waits until there is something for a side, and claims it.
    #[cold]
    pub(crate) fn wait(
        &self,
        role: Role,
        me: Session,
        members: &Members,
        patience: &Patience,
        deadline: Deadline,
    ) -> Result<Claim, Refusal> {
        let Patience { linger, spin, wants_to_know } = patience;
        let wants_to_know = *wants_to_know;
        linger.wait();
        let look = || self.claim(role, me, members).transpose();
        if let Some(claim) = spin.until(role, &self.control.whereabouts, look) {
            let claim = claim?;
            linger.learn(self.left_for(role, claim), self.places.len() as u64, 1);
            return Ok(claim);
        }
        let (bit, bell) = bells(role)[usize::from(wants_to_know)];
        let flag = &self.control.flags[role as usize];
        let mut token = Token::none(members, Doorbell::new(bell, flag, bit));
        loop {
            token.clear_pile()?;
            // E1.
            let is_sure = self.fence.announce(flag, bit);
            members.reap_all(self)?;
            let end = self.end(role, wants_to_know);
            if let Some(claim) = self.claim(role, me, members)? {
                // E4.
                token.used(|| end.is_some() || self.is_more_for(role));
                return Ok(claim);
            }
            if let Some(end) = end {
                // E4.
                token.pass_on()?;
                return Err(end);
            }
            if deadline.has_passed() {
                token.pass_on()?;
                return Err(Refusal::NotInTime);
            }
            token.sleep(Fence::wake_up_at(is_sure, deadline))?;
        }
    }
}
