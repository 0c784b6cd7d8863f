//! Copies of a value that others may write meanwhile, word by word.
#![allow(unsafe_code, reason = "a value is copied through its address")]

use std::{mem::MaybeUninit, ptr};

use bytemuck::{CheckedBitPattern, NoUninit, Pod, Zeroable, bytes_of};

use crate::sync::{AtomicU64, Ordering::Relaxed};

const WORD: usize = size_of::<u64>();

/// How many bytes the processor copies at a time, where it copies more than a word.
const BLOCK: usize = 64;

/// Copies a value out. The caller finds out afterwards whether it is whole.
///
/// # Panics
///
/// If there are fewer words than the value has.
#[inline]
pub(super) fn read<T: CheckedBitPattern>(words: &[AtomicU64], value: &mut MaybeUninit<T>) {
    let len = size_of::<T>();
    assert!(len <= size_of_val(words), "a buffer is as long as the value");
    let to = value.as_mut_ptr().cast::<u8>();
    let copied = read_blocks(words, to, len / BLOCK);
    for (index, word) in words.iter().enumerate().skip(copied / WORD).take((len - copied).div_ceil(WORD)) {
        // Relaxed: the fence of `try_read` comes afterwards.
        let word = word.load(Relaxed).to_ne_bytes();
        let at = index * WORD;
        // SAFETY: `at` is less than `len`, and no more than `len - at` bytes are written.
        unsafe { ptr::copy_nonoverlapping(word.as_ptr(), to.wrapping_add(at), WORD.min(len - at)) };
    }
}

/// Returns a copy that is whole as a value. Returns `None` if its bits are none: the memory is damaged.
///
/// # Safety
///
/// It was [`read`].
#[inline]
pub(super) unsafe fn checked<T: CheckedBitPattern>(value: &mut MaybeUninit<T>) -> Option<&mut T> {
    // SAFETY: `read` wrote all of it, any bits are such a `Bits`, and it has the layout of the value.
    let bits = unsafe { &*value.as_ptr().cast::<T::Bits>() };
    let is_valid = T::is_valid_bit_pattern(bits);
    // SAFETY: its bits are those of a value.
    is_valid.then(|| unsafe { value.assume_init_mut() })
}

/// Copies a value to where another one is. What is there if the copy is not whole is a value all the same.
#[inline]
pub(super) fn read_over<T: Pod>(words: &[AtomicU64], value: &mut T) {
    // SAFETY: it has the layout of the value, and is written with whole bytes alone. Any bits are a `Pod`.
    read(words, unsafe { &mut *ptr::from_mut(value).cast::<MaybeUninit<T>>() });
}

/// Makes a value of zeroes, however large it is, without one on the stack.
pub(super) fn zeroed<T: Zeroable>() -> Box<T> {
    let mut value = Box::<T>::new_uninit();
    // SAFETY: there is room for one value.
    unsafe { ptr::write_bytes(value.as_mut_ptr(), 0, 1) };
    // SAFETY: zeroes are a value.
    unsafe { value.assume_init() }
}

/// Copies so many blocks, and returns how many bytes they were.
///
/// The compiler makes one load of each word out of the other loop. Four loads of 16 bytes take half as long as those, so a
/// value of 64 bytes and more is read as fast as by `memcpy`. They end in registers, and the compiler stores these where the value
/// is to be. If it were stored here and moved there, the move would load bytes of two stores at once, and wait for both.
#[cfg(target_arch = "x86_64")]
#[inline]
fn read_blocks(words: &[AtomicU64], to: *mut u8, blocks: usize) -> usize {
    use std::arch::{asm, x86_64::__m128i};

    debug_assert!(blocks * BLOCK <= size_of_val(words));
    for at in (0..blocks).map(|block| block * BLOCK) {
        let from = words.as_ptr().cast::<u8>().wrapping_add(at);
        let (a, b, c, d): (__m128i, __m128i, __m128i, __m128i);
        // SAFETY: it does what relaxed loads of the bytes would do, one after another: 64 of them lie there in the words. On this
        // processor a load does not overtake another one.
        unsafe {
            asm!(
                "movups {a}, [{from}]",
                "movups {b}, [{from} + 16]",
                "movups {c}, [{from} + 32]",
                "movups {d}, [{from} + 48]",
                a = out(xmm_reg) a,
                b = out(xmm_reg) b,
                c = out(xmm_reg) c,
                d = out(xmm_reg) d,
                from = in(reg) from,
                options(nostack, preserves_flags),
            );
        }
        // SAFETY: there is room for as many at `to`.
        unsafe { to.wrapping_add(at).cast::<[__m128i; 4]>().write_unaligned([a, b, c, d]) };
    }
    blocks * BLOCK
}

/// Elsewhere each word is loaded by itself.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn read_blocks(_: &[AtomicU64], _: *mut u8, _: usize) -> usize {
    0
}

/// Copies a value in.
#[inline]
pub(super) fn write<T: NoUninit>(words: &[AtomicU64], value: &T) {
    let bytes = bytes_of(value);
    debug_assert!(bytes.len() <= size_of_val(words));
    for (word, chunk) in words.iter().zip(bytes.chunks(WORD)) {
        let mut padded = [0; WORD];
        padded[..chunk.len()].copy_from_slice(chunk);
        // Relaxed: the setter's fence comes before, and publishing comes afterwards.
        word.store(u64::from_ne_bytes(padded), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back<const LEN: usize>()
    where
        [u8; LEN]: Pod,
    {
        let words: Vec<_> = (0..LEN.div_ceil(WORD)).map(|_| AtomicU64::new(u64::MAX)).collect();
        let value: [u8; LEN] = std::array::from_fn(|index| u8::try_from(index % 251).unwrap_or(0));
        write(&words, &value);
        // The bytes on both sides must stay as they are.
        let mut copy = [[0xaa_u8; LEN]; 3];
        let mut middle = MaybeUninit::new(copy[1]);
        read(&words, &mut middle);
        // SAFETY: any bits are a value, and it was initialised before.
        copy[1] = unsafe { middle.assume_init() };
        assert_eq!(copy, [[0xaa; LEN], value, [0xaa; LEN]]);
    }

    #[test]
    fn values_of_any_size_come_back() {
        comes_back::<0>();
        comes_back::<1>();
        comes_back::<7>();
        comes_back::<8>();
        comes_back::<9>();
        comes_back::<63>();
        comes_back::<64>();
        comes_back::<65>();
        comes_back::<127>();
        comes_back::<128>();
        comes_back::<1000>();
        comes_back::<4096>();
    }

    #[test]
    #[should_panic(expected = "a buffer is as long as the value")]
    fn a_short_buffer_is_refused() {
        read(&[AtomicU64::new(0)], &mut MaybeUninit::<[u64; 2]>::uninit());
    }
}
