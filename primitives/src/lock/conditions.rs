//! Waiters for a condition on the value that a lock guards: they give the lock back, and are called when the value has changed.
//!
//! The condition is a function of the waiter's process, so only the waiter can check it, with the lock held. A change calls all
//! waiters. They are announced in a room of their own, and the lock's word has a bit for them:
//!
//! | bit of the lock's word | meaning | set by | cleared by |
//! | --- | --- | --- | --- |
//! | 19 CONDITIONS | a waiter for a condition may be announced, or chosen and not posted | a waiter that frees the word | a holder that frees the word, and finds no such waiter |
//!
//! Without waiters the bit is 0. Then a lock and an unlock are what they are without conditions, to the instruction.
//!
//! - **CW1** A waiter is announced before it frees the word, and sets CONDITIONS as it does. So each later holder sees both. No
//!   fence is needed: the word hands on the announcement.
//! - **CW2** A holder that changed the value, and sees CONDITIONS, chooses every announced waiter before it frees the word. So it
//!   chooses each waiter that sleeps. A waiter that is awake takes the lock later, and sees the change.
//! - **CW3** A holder posts for the chosen waiters after it freed the word, so that they find it free. CONDITIONS stays until a
//!   holder finds the room empty. Until then each unlock posts for the waiters that are chosen and not posted. So a holder that is
//!   stopped before it posts, or has its posts refused, holds them up until another process unlocks.
//! - **CW4** A waiter checks the condition with the lock held, whatever woke it. It returns with the lock held.
//! - **CW5** An unlock without a change chooses no waiter. Otherwise two waiters that find nothing would wake each other without
//!   end.
//! - **CW6** An unlock that poisons counts as a change, and so does the repair of a member that left with the lock. A waiter would
//!   sleep beside a poisoned lock otherwise.
//! - **CW7** Threads that share a handle: a thread frees the lock before it is parked, and sets CONDITIONS. It has no selection
//!   at the desk, so each announcement of its leader makes it check. So a change is seen by its check, or calls its leader, or comes
//!   before the next announcement.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | holding the lock, also as a waiter that checks | a poisoned lock | the other waiters, by the obituary |
//! | having chosen waiters, before it freed the word | waiters that are chosen, a poisoned lock | the same |
//! | having freed the word, before it posted | waiters that are chosen | each of them, by its obituary: it checks |
//! | announced, before it freed the word | a poisoned lock | as any holder |
//! | asleep, or woken before it took the lock | an announcement of a dead slot | no action is needed: each change calls all |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | holding the lock | all others, as any lock |
//! | having freed the word, before it posted | the waiters that sleep, until another process locks and unlocks (CW3) |
//! | asleep, or woken before it took the lock | nothing |
//!
//! Not promised: that a waiter sees each change. It may see only the last one of several.

use std::{cell::Cell, thread};

use super::{CONDITIONS, Lock, OFFERED, OWNER, POISONED, Taken};
use crate::{
    failure::Result,
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::Ordering::{Relaxed, Release},
    waiting::{
        Checked, Party, Round, Station, Turn, Withdrawn,
        entry::Chosen,
        room::Room,
        wait,
        waiter::{Gate, Waiter},
    },
};

/// The only interest in the room: a change.
const CHANGE: u64 = 1;

/// The room of the waiters for conditions.
#[derive(Debug)]
pub(super) struct Conditions(Room);

impl Conditions {
    pub(super) fn new(room: Room) -> Self {
        // Each call is for all. No thread may rely on the check of another one (CW7).
        Self(room.with_named_calls())
    }

    pub(super) fn choose_all(&self) -> Vec<Chosen> {
        self.0.choose_all()
    }

    /// Posts for the waiters that this process has chosen, and for those that another one has (CW3).
    pub(super) fn post(&self, chosen: Vec<Chosen>, members: &Members) -> Result<()> {
        self.0.post_chosen(chosen, members).and(self.0.post_left_behind(members))
    }

    pub(super) fn repair(&self, slot: u32) {
        self.0.repair(slot);
    }
}

struct ConditionGate;

impl Gate for ConditionGate {
    /// The word that the waiter frees says so (CW1).
    fn open(&self, _: u64) -> Deadline {
        Deadline::NEVER
    }
}

/// One thread's wait for a condition: it is announced, or holds the lock, or both.
struct ConditionWait<'a, R: Repair> {
    lock: &'a Lock,
    conditions: &'a Conditions,
    party: Party<'a, R>,
    waiter: Waiter<'a, ConditionGate>,
    /// How the lock was taken, as long as it is held.
    held: Cell<Option<Taken>>,
    /// Whether the condition was found true since the lock was taken.
    is_known: Cell<bool>,
    /// The waiters that were chosen, and are to be posted once the lock is given back.
    chosen: Cell<Vec<Chosen>>,
    was_panicking: bool,
}

impl Lock {
    /// Returns the room of the waiters for a condition, if this process holds the lock and there may be any.
    fn conditions_of_holder(&self, me: Session) -> Option<&Conditions> {
        // Relaxed: only a holder changes these bits. If this is not the holder, it frees nothing.
        let word = self.word.load(Relaxed);
        let is_held = word & (OWNER | OFFERED) == me.owner();
        self.conditions.as_ref().filter(|_| is_held && word & CONDITIONS != 0)
    }

    /// Frees the word, and tells the waiters for a condition, if the value changed.
    pub(super) fn free_with_conditions(
        &self,
        me: Session,
        members: &Members,
        poison: u32,
        is_changed: bool,
    ) -> Result<()> {
        let Some(conditions) = self.conditions_of_holder(me) else { return self.free_slowly(me, members, poison) };
        // CW2, CW5.
        let chosen = if is_changed { conditions.choose_all() } else { Vec::new() };
        let bit = if conditions.0.has_waiters() { CONDITIONS } else { 0 };
        let freed = self.free_slowly(me, members, poison | bit);
        // After the word is free: the waiters take it.
        freed.and(conditions.post(chosen, members))
    }

    /// Gives the lock back, and waits as long as a condition holds on the value, which it finds true now. Holds the lock
    /// afterwards, unless it fails. Returns how it has the lock, and whether the condition holds still.
    ///
    /// It ends as well if the lock was poisoned meanwhile: the condition is not checked then.
    #[cold]
    pub(crate) fn wait_while(
        &self,
        party: Party<'_, impl Repair>,
        held: Taken,
        is_changed: bool,
        deadline: Deadline,
        mut condition: impl FnMut() -> bool,
    ) -> Result<(Taken, bool)> {
        let Some(conditions) = &self.conditions else {
            return Err(party.members.damaged("the waiters for a condition"));
        };
        // Before this process is announced: it need not call itself.
        let changed = self.conditions_of_holder(party.me).filter(|_| is_changed);
        let chosen = changed.map_or_else(Vec::new, Conditions::choose_all);
        let waiter = Waiter::new(&conditions.0, ConditionGate, party.me, CHANGE);
        let was_panicking = thread::panicking();
        let wait_here = ConditionWait {
            lock: self,
            conditions,
            party,
            waiter,
            held: Cell::new(Some(held)),
            is_known: Cell::new(true),
            chosen: Cell::new(chosen),
            was_panicking,
        };
        let ended = wait(party, &wait_here, deadline, |round| {
            let taken = wait_here.take()?;
            if taken.poisoned && !held.poisoned {
                return Ok(Checked::Found(()));
            }
            let holds = wait_here.is_known.get() || condition();
            if !party.me.is_ours() {
                // It has forked, and this is the child.
                return Err(party.members.membership_lost());
            }
            if !holds {
                return Ok(Checked::Found(()));
            }
            wait_here.is_known.set(true);
            if round == Round::Announced {
                wait_here.release()?;
            }
            Ok(Checked::Sleep(Deadline::NEVER))
        })?;
        let taken = wait_here.take()?;
        wait_here.held.set(None);
        Ok((taken, ended.is_none()))
    }
}

impl<R: Repair> ConditionWait<'_, R> {
    /// Takes the lock, if it is not held. The time that this takes has no limit: without the lock there is no way back (CW4).
    fn take(&self) -> Result<Taken> {
        if let Some(taken) = self.held.get() {
            return Ok(taken);
        }
        let taken = loop {
            if let Some(taken) = self.lock.take_contended(self.party, Deadline::NEVER)? {
                break taken;
            }
        };
        self.held.set(Some(taken));
        self.is_known.set(false);
        Ok(taken)
    }

    /// Frees the word for the others, if it is held, and says that there are waiters (CW1).
    fn release(&self) -> Result<()> {
        let Some(taken) = self.held.take() else { return Ok(()) };
        let Party { members, me, .. } = self.party;
        let kept = CONDITIONS | if self.poisons(taken) { POISONED } else { 0 };
        // SYNC: Release pairs with the compare-and-swap of the next holder: it hands on the announcement (CW1).
        if self.lock.word.compare_exchange(me.owner(), kept, Release, Relaxed).is_ok() {
            return Ok(());
        }
        // CW3: the word may have had CONDITIONS.
        self.lock.free_slowly(me, members, kept)?;
        self.conditions.post(self.chosen.take(), members)
    }

    fn poisons(&self, taken: Taken) -> bool {
        (taken.poisoned && self.lock.is_poisoned()) || (!self.was_panicking && thread::panicking())
    }
}

impl<R: Repair> Drop for ConditionWait<'_, R> {
    /// The wait failed, or the condition panicked: then the lock becomes poisoned.
    fn drop(&mut self) {
        if let Some(taken) = self.held.take()
            && self.party.me.is_ours()
        {
            self.lock.free(self.party.me, self.party.members, self.poisons(taken));
        }
    }
}

impl<R: Repair> Station for ConditionWait<'_, R> {
    fn turn(&self, deadline: Deadline) -> Turn {
        if !self.waiter.leads() {
            // CW7: it may be parked.
            self.party.members.record(self.release());
        }
        self.waiter.turn(deadline)
    }

    fn announce(&self) -> Deadline {
        self.waiter.announce()
    }

    fn withdraw(&self) -> Withdrawn {
        self.waiter.withdraw()
    }

    fn bell(&self) -> u16 {
        self.waiter.bell()
    }

    fn rouse(&self) {
        self.waiter.rouse();
    }

    fn had_company(&self) -> bool {
        self.waiter.had_company()
    }

    fn found_nothing(&self, members: &Members) -> Result<()> {
        self.waiter.found_nothing(members)
    }

    fn leave(&self, members: &Members) -> Result<()> {
        self.waiter.leave(members)
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        self.waiter.pass_on_used(members)
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.waiter.pass_on_unused(members)
    }
}
