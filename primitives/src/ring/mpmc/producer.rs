//! The producers' side of an mpmc ring.
#![allow(unsafe_code, reason = "items are written to where they lie")]

use std::{
    fmt,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytemuck::Pod;

use super::{
    SharedRing,
    endpoint::Endpoint,
    state::{Claim, MpmcState},
};
use crate::{Failure, PushError, Role, members::Session, raw::Deadline, ring::refusal::Refusal};

/// How often to try, if other producers are faster each time.
const ATTEMPTS: u32 = 64;

/// One of a ring's producers.
///
/// It may be cloned, shared between threads, and used by a child made by `fork`. The child counts as a producer from
/// its first use of it, so let the child push, or make a producer of its own, before the parent drops its producer.
///
/// **When a process dies** while it pushes, that item is discarded, and its slot is skipped.
#[must_use = "dropping it leaves the ring, perhaps as its last producer"]
pub struct Producer<T: Pod> {
    pub(super) endpoint: Endpoint<T>,
    /// The item that the sink has taken in.
    #[cfg(feature = "async")]
    pub(super) pending: Option<T>,
}

impl<T: Pod> Clone for Producer<T> {
    fn clone(&self) -> Self {
        Self {
            endpoint: self.endpoint.clone(),
            #[cfg(feature = "async")]
            pending: None,
        }
    }
}

impl<T: Pod> Producer<T> {
    pub(super) fn new(shared: &Arc<SharedRing<T, MpmcState>>) -> Result<Self, Failure> {
        Ok(Self {
            endpoint: Endpoint::take(shared, Role::Producer)?,
            #[cfg(feature = "async")]
            pending: None,
        })
    }

    /// Pushes an item. Blocks while the ring is full.
    ///
    /// # Errors
    ///
    /// With the item in each:
    ///
    /// - [`PushError::Closed`] if the ring is closed. [`PushError::Disconnected`] if no consumer is left and the producer
    ///   [detects that](Self::detect_disconnect).
    /// - [`PushError::Failed`] if the ring was removed or is corrupt.
    #[inline]
    pub fn push(&self, item: T) -> Result<(), PushError<T>> {
        self.push_deadline(item, Deadline::NEVER)
    }

    /// Pushes an item if there is room.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there is no room. Otherwise as [`push`](Self::push).
    #[inline]
    pub fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        self.push_deadline(item, Deadline::NOW)
    }

    /// Pushes an item. Blocks while the ring is full, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PushError::TimedOut`] if the timeout elapses. Otherwise as [`push`](Self::push).
    pub fn push_timeout(&self, item: T, timeout: Duration) -> Result<(), PushError<T>> {
        // Only a call that must wait reads the clock.
        match self.try_push(item) {
            Err(PushError::Full(item)) => self.push_deadline(item, Deadline::after(timeout)),
            result => result,
        }
    }

    /// Pushes an item. Blocks while the ring is full, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`push_timeout`](Self::push_timeout).
    #[inline]
    pub fn push_deadline(&self, item: T, deadline: Deadline) -> Result<(), PushError<T>> {
        match self.endpoint.claim(deadline) {
            Ok((claim, _)) => {
                self.fill(claim, item);
                Ok(())
            }
            Err(refusal) => Err(PushError::refused(refusal, item, deadline, self.endpoint.members())),
        }
    }

    #[inline]
    pub(super) fn fill(&self, claim: Claim, item: T) {
        let SharedRing { items, state, members, .. } = &*self.endpoint.shared;
        // SAFETY: by MP1 the slot is ours.
        unsafe { items.write(claim.position, item) };
        self.endpoint.mark(state.finish_push(claim, members));
    }

    /// Pushes an item. If there is no room, the oldest item is overwritten. Never blocks.
    ///
    /// For telemetry, where the newest item matters. [`missed`](super::Consumer::missed) returns how many items a
    /// consumer didn't see.
    ///
    /// ```
    /// use sysv_primitives::mpmc;
    ///
    /// # let name = format!("overwriting-example-{}", std::process::id());
    /// let ring = mpmc::Ring::create(&name, 2)?;
    /// let (producer, mut consumer) = (ring.producer()?, ring.consumer()?);
    /// (1..=5_u64).try_for_each(|reading| producer.force_push(reading))?;
    /// assert_eq!((consumer.pop()?, consumer.pop()?), (4, 5));
    /// assert_eq!(consumer.missed(), 3);
    /// ring.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if the oldest item, or the slot that comes next, is claimed at the moment. No item is
    /// overwritten then. Otherwise as [`try_push`](Self::try_push).
    pub fn force_push(&self, item: T) -> Result<(), PushError<T>> {
        match self.claim_overwriting() {
            Ok(claim) => {
                self.fill(claim, item);
                Ok(())
            }
            Err(refusal) => Err(PushError::refused(refusal, item, Deadline::NOW, self.endpoint.members())),
        }
    }

    fn claim_overwriting(&self) -> Result<Claim, Refusal> {
        let SharedRing { state, members, .. } = &*self.endpoint.shared;
        let session = self.endpoint.session()?;
        // As in `Endpoint::claim`, which this replaces.
        if state.is_closed() {
            return Err(Refusal::Closed);
        }
        for _ in 0..ATTEMPTS {
            if let Some(claim) = state.start_push(session, members)? {
                return Ok(claim);
            }
            // Consuming the oldest item frees its slot for the next attempt, or for a faster producer.
            if let Some(oldest) = state.start_overwrite(session) {
                self.endpoint.mark(state.finish_pop(oldest, members));
                state.control.overwritten.fetch_add(1, Relaxed);
            }
        }
        // The oldest item stays claimed, or others are faster each time: a dead member may own it.
        state.claim_now(Role::Producer, self.endpoint.party(session), false, true)
    }

    /// Pushes as many of the items as there is room for, and returns how many. Blocks until there is room for one.
    ///
    /// Items of other producers may come in between.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push). Nothing was pushed then.
    pub fn push_slice(&self, items: &[T]) -> Result<usize, PushError<()>> {
        self.push_slice_deadline(items, Deadline::NEVER)
    }

    /// Pushes as many of the items as there is room for, and returns how many.
    ///
    /// # Errors
    ///
    /// As [`try_push`](Self::try_push). Nothing was pushed then.
    pub fn try_push_slice(&self, items: &[T]) -> Result<usize, PushError<()>> {
        self.push_slice_deadline(items, Deadline::NOW)
    }

    /// Pushes as many of the items as there is room for, and returns how many. Blocks until there is room for one, for
    /// at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`push_timeout`](Self::push_timeout). Nothing was pushed then.
    pub fn push_slice_timeout(&self, items: &[T], timeout: Duration) -> Result<usize, PushError<()>> {
        self.push_slice_deadline(items, Deadline::after(timeout))
    }

    /// Pushes as many items as there is room for, and returns how many. Blocks until there is room for one, until
    /// `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`push_slice_timeout`](Self::push_slice_timeout).
    pub fn push_slice_deadline(&self, items: &[T], deadline: Deadline) -> Result<usize, PushError<()>> {
        let Some((&first, rest)) = items.split_first() else { return Ok(0) };
        self.push_deadline(first, deadline).map_err(PushError::without_item)?;
        let mut pushed = 1;
        for &item in rest {
            match self.try_push(item) {
                Ok(()) => pushed += 1,
                // The items before are in the ring. The next call reports the error.
                Err(_) => break,
            }
        }
        Ok(pushed)
    }

    /// Reserves room for an item, to be written where it lies. Blocks while the ring is full.
    ///
    /// The memory still holds an earlier item. The reservation holds up the items behind it until it is committed or
    /// dropped.
    ///
    /// ```
    /// use sysv_primitives::mpmc;
    ///
    /// # let name = format!("mpmc-reserve-example-{}", std::process::id());
    /// let ring = mpmc::Ring::<[u8; 1500]>::create(&name, 64)?;
    /// let (producer, consumer) = (ring.producer()?, ring.consumer()?);
    /// let mut packet = producer.reserve()?;
    /// packet[..5].copy_from_slice(b"hello");
    /// packet.commit();
    /// assert_eq!(&consumer.claim()?[..5], b"hello");
    /// ring.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn reserve(&self) -> Result<Reservation<'_, T>, PushError<()>> {
        self.reserve_deadline(Deadline::NEVER)
    }

    /// Reserves room for an item, if there is any.
    ///
    /// # Errors
    ///
    /// As [`try_push`](Self::try_push).
    pub fn try_reserve(&self) -> Result<Reservation<'_, T>, PushError<()>> {
        self.reserve_deadline(Deadline::NOW)
    }

    /// Reserves room for an item. Blocks while the ring is full, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`push_timeout`](Self::push_timeout).
    pub fn reserve_timeout(&self, timeout: Duration) -> Result<Reservation<'_, T>, PushError<()>> {
        self.reserve_deadline(Deadline::after(timeout))
    }

    /// Reserves room for one item. Blocks while the ring is full, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`reserve_timeout`](Self::reserve_timeout).
    pub fn reserve_deadline(&self, deadline: Deadline) -> Result<Reservation<'_, T>, PushError<()>> {
        match self.endpoint.claim(deadline) {
            Ok((claim, session)) => Ok(Reservation { endpoint: &self.endpoint, claim, session }),
            Err(refusal) => Err(PushError::refused(refusal, (), deadline, self.endpoint.members())),
        }
    }

    /// Returns for how many items there is room, as of a moment ago. The slot of a requeued item counts as room.
    #[must_use]
    pub fn slots(&self) -> usize {
        let SharedRing { items, state, .. } = &*self.endpoint.shared;
        usize::try_from(items.capacity()).unwrap_or(usize::MAX).saturating_sub(state.len())
    }

    /// Returns whether there is a consumer now, dead or alive.
    ///
    /// It shows the state before repair: a consumer that died counts until a process waits for the ring, or a `try_` form
    /// that [detects a disconnect](Self::detect_disconnect) finds it full.
    #[must_use]
    pub fn has_consumer(&self) -> bool {
        self.endpoint.shared.state.has_any(Role::Consumer)
    }

    /// Sets whether waiting here ends with [`PushError::Disconnected`] when no consumer is left.
    ///
    /// Off by default. It makes no difference whether the consumers left or died. A wait does not fail with this error before the
    /// first consumer has come.
    pub fn detect_disconnect(&mut self, detect: bool) {
        self.endpoint.patience.wants_to_know = detect;
    }

    /// Closes the ring for good: nothing more is taken in, and what is in it can be popped.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn close(&self) -> Result<(), Failure> {
        let SharedRing { state, members, .. } = &*self.endpoint.shared;
        state.close(members)
    }
}

impl<T: Pod> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Producer").field(&self.endpoint).finish()
    }
}

/// Room for one item, to be filled where it lies. If it is dropped without [`commit`](Self::commit), its slot is
/// skipped.
///
/// In a child made by `fork`, dropping a reservation of the parent's does nothing, and accessing it panics.
#[must_use = "nothing is pushed before the commit"]
pub struct Reservation<'a, T: Pod> {
    pub(super) endpoint: &'a Endpoint<T>,
    pub(super) claim: Claim,
    pub(super) session: Session,
}

impl<T: Pod> Reservation<'_, T> {
    /// Pushes the item.
    pub fn commit(self) {
        // It is committed instead of being dropped.
        let this = ManuallyDrop::new(self);
        this.endpoint.end(this.session, |shared| shared.state.finish_push(this.claim, &shared.members));
    }
}

impl<T: Pod> Deref for Reservation<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.endpoint.assert_ours(self.session);
        // SAFETY: by MP1 the slot is ours, and no thread writes during the shared borrow.
        unsafe { self.endpoint.shared.items.get(self.claim.position) }
    }
}

impl<T: Pod> DerefMut for Reservation<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.endpoint.assert_ours(self.session);
        // SAFETY: by MP1 the slot is ours, and the exclusive borrow keeps this value's other users out.
        unsafe { self.endpoint.shared.items.get_mut(self.claim.position) }
    }
}

impl<T: Pod> Drop for Reservation<'_, T> {
    fn drop(&mut self) {
        self.endpoint.end(self.session, |shared| shared.state.give_up_push(self.claim, &shared.members));
    }
}

impl<T: Pod> fmt::Debug for Reservation<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reservation({})", self.claim.position)
    }
}
