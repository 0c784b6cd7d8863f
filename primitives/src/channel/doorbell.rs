//! A doorbell with its announcement, and a post that was taken from it and must not get lost.
//!
//! A post says that something may have become available, and the waiter that takes it checks. By R-leave (in `lib.rs`)
//! a waiter may time out before it took a post, and afterwards only by posting one first: otherwise the event is lost
//! with its messenger.

use crate::{
    failure::Result,
    members::Members,
    raw::Deadline,
    sync::{AtomicU32, Ordering::SeqCst},
};

/// A doorbell, and the flag that announces its waiters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doorbell<'a> {
    number: u16,
    flag: Option<(&'a AtomicU32, u32)>,
}

impl<'a> Doorbell<'a> {
    /// Waiters set the bit of the flag before they sleep, and a notifier clears it before it posts.
    pub(crate) fn new(number: u16, flag: &'a AtomicU32, bit: u32) -> Self {
        Self { number, flag: Some((flag, bit)) }
    }

    /// A doorbell whose waiters are announced in another way.
    pub(crate) fn unannounced(number: u16) -> Self {
        Self { number, flag: None }
    }

    /// Posts for a waiter whose announcement the caller has cleared (R-wake).
    #[cold]
    pub(crate) fn ring(self, members: &Members) -> Result<()> {
        let posted = members.post(self.number);
        if posted.is_err()
            && let Some((flag, bit)) = self.flag
        {
            // The waiter still sleeps. Announced again, it is woken by the next notifier that may post.
            flag.fetch_or(bit, SeqCst);
        }
        posted
    }
}

/// What one waiter has taken from one doorbell so far.
pub(crate) struct Token<'a> {
    members: &'a Members,
    bell: Doorbell<'a>,
    held: bool,
    slept: bool,
    /// Posts taken in a row that came to nothing.
    vain: u32,
}

/// After so many posts in vain there may be thousands more: of waiters that gave up, and of the dead.
const MOST_IN_VAIN: u32 = 8;

impl<'a> Token<'a> {
    pub(crate) fn none(members: &'a Members, bell: Doorbell<'a>) -> Self {
        Self { members, bell, held: false, slept: false, vain: 0 }
    }

    /// Sleeps until the doorbell is posted, and takes the post; `false` if the time was over first.
    pub(crate) fn sleep(&mut self, deadline: Deadline) -> Result<bool> {
        let woken = self.members.sleep(self.bell.number, deadline)?;
        self.held |= woken;
        self.slept |= woken;
        self.vain += 1;
        Ok(woken)
    }

    /// Takes stale posts together, if they have piled up. To be called before the waiter looks, never
    /// between its look and its sleep: a post that is taken must be followed by a look.
    ///
    /// Posts that were meant for others may be among them; so a waiter that has drained counts as
    /// woken, and passes the event on as any other. Returns whether there were any.
    pub(crate) fn clear_pile(&mut self) -> Result<bool> {
        if self.vain < MOST_IN_VAIN {
            return Ok(false);
        }
        self.vain = 0;
        let has_drained = self.members.drain(self.bell.number)?;
        self.held |= has_drained;
        self.slept |= has_drained;
        Ok(has_drained)
    }

    /// Returns whether a post was ever taken: others may sleep as well.
    pub(crate) fn has_slept(&self) -> bool {
        self.slept
    }

    /// The event was used. If there may be more for others, posts one for them. The waiter has what it waited for, so a
    /// refusal is recorded.
    pub(crate) fn used(mut self, is_more: impl FnOnce() -> bool) {
        self.held = self.held && is_more();
    }

    /// The waiter leaves without the event, and passes it on (R-leave).
    pub(crate) fn pass_on(mut self) -> Result<()> {
        if !std::mem::take(&mut self.held) {
            return Ok(());
        }
        match self.bell.ring(self.members) {
            // The removal has woken every waiter.
            Err(failure) if failure.is_gone() => Ok(()),
            rung => rung,
        }
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        if self.held {
            self.members.record(self.bell.ring(self.members));
        }
    }
}
