//! Which blocks a parcel has, in ascending order, as runs of neighbours.

use std::ops::Range;

/// Blocks in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::channel) struct Chain {
    runs: Vec<Range<usize>>,
    blocks: usize,
}

impl Chain {
    /// Adds a block that comes after all others, or starts the second half of a chain to be merged.
    pub(super) fn add(&mut self, index: usize) {
        self.blocks += 1;
        match self.runs.last_mut() {
            Some(run) if run.end == index => run.end += 1,
            _ => self.runs.push(index..index + 1),
        }
    }

    /// Takes another chain's blocks in.
    pub(super) fn merge(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.runs.sort_unstable_by_key(|run| run.start);
        self.blocks += other.blocks;
    }

    pub(in crate::channel) fn blocks(&self) -> usize {
        self.blocks
    }

    pub(super) fn first(&self) -> usize {
        self.runs.first().map_or(0, |run| run.start)
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = usize> {
        self.runs.iter().cloned().flatten()
    }

    /// Returns where the bytes from a position on lie: offsets and lengths of pieces. Ends with the chain.
    pub(super) fn pieces(&self, at: usize, len: usize, block: usize) -> impl Iterator<Item = (usize, usize)> {
        let (mut at, mut left) = (at, len);
        self.runs.iter().filter_map(move |run| {
            let size = run.len() * block;
            if at >= size || left == 0 {
                at = at.saturating_sub(size);
                return None;
            }
            let piece = (run.start * block + at, left.min(size - at));
            (at, left) = (0, left - piece.1);
            Some(piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Chain;

    #[test]
    fn pieces_follow_the_runs() {
        let mut chain = Chain::default();
        [1, 2, 5].into_iter().for_each(|index| chain.add(index));
        assert_eq!((chain.blocks(), chain.first()), (3, 1));
        assert_eq!(chain.pieces(0, 30, 10).collect::<Vec<_>>(), [(10, 20), (50, 10)]);
        assert_eq!(chain.pieces(15, 10, 10).collect::<Vec<_>>(), [(25, 5), (50, 5)]);
        assert_eq!(chain.pieces(25, 5, 10).collect::<Vec<_>>(), [(55, 5)]);
        let mut more = Chain::default();
        more.add(3);
        chain.merge(more);
        assert_eq!(chain.indices().collect::<Vec<_>>(), [1, 2, 3, 5]);
    }
}
