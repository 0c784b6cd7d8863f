//! Items that are copied while they may be written: word by word, so that no bytes are read and written at once.
//!
//! A copy may be torn. The caller finds that out (BC8).
#![allow(unsafe_code, reason = "items are reached through their addresses")]

use std::{
    slice,
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
};

use bytemuck::Pod;

use crate::ring::items::Items;

/// A part of an item that is copied at once.
trait Word {
    const BYTES: usize;
    fn load_into(&self, bytes: &mut [u8]);
    fn store_from(&self, bytes: &[u8]);
}

macro_rules! words {
    ($($atomic:ty, $plain:ty);*) => {$(
        impl Word for $atomic {
            const BYTES: usize = size_of::<$plain>();

            #[inline]
            fn load_into(&self, bytes: &mut [u8]) {
                // Relaxed: `window` orders the words of an item, and the tail hands them on.
                bytes.copy_from_slice(&self.load(Relaxed).to_ne_bytes());
            }

            #[inline]
            fn store_from(&self, bytes: &[u8]) {
                let mut plain = [0; size_of::<$plain>()];
                plain.copy_from_slice(bytes);
                // Relaxed: as above.
                self.store(<$plain>::from_ne_bytes(plain), Relaxed);
            }
        }
    )*};
}

words! { AtomicU64, u64; AtomicU32, u32; AtomicU8, u8 }

/// Returns the words of an item.
///
/// # Safety
///
/// The size of an item is a multiple of the word's, and every access to the ring's items is by such words.
#[inline]
unsafe fn words<T: Pod, W: Word>(items: &Items<T>, position: u64) -> &[W] {
    if size_of::<T>() == 0 {
        // Such items lie nowhere.
        return &[];
    }
    // SAFETY: by A1 the slot lies in the mapping. Items begin on a cache line, and their size is a multiple of the
    // word's, so each word is aligned. Atomics may be changed by others.
    unsafe { slice::from_raw_parts(items.address(position).cast::<W>().as_ptr(), size_of::<T>() / W::BYTES) }
}

/// Copies an item, which may be torn.
///
/// # Safety
///
/// Every access to the ring's items is by this function or by [`store`].
#[inline]
pub(super) unsafe fn load<T: Pod>(items: &Items<T>, position: u64) -> T {
    let mut item = T::zeroed();
    let bytes = bytemuck::bytes_of_mut(&mut item);
    if size_of::<T>().is_multiple_of(8) {
        // SAFETY: the caller's promise, and the size.
        load_words::<AtomicU64>(unsafe { words(items, position) }, bytes);
    } else if size_of::<T>().is_multiple_of(4) {
        // SAFETY: as above.
        load_words::<AtomicU32>(unsafe { words(items, position) }, bytes);
    } else {
        // SAFETY: as above.
        load_words::<AtomicU8>(unsafe { words(items, position) }, bytes);
    }
    item
}

#[inline]
fn load_words<W: Word>(words: &[W], bytes: &mut [u8]) {
    words.iter().zip(bytes.chunks_exact_mut(W::BYTES)).for_each(|(word, bytes)| word.load_into(bytes));
}

/// Writes an item, while others may copy it.
///
/// # Safety
///
/// As [`load`].
#[inline]
pub(super) unsafe fn store<T: Pod>(items: &Items<T>, position: u64, item: &T) {
    let bytes = bytemuck::bytes_of(item);
    if size_of::<T>().is_multiple_of(8) {
        // SAFETY: the caller's promise, and the size.
        store_words::<AtomicU64>(unsafe { words(items, position) }, bytes);
    } else if size_of::<T>().is_multiple_of(4) {
        // SAFETY: as above.
        store_words::<AtomicU32>(unsafe { words(items, position) }, bytes);
    } else {
        // SAFETY: as above.
        store_words::<AtomicU8>(unsafe { words(items, position) }, bytes);
    }
}

#[inline]
fn store_words<W: Word>(words: &[W], bytes: &[u8]) {
    words.iter().zip(bytes.chunks_exact(W::BYTES)).for_each(|(word, bytes)| word.store_from(bytes));
}
