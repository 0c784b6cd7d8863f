//! Copies in and out of memory that others change meanwhile.
//!
//! Other processes can't be kept from writing at the same time, so no copy may be a plain one. Each byte is moved by a
//! relaxed atomic access, a word at a time where the segment's side is aligned and single bytes at the ends. Where
//! there is something wider that moves each byte once ([`wide`]), most go that way. A copy is not atomic as a whole,
//! and orders nothing. A semaphore must guard bytes that belong together.
//!
//! Rust's memory model doesn't cover other processes, nor concurrent accesses of different widths to the same bytes.
//! Both are left to the machine, which performs an aligned access as one.
#![allow(unsafe_code, reason = "memory of other processes is reached by address")]

use std::{
    mem::MaybeUninit,
    sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
};

const WORD: usize = size_of::<usize>();

/// Divides a range at the first address and behind the last that is aligned to a word.
fn ends(address: *const u8, len: usize) -> (usize, usize) {
    let head = address.align_offset(WORD).min(len);
    (head, head + (len - head) / WORD * WORD)
}

/// Copies out of the shared memory at `source`, and so initialises all of `into`.
///
/// # Safety
///
/// `into.len()` bytes at `source` must be mapped for reading, and accessed only atomically.
pub(super) unsafe fn load(source: *const u8, into: &mut [MaybeUninit<u8>]) {
    let (head, tail) = ends(source, into.len());
    let byte = |index: usize| {
        // SAFETY: the caller has mapped the bytes, and `index` is below their number.
        let byte = unsafe { AtomicU8::from_ptr(source.wrapping_add(index).cast_mut()) };
        byte.load(Relaxed)
    };
    for (index, to) in into.iter_mut().enumerate().take(head) {
        to.write(byte(index));
    }
    let words = &mut into[head..tail];
    // SAFETY: as above, and the exclusive borrow of `into` is the only one.
    let wide = unsafe { wide::copy(source.wrapping_add(head), words.as_mut_ptr().cast(), words.len()) };
    let (words, _none) = words[wide..].as_chunks_mut::<WORD>();
    for (number, to) in words.iter_mut().enumerate() {
        let word = source.wrapping_add(head + wide + number * WORD);
        // SAFETY: as above, and `head` is where words are aligned.
        let word = unsafe { AtomicUsize::from_ptr(word.cast_mut().cast()) };
        *to = word.load(Relaxed).to_ne_bytes().map(MaybeUninit::new);
    }
    for (index, to) in into.iter_mut().enumerate().skip(tail) {
        to.write(byte(index));
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
    let words = &from[head..tail];
    // SAFETY: as above, and `from` does not change while it is borrowed.
    let wide = unsafe { wide::copy(words.as_ptr(), target.wrapping_add(head), words.len()) };
    for (number, value) in words[wide..].chunks_exact(WORD).enumerate() {
        let word = target.wrapping_add(head + wide + number * WORD);
        // SAFETY: as above, and `head` is where words are aligned.
        let word = unsafe { AtomicUsize::from_ptr(word.cast()) };
        word.store(usize::from_ne_bytes(value.try_into().expect("a chunk is a word")), Relaxed);
    }
    for (index, &value) in from.iter().enumerate().skip(tail) {
        byte(index, value);
    }
}

/// The widest moves that every x86-64 has: a cache line in four.
///
/// Rust has no atomic access of that width. To its memory model this is code of another language, which moves each byte
/// once, as a relaxed atomic access does. So it may race with other processes as such an access may. Word by word, a
/// copy of a MiB takes half as long again.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::asm;

    const LINE: usize = 64;

    /// Copies as many whole lines as `len` bytes have, and returns how many bytes these are: a multiple of the word's
    /// size.
    ///
    /// # Safety
    ///
    /// `len` bytes at `from` must be mapped for reading, and at `to` for writing. One of the two is shared memory, and
    /// nothing else in this process may use the other meanwhile.
    pub(super) unsafe fn copy(from: *const u8, to: *mut u8, len: usize) -> usize {
        let len = len / LINE * LINE;
        if len == 0 {
            return 0;
        }
        // SAFETY: it moves the `len` bytes, for which the caller answers, and changes these registers alone.
        unsafe {
            asm!(
                "2:",
                "movdqu {first}, [{from}]",
                "movdqu {second}, [{from} + 16]",
                "movdqu {third}, [{from} + 32]",
                "movdqu {fourth}, [{from} + 48]",
                "movdqu [{to}], {first}",
                "movdqu [{to} + 16], {second}",
                "movdqu [{to} + 32], {third}",
                "movdqu [{to} + 48], {fourth}",
                "add {from}, 64",
                "add {to}, 64",
                "sub {left}, 64",
                "jnz 2b",
                from = inout(reg) from => _,
                to = inout(reg) to => _,
                left = inout(reg) len => _,
                first = out(xmm_reg) _,
                second = out(xmm_reg) _,
                third = out(xmm_reg) _,
                fourth = out(xmm_reg) _,
                options(nostack),
            );
        }
        len
    }
}

/// Nothing wider than a word.
#[cfg(not(target_arch = "x86_64"))]
mod wide {
    /// # Safety
    ///
    /// It does nothing.
    pub(super) unsafe fn copy(_from: *const u8, _to: *mut u8, _len: usize) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::{load, store};

    proptest::proptest! {
        #[test]
        fn a_copy_is_exact_at_every_alignment(offset in 0_usize..17, data in proptest::collection::vec(0_u8.., 0..300)) {
            let mut memory = [0xa5_u8; 384];
            // SAFETY: offset and length together stay below 384, and nothing else uses the array.
            unsafe { store(memory.as_mut_ptr().wrapping_add(offset), &data) };
            let mut back = Vec::with_capacity(data.len());
            // SAFETY: as above.
            unsafe { load(memory.as_ptr().wrapping_add(offset), &mut back.spare_capacity_mut()[..data.len()]) };
            // SAFETY: the copy has initialised as many bytes.
            unsafe { back.set_len(data.len()) };
            proptest::prop_assert_eq!(&back, &data);
            let (before, rest) = memory.split_at(offset);
            let (copied, after) = rest.split_at(data.len());
            proptest::prop_assert_eq!(copied, data.as_slice());
            proptest::prop_assert!(before.iter().chain(after).all(|&byte| byte == 0xa5));
        }
    }
}
