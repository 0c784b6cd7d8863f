//! A lock word that the death of its holder neither blocks nor hides, and that is fair to a waiter that has waited long.
//!
//! Locking and unlocking are one atomic operation each. Only a caller that must wait, and a holder that has waiters, ask the
//! kernel.
//!
//! The word:
//!
//! | bits | meaning | set by | cleared by |
//! | --- | --- | --- | --- |
//! | 0–15 | 0: free. Otherwise a slot plus one: of the holder, or with OFFERED of the waiter that may take it | the taker, by compare-and-swap, or a holder that offers | the holder, a reaper of the slot, or a taker of an expired offer |
//! | 16 WAITERS | a waiter may be announced in the room | a waiter, after it announced itself, or a holder that frees the word and found a waiter | a holder, before it scans the room |
//! | 17 POISONED | a holder died or panicked | a reaper, or an unlock with `poison` | `clear_poison`, or an unlock without `poison` |
//! | 18 OFFERED | the lock is offered, and not held | a holder that unlocks | the waiter that confirms, any process once the offer has expired, or a reaper of the slot |
//! | 19 CONDITIONS | a waiter for a condition on the value may be announced | see `conditions` | see `conditions` |
//!
//! - **LK1** The session that took the free or offered word by compare-and-swap holds the lock until it frees the word,
//!   or its slot is reaped. A slot has helpers only after the kernel has cleared its ALIVE (R-own), so not while the
//!   holder lives.
//! - **LK2** A holder that unlocks with WAITERS set clears it first, and then checks for announced waiters. A waiter
//!   announces itself, fences, and sets WAITERS if it is not set. So either the holder finds the waiter, or the word
//!   has WAITERS again and the holder's compare-and-swap fails. In between the word names the holder, so its death
//!   wakes the waiter.
//! - **LK3** A holder that found a waiter frees the word with WAITERS set, and calls the waiter that has waited
//!   longest. So each unlock calls a waiter as long as there are any, whatever the called waiters do.
//! - **LK4** A waiter sleeps only while the word names a member or an offer. The unlock calls the waiter, and the death
//!   of the member posts. A word that names a clean slot is corrupt, and is repaired first.
//! - **LK5** An offer goes to a waiter that has waited for [`HAND_OVER_AFTER`], and in a fair lock to the waiter that
//!   has waited longest. If that waiter is not announced any more, the offer is taken back. A waiter checks once more
//!   before it leaves, so an offer that it was called for is not left behind.
//! - **LK6** Any process takes the lock if an offer was not confirmed for [`OFFER_LASTS`]. A waiter that sees an offer sleeps
//!   no longer than it lasts. So an offer to a process that is stopped or starved delays the others for that time. If that
//!   process was stopped in its sleep, the next waiter was called as well (RM6), and sees the offer.
//! - **LK7** A word is freed by compare-and-swap from the slot of the process that frees it. If a process lost its
//!   membership and its slot was reaped, it leaves the word of the next holder unchanged, unless that holder has the
//!   very same slot.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | before the compare-and-swap | nothing | – |
//! | holding the lock | a word that names a dead slot | a waiter, by the obituary, or a caller of `try_lock`: the lock is poisoned |
//! | having freed or offered the word, before it called | a free word, or an offer | a waiter, by the obituary |
//! | offered the lock, before it confirmed | an offer to a dead slot | its reaper, a waiter by the obituary: not poisoned |
//! | waiting, having set WAITERS | WAITERS set for no waiter | no action is needed: the next unlock clears it |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | holding the lock | all others, as any lock |
//! | offered the lock | a caller that comes or checks: [`OFFER_LASTS`] |
//! | woken, or before it called | the waiters that sleep, until another process locks and unlocks. The lock is free for each caller that comes |
//! | waiting, asleep | nothing, or [`OFFER_LASTS`] if it was offered the lock |
//!
//! Not promised: an order among the waiters, unless the lock is fair.

#[cfg(feature = "async")]
mod changed;
mod conditions;
mod held;
mod unlock;
mod wait_while;

use self::conditions::Conditions;
use crate::{
    clock,
    failure::Result,
    layout::Mapped,
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::{
        AtomicU32,
        Ordering::{Acquire, Relaxed, SeqCst},
        SPINS, fence,
    },
    waiting::{
        Checked, Party, Round,
        entry::Chosen,
        room::Room,
        wait,
        waiter::{Gate, Waiter},
    },
};
use std::{hint::spin_loop, time::Duration};

const OWNER: u32 = 0xffff;
const WAITERS: u32 = 1 << 16;
const POISONED: u32 = 1 << 17;
const OFFERED: u32 = 1 << 18;
const CONDITIONS: u32 = 1 << 19;

/// After what time a waiter is offered the lock, in nanoseconds.
const HAND_OVER_AFTER: u64 = 1_000_000;
/// The logarithm of the most pauses between two checks. Among four processes, up to 256 have no higher throughput and twice the
/// 99.9th percentile. Up to 16 have a third less throughput.
const LONGEST_SPIN: u32 = 6;
/// How long an offer lasts, in nanoseconds.
const OFFER_LASTS: u64 = 1_000_000;

/// The word with the room of its waiters: locking, unlocking, waiting and repairing.
#[derive(Debug)]
pub(crate) struct Lock {
    word: Mapped<AtomicU32>,
    pub(crate) room: Room,
    /// Only a lock with a value for users has them.
    conditions: Option<Conditions>,
}

/// What the word of a lock says, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LockSeen {
    /// The slot plus one of the holder, or of the waiter that may take it. 0 if it is free.
    pub(crate) owner: u32,
    pub(crate) is_offered: bool,
    pub(crate) is_poisoned: bool,
}

impl LockSeen {
    pub(crate) fn of(word: u32) -> Self {
        Self { owner: word & OWNER, is_offered: word & OFFERED != 0, is_poisoned: word & POISONED != 0 }
    }
}

/// How a lock was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) poisoned: bool,
}

/// How a guard, or a wait that gives the lock back, has the lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holding {
    pub(crate) me: Session,
    pub(crate) taken: Taken,
    /// Whether the thread was panicking already when it locked.
    was_panicking: bool,
}

impl Lock {
    pub(crate) fn new(word: Mapped<AtomicU32>, room: Room) -> Self {
        Self { word, room, conditions: None }
    }

    /// Returns the same lock again, without conditions.
    #[cfg(feature = "async")]
    pub(crate) fn view(&self) -> Self {
        Self::new(self.word.clone(), self.room.view())
    }

    /// Adds the room of the waiters for conditions on the value.
    pub(crate) fn with_conditions(self, room: Room) -> Self {
        Self { conditions: Some(Conditions::new(room)), ..self }
    }

    /// Records in a new object that every unlock offers the lock to the waiter that has waited longest.
    pub(crate) fn make_fair(&self) {
        self.room.control.is_fair.store(1, Relaxed);
    }

    pub(crate) fn is_fair(&self) -> bool {
        self.room.control.is_fair.load(Relaxed) != 0
    }

    #[inline]
    pub(crate) fn try_take(&self, me: Session) -> bool {
        // SYNC: Acquire pairs with the compare-and-swaps in `free` and `leave_to`, and with the repair of a dead holder.
        self.word.compare_exchange(0, me.owner(), Acquire, Relaxed).is_ok()
    }

    /// Takes the lock if it is free or its holder is dead. Returns `None` if a living process holds it or was just
    /// offered it.
    #[cold]
    pub(crate) fn try_take_slowly(&self, party: Party<'_, impl Repair>) -> Result<Option<Taken>> {
        loop {
            let word = match self.take_if_free(party.me) {
                Ok(taken) => return Ok(Some(taken)),
                Err(word) => word,
            };
            let slot = party.members.slot_of(word & OWNER)?;
            if party.members.is_alive(slot)? {
                return Ok(None);
            }
            party.members.reap(slot, party.repair)?;
        }
    }

    /// Takes a word that is free, offered to this process, or offered in vain (LK6). Otherwise returns the word.
    fn take_if_free(&self, me: Session) -> Result<Taken, u32> {
        // Relaxed: only what to try. The compare-and-swap acquires, and returns the newer word if it fails.
        let mut word = self.word.load(Relaxed);
        loop {
            let is_free = word & OWNER == 0;
            let may_take = is_free || (word & OFFERED != 0 && (word & OWNER == me.owner() || self.offer_ends() == 0));
            if !may_take {
                return Err(word);
            }
            // Keeps POISONED, and by LK3 also WAITERS.
            let mine = word & !(OWNER | OFFERED) | me.owner();
            // SYNC: as in `try_take`.
            match self.word.compare_exchange_weak(word, mine, Acquire, Relaxed) {
                Ok(_) => return Ok(Taken { poisoned: word & POISONED != 0 }),
                Err(now) => word = now,
            }
        }
    }

    /// Returns for how many nanoseconds an offer still lasts.
    fn offer_ends(&self) -> u64 {
        let now = clock::monotonic();
        let offered = self.room.control.offered_at.load(Relaxed);
        // A later time is that of another clock, and tells nothing.
        now.checked_sub(offered).map_or(0, |elapsed| OFFER_LASTS.saturating_sub(elapsed))
    }

    /// Waits for the lock. Returns `None` if the timeout elapsed.
    #[cold]
    pub(crate) fn take_contended(&self, party: Party<'_, impl Repair>, deadline: Deadline) -> Result<Option<Taken>> {
        if let Some(taken) = self.spin(party.me) {
            return Ok(Some(taken));
        }
        let waiter = Waiter::new(&self.room, LockGate(&self.room), party.me, 0);
        wait(party, &waiter, deadline, |round| self.check(party, round))
    }

    /// A waiter's check: takes the lock if it may.
    pub(crate) fn check(&self, party: Party<'_, impl Repair>, round: Round) -> Result<Checked<Taken>> {
        loop {
            let word = match self.take_if_free(party.me) {
                Ok(taken) => return Ok(Checked::Found(taken)),
                Err(word) => word,
            };
            if round == Round::Awake {
                return Ok(Checked::Sleep(Deadline::NEVER));
            }
            let slot = party.members.slot_of(word & OWNER)?;
            // The word names a slot without a member: no obituary will come for it (LK4).
            if party.members.is_clean(slot) && party.members.reap(slot, party.repair)? {
                continue;
            }
            // LK2.
            // SYNC: pairs with the load and the compare-and-swaps of the word in `free_slowly`.
            if word & WAITERS != 0 || self.word.compare_exchange(word, word | WAITERS, SeqCst, Relaxed).is_ok() {
                return Ok(Checked::Sleep(self.latest_wake_up(word)));
            }
        }
    }

    /// Returns until when a waiter that saw this word may sleep (LK6).
    fn latest_wake_up(&self, word: u32) -> Deadline {
        if word & OFFERED == 0 {
            return Deadline::NEVER;
        }
        Deadline::after(Duration::from_nanos(self.offer_ends()))
    }

    /// Checks again for a while before it sleeps, ever less often: each check takes the cache line away from the
    /// holder, and waking a process costs as much as all of these pauses.
    fn spin(&self, me: Session) -> Option<Taken> {
        for round in 0..SPINS {
            match self.take_if_free(me) {
                Ok(taken) => return Some(taken),
                // It is another waiter's turn.
                Err(word) if word & OFFERED != 0 => return None,
                Err(_) => (0..1_u32 << round.min(LONGEST_SPIN)).for_each(|_| spin_loop()),
            }
        }
        None
    }

    /// Takes the word away from a slot if its member is dead (R-own), or leaves. Any number of helpers may do it.
    pub(crate) fn repair(&self, slot: u32, members: &Members) -> Result<()> {
        // Only a member that held the lock may have left a value half changed.
        self.repair_holder(slot, true, members).1
    }

    /// Does the same, and poisons the lock only if the member is known to have changed the value. Returns whether the word
    /// named the slot, and how calling a waiter ended.
    pub(crate) fn repair_holder(&self, slot: u32, poisons: bool, members: &Members) -> (bool, Result<()>) {
        self.room.repair(slot);
        let (owner, mut chosen) = (slot + 1, Vec::new());
        if let Some(conditions) = &self.conditions {
            conditions.repair(slot);
            // CW6: before the word is free, as CW2. Relaxed: if the word changes meanwhile, another helper was here.
            if self.word.load(Relaxed) & (OWNER | OFFERED) == owner {
                chosen = conditions.choose_all();
            }
        }
        let poison = if poisons { POISONED } else { 0 };
        let end = |word: u32| (word & (OWNER | OFFERED) == owner).then_some(word & !OWNER | poison);
        // SYNC: Release as in `free`: a reaper hands on what the dead holder had written, as far as it had come.
        let freed = self.word.fetch_update(SeqCst, Relaxed, end).is_ok() || self.end_offer(owner);
        (freed, if freed { self.call_after_repair(chosen, members) } else { Ok(()) })
    }

    #[cold]
    fn call_after_repair(&self, chosen: Vec<Chosen>, members: &Members) -> Result<()> {
        let called = self.room.call_oldest(members).map(drop);
        let posted = self.conditions.as_ref().map_or(Ok(()), |conditions| conditions.post(chosen, members));
        called.and(posted)
    }

    /// Returns whether no member holds the lock, none is offered it, and it is not poisoned: one load for what is usual.
    #[inline]
    pub(crate) fn is_plainly_free(&self) -> bool {
        // SYNC: as in `if_unheld`.
        self.word.load(SeqCst) & (OWNER | POISONED) == 0
    }

    /// Returns how the lock would be taken, if no member holds it. A waiter to which it is offered does not hold it.
    #[inline]
    pub(crate) fn if_unheld(&self) -> Option<Taken> {
        // SYNC: SeqCst keeps it behind a store of the caller's. As Acquire it pairs with the compare-and-swaps in `free` and
        // `leave_to`, and with the repair of a dead holder.
        let word = self.word.load(SeqCst);
        (word & OWNER == 0 || word & OFFERED != 0).then_some(Taken { poisoned: word & POISONED != 0 })
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        // Relaxed: the bit alone is used. A holder has acquired the word when it took the lock.
        self.word.load(Relaxed) & POISONED != 0
    }

    pub(crate) fn clear_poison(&self) {
        // Relaxed: the change of the value is handed on when the lock is freed, and not by this bit.
        self.word.fetch_and(!POISONED, Relaxed);
    }

    /// Returns the holder's slot plus one, or 0.
    pub(crate) fn holder(&self) -> u32 {
        // SYNC: Acquire pairs with the compare-and-swap in `free`: a process that sees a former holder gone sees what it did.
        let word = self.word.load(Acquire);
        if word & OFFERED == 0 { word & OWNER } else { 0 }
    }
}

/// Notifiers learn of the waiters from the word, which the waiter's check changes.
pub(crate) struct LockGate<'a>(pub(crate) &'a Room);

impl Gate for LockGate<'_> {
    fn open(&self, _: u64) -> Deadline {
        // SYNC: pairs with the clearing of WAITERS in `free_slowly`: either the holder finds the announcement, or the check
        // finds WAITERS cleared.
        fence(SeqCst);
        Deadline::NEVER
    }

    /// The waiter has the lock, and its unlock calls the next (LK3).
    fn pass_on_used(&self, _: &Members) -> Result<()> {
        Ok(())
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.0.call_oldest(members).map(drop)
    }
}

impl Repair for Lock {
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        Self::repair(self, slot, members)
    }
}
