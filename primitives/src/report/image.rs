//! A segment that is attached for reading alone, and values that are copied out of it.
//!
//! - **IM1** Nothing is written, and no lock is taken: the mapping does not allow it.
//! - **IM2** A value is copied first, and then used. It lies in this process's own memory, so its atomics may be read with any
//!   ordering, and it does not change between a check and a use.
//! - **IM3** Each copy is checked against the size that the kernel says. So any number from the memory may be an offset.
#![allow(unsafe_code, reason = "bytes become values here, as in `layout`")]

use std::{
    mem::MaybeUninit,
    slice,
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

use crate::raw::{self, ReadOnly, Segment, SharedMemory, SharedSafe};

/// The memory ends before what was to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut;

/// How many bytes are copied at once where there are many values.
const CHUNK: usize = 1 << 16;

/// A segment, attached read-only. Dropping it detaches.
#[derive(Debug)]
pub(crate) struct Image(SharedMemory<ReadOnly>);

impl Image {
    /// Attaches a segment by its id.
    pub(crate) fn attach(id: i32) -> raw::Result<Self> {
        Segment::from_raw_id(id).attach_read_only().map(Self)
    }

    pub(crate) fn segment(&self) -> &Segment {
        self.0.segment()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Loads a word of 32 bits.
    pub(crate) fn u32(&self, offset: usize) -> Result<u32, Cut> {
        self.0.view::<AtomicU32>(offset).map(|word| word.load(Relaxed)).map_err(|_| Cut)
    }

    /// Loads a word of 64 bits.
    pub(crate) fn u64(&self, offset: usize) -> Result<u64, Cut> {
        #[cfg(target_pointer_width = "64")]
        return self.0.view::<AtomicU64>(offset).map(|word| word.load(Relaxed)).map_err(|_| Cut);
        // Rust promises no load of more than a word on memory that can't be written. So it may be of two moments.
        #[cfg(not(target_pointer_width = "64"))]
        return self.copy::<AtomicU64>(offset).map(AtomicU64::into_inner);
    }

    /// Copies a value. Its words are not read at one instant.
    pub(crate) fn copy<T: SharedSafe>(&self, offset: usize) -> Result<T, Cut> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: it is the room of the value, as bytes that need not be initialised, and no other reference to it exists.
        let bytes = unsafe { slice::from_raw_parts_mut(value.as_mut_ptr().cast::<MaybeUninit<u8>>(), size_of::<T>()) };
        self.0.read_at_uninit(bytes, offset).map_err(|_| Cut)?;
        // SAFETY: all its bytes are initialised, and `SharedSafe` promises that any bits are a value.
        Ok(unsafe { value.assume_init() })
    }

    /// Copies some of `len` values after another, and lets each be seen with its number.
    pub(crate) fn each<T: SharedSafe>(
        &self,
        offset: usize,
        len: usize,
        mut see: impl FnMut(usize, &T),
    ) -> Result<(), Cut> {
        let at =
            |number: usize| number.checked_mul(size_of::<T>()).and_then(|bytes| offset.checked_add(bytes)).ok_or(Cut);
        // IM3: before anything is reserved for them.
        if at(len)? > self.len() {
            return Err(Cut);
        }
        let at_once = (CHUNK / size_of::<T>()).max(1);
        let mut chunk: Vec<T> = Vec::with_capacity(at_once.min(len));
        for first in (0..len).step_by(at_once) {
            chunk.clear();
            let count = at_once.min(len - first);
            let room = &mut chunk.spare_capacity_mut()[..count];
            let bytes = size_of::<T>() * count;
            // SAFETY: it is the room of `count` values, as bytes, and no other reference to it exists meanwhile.
            let room = unsafe { slice::from_raw_parts_mut(room.as_mut_ptr().cast::<MaybeUninit<u8>>(), bytes) };
            self.0.read_at_uninit(room, at(first)?).map_err(|_| Cut)?;
            // SAFETY: the first `count` values were just initialised, and any bits are a value.
            unsafe { chunk.set_len(count) };
            (first..).zip(&chunk).for_each(|(number, value)| see(number, value));
        }
        Ok(())
    }

    /// Copies the first bytes.
    pub(crate) fn is_blank(&self, len: usize) -> bool {
        self.0.read(len, 0).is_ok_and(|bytes| bytes.iter().all(|&byte| byte == 0))
    }
}
