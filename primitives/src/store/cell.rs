//! A cell: one message, or a request and then its response.

use crate::{
    layout::Mapped,
    sizes::{ATOMICS_ARE_PLAIN, INLINE},
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    },
};

use super::word::CellWord;

/// So many changes of one word by others, each in the moment before one that this process tries, mean that the memory is corrupt.
pub(super) const MOST_CHANGES: u32 = 1 << 10;

pub(super) const WORD: usize = size_of::<u64>();

/// A cell as it lies in memory.
///
/// All of it but the word is touched by one process at a time: the owner of FILLING, HELD and CLAIMED, the caller of ANSWERED, the
/// holder of the lock in ASIDE. Others may read it in other states, and use what they read if the word is still the same
/// afterwards.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Cell {
    word: AtomicU64,
    /// When it was sent: see [`clock`](super::clock).
    pub(crate) sent_at: AtomicU64,
    /// When it is due, if it is delayed. If the response to a request is written apart: the codec and the schema of the
    /// response.
    pub(crate) due: AtomicU64,
    /// When it was claimed.
    pub(crate) claimed_at: AtomicU64,
    /// Of a response that is written apart: its length, and its first block plus one.
    pub(crate) answer_len: AtomicU32,
    pub(crate) answer_block: AtomicU32,
    pub(crate) route: AtomicU32,
    pub(crate) len: AtomicU32,
    pub(crate) codec: AtomicU32,
    pub(crate) schema: AtomicU32,
    /// The first block of what does not lie in the cell, plus one.
    pub(crate) first_block: AtomicU32,
    /// What its sender asks for besides: see [`Wishes`](super::wishes::Wishes).
    pub(crate) wishes: AtomicU32,
    inline: [AtomicU64; INLINE / WORD],
}

const _: () = assert!(size_of::<Cell>() == 256 || !ATOMICS_ARE_PLAIN);

impl Cell {
    #[inline]
    pub(crate) fn word(&self) -> CellWord {
        // SYNC: Acquire pairs with `set` and `change`: what the word makes count was written before.
        CellWord(self.word.load(Acquire))
    }

    /// Changes the word if it is as it was read. Returns whether it was.
    #[inline]
    pub(crate) fn change(&self, from: CellWord, to: CellWord) -> bool {
        // SYNC: Release hands on what was written to the cell, Acquire takes what the one before wrote.
        self.word.compare_exchange(from.0, to.0, AcqRel, Relaxed).is_ok()
    }

    /// Sets the word of a cell that this process owns (ST1).
    #[inline]
    pub(crate) fn set(&self, to: CellWord) {
        // SYNC: Release, as in `change`.
        self.word.store(to.0, Release);
    }

    /// Reads the word after a change to another one.
    #[inline]
    pub(crate) fn word_seq_cst(&self) -> CellWord {
        // SYNC: pairs with `change_seq_cst`. Each side has changed another word before.
        CellWord(self.word.load(SeqCst))
    }

    /// Changes the word before reading another word, such as that of a waiter that reads this one after it announced
    /// itself.
    #[inline]
    pub(crate) fn change_seq_cst(&self, from: CellWord, to: CellWord) -> bool {
        // SYNC: SeqCst pairs with the fence of the waiter's announcement.
        self.word.compare_exchange(from.0, to.0, SeqCst, Relaxed).is_ok()
    }

    /// Writes bytes from the beginning on. As many as there is room for.
    #[inline]
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.write_at(0, bytes);
    }

    /// Writes bytes from a word on. As many as there is room for.
    #[inline]
    pub(crate) fn write_at(&self, first: usize, bytes: &[u8]) {
        // In words, which processors write at once. Atomics, since a process that breaks the rules may read meanwhile.
        let (whole, rest) = bytes.as_chunks::<WORD>();
        let inline = self.inline.get(first..).unwrap_or_default();
        for (to, bytes) in inline.iter().zip(whole) {
            // Relaxed: the change of the word hands the bytes on.
            to.store(u64::from_ne_bytes(*bytes), Relaxed);
        }
        if let (Some(to), false) = (inline.get(whole.len()), rest.is_empty()) {
            let mut last = [0; WORD];
            last[..rest.len()].copy_from_slice(rest);
            to.store(u64::from_ne_bytes(last), Relaxed);
        }
    }

    /// Reads `len` bytes from a word on into a buffer of whole words, which may receive some bytes more.
    #[inline]
    pub(crate) fn read_at(&self, first: usize, len: usize, to: &mut [u8; INLINE]) {
        let (words, _) = to.as_chunks_mut::<WORD>();
        let inline = self.inline.get(first..).unwrap_or_default();
        for (to, from) in words.iter_mut().zip(inline).take(len.div_ceil(WORD)) {
            *to = from.load(Relaxed).to_ne_bytes();
        }
    }
}

/// The cells of a store. A number from memory that is none of a cell finds none.
pub(crate) type Cells = Mapped<[Cell]>;
