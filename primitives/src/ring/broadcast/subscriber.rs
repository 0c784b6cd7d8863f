//! A subscriber of a broadcast ring.
#![allow(unsafe_code, reason = "items are read where they lie")]

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytemuck::Pod;

use super::{
    SharedRing, copy,
    state::{BroadcastState, Joined},
};
#[cfg(feature = "async")]
use crate::ring::futures::Futures;
use crate::{
    PopError, Role,
    iter::{until_the_end, while_available},
    members::Session,
    raw::{Deadline, process},
    ring::{patience::Patience, refusal::Refusal},
    waiting::Party,
};

/// One of a broadcast ring's subscribers. It gets every item that is pushed after it has joined.
///
/// Dropping it leaves the ring. In a child made by `fork` it can't be used: it stays the parent's, and every call
/// fails with [`Failure::Inherited`](crate::Failure::Inherited). The child makes one of its own.
///
/// **When a process that has subscribers dies**, the other subscribers get all their items, and the producer does not wait for it.
/// **While it is stopped**, the producer of a lossless ring waits, once the ring is full of items that it has not popped. The
/// producer of a [lagging](crate::Options::lagging) ring never does.
#[must_use = "dropping it leaves the ring"]
pub struct Subscriber<T: Pod> {
    pub(super) shared: Arc<SharedRing<T, BroadcastState>>,
    pub(super) session: Session,
    /// The fork generation of the session, which every call compares. It is marked if a failure was recorded.
    generation: u32,
    cursor: usize,
    /// The position that it pops next. No other process moves its cursor.
    pub(super) index: u64,
    /// The tail at the last check.
    seen: u64,
    pub(super) is_lagging: bool,
    /// The items of a lagging ring that were peeked: copies, since the producer may write them at any time.
    pub(super) buffer: Vec<T>,
    pub(super) patience: Patience,
    #[cfg(feature = "async")]
    pub(super) futures: Futures,
}

impl<T: Pod> Subscriber<T> {
    pub(super) fn new(shared: &Arc<SharedRing<T, BroadcastState>>, session: Session, joined: Joined) -> Self {
        let Joined { cursor, index } = joined;
        let is_lagging = shared.state.is_lagging;
        let (generation, patience) = (session.generation(), Patience::new(Role::Consumer));
        let (shared, buffer) = (Arc::clone(shared), Vec::new());
        Self {
            shared,
            session,
            generation,
            cursor,
            index,
            seen: index,
            is_lagging,
            buffer,
            patience,
            #[cfg(feature = "async")]
            futures: Futures::default(),
        }
    }

    /// Pops the next item. Blocks until there is one.
    ///
    /// # Errors
    ///
    /// - [`PopError::Lagged`] in a [lagging](crate::Options::lagging) ring, if the next items were overwritten. It is
    ///   returned once, and the next call pops the oldest item that is left.
    /// - [`PopError::Closed`] if the ring is closed and all was popped. [`PopError::Disconnected`] if all was popped, no producer
    ///   is left, and the subscriber [detects that](Self::detect_disconnect).
    /// - [`PopError::Failed`] if the ring was removed or is corrupt, and in a child made by `fork`.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.pop_deadline(Deadline::NEVER)
    }

    /// Pops the next item if there is one.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if there is none. Otherwise as [`pop`](Self::pop).
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        self.pop_deadline(Deadline::NOW)
    }

    /// Pops the next item. Blocks until there is one, for at most `timeout`.
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

    /// Pops the next item. Blocks until there is one, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`pop_timeout`](Self::pop_timeout).
    #[inline]
    pub fn pop_deadline(&mut self, deadline: Deadline) -> Result<T, PopError> {
        if !self.has_items() {
            self.wait_for_items(1, deadline)?;
        }
        if self.is_lagging {
            return self.pop_lagging();
        }
        // SAFETY: by BC1 the item is complete, and stays until the cursor moves.
        let item = unsafe { self.shared.items.read(self.index) };
        self.advance(1);
        Ok(item)
    }

    /// Pops an item of a lagging ring. There is one.
    #[inline(never)]
    fn pop_lagging(&mut self) -> Result<T, PopError> {
        let item = self.copy(self.index);
        self.check_window()?;
        self.advance(1);
        Ok(item)
    }

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
        let count = self.available_up_to(items.len(), deadline)?;
        let to = &mut items[..count];
        if self.is_lagging {
            to.iter_mut().zip(0..).for_each(|(item, offset)| *item = self.copy(self.index.wrapping_add(offset)));
            self.check_window()?;
        } else {
            // SAFETY: as in `pop_deadline`.
            let (first, second) = unsafe { self.shared.items.runs(self.index, count) };
            let (to_first, to_second) = to.split_at_mut(first.len());
            to_first.copy_from_slice(first);
            to_second.copy_from_slice(second);
        }
        self.advance(count as u64);
        Ok(count)
    }

    /// Returns an iterator over the items that come. It waits for each.
    ///
    /// It ends when the ring is closed, or disconnected if the subscriber [detects](Self::detect_disconnect) that. It goes on
    /// after [`PopError::Lagged`]. Any other error is the last that it gives.
    pub fn iter(&mut self) -> impl Iterator<Item = Result<T, PopError>> {
        until_the_end(|| self.pop())
    }

    /// Returns an iterator over the items that are there. It never waits, and ends as [`iter`](Self::iter) or when there
    /// is no item.
    pub fn try_iter(&mut self) -> impl Iterator<Item = Result<T, PopError>> {
        while_available(|| self.try_pop())
    }

    /// Returns how many items it has not popped yet, as of a moment ago: at most the capacity.
    #[must_use]
    pub fn len(&self) -> usize {
        let SharedRing { state, .. } = &*self.shared;
        let available = state.tail().wrapping_sub(self.index).min(state.capacity);
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
    /// died. The items that are there come first. A pop does not fail with this error before the first producer has come. A wait
    /// then checks
    /// for dead members as well.
    pub fn detect_disconnect(&mut self, detect: bool) {
        self.patience.wants_to_know = detect;
    }

    /// Returns whether a producer has the role now, dead or alive.
    ///
    /// It shows the state before repair: a producer that died counts until its role is requested, or until a pop that
    /// [detects a disconnect](Self::detect_disconnect) finds no item.
    #[must_use]
    pub fn has_producer(&self) -> bool {
        self.shared.state.role.holder() != 0
    }

    /// Copies an item of a lagging ring, which may be torn.
    #[inline]
    pub(super) fn copy(&self, position: u64) -> T {
        // SAFETY: in a lagging ring every access is of this kind.
        unsafe { copy::load(&self.shared.items, position) }
    }

    /// Fails if what was copied from the index on may be torn (BC8), and goes on behind that.
    #[inline]
    pub(super) fn check_window(&mut self) -> Result<(), PopError> {
        match self.shared.state.missed(self.index, &self.shared.members)? {
            0 => Ok(()),
            missed => Err(self.lag(missed)),
        }
    }

    #[cold]
    fn lag(&mut self, missed: u64) -> PopError {
        // Relaxed: a number for operators.
        self.shared.state.control.missed.fetch_add(missed, Relaxed);
        self.advance(missed);
        // It may have seen less of the tail than it missed.
        self.seen = self.index;
        PopError::Lagged { missed }
    }

    /// Returns how many of `count` items are there, at least one if any is asked for.
    #[inline]
    pub(super) fn available_up_to(&mut self, count: usize, deadline: Deadline) -> Result<usize, PopError> {
        if !self.has_items() {
            self.wait_for_items(count as u64, deadline)?;
        }
        let SharedRing { state, members, .. } = &*self.shared;
        let mut available = self.seen.wrapping_sub(self.index);
        if available < count as u64 {
            // There may be more by now, and a check is cheap compared with so many items.
            let seen = state.tail();
            let more = state.distance(self.index, seen, members)?;
            // The tail never goes back.
            if more < available {
                return Err(members.damaged("the tail").into());
            }
            (available, self.seen) = (more, seen);
        }
        // In a lagging ring there may be more items than slots.
        let available = available.min(state.capacity);
        Ok(count.min(usize::try_from(available).unwrap_or(usize::MAX)))
    }

    #[inline(never)]
    fn wait_for_items(&mut self, wanted: u64, deadline: Deadline) -> Result<(), PopError> {
        self.look_for_items(wanted, deadline)
            .map_err(|refusal| PopError::refused(refusal, deadline, &self.shared.members))
    }

    /// Returns whether there were items at the last check, and nothing is in the way. The tail isn't touched.
    #[inline]
    fn has_items(&self) -> bool {
        self.seen != self.index && process::is_generation(self.generation)
    }

    /// Waits until there are items, and learns how many. The caller has use for `wanted`.
    fn look_for_items(&mut self, wanted: u64, deadline: Deadline) -> Result<(), Refusal> {
        if !process::is_generation(self.generation) {
            self.check_session()?;
            if self.seen != self.index {
                return Ok(());
            }
        }
        let SharedRing { state, members, .. } = &*self.shared;
        if deadline != Deadline::NOW {
            self.patience.delay.wait();
        }
        let mut seen = state.tail();
        if seen == self.index {
            let party = Party { members, repair: state, me: self.session };
            seen = state.wait_for_items(seen, party, &self.patience, deadline)?;
        }
        // A closed ring still gives its items: the wait reports the end only if there is none.
        let available = state.distance(self.index, seen, members)?;
        self.patience.delay.learn(available, state.capacity, wanted);
        self.seen = seen;
        Ok(())
    }

    /// Fails if a failure is recorded, or the subscriber is the parent's.
    #[cold]
    fn check_session(&mut self) -> Result<(), Refusal> {
        self.shared.tell_recorded(self.session, &mut self.generation)?;
        if self.session.is_ours() {
            return Ok(());
        }
        Err(self.shared.refusal("subscriber", self.session))
    }

    #[inline]
    pub(super) fn advance(&mut self, count: u64) {
        let from = self.index;
        self.index = from.wrapping_add(count);
        let SharedRing { state, members, .. } = &*self.shared;
        if state.move_cursor(self.cursor, self.session, from, self.index, members) {
            self.generation = self.session.marked_generation();
        }
    }
}

impl<T: Pod> Drop for Subscriber<T> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            #[cfg(feature = "async")]
            self.cancel_wait();
            let joined = Joined { cursor: self.cursor, index: self.index };
            self.shared.state.leave(joined, self.session, &self.shared.members);
        }
    }
}

impl<T: Pod> fmt::Debug for Subscriber<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("next", &self.index).field("len", &self.len()).finish_non_exhaustive()
    }
}
