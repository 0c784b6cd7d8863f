//! A future as the list of a desk has it, and what the list knows of the clerk.

use std::{mem, task::Waker, time::Duration};

use crate::{
    failure::{Failure, Result},
    raw::Deadline,
    sync::{Instant, thread::Thread},
    waiting::wait::Withdrawn,
};

/// How long a roused future may take until it is polled, before others are served (CK3).
pub(super) const HAND: Duration = Duration::from_millis(10);

/// What is to be woken once the list is not locked: a waker may run any code.
pub(in crate::waiting) type Wakes = Vec<Waker>;

/// How far a future is. See the table in `clerk`.
#[derive(Debug)]
pub(super) enum Phase {
    Acting,
    /// If it leads, it checks again then.
    Waiting(Deadline, Waker),
    Roused(Instant),
}

/// A future on the list.
#[derive(Debug)]
pub(in crate::waiting) struct Task {
    pub(super) phase: Phase,
    /// What the process was called for, while this was the front (CK2).
    pub(super) call: Option<Withdrawn>,
    /// Why the clerk could not sleep.
    pub(super) failure: Option<Failure>,
}

impl Task {
    /// Makes the future run.
    pub(in crate::waiting) fn rouse(&mut self, wakes: &mut Wakes) {
        if let Phase::Waiting(..) = self.phase
            && let Phase::Waiting(_, waker) = mem::replace(&mut self.phase, Phase::Roused(Instant::now()))
        {
            wakes.push(waker);
        }
    }

    pub(super) fn waits_until(&self) -> Option<Deadline> {
        if let Phase::Waiting(until, _) = self.phase { Some(until) } else { None }
    }

    pub(super) fn roused_since(&self) -> Option<Instant> {
        if let Phase::Roused(since) = self.phase { Some(since) } else { None }
    }

    pub(super) fn has_call(&self) -> bool {
        self.call.is_some()
    }
}

/// Where the clerk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Parked,
    /// Parked, until the front's time is over.
    Watching,
    /// Asleep on the doorbell, until then at most.
    Asleep(Deadline),
}

/// What the list knows of the clerk.
#[derive(Debug, Default)]
pub(in crate::waiting) struct Clerk {
    pub(super) thread: Option<Thread>,
    pub(super) place: Place,
    /// It goes back to sleep without waiting for the front to be polled (CK7).
    pub(super) stays: bool,
    /// The handle is being dropped.
    pub(super) ends: bool,
    /// The same, by the clerk's own thread. It ends unless a future waits that joined with this number or a later one.
    pub(super) ends_before: Option<u64>,
    /// A future left with a call. The post of that may still come.
    pub(super) expects_post: bool,
    /// It was posted to look at the list again.
    pub(super) is_poked: bool,
    /// It took a post of a thread that leads, and was refused the one that it owes for that (CK4).
    pub(super) owes_post: bool,
    /// A post was refused while it passed a call on.
    pub(super) refused: Option<Failure>,
    /// How many futures are on the list.
    pub(super) tasks: usize,
}

impl Clerk {
    /// Makes a clerk look at the list. Returns whether that takes a post, since it is asleep.
    pub(super) fn call(&mut self) -> bool {
        if let Place::Asleep(_) = self.place {
            return !mem::replace(&mut self.is_poked, true);
        }
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
        false
    }
}

impl Clerk {
    /// Remembers what the next poll is to record.
    pub(super) fn refuse(&mut self, result: Result<()>) {
        if let Err(failure) = result {
            self.refused.get_or_insert(failure);
        }
    }
}
