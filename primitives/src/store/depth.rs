//! What is in a store, without taking it.

use std::{collections::BTreeMap, time::Duration};

use super::{Store, geometry::Class, word::CellState};
use crate::{clock, sync::Ordering::Relaxed};

/// What waits on one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) oldest: Duration,
}

/// How much of a store is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fill {
    pub(crate) messages: u64,
    pub(crate) max_messages: u64,
    pub(crate) bytes: u64,
    pub(crate) max_bytes: u64,
}

/// How many messages are in states in which they do not wait for a receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Besides {
    pub(crate) claimed: u64,
    pub(crate) delayed: u64,
    pub(crate) aside: u64,
}

impl Store {
    /// Returns how many messages do not wait for a receiver.
    pub(crate) fn besides(&self) -> Besides {
        let mut besides = Besides::default();
        // Cells that were never used are not read, which would take memory for them.
        for (_, cell) in self.touched_cells() {
            match cell.word().state() {
                CellState::Claimed => besides.claimed += 1,
                CellState::Delayed => besides.delayed += 1,
                CellState::Aside => besides.aside += 1,
                _ => {}
            }
        }
        besides
    }

    /// Returns what waits, by route. While others send and receive, a message may be counted twice or not at all.
    pub(crate) fn depth(&self) -> BTreeMap<u32, Depth> {
        let now = clock::coarse();
        let mut routes: BTreeMap<u32, Depth> = BTreeMap::new();
        for (_, cell) in self.touched_cells() {
            let word = cell.word();
            if word.state() != CellState::Ready {
                continue;
            }
            let (route, len) = (cell.route.load(Relaxed), cell.len.load(Relaxed));
            // It may have been sent after the clock was read.
            let age = Duration::from_nanos(now.saturating_sub(cell.sent_at.load(Relaxed)));
            // It was taken meanwhile, and what was read may be of another message.
            if cell.word() != word {
                continue;
            }
            let depth = routes.entry(route).or_default();
            depth.messages += 1;
            depth.bytes += u64::from(len);
            depth.oldest = depth.oldest.max(age);
        }
        routes
    }

    /// Returns how much of a class, and of the blocks for messages, is taken.
    pub(crate) fn fill(&self, class: Class) -> Fill {
        let (cells, taken) = self.taken_cells(class);
        let blocks = self.geometry.blocks_for_messages();
        Fill {
            messages: taken as u64,
            max_messages: cells as u64,
            bytes: (self.blocks.taken(blocks.clone()) * self.blocks.size()) as u64,
            max_bytes: (blocks.len() * self.blocks.size()) as u64,
        }
    }
}
