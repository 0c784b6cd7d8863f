//! The producer's side of an spsc ring.
#![allow(unsafe_code, reason = "items are written to where they lie")]

use std::{fmt, sync::Arc, time::Duration};

use bytemuck::Pod;

#[cfg(feature = "async")]
use super::state::Holder;
use super::{SharedRing, state::SpscState};
#[cfg(feature = "async")]
use crate::waiting::clerk::LoneFutures;
use crate::{
    Failure, PushError, Role,
    members::Session,
    raw::{Deadline, process},
    ring::{patience::Patience, refusal::Refusal},
    waiting::Party,
};

/// The right to push into a ring. One handle at a time has it.
///
/// Dropping it frees the role. In a child made by `fork` it can't be used: the role stays the parent's, and every call
/// fails with [`Failure::Inherited`].
///
/// **When a process dies** as the producer, everything it had committed is in the ring.
#[must_use = "dropping it leaves the role"]
pub struct Producer<T: Pod> {
    pub(super) shared: Arc<SharedRing<T, SpscState>>,
    pub(super) session: Session,
    /// The fork generation of the session, which every call compares. It is marked if a failure was recorded.
    generation: u32,
    /// Our index: no other process stores it (SP1).
    pub(super) index: u64,
    /// Up to where there was room at the last check: a capacity beyond the consumer's index.
    pub(super) limit: u64,
    pub(super) patience: Patience,
    #[cfg(feature = "async")]
    pub(super) futures: LoneFutures,
    /// The item that the sink has taken in.
    #[cfg(feature = "async")]
    pub(super) pending: Option<T>,
}

impl<T: Pod> Producer<T> {
    pub(super) fn new(shared: &Arc<SharedRing<T, SpscState>>, session: Session) -> Result<Self, Failure> {
        let (seen, index) = (shared.state.index(Role::Consumer), shared.state.index(Role::Producer));
        let limit = seen.wrapping_add(shared.state.capacity);
        let (generation, patience) = (session.generation(), Patience::new(Role::Producer));
        let producer = Self {
            shared: Arc::clone(shared),
            session,
            generation,
            index,
            limit,
            patience,
            #[cfg(feature = "async")]
            futures: LoneFutures::default(),
            #[cfg(feature = "async")]
            pending: None,
        };
        // The indices come from memory. A producer that believed any would write over items.
        producer.shared.state.distance(seen, index, &producer.shared.members)?;
        Ok(producer)
    }

    /// Pushes an item. Blocks while the ring is full.
    ///
    /// # Errors
    ///
    /// With the item in each:
    ///
    /// - [`PushError::Closed`] if the ring is closed. [`PushError::Disconnected`] if no consumer is left and the producer
    ///   [detects that](Self::detect_disconnect).
    /// - [`PushError::Failed`] if the ring was removed or is corrupt, and in a child made by `fork`.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), PushError<T>> {
        self.push_deadline(item, Deadline::NEVER)
    }

    /// Pushes an item if there is room.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there is no room. Otherwise as [`push`](Self::push).
    #[inline]
    pub fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        self.push_deadline(item, Deadline::NOW)
    }

    /// Pushes an item. Blocks while the ring is full, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PushError::TimedOut`] if the timeout elapses. Otherwise as [`push`](Self::push).
    #[inline]
    pub fn push_timeout(&mut self, item: T, timeout: Duration) -> Result<(), PushError<T>> {
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
    pub fn push_deadline(&mut self, item: T, deadline: Deadline) -> Result<(), PushError<T>> {
        if !self.has_room() {
            return self.push_slowly(item, deadline);
        }
        self.push_into_room(item);
        Ok(())
    }

    #[inline(never)]
    fn push_slowly(&mut self, item: T, deadline: Deadline) -> Result<(), PushError<T>> {
        if let Err(refusal) = self.room(1, deadline) {
            return Err(PushError::refused(refusal, item, deadline, &self.shared.members));
        }
        self.push_into_room(item);
        Ok(())
    }

    #[inline]
    fn push_into_room(&mut self, item: T) {
        // SAFETY: by SP1 this is the producer, and the consumer has freed the slot.
        unsafe { self.shared.items.write(self.index, item) };
        self.advance(1);
    }

    /// Returns for how many items there is room, as of a moment ago.
    #[must_use]
    pub fn slots(&self) -> usize {
        let SharedRing { state, .. } = &*self.shared;
        let used = self.index.wrapping_sub(state.index(Role::Consumer)).min(state.capacity);
        usize::try_from(state.capacity - used).unwrap_or(usize::MAX)
    }

    /// Sets whether waiting here ends with [`PushError::Disconnected`] when no consumer is left.
    ///
    /// Off by default: a push then waits until a consumer comes. It makes no difference whether the consumer left or died. A push
    /// does not fail with this error before the first consumer has come. It costs nothing as long as there is room. A wait then
    /// checks
    /// for dead members as well.
    pub fn detect_disconnect(&mut self, detect: bool) {
        self.patience.wants_to_know = detect;
    }

    /// Returns whether a consumer has the role now, dead or alive.
    ///
    /// It shows the state before repair: a consumer that died counts until its role is requested, by
    /// [`try_consumer`](super::Ring::try_consumer) or another form, or until a push that
    /// [detects a disconnect](Self::detect_disconnect) finds the ring full.
    #[must_use]
    pub fn has_consumer(&self) -> bool {
        self.shared.state.roles[Role::Consumer as usize].holder() != 0
    }

    /// Closes the ring for good: nothing more is taken in, and what is in it can be popped.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn close(&mut self) -> Result<(), Failure> {
        self.shared.state.close(&self.shared.members)
    }

    /// Returns whether there was room at the last check, and nothing is in the way. The consumer's cache line isn't touched.
    #[inline]
    fn has_room(&self) -> bool {
        self.index != self.limit && process::is_generation(self.generation) && !self.shared.state.is_closed()
    }

    /// Returns for how many items there is room, at least one. The caller has use for `wanted`.
    #[inline]
    pub(super) fn room(&mut self, wanted: u64, deadline: Deadline) -> Result<u64, Refusal> {
        if self.has_room() {
            return Ok(self.limit.wrapping_sub(self.index));
        }
        self.room_slowly(wanted, deadline)
    }

    /// The fast path had no room, or something was in the way.
    #[inline(never)]
    fn room_slowly(&mut self, wanted: u64, deadline: Deadline) -> Result<u64, Refusal> {
        if !process::is_generation(self.generation) || self.shared.state.is_closed() {
            self.check_role()?;
            if self.index != self.limit {
                return Ok(self.limit.wrapping_sub(self.index));
            }
        }
        let SharedRing { state, members, .. } = &*self.shared;
        if deadline != Deadline::NOW {
            self.patience.delay.wait();
        }
        // The consumer has moved on since, or the ring is full.
        let mut seen = state.index(Role::Consumer);
        if seen.wrapping_add(state.capacity) == self.limit {
            let party = Party { members, repair: state, me: self.session };
            #[cfg(feature = "async")]
            let waited = state.wait_beside(&mut self.futures, Role::Producer, seen, party, &self.patience, deadline);
            #[cfg(not(feature = "async"))]
            let waited = state.wait(Role::Producer, seen, party, &self.patience, deadline);
            seen = waited?;
        }
        let room = state.capacity - state.distance(seen, self.index, members)?;
        // What is known now serves the next pushes without another check.
        self.limit = seen.wrapping_add(state.capacity);
        self.patience.delay.learn(room, state.capacity, wanted);
        if room > 0 { Ok(room) } else { Err(members.damaged("the indices").into()) }
    }

    /// Fails if a failure is recorded, the ring is closed, or the role is the parent's.
    #[cold]
    fn check_role(&mut self) -> Result<(), Refusal> {
        self.shared.tell_recorded(self.session, &mut self.generation)?;
        if self.session.is_ours() && !self.shared.state.is_closed() {
            return Ok(());
        }
        Err(self.shared.refusal(Role::Producer, self.session))
    }

    #[inline]
    pub(super) fn advance(&mut self, count: u64) {
        self.index = self.index.wrapping_add(count);
        if self.shared.state.publish(Role::Producer, self.index, &self.shared.members) {
            self.generation = self.session.marked_generation();
        }
    }
}

impl<T: Pod> Drop for Producer<T> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            // A reservation borrows the producer, so none is left.
            #[cfg(feature = "async")]
            self.futures
                .dismiss_clerk(Holder { state: &self.shared.state, role: Role::Producer }, &self.shared.members);
            self.shared.state.leave_role(Role::Producer, self.session, &self.shared.members);
        }
    }
}

impl<T: Pod> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("pushed", &self.index).field("slots", &self.slots()).finish_non_exhaustive()
    }
}
