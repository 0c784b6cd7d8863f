//! What a message owns besides its cell, and how all of it is freed.

use super::{
    Held, Store,
    blocks::{Chain, Name},
    wishes::Wishes,
    word::CellWord,
};
use crate::{
    failure::Result,
    members::Members,
    sync::{Ordering::Relaxed, order_seq_cst},
};

impl Store {
    /// Returns whether the response to a request is written apart from it (CL7).
    pub(super) fn is_apart(&self, held: Held) -> bool {
        Wishes(self.held(held).wishes.load(Relaxed)).is_redelivered()
    }

    /// Returns the blocks of a cell that this process owns.
    pub(super) fn chain(&self, held: Held) -> Chain {
        let cell = self.held(held);
        // What memory has there is checked by the blocks (BL3).
        let len = usize::try_from(cell.len.load(Relaxed)).unwrap_or(usize::MAX);
        Chain::new(Self::name(held), cell.first_block.load(Relaxed), len)
    }

    /// Returns the blocks of a response that was written apart.
    fn answer_chain(&self, held: Held) -> Chain {
        let cell = self.held(held);
        let len = usize::try_from(cell.answer_len.load(Relaxed)).unwrap_or(usize::MAX);
        Chain::new(Name::of_response(held.cell, held.word), cell.answer_block.load(Relaxed), len)
    }

    /// Returns the blocks of a response that this process received.
    pub(super) fn response_chain(&self, held: Held) -> Chain {
        if self.is_apart(held) { self.answer_chain(held) } else { self.chain(held) }
    }

    /// Frees the cell and the blocks of a message that this process owns, and notifies a waiter for room.
    #[inline]
    pub(crate) fn release(&self, held: Held, members: &Members) -> Result<()> {
        if self.is_apart(held) {
            self.give_answer(held, members)?;
        }
        // The blocks first: they have the name of this life of the cell, which ends when it is free.
        let blocks = self.give_blocks_if_any(held, members);
        self.free_cell(held.cell, held.word, members).and(blocks)
    }

    /// Frees a cell that this process owns, and notifies a waiter for room.
    #[inline]
    pub(super) fn free_cell(&self, number: usize, word: CellWord, members: &Members) -> Result<()> {
        // It fails if this process has lost its membership, and others have freed the cell.
        // SYNC: SeqCst pairs with `pass_over`, and with the fence of the announcement of a waiter for room.
        if !self.cells[number].change_seq_cst(word, word.free()) {
            return Ok(());
        }
        order_seq_cst();
        self.show_cell(number);
        self.notify_space(self.class_of(number), members)
    }

    /// Gives back the blocks of a message, if it has any.
    #[inline]
    pub(super) fn give_blocks_if_any(&self, held: Held, members: &Members) -> Result<()> {
        if self.held(held).first_block.load(Relaxed) != 0 { self.give_blocks(held, members) } else { Ok(()) }
    }

    #[cold]
    fn give_blocks(&self, held: Held, members: &Members) -> Result<()> {
        self.blocks.give(self.chain(held));
        self.held(held).first_block.store(0, Relaxed);
        self.notify_blocks(members)
    }

    /// Gives back the blocks of a response that was written apart, if it has any. Those of another attempt have another name.
    #[cold]
    pub(super) fn give_answer(&self, held: Held, members: &Members) -> Result<()> {
        if !self.is_apart(held) || self.held(held).answer_block.load(Relaxed) == 0 {
            return Ok(());
        }
        self.blocks.give(self.answer_chain(held));
        self.notify_blocks(members)
    }
}
