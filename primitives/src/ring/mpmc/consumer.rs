//! The consumers' side of an mpmc ring.
#![allow(unsafe_code, reason = "items are read where they lie")]

use std::{
    fmt,
    mem::ManuallyDrop,
    ops::Deref,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytemuck::Pod;

use super::{
    SharedRing,
    endpoint::Endpoint,
    state::{Claim, MpmcState},
};
use crate::{
    Failure, PopError, Role,
    iter::{until_the_end, while_available},
    members::Session,
    raw::Deadline,
    ring::refusal::Refusal,
};

/// One of a ring's consumers.
///
/// It may be cloned, shared between threads, and used by a child made by `fork`. The child counts as a consumer from
/// its first use of it, so let the child pop, or make a consumer of its own, before the parent drops its consumer.
///
/// **When a process dies** while it pops, or has an item [claimed](Self::claim), the next consumer gets that item.
#[derive(Clone)]
#[must_use = "dropping it leaves the ring, perhaps as its last consumer"]
pub struct Consumer<T: Pod> {
    pub(super) endpoint: Endpoint<T>,
    /// How many items had been overwritten at the last call of `missed`.
    missed: u64,
}

impl<T: Pod> Consumer<T> {
    pub(super) fn new(shared: &Arc<SharedRing<T, MpmcState>>) -> Result<Self, Failure> {
        let missed = shared.state.control.overwritten.load(Relaxed);
        Ok(Self { endpoint: Endpoint::take(shared, Role::Consumer)?, missed })
    }

    /// Pops an item. Blocks while the ring is empty.
    ///
    /// # Errors
    ///
    /// - [`PopError::Closed`] if the ring is closed and empty. [`PopError::Disconnected`] if it is empty, no producer is
    ///   left, and the consumer [detects that](Self::detect_disconnect).
    /// - [`PopError::Failed`] if the ring was removed or is corrupt.
    #[inline]
    pub fn pop(&self) -> Result<T, PopError> {
        self.pop_deadline(Deadline::NEVER)
    }

    /// Pops an item if there is one.
    ///
    /// The first call that finds nothing, and then every 64th, also checks for the items that dead consumers had
    /// claimed: the check is a system call.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if there is none. Otherwise as [`pop`](Self::pop).
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        self.pop_deadline(Deadline::NOW)
    }

    /// Pops an item. Blocks while the ring is empty, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PopError::TimedOut`] if the timeout elapses. Otherwise as [`pop`](Self::pop).
    pub fn pop_timeout(&self, timeout: Duration) -> Result<T, PopError> {
        // Only a call that must wait reads the clock.
        match self.try_pop() {
            Err(PopError::Empty) => self.pop_deadline(Deadline::after(timeout)),
            result => result,
        }
    }

    /// Pops an item. Blocks while the ring is empty, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`pop_timeout`](Self::pop_timeout).
    #[inline]
    pub fn pop_deadline(&self, deadline: Deadline) -> Result<T, PopError> {
        let (claim, _) = self.endpoint.claim(deadline).map_err(|refusal| self.refused(refusal, deadline))?;
        let SharedRing { items, state, members, .. } = &*self.endpoint.shared;
        // SAFETY: by MP1 the slot is ours.
        let item = unsafe { items.read(claim.position) };
        self.endpoint.mark(state.finish_pop(claim, members));
        Ok(item)
    }

    /// Pops as many items as there are and as fit, and returns how many. Blocks until there is one.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub fn pop_slice(&self, items: &mut [T]) -> Result<usize, PopError> {
        self.pop_slice_deadline(items, Deadline::NEVER)
    }

    /// Pops as many items as there are and as fit, and returns how many.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    pub fn try_pop_slice(&self, items: &mut [T]) -> Result<usize, PopError> {
        self.pop_slice_deadline(items, Deadline::NOW)
    }

    /// Pops as many items as there are and as fit, and returns how many. Blocks until there is one, for at most
    /// `timeout`.
    ///
    /// # Errors
    ///
    /// As [`pop_timeout`](Self::pop_timeout).
    pub fn pop_slice_timeout(&self, items: &mut [T], timeout: Duration) -> Result<usize, PopError> {
        self.pop_slice_deadline(items, Deadline::after(timeout))
    }

    /// Pops as many items as there are and as fit, and returns how many. Blocks until there is one, until `deadline`
    /// at most.
    ///
    /// # Errors
    ///
    /// As [`pop_slice_timeout`](Self::pop_slice_timeout).
    pub fn pop_slice_deadline(&self, items: &mut [T], deadline: Deadline) -> Result<usize, PopError> {
        let Some((first, rest)) = items.split_first_mut() else { return Ok(0) };
        // Only the first item is waited for.
        *first = self.pop_deadline(deadline)?;
        let mut popped = 1;
        for item in rest {
            match self.try_pop() {
                Ok(next) => *item = next,
                // The items before are popped. The next call reports the error.
                Err(_) => break,
            }
            popped += 1;
        }
        Ok(popped)
    }

    /// Claims an item, to be read where it lies. Blocks while the ring is empty.
    ///
    /// [`done`](Claimed::done) consumes it. If the [`Claimed`] is dropped without, or this process dies, the next
    /// consumer gets the item.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub fn claim(&self) -> Result<Claimed<'_, T>, PopError> {
        self.claim_deadline(Deadline::NEVER)
    }

    /// Claims an item if there is one.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    pub fn try_claim(&self) -> Result<Claimed<'_, T>, PopError> {
        self.claim_deadline(Deadline::NOW)
    }

    /// Claims an item. Blocks while the ring is empty, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`pop_timeout`](Self::pop_timeout).
    pub fn claim_timeout(&self, timeout: Duration) -> Result<Claimed<'_, T>, PopError> {
        self.claim_deadline(Deadline::after(timeout))
    }

    /// Claims an item. Blocks while the ring is empty, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`claim_timeout`](Self::claim_timeout).
    pub fn claim_deadline(&self, deadline: Deadline) -> Result<Claimed<'_, T>, PopError> {
        let claimed = self.endpoint.claim(deadline);
        let (claim, session) = claimed.map_err(|refusal| self.refused(refusal, deadline))?;
        Ok(Claimed { endpoint: &self.endpoint, claim, session })
    }

    /// Returns an iterator over the items that come. It waits for each.
    ///
    /// It ends when the ring is closed, or disconnected if the consumer [detects](Self::detect_disconnect) that. Any other
    /// error is the last that it gives.
    pub fn iter(&self) -> impl Iterator<Item = Result<T, PopError>> {
        until_the_end(|| self.pop())
    }

    /// Returns an iterator over the items that are there. It never waits, and ends as [`iter`](Self::iter) or when the
    /// ring is empty.
    pub fn try_iter(&self) -> impl Iterator<Item = Result<T, PopError>> {
        while_available(|| self.try_pop())
    }

    #[inline]
    pub(super) fn refused(&self, refusal: Refusal, deadline: Deadline) -> PopError {
        PopError::refused(refusal, deadline, self.endpoint.members())
    }

    /// Returns how many items there are, as of a moment ago. A requeued item is not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.endpoint.shared.state.len()
    }

    /// Returns whether there was no item a moment ago.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there is a producer now, dead or alive.
    ///
    /// It shows the state before repair: a producer that died counts until a process waits for the ring, or a `try_` form
    /// that [detects a disconnect](Self::detect_disconnect) finds it empty.
    #[must_use]
    pub fn has_producer(&self) -> bool {
        self.endpoint.shared.state.has_any(Role::Producer)
    }

    /// Returns how many items were [overwritten](super::Producer::force_push) since the last call, or since the
    /// consumer was made.
    pub fn missed(&mut self) -> u64 {
        let now = self.endpoint.shared.state.control.overwritten.load(Relaxed);
        now.wrapping_sub(std::mem::replace(&mut self.missed, now))
    }

    /// Sets whether waiting here ends with [`PopError::Disconnected`] when no producer is left.
    ///
    /// Off by default. It makes no difference whether the producers left or died. The items that are there come first.
    /// A wait does not fail with this error before the first producer has come.
    pub fn detect_disconnect(&mut self, detect: bool) {
        self.endpoint.patience.wants_to_know = detect;
    }

    /// Closes the ring for good: nothing more is taken in, and what is in it can be popped.
    ///
    /// An item that is being pushed just now may stay in the ring, for a later consumer.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn close(&self) -> Result<(), Failure> {
        let SharedRing { state, members, .. } = &*self.endpoint.shared;
        state.close(members)
    }
}

impl<T: Pod> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Consumer").field(&self.endpoint).finish()
    }
}

/// A claimed item, where it lies. [`done`](Self::done) consumes it, and dropping it requeues it.
///
/// So an early return or a panic loses no item: the next consumer gets it. In a child made by `fork`, dropping a claim
/// of the parent's does nothing, and accessing it panics.
///
/// ```
/// use sysv_primitives::mpmc;
///
/// # let name = format!("claimed-example-{}", std::process::id());
/// let jobs = mpmc::Ring::create(&name, 8)?;
/// jobs.producer()?.push(7_u64)?;
/// let consumer = jobs.consumer()?;
/// drop(consumer.claim()?); // a worker that failed
/// let job = consumer.claim()?;
/// assert_eq!(*job, 7);
/// job.done();
/// assert!(consumer.try_claim().is_err());
/// jobs.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[must_use = "dropping it requeues the item; `done` consumes it"]
pub struct Claimed<'a, T: Pod> {
    pub(super) endpoint: &'a Endpoint<T>,
    pub(super) claim: Claim,
    pub(super) session: Session,
}

impl<T: Pod> Claimed<'_, T> {
    /// Consumes the item: its work is done.
    pub fn done(self) {
        // It is consumed instead of being dropped.
        let this = ManuallyDrop::new(self);
        this.endpoint.end(this.session, |shared| shared.state.finish_pop(this.claim, &shared.members));
    }

    /// Requeues the item for the next consumer, as dropping it does.
    pub fn requeue(self) {}
}

impl<T: Pod> Deref for Claimed<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.endpoint.assert_ours(self.session);
        // SAFETY: by MP1 the slot is ours, and no process writes it before the claim ends.
        unsafe { self.endpoint.shared.items.get(self.claim.position) }
    }
}

impl<T: Pod> Drop for Claimed<'_, T> {
    fn drop(&mut self) {
        self.endpoint.end(self.session, |shared| shared.state.requeue(self.claim, &shared.members));
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Claimed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
