//! Room for several items at once: written where they are to lie, or copied there.
#![allow(unsafe_code, reason = "items are written where they lie")]

use std::{
    fmt,
    ops::{Index, IndexMut},
    time::Duration,
};

use bytemuck::Pod;

use super::{SharedRing, at_most::at_most, producer::Producer};
use crate::{PushError, Role, raw::Deadline, ring::refusal::Refusal};

impl<T: Pod> Producer<T> {
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
