//! Room for a ring's items: plain bytes, each touched by whoever the protocol gives its place to.
#![allow(unsafe_code, reason = "items are reached through their addresses")]

use std::{fmt, ptr::NonNull, slice, sync::Arc};

use bytemuck::Pod;

use crate::{
    layout::room,
    raw::{self, SharedMemory},
};

/// A power of two of places, addressed by positions that grow for ever.
///
/// - **A1** Every position is masked with the handle's own capacity: none reaches outside.
pub(crate) struct Items<T> {
    first: NonNull<T>,
    mask: u64,
    /// Keeps the mapping.
    memory: Arc<SharedMemory>,
}

// SAFETY: it is an address and the mapping it lies in; access is unsafe, and its callers answer for it.
unsafe impl<T: Send> Send for Items<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Items<T> {}

impl<T: Pod> Items<T> {
    /// Finds the room; `capacity` is a power of two.
    pub(crate) fn at(memory: &Arc<SharedMemory>, offset: usize, capacity: usize) -> raw::Result<Self> {
        debug_assert!(capacity.is_power_of_two());
        let first = room(memory, offset, capacity)?;
        Ok(Self { first, mask: capacity as u64 - 1, memory: Arc::clone(memory) })
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.mask + 1
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the capacity is a usize")]
    fn index(&self, position: u64) -> usize {
        (position & self.mask) as usize
    }

    #[inline]
    fn place(&self, position: u64) -> *mut T {
        self.first.as_ptr().wrapping_add(self.index(position))
    }

    /// Writes an item.
    ///
    /// # Safety
    ///
    /// By the protocol nobody else, in this process or another, uses the place now.
    #[inline]
    pub(crate) unsafe fn write(&self, position: u64, item: T) {
        // SAFETY: by A1 the place lies in the mapping, and is aligned; the caller answers for others.
        unsafe { self.place(position).write(item) }
    }

    /// Copies an item.
    ///
    /// # Safety
    ///
    /// By the protocol nobody else, in this process or another, changes the place now.
    #[inline]
    pub(crate) unsafe fn read(&self, position: u64) -> T {
        // SAFETY: as for `write`; any bits are a `Pod`.
        unsafe { self.place(position).read() }
    }

    /// Returns an item where it lies.
    ///
    /// # Safety
    ///
    /// By the protocol nobody else, in this process or another, changes the place as long as the reference lives.
    #[inline]
    pub(crate) unsafe fn get(&self, position: u64) -> &T {
        // SAFETY: as for `read`.
        unsafe { &*self.place(position) }
    }

    /// Returns a place, to be filled.
    ///
    /// # Safety
    ///
    /// By the protocol nobody else, in this process or another, uses the place as long as the reference lives.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the protocol gives the place to the caller")]
    pub(crate) unsafe fn get_mut(&self, position: u64) -> &mut T {
        // SAFETY: as for `write`; what is there is a `Pod`.
        unsafe { &mut *self.place(position) }
    }

    /// Cuts so many places into two runs: up to the end of the room, and on from its beginning.
    #[expect(clippy::cast_possible_truncation, reason = "the capacity is a usize")]
    fn cut(&self, position: u64, count: usize) -> (usize, usize) {
        let capacity = self.capacity() as usize;
        let to_the_end = capacity - self.index(position);
        let count = count.min(capacity);
        (count.min(to_the_end), count.saturating_sub(to_the_end))
    }

    /// Returns so many items where they lie, in two runs.
    ///
    /// # Safety
    ///
    /// By the protocol nobody else, in this process or another, changes the places as long as the references live.
    #[inline]
    pub(crate) unsafe fn runs(&self, position: u64, count: usize) -> (&[T], &[T]) {
        let (first, second) = self.cut(position, count);
        // SAFETY: as for `read`; `cut` keeps within the room.
        let first = unsafe { slice::from_raw_parts(self.place(position), first) };
        // SAFETY: as above.
        (first, unsafe { slice::from_raw_parts(self.first.as_ptr(), second) })
    }

    /// Returns so many places, to be filled, in two runs.
    ///
    /// # Safety
    ///
    /// By the protocol nobody else, in this process or another, uses the places as long as the references live.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the protocol gives the places to the caller")]
    pub(crate) unsafe fn runs_mut(&self, position: u64, count: usize) -> (&mut [T], &mut [T]) {
        let (first, second) = self.cut(position, count);
        // SAFETY: as for `write`; `cut` keeps within the room, and the runs don't overlap.
        let first = unsafe { slice::from_raw_parts_mut(self.place(position), first) };
        // SAFETY: as above.
        (first, unsafe { slice::from_raw_parts_mut(self.first.as_ptr(), second) })
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items({:?} of {})", self.first, self.memory.id())
    }
}
