//! How a holder waits for a condition, and how it notifies those that do. The rules are in `conditions`.

use std::cell::Cell;

use super::{CONDITIONS, Holding, Lock, OFFERED, OWNER, Taken, conditions::Conditions};
use crate::{
    failure::Result,
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::Ordering::{Relaxed, Release},
    waiting::{
        Checked, Party, Round, Station, Turn, Withdrawn,
        entry::Chosen,
        wait,
        waiter::{Gate, Waiter},
    },
};

/// The only interest in the room: a change.
pub(super) const CHANGE: u64 = 1;

pub(super) struct ConditionGate;

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
    held: Cell<Option<Holding>>,
    /// Whether the condition was found true since the lock was taken.
    is_known: Cell<bool>,
    /// The waiters that were chosen, and are to be posted once the lock is given back.
    chosen: Cell<Vec<Chosen>>,
}

impl Lock {
    /// Returns the room of the waiters for a condition, if this process holds the lock and there may be any.
    pub(super) fn conditions_of_holder(&self, me: Session) -> Option<&Conditions> {
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

    /// Chooses the waiters for a condition that are to be posted once a holder that begins to wait gives the lock back.
    ///
    /// Before this process is announced: it need not call itself.
    pub(super) fn choose_before_wait(&self, me: Session, is_changed: bool) -> Vec<Chosen> {
        let changed = self.conditions_of_holder(me).filter(|_| is_changed);
        changed.map_or_else(Vec::new, Conditions::choose_all)
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
        let chosen = self.choose_before_wait(party.me, is_changed);
        let waiter = Waiter::new(&conditions.0, ConditionGate, party.me, CHANGE);
        let wait_here = ConditionWait {
            lock: self,
            conditions,
            party,
            waiter,
            held: Cell::new(Some(Holding::new(party.me, held))),
            is_known: Cell::new(true),
            chosen: Cell::new(chosen),
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
        if let Some(held) = self.held.get() {
            return Ok(held.taken);
        }
        let taken = loop {
            if let Some(taken) = self.lock.take_contended(self.party, Deadline::NEVER)? {
                break taken;
            }
        };
        self.held.set(Some(Holding::new(self.party.me, taken)));
        self.is_known.set(false);
        Ok(taken)
    }

    /// Frees the word for the others, if it is held, and says that there are waiters (CW1).
    fn release(&self) -> Result<()> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let Party { members, me, .. } = self.party;
        let kept = held.kept_by_waiter(self.lock);
        // SYNC: Release pairs with the compare-and-swap of the next holder: it hands on the announcement (CW1).
        if self.lock.word.compare_exchange(me.owner(), kept, Release, Relaxed).is_ok() {
            return Ok(());
        }
        // CW3: the word may have had CONDITIONS.
        self.lock.free_slowly(me, members, kept)?;
        self.conditions.post(self.chosen.take(), members)
    }
}

impl<R: Repair> Drop for ConditionWait<'_, R> {
    /// The wait failed, or the condition panicked: then the lock becomes poisoned.
    fn drop(&mut self) {
        if let Some(held) = self.held.take()
            && self.party.me.is_ours()
        {
            self.lock.free(self.party.me, self.party.members, held.poisons(self.lock));
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
