//! Room for items that are not pushed yet.
#![allow(unsafe_code, reason = "items are written to where they lie")]

use std::{
    fmt,
    ops::{Index, IndexMut},
};

use bytemuck::Pod;

use super::producer::Producer;

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
