//! Doorbells: posting, and sleeping until a post.

use std::sync::atomic::Ordering::Relaxed;

use super::{Members, ONE, Session};
use crate::{
    Failure,
    failure::Result,
    raw::{self, Amount, Deadline, SemOp},
    set_layout::STATE,
};

/// How many doorbells one `semop` posts: the kernel's lock of the set is held for so long. Linux allows 500 by default.
const MOST_POSTS: usize = 256;

/// How many times a process sleeps for each time that it asks the set for its identity.
const SLEEPS: u32 = 32;

impl Members {
    /// Posts a doorbell: one waiter, now or later, checks again.
    pub(crate) fn post(&self, bell: u16) -> Result<()> {
        self.check_slot()?;
        match self.set.op(&[SemOp::add(self.layout.bell(bell), ONE)]) {
            // It has more posts than waiters can use.
            Err(raw::Error::ValueOutOfRange { .. }) => Ok(()),
            other => other.map_err(|error| self.post_failed(error)),
        }
    }

    /// Posts a doorbell, unless it has a post already: then its waiter wakes by that.
    pub(crate) fn post_unless_posted(&self, bell: u16) -> Result<()> {
        self.check_slot()?;
        let bell = self.layout.bell(bell);
        match self.set.op(&[SemOp::zero(bell).no_wait(), SemOp::add(bell, ONE)]) {
            Ok(()) | Err(raw::Error::WouldBlock { .. }) => Ok(()),
            Err(error) => Err(self.post_failed(error)),
        }
    }

    /// Returns whether the last post of a doorbell lies there still: no member slept on it that runs.
    ///
    /// Linux gives a post to the sleeper within the call that posts it. A process that is stopped while it sleeps has left the
    /// kernel's queue, and takes the post when it goes on. On other systems each sleeper takes a post once it runs, so what
    /// lies there tells nothing.
    pub(crate) fn is_post_left(&self, bell: u16) -> Result<bool> {
        if cfg!(not(target_os = "linux")) {
            return Ok(false);
        }
        // It locks this semaphore alone. To ask for its value would lock all of the set.
        match self.set.op(&[SemOp::zero(self.layout.bell(bell)).no_wait()]) {
            Ok(()) => Ok(false),
            Err(raw::Error::WouldBlock { .. }) => Ok(true),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Posts several doorbells: each waiter, now or later, checks again. If a post is refused, the others are tried.
    pub(crate) fn post_all(&self, bells: impl Iterator<Item = u16>) -> Result<()> {
        self.check_slot()?;
        let ops: Vec<SemOp> = bells.map(|bell| SemOp::add(self.layout.bell(bell), ONE)).collect();
        let mut result = Ok(());
        for some in ops.chunks(self.most_operations().min(MOST_POSTS)) {
            let posted = match self.set.op(some) {
                // One of them has more posts than its waiter can use. Then none was posted.
                Err(raw::Error::ValueOutOfRange { .. }) => self.post_each(some),
                // The system does not allow so many at once.
                Err(raw::Error::LimitReached { .. }) if some.len() > 1 => self.post_each(some),
                other => other.map_err(|error| self.post_failed(error)),
            };
            result = result.and(posted);
        }
        result
    }

    fn post_each(&self, ops: &[SemOp]) -> Result<()> {
        let post = |op: &SemOp| match self.set.op(std::slice::from_ref(op)) {
            Err(raw::Error::ValueOutOfRange { .. }) => Ok(()),
            other => other.map_err(|error| self.post_failed(error)),
        };
        ops.iter().map(post).fold(Ok(()), Result::and)
    }

    /// Reports a post that the system refused. The waiter stays announced, for the next notifier.
    ///
    /// It is only handed over: the caller may be in the middle of a call, and has not announced the waiter again.
    #[cold]
    fn post_failed(&self, error: raw::Error) -> Failure {
        let failure = self.failed(error);
        // After a removal there is no waiter to wake: the removal woke all.
        #[cfg(feature = "tracing")]
        if !failure.is_gone() {
            crate::events::post_refused(self.object(), &failure);
        }
        failure
    }

    /// Fails if the set is not the object's any more, as far as that is seen.
    fn check_before_sleep(&self) -> Result<()> {
        // Otherwise a process that has left the namespace would take the posts of another set. Other members reap it
        // then, which the slot in memory shows. The set itself is checked only now and then, since that is one more
        // system call.
        if self.sleeps.fetch_add(1, Relaxed).is_multiple_of(SLEEPS) {
            self.check_state(self.value(STATE)?)
        } else {
            self.check_slot()
        }
    }

    /// Sleeps on a doorbell until it is posted, and takes the post; `false` if the deadline passed first.
    pub(crate) fn sleep(&self, bell: u16, deadline: Deadline) -> Result<bool> {
        self.check_before_sleep()?;
        match self.to_sleep.op_deadline(&[SemOp::sub(self.layout.bell(bell), ONE)], deadline) {
            Ok(()) => Ok(true),
            Err(error) if error.is_busy() => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Sleeps until a time, on no doorbell: nothing but the removal of the object ends it sooner.
    pub(crate) fn sleep_until(&self, me: Session, deadline: Deadline) -> Result<()> {
        self.check_before_sleep()?;
        // ALIVE of the slot is 1 as long as this process is its member. Any number of threads may wait for 0, and none takes
        // anything from another one.
        let alive = self.alive(me.owner() - 1);
        match self.to_sleep.op_deadline(&[SemOp::zero(alive)], deadline) {
            Ok(()) => Err(self.membership_lost()),
            Err(error) if error.is_busy() => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Takes one post of a doorbell, if there is one.
    pub(crate) fn take_post(&self, bell: u16) -> Result<()> {
        match self.set.op(&[SemOp::sub(self.layout.bell(bell), ONE).no_wait()]) {
            Ok(()) | Err(raw::Error::WouldBlock { .. }) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Takes all posts of a doorbell at once. Returns whether there were any.
    pub(crate) fn drain(&self, bell: u16) -> Result<bool> {
        let bell = self.layout.bell(bell);
        let Ok(posts) = Amount::new(self.value(bell)?) else { return Ok(false) };
        match self.set.op(&[SemOp::sub(bell, posts).no_wait()]) {
            Ok(()) => Ok(true),
            // Another thread took them first.
            Err(raw::Error::WouldBlock { .. }) => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }
}
