//! The list of a desk: its data, and what every change of it keeps. The rules are the desk's, DK1 to DK5.

use std::collections::VecDeque;
#[cfg(feature = "async")]
use std::mem;

#[cfg(feature = "async")]
use super::clerk::task::{Clerk, Task, Wakes};
use super::{interests::Interests, wait::Withdrawn};
use crate::sync::thread::Thread;
#[cfg(feature = "async")]
use crate::{background::wake_all, sync::MutexGuard};

/// Without futures, threads are unparked at once.
#[cfg(not(feature = "async"))]
type Wakes = ();

/// What waits.
#[derive(Debug)]
pub(super) enum Sleeper {
    Thread(Thread),
    /// A future: see `clerk`.
    #[cfg(feature = "async")]
    Task(Task),
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: u64,
    pub(super) sleeper: Sleeper,
    pub(super) interest: u64,
    /// Threads with the same selection find the same things. A thread without one may find what no other does.
    pub(super) selection: Option<u64>,
    pub(super) must_check: bool,
}

impl Waiting {
    /// Makes it run, to check or to lead. Wakers are called once the list is not locked any more.
    pub(super) fn wake(&mut self, _wakes: &mut Wakes) {
        match &mut self.sleeper {
            Sleeper::Thread(thread) => thread.unpark(),
            #[cfg(feature = "async")]
            Sleeper::Task(task) => {
                // A future that leads must check as well, since it may be in the middle of a poll.
                self.must_check = true;
                task.rouse(_wakes);
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) next: u64,
    /// The number of calls of all waiters that the threads know of.
    pub(super) ends: u32,
    /// What was announced last.
    pub(super) announced: u64,
    /// The names of what the process was called for (DK5).
    pub(super) called_for: Vec<u32>,
    /// Whether two threads ever waited at once, or a future waited.
    pub(super) had_company: bool,
    #[cfg(feature = "async")]
    pub(super) clerk: Clerk,
    /// What is to be woken once the list is not locked any more.
    pub(super) wakes: Wakes,
}

impl List {
    pub(super) fn index(&self, id: u64) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.id == id)
    }

    /// Makes other threads than this one check (DK4).
    pub(super) fn rouse_others(&mut self, id: u64, concerns: impl Fn(&Waiting) -> bool) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.id != id && concerns(waiting)) {
            waiting.must_check = true;
            waiting.wake(&mut self.wakes);
        }
    }

    /// Without futures, the front runs at once when it is woken.
    #[cfg(not(feature = "async"))]
    pub(super) fn takes_over(&mut self, _: usize) -> bool {
        false
    }

    #[cfg(not(feature = "async"))]
    pub(super) fn patience_with_front(&self) -> Option<std::time::Duration> {
        None
    }

    /// Puts a waiter on the list, and returns its number.
    pub(super) fn join(&mut self, sleeper: Sleeper, interest: u64, selection: Option<u64>) -> u64 {
        let id = self.next;
        self.next += 1;
        self.had_company |= !self.waiting.is_empty();
        // DK1: a thread that does not lead checks once before it is parked.
        self.waiting.push_back(Waiting { id, sleeper, interest, selection, must_check: true });
        id
    }

    /// Takes a waiter off the list. If it led, the next one leads (DK2).
    pub(super) fn remove(&mut self, index: usize) -> Option<Waiting> {
        let removed = self.waiting.remove(index);
        if index == 0
            && let Some(next) = self.waiting.front_mut()
        {
            // DK2.
            next.wake(&mut self.wakes);
        }
        removed
    }

    /// Remembers what the process was called for (DK5).
    pub(super) fn remember(&mut self, withdrawn: Withdrawn) {
        if let Withdrawn::Chosen(what) | Withdrawn::Posted(what) = withdrawn
            && !self.called_for.contains(&what)
        {
            self.called_for.push(what);
        }
    }
}

impl Interests {
    /// Returns what these threads wait for together.
    pub(super) fn of_all<'a>(self, waiting: impl Iterator<Item = &'a Waiting>) -> u64 {
        waiting.map(|waiting| waiting.interest).reduce(|one, other| self.of_both(one, other)).unwrap_or(0)
    }
}

/// The list of a desk, locked. It calls wakers once it is unlocked.
#[cfg(feature = "async")]
pub(super) struct Locked<'a>(Option<MutexGuard<'a, List>>);

#[cfg(feature = "async")]
impl<'a> Locked<'a> {
    pub(super) fn new(list: MutexGuard<'a, List>) -> Self {
        Self(Some(list))
    }
}

#[cfg(feature = "async")]
impl std::ops::Deref for Locked<'_> {
    type Target = List;

    fn deref(&self) -> &List {
        self.0.as_ref().expect("it is unlocked by its drop alone")
    }
}

#[cfg(feature = "async")]
impl std::ops::DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut List {
        self.0.as_mut().expect("it is unlocked by its drop alone")
    }
}

#[cfg(feature = "async")]
impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let wakes = mem::take(&mut self.wakes);
        self.0 = None;
        wake_all(wakes);
    }
}
