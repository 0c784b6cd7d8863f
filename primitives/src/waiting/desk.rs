//! The threads of one process that wait in one room: they share a slot, and so an entry and a doorbell.
//!
//! The first on the list leads: it is announced for all, and sleeps on the doorbell. The others are parked. A leader that
//! leaves makes the next one lead, which goes through a whole round before it sleeps.
//!
//! - **DK1** A thread is on the list before it checks, and checks before it is parked. So it sees what came before, and its
//!   leader is called for what comes afterwards.
//! - **DK2** The first on the list is never parked for long: the thread that leaves before it wakes it.
//! - **DK3** What is announced is the least that a thread on the list waits for, in a room where that differs. Both the list
//!   and the announcement change under the list's lock.
//! - **DK4** Whatever concerns every waiter concerns every thread: after an obituary, a call of all, or in a room with different
//!   interests after each call, all of them check.
//! - A child made by `fork` has a desk of its own: its parent's may be locked for ever there.
//!
//! A leader that was called and is starved by the scheduler holds up the threads behind it until it runs.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, Thread},
};

use once_cell::race::OnceBox;

use super::Turn;
use crate::raw::{Deadline, process};

#[derive(Debug)]
struct Waiting {
    id: u64,
    thread: Thread,
    interest: u64,
    must_look: bool,
}

#[derive(Debug, Default)]
struct List {
    waiting: Vec<Waiting>,
    next: u64,
    /// The number of calls of all waiters that the threads know of.
    ends: u32,
}

impl List {
    /// The least that a thread waits for (DK3).
    fn interest(&self) -> u64 {
        self.waiting.iter().map(|waiting| waiting.interest).min().unwrap_or(0)
    }

    /// Makes all threads but one check (DK4).
    fn rouse_others(&mut self, id: u64) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.id != id) {
            waiting.must_look = true;
            waiting.thread.unpark();
        }
    }
}

/// The waiting threads of one process.
#[derive(Debug)]
pub(crate) struct Desk {
    generation: u32,
    list: Mutex<List>,
    /// That of a child, which inherits this one.
    childs: OnceBox<Self>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { generation: process::fork_generation(), list: Mutex::default(), childs: OnceBox::new() }
    }

    /// Returns this process's desk.
    pub(crate) fn ours(&self) -> &Self {
        let mut desk = self;
        while desk.generation != process::fork_generation() {
            desk = desk.childs.get_or_init(|| Box::new(Self::new()));
        }
        desk
    }

    fn list(&self) -> MutexGuard<'_, List> {
        // No code panics while it is locked.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the calling thread on the list. If it waits for less than the others, `change` says so to notifiers (DK3).
    pub(crate) fn join(&self, interest: u64, change: impl FnOnce(u64)) -> Place<'_> {
        let mut list = self.list();
        let id = list.next;
        list.next += 1;
        let leads = list.waiting.is_empty();
        let before = list.interest();
        // DK1: a thread that does not lead checks once before it is parked.
        list.waiting.push(Waiting { id, thread: thread::current(), interest, must_look: !leads });
        if !leads && interest < before {
            change(interest);
        }
        Place { desk: self, id }
    }
}

/// A thread's place on the list, until it is dropped.
pub(crate) struct Place<'a> {
    desk: &'a Desk,
    id: u64,
}

impl Place<'_> {
    /// Waits until this thread leads, or must check.
    pub(crate) fn turn(&self, deadline: Deadline) -> Turn {
        loop {
            let mut list = self.desk.list();
            let index = list.waiting.iter().position(|waiting| waiting.id == self.id);
            // It is on the list until it is dropped.
            let Some(index) = index else { return Turn::Late };
            if index == 0 {
                return Turn::Lead;
            }
            if std::mem::take(&mut list.waiting[index].must_look) {
                return Turn::Look;
            }
            drop(list);
            match deadline.remaining() {
                None => thread::park(),
                Some(left) if left.is_zero() => return Turn::Late,
                Some(left) => thread::park_timeout(left),
            }
        }
    }

    /// Announces what the threads on the list wait for together.
    pub(crate) fn announce(&self, announce: impl FnOnce(u64)) {
        let list = self.desk.list();
        announce(list.interest());
    }

    /// Makes the other threads check if all waiters were called since they last did (DK4).
    pub(crate) fn compare_ends(&self, ends: u32) {
        let mut list = self.desk.list();
        if std::mem::replace(&mut list.ends, ends) != ends {
            list.rouse_others(self.id);
        }
    }

    /// Makes the other threads check.
    pub(crate) fn rouse(&self) {
        self.desk.list().rouse_others(self.id);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut list = self.desk.list();
        let led = list.waiting.first().is_some_and(|first| first.id == self.id);
        list.waiting.retain(|waiting| waiting.id != self.id);
        if led && let Some(next) = list.waiting.first() {
            // DK2.
            next.thread.unpark();
        }
    }
}
