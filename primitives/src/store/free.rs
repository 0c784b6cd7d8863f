//! Free cells: which one a sender takes next.
//!
//! The cell's word decides: FREE becomes FILLING by compare-and-swap. A bit for each cell lets senders pass over cells
//! that are taken for long. A sender that finds a cell taken sets its bit, and checks the cell once more. A process
//! that frees a cell stores FREE, and then clears the bit if it is set. Of the two one sees the other, so no free cell
//! stays hidden. Where messages come and go no bit is ever set.
//!
//! - **FC1** A bit is set only by a process that then checks the cell, and takes it if it is FREE.
//! - **FC2** A process that is stopped between the two hides one cell, and so does one that is stopped between FREE and the
//!   bit. If it dies instead, its reaper clears the bit of each cell that is FREE.
//! - **FC3** A class of cells is full if every bit is set.

use super::{
    Store,
    cell::Cell,
    geometry::Class,
    part::Part,
    word::{CellState, CellWord},
};
use crate::{
    members::Session,
    sync::{
        AtomicU64,
        Ordering::{Relaxed, SeqCst},
        order_seq_cst,
    },
};

impl Store {
    /// Takes a free cell for a message: FREE becomes FILLING. Returns `None` if every cell of the class is taken.
    #[inline]
    pub(super) fn take_cell(&self, class: Class, me: Session) -> Option<(usize, CellWord)> {
        let part = &self.parts[class as usize];
        // Relaxed: a hint of this process alone.
        let cursor = part.cursor.load(Relaxed);
        if let Some(found) = self.take_in_word(part, cursor / 64, cursor % 64, me) {
            return Some(found);
        }
        self.take_elsewhere(part, cursor / 64, me)
    }

    /// The rest of the word at the cursor had no free cell.
    #[cold]
    fn take_elsewhere(&self, part: &Part, start: u32, me: Session) -> Option<(usize, CellWord)> {
        // Behind the last word comes the first one.
        let last = start.min(part.words - 1);
        (last + 1..part.words).chain(0..=last).find_map(|word| self.take_in_word(part, word, 0, me))
    }

    /// Takes a cell of one word, from a bit on.
    #[inline]
    fn take_in_word(&self, part: &Part, word: u32, from: u32, me: Session) -> Option<(usize, CellWord)> {
        if word >= part.words {
            return None;
        }
        let (first, count) = part.cells_of(word);
        let bits = &self.taken[part.first_word + word as usize].0;
        // SYNC: pairs with the changes in `pass_over` and `show_cell`. Bits before the cursor count as set.
        let mut seen = bits.load(SeqCst) | ((1_u64 << from) - 1);
        // Each round has one bit more, so it ends.
        loop {
            let index = seen.trailing_ones();
            if index >= count {
                return None;
            }
            let (number, bit) = (first + index as usize, 1_u64 << index);
            // Before the cell is taken: a reaper reads only the cells of marked groups.
            self.control.seldom.touch(self.group_of(number));
            let taken = self.take_one(number, me).or_else(|| self.pass_over(number, bits, bit, me));
            if taken.is_some() {
                part.cursor.store(64 * word + index + 1, Relaxed);
                return taken;
            }
            seen |= bit;
        }
    }

    #[inline]
    fn take_one(&self, number: usize, me: Session) -> Option<(usize, CellWord)> {
        let cell = &self.cells[number];
        let word = cell.word();
        let filling = word.filling(me.owner());
        (word.state() == CellState::Free && cell.change(word, filling)).then_some((number, filling))
    }

    /// Lets senders pass over a cell that is taken (FC1).
    #[cold]
    fn pass_over(&self, number: usize, bits: &AtomicU64, bit: u64, me: Session) -> Option<(usize, CellWord)> {
        // SYNC: SeqCst pairs with `free_cell`: either that sees the bit, or this sees FREE.
        bits.fetch_or(bit, SeqCst);
        order_seq_cst();
        if self.cells[number].word_seq_cst().state() == CellState::Free { self.take_one(number, me) } else { None }
    }

    pub(super) fn class_of(&self, number: usize) -> Class {
        let [_, calls, controls] = &self.parts;
        match number {
            number if number < calls.first_cell => Class::Message,
            number if number < controls.first_cell => Class::Call,
            _ => Class::Control,
        }
    }

    /// Clears the bit of a cell that is FREE.
    #[inline]
    pub(super) fn show_cell(&self, number: usize) {
        let (bits, bit) = self.taken_bit(number);
        // SYNC: pairs with the change in `pass_over`: of the bit and of FREE, one process sees the other's.
        if bits.load(SeqCst) & bit != 0 {
            bits.fetch_and(!bit, SeqCst);
        }
    }

    /// Returns where the bit of a cell is.
    #[inline]
    fn taken_bit(&self, number: usize) -> (&AtomicU64, u64) {
        let part = &self.parts[self.class_of(number) as usize];
        let index = number - part.first_cell;
        (&self.taken[part.first_word + index / 64].0, 1 << (index % 64))
    }

    /// Clears the bit of every cell that is FREE, for a dead process that did not (FC2).
    pub(super) fn show_free_cells(&self) {
        for (number, cell) in self.touched_cells() {
            if cell.word().state() == CellState::Free {
                self.show_cell(number);
            }
        }
    }

    /// Returns the group of a cell: one of 64.
    #[inline]
    pub(super) fn group_of(&self, number: usize) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "there are at most 65,535 cells")]
        let group = number as u32 >> self.group_shift;
        group
    }

    /// Returns the cells of each group that was ever used. The others are not read: reading takes their memory.
    pub(super) fn touched_cells(&self) -> impl Iterator<Item = (usize, &Cell)> {
        let size = 1 << self.group_shift;
        let groups = (0..64).filter(|&group| self.control.seldom.is_touched(group));
        groups.flat_map(move |group| {
            let cells = self.cells.iter().enumerate().skip(group as usize * size);
            cells.take(size)
        })
    }

    /// Returns whether a cell of a class is free.
    pub(super) fn has_free_cell(&self, class: Class) -> bool {
        let part = &self.parts[class as usize];
        let words = (0..part.words).map(|word| (part.cells_of(word).1, &self.taken[part.first_word + word as usize].0));
        // SYNC: pairs with the change in `pass_over`.
        words.into_iter().any(|(count, bits)| bits.load(SeqCst).trailing_ones() < count)
    }

    /// Returns about how many cells behind this one are free, and how many the class has. Most cells are freed in the
    /// order in which they were taken, so a few checks suffice.
    pub(super) fn free_ahead(&self, class: Class, number: usize) -> (u64, u64) {
        let Part { first_cell, cells, .. } = self.parts[class as usize];
        let is_free = |distance: &usize| {
            let ahead = first_cell + (number - first_cell + distance) % cells;
            self.cells[ahead].word().state() == CellState::Free
        };
        let free = [cells / 2 + 1, cells / 8].into_iter().find(is_free).unwrap_or(1);
        (free as u64, cells as u64)
    }

    /// Returns how many cells of a class there are, and how many are taken.
    pub(super) fn taken_cells(&self, class: Class) -> (usize, usize) {
        let capacity = self.geometry.capacity_of(class);
        // FC3: if the class is full, the cells need not be read, which would take them away from the processes that use them.
        if !self.has_free_cell(class) {
            return (capacity, capacity);
        }
        let is_taken = |state| !matches!(state, CellState::Free | CellState::Spare | CellState::Aside);
        let taken = self.touched_cells_of(class).filter(|(_, cell)| is_taken(cell.word().state())).count();
        (capacity, taken)
    }

    /// Returns the cells of a class, as far as they were ever used.
    pub(super) fn touched_cells_of(&self, class: Class) -> impl Iterator<Item = (usize, &Cell)> {
        let Part { first_cell, cells, .. } = self.parts[class as usize];
        self.touched_cells().filter(move |(number, _)| (first_cell..first_cell + cells).contains(number))
    }

    /// Returns how many messages of a class may be set aside, and its cells.
    pub(super) fn quota_of(&self, class: Class) -> (usize, impl Iterator<Item = (usize, &Cell)>) {
        let Part { first_cell, cells, quota, .. } = self.parts[class as usize];
        (quota, self.cells.iter().enumerate().skip(first_cell).take(cells))
    }

    /// Makes the last cells of each class spare ones, in a store that is new.
    pub(super) fn set_up_spares(&self) {
        for part in &self.parts {
            for number in part.first_cell + part.cells - part.quota..part.first_cell + part.cells {
                self.cells[number].set(self.cells[number].word().spare());
                let (bits, bit) = self.taken_bit(number);
                // SYNC: none is needed, as no other process sees a new store. It hides the spare cell from senders.
                bits.fetch_or(bit, SeqCst);
            }
        }
    }
}
