//! Where the threads of one process wait together: each slot has one doorbell, and one sleeper on it.
//!
//! One of the waiting threads leads: it sleeps on the slot's doorbell, and wakes the others when what they wait for
//! may have come. The others are parked. Who leaves while it leads appoints another, which goes
//! through a whole round before it sleeps, so no event is lost with the one that left.
//!
//! - **K1** A thread is on the list before it announces itself and looks; the leader looks at the list after each
//!   time it was woken, and after it announced itself for all. So either the thread sees what came, or the leader does.
//! - **K2** Whenever a thread is parked, there is a leader, or one was woken to take the lead: a round begins by taking
//!   it if nobody has it, and who leaves while nobody has it wakes the next.
//! - **K3** What is announced is what those on the list wish for, and no older announcement overwrites a newer one: both
//!   happen under the list's lock.
//! - A child made by `fork` has a desk of its own: its parent's may be locked for ever there.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, Thread},
};

use once_cell::race::OnceBox;

use super::{
    notice::Notice,
    parcels::{Found, Parcels},
};
use crate::raw::{Deadline, Selector, process};

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    Message(Selector),
    Call(Notice),
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    thread: Thread,
    watch: Watch,
}

#[derive(Debug, Default)]
struct Waiters {
    list: Vec<Waiter>,
    /// Who leads.
    leader: Option<u64>,
    next: u64,
}

/// The waiting threads of one process.
#[derive(Debug)]
pub(super) struct Desk {
    generation: u32,
    waiters: Mutex<Waiters>,
    /// That of a child, which inherits this one.
    childs: OnceBox<Self>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self { generation: process::fork_generation(), waiters: Mutex::default(), childs: OnceBox::new() }
    }

    /// Returns this process's desk.
    pub(super) fn ours(&self) -> &Self {
        let mut desk = self;
        while desk.generation != process::fork_generation() {
            desk = desk.childs.get_or_init(|| Box::new(Self::new()));
        }
        desk
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        // Nothing panics while it is locked.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the calling thread on the list.
    pub(super) fn join(&self, watch: Watch) -> Place<'_> {
        let mut waiters = self.waiters();
        let ticket = waiters.next;
        waiters.next += 1;
        waiters.list.push(Waiter { ticket, thread: thread::current(), watch });
        Place { desk: self, ticket }
    }

    /// Says to `announce` which messages the threads wait for together, and whether any waits for an answer.
    ///
    /// The list is locked meanwhile (K3).
    pub(super) fn announce(&self, announce: impl FnOnce(Option<Selector>, bool)) {
        let waiters = self.waiters();
        let (mut wish, mut awaits) = (None, false);
        for waiter in &waiters.list {
            match waiter.watch {
                Watch::Call(_) => awaits = true,
                Watch::Message(selector) if wish.is_none_or(|wish| wish == selector) => wish = Some(selector),
                Watch::Message(_) => wish = Some(Selector::Any),
            }
        }
        announce(wish, awaits);
    }
}

/// A thread's place on the list, until it is dropped.
pub(super) struct Place<'a> {
    desk: &'a Desk,
    ticket: u64,
}

impl Place<'_> {
    /// Takes the lead if nobody has it; returns whether this thread leads.
    pub(super) fn lead(&self) -> bool {
        *self.desk.waiters().leader.get_or_insert(self.ticket) == self.ticket
    }

    /// Wakes the others that may go on: those whose calls are settled; and if there may be messages, those who wait for any.
    pub(super) fn wake_others(&self, may_be_messages: bool, parcels: &Parcels) {
        for waiter in self.desk.waiters().list.iter().filter(|waiter| waiter.ticket != self.ticket) {
            let may_go_on = match waiter.watch {
                Watch::Message(_) => may_be_messages,
                Watch::Call(notice) => parcels.look(notice) != Found::Waiting,
            };
            if may_go_on {
                waiter.thread.unpark();
            }
        }
    }

    /// Waits until the leader wakes this thread, or the deadline; or for no reason.
    pub(super) fn park(&self, deadline: Deadline) {
        match deadline.remaining() {
            None => thread::park(),
            Some(left) => thread::park_timeout(left),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiters = self.desk.waiters();
        waiters.list.retain(|waiter| waiter.ticket != self.ticket);
        // Nobody leads, too, if this thread was woken to and had found what it waited for already (K2).
        if waiters.leader.is_none_or(|leader| leader == self.ticket) {
            waiters.leader = None;
            if let Some(next) = waiters.list.first() {
                next.thread.unpark();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::{Desk, Watch};
    use crate::raw::Selector;

    /// Consumes the wake-up that this thread must have had.
    fn expect_wake_up() {
        let begun = Instant::now();
        thread::park_timeout(Duration::from_secs(10));
        assert!(begun.elapsed() < Duration::from_secs(10), "it sleeps for ever");
    }

    #[test]
    fn who_is_woken_to_lead_and_leaves_wakes_the_next() {
        let desk = Desk::new();
        let [first, second, third] = [0; 3].map(|_| desk.join(Watch::Message(Selector::Any)));
        assert!(first.lead() && !second.lead() && !third.lead());
        drop(first);
        expect_wake_up();
        // It has found what it waited for, and doesn't come to lead.
        drop(second);
        expect_wake_up();
        assert!(third.lead());
    }
}
