//! Messages without a hint: a bit for each cell (ST5).
//!
//! A message that can be taken has a hint in its lane, or its bit is set. A bit too many is harmless. `dirty` says with one
//! load that a bit may be set. It is odd then, and counts how often one was set. So it is lowered only if no bit was
//! set since the scan that found none.

use super::{
    Store,
    word::{CellState, CellWord, Hint},
};
use crate::{
    failure::Result,
    members::Members,
    sync::Ordering::{Acquire, Relaxed, SeqCst},
};

impl Store {
    /// Marks a message as one that may have no hint.
    #[cold]
    pub(super) fn mark_returned(&self, cell: usize) {
        let (word, bit) = (cell / 64, 1 << (cell % 64));
        // SYNC: SeqCst on both words, which a receiver that is about to sleep reads after its announcement.
        self.returned[word].fetch_or(bit, SeqCst);
        // The bit first: a scan that sees `dirty` raised finds it.
        let _ = self.control.seldom.dirty.fetch_update(SeqCst, Relaxed, |dirty| Some(dirty.wrapping_add(2) | 1));
    }

    /// Clears the bit of a cell that this process holds.
    #[inline]
    pub(super) fn clear_returned(&self, cell: usize) {
        let (word, bit) = (cell / 64, 1 << (cell % 64));
        // Relaxed: a bit that is missed is harmless. SYNC: the change pairs with the load in `for_each_returned`.
        if self.returned[word].load(Relaxed) & bit != 0 {
            self.returned[word].fetch_and(!bit, SeqCst);
        }
    }

    /// Returns whether a message without a hint may be there.
    #[inline]
    pub(super) fn is_dirty(&self) -> bool {
        // SYNC: pairs with the change of `dirty` in `mark_returned`.
        self.control.seldom.dirty.load(Acquire) & 1 != 0
    }

    /// Calls `each` for every message that can be taken and has its bit set.
    #[cold]
    pub(super) fn for_each_returned(&self, mut each: impl FnMut(Hint, CellWord)) {
        // SYNC: these pair with the changes in `mark_returned`. `dirty` is read first, for the compare-and-swap at the
        // end.
        let seen = self.control.seldom.dirty.load(SeqCst);
        let mut is_any = false;
        for (word, bits) in self.returned.iter().enumerate() {
            let mut bits = bits.load(SeqCst);
            is_any |= bits != 0;
            while bits != 0 {
                let cell = 64 * word + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let Some(found) = self.cells.get(cell).map(super::cell::Cell::word) else { continue };
                if found.state() == CellState::Ready {
                    each(Hint::of(cell, found), found);
                }
            }
        }
        if !is_any {
            // SYNC: it fails if a message was marked since the scan began.
            let _ = self.control.seldom.dirty.compare_exchange(seen, seen & !1, SeqCst, Relaxed);
        }
    }

    /// Makes a message that is held one that can be received again, without a hint.
    #[cold]
    pub(super) fn put_back(&self, cell: usize, held: CellWord, members: &Members) -> Result<()> {
        // ST5: the bit before READY.
        self.mark_returned(cell);
        let ready = held.ready(0, held.caller());
        if self.cells[cell].change_seq_cst(held, ready) {
            let hint = Hint::of(cell, ready);
            let lane = self.lane_of(self.cells[cell].route.load(Relaxed));
            return self.notify_message(hint, lane, members);
        }
        Ok(())
    }
}
