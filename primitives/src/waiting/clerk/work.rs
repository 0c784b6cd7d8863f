//! The clerk's thread: how it begins, what it does, and how it ends.

use std::{mem, sync::PoisonError, time::Duration};

use super::{
    stand::Stand,
    start::start,
    task::{HAND, Place},
};
use crate::{
    failure::Result,
    members::Members,
    raw::Deadline,
    sync::{Instant, thread},
    waiting::{
        desk::Desk,
        interests::Interests,
        list::{List, Locked, Sleeper, Waiting},
        room::Room,
        wait::Withdrawn,
    },
};

/// After what time without futures a clerk ends.
pub(super) const IDLE: Duration = Duration::from_secs(10);

impl Room {
    /// Ends the clerk of this process, if there is one (CK6). The handle is being dropped.
    pub(crate) fn dismiss_clerk(&self, members: &Members) {
        if let Some(me) = members.own_session() {
            self.desk.dismiss_clerk(self.bell(me.slot()), members);
        }
    }
}

impl Desk {
    /// Returns a desk at a doorbell on which one endpoint waits.
    pub(crate) fn alone() -> Self {
        Self::new(Interests::Least)
    }

    /// Ends the clerk of this process, if there is one (CK6).
    pub(crate) fn dismiss_clerk(&self, bell: u16, members: &Members) {
        let desk = self.ours();
        let mut list = desk.lock();
        if list.clerk.thread.is_none() {
            return;
        }
        if list.clerk.thread.as_ref().is_some_and(|clerk| clerk.id() == thread::current().id()) {
            // It drops the handle or the holder of the role itself, in a waker or after it passed a call on. It is not asleep, and ends
            // next, unless a future of the next holder waits by then.
            list.clerk.ends_before = Some(list.next);
            return;
        }
        list.clerk.ends = true;
        // The futures that are left were forgotten, since each borrowed the handle.
        if list.clerk.call() || list.clerk.is_poked {
            drop(list);
            // If that is refused, so is what follows: the slot stays this process's until its end.
            members.record(members.post(bell));
            list = desk.lock();
        }
        while list.clerk.thread.is_some() {
            list = desk.clerk_ended.wait(list).unwrap_or_else(PoisonError::into_inner);
        }
        list.clerk.ends = false;
    }
}

/// What a clerk does next.
enum Duty {
    /// Sleeps on the doorbell.
    Sleep(Deadline),
    /// Parks. `is_watch`: until the front's time is over.
    Park(Duration, bool),
    /// Serves others than the front (CK3).
    Revoke,
    /// Posts again for the thread that leads (CK4).
    PostAgain,
    End,
}

impl List {
    /// Starts a clerk, unless there is one.
    pub(super) fn need_clerk(&mut self, stand: impl FnOnce() -> Stand) -> Result<()> {
        if self.clerk.thread.is_some() {
            return Ok(());
        }
        let stand = stand();
        let object = stand.members.object().clone();
        self.clerk.thread = Some(start(&object, move || work(&stand))?);
        self.clerk.place = Place::Parked;
        Ok(())
    }

    fn duty(&self, idle: Duration) -> Duty {
        let is_later = |number: u64| self.waiting.iter().any(|waiting| waiting.id >= number);
        if self.clerk.ends || self.clerk.ends_before.is_some_and(|number| !is_later(number)) {
            return Duty::End;
        }
        let stays = self.clerk.stays;
        let Some(front) = self.waiting.front() else {
            return match IDLE.checked_sub(idle) {
                None | Some(Duration::ZERO) => Duty::End,
                Some(left) if stays => Duty::Sleep(Deadline::after(left)),
                Some(left) => Duty::Park(left, false),
            };
        };
        let Sleeper::Task(task) = &front.sleeper else {
            if self.clerk.owes_post {
                return Duty::PostAgain;
            }
            return if self.clerk.tasks > 0 || idle < IDLE { Duty::Park(IDLE, false) } else { Duty::End };
        };
        if let Some(until) = task.waits_until() {
            return Duty::Sleep(until);
        }
        let watches = task.has_call() || self.waiting.len() > 1;
        let left = task.roused_since().filter(|_| watches).map(|since| HAND.saturating_sub(since.elapsed()));
        match left {
            Some(Duration::ZERO) if task.has_call() || self.one_waits() => Duty::Revoke,
            // CK7.
            None | Some(Duration::ZERO) if stays => Duty::Sleep(Deadline::after(IDLE)),
            Some(left) if stays => Duty::Sleep(Deadline::after(left)),
            None | Some(Duration::ZERO) => Duty::Park(IDLE, false),
            Some(left) => Duty::Park(left, true),
        }
    }

    /// Returns whether a waiter was not roused: a thread, or a future that waits.
    fn one_waits(&self) -> bool {
        self.waiting.iter().skip(1).any(|waiting| match &waiting.sleeper {
            Sleeper::Thread(_) => true,
            Sleeper::Task(task) => task.waits_until().is_some(),
        })
    }
}

/// What a clerk does all its life.
fn work(stand: &Stand) {
    let desk = stand.desk.ours();
    let mut idle_since = Instant::now();
    let mut list = desk.list();
    loop {
        if !list.wakes.is_empty() {
            // Before it goes to sleep: a waker may drop the holder of the role, and the doorbell is another one's then (AL1).
            drop(list);
            list = desk.list();
            continue;
        }
        if list.clerk.tasks > 0 {
            idle_since = Instant::now();
        }
        match list.duty(idle_since.elapsed()) {
            Duty::End => {
                (list.clerk.thread, list.clerk.ends_before) = (None, None);
                drop(list);
                desk.clerk_ended.notify_all();
                return;
            }
            Duty::Park(time, is_watch) => {
                list.clerk.place = if is_watch { Place::Watching } else { Place::Parked };
                drop(list);
                thread::park_timeout(time);
                list = desk.list();
                list.clerk.place = Place::Parked;
            }
            Duty::Sleep(until) => {
                let until = until.min(Deadline::after(IDLE));
                list.clerk.place = Place::Asleep(until);
                drop(list);
                let slept = stand.members.sleep(stand.bell, until);
                list = desk.list();
                list.clerk.place = Place::Parked;
                // CK7.
                list.clerk.stays = matches!(slept, Ok(true)) && (stand.is_beside)();
                list = wake_up(stand, desk, list, slept);
            }
            Duty::Revoke => list = revoke(stand, desk, list),
            Duty::PostAgain => {
                list = post_again(stand, desk, list);
                if list.clerk.owes_post {
                    // The rights may come back.
                    drop(list);
                    thread::park_timeout(HAND);
                    list = desk.list();
                }
            }
        }
    }
}

/// Hands the wake-up on.
fn wake_up<'a>(stand: &Stand, desk: &'a Desk, mut list: Locked<'a>, slept: Result<bool>) -> Locked<'a> {
    let is_woken = matches!(slept, Ok(true));
    let is_poked = mem::take(&mut list.clerk.is_poked);
    let List { waiting, clerk, .. } = &mut *list;
    let leads = match waiting.front_mut().map(|front| &mut front.sleeper) {
        Some(Sleeper::Thread(_)) => {
            // Also if it was poked: perhaps the thread took the post for that, and this one is the thread's.
            return if is_woken { post_again(stand, desk, list) } else { list };
        }
        Some(Sleeper::Task(task)) => task.roused_since().is_none(),
        None => false,
    };
    // A thread may have taken the post for the clerk, and this one is a call's. So the front checks, and parks the clerk before it pokes
    // it again.
    clerk.stays &= !is_poked;
    let is_expected = is_woken && (mem::take(&mut clerk.expects_post) || is_poked);
    let Some(id) = waiting.front().filter(|_| leads).map(|front| front.id) else {
        if is_woken && !is_expected {
            // W5.
            stand.members.suspect();
            list.rouse_others(u64::MAX, |_| true);
        }
        return list;
    };
    let is_due = waiting.front().is_some_and(|front| front.is_due());
    if let Ok(false) = slept
        && !is_due
    {
        return list;
    }
    // CK1.
    let withdrawn = (stand.withdraw)();
    let is_called = withdrawn != Withdrawn::Uncalled;
    if stand.is_named {
        list.remember(withdrawn);
    }
    if is_woken && !is_called && !is_expected {
        // W5.
        stand.members.suspect();
        list.rouse_others(id, |_| true);
    }
    list.rouse_front(is_called.then_some(withdrawn), slept.err());
    list
}

/// Gives a thread that leads its post back, which this clerk took (CK4).
fn post_again<'a>(stand: &Stand, desk: &'a Desk, list: Locked<'a>) -> Locked<'a> {
    drop(list);
    let posted = stand.members.post(stand.bell);
    let mut list = desk.list();
    list.clerk.owes_post = posted.is_err();
    list.clerk.refuse(posted);
    list
}

/// Serves others than the front, which was roused and is not polled (CK3).
fn revoke<'a>(stand: &Stand, desk: &'a Desk, mut list: Locked<'a>) -> Locked<'a> {
    // Each that had its time goes behind the others. So several that are not polled delay an event twice at most.
    let (mut is_called, mut late) = (false, 0);
    while late < list.waiting.len() && list.waiting.front().is_some_and(Waiting::is_overdue) {
        if let Some(mut front) = list.waiting.pop_front() {
            is_called |= front.take_call();
            list.waiting.push_back(front);
        }
        late += 1;
    }
    if let Some(give_up) = stand.give_up.as_ref().filter(|_| is_called) {
        let given_up = give_up(&stand.members);
        list.clerk.refuse(given_up);
    }
    list.rouse_others(u64::MAX, |_| true);
    let things = match (is_called, stand.is_named) {
        (false, _) => Vec::new(),
        (true, false) => vec![0],
        (true, true) => mem::take(&mut list.called_for),
    };
    drop(list);
    let passed = things.into_iter().map(|what| (stand.pass_on)(what, &stand.members)).fold(Ok(()), Result::and);
    let mut list = desk.list();
    list.clerk.refuse(passed);
    list
}
