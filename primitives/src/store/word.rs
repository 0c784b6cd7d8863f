//! The words of cells and entries: the state, the owner, and the life.

use std::fmt;

const STATE: u64 = 0b1111;
const OWNER_SHIFT: u32 = 4;
const CALLER_SHIFT: u32 = 17;
const SLOT: u64 = (1 << 13) - 1;
const ATTEMPTS_SHIFT: u32 = 30;
const GENERATION_SHIFT: u32 = 38;

/// The state of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellState {
    Free = 0,
    Filling = 1,
    Ready = 2,
    Held = 3,
    Answered = 4,
    Lost = 5,
    Claimed = 6,
    Aside = 7,
    Spare = 8,
    Delayed = 9,
    /// A number that no state has.
    Unknown = 15,
}

/// The word of a cell: 26 bits of the generation, 8 of the attempts, 13 each of the caller's and the owner's slot plus one, 4
/// of the state.
///
/// The generation grows by one each time that a cell is taken for a message. At 10 million messages a second through a
/// single cell it wraps after 6.7 s, and through 1,024 cells after 1.9 hours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellWord(pub(crate) u64);

impl CellWord {
    #[inline]
    fn new(state: CellState, owner: u32, caller: u32, generation: u64) -> Self {
        let owner = (u64::from(owner) & SLOT) << OWNER_SHIFT;
        let caller = (u64::from(caller) & SLOT) << CALLER_SHIFT;
        Self(generation << GENERATION_SHIFT | caller | owner | state as u64)
    }

    #[inline]
    pub(crate) fn state(self) -> CellState {
        match self.0 & STATE {
            0 => CellState::Free,
            1 => CellState::Filling,
            2 => CellState::Ready,
            3 => CellState::Held,
            4 => CellState::Answered,
            5 => CellState::Lost,
            6 => CellState::Claimed,
            7 => CellState::Aside,
            8 => CellState::Spare,
            9 => CellState::Delayed,
            _ => CellState::Unknown,
        }
    }

    /// Returns the owner's slot plus one. 0 is no member.
    #[inline]
    pub(crate) fn owner(self) -> u32 {
        (self.0 >> OWNER_SHIFT & SLOT) as u32
    }

    /// Returns the slot of the member that waits for a response, plus one. 0 is no member.
    #[inline]
    pub(crate) fn caller(self) -> u32 {
        (self.0 >> CALLER_SHIFT & SLOT) as u32
    }

    #[inline]
    pub(crate) fn generation(self) -> u64 {
        self.0 >> GENERATION_SHIFT
    }

    /// Returns the word of the next message in this cell, which a member begins to fill.
    #[inline]
    pub(crate) fn filling(self, owner: u32) -> Self {
        Self::new(CellState::Filling, owner, 0, self.generation().wrapping_add(1))
    }

    /// Returns the word in another state and with another owner, in the same life.
    #[inline]
    fn with(self, state: CellState, owner: u32, caller: u32) -> Self {
        let attempts = self.0 & (0xff << ATTEMPTS_SHIFT);
        Self(Self::new(state, owner, caller, self.generation()).0 | attempts)
    }

    #[inline]
    pub(crate) fn free(self) -> Self {
        Self::new(CellState::Free, 0, 0, self.generation())
    }

    #[inline]
    pub(crate) fn ready(self, owner: u32, caller: u32) -> Self {
        self.with(CellState::Ready, owner, caller)
    }

    #[inline]
    pub(crate) fn held(self, owner: u32) -> Self {
        self.with(CellState::Held, owner, self.caller())
    }

    /// Returns the word of a message that comes back if the owner does not get done with it. A request is held, unless its caller
    /// wants it to be delivered again (CL4).
    #[inline]
    pub(crate) fn claimed(self, owner: u32, is_redelivered: bool) -> Self {
        let comes_back = self.caller() == 0 || (is_redelivered && self.attempts() < u8::MAX);
        if comes_back { self.with(CellState::Claimed, owner, self.caller()) } else { self.held(owner) }
    }

    /// Returns whether a message that was claimed as `claim` is that process's still (CL6).
    pub(crate) fn is_of_claim(self, claim: Self) -> bool {
        let is_held = matches!(self.state(), CellState::Claimed | CellState::Held);
        is_held && self.is_same_attempt(claim) && self.owner() == claim.owner()
    }

    /// Returns whether both are of one life of the cell, and of one attempt.
    pub(crate) fn is_same_attempt(self, other: Self) -> bool {
        (self.generation(), self.attempts()) == (other.generation(), other.attempts())
    }

    /// Returns the word with one attempt more (CL3).
    fn after_attempt(self) -> Self {
        let attempts = u64::from(self.attempts().saturating_add(1));
        Self(self.0 & !(0xff << ATTEMPTS_SHIFT) | attempts << ATTEMPTS_SHIFT)
    }

    /// Returns the word of a message that was claimed and comes back. The owner is the member that pushes its hint, or 0.
    pub(crate) fn given_back(self, owner: u32) -> Self {
        self.after_attempt().ready(owner, self.caller())
    }

    /// Returns the word of a message that was claimed and comes back later. The owner is the member that sees to it, or 0.
    pub(crate) fn given_back_later(self, owner: u32) -> Self {
        self.after_attempt().delayed(owner, self.caller())
    }

    /// Returns the word of a message that was claimed too often.
    pub(crate) fn aside(self) -> Self {
        self.after_attempt().with(CellState::Aside, 0, self.caller())
    }

    /// Returns the word of a message that is set aside, without a member in it. Its owner is none, but in corrupt memory.
    pub(crate) fn aside_without(self, member: u32) -> Self {
        self.with(CellState::Aside, 0, if self.caller() == member { 0 } else { self.caller() })
    }

    pub(crate) fn delayed(self, owner: u32, caller: u32) -> Self {
        self.with(CellState::Delayed, owner, caller)
    }

    /// Returns the word of a cell that keeps the place of one that is set aside.
    pub(crate) fn spare(self) -> Self {
        Self::new(CellState::Spare, 0, 0, self.generation())
    }

    /// Returns how often the message was claimed and came back.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "8 bits")]
    pub(crate) fn attempts(self) -> u8 {
        (self.0 >> ATTEMPTS_SHIFT) as u8
    }

    /// Returns the word of a request that no caller waits for any more.
    pub(crate) fn without_caller(self) -> Self {
        self.with(self.state(), self.owner(), 0)
    }

    /// Returns the word of a request that its caller takes back.
    pub(crate) fn taken_back(self) -> Self {
        self.with(CellState::Filling, self.caller(), 0)
    }

    /// Returns the word of a claimed request that its caller has cancelled: it does not come back.
    pub(crate) fn cancelled(self) -> Self {
        self.with(CellState::Held, self.owner(), 0)
    }

    pub(crate) fn answered(self) -> Self {
        self.with(CellState::Answered, 0, self.caller())
    }

    pub(crate) fn lost(self) -> Self {
        self.with(CellState::Lost, 0, self.caller())
    }

    /// Returns whether a member's slot, plus one, is in the word.
    pub(crate) fn names(self, owner: u32) -> bool {
        self.owner() == owner || self.caller() == owner
    }

    /// Returns whether this is the message of a hint, and can be taken.
    #[inline]
    pub(crate) fn is_ready(self, generation: u16) -> bool {
        self.state() == CellState::Ready && self.is_of(generation)
    }

    /// Returns whether this is the life that a hint or a call names.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a hint has 16 bits of the generation")]
    pub(crate) fn is_of(self, generation: u16) -> bool {
        self.generation() as u16 == generation
    }
}

impl fmt::Debug for CellWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({}, {}; {})", self.state(), self.owner(), self.caller(), self.generation())
    }
}

/// Which message an entry, or a call, speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) cell: u16,
    pub(crate) generation: u16,
}

impl Hint {
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer cells, and a hint has 16 bits of the generation"
    )]
    pub(crate) fn of(cell: usize, word: CellWord) -> Self {
        Self { cell: cell as u16, generation: word.generation() as u16 }
    }

    /// Returns the hint as a number that names a call.
    #[inline]
    pub(crate) fn what(self) -> u32 {
        u32::from(self.cell) << 16 | u32::from(self.generation)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the upper and the lower half")]
    pub(crate) fn from_what(what: u32) -> Self {
        Self { cell: (what >> 16) as u16, generation: what as u16 }
    }
}

/// The word of an entry in a lane: 32 bits of the lap, 16 of a cell plus one, 16 of its generation.
///
/// The cell is 0 in an entry without a hint. Laps are compared by their difference. A lane has at least 1,024 entries, so at 10
/// million messages a second laps wrap after five days.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HintWord(pub(crate) u64);

impl HintWord {
    #[inline]
    pub(crate) fn empty(lap: u32) -> Self {
        Self(u64::from(lap) << 32)
    }

    #[inline]
    pub(crate) fn hint(lap: u32, hint: Hint) -> Self {
        Self(u64::from(lap) << 32 | (u64::from(hint.cell) + 1) << 16 | u64::from(hint.generation))
    }

    /// Returns the hint in it, if it has one.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "two numbers of 16 bits")]
    pub(crate) fn get(self) -> Option<Hint> {
        let cell = ((self.0 >> 16) as u16).checked_sub(1)?;
        Some(Hint { cell, generation: self.0 as u16 })
    }

    #[inline]
    pub(crate) fn lap(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Returns how many laps the word is ahead of `lap`. It is negative if it is behind.
    #[inline]
    pub(crate) fn ahead_of(self, lap: u32) -> i32 {
        self.lap().wrapping_sub(lap).cast_signed()
    }
}

impl fmt::Debug for HintWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in lap {}", self.get(), self.lap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_what_it_was_made_of() {
        let word = CellWord(0).filling(5_000).ready(5_000, 4_999).held(8_191);
        assert_eq!((word.state(), word.owner(), word.caller(), word.generation()), (CellState::Held, 8_191, 4_999, 1));
        assert!(word.names(8_191) && word.names(4_999) && !word.names(5_000));
        assert_eq!((word.answered().state(), word.answered().owner()), (CellState::Answered, 0));
        assert_eq!(word.without_caller().caller(), 0);
        assert_eq!(word.free(), CellWord(1 << GENERATION_SHIFT));
        assert_eq!(CellWord(u64::MAX).state(), CellState::Unknown);
    }

    #[test]
    fn generations_wrap() {
        let last = CellWord(u64::MAX << GENERATION_SHIFT);
        assert_eq!((last.state(), last.filling(1).generation()), (CellState::Free, 0));
        assert!(last.filling(1).ready(1, 0).is_ready(0));
    }

    #[test]
    fn laps_wrap() {
        let hint = Hint { cell: u16::MAX - 1, generation: 7 };
        let word = HintWord::hint(u32::MAX, hint);
        assert_eq!(
            (word.get(), word.ahead_of(u32::MAX), word.ahead_of(0), word.ahead_of(u32::MAX - 2)),
            (Some(hint), 0, -1, 2)
        );
        assert_eq!((HintWord::empty(3).get(), HintWord(0).get()), (None, None));
        assert_eq!(Hint::from_what(hint.what()), hint);
    }
}
