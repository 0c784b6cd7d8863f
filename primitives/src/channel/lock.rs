//! A channel's lock word, whose waiters share a doorbell. The other primitives have the fair one of `crate::lock`.
//!
//! Locking and unlocking are one atomic operation each; only a caller that must wait, and a
//! holder that finds a waiter announced, ask the kernel.
//!
//! The word:
//!
//! | bits | meaning | set by | cleared by |
//! | --- | --- | --- | --- |
//! | 0–15 | 0: free; else the holder's slot plus one | the holder, by compare-and-swap from free | the holder, by compare-and-swap from its own slot; the reaper of its slot, likewise |
//! | 16 WAITERS | a waiter may sleep on the doorbell | a waiter before it sleeps; a holder that has slept | the process that frees the word, and posts |
//! | 17 POISONED | a holder died or panicked | the reaper; a holder that panics | `clear_poison`; an unlock that says so |
//!
//! - **LK1** The session whose compare-and-swap took the free word holds the lock until it frees the word, or its
//!   slot is reaped. Only the process that claimed its ALIVE reaps a slot (R-own), so not while the holder lives.
//! - **LK2** A word is never freed with WAITERS set without a later post of the doorbell, by the process that freed it or
//!   by its obituary. If the post is refused, WAITERS is set again on the free word, and the next holder posts.
//! - **LK3** A sleeper has seen a living holder after WAITERS was set, so that holder's unlock or death comes later and
//!   posts.
//! - **LK4** A woken waiter keeps WAITERS set when it takes the lock, so the next unlock wakes the next waiter.
//! - **LK5** A waiter that took a post and times out posts first: an event is never lost with its messenger.
//! - **LK6** A word is freed by compare-and-swap from the slot of the process that frees it. A process that lost its
//!   membership, and whose slot was reaped, leaves the word of the next holder alone, unless that has the very same slot.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | before the compare-and-swap | nothing | – |
//! | holding the lock | a word that names a dead slot | a sleeper, by the obituary; a newcomer, when it finds the holder dead: the lock is poisoned |
//! | having freed the word, before it posted | a free word | a sleeper, by the obituary |
//! | waiting, having set WAITERS | a WAITERS bit too many: one post too many | no action is needed |
//! | having taken a post | that event's messenger is gone | the next sleeper, by the obituary |
//!
//! Not promised: an order among the waiters.

use crossbeam_utils::Backoff;

use crate::{
    channel::doorbell::{Doorbell, Token},
    failure::Result,
    layout::Mapped,
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::{
        AtomicU32,
        Ordering::{Acquire, Relaxed, Release},
    },
};

const OWNER: u32 = 0xffff;
const WAITERS: u32 = 1 << 16;
const POISONED: u32 = 1 << 17;

/// The word alone: locking, unlocking, waiting and repairing.
#[derive(Debug)]
pub(crate) struct Lock {
    word: Mapped<AtomicU32>,
    bell: u16,
}

/// How a lock was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) poisoned: bool,
}

impl Lock {
    pub(crate) fn new(word: Mapped<AtomicU32>, bell: u16) -> Self {
        Self { word, bell }
    }

    #[inline]
    pub(crate) fn try_take(&self, me: Session) -> bool {
        // SYNC: Acquire pairs with the compare-and-swap in `free` and with the repair of a dead holder.
        self.word.compare_exchange(0, me.owner(), Acquire, Relaxed).is_ok()
    }

    /// Takes the lock if it is free or its holder is dead; `None` if a living process holds it.
    #[cold]
    pub(crate) fn try_take_slowly(
        &self,
        me: Session,
        members: &Members,
        repair: &impl Repair,
    ) -> Result<Option<Taken>> {
        loop {
            match self.take_if_free(me, 0) {
                Ok(taken) => return Ok(Some(taken)),
                Err(word) if self.holder_is_alive(word, members, repair)? => return Ok(None),
                Err(_) => {}
            }
        }
    }

    /// Takes a free word, or returns what it is.
    fn take_if_free(&self, me: Session, waiters: u32) -> Result<Taken, u32> {
        let mut word = self.word.load(Relaxed);
        while word & OWNER == 0 {
            // Keeps the poison, and by LK4 the hint that others sleep.
            let mine = me.owner() | word & (POISONED | WAITERS) | waiters;
            // SYNC: as in `try_take`.
            match self.word.compare_exchange_weak(word, mine, Acquire, Relaxed) {
                Ok(_) => return Ok(Taken { poisoned: word & POISONED != 0 }),
                Err(now) => word = now,
            }
        }
        Err(word)
    }

    /// Returns whether a word's holder lives; if it doesn't, the word is repaired when this returns.
    fn holder_is_alive(&self, word: u32, members: &Members, repair: &impl Repair) -> Result<bool> {
        let slot = members.slot_of(word & OWNER)?;
        Ok(members.is_alive(slot)? || !members.reap(slot, repair)?)
    }

    /// Waits for the lock; `None` when the time is over.
    #[cold]
    pub(crate) fn take_contended(
        &self,
        me: Session,
        members: &Members,
        repair: &impl Repair,
        deadline: Deadline,
    ) -> Result<Option<Taken>> {
        if let Some(taken) = self.spin(me) {
            return Ok(Some(taken));
        }
        let mut token = Token::none(members, self.doorbell());
        loop {
            token.clear_pile()?;
            let waiters = if token.has_slept() { WAITERS } else { 0 };
            let word = match self.take_if_free(me, waiters) {
                Ok(taken) => {
                    // LK4: our unlock passes the event on.
                    token.used(|| false);
                    return Ok(Some(taken));
                }
                Err(word) => word,
            };
            if word & WAITERS == 0 && self.word.compare_exchange(word, word | WAITERS, Relaxed, Relaxed).is_err() {
                continue;
            }
            // LK3: the holder is looked at after WAITERS was set.
            if !self.holder_is_alive(word, members, repair)? {
                continue;
            }
            if !token.sleep(deadline)? {
                // LK5.
                token.pass_on()?;
                return Ok(None);
            }
        }
    }

    /// Looks again and again for a while before it sleeps, ever less often: waking another processor
    /// costs some ten microseconds, and most holders are done sooner.
    fn spin(&self, me: Session) -> Option<Taken> {
        let backoff = Backoff::new();
        while !backoff.is_completed() {
            match self.take_if_free(me, 0) {
                Ok(taken) => return Some(taken),
                // Others sleep already: the holder's unlock goes to them.
                Err(word) if word & WAITERS != 0 => return None,
                Err(_) => backoff.snooze(),
            }
        }
        None
    }

    /// Frees the word, if it is ours (LK6). What fails is recorded for the next call.
    #[inline]
    pub(crate) fn free(&self, me: Session, members: &Members, poison: bool) {
        let free = if poison { POISONED } else { 0 };
        // SYNC: Release pairs with the compare-and-swap of the next holder.
        if self.word.compare_exchange(me.owner(), free, Release, Relaxed).is_err() {
            self.free_slowly(me, members, free);
        }
    }

    /// There are waiters, or it was poisoned, or it is not ours.
    #[cold]
    fn free_slowly(&self, me: Session, members: &Members, free: u32) {
        members.record(match self.free_from(me.owner(), free) {
            Some(word) if word & WAITERS != 0 => self.doorbell().ring(members),
            Some(_) => Ok(()),
            None => Err(members.membership_lost()),
        });
    }

    /// Frees the word if it names this owner, and returns what it was.
    fn free_from(&self, owner: u32, free: u32) -> Option<u32> {
        let mut word = self.word.load(Acquire);
        // WAITERS may be set meanwhile.
        while word & OWNER == owner {
            // SYNC: as in `free`; a reaper hands on what the dead holder had written, as far as it had come.
            match self.word.compare_exchange_weak(word, free, Release, Relaxed) {
                Ok(_) => return Some(word),
                Err(now) => word = now,
            }
        }
        None
    }

    fn doorbell(&self) -> Doorbell<'_> {
        Doorbell::new(self.bell, &self.word, WAITERS)
    }

    /// Takes the word away from a slot whose ALIVE the caller holds (R-own).
    pub(crate) fn repair(&self, slot: u32, members: &Members) -> Result<()> {
        match self.free_from(slot + 1, POISONED) {
            Some(word) if word & WAITERS != 0 => self.doorbell().ring(members),
            _ => Ok(()),
        }
    }
}

impl Repair for Lock {
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        Self::repair(self, slot, members)
    }
}
