//! The words of a pool, and everything that is done to them.
//!
//! Each permit is one word in the segment: 0, or the slot of its holder plus one. Acquiring is one
//! compare-and-swap of a free word, found by a hint, and releasing one back to 0. A handle looks first at the permit
//! that it freed last; only who misses there says so, and is told of others: so as long as there are enough, processes
//! touch no word of each other's.
//!
//! | word | value | meaning | changed by |
//! | --- | --- | --- | --- |
//! | permit | 0 | free | whoever acquires it |
//! | permit | slot + 1 | held | its holder; whoever reaps the slot |
//! | flags | SINGLE | somebody may sleep on the doorbell of single permits | set by who is about to sleep; cleared by who posts |
//! | flags | MANY | the same for several permits at once | as above |
//! | flags | SEEKING | somebody did not find a permit where it looked first | who scans; cleared by who frees, when nobody did any more |
//! | recent | index, or NOWHERE | a permit that was freed while somebody was seeking; it may say anything | who frees; who scans, and takes the hint |
//! | turnstile | as a mutex's | who tries for several at once | as a mutex's |
//! | limit | number | permits below it are given out | `resize` |
//!
//! - **PL1** A permit has one holder: words change from free by compare-and-swap alone, and from held by
//!   the holder, or by who claimed the holder's ALIVE (R-own).
//! - **PL2** (R-sleep) Who sleeps has set its flag, reaped the dead, and found too little, in this order.
//! - **PL3** (R-wake) Who frees a word looks at the flags afterwards, and posts for each that it
//!   clears. Both sides are sequentially consistent: one of them sees the other. If a post is refused, the flag is
//!   set again for the next process that frees a word.
//! - **PL4** Who was woken and got a permit posts again if more are free: so one flag is enough for
//!   any number of sleepers.
//! - **PL5** Several permits at once are tried for by one caller at a time, the turnstile's holder, and
//!   given back whole if they fall short: so two such callers can't hold what the other needs.
//! - **PL6** A permit is freed by compare-and-swap from the slot of the process that frees it, as a lock is (LK6).
//!
//! | the process dies | what is left | who notices |
//! | --- | --- | --- |
//! | holding permits, one or several | words that name a dead slot | a sleeper, by the obituary; a newcomer that finds too little |
//! | having freed a word, before it posted | a free word | a sleeper, by the obituary |
//! | having taken a post | the event's messenger is gone | the next sleeper, by the obituary |
//! | in the turnstile | a lock that names a dead slot | as with a mutex |
//!
//! Not promised: an order among those who wait; continuous callers for one can starve a caller for many.

use super::places::{Places, Spot};
use crate::{
    doorbell::{Doorbell, Token},
    failure::Result,
    layout::Mapped,
    lock::Lock,
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::{
        AtomicU32, HINTS,
        Ordering::{Acquire, Relaxed, SeqCst},
        fence, order_seq_cst,
    },
};

const SINGLE: u32 = 1;
const MANY: u32 = 2;
const SEEKING: u32 = 4;

/// How often a caller for several permits passes over all of them in one attempt.
const PASSES: u32 = 2;

/// No hint.
const NOWHERE: u32 = u32::MAX;

const SINGLE_BELL: u16 = 0;
pub(crate) const TURNSTILE_BELL: u16 = 1;
const MANY_BELL: u16 = 2;

/// The pool's words in shared memory.
#[derive(Debug)]
pub(crate) struct PoolState {
    pub(crate) flags: Mapped<AtomicU32>,
    pub(crate) turnstile: Lock,
    pub(crate) limit: Mapped<AtomicU32>,
    pub(crate) recent: Mapped<AtomicU32>,
    pub(crate) permits: Places,
}

impl PoolState {
    /// Returns how many permits are given out; what memory says is cut to what there is.
    #[inline]
    pub(crate) fn limit(&self) -> usize {
        (self.limit.load(Relaxed) as usize).min(self.permits.capacity())
    }

    /// Claims a permit, if it is free and given out.
    #[inline]
    pub(crate) fn claim(&self, spot: Spot, me: Session) -> bool {
        // SYNC: Acquire pairs with the compare-and-swaps in `free` and `repair`: what the former holder did is done.
        (spot.index as usize) < self.limit()
            && self.permits.get(spot).compare_exchange(0, me.owner(), Acquire, Relaxed).is_ok()
    }

    /// Looks at every permit once, first where one was freed last.
    #[cold]
    pub(crate) fn scan(&self, me: Session) -> Option<usize> {
        self.claims(me).next()
    }

    /// Claims one free permit after another, in one pass over all permits.
    fn claims(&self, me: Session) -> impl Iterator<Item = usize> {
        let first = if HINTS { self.take_hint() } else { 0 };
        let free = self.permits.from(first, self.limit()).filter(|(_, permit)| permit.load(Relaxed) == 0);
        free.map(|(index, _)| index).filter(move |&index| self.claim(self.permits.spot(index), me))
    }

    /// Says that somebody seeks, and returns where a permit was freed last. Nothing depends on who sees this when.
    fn take_hint(&self) -> usize {
        if self.flags.load(Relaxed) & SEEKING == 0 {
            self.flags.fetch_or(SEEKING, Relaxed);
        }
        let recent = self.recent.load(Relaxed);
        if recent != NOWHERE {
            self.recent.store(NOWHERE, Relaxed);
        }
        if (recent as usize) < self.permits.capacity() { recent as usize } else { 0 }
    }

    pub(crate) fn available(&self) -> usize {
        self.permits.from(0, self.limit()).filter(|(_, permit)| permit.load(Relaxed) == 0).count()
    }

    /// Frees a permit that this process holds (PL6), and notifies its waiters (PL3). What fails is recorded for the next
    /// call.
    #[inline]
    pub(crate) fn free(&self, spot: Spot, me: Session, members: &Members) {
        // SYNC: SeqCst pairs with the fence in `announce`; it releases what we did to the next holder.
        if self.permits.get(spot).compare_exchange(me.owner(), 0, SeqCst, Relaxed).is_err() {
            members.record(Err(members.membership_lost()));
            return;
        }
        order_seq_cst();
        let flags = self.flags.load(SeqCst);
        if flags != 0 {
            self.tell(spot, flags, members);
        }
    }

    /// Tells who seeks or sleeps of a permit that was freed.
    #[cold]
    fn tell(&self, spot: Spot, flags: u32, members: &Members) {
        if flags & SEEKING != 0 {
            if self.recent.load(Relaxed) == NOWHERE {
                self.recent.store(spot.index, Relaxed);
            } else {
                // Nobody has taken the last hint.
                self.flags.fetch_and(!SEEKING, Relaxed);
            }
        }
        if flags & (SINGLE | MANY) != 0 {
            members.record(self.wake(members));
        }
    }

    /// Posts for the waiters of both kinds that are announced. If a post is refused, both have been tried.
    #[cold]
    pub(crate) fn wake(&self, members: &Members) -> Result<()> {
        let wake = |flag: u32| match self.flags.fetch_and(!flag, SeqCst) & flag {
            0 => Ok(()),
            _ => self.doorbell(flag).ring(members),
        };
        let single = wake(SINGLE);
        wake(MANY).and(single)
    }

    /// Returns the doorbell of the waiters that a flag announces.
    fn doorbell(&self, flag: u32) -> Doorbell<'_> {
        Doorbell::new(if flag == SINGLE { SINGLE_BELL } else { MANY_BELL }, &self.flags, flag)
    }

    /// Says that we are about to sleep, and reaps the dead (PL2).
    fn announce(&self, flag: u32, members: &Members) -> Result<()> {
        self.flags.fetch_or(flag, SeqCst);
        // SYNC: pairs with the compare-and-swap and the load in `free`: either it sees the flag, or we see the free word.
        fence(SeqCst);
        members.reap_all(self)
    }
}

/// The callers' side: taking one permit, or several at once.
impl PoolState {
    /// Nothing is free, and the caller won't wait: what the dead have is all there can be.
    #[cold]
    pub(crate) fn take_from_the_dead(&self, me: Session, members: &Members) -> Result<Option<usize>> {
        members.reap_all(self)?;
        Ok(self.scan(me))
    }

    /// R-sleep for one permit.
    #[cold]
    pub(crate) fn wait_for_one(&self, me: Session, members: &Members, deadline: Deadline) -> Result<Option<usize>> {
        let mut token = Token::none(members, self.doorbell(SINGLE));
        loop {
            token.clear_pile()?;
            self.announce(SINGLE, members)?;
            if let Some(index) = self.scan(me) {
                // PL4.
                token.used(|| self.available() > 0);
                return Ok(Some(index));
            }
            if !token.sleep(deadline)? {
                token.pass_on()?;
                return Ok(None);
            }
        }
    }

    /// Takes several permits at once (PL5), with R-sleep.
    pub(crate) fn take_many(
        &self,
        me: Session,
        members: &Members,
        count: usize,
        deadline: Deadline,
    ) -> Result<Option<Vec<usize>>> {
        let Some(_turnstile) = Turnstile::enter(self, me, members, deadline)? else { return Ok(None) };
        if let Some(indices) = self.claim_many(me, members, count) {
            return Ok(Some(indices));
        }
        if deadline == Deadline::NOW {
            members.reap_all(self)?;
            return Ok(self.claim_many(me, members, count));
        }
        let mut token = Token::none(members, self.doorbell(MANY));
        loop {
            token.clear_pile()?;
            self.announce(MANY, members)?;
            if let Some(indices) = self.claim_many(me, members, count) {
                token.used(|| false);
                return Ok(Some(indices));
            }
            // What was given back has posted the doorbell, so that the sleep below returns at once, deadline or not.
            if deadline.has_passed() || !token.sleep(deadline)? {
                token.pass_on()?;
                return Ok(None);
            }
        }
    }

    /// Claims all of so many permits, or gives back what it got (PL5).
    ///
    /// Each permit is looked at a fixed number of times, however many are wanted, and whatever other processes do.
    fn claim_many(&self, me: Session, members: &Members, count: usize) -> Option<Vec<usize>> {
        if self.available() < count {
            return None;
        }
        let mut indices = Vec::with_capacity(count);
        // Permits were acquired ahead of the first pass, and others freed behind it: the second pass finds those.
        for _ in 0..PASSES {
            indices.extend(self.claims(me).take(count - indices.len()));
            if indices.len() == count {
                return Some(indices);
            }
        }
        indices.into_iter().for_each(|index| self.free(self.permits.spot(index), me, members));
        None
    }
}

impl Repair for PoolState {
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        self.turnstile.repair(slot, members)?;
        let mut freed = false;
        for (_, permit) in self.permits.all().filter(|(_, permit)| permit.load(Relaxed) == slot + 1) {
            // Only a process that lost its membership and lives could have freed it meanwhile (PL6).
            freed |= permit.compare_exchange(slot + 1, 0, SeqCst, Relaxed).is_ok();
        }
        if freed {
            self.flags.fetch_and(!(SINGLE | MANY), SeqCst);
            let single = self.doorbell(SINGLE).ring(members);
            self.doorbell(MANY).ring(members).and(single)?;
        }
        Ok(())
    }
}

/// The right to try for several permits at once; one caller has it at a time.
struct Turnstile<'a> {
    state: &'a PoolState,
    me: Session,
    members: &'a Members,
}

impl<'a> Turnstile<'a> {
    fn enter(state: &'a PoolState, me: Session, members: &'a Members, deadline: Deadline) -> Result<Option<Self>> {
        let lock = &state.turnstile;
        // Whoever died in it held nothing that isn't repaired: its poison means nothing.
        let entered = lock.try_take(me)
            || if deadline == Deadline::NOW {
                lock.try_take_slowly(me, members, state)?.is_some()
            } else {
                lock.take_contended(me, members, state, deadline)?.is_some()
            };
        Ok(entered.then_some(Self { state, me, members }))
    }
}

impl Drop for Turnstile<'_> {
    fn drop(&mut self) {
        self.state.turnstile.free(self.me, self.members, false);
    }
}
