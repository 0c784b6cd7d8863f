//! Attached memory: one mapping, and the ways into it.
//!
//! - **M1** A handle owns exactly one mapping. Dropping or detaching it unmaps it.
//! - **M2** A segment can't shrink while it is mapped, so the size at the attach holds as long as the mapping.
//! - **M3** Safe access is atomic, since other processes may write at any moment.
//! - **M4** A mapping is writable if its access is [`Access::ReadWrite`]. No other has a type that allows writes.
//! - The kernel detaches a process that dies. The bytes that it had written stay.
#![allow(unsafe_code, reason = "mapped memory is reached by address")]

use std::{fmt, marker::PhantomData, mem::MaybeUninit, ptr::NonNull, slice};

use super::{
    access::{Access, Protection, ReadOnly, ReadWrite},
    copy,
    segment::{Segment, SegmentStat},
    view::{LoadOnly, SharedSafe},
};
use crate::{Error, Result, perm::object_methods, sys};

/// A shared memory segment, attached to this process.
///
/// Make one with [`SharedMemoryOptions`](crate::SharedMemoryOptions) or [`Segment::attach`]. One value is one mapping.
/// It may be used from all threads, and dropping it detaches. That removes nothing: the segment stays until
/// [`remove`](Self::remove).
///
/// [`read`](Self::read) and [`write`](Self::write) copy, without any lock: readers can see half of a write, and a
/// semaphore must guard bytes that belong together. [`view`](Self::view) and [`slice`](Self::slice) are the memory
/// itself, live, as atomics. Rust's memory model knows no two accesses of different widths to the same bytes at the
/// same time: where threads of one program copy and view the same bytes, let them take turns.
///
/// **When a process dies** it is detached. What it had written so far stays as it is.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use sysv_ipc::SharedMemoryOptions;
///
/// let memory = SharedMemoryOptions::new().size(4096).open_random()?;
/// memory.write(b"hello", 0)?;
/// assert_eq!(memory.read(5, 0)?, b"hello");
///
/// let counter: &AtomicU32 = memory.view(8)?;
/// counter.fetch_add(1, Relaxed);
/// memory.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
///
/// A view can't outlive its mapping, a detached handle can't be used, and what is attached for
/// reading can't be written:
///
/// ```compile_fail,E0505
/// # use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// # fn f(memory: sysv_ipc::SharedMemory) -> sysv_ipc::Result<()> {
/// let counter: &AtomicU32 = memory.view(0)?;
/// memory.detach();
/// counter.load(Relaxed);
/// # Ok(()) }
/// ```
///
/// ```compile_fail,E0382
/// # fn f(memory: sysv_ipc::SharedMemory) -> sysv_ipc::Result<()> {
/// memory.detach();
/// memory.read(0, 0)?;
/// # Ok(()) }
/// ```
///
/// ```compile_fail,E0599
/// # fn f(memory: sysv_ipc::SharedMemory<sysv_ipc::ReadOnly>) -> sysv_ipc::Result<()> {
/// memory.write(b"no", 0)?;
/// # Ok(()) }
/// ```
#[repr(transparent)]
pub struct SharedMemory<A: Protection = ReadWrite> {
    mapping: Mapping,
    protection: PhantomData<A>,
}

/// The one mapping that a handle owns (M1).
struct Mapping {
    segment: Segment,
    address: NonNull<u8>,
    size: usize,
    access: Access,
}

// SAFETY: a mapping belongs to the whole process, and safe access to it is atomic.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the address is what `shmat` returned (M1), and every borrow of it has ended.
        let detached = unsafe { sys::shmdt(self.address) };
        debug_assert!(detached.is_ok(), "{:?} was detached behind our back", self.segment);
    }
}

impl<A: Protection> SharedMemory<A> {
    /// Takes over a mapping. No byte of it is used before the size is set.
    ///
    /// # Safety
    ///
    /// `shmat` must have returned the address with this access, beyond which `A` allows nothing (M4). Nothing else
    /// may detach it.
    pub(super) unsafe fn from_mapping(segment: Segment, address: NonNull<u8>, access: Access) -> Self {
        Self { mapping: Mapping { segment, address, size: 0, access }, protection: PhantomData }
    }

    /// # Safety
    ///
    /// The mapped segment must have this size.
    pub(super) unsafe fn set_size(&mut self, size: usize) {
        self.mapping.size = size;
    }

    /// Gives the mapping another type, which allows no writes that the mapping doesn't (M4).
    pub(super) fn cast<B: Protection>(self) -> SharedMemory<B> {
        assert!(!B::WRITES || self.access() == Access::ReadWrite, "it is mapped for reading only");
        SharedMemory { mapping: self.mapping, protection: PhantomData }
    }

    /// Lends the mapping as another type, which allows no writes that the mapping doesn't (M4).
    pub(super) fn cast_ref<B: Protection>(&self) -> &SharedMemory<B> {
        assert!(!B::WRITES || self.access() == Access::ReadWrite, "it is mapped for reading only");
        // SAFETY: both types are transparent, with the same mapping and a marker without size.
        unsafe { &*std::ptr::from_ref(self).cast::<SharedMemory<B>>() }
    }

    object_methods! {
        "Removes the segment. The key is free at once. Mappings stay, and the memory is freed at the last detach.",
        via mapping.segment
    }

    /// Returns what the kernel knows of the segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::stat`].
    pub fn stat(&self) -> Result<SegmentStat> {
        self.mapping.segment.stat()
    }

    /// Returns the access that it was attached with.
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(64).open_random_read_only()?;
    /// assert_eq!(memory.access(), Access::ReadOnly);
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[must_use]
    pub fn access(&self) -> Access {
        self.mapping.access
    }

    /// Returns the segment, which can be used without the mapping.
    #[must_use]
    pub fn segment(&self) -> &Segment {
        &self.mapping.segment
    }

    /// Detaches, and leaves the segment, as dropping does.
    pub fn detach(self) -> Segment {
        self.mapping.segment.clone()
    }

    /// Returns the size in bytes, which can't change while it is attached.
    #[expect(clippy::len_without_is_empty, reason = "no segment is empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.mapping.size
    }

    /// Returns the address as a number.
    #[must_use]
    pub fn address(&self) -> usize {
        self.mapping.address.as_ptr().addr()
    }

    /// Returns a pointer to the first byte, valid as long as the mapping.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.mapping.address.as_ptr()
    }

    /// Copies bytes out: `byte_count` of them, or up to the end if they are fewer or it is 0.
    ///
    /// **Bytes behind the end are left out without an error**, although [`write`](Self::write) refuses them.
    /// [`read_at`](Self::read_at) reads all that was asked for, or fails.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if `offset` is not inside the segment, and [`Error::OutOfMemory`].
    pub fn read(&self, byte_count: usize, offset: usize) -> Result<Vec<u8>> {
        let left = match self.mapping.size.checked_sub(offset) {
            None | Some(0) => return Err(self.out_of_bounds(offset, byte_count.max(1))),
            Some(left) => left,
        };
        let count = if byte_count == 0 { left } else { byte_count.min(left) };
        let mut bytes = Vec::new();
        let out_of_memory = |_| Error::OutOfMemory { call: "read", object: self.mapping.segment.object() };
        bytes.try_reserve_exact(count).map_err(out_of_memory)?;
        self.read_at_uninit(&mut bytes.spare_capacity_mut()[..count], offset)?;
        // SAFETY: the vector has room for `count` bytes, all of which were just initialised.
        unsafe { bytes.set_len(count) };
        Ok(bytes)
    }

    /// Fills `into` with the bytes at `offset`, all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if they don't all lie inside the segment.
    pub fn read_at(&self, into: &mut [u8], offset: usize) -> Result<()> {
        // SAFETY: initialised bytes are also possibly initialised ones, and `read_at_uninit` writes no others back.
        let into = unsafe { slice::from_raw_parts_mut(into.as_mut_ptr().cast::<MaybeUninit<u8>>(), into.len()) };
        self.read_at_uninit(into, offset).map(drop)
    }

    /// Fills uninitialised memory with the bytes at `offset`, all of it or nothing, and returns it initialised.
    ///
    /// It saves the pass that would set `into` to zero first, such as a new buffer of another language's runtime.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if the bytes don't all lie inside the segment.
    ///
    /// ```
    /// use sysv_ipc::SharedMemoryOptions;
    ///
    /// let memory = SharedMemoryOptions::new().size(64).init_character(b'.').open_random()?;
    /// let mut bytes = Vec::with_capacity(32);
    /// let filled = memory.read_at_uninit(&mut bytes.spare_capacity_mut()[..16], 48)?;
    /// assert_eq!(filled, [b'.'; 16]);
    /// // SAFETY: the first 16 bytes were initialised.
    /// unsafe { bytes.set_len(16) };
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn read_at_uninit<'a>(&self, into: &'a mut [MaybeUninit<u8>], offset: usize) -> Result<&'a mut [u8]> {
        self.check(offset, into.len())?;
        // SAFETY: the range lies in the mapping (M1, M2), and safe access to it is atomic (M3).
        unsafe { copy::load(self.at(offset), into) };
        // SAFETY: the copy has initialised every byte of `into`.
        Ok(unsafe { slice::from_raw_parts_mut(into.as_mut_ptr().cast::<u8>(), into.len()) })
    }

    /// Returns the memory as a slice.
    ///
    /// # Safety
    ///
    /// As long as the slice lives, no process may write to the segment.
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: the mapping has this size (M1, M2), and the caller answers for the writers.
        unsafe { slice::from_raw_parts(self.mapping.address.as_ptr(), self.mapping.size) }
    }

    fn check(&self, offset: usize, len: usize) -> Result<()> {
        match offset.checked_add(len) {
            Some(end) if end <= self.mapping.size => Ok(()),
            _ => Err(self.out_of_bounds(offset, len)),
        }
    }

    #[cold]
    fn out_of_bounds(&self, offset: usize, len: usize) -> Error {
        Error::OutOfBounds { offset, len, size: self.mapping.size }
    }

    /// Returns the address of the byte at an offset that was checked.
    fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: the offset is at most the size of the mapping.
        unsafe { self.mapping.address.as_ptr().add(offset) }
    }

    /// Checks that `len` values of a type lie at an offset, and returns where.
    fn locate<T: SharedSafe>(&self, offset: usize, len: usize) -> Result<*mut T> {
        let bytes = size_of::<T>().checked_mul(len).ok_or_else(|| self.out_of_bounds(offset, usize::MAX))?;
        self.check(offset, bytes)?;
        let value = self.at(offset).cast::<T>();
        if !value.is_aligned() {
            return Err(Error::Misaligned { address: offset, align: align_of::<T>() });
        }
        Ok(value)
    }

    pub(super) fn load_only<T: SharedSafe>(&self, offset: usize) -> Result<&LoadOnly<T>> {
        let value = self.locate::<T>(offset, 1)?.cast::<LoadOnly<T>>();
        // SAFETY: `LoadOnly` has the layout of its value, which lies in the mapping, aligned. Any bits are valid, and
        // all access is atomic, by loads alone. The borrow keeps the mapping (M1).
        Ok(unsafe { &*value })
    }

    pub(super) fn load_only_slice<T: SharedSafe>(&self, offset: usize, len: usize) -> Result<&[LoadOnly<T>]> {
        let first = self.locate::<T>(offset, len)?.cast::<LoadOnly<T>>();
        // SAFETY: as for `load_only`, for all `len` of them.
        Ok(unsafe { slice::from_raw_parts(first, len) })
    }
}

impl SharedMemory<ReadWrite> {
    /// Copies all of `bytes` to `offset`, or nothing.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if they don't all fit. Nothing is written then.
    /// [`write_truncating`](Self::write_truncating) writes what fits.
    pub fn write(&self, bytes: &[u8], offset: usize) -> Result<()> {
        self.check(offset, bytes.len())?;
        // SAFETY: the range lies in the mapping (M1, M2), which is writable (M4), and safe access to it
        // is atomic (M3).
        unsafe { copy::store(self.at(offset), bytes) };
        Ok(())
    }

    /// Copies as many of `bytes` as fit to `offset`, and returns how many those are.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if `offset` lies behind the end.
    pub fn write_truncating(&self, bytes: &[u8], offset: usize) -> Result<usize> {
        let left = self.mapping.size.checked_sub(offset).ok_or_else(|| self.out_of_bounds(offset, bytes.len()))?;
        let count = bytes.len().min(left);
        self.write(&bytes[..count], offset)?;
        Ok(count)
    }

    /// Sets every byte.
    pub fn fill(&self, byte: u8) {
        let chunk = [byte; 4096];
        for offset in (0..self.mapping.size).step_by(chunk.len()) {
            let len = chunk.len().min(self.mapping.size - offset);
            // SAFETY: as for `write`: the range lies in the mapping, which is writable.
            unsafe { copy::store(self.at(offset), &chunk[..len]) };
        }
    }

    /// Returns the value at `offset`, live: it shows what other processes store.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`], or [`Error::Misaligned`] if the offset doesn't suit the type.
    pub fn view<T: SharedSafe>(&self, offset: usize) -> Result<&T> {
        let value = self.locate::<T>(offset, 1)?;
        // SAFETY: it lies in the mapping, aligned. `SharedSafe` promises that any bits are valid and all access is
        // atomic. The borrow keeps the mapping (M1).
        Ok(unsafe { &*value })
    }

    /// Returns `len` values at `offset`, live.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view).
    pub fn slice<T: SharedSafe>(&self, offset: usize, len: usize) -> Result<&[T]> {
        let first = self.locate::<T>(offset, len)?;
        // SAFETY: as for `view`, for all `len` of them.
        Ok(unsafe { slice::from_raw_parts(first, len) })
    }

    /// Returns a pointer to the first byte for writing, valid as long as the mapping.
    #[must_use]
    pub fn as_mut_ptr(&self) -> *mut u8 {
        self.mapping.address.as_ptr()
    }

    /// Returns the memory as a slice for writing.
    ///
    /// # Safety
    ///
    /// As long as the slice lives, no process may read or write the segment, nor may this one
    /// through another mapping.
    #[must_use]
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: the mapping has this size (M1, M2), and the caller answers for all other accesses.
        unsafe { slice::from_raw_parts_mut(self.mapping.address.as_ptr(), self.mapping.size) }
    }
}

impl SharedMemory<ReadOnly> {
    /// Returns the value at `offset`, live, for loading alone.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`], or [`Error::Misaligned`] if the offset doesn't suit the type.
    pub fn view<T: SharedSafe>(&self, offset: usize) -> Result<&LoadOnly<T>> {
        self.load_only(offset)
    }

    /// Returns `len` values at `offset`, live, for loading alone.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view).
    pub fn slice<T: SharedSafe>(&self, offset: usize, len: usize) -> Result<&[LoadOnly<T>]> {
        self.load_only_slice(offset, len)
    }
}

impl<A: Protection> fmt::Debug for SharedMemory<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory")
            .field("segment", &self.mapping.segment)
            .field("access", &self.mapping.access)
            .field("address", &self.mapping.address)
            .field("size", &self.mapping.size)
            .finish_non_exhaustive()
    }
}
