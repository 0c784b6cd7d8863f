//! The memory of a ring's items: plain bytes. A process touches a slot only while the protocol gives it the slot.
#![allow(unsafe_code, reason = "items are reached through their addresses")]

use std::{fmt, ptr::NonNull, slice, sync::Arc};

use bytemuck::Pod;

use crate::{
    layout::room,
    raw::{self, SharedMemory},
};

/// A power of two of slots, addressed by positions that grow forever.
///
/// - **A1** Every position is masked with the handle's own capacity: none reaches outside.
pub(crate) struct Items<T> {
    first: NonNull<T>,
    mask: u64,
    /// Keeps the mapping.
    memory: Arc<SharedMemory>,
}

// SAFETY: it is an address and the mapping it lies in. Access is unsafe, and its callers answer for it.
unsafe impl<T: Send> Send for Items<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Items<T> {}

impl<T: Pod> Items<T> {
    /// Finds the memory. `capacity` must be a power of two.
    pub(crate) fn at(memory: &Arc<SharedMemory>, offset: usize, capacity: usize) -> raw::Result<Self> {
        debug_assert!(capacity.is_power_of_two());
        let first = room(memory, offset, capacity)?;
        Ok(Self { first, mask: capacity as u64 - 1, memory: Arc::clone(memory) })
    }

    #[inline]
    pub(crate) fn capacity(&self) -> u64 {
        self.mask + 1
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the capacity is a usize")]
    fn index(&self, position: u64) -> usize {
        (position & self.mask) as usize
    }

    #[inline]
    fn slot(&self, position: u64) -> *mut T {
        self.first.as_ptr().wrapping_add(self.index(position))
    }

    /// Returns where a slot lies.
    #[inline]
    pub(crate) fn address(&self, position: u64) -> NonNull<T> {
        NonNull::new(self.slot(position)).unwrap_or(self.first)
    }

    /// Writes an item.
    ///
    /// # Safety
    ///
    /// By the protocol no other thread, of this process or another, uses the slot now.
    #[inline]
    pub(crate) unsafe fn write(&self, position: u64, item: T) {
        // SAFETY: by A1 the slot lies in the mapping, and is aligned. The caller answers for other threads.
        unsafe { self.slot(position).write(item) }
    }

    /// Copies an item.
    ///
    /// # Safety
    ///
    /// By the protocol no other thread, of this process or another, changes the slot now.
    #[inline]
    pub(crate) unsafe fn read(&self, position: u64) -> T {
        // SAFETY: as for `write`, and any bits are a `Pod`.
        unsafe { self.slot(position).read() }
    }

    /// Returns an item where it lies.
    ///
    /// # Safety
    ///
    /// By the protocol no other thread, of this process or another, changes the slot as long as the reference lives.
    #[inline]
    pub(crate) unsafe fn get(&self, position: u64) -> &T {
        // SAFETY: as for `read`.
        unsafe { &*self.slot(position) }
    }

    /// Returns a slot, to be filled.
    ///
    /// # Safety
    ///
    /// By the protocol no other thread, of this process or another, uses the slot as long as the reference lives.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the protocol gives the slot to the caller")]
    pub(crate) unsafe fn get_mut(&self, position: u64) -> &mut T {
        // SAFETY: as for `write`, and any bits are a `Pod`.
        unsafe { &mut *self.slot(position) }
    }

    /// Cuts so many slots into two runs: up to the end of the memory, and on from its beginning.
    #[inline]
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
    /// By the protocol no other thread, of this process or another, changes the slots as long as the references live.
    #[inline]
    pub(crate) unsafe fn runs(&self, position: u64, count: usize) -> (&[T], &[T]) {
        let (first, second) = self.cut(position, count);
        // SAFETY: as for `read`, and `cut` keeps within the memory.
        let first = unsafe { slice::from_raw_parts(self.slot(position), first) };
        // SAFETY: as above.
        (first, unsafe { slice::from_raw_parts(self.first.as_ptr(), second) })
    }

    /// Returns so many slots, to be filled, in two runs.
    ///
    /// # Safety
    ///
    /// By the protocol no other thread, of this process or another, uses the slots as long as the references live.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the protocol gives the slots to the caller")]
    pub(crate) unsafe fn runs_mut(&self, position: u64, count: usize) -> (&mut [T], &mut [T]) {
        let (first, second) = self.cut(position, count);
        // SAFETY: as for `write`. `cut` keeps within the memory, and the runs don't overlap.
        let first = unsafe { slice::from_raw_parts_mut(self.slot(position), first) };
        // SAFETY: as above.
        (first, unsafe { slice::from_raw_parts_mut(self.first.as_ptr(), second) })
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items({:?} of {})", self.first, self.memory.id())
    }
}
