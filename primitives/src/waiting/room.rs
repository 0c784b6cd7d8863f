//! A waiting room: where the waiters for one kind of thing are announced, and where notifiers find them.
//!
//! Each slot of the object has an [`Entry`](super::entry), and a doorbell on which only that slot's member sleeps.
//!
//! Things of most rooms are interchangeable: items of a ring, its free slots, permits, a lock. In a room with *named* calls they
//! are not: each call says what it is for, and the interest of a waiter is a set of bits.
//!
//! | other word | meaning | changed by |
//! | --- | --- | --- |
//! | `reach` | entries from here on were never announced | a member, before its first announcement |
//! | `ends` | how often all waiters were called together | a notifier that calls all |
//!
//! - **RM1** A notifier chooses by compare-and-swap from ANNOUNCED, so each event chooses a waiter of its own, and no two events
//!   choose the same. It posts afterwards.
//! - **RM2** A notifier that finds no waiter to choose posts for each UNPOSTED one: the notifier that chose it may be stopped
//!   before its post. A post too many wakes a waiter that finds nothing.
//!   The flag stays up as long as a waiter is announced or UNPOSTED.
//! - **RM3** If the system refuses the post of the notifier that chose a waiter, the entry is ANNOUNCED again, so the next
//!   notifier that may post chooses it. Another notifier that is refused its post leaves the entry UNPOSTED, and the flag up.
//! - **RM4** A helper makes the entry of a dead slot AWAKE before it checks for itself. A notifier that chose the dead member
//!   before that had made its thing available, so the helper's check sees it.
//! - **RM5** Where interests differ, a notifier chooses among the fitting waiters, and posts for the fitting UNPOSTED ones. Several
//!   flags may lead to one room. Each stays up as long as a waiter *keeps* it. A waiter keeps each flag that may have
//!   been raised for a part of what it waits for, since an announced interest may grow (EN2).
//! - **RM6** A notifier that has called a waiter checks whether its post was left lying there, if another fitting waiter is
//!   announced or UNPOSTED. If it was, the waiter is stopped, or has not begun to sleep. So the notifier calls the next one as
//!   well, until one of them has taken its post, or none is left. A waiter that took a post checks afterwards. A call too
//!   many wakes a waiter that finds nothing.

use std::sync::Arc;

use crate::{
    failure::Result,
    layout::Mapped,
    members::Members,
    set_layout::SlotBells,
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
        order_seq_cst,
    },
    waiting::{
        Withdrawn,
        desk::Desk,
        entry::{ANNOUNCED, Announced, Chosen, Entry, UNPOSTED},
        flag::Flag,
        interests::Interests,
    },
};

/// What the members of a room share. No fast path touches it.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct RoomControl {
    pub(super) reach: AtomicU32,
    ends: AtomicU32,
    /// How often a waiter was announced to sleep.
    pub(super) slept: AtomicU64,
    /// How many waiters were called.
    pub(super) called: AtomicU64,
    /// How many waiters of a lock were offered it.
    pub(crate) handed_over: AtomicU64,
    /// When the lock was last offered. A holder writes it before it offers.
    pub(crate) offered_at: AtomicU64,
    /// Not 0: every unlock offers the lock.
    pub(crate) is_fair: AtomicU32,
}

/// A waiting room, as one handle knows it.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) control: Mapped<RoomControl>,
    pub(super) entries: Mapped<[Entry]>,
    pub(super) bells: SlotBells,
    pub(super) interests: Interests,
    pub(super) desk: Arc<Desk>,
}

/// What a notifier found.
struct Scan {
    /// The fitting announced waiter that has waited longest.
    oldest: Option<Announced>,
    /// How many waiters keep the flag up, the oldest one perhaps among them.
    keepers: usize,
    /// How many of these don't fit.
    others: usize,
}

/// What a notifier did.
struct Called {
    is_called: bool,
    /// Whether other waiters keep the flag up.
    is_kept: bool,
}

impl Room {
    pub(crate) fn new(control: Mapped<RoomControl>, entries: Mapped<[Entry]>, bells: SlotBells) -> Self {
        let interests = Interests::Least;
        Self { control, entries, bells, interests, desk: Arc::new(Desk::new(interests)) }
    }

    /// Makes the calls of the room named.
    pub(crate) fn with_named_calls(self) -> Self {
        let interests = Interests::Union;
        Self { interests, desk: Arc::new(Desk::new(interests)), ..self }
    }

    pub(super) fn has_named_calls(&self) -> bool {
        self.interests == Interests::Union
    }

    /// Returns the doorbell of a slot.
    #[expect(clippy::cast_possible_truncation, reason = "a slot has a number of 16 bits")]
    pub(crate) fn bell(&self, slot: usize) -> u16 {
        self.bells.first + slot as u16 * self.bells.stride
    }

    /// Announces the member of a slot. What makes notifiers check this room comes afterwards, and a fence. Returns in which state
    /// an earlier announcement was replaced.
    pub(crate) fn announce(&self, slot: usize, since: u64, interest: u64) -> Withdrawn {
        let reach = &self.control.reach;
        #[expect(clippy::cast_possible_truncation, reason = "a slot has a number of 16 bits")]
        let needed = slot as u32 + 1;
        // Relaxed: it never becomes less. SYNC: the change pairs with the load in `entries`, and comes before the
        // announcement.
        if reach.load(Relaxed) < needed {
            reach.fetch_max(needed, SeqCst);
        }
        self.control.slept.fetch_add(1, Relaxed);
        self.entries[slot].announce(since, interest)
    }

    /// Changes what an announced member waits for, so that more fits than before (EN2).
    pub(crate) fn change_interest(&self, slot: usize, interest: u64) {
        self.entries[slot].change_interest(interest);
    }

    /// Withdraws an announcement.
    pub(crate) fn withdraw(&self, slot: usize) -> Withdrawn {
        self.entries[slot].withdraw()
    }

    /// Clears the entry of a slot if its member is dead (RM4) or leaves.
    pub(crate) fn repair(&self, slot: u32) {
        self.entries[slot as usize].repair();
    }

    /// Returns how often all waiters were called together.
    pub(crate) fn ends(&self) -> u32 {
        // SYNC: pairs with the change in `notify_all`.
        self.control.ends.load(SeqCst)
    }

    fn entries(&self) -> impl Iterator<Item = (usize, &Entry)> {
        // Cut, since the number in memory may be any.
        // SYNC: pairs with the change in `announce`.
        let reach = self.control.reach.load(SeqCst) as usize;
        self.entries[..reach.min(self.entries.len())].iter().enumerate()
    }

    /// Returns every waiter in one of two states.
    fn in_states(&self, first: u64, second: u64) -> impl Iterator<Item = Announced> {
        self.entries().filter_map(move |(slot, entry)| entry.waiter(slot, first, second))
    }

    fn scan(&self, fits: impl Fn(u64) -> bool, keeps: impl Fn(u64) -> bool) -> Scan {
        let mut scan = Scan { oldest: None, keepers: 0, others: 0 };
        for waiter in self.in_states(ANNOUNCED, UNPOSTED) {
            let (fits, keeps) = (fits(waiter.interest), keeps(waiter.interest));
            scan.keepers += usize::from(keeps);
            scan.others += usize::from(keeps && !fits);
            let is_older = scan.oldest.is_none_or(|oldest| waiter.since < oldest.since);
            if fits && waiter.is(ANNOUNCED) && is_older {
                scan.oldest = Some(waiter);
            }
        }
        scan
    }

    /// Returns whether a waiter is announced, or may not have been posted yet.
    pub(crate) fn has_waiters(&self) -> bool {
        self.in_states(ANNOUNCED, UNPOSTED).next().is_some()
    }

    /// Returns the announced waiter that has waited longest.
    pub(crate) fn oldest(&self) -> Option<Announced> {
        self.scan(all, all).oldest
    }

    /// Calls a waiter that was found announced, for a thing that has this name. The name is 0 where things are
    /// interchangeable. Returns whether the waiter was still announced. If it was, but does not run, others are called that
    /// fit (RM6).
    pub(crate) fn call(
        &self,
        waiter: Announced,
        what: u32,
        fits: impl Fn(u64) -> bool,
        members: &Members,
    ) -> Result<bool> {
        let is_called = self.call_one(waiter, what, members)?;
        if is_called {
            // The call was made, whatever fails now.
            members.record(self.call_past_stopped(waiter.slot, what, fits, members));
        }
        Ok(is_called)
    }

    /// Calls further waiters, if the one that was called does not run (RM6).
    fn call_past_stopped(
        &self,
        mut called: usize,
        what: u32,
        fits: impl Fn(u64) -> bool,
        members: &Members,
    ) -> Result<()> {
        // Bounded: a waiter that was called may be announced again, and then it has checked after its call.
        for _ in 0..self.entries.len() {
            let others = self.in_states(ANNOUNCED, UNPOSTED).filter(|waiter| fits(waiter.interest));
            let next = others.min_by_key(|waiter| (waiter.is(UNPOSTED), waiter.since));
            // A lone waiter costs no further system call.
            let Some(next) = next else { return Ok(()) };
            if !members.is_post_left(self.bell(called))? {
                return Ok(());
            }
            if next.is(UNPOSTED) {
                // RM2: the notifier that chose it may be stopped as well.
                return self.post_fitting(fits, members);
            }
            if self.call_one(next, what, members)? {
                called = next.slot;
            }
        }
        Ok(())
    }

    /// Calls a waiter that was found announced (RM1). Returns whether it was still announced.
    fn call_one(&self, waiter: Announced, what: u32, members: &Members) -> Result<bool> {
        let Some(chosen) = self.entries[waiter.slot].choose(waiter, what) else { return Ok(false) };
        self.post(chosen, members)?;
        Ok(true)
    }

    /// Posts for a waiter that is UNPOSTED.
    fn post(&self, chosen: Chosen, members: &Members) -> Result<()> {
        let posted = members.post(self.bell(chosen.slot));
        self.mark(chosen, posted.is_ok());
        posted
    }

    fn mark(&self, chosen: Chosen, is_posted: bool) {
        self.entries[chosen.slot].mark(chosen, is_posted);
        self.control.called.fetch_add(1, Relaxed);
    }

    /// Posts for every waiter that was chosen, and perhaps not posted (RM2).
    pub(crate) fn post_unposted(&self, members: &Members) -> Result<()> {
        self.post_fitting(all, members)
    }

    /// Chooses every announced waiter (RM1), and posts for none. The caller is to [post](Self::post_chosen) for them.
    pub(crate) fn choose_all(&self) -> Vec<Chosen> {
        let choose = |waiter: Announced| self.entries[waiter.slot].choose(waiter, 0);
        self.in_states(ANNOUNCED, ANNOUNCED).filter_map(choose).collect()
    }

    /// Posts for waiters that were chosen. If the system refuses it they stay UNPOSTED, for the next notifier.
    pub(crate) fn post_chosen(&self, chosen: Vec<Chosen>, members: &Members) -> Result<()> {
        if chosen.is_empty() {
            return Ok(());
        }
        let posted = members.post_all(chosen.iter().map(|chosen| self.bell(chosen.slot)));
        if posted.is_ok() {
            chosen.into_iter().for_each(|chosen| self.mark(chosen, true));
        }
        posted
    }

    /// Posts for every waiter that another notifier has chosen, and perhaps not posted (RM2). That one may be about to mark it,
    /// so a waiter that is posted is left alone.
    pub(crate) fn post_left_behind(&self, members: &Members) -> Result<()> {
        let post = |waiter: Announced| {
            let posted = members.post_unless_posted(self.bell(waiter.slot));
            self.mark(waiter.already_chosen(), posted.is_ok());
            posted
        };
        self.in_states(UNPOSTED, UNPOSTED).map(post).fold(Ok(()), Result::and)
    }

    fn post_fitting(&self, fits: impl Fn(u64) -> bool, members: &Members) -> Result<()> {
        let unposted = self.in_states(UNPOSTED, UNPOSTED).filter(|waiter| fits(waiter.interest));
        unposted.map(|waiter| self.post(waiter.already_chosen(), members)).fold(Ok(()), Result::and)
    }

    /// Calls the fitting waiter that has waited longest, or posts for the UNPOSTED ones.
    fn call_or_post(
        &self,
        what: u32,
        fits: impl Fn(u64) -> bool,
        keeps: impl Fn(u64) -> bool,
        members: &Members,
    ) -> Result<Called> {
        loop {
            let Scan { oldest, keepers, others } = self.scan(&fits, &keeps);
            let Some(oldest) = oldest else {
                // RM2 first: later notifiers must find the flag up, if this one is stopped or refused.
                self.post_fitting(fits, members)?;
                return Ok(Called { is_called: false, is_kept: others > 0 });
            };
            if self.call(oldest, what, &fits, members)? {
                let is_kept = keepers > usize::from(keeps(oldest.interest));
                return Ok(Called { is_called: true, is_kept });
            }
        }
    }

    /// Calls the waiter that has waited longest. Returns whether there was one.
    #[cold]
    pub(crate) fn call_oldest(&self, members: &Members) -> Result<bool> {
        self.call_fitting(0, all, members)
    }

    /// Calls the fitting waiter that has waited longest for a thing, whatever flags say. Returns whether there was one.
    #[cold]
    pub(crate) fn call_fitting(&self, what: u32, fits: impl Fn(u64) -> bool, members: &Members) -> Result<bool> {
        // The caller has made the thing available by a sequentially consistent operation before.
        order_seq_cst();
        self.call_or_post(what, fits, all, members).map(|called| called.is_called)
    }

    /// Calls the member of a slot for a thing, if it is announced. Returns whether it called it.
    #[cold]
    pub(crate) fn call_slot(&self, slot: usize, what: u32, members: &Members) -> Result<bool> {
        // As in `call_fitting`.
        order_seq_cst();
        // The slot may come from memory, and be none.
        let Some(entry) = self.entries.get(slot) else { return Ok(false) };
        while let Some(waiter) = entry.waiter(slot, ANNOUNCED, UNPOSTED) {
            if waiter.is(UNPOSTED) {
                // RM2.
                return self.post(waiter.already_chosen(), members).map(|()| false);
            }
            if self.call_one(waiter, what, members)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notifies one waiter of a thing that was made available, if a flag says that there are any. Returns whether it called
    /// one.
    #[cold]
    pub(crate) fn notify(&self, flag: &Flag, members: &Members) -> Result<bool> {
        self.notify_fitting(flag, 0, all, all, members)
    }

    /// Notifies the fitting waiter that has waited longest of a thing that was made available, if a flag says that there are
    /// any. Lowers the flag if no interest keeps it (RM5). Returns whether it called one.
    #[cold]
    pub(crate) fn notify_fitting(
        &self,
        flag: &Flag,
        what: u32,
        fits: impl Fn(u64) -> bool,
        keeps: impl Fn(u64) -> bool,
        members: &Members,
    ) -> Result<bool> {
        let Some(seen) = flag.seen() else { return Ok(false) };
        let Called { is_called, is_kept } = self.call_or_post(what, fits, keeps, members)?;
        if !is_kept {
            flag.lower(seen);
        }
        Ok(is_called)
    }

    /// Notifies every waiter: each checks again.
    #[cold]
    pub(crate) fn notify_all(&self, members: &Members) -> Result<()> {
        self.notify_all_fitting(all, members)
    }

    /// Notifies every fitting waiter: each checks again.
    #[cold]
    pub(crate) fn notify_all_fitting(&self, fits: impl Fn(u64) -> bool, members: &Members) -> Result<()> {
        // Before the entries are read: a waiter that is awake now compares it after it announced itself.
        // SYNC: pairs with the load in `ends`, which a waiter makes after its announcement.
        self.control.ends.fetch_add(1, SeqCst);
        let choose = |waiter: Announced| match waiter.is(UNPOSTED) {
            true => Some(waiter.already_chosen()),
            false => self.entries[waiter.slot].choose(waiter, 0),
        };
        let waiters: Vec<Announced> =
            self.in_states(ANNOUNCED, UNPOSTED).filter(|waiter| fits(waiter.interest)).collect();
        let chosen: Vec<Chosen> = waiters.into_iter().filter_map(choose).collect();
        let posted = members.post_all(chosen.iter().map(|chosen| self.bell(chosen.slot)));
        chosen.into_iter().for_each(|chosen| self.mark(chosen, posted.is_ok()));
        posted
    }

    /// Makes every thread of this process that waits here check, for a change without a notifier. The slot is this
    /// process's own.
    #[cold]
    pub(crate) fn rouse_own(&self, slot: usize, members: &Members) -> Result<()> {
        // The leader sleeps on the doorbell, or is about to. A post too many wakes it in vain.
        if self.desk.ours().rouse_all() { members.post(self.bell(slot)) } else { Ok(()) }
    }
}

/// Every interest fits, and keeps the flag up.
pub(crate) fn all(_: u64) -> bool {
    true
}
