//! The threads of one process that wait in one room: they share a slot, and so an entry and a doorbell.
//!
//! The first on the list leads: it is announced for all, and sleeps on the doorbell. The others are parked. A leader that
//! leaves makes the next one lead, which goes through a whole round before it sleeps.
//!
//! - **DK1** A thread is on the list, and what it waits for is announced with what the others wait for, before it checks. It
//!   checks before it is parked. So it sees what came before, and its leader is called for what comes afterwards.
//! - **DK2** The first on the list is never parked for long: the thread that leaves before it wakes it.
//! - **DK3** What is announced includes what each thread on the list waits for, but for a thread that must check: that
//!   is called for one thing at a time. Both the list and the announcement change under the list's lock. A thread that leaves
//!   takes nothing off the announcement: the next one does without it.
//! - **DK4** Whatever concerns every waiter concerns every thread: after an obituary, or a call of all, all of them check. After
//!   each announcement, each thread checks that may find what the leader doesn't: the leader was not announced
//!   for it before, or perhaps called for it. Where the gate can tell whether a thread may find something, it is asked in that
//!   thread's place. So a response rouses its own caller, and not all callers of the process.
//! - **DK5** What the process was called for by name is remembered, from before the leader is AWAKE, until a thread leaves: that
//!   passes all of it on. A thread that stays checks after the call (DK4), so it finds the thing, or the thing is taken.
//!   If more was announced than is waited for, the leader passes all of it on at once.
//! - A child made by `fork` has a desk of its own: its parent's may be locked for ever there.
//!
//! A leader that was called and is starved by the scheduler holds up the threads behind it until it runs.

use std::{mem, sync::PoisonError};

use once_cell::race::OnceBox;

#[cfg(feature = "async")]
use super::list::Locked;
use super::{
    interests::Interests,
    list::{List, Sleeper, Waiting},
    wait::{Turn, Withdrawn},
};
use crate::{
    raw::{Deadline, process},
    sync::{Mutex, MutexGuard, thread},
};

/// How many things a process remembers. It passes the oldest on when there are more.
const MOST_REMEMBERED: usize = 8;

/// The waiting threads of one process.
#[derive(Debug)]
pub(crate) struct Desk {
    generation: u32,
    pub(super) interests: Interests,
    list: Mutex<List>,
    /// Notified when the clerk ends.
    #[cfg(feature = "async")]
    pub(super) clerk_ended: crate::sync::Condvar,
    /// The desk of a child made by `fork`, which inherits this one.
    childs: OnceBox<Self>,
}

impl Desk {
    pub(crate) fn new(interests: Interests) -> Self {
        Self {
            generation: process::fork_generation(),
            interests,
            list: Mutex::default(),
            #[cfg(feature = "async")]
            clerk_ended: crate::sync::Condvar::new(),
            childs: OnceBox::new(),
        }
    }

    /// Returns this process's desk.
    pub(crate) fn ours(&self) -> &Self {
        let mut desk = self;
        while desk.generation != process::fork_generation() {
            desk = desk.childs.get_or_init(|| Box::new(Self::new(desk.interests)));
        }
        desk
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, List> {
        // No code panics while it is locked.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(not(feature = "async"))]
    fn list(&self) -> MutexGuard<'_, List> {
        self.lock()
    }

    #[cfg(feature = "async")]
    pub(super) fn list(&self) -> Locked<'_> {
        Locked::new(self.lock())
    }

    /// Returns whether it is this process's, and not its parent's.
    #[cfg(feature = "async")]
    pub(super) fn is_ours(&self) -> bool {
        self.generation == process::fork_generation()
    }

    /// Puts the calling thread on the list.
    pub(crate) fn join(&self, interest: u64, selection: Option<u64>) -> Ticket<'_> {
        let id = self.list().join(Sleeper::Thread(thread::current()), interest, selection);
        Ticket { desk: self, id }
    }

    /// Makes every thread check. Returns whether there is one, so that the caller posts for the one that leads.
    pub(crate) fn rouse_all(&self) -> bool {
        let mut list = self.list();
        let none = list.next;
        list.rouse_others(none, |_| true);
        !list.waiting.is_empty()
    }
}

/// A thread's ticket on the list, until it is dropped.
pub(crate) struct Ticket<'a> {
    pub(super) desk: &'a Desk,
    pub(super) id: u64,
}

impl Ticket<'_> {
    /// Waits until this thread leads, or must check. If it waits for more than is announced, `change` says so to notifiers.
    pub(crate) fn turn(&self, deadline: Deadline, change: impl Fn(u64)) -> Turn {
        loop {
            let mut list = self.desk.list();
            // It is on the list until it is dropped.
            let Some(index) = list.index(self.id) else { return Turn::Late };
            if index == 0 {
                return Turn::Lead;
            }
            if mem::take(&mut list.waiting[index].must_check) {
                // DK1.
                let more = self.desk.interests.of_both(list.announced, list.waiting[index].interest);
                if mem::replace(&mut list.announced, more) != more {
                    change(more);
                }
                return Turn::Check;
            }
            if list.takes_over(index) {
                return Turn::Lead;
            }
            let (left, patience) = (deadline.remaining(), list.patience_with_front());
            drop(list);
            match left.into_iter().chain(patience).min() {
                _ if left.is_some_and(|left| left.is_zero()) => return Turn::Late,
                None => thread::park(),
                Some(time) => thread::park_timeout(time),
            }
        }
    }

    /// Returns whether this thread is the first on the list. It stays the first until it leaves.
    pub(crate) fn leads(&self) -> bool {
        self.desk.list().index(self.id) == Some(0)
    }

    /// Announces what the threads on the list wait for together (DK3). Returns what that is. A call that is replaced so is
    /// remembered (DK5).
    pub(crate) fn announce(&self, announce: impl FnOnce(u64) -> Withdrawn) -> u64 {
        let mut list = self.desk.list();
        let counts = |waiting: &&Waiting| waiting.id == self.id || !waiting.must_check;
        let interest = self.desk.interests.of_all(list.waiting.iter().filter(counts));
        list.announced = interest;
        let replaced = announce(interest);
        list.remember(replaced);
        if let Some(index) = list.index(self.id) {
            // It checks next.
            list.waiting[index].must_check = false;
        }
        interest
    }

    /// This thread is announced, and notifiers know: makes the others check for which that matters (DK4), and which `may_find`
    /// something.
    pub(crate) fn announced(&self, ends: u32, may_find: impl Fn(Option<u64>) -> bool) {
        let mut list = self.desk.list();
        let were_all_called = mem::replace(&mut list.ends, ends) != ends;
        let ours = list.index(self.id).and_then(|index| list.waiting[index].selection);
        list.rouse_others(self.id, |waiting| {
            let may_differ = ours.is_none() || waiting.selection != ours;
            were_all_called || (may_differ && may_find(waiting.selection))
        });
    }

    /// Withdraws an announcement, and remembers what it was called for (DK5).
    pub(crate) fn withdraw(&self, withdraw: impl FnOnce() -> Withdrawn) -> Withdrawn {
        let mut list = self.desk.list();
        let withdrawn = withdraw();
        list.remember(withdrawn);
        withdrawn
    }

    /// Returns whether other threads ever slept on the same doorbell.
    pub(crate) fn had_company(&self) -> bool {
        self.desk.list().had_company
    }

    /// Takes out of the memory what is to be passed on at once, while this thread is awake and has found nothing (DK5).
    pub(crate) fn excess(&self) -> Vec<u32> {
        let mut list = self.desk.list();
        let together = self.desk.interests.of_all(list.waiting.iter());
        let is_all_waited_for = self.desk.interests.of_both(together, list.announced) == together;
        let kept = if is_all_waited_for { MOST_REMEMBERED } else { 0 };
        let excess = list.called_for.len().saturating_sub(kept);
        list.called_for.drain(..excess).collect()
    }

    /// Makes the other threads check.
    pub(crate) fn rouse(&self) {
        self.desk.list().rouse_others(self.id, |_| true);
    }

    /// Takes this thread off the list. Returns what it is to pass on (DK5).
    pub(crate) fn leave(&self) -> Vec<u32> {
        let mut list = self.desk.list();
        let Some(index) = list.index(self.id) else { return Vec::new() };
        list.remove(index);
        mem::take(&mut list.called_for)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        if !self.desk.is_ours() {
            // A child made by `fork` drops a future of its parent's. The list of that may be locked for ever here.
            return;
        }
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::{Deadline, Desk, Interests, MOST_REMEMBERED, Ticket, Turn, Withdrawn};

    fn desk() -> Desk {
        Desk::new(Interests::Union)
    }

    fn turn(ticket: &Ticket<'_>) -> Turn {
        ticket.turn(Deadline::NOW, |_| panic!("that is announced already"))
    }

    fn turn_first(ticket: &Ticket<'_>) -> Turn {
        ticket.turn(Deadline::NOW, |_| {})
    }

    fn announced(ticket: &Ticket<'_>) -> u64 {
        let announced = ticket.announce(|_| Withdrawn::Uncalled);
        ticket.announced(0, |_| true);
        announced
    }

    fn call(ticket: &Ticket<'_>, what: u32) {
        ticket.withdraw(|| Withdrawn::Posted(what));
    }

    #[test]
    fn a_thread_that_joins_is_announced_before_it_checks() {
        for (interests, both) in [(Interests::Union, 0b101), (Interests::Least, 0b001)] {
            let desk = Desk::new(interests);
            let (first, second) = (desk.join(0b100, None), desk.join(0b001, None));
            assert_eq!(turn(&first), Turn::Lead);
            assert_eq!(first.announce(|_| Withdrawn::Uncalled), 0b100, "the other has not come yet");
            let changed = std::cell::Cell::new(0);
            assert_eq!(second.turn(Deadline::NOW, |interest| changed.set(interest)), Turn::Check);
            assert_eq!(changed.get(), both);
            assert_eq!(turn(&second), Turn::Late, "once");
            assert_eq!(first.announce(|_| Withdrawn::Uncalled), both);
        }
    }

    #[test]
    fn after_an_announcement_the_threads_check_that_are_unlike_the_leader() {
        let desk = desk();
        let leader = desk.join(1, Some(7));
        let (alike, unlike, single) = (desk.join(1, Some(7)), desk.join(1, Some(8)), desk.join(1, None));
        assert_eq!([&alike, &unlike, &single].map(turn_first), [Turn::Check; 3]);
        announced(&leader);
        assert_eq!([&alike, &unlike, &single].map(turn), [Turn::Late, Turn::Check, Turn::Check]);
        leader.announced(1, |_| false);
        assert_eq!([&alike, &unlike, &single].map(turn), [Turn::Check; 3], "all waiters were called");
        leader.announced(1, |selection| selection.is_none());
        assert_eq!(
            [&alike, &unlike, &single].map(turn),
            [Turn::Late, Turn::Late, Turn::Check],
            "the gate knows the other"
        );
    }

    #[test]
    fn a_thread_that_must_check_is_not_announced_until_it_does() {
        let desk = desk();
        let (leader, other) = (desk.join(0b01, None), desk.join(0b10, None));
        turn_first(&other);
        assert_eq!(announced(&leader), 0b11);
        assert_eq!(announced(&leader), 0b01, "it was to check after the first one");
        assert_eq!(other.turn(Deadline::NOW, |interest| assert_eq!(interest, 0b11)), Turn::Check);
        assert_eq!(announced(&leader), 0b11);
    }

    #[test]
    fn the_first_to_leave_passes_on_what_was_called_for() {
        let desk = desk();
        let (leader, other) = (desk.join(1, None), desk.join(1, None));
        announced(&leader);
        [5, 6, 5].into_iter().for_each(|what| call(&leader, what));
        leader.withdraw(|| Withdrawn::Uncalled);
        assert_eq!(leader.excess(), []);
        assert_eq!(other.leave(), [5, 6]);
        assert_eq!(other.leave(), []);
        assert_eq!(leader.leave(), []);
    }

    #[test]
    fn a_call_that_an_announcement_replaces_is_remembered() {
        let desk = desk();
        let leader = desk.join(1, None);
        announced(&leader);
        leader.announce(|_| Withdrawn::Posted(7));
        assert_eq!(leader.leave(), [7]);
    }

    #[test]
    fn the_oldest_is_passed_on_when_there_are_too_many() {
        let desk = desk();
        let leader = desk.join(1, None);
        announced(&leader);
        (0..10).for_each(|what| call(&leader, what));
        assert_eq!(leader.excess(), [0, 1]);
        assert_eq!(leader.leave().len(), MOST_REMEMBERED);
    }

    #[test]
    fn a_call_for_a_thread_that_has_left_is_passed_on_at_once() {
        let desk = desk();
        let (leader, other) = (desk.join(0b01, None), desk.join(0b10, None));
        turn_first(&other);
        announced(&leader);
        assert_eq!(other.leave(), []);
        call(&leader, 3);
        assert_eq!(leader.excess(), [3]);
        announced(&leader);
        call(&leader, 4);
        assert_eq!(leader.excess(), [], "the announcement was without it");
    }

    #[test]
    fn the_next_one_leads() {
        let desk = desk();
        assert!(!desk.rouse_all());
        let (leader, other) = (desk.join(1, None), desk.join(1, None));
        assert!(desk.rouse_all());
        assert_eq!(turn_first(&other), Turn::Check);
        assert_eq!(turn(&other), Turn::Late);
        drop(leader);
        assert_eq!(turn(&other), Turn::Lead);
    }
}
