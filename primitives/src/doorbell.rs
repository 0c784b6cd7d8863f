//! A post that was taken from a doorbell, and must not get lost.
//!
//! A post says that something may have become available; who takes it looks. **R-leave**: a waiter may
//! give up before it took a post; afterwards only by posting one first, or the event is lost
//! with its messenger. A process that dies with a post in hand has its obituary posted instead.

use crate::{Result, members::Members, raw::Deadline};

/// What one waiter has taken from one doorbell so far.
pub(crate) struct Token<'a> {
    members: &'a Members,
    bell: u16,
    held: bool,
    slept: bool,
}

impl<'a> Token<'a> {
    pub(crate) fn none(members: &'a Members, bell: u16) -> Self {
        Self { members, bell, held: false, slept: false }
    }

    /// Sleeps until the doorbell is posted, and takes the post; `false` if the time was over first.
    pub(crate) fn sleep(&mut self, deadline: Deadline) -> Result<bool> {
        let woken = self.members.sleep(self.bell, deadline)?;
        self.held |= woken;
        self.slept |= woken;
        Ok(woken)
    }

    /// Returns whether a post was ever taken: others may sleep as well.
    pub(crate) fn has_slept(&self) -> bool {
        self.slept
    }

    /// The event was used. If there may be more for others, posts one for them.
    pub(crate) fn used(mut self, is_more: impl FnOnce() -> bool) {
        self.held = self.held && is_more();
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        if self.held {
            // It fails only if the object was removed, which has woken everybody.
            let _ = self.members.post(self.bell);
        }
    }
}
