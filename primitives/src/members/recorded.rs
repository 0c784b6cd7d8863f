//! Failures that no result can carry, kept for the next call on the handle.
//!
//! An unlock, a release or a push has taken effect when its post for a waiter is refused, and what it returns cannot say
//! so. The failure is recorded in the handle, and the next call on the handle returns it, once. To check for one costs
//! that call nothing: recording also marks the kept session, so that it looks like another process's. The comparison that
//! each call makes for the sake of `fork` fails then, and its slow path takes off the mark and returns the failure.

use std::sync::atomic::Ordering::Relaxed;

use super::{Members, Session};
use crate::{Failure, failure::Result};

impl Members {
    /// Records the failure of an operation that has taken effect, for the next call. Returns whether there was one.
    ///
    /// It is no failure if the object was removed: the removal has woken every waiter.
    #[inline]
    pub(crate) fn record(&self, result: Result<()>) -> bool {
        match result {
            Ok(()) => false,
            Err(failure) => self.record_failure(failure),
        }
    }

    #[cold]
    fn record_failure(&self, failure: Failure) -> bool {
        if failure.is_gone() {
            return false;
        }
        // The lock is only tried: a child may have inherited it locked. Another thread that has it records or takes a
        // failure, and one failure is enough.
        if let Ok(mut recorded) = self.recorded.try_lock() {
            recorded.get_or_insert(failure);
        }
        Session::mark(&self.me);
        true
    }

    /// Returns whether a failure is recorded.
    pub(crate) fn has_recorded(&self) -> bool {
        Session::from_bits(self.me.load(Relaxed)).is_marked()
    }

    /// Takes the recorded failure, if no other thread has.
    pub(super) fn take_recorded(&self) -> Option<Failure> {
        // The mark first: a failure that is recorded from now on sets it again.
        Session::unmark(&self.me);
        self.recorded.try_lock().ok()?.take()
    }

    /// Returns the failure of a process that lost its slot.
    #[cold]
    pub(crate) fn membership_lost(&self) -> Failure {
        Failure::MembershipLost { object: self.object.clone() }
    }
}
