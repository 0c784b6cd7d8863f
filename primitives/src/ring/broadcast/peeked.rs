//! Items that are seen and not popped yet.
#![allow(unsafe_code, reason = "items are read where they lie")]

use std::{fmt, mem, ops::Index, time::Duration};

use bytemuck::Pod;

use super::subscriber::Subscriber;
use crate::{PopError, raw::Deadline};

impl<T: Pod> Subscriber<T> {
    /// Returns the next items where they lie, at most `count`. Blocks until there is one.
    ///
    /// Nothing is popped before [`consume`](Peeked::consume). If the [`Peeked`] is dropped without, the items stay. In a
    /// [lagging](crate::Options::lagging) ring they are copied to a buffer of the subscriber's first, since the producer may
    /// overwrite them meanwhile.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn peek(&mut self, count: usize) -> Result<Peeked<'_, T>, PopError> {
        self.peek_deadline(count, Deadline::NEVER)
    }

    /// Returns the next items where they lie, at most `count`, if there is one.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    pub fn try_peek(&mut self, count: usize) -> Result<Peeked<'_, T>, PopError> {
        self.peek_deadline(count, Deadline::NOW)
    }

    /// Returns the next items where they lie, at most `count`. Blocks until there is one, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`pop_timeout`](Self::pop_timeout).
    pub fn peek_timeout(&mut self, count: usize, timeout: Duration) -> Result<Peeked<'_, T>, PopError> {
        self.peek_deadline(count, Deadline::after(timeout))
    }

    /// Returns the next items where they lie, at most `count`. Blocks until there is one, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`peek_timeout`](Self::peek_timeout).
    #[inline]
    pub fn peek_deadline(&mut self, count: usize, deadline: Deadline) -> Result<Peeked<'_, T>, PopError> {
        let len = self.available_up_to(count, deadline)?;
        if self.is_lagging {
            self.copy_to_buffer(len)?;
        }
        Ok(Peeked::new(self, len))
    }

    #[inline(never)]
    fn copy_to_buffer(&mut self, len: usize) -> Result<(), PopError> {
        let mut buffer = mem::take(&mut self.buffer);
        buffer.clear();
        buffer.extend((0..len as u64).map(|offset| self.copy(self.index.wrapping_add(offset))));
        self.buffer = buffer;
        self.check_window()
    }
}

/// Items of a broadcast ring, seen where they lie. None is popped before [`consume`](Self::consume).
///
/// They may go round the ring's end: [`as_slices`](Self::as_slices) gives both parts. In a child made by `fork`, those
/// of the parent are empty.
#[must_use = "nothing is taken before it is consumed"]
pub struct Peeked<'a, T: Pod> {
    subscriber: &'a mut Subscriber<T>,
    len: usize,
}

impl<'a, T: Pod> Peeked<'a, T> {
    #[inline]
    pub(super) fn new(subscriber: &'a mut Subscriber<T>, len: usize) -> Self {
        Self { subscriber, len }
    }
}

impl<T: Pod> Peeked<'_, T> {
    /// Returns how many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is none, because none was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the items, in order: those up to the ring's end, and those on from its beginning.
    #[inline]
    #[must_use]
    pub fn as_slices(&self) -> (&[T], &[T]) {
        let visible = self.visible();
        if self.subscriber.is_lagging {
            return (&self.subscriber.buffer[..visible], &[]);
        }
        // SAFETY: by BC1 the items are complete, and stay until the cursor moves.
        unsafe { self.subscriber.shared.items.runs(self.subscriber.index, visible) }
    }

    /// Returns how many items this process may access: in a child made by `fork` none, as the parent goes on popping.
    #[inline]
    fn visible(&self) -> usize {
        if self.subscriber.session.is_ours() { self.len } else { 0 }
    }

    /// Pops all of them.
    #[inline]
    pub fn consume_all(self) {
        let len = self.len;
        self.consume(len);
    }

    /// Pops the first `count` of them, or all if there are fewer.
    #[inline]
    pub fn consume(self, count: usize) {
        let count = count.min(self.len);
        // A child made by `fork` has nothing to pop.
        if count > 0 && self.subscriber.session.is_ours() {
            self.subscriber.advance(count as u64);
        }
    }
}

impl<T: Pod> Index<usize> for Peeked<'_, T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        assert!(index < self.visible(), "item {index} of {}", self.visible());
        if self.subscriber.is_lagging {
            return &self.subscriber.buffer[index];
        }
        // SAFETY: as in `as_slices`.
        unsafe { self.subscriber.shared.items.get(self.subscriber.index.wrapping_add(index as u64)) }
    }
}

impl<T: Pod> fmt::Debug for Peeked<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peeked({})", self.len)
    }
}
