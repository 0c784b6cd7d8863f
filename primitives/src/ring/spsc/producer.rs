//! The producer's side of an spsc ring.
#![allow(unsafe_code, reason = "items are written to where they lie")]

use std::{
    fmt,
    ops::{Index, IndexMut},
    sync::Arc,
    time::Duration,
};

use bytemuck::Pod;

use super::{SharedRing, at_most::at_most, state::SpscState};
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
    shared: Arc<SharedRing<T, SpscState>>,
    session: Session,
    /// The fork generation of the session, which every call compares. It is marked if a failure was recorded.
    generation: u32,
    /// Our index: no other process stores it (SP1).
    index: u64,
    /// Up to where there was room at the last check: a capacity beyond the consumer's index.
    limit: u64,
    patience: Patience,
}

impl<T: Pod> Producer<T> {
    pub(super) fn new(shared: &Arc<SharedRing<T, SpscState>>, session: Session) -> Result<Self, Failure> {
        let (seen, index) = (shared.state.index(Role::Consumer), shared.state.index(Role::Producer));
        let limit = seen.wrapping_add(shared.state.capacity);
        let (generation, patience) = (session.generation(), Patience::new(Role::Producer));
        let producer = Self { shared: Arc::clone(shared), session, generation, index, limit, patience };
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
        if let Err(refusal) = self.room(1, deadline) {
            return Err(PushError::refused(refusal, item, deadline, &self.shared.members));
        }
        // SAFETY: by SP1 this is the producer, and the consumer has freed the slot.
        unsafe { self.shared.items.write(self.index, item) };
        self.advance(1);
        Ok(())
    }

    /// Pushes as many of the items as there is room for, and returns how many. Blocks until there is room for one.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push). Nothing was pushed then.
    pub fn push_slice(&mut self, items: &[T]) -> Result<usize, PushError<()>> {
        self.push_slice_deadline(items, Deadline::NEVER)
    }

    /// Pushes as many of the items as there is room for, and returns how many.
    ///
    /// # Errors
    ///
    /// As [`try_push`](Self::try_push). Nothing was pushed then.
    pub fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError<()>> {
        self.push_slice_deadline(items, Deadline::NOW)
    }

    /// Pushes as many of the items as there is room for, and returns how many. Blocks until there is room for one, for
    /// at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`push_timeout`](Self::push_timeout). Nothing was pushed then.
    pub fn push_slice_timeout(&mut self, items: &[T], timeout: Duration) -> Result<usize, PushError<()>> {
        self.push_slice_deadline(items, Deadline::after(timeout))
    }

    /// Pushes as many items as there is room for, and returns how many. Blocks until there is room for one, until
    /// `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`push_slice_timeout`](Self::push_slice_timeout).
    pub fn push_slice_deadline(&mut self, items: &[T], deadline: Deadline) -> Result<usize, PushError<()>> {
        if items.is_empty() {
            return Ok(0);
        }
        let mut room = self.reserve_up_to_deadline(items.len(), deadline)?;
        let count = room.len();
        let (first, second) = room.as_mut_slices();
        let (to_first, to_second) = items[..count].split_at(first.len());
        first.copy_from_slice(to_first);
        second.copy_from_slice(to_second);
        room.commit_all();
        Ok(count)
    }

    /// Reserves room for at most `count` items, to be written where they lie. Blocks until there is room for one.
    ///
    /// The memory still holds earlier items. Nothing is pushed before [`commit`](Reservation::commit).
    ///
    /// ```
    /// use sysv_primitives::spsc;
    ///
    /// # let name = format!("reserve-example-{}", std::process::id());
    /// let ring = spsc::Ring::<[u8; 1500]>::create(&name, 64)?;
    /// let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
    /// let mut packet = producer.reserve_up_to(1)?;
    /// packet[0][..5].copy_from_slice(b"hello");
    /// packet.commit_all();
    /// let packets = consumer.peek(8)?;
    /// assert_eq!(packets.len(), 1);
    /// assert_eq!(&packets[0][..5], b"hello");
    /// packets.consume_all();
    /// ring.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn reserve_up_to(&mut self, count: usize) -> Result<Reservation<'_, T>, PushError<()>> {
        self.reserve_up_to_deadline(count, Deadline::NEVER)
    }

    /// Reserves room for at most `count` items, if there is room for one.
    ///
    /// # Errors
    ///
    /// As [`try_push`](Self::try_push).
    pub fn try_reserve_up_to(&mut self, count: usize) -> Result<Reservation<'_, T>, PushError<()>> {
        self.reserve_up_to_deadline(count, Deadline::NOW)
    }

    /// Reserves room for at most `count` items. Blocks until there is room for one, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`push_timeout`](Self::push_timeout).
    pub fn reserve_up_to_timeout(
        &mut self,
        count: usize,
        timeout: Duration,
    ) -> Result<Reservation<'_, T>, PushError<()>> {
        self.reserve_up_to_deadline(count, Deadline::after(timeout))
    }

    /// Reserves room for at most `count` items. Blocks until there is room for one, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`reserve_up_to_timeout`](Self::reserve_up_to_timeout).
    pub fn reserve_up_to_deadline(
        &mut self,
        count: usize,
        deadline: Deadline,
    ) -> Result<Reservation<'_, T>, PushError<()>> {
        match self.room_up_to(count, deadline) {
            Ok(len) => Ok(Reservation { len, producer: self }),
            Err(refusal) => Err(PushError::refused(refusal, (), deadline, &self.shared.members)),
        }
    }

    /// Returns how many of `count` items there is room for, at least one.
    fn room_up_to(&mut self, count: usize, deadline: Deadline) -> Result<usize, Refusal> {
        let mut room = self.room(count as u64, deadline)?;
        if room < count as u64 {
            // There may be more by now, and a check is cheap compared with so many items.
            let SharedRing { state, members, .. } = &*self.shared;
            let seen = state.index(Role::Consumer);
            let more = state.capacity - state.distance(seen, self.index, members)?;
            // The consumer's index never goes back.
            if more < room {
                return Err(members.damaged("the indices").into());
            }
            (room, self.limit) = (more, seen.wrapping_add(state.capacity));
        }
        Ok(at_most(count, room))
    }

    /// Returns for how many items there is room, as it was a moment ago.
    #[must_use]
    pub fn slots(&self) -> usize {
        let SharedRing { state, .. } = &*self.shared;
        let used = self.index.wrapping_sub(state.index(Role::Consumer)).min(state.capacity);
        usize::try_from(state.capacity - used).unwrap_or(usize::MAX)
    }

    /// Sets whether waiting here ends with [`PushError::Disconnected`] when no consumer is left.
    ///
    /// Off by default: a push then waits until a consumer comes. It makes no difference whether the consumer left or died. A
    /// push does not end so before a first consumer has come. It costs nothing as long as there is room. A wait then checks
    /// for dead members as well.
    pub fn detect_disconnect(&mut self, tell: bool) {
        self.patience.wants_to_know = tell;
    }

    /// Returns whether a consumer has the role now, dead or alive.
    ///
    /// It shows the state before repair: a consumer that died counts until its role is wanted, by
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

    /// Returns for how many items there is room, at least one. The caller has use for `wanted`.
    #[inline]
    fn room(&mut self, wanted: u64, deadline: Deadline) -> Result<u64, Refusal> {
        let SharedRing { state, members, .. } = &*self.shared;
        if state.is_closed() || !process::is_generation(self.generation) {
            return self.room_slowly(wanted, deadline);
        }
        // As long as there was room at the last check, the consumer's cache line isn't touched.
        if self.index != self.limit {
            return Ok(self.limit.wrapping_sub(self.index));
        }
        if deadline != Deadline::NOW {
            self.patience.delay.wait();
        }
        // The consumer has moved on since, or the ring is full.
        let mut seen = state.index(Role::Consumer);
        if seen.wrapping_add(state.capacity) == self.limit {
            seen = state.wait(
                Role::Producer,
                seen,
                Party { members, repair: state, me: self.session },
                &self.patience,
                deadline,
            )?;
        }
        let room = state.capacity - state.distance(seen, self.index, members)?;
        // What is known now serves the next pushes without another check.
        self.limit = seen.wrapping_add(state.capacity);
        self.patience.delay.learn(room, state.capacity, wanted);
        if room > 0 { Ok(room) } else { Err(members.damaged("the indices").into()) }
    }

    /// A failure is recorded, the ring is closed, or the role is the parent's.
    #[cold]
    fn room_slowly(&mut self, wanted: u64, deadline: Deadline) -> Result<u64, Refusal> {
        self.shared.tell_recorded(self.session, &mut self.generation)?;
        if self.session.is_ours() && !self.shared.state.is_closed() {
            return self.room(wanted, deadline);
        }
        Err(self.shared.refusal(Role::Producer, self.session))
    }

    #[inline]
    fn advance(&mut self, count: u64) {
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
            self.shared.state.leave_role(Role::Producer, self.session, &self.shared.members);
        }
    }
}

impl<T: Pod> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("pushed", &self.index).field("slots", &self.slots()).finish_non_exhaustive()
    }
}

/// Room in a ring, to be filled where it lies. Nothing is pushed before [`commit`](Self::commit).
///
/// It may go round the ring's end: [`as_mut_slices`](Self::as_mut_slices) gives both parts. In a child made by `fork`,
/// a reservation of the parent's is empty.
#[must_use = "nothing is pushed before the commit"]
pub struct Reservation<'a, T: Pod> {
    producer: &'a mut Producer<T>,
    len: usize,
}

impl<T: Pod> Reservation<'_, T> {
    /// Returns for how many items there is room.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no room in it, because none was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the slots, in order: those up to the ring's end, and those on from its beginning.
    pub fn as_mut_slices(&mut self) -> (&mut [T], &mut [T]) {
        // SAFETY: by SP1 this is the producer, and the consumer has freed these slots.
        unsafe { self.producer.shared.items.runs_mut(self.producer.index, self.visible()) }
    }

    /// Returns how many slots this process may access: in a child made by `fork` none, as the parent goes on writing.
    fn visible(&self) -> usize {
        if self.producer.session.is_ours() { self.len } else { 0 }
    }

    /// Returns the position of a slot in it.
    fn position(&self, index: usize) -> u64 {
        assert!(index < self.visible(), "slot {index} of {}", self.visible());
        self.producer.index.wrapping_add(index as u64)
    }

    /// Pushes all of them.
    pub fn commit_all(self) {
        let len = self.len;
        self.commit(len);
    }

    /// Pushes the first `count` of them, or all if there are fewer.
    pub fn commit(self, count: usize) {
        let count = count.min(self.len);
        // A child made by `fork` has nothing to push.
        if count > 0 && self.producer.session.is_ours() {
            self.producer.advance(count as u64);
        }
    }
}

impl<T: Pod> Index<usize> for Reservation<'_, T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        // SAFETY: as in `as_mut_slices`, and no thread writes during the shared borrow.
        unsafe { self.producer.shared.items.get(self.position(index)) }
    }
}

impl<T: Pod> IndexMut<usize> for Reservation<'_, T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        // SAFETY: as in `as_mut_slices`, and the exclusive borrow keeps this value's other users out.
        unsafe { self.producer.shared.items.get_mut(self.position(index)) }
    }
}

impl<T: Pod> fmt::Debug for Reservation<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reservation({})", self.len)
    }
}
