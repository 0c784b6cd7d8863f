//! Responding: the other side of a call.
//!
//! The response to a request that is delivered once takes the place of the request. That to a request which may be delivered again
//! is written apart (CL7): behind the request if both fit into the cell, or into blocks.

use std::io::Write;

use super::{
    About, Held, Refusal, Run, Store,
    blocks::Name,
    cell::{Cell, WORD},
    space::Share,
    word::{CellWord, Hint},
};
use crate::{
    failure::Result,
    members::{Members, Repair},
    raw::Deadline,
    sizes::INLINE,
    sync::Ordering::Relaxed,
    waiting::Party,
};

impl Store {
    /// Returns how many words of a cell its request takes.
    #[expect(clippy::cast_possible_truncation, reason = "a cell has fewer words")]
    pub(super) fn request_words(&self, cell: &Cell) -> u8 {
        let len = if cell.first_block.load(Relaxed) != 0 { 0 } else { cell.len.load(Relaxed) };
        usize::try_from(len).unwrap_or(usize::MAX).min(INLINE).div_ceil(WORD) as u8
    }

    /// Responds to a request that is held, with bytes that would fit into a cell.
    pub(crate) fn respond_short(
        &self,
        held: Held,
        about: About,
        bytes: &[u8],
        party: Party<'_, impl Repair>,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        let cell = self.held(held);
        if !self.is_apart(held) {
            // The response takes the place of the request, so the blocks of that are not needed any more.
            let given = self.give_blocks_if_any(held, party.members);
            cell.write(bytes);
            self.finish_response(held, about, bytes.len(), party.members);
            party.members.record(given);
            return Ok(());
        }
        // Blocks of a response that ended half-way have the name that this one's would have.
        self.give_answer(held, party.members)?;
        let first = usize::from(self.request_words(cell));
        // CL7: behind the request, which stays whole until the response counts.
        if WORD * first + bytes.len() <= INLINE {
            cell.write_at(first, bytes);
            cell.answer_block.store(0, Relaxed);
        } else {
            let mut run = self.start_response(held, bytes.len(), party, deadline)?;
            run.write_all(bytes).map_err(|_| party.members.damaged("the blocks of a response"))?;
        }
        self.finish_response(held, about, bytes.len(), party.members);
        Ok(())
    }

    /// Takes blocks for a long response. Its request must have been read.
    pub(crate) fn start_response(
        &self,
        held: Held,
        len: usize,
        party: Party<'_, impl Repair>,
        deadline: Deadline,
    ) -> Result<Run<'_>, Refusal> {
        if len > self.geometry.max_message_size.max(INLINE) {
            return Err(Refusal::TooLong);
        }
        let cell = self.held(held);
        let is_apart = self.is_apart(held);
        let name = if is_apart { Name::of_response(held.cell, held.word) } else { Self::name(held) };
        if !is_apart {
            self.give_blocks_if_any(held, party.members)?;
        }
        let chain = self.take_blocks(name, len, Share::Responses, party, deadline.into())?;
        let (its_len, block) =
            if is_apart { (&cell.answer_len, &cell.answer_block) } else { (&cell.len, &cell.first_block) };
        #[expect(clippy::cast_possible_truncation, reason = "checked against the largest message")]
        its_len.store(len as u32, Relaxed);
        block.store(chain.first(), Relaxed);
        Ok(self.blocks.run(chain))
    }

    /// Makes a response that is written one that the caller finds. It is the caller's then, also if the caller can't be notified.
    pub(crate) fn finish_response(&self, held: Held, about: About, len: usize, members: &Members) {
        let cell = self.held(held);
        #[expect(clippy::cast_possible_truncation, reason = "checked against the largest message")]
        let len = len as u32;
        // `due` is free for it: a request that is claimed is not delayed.
        if self.is_apart(held) {
            cell.answer_len.store(len, Relaxed);
            cell.due.store(u64::from(about.codec) << 32 | u64::from(about.schema), Relaxed);
        } else {
            cell.len.store(len, Relaxed);
            cell.codec.store(about.codec, Relaxed);
            cell.schema.store(about.schema, Relaxed);
        }
        members.record(self.end_call(held, held.word.answered(), members));
    }

    /// Says that there will be no response to a request that is HELD.
    pub(crate) fn lose(&self, held: Held, members: &Members) -> Result<()> {
        let given = self.give_blocks_if_any(held, members).and(self.give_answer(held, members));
        self.end_call(held, held.word.lost(), members).and(given)
    }

    fn end_call(&self, held: Held, end: CellWord, members: &Members) -> Result<()> {
        let caller = held.word.caller();
        // It fails if the caller has cancelled meanwhile.
        if caller != 0 && self.held(held).change_seq_cst(held.word, end) {
            return self.call_caller(held.cell, end, members);
        }
        // The caller waits no more.
        if self.is_apart(held) {
            return self.done(held, members).map(drop);
        }
        // The cell is ours alone.
        self.release(Held { cell: held.cell, word: held.word.without_caller() }, members)
    }

    /// Calls the caller of a request that has ended.
    pub(super) fn call_caller(&self, cell: usize, word: CellWord, members: &Members) -> Result<()> {
        let slot = word.caller() as usize;
        match slot.checked_sub(1) {
            Some(slot) if slot < self.geometry.max_handles as usize => {
                self.response.call_slot(slot, Hint::of(cell, word).what(), members).map(drop)
            }
            _ => Ok(()),
        }
    }
}
