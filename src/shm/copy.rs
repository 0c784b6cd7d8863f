//! Copies in and out of memory that others change meanwhile.
//!
//! Nobody can be kept from writing at the same time, so no copy may be a plain one: each byte is
//! moved by a relaxed atomic access, a word at a time where the segment's side is aligned and single
//! bytes at the ends. A copy is not atomic as a whole, and orders nothing: what the bytes mean, a
//! semaphore must settle.
//!
//! Rust's memory model says nothing of other processes, nor of accesses of different widths to the
//! same bytes at once; both are left to the machine, which treats an aligned access as one.
#![allow(unsafe_code, reason = "memory of other processes is reached by address")]

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

const WORD: usize = size_of::<usize>();

/// Divides a range at the first address and behind the last that is aligned to a word.
fn ends(address: *const u8, len: usize) -> (usize, usize) {
    let head = address.align_offset(WORD).min(len);
    (head, head + (len - head) / WORD * WORD)
}

/// Copies out of the shared memory at `source`.
///
/// # Safety
///
/// `into.len()` bytes at `source` must be mapped for reading, and accessed only atomically.
pub(super) unsafe fn load(source: *const u8, into: &mut [u8]) {
    let (head, tail) = ends(source, into.len());
    let byte = |index: usize| {
        // SAFETY: the caller has mapped the bytes, and `index` is below their number.
        let byte = unsafe { AtomicU8::from_ptr(source.wrapping_add(index).cast_mut()) };
        byte.load(Relaxed)
    };
    for (index, to) in into.iter_mut().enumerate().take(head) {
        *to = byte(index);
    }
    for (number, to) in into[head..tail].chunks_exact_mut(WORD).enumerate() {
        // SAFETY: as above, and `head` is where words are aligned.
        let word = unsafe { AtomicUsize::from_ptr(source.wrapping_add(head + number * WORD).cast_mut().cast()) };
        to.copy_from_slice(&word.load(Relaxed).to_ne_bytes());
    }
    for (index, to) in into.iter_mut().enumerate().skip(tail) {
        *to = byte(index);
    }
}

/// Copies into the shared memory at `target`.
///
/// # Safety
///
/// `from.len()` bytes at `target` must be mapped for writing, and accessed only atomically.
pub(super) unsafe fn store(target: *mut u8, from: &[u8]) {
    let (head, tail) = ends(target, from.len());
    let byte = |index: usize, value: u8| {
        // SAFETY: the caller has mapped the bytes, and `index` is below their number.
        let byte = unsafe { AtomicU8::from_ptr(target.wrapping_add(index)) };
        byte.store(value, Relaxed);
    };
    for (index, &value) in from.iter().enumerate().take(head) {
        byte(index, value);
    }
    for (number, value) in from[head..tail].chunks_exact(WORD).enumerate() {
        // SAFETY: as above, and `head` is where words are aligned.
        let word = unsafe { AtomicUsize::from_ptr(target.wrapping_add(head + number * WORD).cast()) };
        word.store(usize::from_ne_bytes(value.try_into().expect("a chunk is a word")), Relaxed);
    }
    for (index, &value) in from.iter().enumerate().skip(tail) {
        byte(index, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{load, store};

    proptest::proptest! {
        #[test]
        fn a_copy_is_exact_at_every_alignment(offset in 0_usize..17, data in proptest::collection::vec(0_u8.., 0..80)) {
            let mut memory = [0xa5_u8; 128];
            // SAFETY: offset and length together stay below 128, and nobody else uses the array.
            unsafe { store(memory.as_mut_ptr().wrapping_add(offset), &data) };
            let mut back = vec![0; data.len()];
            // SAFETY: as above.
            unsafe { load(memory.as_ptr().wrapping_add(offset), &mut back) };
            proptest::prop_assert_eq!(&back, &data);
            let (before, rest) = memory.split_at(offset);
            let (copied, after) = rest.split_at(data.len());
            proptest::prop_assert_eq!(copied, data.as_slice());
            proptest::prop_assert!(before.iter().chain(after).all(|&byte| byte == 0xa5));
        }
    }
}
