//! Waiting for another version, or for the end.

use super::state::WatchState;
use crate::{
    failure::Result,
    raw::Deadline,
    role::Role,
    sync::{Ordering::SeqCst, fence},
    waiting::{
        Checked, Party, wait,
        waiter::{Gate, Waiter},
    },
};
use std::sync::atomic::Ordering::Relaxed;

/// How a wait ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended<T> {
    /// What the caller looked for is there.
    Found(T),
    /// There is no writer any more.
    Disconnected,
}

impl WatchState {
    /// Returns whether the last writer is gone. The caller has reaped the dead.
    fn is_disconnected(&self) -> bool {
        self.control.arrivals.is_disconnected(Role::Producer, || self.attachments.iter())
    }

    /// Looks for the first time, and then calls those that sleep, if the one that published may be stopped (WA5).
    #[inline]
    pub(super) fn come<T>(
        &self,
        party: Party<'_, Self>,
        look: &mut impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let found = look()?;
        self.tell(party.members);
        Ok(found)
    }

    /// Looks, for a caller that does not wait. Returns `None` if there is nothing yet.
    pub(crate) fn look_now<T>(
        &self,
        party: Party<'_, Self>,
        detects_end: bool,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<Ended<T>>> {
        if let Some(found) = self.come(party, &mut look)? {
            return Ok(Some(Ended::Found(found)));
        }
        if !detects_end {
            return Ok(None);
        }
        party.reap_all()?;
        // WA6.
        let is_over = self.is_disconnected();
        Ok(match look()? {
            Some(found) => Some(Ended::Found(found)),
            None => is_over.then_some(Ended::Disconnected),
        })
    }

    /// Waits until the caller finds what it looks for, or is notified of the end. Returns `None` if the timeout elapsed.
    pub(crate) fn wait_until<T>(
        &self,
        party: Party<'_, Self>,
        detects_end: bool,
        deadline: Deadline,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<Ended<T>>> {
        if let Some(found) = self.come(party, &mut look)? {
            return Ok(Some(Ended::Found(found)));
        }
        self.sleep_until(party, detects_end, deadline, look)
    }

    #[cold]
    fn sleep_until<T>(
        &self,
        party: Party<'_, Self>,
        detects_end: bool,
        deadline: Deadline,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<Ended<T>>> {
        let waiter = Waiter::new(&self.room, WatchGate(self), party.me, self.new_wait());
        wait(party, &waiter, deadline, |_| self.check(detects_end, &mut look))
    }

    /// Returns the number of a wait. WA4: no two wait for the same, so each of them checks after the announcement of another one.
    pub(super) fn new_wait(&self) -> u64 {
        self.waits.fetch_add(1, Relaxed)
    }

    /// A waiter's check.
    pub(super) fn check<T>(
        &self,
        detects_end: bool,
        look: &mut impl FnMut() -> Result<Option<T>>,
    ) -> Result<Checked<Ended<T>>> {
        // WA6: the end first.
        let is_over = detects_end && self.is_disconnected();
        Ok(match look()? {
            Some(found) => Checked::Found(Ended::Found(found)),
            None if is_over => Checked::Found(Ended::Disconnected),
            None => Checked::Sleep(Deadline::NEVER),
        })
    }
}

/// Waiters. All of them are called at once, so none passes a call on.
pub(super) struct WatchGate<'a>(pub(super) &'a WatchState);

impl Gate for WatchGate<'_> {
    fn open(&self, _: u64) -> Deadline {
        self.0.control.flag.raise();
        // SYNC: pairs with the compare-and-swap in `publish`, and with the fence of one that detaches: either the notifier sees the
        // flag, or the check sees what changed.
        fence(SeqCst);
        Deadline::NEVER
    }
}
