//! Several items at once: seen where they lie, or copied.
#![allow(unsafe_code, reason = "items are read where they lie")]

use std::{fmt, ops::Index, time::Duration};

use bytemuck::Pod;

use super::{SharedRing, at_most::at_most, consumer::Consumer};
use crate::{PopError, Role, raw::Deadline, ring::refusal::Refusal};

impl<T: Pod> Consumer<T> {
    /// Pops as many items as there are and as fit, and returns how many. Blocks until there is one.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub fn pop_slice(&mut self, items: &mut [T]) -> Result<usize, PopError> {
        self.pop_slice_deadline(items, Deadline::NEVER)
    }

    /// Pops as many items as there are and as fit, and returns how many.
    ///
    /// # Errors
    ///
    /// As [`try_pop`](Self::try_pop).
    pub fn try_pop_slice(&mut self, items: &mut [T]) -> Result<usize, PopError> {
        self.pop_slice_deadline(items, Deadline::NOW)
    }

    /// Pops as many items as there are and as fit, and returns how many. Blocks until there is one, for at most
    /// `timeout`.
    ///
    /// # Errors
    ///
    /// As [`pop_timeout`](Self::pop_timeout).
    pub fn pop_slice_timeout(&mut self, items: &mut [T], timeout: Duration) -> Result<usize, PopError> {
        self.pop_slice_deadline(items, Deadline::after(timeout))
    }

    /// Pops as many items as there are and as fit, and returns how many. Blocks until there is one, until `deadline`
    /// at most.
    ///
    /// # Errors
    ///
    /// As [`pop_slice_timeout`](Self::pop_slice_timeout).
    pub fn pop_slice_deadline(&mut self, items: &mut [T], deadline: Deadline) -> Result<usize, PopError> {
        if items.is_empty() {
            return Ok(0);
        }
        let peeked = self.peek_deadline(items.len(), deadline)?;
        let count = peeked.len();
        let (first, second) = peeked.as_slices();
        let (from_first, from_second) = items[..count].split_at_mut(first.len());
        from_first.copy_from_slice(first);
        from_second.copy_from_slice(second);
        peeked.consume_all();
        Ok(count)
    }

    /// Returns the next items where they lie, at most `count`. Blocks until there is one.
    ///
    /// Nothing is popped before [`consume`](Peeked::consume). If the [`Peeked`] is dropped without, or this process
    /// dies, the items stay.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
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
    pub fn peek_deadline(&mut self, count: usize, deadline: Deadline) -> Result<Peeked<'_, T>, PopError> {
        match self.available_up_to(count, deadline) {
            Ok(len) => Ok(Peeked { len, consumer: self }),
            Err(refusal) => Err(PopError::refused(refusal, deadline, &self.shared.members)),
        }
    }

    /// Returns how many of `count` items are there, at least one.
    fn available_up_to(&mut self, count: usize, deadline: Deadline) -> Result<usize, Refusal> {
        let mut available = self.available(count as u64, deadline)?;
        if available < count as u64 {
            // There may be more by now, and a check is cheap compared with so many items.
            let SharedRing { state, members, .. } = &*self.shared;
            let seen = state.index(Role::Producer);
            let more = state.distance(self.index, seen, members)?;
            // The producer's index never goes back.
            if more < available {
                return Err(members.damaged("the indices").into());
            }
            (available, self.seen) = (more, seen);
        }
        Ok(at_most(count, available))
    }
}

/// Items of a ring, seen where they lie. None is popped before [`consume`](Self::consume).
///
/// They may go round the ring's end: [`as_slices`](Self::as_slices) gives both parts. In a child made by `fork`, those
/// of the parent are empty.
#[must_use = "nothing is taken before it is consumed"]
pub struct Peeked<'a, T: Pod> {
    consumer: &'a mut Consumer<T>,
    len: usize,
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
    #[must_use]
    pub fn as_slices(&self) -> (&[T], &[T]) {
        // SAFETY: by SP1 this is the consumer, and the producer has committed these items.
        unsafe { self.consumer.shared.items.runs(self.consumer.index, self.visible()) }
    }

    /// Returns how many items this process may access: in a child made by `fork` none, as the parent goes on freeing
    /// slots.
    fn visible(&self) -> usize {
        if self.consumer.session.is_ours() { self.len } else { 0 }
    }

    /// Pops all of them.
    pub fn consume_all(self) {
        let len = self.len;
        self.consume(len);
    }

    /// Pops the first `count` of them, or all if there are fewer.
    pub fn consume(self, count: usize) {
        let count = count.min(self.len);
        // A child made by `fork` has nothing to pop.
        if count > 0 && self.consumer.session.is_ours() {
            self.consumer.advance(count as u64);
        }
    }
}

impl<T: Pod> Index<usize> for Peeked<'_, T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        assert!(index < self.visible(), "item {index} of {}", self.visible());
        // SAFETY: as in `as_slices`.
        unsafe { self.consumer.shared.items.get(self.consumer.index.wrapping_add(index as u64)) }
    }
}

impl<T: Pod> fmt::Debug for Peeked<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peeked({})", self.len)
    }
}
