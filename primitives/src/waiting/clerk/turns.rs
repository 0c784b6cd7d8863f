//! What polls, the clerk and threads do to the list of a desk that has futures.

use std::{
    mem::{self, ManuallyDrop},
    task::Waker,
    time::Duration,
};

use super::{
    stand::Stand,
    task::{HAND, Phase, Place, Task},
};
use crate::{
    failure::{Failure, Result},
    raw::Deadline,
    waiting::{
        desk::{Desk, Ticket},
        interests::Interests,
        list::{List, Sleeper, Waiting},
        wait::Withdrawn,
    },
};

/// What a poll finds.
#[derive(Debug, Default)]
pub(super) struct Resumed {
    pub(super) call: Option<Withdrawn>,
    pub(super) failure: Option<Failure>,
    /// A failure of the clerk's, to be recorded.
    pub(super) refused: Option<Failure>,
}

/// How a poll ends that found nothing.
pub(super) enum Parked {
    /// The future waits. The clerk is to be posted if it sleeps too long for that.
    Waits { is_post_due: bool },
    /// It was roused meanwhile.
    Roused(Resumed),
}

/// What a future that has left is to do.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// It was called, and has not spent the call.
    pub(super) is_called: bool,
    pub(super) things: Vec<u32>,
    /// A post for it lies on the doorbell.
    pub(super) is_posted: bool,
    /// The clerk is asleep, and is to watch the next one.
    pub(super) is_poke_due: bool,
}

impl Waiting {
    fn task(&mut self) -> Option<&mut Task> {
        if let Sleeper::Task(task) = &mut self.sleeper { Some(task) } else { None }
    }

    /// Returns whether it is a future that is to check again by now.
    pub(super) fn is_due(&self) -> bool {
        matches!(&self.sleeper, Sleeper::Task(Task { phase: Phase::Waiting(until, _), .. }) if until.has_passed())
    }

    /// Returns whether it is a future that was roused and not polled in time.
    pub(super) fn is_overdue(&self) -> bool {
        matches!(&self.sleeper, Sleeper::Task(Task { phase: Phase::Roused(since), .. }) if since.elapsed() >= HAND)
    }

    fn has_call(&self) -> bool {
        matches!(&self.sleeper, Sleeper::Task(task) if task.has_call())
    }

    pub(super) fn take_call(&mut self) -> bool {
        self.task().is_some_and(|task| task.call.take().is_some())
    }
}

impl List {
    /// Rouses the front, which is a future, with what the clerk found.
    pub(super) fn rouse_front(&mut self, call: Option<Withdrawn>, failure: Option<Failure>) {
        let Self { waiting, wakes, .. } = self;
        let Some(front) = waiting.front_mut() else { return };
        if let Some(task) = front.task() {
            task.call = call.or(task.call.take());
            task.failure = failure.or(task.failure.take());
        }
        front.wake(wakes);
    }
}

impl Desk {
    /// Puts a future on the list. It is being polled.
    pub(crate) fn join_task(&self, interest: u64, selection: Option<u64>) -> Ticket<'_> {
        let mut list = self.list();
        let task = Task { phase: Phase::Acting, call: None, failure: None };
        list.clerk.tasks += 1;
        // W6: a clerk may sleep on the doorbell beside a thread.
        list.had_company = true;
        let id = list.join(Sleeper::Task(task), interest, selection);
        Ticket { desk: self, id }
    }
}

impl Ticket<'_> {
    /// Keeps the place on the list without the ticket.
    pub(crate) fn into_id(self) -> u64 {
        ManuallyDrop::new(self).id
    }

    /// Begins a poll. Nothing is found in the first one. Returns `None` if the future was not roused: then it waits as before.
    pub(super) fn resume(&self, waker: &Waker) -> Option<Resumed> {
        let mut waker = waker.clone();
        let mut list = self.desk.list();
        let refused = list.clerk.refused.take();
        let mut resumed = Resumed { refused, ..Resumed::default() };
        let Some(index) = list.index(self.id) else { return Some(resumed) };
        let Some(task) = list.waiting[index].task() else { return Some(resumed) };
        if let Phase::Waiting(_, former) = &mut task.phase {
            mem::swap(former, &mut waker);
            // The former waker may run any code when it is dropped.
            drop(list);
            return None;
        }
        task.phase = Phase::Acting;
        (resumed.call, resumed.failure) = (task.call.take(), task.failure.take());
        Some(resumed)
    }

    /// Ends a poll, unless the future was roused meanwhile (CK1).
    pub(super) fn park(&self, until: Deadline, waker: &Waker, stand: impl FnOnce() -> Stand) -> Result<Parked> {
        let waker = waker.clone();
        let mut list = self.desk.list();
        let Some(index) = list.index(self.id) else { return Ok(Parked::Roused(Resumed::default())) };
        list.need_clerk(stand)?;
        let List { waiting, clerk, .. } = &mut *list;
        let entry = &mut waiting[index];
        let must_check = entry.must_check;
        let Some(task) = entry.task() else { return Ok(Parked::Roused(Resumed::default())) };
        if must_check || task.call.is_some() || task.failure.is_some() {
            let (call, failure) = (task.call.take(), task.failure.take());
            return Ok(Parked::Roused(Resumed { call, failure, refused: None }));
        }
        task.phase = Phase::Waiting(until, waker);
        let is_call_due = index == 0
            && match clerk.place {
                // Most often it is asleep already, and need not wake sooner for this one.
                Place::Asleep(asleep_until) => until != Deadline::NEVER && is_before(until, asleep_until),
                Place::Parked | Place::Watching => true,
            };
        // A follower sees to it that the front is watched.
        let is_post_due = if index == 0 { is_call_due && clerk.call() } else { list.is_watch_due() };
        Ok(Parked::Waits { is_post_due })
    }

    /// Takes this future off the list, and withdraws if it leads (CK2).
    pub(super) fn leave_task(&self, withdraw: impl FnOnce() -> Withdrawn) -> Left {
        let mut list = self.desk.list();
        let Some(index) = list.index(self.id) else { return Left::default() };
        let mut left = Left { is_called: list.waiting[index].take_call(), ..Left::default() };
        if index == 0 {
            let withdrawn = withdraw();
            if self.desk.interests == Interests::Union {
                list.remember(withdrawn);
            }
            if withdrawn != Withdrawn::Uncalled {
                left.is_called = true;
                let is_asleep = matches!(list.clerk.place, Place::Asleep(_));
                list.clerk.expects_post |= is_asleep;
                left.is_posted = matches!(withdrawn, Withdrawn::Posted(_)) && !is_asleep;
            }
        }
        left.things = mem::take(&mut list.called_for);
        // In a room without names: a call that an announcement replaced.
        left.is_called |= self.desk.interests == Interests::Least && !left.things.is_empty();
        list.clerk.tasks -= 1;
        let removed = list.remove(index);
        left.is_poke_due = index == 0 && list.is_watch_due();
        drop(list);
        // A waker may run any code.
        drop(removed);
        left
    }

    /// Returns whether the clerk sleeps, and was posted to look at the list.
    pub(super) fn is_clerk_poked(&self) -> bool {
        let clerk = &self.desk.list().clerk;
        clerk.is_poked && matches!(clerk.place, Place::Asleep(_))
    }

    /// A thread has left: returns whether the clerk is asleep and is to watch a future that leads now.
    pub(in crate::waiting) fn is_poke_due(&self) -> bool {
        self.desk.list().is_watch_due()
    }
}

impl List {
    /// Puts a thread to the front, if the front was roused and not polled in time (CK3). If the front has a call, the clerk watches
    /// it, and passes the call on.
    pub(in crate::waiting) fn takes_over(&mut self, index: usize) -> bool {
        let is_thread = matches!(self.waiting[index].sleeper, Sleeper::Thread(_));
        let is_left = self.waiting.front().is_some_and(|front| front.is_overdue() && !front.has_call());
        if !is_thread || !is_left {
            return false;
        }
        let Some(thread) = self.waiting.remove(index) else { return false };
        self.waiting.push_front(thread);
        true
    }

    /// Returns for how long the front may still be roused and not polled. Returns `None` if it is not roused, or if the clerk
    /// watches it.
    pub(in crate::waiting) fn patience_with_front(&self) -> Option<Duration> {
        match &self.waiting.front()?.sleeper {
            Sleeper::Task(task) if task.has_call() => None,
            Sleeper::Task(task) => task.roused_since().map(|since| HAND.saturating_sub(since.elapsed())),
            Sleeper::Thread(_) => None,
        }
    }

    /// Makes a parked clerk watch the front, if that was roused and others wait behind it. Returns whether the clerk is to
    /// be posted for that.
    fn is_watch_due(&mut self) -> bool {
        let front = self.waiting.front();
        let is_roused =
            front.is_some_and(|front| matches!(&front.sleeper, Sleeper::Task(task) if task.roused_since().is_some()));
        is_roused && self.waiting.len() > 1 && self.clerk.place != Place::Watching && self.clerk.call()
    }
}

fn is_before(one: Deadline, other: Deadline) -> bool {
    match (one.remaining(), other.remaining()) {
        (Some(one), Some(other)) => one < other,
        (one, _) => one.is_some(),
    }
}
