//! The producer of a broadcast ring.
#![allow(unsafe_code, reason = "items are written to where they lie")]

use std::{fmt, sync::Arc, time::Duration};

use bytemuck::Pod;

#[cfg(feature = "async")]
use super::wait;
use super::{SharedRing, copy, state::BroadcastState};
#[cfg(feature = "async")]
use crate::waiting::clerk::LoneFutures;
use crate::{
    Failure, PushError, Role,
    members::Session,
    raw::{Deadline, process},
    ring::{patience::Patience, refusal::Refusal},
    waiting::Party,
};

/// The right to push into a broadcast ring. One handle at a time has it.
///
/// Dropping it frees the role. In a child made by `fork` it can't be used: the role stays the parent's, and every call
/// fails with [`Failure::Inherited`].
///
/// **When a process dies** as the producer, everything it had committed is in the ring, and another process can take the
/// role.
#[must_use = "dropping it leaves the role"]
pub struct Producer<T: Pod> {
    pub(super) shared: Arc<SharedRing<T, BroadcastState>>,
    pub(super) session: Session,
    /// The fork generation of the session, which every call compares. It is marked if a failure was recorded.
    generation: u32,
    /// The tail: no other process stores it.
    pub(super) index: u64,
    /// Up to where there was room at the last scan, or in a lagging ring, up to where the window lies.
    limit: u64,
    pub(super) is_lagging: bool,
    /// What a reservation of a lagging ring fills, since others may copy the items meanwhile.
    pub(super) buffer: Vec<T>,
    patience: Patience,
    #[cfg(feature = "async")]
    pub(super) futures: LoneFutures,
    /// The item that the sink has taken in.
    #[cfg(feature = "async")]
    pub(super) pending: Option<T>,
}

impl<T: Pod> Producer<T> {
    pub(super) fn new(shared: &Arc<SharedRing<T, BroadcastState>>, session: Session) -> Self {
        let index = shared.state.tail();
        let is_lagging = shared.state.is_lagging;
        let (generation, patience) = (session.generation(), Patience::new(Role::Producer));
        // No room before the first scan: the last producer's scans are not known here (BC1).
        let limit = index;
        Self {
            shared: Arc::clone(shared),
            session,
            generation,
            index,
            limit,
            is_lagging,
            buffer: Vec::new(),
            patience,
            #[cfg(feature = "async")]
            futures: LoneFutures::default(),
            #[cfg(feature = "async")]
            pending: None,
        }
    }

    /// Pushes an item, for every subscriber.
    ///
    /// In a lossless ring it blocks while the slowest subscriber is a whole ring behind. It does not wait for a subscriber that
    /// died, and does wait for one that is stopped. In a [lagging](crate::Options::lagging) ring it never blocks. Without
    /// subscribers the item is lost.
    ///
    /// # Errors
    ///
    /// With the item in each:
    ///
    /// - [`PushError::Closed`] if the ring is closed. [`PushError::Disconnected`] if no subscriber is left and the producer
    ///   [detects that](Self::detect_disconnect).
    /// - [`PushError::Failed`] if the ring was removed or is corrupt, and in a child made by `fork`.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), PushError<T>> {
        self.push_deadline(item, Deadline::NEVER)
    }

    /// Pushes an item if there is room.
    ///
    /// A call that finds no room asks the kernel whether the slowest subscriber lives.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there is no room. Otherwise as [`push`](Self::push).
    #[inline]
    pub fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        self.push_deadline(item, Deadline::NOW)
    }

    /// Pushes an item. Blocks while there is no room, for at most `timeout`.
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

    /// Pushes an item. Blocks while there is no room, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`push_timeout`](Self::push_timeout).
    #[inline]
    pub fn push_deadline(&mut self, item: T, deadline: Deadline) -> Result<(), PushError<T>> {
        if self.is_lagging || !self.has_room() {
            return self.push_slowly(item, deadline);
        }
        // SAFETY: by BC1 this is the producer, and no subscriber reads the slot.
        unsafe { self.shared.items.write(self.index, item) };
        self.advance(1);
        Ok(())
    }

    /// Waits for room, or the ring is a lagging one.
    #[inline(never)]
    fn push_slowly(&mut self, item: T, deadline: Deadline) -> Result<(), PushError<T>> {
        if let Err(refusal) = self.room(deadline) {
            return Err(PushError::refused(refusal, item, deadline, &self.shared.members));
        }
        self.write(self.index, &item);
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
        let mut pushed = 0;
        // A lagging ring has room for all of them, some at a time.
        while pushed == 0 || self.is_lagging {
            let left = &items[pushed..];
            if left.is_empty() {
                break;
            }
            let count = match self.room_up_to(left.len(), deadline) {
                Ok(count) => count,
                // The items before are in the ring. The next call reports the error.
                Err(_) if pushed > 0 => break,
                Err(refusal) => return Err(PushError::refused(refusal, (), deadline, &self.shared.members)),
            };
            self.write_all(&left[..count]);
            self.advance(count as u64);
            pushed += count;
        }
        Ok(pushed)
    }

    /// Returns for how many items there is room, as of a moment ago. In a lagging ring there is always room for all.
    #[must_use]
    pub fn slots(&self) -> usize {
        let SharedRing { state, items, .. } = &*self.shared;
        let capacity = usize::try_from(items.capacity()).unwrap_or(usize::MAX);
        if self.is_lagging { capacity } else { capacity.saturating_sub(state.len()) }
    }

    /// Sets whether pushing ends with [`PushError::Disconnected`] when no subscriber is left.
    ///
    /// Off by default: the items are then lost. It makes no difference whether the subscribers were dropped or died. A push does
    /// not fail with this error before the first subscriber has come. The check is made only where the producer scans the
    /// subscribers anyway. So up to a capacity of items may be lost before. A lagging ring does not detect it.
    pub fn detect_disconnect(&mut self, detect: bool) {
        self.patience.wants_to_know = detect;
    }

    /// Returns whether there is a subscriber now, dead or alive.
    ///
    /// It shows the state before repair: a subscriber that died counts until a process waits for the ring, or finds no room.
    #[must_use]
    pub fn has_subscriber(&self) -> bool {
        self.shared.state.taken().next().is_some()
    }

    /// Closes the ring for good: nothing more is taken in, and what is in it can be popped.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn close(&mut self) -> Result<(), Failure> {
        self.shared.state.close(&self.shared.members)
    }

    /// Writes an item for which there is room.
    #[inline]
    pub(super) fn write(&self, position: u64, item: &T) {
        let items = &self.shared.items;
        if self.is_lagging {
            // SAFETY: in a lagging ring every access is of this kind.
            unsafe { copy::store(items, position, item) };
        } else {
            // SAFETY: by BC1 this is the producer, and no subscriber reads the slot.
            unsafe { items.write(position, *item) };
        }
    }

    /// Writes items for which there is room, from the index on.
    fn write_all(&self, from: &[T]) {
        if self.is_lagging {
            from.iter().zip(0..).for_each(|(item, offset)| self.write(self.index.wrapping_add(offset), item));
            return;
        }
        // SAFETY: as in `write`.
        let (first, second) = unsafe { self.shared.items.runs_mut(self.index, from.len()) };
        let (to_first, to_second) = from.split_at(first.len());
        first.copy_from_slice(to_first);
        second.copy_from_slice(to_second);
    }

    /// Returns how many of `count` items there is room for, at least one if any is asked for.
    pub(super) fn room_up_to(&mut self, count: usize, deadline: Deadline) -> Result<usize, Refusal> {
        let mut room = self.room(deadline)?;
        if room < count as u64 {
            // There may be more by now, and a scan is cheap compared with so many items.
            room = self.look_for_room()?.max(room);
        }
        Ok(count.min(usize::try_from(room).unwrap_or(usize::MAX)))
    }

    /// Returns whether there was room at the last scan, and nothing is in the way. No cursor is touched.
    #[inline]
    fn has_room(&self) -> bool {
        self.index != self.limit && process::is_generation(self.generation) && !self.shared.state.is_closed()
    }

    /// Returns for how many items there is room, at least one.
    #[inline]
    fn room(&mut self, deadline: Deadline) -> Result<u64, Refusal> {
        if self.has_room() {
            return Ok(self.limit.wrapping_sub(self.index));
        }
        self.room_slowly(deadline)
    }

    #[cold]
    fn room_slowly(&mut self, deadline: Deadline) -> Result<u64, Refusal> {
        self.shared.tell_recorded(self.session, &mut self.generation)?;
        if !self.session.is_ours() || self.shared.state.is_closed() {
            return Err(self.shared.refusal("producer", self.session));
        }
        if !self.is_lagging && deadline != Deadline::NOW {
            self.patience.delay.wait();
        }
        let mut room = self.look_for_room()?;
        if room == 0 {
            let SharedRing { state, members, .. } = &*self.shared;
            let party = Party { members, repair: state, me: self.session };
            #[cfg(feature = "async")]
            let beside = (deadline != Deadline::NOW)
                .then(|| self.futures.begin_blocking(wait::Producer { state, index: self.index }, members));
            let scan = state.wait_for_room(self.index, party, &self.patience, deadline);
            #[cfg(feature = "async")]
            drop(beside);
            room = self.found(scan?)?;
        }
        self.patience.delay.learn(room, self.shared.state.capacity, 1);
        Ok(room)
    }

    /// Scans the cursors, or moves the window of a lagging ring.
    fn look_for_room(&mut self) -> Result<u64, Refusal> {
        let SharedRing { state, members, .. } = &*self.shared;
        if self.is_lagging {
            let batch = (state.capacity / 8).max(1);
            self.limit = self.index.wrapping_add(batch);
            state.move_window(self.limit);
            return Ok(batch);
        }
        let scan = state.scan(self.index, members)?;
        self.found(scan)
    }

    /// Remembers how much room a scan has found.
    pub(super) fn found(&mut self, scan: super::state::Scan) -> Result<u64, Refusal> {
        let is_disconnected =
            self.patience.wants_to_know && !scan.has_subscribers && self.shared.state.has_arrived(Role::Consumer);
        if is_disconnected {
            return Err(Refusal::Disconnected);
        }
        self.limit = self.index.wrapping_add(scan.room);
        Ok(scan.room)
    }

    #[inline]
    pub(super) fn advance(&mut self, count: u64) {
        self.index = self.index.wrapping_add(count);
        if self.shared.state.publish(self.index, &self.shared.members) {
            self.generation = self.session.marked_generation();
        }
    }
}

impl<T: Pod> Drop for Producer<T> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            #[cfg(feature = "async")]
            self.futures
                .dismiss_clerk(wait::Producer { state: &self.shared.state, index: self.index }, &self.shared.members);
            // A reservation borrows the producer, so none is left.
            self.shared.state.leave_role(self.session, &self.shared.members);
        }
    }
}

impl<T: Pod> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("pushed", &self.index).field("slots", &self.slots()).finish_non_exhaustive()
    }
}
