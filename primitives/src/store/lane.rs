//! Lanes: hints to the messages of a route, in the order of sending (ST3, ST4).
//!
//! A entry goes from EMPTY(lap) to HINT(lap, cell, generation) to EMPTY(lap + 1), each by one compare-and-swap. So there is no
//! half-written entry. `tail` and `head` lag, and any process helps them on.

use super::{
    Store,
    cell::Cell,
    lane_words::LaneWords,
    word::{Hint, HintWord},
};
use crate::{
    failure::Result,
    members::Members,
    sync::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
    },
};

/// So many steps that fail, besides one for each entry, mean that the memory is corrupt: each of them means that another
/// process got on.
const MOST_STEPS: usize = 1 << 14;

/// Counts the steps of a loop that ends in every state that the protocol can reach.
pub(super) struct Steps(usize);

/// What the entry of a position says.
pub(super) enum Found<'a> {
    /// A hint to this cell. The message may have been taken.
    Hint(Hint, &'a Cell),
    /// Nothing is left there, and there may be more behind it.
    Passed,
    /// A hint was pushed there so many laps later.
    Behind(u32),
    /// Nothing was pushed there yet.
    End,
}

impl Steps {
    /// Fails if there were too many.
    #[inline]
    pub(super) fn next(&mut self, members: &Members) -> Result<()> {
        match self.0.checked_sub(1) {
            Some(left) => self.0 = left,
            None => return Err(members.damaged("the state of the lanes")),
        }
        Ok(())
    }
}

/// A lane, as a process works on it.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    store: &'a Store,
    pub(super) number: usize,
    pub(super) words: &'a LaneWords,
}

/// Moves an index past a position, unless another process has.
#[inline]
fn help(index: &AtomicU64, position: u64) {
    // SYNC: Release and Acquire keep the index behind the words that it is derived from.
    let _ = index.compare_exchange(position, position.wrapping_add(1), AcqRel, Relaxed);
}

impl Store {
    pub(super) fn lane(&self, number: usize) -> Lane<'_> {
        Lane { store: self, number, words: &self.lanes[number] }
    }

    /// Returns how many messages wait in a lane, or were taken from its middle.
    pub(super) fn waiting_in(&self, lane: usize) -> u64 {
        let LaneWords { tail, head, .. } = &self.lanes[lane];
        // Relaxed: an estimate, for the batching delay alone.
        tail.load(Relaxed).saturating_sub(head.load(Relaxed))
    }

    pub(super) fn steps(&self) -> Steps {
        Steps(MOST_STEPS + 4 * self.span)
    }

    /// Returns the cell that a hint names.
    #[inline]
    pub(super) fn cell_of(&self, hint: Hint) -> Option<&Cell> {
        self.cells.get(usize::from(hint.cell))
    }
}

impl<'a> Lane<'a> {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked with the number of entries; laps have 32 bits")]
    fn entry(self, position: u64) -> (&'a AtomicU64, u32) {
        let span = self.store.span;
        let index = position as usize & (span - 1);
        (&self.store.entries[self.number * span + index], (position >> span.trailing_zeros()) as u32)
    }

    #[inline]
    fn swap(self, position: u64, from: HintWord, to: HintWord) -> bool {
        // SYNC: SeqCst pairs with the fence of a receiver's announcement: it is the last change before a sender
        // checks for receivers.
        self.entry(position).0.compare_exchange(from.0, to.0, SeqCst, Relaxed).is_ok()
    }

    /// Adds a hint at the end.
    #[inline]
    pub(super) fn push(self, hint: Hint, members: &Members) -> Result<()> {
        let mut steps = self.store.steps();
        loop {
            // SYNC: pairs with the change in `help`, and the load of the entry with `swap`.
            let position = self.words.tail.load(Acquire);
            let (entry, lap) = self.entry(position);
            let found = HintWord(entry.load(Acquire));
            if found == HintWord::empty(lap) {
                // ST3: with this the message is in the lane, whatever happens to `tail`.
                if self.swap(position, found, HintWord::hint(lap, hint)) {
                    help(&self.words.tail, position);
                    return Ok(());
                }
            } else if found.ahead_of(lap) >= 0 {
                // Another sender pushed here.
                help(&self.words.tail, position);
            } else {
                self.make_way(position, found, lap);
            }
            steps.next(members)?;
        }
    }

    /// Empties an entry with a hint that is a whole lap old. The message is marked as returned first, if it waits still.
    #[cold]
    fn make_way(self, position: u64, found: HintWord, lap: u32) {
        if let Some(hint) = found.get()
            && self.store.cell_of(hint).is_some_and(|cell| cell.word().is_ready(hint.generation))
        {
            // In this order: a message that can be taken has a hint, or its bit (ST5).
            self.store.mark_returned(hint.cell.into());
        }
        self.swap(position, found, HintWord::empty(lap));
    }

    #[inline]
    pub(super) fn head(self) -> u64 {
        // SYNC: pairs with the changes in `help` and `catch_up`.
        self.words.head.load(Acquire)
    }

    /// Returns what is at a position.
    #[inline]
    pub(super) fn look(self, position: u64) -> Found<'a> {
        let (entry, lap) = self.entry(position);
        // SYNC: pairs with `swap`: the message of the hint was written before.
        let found = HintWord(entry.load(Acquire));
        match (found.ahead_of(lap), found.get()) {
            (0, Some(hint)) => match self.store.cell_of(hint) {
                Some(cell) => Found::Hint(hint, cell),
                // No process of ours wrote it.
                None => {
                    self.pass(position, hint);
                    Found::Passed
                }
            },
            (1, None) => {
                self.help_head(position);
                Found::Passed
            }
            (ahead @ 1.., Some(_)) => Found::Behind(ahead.unsigned_abs()),
            (ahead @ 2.., None) => Found::Behind(ahead.unsigned_abs() - 1),
            _ => Found::End,
        }
    }

    /// Empties the entry of a hint to a message that is taken.
    #[inline]
    pub(super) fn pass(self, position: u64, hint: Hint) {
        let (_, lap) = self.entry(position);
        self.swap(position, HintWord::hint(lap, hint), HintWord::empty(lap.wrapping_add(1)));
        self.help_head(position);
    }

    #[inline]
    fn help_head(self, position: u64) {
        // Relaxed: only a filter, for the compare-and-swap takes the cache line away.
        if self.words.head.load(Relaxed) == position {
            help(&self.words.head, position);
        }
    }

    /// Moves `head`, and returns where to go on from a position, if its entry had a hint so many laps later.
    #[cold]
    pub(super) fn catch_up(self, position: u64, ahead: u32) -> u64 {
        // A hint of a lap is pushed after every entry before it had one of the same lap, and every entry behind it one of the
        // lap before. Each of those was pushed to an emptied entry. So nothing older is left.
        let laps = u64::from(ahead.saturating_sub(1)) << self.store.span.trailing_zeros();
        let next = position.wrapping_add(laps).wrapping_add(1);
        // SYNC: as in `help`.
        let _ = self.words.head.compare_exchange(position, next, AcqRel, Relaxed);
        next
    }

    /// Returns whether the lane has a hint to this message.
    pub(super) fn has(self, wanted: Hint) -> bool {
        let first = self.store.span * self.number;
        let entries = &self.store.entries[first..first + self.store.span];
        // SYNC: pairs with `swap`.
        entries.iter().any(|entry| HintWord(entry.load(Acquire)).get() == Some(wanted))
    }
}
