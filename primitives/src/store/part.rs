//! Which cells a class has, as one handle knows it.

use std::sync::atomic::AtomicU32 as Private;

use super::geometry::{Class, Geometry};

/// Where the cells of a class are, and their bits.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) first_cell: usize,
    /// Those that hold messages, and the quota.
    pub(super) cells: usize,
    pub(super) quota: usize,
    pub(super) first_word: usize,
    pub(super) words: u32,
    /// Where this process tries first: behind the cell that it took last. It is a hint.
    pub(super) cursor: Private,
}

impl Part {
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 65,535 cells")]
    pub(super) fn new(geometry: &Geometry, class: Class) -> Self {
        let (cells, words) = (geometry.cells_of(class), geometry.taken_of(class));
        let cursor = Private::new(0);
        Self {
            first_cell: cells.start,
            cells: cells.len(),
            quota: geometry.quota_of(class),
            first_word: words.start,
            words: words.len() as u32,
            cursor,
        }
    }

    /// Returns the first cell of a word, and how many it has.
    pub(super) fn cells_of(&self, word: u32) -> (usize, u32) {
        let first = 64 * word as usize;
        #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
        let count = (self.cells - first).min(64) as u32;
        (self.first_cell + first, count)
    }
}
