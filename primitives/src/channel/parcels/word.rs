//! The word of a parcel: how far it is, who touches its blocks, who waits for an answer.

use std::fmt;

/// How far a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Filling,
    Ready,
    Held,
    Answered,
    Lost,
}

/// A parcel's word: state, the caller's and the holder's slots plus one (or 0), and a generation that grows
/// each time it becomes free.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u64);

const OWNER: u64 = 0x1ff;
const CALLER: u32 = 3;
const HOLDER: u32 = 12;
const GENERATION: u32 = 21;

impl Word {
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn state(self) -> Option<State> {
        Some(match self.0 & 7 {
            0 => State::Free,
            1 => State::Filling,
            2 => State::Ready,
            3 => State::Held,
            4 => State::Answered,
            5 => State::Lost,
            _ => return None,
        })
    }

    pub(super) fn caller(self) -> u32 {
        (self.0 >> CALLER & OWNER) as u32
    }

    pub(super) fn holder(self) -> u32 {
        (self.0 >> HOLDER & OWNER) as u32
    }

    pub(super) fn generation(self) -> u64 {
        self.0 >> GENERATION
    }

    #[must_use]
    pub(super) fn with_state(self, state: State) -> Self {
        Self(self.0 & !7 | state as u64)
    }

    #[must_use]
    pub(super) fn with_caller(self, owner: u32) -> Self {
        Self(self.0 & !(OWNER << CALLER) | u64::from(owner) << CALLER)
    }

    #[must_use]
    pub(super) fn with_holder(self, owner: u32) -> Self {
        Self(self.0 & !(OWNER << HOLDER) | u64::from(owner) << HOLDER)
    }

    /// Returns the word of the next generation, free.
    #[must_use]
    pub(super) fn freed(self) -> Self {
        Self((self.0 >> GENERATION).wrapping_add(1) << GENERATION)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({}, for {}, held by {})", self.state(), self.generation(), self.caller(), self.holder())
    }
}

#[cfg(test)]
mod tests {
    use super::{State, Word};

    #[test]
    fn fields_are_apart() {
        let word = Word::from_bits(7 << 21).with_state(State::Lost).with_caller(256).with_holder(255);
        assert_eq!((word.state(), word.caller(), word.holder(), word.generation()), (Some(State::Lost), 256, 255, 7));
        let word = word.with_state(State::Ready).with_caller(0).with_holder(1);
        assert_eq!((word.state(), word.caller(), word.holder(), word.generation()), (Some(State::Ready), 0, 1, 7));
        assert_eq!(word.freed(), Word::from_bits(8 << 21));
    }
}
