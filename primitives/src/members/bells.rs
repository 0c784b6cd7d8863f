//! Doorbells: posting, and sleeping until a post.

use std::sync::atomic::Ordering::Relaxed;

use super::{Members, ONE};
use crate::{
    failure::Result,
    raw::{self, Amount, Deadline, SemOp},
    set_layout::STATE,
};

/// How many times a process sleeps for each time that it asks the set for its identity.
const SLEEPS: u32 = 32;

impl Members {
    /// Posts a doorbell: one waiter, now or later, checks again.
    pub(crate) fn post(&self, bell: u16) -> Result<()> {
        self.check_slot()?;
        match self.set.op(&[SemOp::add(self.layout.bell(bell), ONE)]) {
            // It has more posts than waiters can use.
            Err(raw::Error::ValueOutOfRange { .. }) => Ok(()),
            other => other.map_err(|error| self.failed(error)),
        }
    }

    /// Sleeps on a doorbell until it is posted, and takes the post; `false` if the deadline passed first.
    pub(crate) fn sleep(&self, bell: u16, deadline: Deadline) -> Result<bool> {
        // Otherwise a process that has left the namespace would take a stranger's posts. Others reap it then, which the
        // slot in memory shows. The set itself is asked now and then, since that is one more system call.
        if self.sleeps.fetch_add(1, Relaxed).is_multiple_of(SLEEPS) {
            self.check_state(self.value(STATE)?)?;
        } else {
            self.check_slot()?;
        }
        match self.set.op_deadline(&[SemOp::sub(self.layout.bell(bell), ONE)], deadline) {
            Ok(()) => Ok(true),
            Err(error) if error.is_busy() => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Takes all posts of a doorbell at once; returns whether there were any.
    pub(crate) fn drain(&self, bell: u16) -> Result<bool> {
        let bell = self.layout.bell(bell);
        let Ok(posts) = Amount::new(self.value(bell)?) else { return Ok(false) };
        match self.set.op(&[SemOp::sub(bell, posts).no_wait()]) {
            Ok(()) => Ok(true),
            // Others were faster.
            Err(raw::Error::WouldBlock { .. }) => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }
}
