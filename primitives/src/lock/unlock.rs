//! Freeing the word: the fast path, and the waiter that is called or offered the lock.

use super::{HAND_OVER_AFTER, Lock, OFFERED, OWNER, POISONED, WAITERS};
use crate::{
    clock,
    failure::Result,
    members::{Members, Session},
    sync::{
        Ordering::{Relaxed, Release, SeqCst},
        order_seq_cst,
    },
    waiting::{entry::Announced, room::all},
};

impl Lock {
    /// Frees the word, if it is ours (LK7). What fails is recorded for the next call.
    #[inline]
    pub(crate) fn free(&self, me: Session, members: &Members, poison: bool) {
        self.free_value(me, members, poison, false);
    }

    /// Does the same, and says whether the value was changed, for the waiters for a condition on it.
    #[inline]
    pub(crate) fn free_value(&self, me: Session, members: &Members, poison: bool, is_changed: bool) {
        let free = if poison { POISONED } else { 0 };
        // SYNC: Release pairs with the compare-and-swap of the next holder.
        if self.word.compare_exchange(me.owner(), free, Release, Relaxed).is_err() {
            self.free_contended(me, members, free, is_changed || poison);
        }
    }

    /// Frees the word if there are waiters of any kind, or it was poisoned. It may also not be ours.
    #[cold]
    fn free_contended(&self, me: Session, members: &Members, poison: u32, is_changed: bool) {
        members.record(self.free_with_conditions(me, members, poison, is_changed));
    }

    /// Frees the word with these bits, if there are waiters of any kind, or it was poisoned. It may also not be ours.
    #[cold]
    pub(super) fn free_slowly(&self, me: Session, members: &Members, kept: u32) -> Result<()> {
        loop {
            // SYNC: pairs with the change by which a waiter sets WAITERS in `take_contended`, as each change of the
            // word here.
            let found = self.word.load(SeqCst);
            if found & (OWNER | OFFERED) != me.owner() {
                return Err(members.membership_lost());
            }
            if found & WAITERS == 0 {
                // As on the fast path.
                if self.leave_to(found, kept) {
                    return Ok(());
                }
                continue;
            }
            // LK2: a waiter that comes from now on sets it again. SYNC: SeqCst pairs with the fence in `open`.
            let word = found & !WAITERS;
            if word != found && self.word.compare_exchange(found, word, SeqCst, Relaxed).is_err() {
                continue;
            }
            order_seq_cst();
            let Some(waiter) = self.room.oldest() else {
                // Before the word is free: the unlocks that follow may take the fast path. A waiter for which a post
                // was refused is still to be posted (RM3).
                let posted = self.room.post_unposted(members);
                let next = if posted.is_ok() { kept } else { kept | WAITERS };
                if self.leave_to(word, next) {
                    return posted;
                }
                continue;
            };
            if self.is_due(waiter) {
                // LK5.
                self.room.control.offered_at.store(clock::monotonic(), Relaxed);
                if self.leave_to(word, kept | WAITERS | OFFERED | owner_of(waiter)) {
                    return self.hand_over(waiter, members);
                }
            } else if self.leave_to(word, kept | WAITERS) {
                // LK3.
                return match self.room.call(waiter, 0, all, members)? {
                    true => Ok(()),
                    false => self.room.call_oldest(members).map(drop),
                };
            }
        }
    }

    /// Replaces a word of ours by `next`. If a waiter has set WAITERS meanwhile, that does not prevent it where `next`
    /// has WAITERS anyway.
    fn leave_to(&self, word: u32, next: u32) -> bool {
        // SYNC: as in `free`. SeqCst also keeps it behind the scan of the room.
        let left = |now: u32| self.word.compare_exchange(now, next, SeqCst, Relaxed).is_ok();
        left(word) || (next & WAITERS != 0 && left(word | WAITERS))
    }

    /// Returns whether a waiter is to be offered the lock.
    fn is_due(&self, waiter: Announced) -> bool {
        self.is_fair() || clock::monotonic().saturating_sub(waiter.since) >= HAND_OVER_AFTER
    }

    /// Calls the waiter to which the lock is offered, or takes the offer back (LK5).
    fn hand_over(&self, waiter: Announced, members: &Members) -> Result<()> {
        let called = self.room.call(waiter, 0, all, members);
        if matches!(called, Ok(true)) {
            self.room.control.handed_over.fetch_add(1, Relaxed);
            return Ok(());
        }
        // The waiter has left, or sees the offer by itself, or the system refused the post. If the offer is not there
        // any more, another process has the lock, and its unlock calls.
        if self.end_offer(owner_of(waiter)) {
            let next = self.room.call_oldest(members);
            return called.and(next).map(drop);
        }
        called.map(drop)
    }

    /// Makes an offer to this owner a free lock. Returns whether it was there.
    pub(super) fn end_offer(&self, owner: u32) -> bool {
        let end = |word: u32| (word & (OWNER | OFFERED) == owner | OFFERED).then_some(word & !(OWNER | OFFERED));
        // SYNC: Release as in `free`, for the next holder. SeqCst as in `free_slowly`, for the waiters.
        self.word.fetch_update(SeqCst, Relaxed, end).is_ok()
    }
}

/// Returns how the word names the slot of a waiter.
#[expect(clippy::cast_possible_truncation, reason = "a slot has a number of 16 bits")]
fn owner_of(waiter: Announced) -> u32 {
    waiter.slot as u32 + 1
}
