//! The consumer's side of an spsc ring.
#![allow(unsafe_code, reason = "items are read where they lie")]

use std::{fmt, sync::Arc, time::Duration};

use bytemuck::Pod;

#[cfg(feature = "async")]
use super::state::Holder;
use super::{SharedRing, state::SpscState};
#[cfg(feature = "async")]
use crate::waiting::clerk::LoneFutures;
use crate::{
    Failure, PopError, Role,
    iter::{until_the_end, while_available},
    members::Session,
    raw::{Deadline, process},
    ring::{patience::Patience, refusal::Refusal},
    waiting::Party,
};

/// The right to pop from a ring. One handle at a time has it.
///
/// Dropping it frees the role. In a child made by `fork` it can't be used: the role stays the parent's, and every call
/// fails with [`Failure::Inherited`].
///
/// **When a process dies** as the consumer, the next consumer gets the items that it had not consumed.
#[must_use = "dropping it leaves the role"]
pub struct Consumer<T: Pod> {
    pub(super) shared: Arc<SharedRing<T, SpscState>>,
    pub(super) session: Session,
    /// The fork generation of the session, which every call compares. It is marked if a failure was recorded.
    generation: u32,
    /// Our index: no other process stores it (SP1).
    pub(super) index: u64,
    /// The producer's index at the last check.
    pub(super) seen: u64,
    pub(super) patience: Patience,
    #[cfg(feature = "async")]
    pub(super) futures: LoneFutures,
    /// The stream has given its last item.
    #[cfg(feature = "async")]
    pub(super) has_ended: bool,
}

impl<T: Pod> Consumer<T> {
    pub(super) fn new(shared: &Arc<SharedRing<T, SpscState>>, session: Session) -> Result<Self, Failure> {
        let (index, seen) = (shared.state.index(Role::Consumer), shared.state.index(Role::Producer));
        let (generation, patience) = (session.generation(), Patience::new(Role::Consumer));
        let consumer = Self {
            shared: Arc::clone(shared),
            session,
            generation,
            index,
            seen,
            patience,
            #[cfg(feature = "async")]
            futures: LoneFutures::default(),
            #[cfg(feature = "async")]
            has_ended: false,
        };
        // The indices come from memory. A consumer that believed any would read slots without items.
        consumer.shared.state.distance(index, seen, &consumer.shared.members)?;
        Ok(consumer)
    }

    /// Pops an item. Blocks while the ring is empty.
    ///
    /// # Errors
    ///
    /// - [`PopError::Closed`] if the ring is closed and empty. [`PopError::Disconnected`] if it is empty, no producer is
    ///   left, and the consumer [detects that](Self::detect_disconnect).
    /// - [`PopError::Failed`] if the ring was removed or is corrupt, and in a child made by `fork`.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.pop_deadline(Deadline::NEVER)
    }

    /// Pops an item if there is one.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if there is none. Otherwise as [`pop`](Self::pop).
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        self.pop_deadline(Deadline::NOW)
    }

    /// Pops an item. Blocks while the ring is empty, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PopError::TimedOut`] if the timeout elapses. Otherwise as [`pop`](Self::pop).
    #[inline]
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<T, PopError> {
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
    pub fn pop_deadline(&mut self, deadline: Deadline) -> Result<T, PopError> {
        if !self.has_items() {
            self.wait_for_item(deadline)?;
        }
        // SAFETY: by SP1 this is the consumer, and the producer has committed the item.
        let item = unsafe { self.shared.items.read(self.index) };
        self.advance(1);
        Ok(item)
    }

    /// Returns an iterator over the items that come. It waits for each.
    ///
    /// It ends when the ring is closed, or disconnected if the consumer [detects](Self::detect_disconnect) that. Any other
    /// error is the last that it gives.
    ///
    /// ```
    /// use sysv_primitives::spsc;
    ///
    /// # let name = format!("iter-example-{}", std::process::id());
    /// let ring = spsc::Ring::create(&name, 16)?;
    /// let mut producer = ring.producer()?;
    /// (1..=4_u64).try_for_each(|number| producer.push(number))?;
    /// producer.close()?;
    /// let sum: u64 = ring.consumer()?.iter().sum::<Result<_, _>>()?;
    /// assert_eq!(sum, 10);
    /// ring.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    pub fn iter(&mut self) -> impl Iterator<Item = Result<T, PopError>> {
        until_the_end(|| self.pop())
    }

    /// Returns an iterator over the items that are there. It never waits, and ends as [`iter`](Self::iter) or when the
    /// ring is empty.
    pub fn try_iter(&mut self) -> impl Iterator<Item = Result<T, PopError>> {
        while_available(|| self.try_pop())
    }

    /// Returns how many items are there, as of a moment ago.
    #[must_use]
    pub fn len(&self) -> usize {
        let SharedRing { state, .. } = &*self.shared;
        let available = state.index(Role::Producer).wrapping_sub(self.index).min(state.capacity);
        usize::try_from(available).unwrap_or(usize::MAX)
    }

    /// Returns whether there was no item a moment ago.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets whether waiting here ends with [`PopError::Disconnected`] when no producer is left.
    ///
    /// Off by default: a pop then waits until a producer comes. It makes no difference whether the producer left or
    /// died. The items that are there come first. A pop does not fail with this error before the first producer has come. It costs
    /// nothing as long as there are items. A wait then checks for dead members as well.
    ///
    /// ```
    /// use sysv_primitives::{PopError, spsc};
    ///
    /// # let name = format!("abandoned-example-{}", std::process::id());
    /// let ring = spsc::Ring::create(&name, 16)?;
    /// let mut consumer = ring.consumer()?;
    /// consumer.detect_disconnect(true);
    /// ring.producer()?.push(7_u64)?; // pushes, and leaves
    /// assert_eq!(consumer.pop()?, 7);
    /// assert!(matches!(consumer.pop(), Err(PopError::Disconnected { .. })));
    /// ring.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    pub fn detect_disconnect(&mut self, detect: bool) {
        self.patience.wants_to_know = detect;
    }

    /// Returns whether a producer has the role now, dead or alive.
    ///
    /// It shows the state before repair: a producer that died counts until its role is requested, by
    /// [`try_producer`](super::Ring::try_producer) or another form, or until a pop that
    /// [detects a disconnect](Self::detect_disconnect) finds the ring empty.
    #[must_use]
    pub fn has_producer(&self) -> bool {
        self.shared.state.roles[Role::Producer as usize].holder() != 0
    }

    /// Closes the ring for good: nothing more is taken in, and what is in it can be popped.
    ///
    /// An item that is being pushed just now may stay in the ring, for a later consumer.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn close(&mut self) -> Result<(), Failure> {
        self.shared.state.close(&self.shared.members)
    }

    #[inline(never)]
    fn wait_for_item(&mut self, deadline: Deadline) -> Result<(), PopError> {
        match self.available(1, deadline) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(PopError::refused(refusal, deadline, &self.shared.members)),
        }
    }

    /// Returns whether there were items at the last check, and nothing is in the way. The producer's cache line isn't touched.
    #[inline]
    fn has_items(&self) -> bool {
        self.seen != self.index && process::is_generation(self.generation)
    }

    /// Returns how many items there are, at least one. The caller has use for `wanted`.
    #[inline]
    pub(super) fn available(&mut self, wanted: u64, deadline: Deadline) -> Result<u64, Refusal> {
        if self.has_items() {
            return Ok(self.seen.wrapping_sub(self.index));
        }
        self.available_slowly(wanted, deadline)
    }

    /// The fast path had no items, or something was in the way.
    #[inline(never)]
    fn available_slowly(&mut self, wanted: u64, deadline: Deadline) -> Result<u64, Refusal> {
        if !process::is_generation(self.generation) {
            self.check_role()?;
            if self.seen != self.index {
                return Ok(self.seen.wrapping_sub(self.index));
            }
        }
        let SharedRing { state, members, .. } = &*self.shared;
        if deadline != Deadline::NOW {
            self.patience.delay.wait();
        }
        let mut seen = state.index(Role::Producer);
        if seen == self.seen {
            let party = Party { members, repair: state, me: self.session };
            #[cfg(feature = "async")]
            let waited = state.wait_beside(&mut self.futures, Role::Consumer, seen, party, &self.patience, deadline);
            #[cfg(not(feature = "async"))]
            let waited = state.wait(Role::Consumer, seen, party, &self.patience, deadline);
            seen = waited?;
        }
        // A closed ring still gives its items: `wait` reports the end only if there is none.
        let available = state.distance(self.index, seen, members)?;
        self.patience.delay.learn(available, state.capacity, wanted);
        self.seen = seen;
        Ok(available)
    }

    /// Fails if a failure is recorded, or the role is the parent's.
    #[cold]
    fn check_role(&mut self) -> Result<(), Refusal> {
        self.shared.tell_recorded(self.session, &mut self.generation)?;
        if self.session.is_ours() {
            return Ok(());
        }
        Err(self.shared.refusal(Role::Consumer, self.session))
    }

    #[inline]
    pub(super) fn advance(&mut self, count: u64) {
        self.index = self.index.wrapping_add(count);
        if self.shared.state.publish(Role::Consumer, self.index, &self.shared.members) {
            self.generation = self.session.marked_generation();
        }
    }
}

impl<T: Pod> Drop for Consumer<T> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            #[cfg(feature = "async")]
            self.futures
                .dismiss_clerk(Holder { state: &self.shared.state, role: Role::Consumer }, &self.shared.members);
            self.shared.state.leave_role(Role::Consumer, self.session, &self.shared.members);
        }
    }
}

impl<T: Pod> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("popped", &self.index).field("len", &self.len()).finish_non_exhaustive()
    }
}
