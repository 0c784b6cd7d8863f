//! The word of a slot: its lap, its state and its owner.

use std::fmt;

const STATE: u64 = 0b11;
const OWNER_SHIFT: u32 = 2;
const OWNER: u64 = 0x3fff;
const LAP_SHIFT: u32 = 16;
/// Laps are counted in the rest of the word, and wrap.
const LAPS: u64 = u64::MAX >> LAP_SHIFT;

/// The states of a slot in the course of one lap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotState {
    Empty = 0,
    Writing = 1,
    Full = 2,
    Reading = 3,
}

/// A slot's word: 48 bits of the lap, 14 of the owner (its number as a member, plus one), 2 of the state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotWord(pub(crate) u64);

impl SlotWord {
    #[inline]
    fn new(lap: u64, state: SlotState, owner: u32) -> Self {
        Self((lap & LAPS) << LAP_SHIFT | (u64::from(owner) & OWNER) << OWNER_SHIFT | state as u64)
    }

    /// Returns the word of a free slot, for the item of a lap.
    #[inline]
    pub(crate) fn empty(lap: u64) -> Self {
        Self::new(lap, SlotState::Empty, 0)
    }

    #[inline]
    pub(crate) fn full(lap: u64) -> Self {
        Self::new(lap, SlotState::Full, 0)
    }

    #[inline]
    pub(crate) fn writing(lap: u64, owner: u32) -> Self {
        Self::new(lap, SlotState::Writing, owner)
    }

    #[inline]
    pub(crate) fn reading(lap: u64, owner: u32) -> Self {
        Self::new(lap, SlotState::Reading, owner)
    }

    #[inline]
    pub(crate) fn state(self) -> SlotState {
        match self.0 & STATE {
            0 => SlotState::Empty,
            1 => SlotState::Writing,
            2 => SlotState::Full,
            _ => SlotState::Reading,
        }
    }

    /// Returns the owner's number as a member, plus one. 0 means that the slot has no owner.
    #[inline]
    pub(crate) fn owner(self) -> u32 {
        (self.0 >> OWNER_SHIFT & OWNER) as u32
    }

    /// Returns how many laps the word is ahead of `lap`. The result is negative if it is behind. Laps wrap.
    #[inline]
    pub(crate) fn ahead_of(self, lap: u64) -> i64 {
        let distance = (self.0 >> LAP_SHIFT).wrapping_sub(lap) << LAP_SHIFT;
        distance.cast_signed() >> LAP_SHIFT
    }
}

impl fmt::Debug for SlotWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({}, {})", self.state(), self.0 >> LAP_SHIFT, self.owner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_was_made_of() {
        let word = SlotWord::reading(77, 256);
        assert_eq!((word.state(), word.owner(), word.ahead_of(75)), (SlotState::Reading, 256, 2));
        assert_eq!(SlotWord(0), SlotWord::empty(0));
    }

    #[test]
    fn laps_wrap() {
        assert_eq!(SlotWord::empty(LAPS + 1).ahead_of(LAPS), 1);
        assert_eq!(SlotWord::full(LAPS).ahead_of(LAPS + 2), -2);
        assert_eq!(SlotWord::full(u64::MAX).ahead_of(u64::MAX), 0);
    }
}
