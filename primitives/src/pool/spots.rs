//! Where a pool's permits lie: neighbours on different cache lines, so that processes with different permits don't
//! take lines from each other.

use crate::{layout::Mapped, sync::AtomicU32};

/// How many words a cache line has, as a power of two.
const WORDS: u32 = 4;

/// Up to how many permits each have a line of their own.
const MOST_LINES: usize = 64;

/// A permit's number, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) index: u32,
    cell: u32,
}

impl Spot {
    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "each half is one of them")]
        Self { index: bits as u32, cell: (bits >> 32) as u32 }
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.cell) << 32 | u64::from(self.index)
    }
}

/// The permits' words.
#[derive(Clone, Debug)]
pub(crate) struct Spots {
    state: Mapped<[AtomicU32]>,
    capacity: usize,
    /// How many lines, as a power of two.
    lines: u32,
}

impl Spots {
    fn lines(capacity: usize) -> u32 {
        capacity.div_ceil(1 << WORDS).max(capacity.min(MOST_LINES)).next_power_of_two().trailing_zeros()
    }

    /// Returns how many words so many permits need.
    pub(crate) fn words(capacity: usize) -> usize {
        1 << (Self::lines(capacity) + WORDS)
    }

    /// Takes as many words as [`words`](Self::words) returns.
    pub(crate) fn new(state: Mapped<[AtomicU32]>, capacity: usize) -> Self {
        Self { state, capacity, lines: Self::lines(capacity) }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    fn cell_of(&self, index: usize) -> usize {
        (index & ((1 << self.lines) - 1)) << WORDS | index >> self.lines
    }

    fn index_of(&self, cell: usize) -> usize {
        (cell & ((1 << WORDS) - 1)) << self.lines | cell >> WORDS
    }

    /// Returns where a permit lies.
    #[expect(clippy::cast_possible_truncation, reason = "there are at most twice as many spots as permits, a u32")]
    pub(crate) fn spot(&self, index: usize) -> Spot {
        Spot { index: index as u32, cell: self.cell_of(index) as u32 }
    }

    /// Returns the word of a permit. For a spot of another pool it may be another permit's.
    #[inline]
    pub(crate) fn get(&self, spot: Spot) -> &AtomicU32 {
        &self.state[spot.cell as usize]
    }

    /// Returns all permits below a limit, as they lie in memory, from one of them on.
    pub(crate) fn from(&self, first: usize, limit: usize) -> impl Iterator<Item = (usize, &AtomicU32)> {
        let (before, after) = self.state.split_at(self.cell_of(first).min(self.state.len()));
        let spots = (before.len()..self.state.len()).chain(0..before.len());
        let state = spots.zip(after.iter().chain(before));
        state.map(|(cell, word)| (self.index_of(cell), word)).filter(move |(index, _)| *index < limit)
    }

    /// Returns all permits, as they lie in memory.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &AtomicU32)> {
        self.from(0, self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::Spots;

    #[test]
    fn neighbours_are_apart_and_nothing_is_lost() {
        for capacity in [1, 2, 4, 5, 16, 63, 64, 65, 1000, 1024, 1025, 16_384] {
            let state = Spots::words(capacity);
            assert!(state >= capacity && state <= capacity.max(MOST) * 2, "{state} state for {capacity}");
            let lines = Spots::lines(capacity);
            let cell = |index: usize| (index & ((1 << lines) - 1)) << 4 | index >> lines;
            let mut spots: Vec<usize> = (0..capacity).map(cell).collect();
            assert!(spots.windows(2).all(|pair| pair[0] / 16 != pair[1] / 16));
            spots.sort_unstable();
            spots.dedup();
            assert!(spots.len() == capacity && spots.last().is_none_or(|&last| last < state));
        }
    }

    const MOST: usize = 16 * super::MOST_LINES;
}
