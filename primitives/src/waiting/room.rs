//! A waiting room: where the waiters for one kind of thing are announced, and where notifiers find them.
//!
//! Things of one room are interchangeable: items of a ring, its free slots, permits, a lock. Each slot of the object has an
//! entry, and a doorbell on which only that slot's member sleeps.
//!
//! | word of an entry | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | AWAKE | the member does not sleep here | ANNOUNCED(t) | the member |
//! | ANNOUNCED(t) | it is about to sleep, or asleep | UNPOSTED(t) | a notifier, by compare-and-swap |
//! | UNPOSTED(t) | it was chosen, and its doorbell is to be posted | CALLED(t) | that notifier, or any other that finds no waiter to choose |
//! | CALLED(t) | its doorbell was posted | | |
//! | each of the last three | | AWAKE | the member, by a swap; a helper of its slot |
//!
//! The ticket `t` is the time at which the wait began, in nanoseconds of `CLOCK_MONOTONIC`, and one more for each further
//! round. So the lowest ticket has waited longest, and no announcement has the ticket of another: a notifier that was
//! stopped changes nothing that came later. In another time namespace the clock may be another one: then the order is
//! wrong, and nothing else.
//!
//! | other word | meaning | changed by |
//! | --- | --- | --- |
//! | `interest` of an entry | what the member waits for, where a room needs it | the member, before it announces itself |
//! | `reach` | entries from here on were never announced | a member, before its first announcement |
//! | `ends` | how often all waiters were called together | a notifier that calls all |
//!
//! - **RM1** A notifier chooses by compare-and-swap from ANNOUNCED, so each event chooses one waiter, and no two events choose
//!   the same. It posts afterwards.
//! - **RM2** A notifier that finds no waiter to choose posts for each UNPOSTED one: the notifier that chose it may be stopped
//!   before its post. A post too many wakes a waiter that finds nothing.
//!   The flag stays up as long as a waiter is announced or UNPOSTED.
//! - **RM3** If the system refuses a post, the entry is ANNOUNCED again, so the next notifier that may post chooses it.
//! - **RM4** A helper makes the entry of a dead slot AWAKE before it checks for itself. A notifier that chose the dead member
//!   before that had made its thing available, so the helper's check sees it.

use crate::{
    failure::Result,
    layout::Mapped,
    members::Members,
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
        order_seq_cst,
    },
    waiting::{Withdrawn, desk::Desk, flag::Flag},
};

const STATE: u64 = 0b11;
const AWAKE: u64 = 0;
const ANNOUNCED: u64 = 1;
const UNPOSTED: u64 = 2;
const CALLED: u64 = 3;
const TICKET_SHIFT: u32 = 2;

/// Where one member is announced.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Entry {
    word: AtomicU64,
    interest: AtomicU64,
}

/// What the members of a room share. No fast path touches it.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct RoomControl {
    reach: AtomicU32,
    ends: AtomicU32,
    /// How often a waiter was announced to sleep.
    slept: AtomicU64,
    /// How many waiters were called.
    called: AtomicU64,
    /// How many waiters of a lock were offered it.
    pub(crate) handed_over: AtomicU64,
    /// When the lock was last offered. A holder writes it before it offers.
    pub(crate) offered_at: AtomicU64,
    /// Not 0: every unlock offers the lock.
    pub(crate) is_fair: AtomicU32,
}

/// The doorbells of a room, one for each slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotBells {
    pub(crate) first: u16,
    pub(crate) stride: u16,
}

/// A waiting room, as one handle knows it.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) control: Mapped<RoomControl>,
    entries: Mapped<[Entry]>,
    bells: SlotBells,
    pub(crate) desk: Desk,
}

/// A waiter that was found announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiter {
    pub(crate) slot: usize,
    pub(crate) interest: u64,
    word: u64,
}

impl Waiter {
    /// Returns the time at which its wait began.
    pub(crate) fn ticket(self) -> u64 {
        self.word >> TICKET_SHIFT
    }

    fn in_state(self, state: u64) -> u64 {
        self.word & !STATE | state
    }
}

/// The announced waiter that has waited longest, and whether no other one is announced or UNPOSTED.
struct Found {
    oldest: Waiter,
    is_only: bool,
}

impl Room {
    pub(crate) fn new(control: Mapped<RoomControl>, entries: Mapped<[Entry]>, bells: SlotBells) -> Self {
        Self { control, entries, bells, desk: Desk::new() }
    }

    /// Returns the doorbell of a slot.
    #[expect(clippy::cast_possible_truncation, reason = "a slot has a number of 16 bits")]
    pub(crate) fn bell(&self, slot: usize) -> u16 {
        self.bells.first + slot as u16 * self.bells.stride
    }

    /// Announces the member of a slot. What makes notifiers look here comes afterwards, and a fence.
    pub(crate) fn announce(&self, slot: usize, ticket: u64, interest: u64) {
        let reach = &self.control.reach;
        #[expect(clippy::cast_possible_truncation, reason = "a slot has a number of 16 bits")]
        let needed = slot as u32 + 1;
        if reach.load(Relaxed) < needed {
            reach.fetch_max(needed, SeqCst);
        }
        self.control.slept.fetch_add(1, Relaxed);
        let entry = &self.entries[slot];
        entry.interest.store(interest, Relaxed);
        // SYNC: SeqCst pairs with the loads in `announced`, through the flag or the lock word that is changed afterwards. It
        // also hands the interest on.
        entry.word.store(ticket << TICKET_SHIFT | ANNOUNCED, SeqCst);
    }

    /// Changes what an announced member waits for.
    pub(crate) fn change_interest(&self, slot: usize, interest: u64) {
        self.entries[slot].interest.store(interest, SeqCst);
    }

    /// Takes an announcement back.
    pub(crate) fn withdraw(&self, slot: usize) -> Withdrawn {
        // SYNC: Acquire pairs with the compare-and-swap of the notifier: what it was called for is there.
        let was = self.entries[slot].word.swap(AWAKE, AcqRel);
        match was & STATE {
            UNPOSTED => Withdrawn::Chosen,
            CALLED => Withdrawn::Posted,
            _ => Withdrawn::Uncalled,
        }
    }

    /// Clears the entry of a dead slot (RM4), or of one that leaves.
    pub(crate) fn repair(&self, slot: u32) {
        self.entries[slot as usize].word.store(AWAKE, SeqCst);
    }

    /// Returns how often all waiters were called together.
    pub(crate) fn ends(&self) -> u32 {
        self.control.ends.load(SeqCst)
    }

    fn entries(&self) -> impl Iterator<Item = (usize, &Entry)> {
        // What memory says never reaches outside.
        let reach = self.control.reach.load(SeqCst) as usize;
        self.entries[..reach.min(self.entries.len())].iter().enumerate()
    }

    /// Returns every waiter in one of two states.
    fn in_states(&self, first: u64, second: u64) -> impl Iterator<Item = Waiter> {
        self.entries().filter_map(move |(slot, entry)| {
            let word = entry.word.load(SeqCst);
            let interest = entry.interest.load(Acquire);
            // If the word changed in between, the interest may be that of another wait. The compare-and-swap that chooses
            // the waiter fails then: a ticket comes once.
            (word & STATE == first || word & STATE == second).then_some(Waiter { slot, interest, word })
        })
    }

    fn find(&self) -> Option<Found> {
        let (mut oldest, mut waiters) = (None::<Waiter>, 0);
        for waiter in self.in_states(ANNOUNCED, UNPOSTED) {
            waiters += 1;
            let is_older = oldest.is_none_or(|oldest| waiter.ticket() < oldest.ticket());
            if waiter.word & STATE == ANNOUNCED && is_older {
                oldest = Some(waiter);
            }
        }
        oldest.map(|oldest| Found { oldest, is_only: waiters == 1 })
    }

    /// Returns whether a waiter is announced, or may not have been posted yet.
    pub(crate) fn has_waiters(&self) -> bool {
        self.in_states(ANNOUNCED, UNPOSTED).next().is_some()
    }

    /// Returns the announced waiter that has waited longest.
    pub(crate) fn oldest(&self) -> Option<Waiter> {
        self.find().map(|found| found.oldest)
    }

    /// Calls a waiter that was found announced (RM1). Returns whether it still was.
    pub(crate) fn call(&self, waiter: Waiter, members: &Members) -> Result<bool> {
        if !self.choose(waiter) {
            return Ok(false);
        }
        self.post(waiter, members)?;
        Ok(true)
    }

    fn choose(&self, waiter: Waiter) -> bool {
        self.swap(waiter.slot, waiter.word, waiter.in_state(UNPOSTED))
    }

    fn swap(&self, slot: usize, from: u64, to: u64) -> bool {
        self.entries[slot].word.compare_exchange(from, to, SeqCst, Relaxed).is_ok()
    }

    /// Posts for a waiter that is UNPOSTED.
    fn post(&self, waiter: Waiter, members: &Members) -> Result<()> {
        let posted = members.post(self.bell(waiter.slot));
        self.mark(waiter, posted.is_ok());
        posted
    }

    /// Says what became of a post. It changes nothing if the waiter is awake already.
    fn mark(&self, waiter: Waiter, is_posted: bool) {
        // RM3.
        let next = if is_posted { CALLED } else { ANNOUNCED };
        self.swap(waiter.slot, waiter.in_state(UNPOSTED), waiter.in_state(next));
        self.control.called.fetch_add(1, Relaxed);
    }

    /// Posts for every waiter that was chosen, and perhaps not posted (RM2).
    pub(crate) fn post_unposted(&self, members: &Members) -> Result<()> {
        self.in_states(UNPOSTED, UNPOSTED).map(|waiter| self.post(waiter, members)).fold(Ok(()), Result::and)
    }

    /// Calls the waiter that has waited longest. Returns whether there was one.
    #[cold]
    pub(crate) fn call_oldest(&self, members: &Members) -> Result<bool> {
        // What is waited for was changed by a sequentially consistent operation before.
        order_seq_cst();
        while let Some(waiter) = self.oldest() {
            if self.call(waiter, members)? {
                return Ok(true);
            }
        }
        self.post_unposted(members).map(|()| false)
    }

    /// Notifies one waiter of a thing that was made available, if a flag says that there are any. Returns whether it called
    /// one.
    #[cold]
    pub(crate) fn notify(&self, flag: &Flag, members: &Members) -> Result<bool> {
        let Some(seen) = flag.seen() else { return Ok(false) };
        while let Some(Found { oldest, is_only }) = self.find() {
            if self.call(oldest, members)? {
                if is_only {
                    flag.lower(seen);
                }
                return Ok(true);
            }
        }
        // RM2 first: later notifiers must find the flag up, if this one is stopped or refused.
        self.post_unposted(members)?;
        flag.lower(seen);
        Ok(false)
    }

    /// Notifies every waiter: each checks again.
    #[cold]
    pub(crate) fn notify_all(&self, members: &Members) -> Result<()> {
        // Before the entries are read: a waiter that is awake now compares it after it announced itself.
        self.control.ends.fetch_add(1, SeqCst);
        let waiters: Vec<Waiter> = self.in_states(ANNOUNCED, UNPOSTED).collect();
        let chosen = waiters.into_iter().filter(|&waiter| waiter.word & STATE == UNPOSTED || self.choose(waiter));
        let chosen: Vec<Waiter> = chosen.collect();
        let posted = members.post_all(chosen.iter().map(|waiter| self.bell(waiter.slot)));
        chosen.into_iter().for_each(|waiter| self.mark(waiter, posted.is_ok()));
        posted
    }
}
