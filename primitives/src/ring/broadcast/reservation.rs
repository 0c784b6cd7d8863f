//! Room for items that are not pushed yet.
#![allow(unsafe_code, reason = "items are written to where they lie")]

use std::{
    fmt,
    ops::{Index, IndexMut},
    time::Duration,
};

use bytemuck::Pod;

use super::producer::Producer;
use crate::{PushError, raw::Deadline};

impl<T: Pod> Producer<T> {
    /// Reserves room for at most `count` items, to be written where they lie. Blocks until there is room for one.
    ///
    /// The memory still holds earlier items. Nothing is pushed before [`commit`](Reservation::commit). A
    /// [lagging](crate::Options::lagging) ring reserves at most an eighth of its capacity. Its items are written to a buffer of the
    /// producer's, and copied by the commit: subscribers may be reading what lies in the ring.
    ///
    /// ```
    /// use sysv_primitives::broadcast;
    ///
    /// # let name = format!("broadcast-reserve-example-{}", std::process::id());
    /// let ring = broadcast::Ring::<[u8; 1500]>::create(&name, 64)?;
    /// let (mut producer, mut subscriber) = (ring.producer()?, ring.subscriber()?);
    /// let mut packet = producer.reserve_up_to(1)?;
    /// packet[0][..5].copy_from_slice(b"hello");
    /// packet.commit_all();
    /// let packets = subscriber.peek(8)?;
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
            Ok(len) => Ok(Reservation::new(self, len)),
            Err(refusal) => Err(PushError::refused(refusal, (), deadline, &self.shared.members)),
        }
    }
}

/// Room in a broadcast ring, to be filled where it lies. Nothing is pushed before [`commit`](Self::commit).
///
/// It may go round the ring's end: [`as_mut_slices`](Self::as_mut_slices) gives both parts. In a child made by `fork`,
/// a reservation of the parent's is empty.
#[must_use = "nothing is pushed before the commit"]
pub struct Reservation<'a, T: Pod> {
    producer: &'a mut Producer<T>,
    len: usize,
}

impl<'a, T: Pod> Reservation<'a, T> {
    pub(super) fn new(producer: &'a mut Producer<T>, len: usize) -> Self {
        if producer.is_lagging && producer.buffer.len() < len {
            producer.buffer.resize(len, T::zeroed());
        }
        Self { producer, len }
    }
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
        let visible = self.visible();
        if self.producer.is_lagging {
            return (&mut self.producer.buffer[..visible], &mut []);
        }
        // SAFETY: by BC1 this is the producer, and no subscriber reads these slots.
        unsafe { self.producer.shared.items.runs_mut(self.producer.index, visible) }
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
        if count == 0 || !self.producer.session.is_ours() {
            return;
        }
        if self.producer.is_lagging {
            let producer = &*self.producer;
            let items = producer.buffer[..count].iter().zip(0..);
            items.for_each(|(item, offset)| producer.write(producer.index.wrapping_add(offset), item));
        }
        self.producer.advance(count as u64);
    }
}

impl<T: Pod> Index<usize> for Reservation<'_, T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        let position = self.position(index);
        if self.producer.is_lagging {
            return &self.producer.buffer[index];
        }
        // SAFETY: as in `as_mut_slices`, and no thread writes during the shared borrow.
        unsafe { self.producer.shared.items.get(position) }
    }
}

impl<T: Pod> IndexMut<usize> for Reservation<'_, T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        let position = self.position(index);
        if self.producer.is_lagging {
            return &mut self.producer.buffer[index];
        }
        // SAFETY: as in `as_mut_slices`, and the exclusive borrow keeps this value's other users out.
        unsafe { self.producer.shared.items.get_mut(position) }
    }
}

impl<T: Pod> fmt::Debug for Reservation<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reservation({})", self.len)
    }
}
