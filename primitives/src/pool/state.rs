//! The shared state of a pool, and the operations on it. Waiting is in `wait`.
//!
//! Each permit is one word in the segment: 0, or the slot of its holder plus one. Acquiring is one compare-and-swap of
//! a free word, found by a hint, and releasing one back to 0. A handle tries the permit first that it freed last. Only
//! a handle that misses there sets a flag, and is then given hints. So as long as there are enough permits, processes
//! touch no word of each other's.
//!
//! | word | value | meaning | changed by |
//! | --- | --- | --- | --- |
//! | permit | 0 | free | a process that acquires it |
//! | permit | slot + 1 | held | its holder, a reaper of the slot |
//! | flag | see `waiting::flag` | there may be waiters, for one permit or for several | waiters; notifiers |
//! | flag | its hint | a handle did not find a permit at its first try | a handle that scans, or a handle that frees if the last hint was not taken |
//! | recent | index, or NOWHERE | a permit that was freed while the hint was set. It may have any value | a handle that frees, or a handle that scans and takes it |
//! | turnstile | 0, or slot + 1 | which member claims several permits just now | that member, a reaper of its slot |
//! | shortage | | see `shortage` | |
//! | limit | number | permits below it are given out | `resize` |
//!
//! - **PL1** A permit has one holder: words change from free by compare-and-swap alone, and from held by the holder or by
//!   the reaper of its slot (R-own).
//! - **PL2** (R-sleep) A waiter has announced itself in one of two rooms, raised the flag and fenced, and then found too
//!   little, in this order.
//! - **PL3** (R-wake) A process that frees a word checks the flag afterwards. It calls the waiter for one permit that
//!   has waited longest. It also calls the waiter for several that has waited longest, if there are enough for it.
//! - **PL4** Several permits are claimed by one member at a time, the turnstile's holder. It releases all of them if
//!   they are too few, so no two callers hold what the other needs. It neither sleeps nor waits there: it makes two
//!   passes over the permits.
//! - **PL5** A process that leaves the turnstile, or the room of the callers for several, does as PL3 says for that
//!   room. So a waiter is called that found the turnstile taken, or stood behind a waiter that left.
//! - **PL6** A permit is freed by compare-and-swap from the slot of the process that frees it, as a lock is (LK7).
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | holding permits, one or several | words that name a dead slot | a waiter, by the obituary; a caller that finds too little |
//! | having freed a word, before it called | a free word | each waiter, by the obituary |
//! | called | a call without effect | the same |
//! | in the turnstile | a turnstile that names a dead slot | the same |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | holding permits | these permits |
//! | in the turnstile | callers for several. Callers for one go on |
//! | woken, or before it called | the permits that it was called for, until another process comes, or frees one |
//! | waiting, asleep | nothing, but for the next line: another waiter is called (RM6) |
//! | waiting for several, and first in line | callers for several that wait behind it, as if it ran. A caller that comes does not wait if it finds enough |
//!
//! Not promised: continuous callers for one can starve a caller for many, and so can callers for fewer that come, since they take
//! what they find. Of the callers for several that sleep, a release calls the oldest alone (PL3). But a younger one that needs less
//! may acquire first: if it begins to wait and checks, after a death, when all check, or if the oldest is stopped, or called before
//! it sleeps (RM6).

use super::{
    shortage::{BeforeCount, Shortage},
    spots::{Spot, Spots},
};
use crate::{
    failure::Result,
    layout::Mapped,
    members::{Members, Repair, Session},
    sync::{
        AtomicU32, HINTS,
        Ordering::{Acquire, Relaxed, SeqCst},
        fence, order_seq_cst,
    },
    waiting::{Party, flag::Flag, room::Room},
};

/// How often a caller for several permits passes over all of them in one attempt.
const PASSES: u32 = 2;

/// No hint.
const NOWHERE: u32 = u32::MAX;

/// The pool's words in shared memory.
#[derive(Debug)]
pub(crate) struct PoolState {
    pub(crate) flag: Mapped<Flag>,
    pub(crate) turnstile: Mapped<AtomicU32>,
    pub(crate) limit: Mapped<AtomicU32>,
    pub(crate) recent: Mapped<AtomicU32>,
    pub(crate) permits: Spots,
    /// Of the waiters for one permit.
    pub(crate) singles: Room,
    /// Of the waiters for several: their interest is how many.
    pub(crate) many: Room,
    pub(crate) shortage: Mapped<Shortage>,
}

/// What came of an attempt to claim several permits.
pub(crate) enum Attempt {
    Claimed(Vec<usize>),
    TooFew,
    /// A member is in the turnstile.
    Occupied,
}

impl PoolState {
    /// Returns how many permits are given out. The number in memory is cut to the capacity.
    #[inline]
    pub(crate) fn limit(&self) -> usize {
        // Relaxed: a stale limit is as good as one a moment earlier. For waiters the fences in `resize` and `open`
        // order it.
        (self.limit.load(Relaxed) as usize).min(self.permits.capacity())
    }

    /// Returns where waiters wait.
    #[cfg(feature = "async")]
    pub(crate) fn rooms(&self) -> [&Room; 2] {
        [&self.singles, &self.many]
    }

    /// Claims a permit, if it is free and given out.
    #[inline]
    pub(crate) fn claim(&self, spot: Spot, me: Session) -> bool {
        // SYNC: Acquire pairs with the compare-and-swaps in `free` and `repair`: what the former holder did is visible.
        (spot.index as usize) < self.limit()
            && self.permits.get(spot).compare_exchange(0, me.owner(), Acquire, Relaxed).is_ok()
    }

    /// Tries every permit once, beginning where a permit was freed last.
    #[cold]
    pub(crate) fn scan(&self, me: Session) -> Option<usize> {
        self.claims(me).next()
    }

    /// Claims one free permit after another, in one pass over all permits.
    fn claims(&self, me: Session) -> impl Iterator<Item = usize> {
        // A pass that begins where a permit was freed last finds a free one soonest.
        let first = if HINTS { self.take_hint() } else { 0 };
        // Relaxed: only a filter. The compare-and-swap in `claim` decides, and acquires.
        let free = self.permits.from(first, self.limit()).filter(|(_, permit)| permit.load(Relaxed) == 0);
        free.map(|(index, _)| index).filter(move |&index| self.claim(self.permits.spot(index), me))
    }

    /// Asks for hints, and returns where a permit was freed last. Nothing depends on which process sees this when.
    fn take_hint(&self) -> usize {
        if !self.flag.has_hint() {
            self.flag.set_hint(true);
        }
        let recent = self.recent.load(Relaxed);
        // One handle takes a hint. The line is written only if there is one, since all scans read it.
        if recent != NOWHERE {
            self.recent.store(NOWHERE, Relaxed);
        }
        if (recent as usize) < self.permits.capacity() { recent as usize } else { 0 }
    }

    pub(crate) fn available(&self) -> usize {
        // Relaxed: a number as it was a moment ago. A waiter that counts has fenced before.
        self.permits.from(0, self.limit()).filter(|(_, permit)| permit.load(Relaxed) == 0).count()
    }

    /// Frees a permit that this process holds (PL6), and notifies its waiters (PL3). What fails is recorded for the next
    /// call.
    #[inline]
    pub(crate) fn free(&self, spot: Spot, me: Session, members: &Members) {
        // SYNC: SeqCst pairs with the fence in `open` of a waiter. It also releases what this process did to the next
        // holder in `claim`.
        if self.permits.get(spot).compare_exchange(me.owner(), 0, SeqCst, Relaxed).is_err() {
            // The slot was reaped, and the permit given to another: it must not be freed a second time.
            members.record(Err(members.membership_lost()));
            return;
        }
        order_seq_cst();
        if self.flag.is_any() {
            self.notify_of(spot, members);
        }
    }

    /// Notifies handles that scan, and waiters, of a permit that was freed.
    #[cold]
    fn notify_of(&self, spot: Spot, members: &Members) {
        if self.flag.has_hint() {
            if self.recent.load(Relaxed) == NOWHERE {
                self.recent.store(spot.index, Relaxed);
            } else {
                // No handle has taken the last hint.
                self.flag.set_hint(false);
            }
        }
        members.record(self.notify(1, members));
    }

    /// Notifies waiters of so many permits that were freed (PL3). If a post is refused, both rooms have been tried.
    #[cold]
    pub(crate) fn notify(&self, freed: usize, members: &Members) -> Result<()> {
        let Some(seen) = self.flag.seen() else { return Ok(()) };
        // Before the check whether a count is due: a process that counts meanwhile knows of these permits (PS1).
        self.shortage.add(freed);
        // One waiter for each permit. More of them would wake in vain.
        let singles = (0..freed).try_for_each(|_| match self.singles.call_oldest(members) {
            Ok(true) => Ok(()),
            // There are no more of them.
            Ok(false) => Err(Ok(())),
            Err(failure) => Err(Err(failure)),
        });
        // PS1: `due` is read before the permits are counted, so a waiter that comes meanwhile is noticed.
        let before = self.shortage.before_count();
        let many = if before.is_due() { self.call_for_many(before, members) } else { Ok(()) };
        // WF1: it fails if a waiter was announced after `seen`.
        if !self.singles.has_waiters() && !self.many.has_waiters() {
            self.flag.lower(seen);
        }
        many.and(singles.or_else(|end| end))
    }

    /// Calls the waiter for several that has waited longest, if it finds enough.
    fn call_for_many(&self, before: BeforeCount, members: &Members) -> Result<()> {
        while let Some(waiter) = self.many.oldest() {
            // Only the first waiter is served, so that a caller for many is not starved by callers for fewer that sleep.
            let missing = waiter.interest.saturating_sub(self.available() as u64);
            if missing > 0 {
                // The next count is due only when as many permits were freed. Until then each release is spared one.
                self.shortage.set(before, missing);
                break;
            }
            let fits = |count: u64| count <= self.available() as u64;
            if self.many.call(waiter, 0, fits, members)? {
                return Ok(());
            }
        }
        // A notifier that was stopped between its choice and its post holds up no waiter: its post is done here.
        self.many.post_unposted(members)
    }

    /// Notifies the waiters for several: the turnstile is free, or one of them has left (PL5).
    pub(crate) fn notify_many(&self, members: &Members) -> Result<()> {
        // SYNC: pairs with the fence in `open` of a waiter: either it sees what changed, or we see the flag.
        fence(SeqCst);
        if !self.flag.is_up() {
            return Ok(());
        }
        // What another process counted was for the waiter that was first before.
        self.shortage.forget();
        self.call_for_many(self.shortage.before_count(), members)
    }

    /// Claims all of so many permits, or none (PL4).
    pub(crate) fn claim_many(&self, party: Party<'_, Self>, count: usize) -> Attempt {
        let Party { members, me, .. } = party;
        if count <= 1 {
            // PL4 needs the turnstile only for several: one permit is claimed in one step.
            let claimed: Vec<usize> = self.claims(me).take(count).collect();
            return if claimed.len() == count { Attempt::Claimed(claimed) } else { Attempt::TooFew };
        }
        // A check without the turnstile, so that callers that can't succeed don't hold up each other.
        if self.available() < count {
            return Attempt::TooFew;
        }
        // SYNC: Acquire pairs with the compare-and-swap at the end, and with the repair of a dead holder.
        if self.turnstile.compare_exchange(0, me.owner(), Acquire, Relaxed).is_err() {
            return Attempt::Occupied;
        }
        let claimed = self.claim_all(party, count);
        // A process that lost its membership meanwhile leaves the turnstile of another alone.
        // SYNC: pairs with the compare-and-swap by which the next member takes the turnstile.
        let _ = self.turnstile.compare_exchange(me.owner(), 0, SeqCst, Relaxed);
        // The caller has a result already.
        members.record(self.notify_many(members));
        claimed.map_or(Attempt::TooFew, Attempt::Claimed)
    }

    /// Claims `count` permits, or none. Each permit is checked a fixed number of times, whatever other processes do.
    fn claim_all(&self, party: Party<'_, Self>, count: usize) -> Option<Vec<usize>> {
        let Party { members, me, .. } = party;
        let mut indices = Vec::with_capacity(count);
        // Permits were acquired ahead of the first pass, and others freed behind it: the second pass finds those.
        for _ in 0..PASSES {
            indices.extend(self.claims(me).take(count - indices.len()));
            if indices.len() == count {
                return Some(indices);
            }
        }
        // PL4: all or none. The waiters of these permits are called as for any release.
        indices.into_iter().for_each(|index| self.free(self.permits.spot(index), me, members));
        None
    }

    /// Acquires a permit without waiting, after a scan found none free: only dead members may have some.
    #[cold]
    pub(crate) fn take_from_the_dead(&self, party: Party<'_, Self>) -> Result<Option<usize>> {
        party.reap_all()?;
        Ok(self.scan(party.me))
    }
}

impl Repair for PoolState {
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        let owner = slot + 1;
        // First its announcements, so that no call below goes to the dead member.
        [&self.singles, &self.many].into_iter().for_each(|room| room.repair(slot));
        // SYNC: these pair with the compare-and-swaps in `claim_many` and `claim`: the next holder sees what the dead
        // one did.
        let left = self.turnstile.compare_exchange(owner, 0, SeqCst, Relaxed).is_ok();
        let mut freed = 0;
        // Relaxed: a word that names a dead member keeps that name until a helper frees it.
        for (_, permit) in self.permits.all().filter(|(_, permit)| permit.load(Relaxed) == owner) {
            // Another helper may have freed it meanwhile, and a living member may have it by now (MB7).
            freed += usize::from(permit.compare_exchange(owner, 0, SeqCst, Relaxed).is_ok());
        }
        // SYNC: as in `notify_many`.
        fence(SeqCst);
        let notified = if freed > 0 { self.notify(freed, members) } else { Ok(()) };
        if left { self.notify_many(members).and(notified) } else { notified }
    }
}
