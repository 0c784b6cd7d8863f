//! What lanes carry.

use std::{fmt::Debug, slice};

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};
use iceoryx2::prelude::ZeroCopySend;
use zerocopy::{AsBytes, FromBytes};

/// Some words, each of which says the item's number.
pub(crate) trait Item: Pod + Debug + Send + ZeroCopySend {
    /// From 512 bytes on an item is read in place by lanes that can. Shorter ones are taken out.
    const IS_READ_IN_PLACE: bool = size_of::<Self>() >= 512;

    /// The same words, wherever they lie.
    type Bare: Pod + AsBytes + FromBytes;

    fn new(number: u64) -> Self;

    /// Reads all of it, and returns its number.
    #[inline]
    fn number(&self) -> u64 {
        check(cast_slice(slice::from_ref(self)))
    }

    #[inline]
    fn bare(self) -> Self::Bare {
        bytemuck::cast(self)
    }

    fn bytes(&self) -> &[u8] {
        bytes_of(self)
    }
}

/// Reads all words of an item, and returns its number.
#[inline]
fn check(words: &[u64]) -> u64 {
    let number = words[0];
    assert!(words.iter().fold(0, |difference, word| difference | (word ^ number)) == 0, "an item is torn");
    number
}

/// Does the same with an item that lies anywhere.
#[inline]
pub(super) fn number_of(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks();
    let number = u64::from_ne_bytes(words[0]);
    let difference = words.iter().fold(0, |difference, &word| difference | (u64::from_ne_bytes(word) ^ number));
    assert!(difference == 0, "an item is torn");
    number
}

/// An item of eight bytes.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(crate) struct Word([u64; 1]);

#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Line([u64; 8]);

/// An item of so many times 64 bytes, which begins where a cache line does, in every lane that has a say in it.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(crate) struct Lines<const LINES: usize>([Line; LINES]);

// SAFETY: it is an array of integers, which means the same in every process.
#[allow(unsafe_code, reason = "a promise that the derive can't make for an array")]
unsafe impl ZeroCopySend for Word {}

// SAFETY: as above.
#[allow(unsafe_code, reason = "a promise that the derive can't make for any number of lines")]
unsafe impl<const LINES: usize> ZeroCopySend for Lines<LINES> {}

impl Item for Word {
    type Bare = [u64; 1];

    #[inline]
    fn new(number: u64) -> Self {
        Self([number])
    }
}

impl<const LINES: usize> Item for Lines<LINES> {
    type Bare = [[u64; 8]; LINES];

    #[inline]
    fn new(number: u64) -> Self {
        Self([Line([number; 8]); LINES])
    }
}
