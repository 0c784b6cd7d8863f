//! The word of a cursor: its owner, and the position of the next item that it pops.

use std::fmt;

/// Positions are compared by their lower 47 bits. No two that are compared are further apart than a capacity.
pub(crate) const POSITION: u64 = JOINING - 1;
const JOINING: u64 = 1 << 47;
const OWNER_SHIFT: u32 = 48;
/// Marks that the producer waits. It is not part of a position.
const AWAITED: u64 = 1 << 63;

/// The most items that a ring may have room for: positions that lie so far apart are still told apart.
pub(crate) const MOST_ITEMS: usize = 1 << if usize::BITS > 47 { 46 } else { usize::BITS - 2 };

/// A cursor: 16 bits of the owner (its slot plus one), one that says whether it joins, 47 of the position.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CursorWord(pub(crate) u64);

impl CursorWord {
    pub(crate) const FREE: Self = Self(0);

    /// Returns the cursor of a subscriber that pops this position next.
    #[inline]
    pub(crate) fn at(owner: u32, position: u64) -> Self {
        Self(u64::from(owner) << OWNER_SHIFT | position & POSITION)
    }

    /// Returns the cursor of a subscriber that has seen this tail, and loads it again.
    pub(crate) fn joining(owner: u32, tail: u64) -> Self {
        Self(Self::at(owner, tail).0 | JOINING)
    }

    /// Returns the owner's slot plus one. 0 means that the cursor is free.
    pub(crate) fn owner(self) -> u32 {
        (self.0 >> OWNER_SHIFT) as u32
    }

    pub(crate) fn is_joining(self) -> bool {
        self.0 & JOINING != 0
    }

    /// Returns how many items lie from the cursor to an index.
    pub(crate) fn behind(self, index: u64) -> u64 {
        index.wrapping_sub(self.0) & POSITION
    }

    /// Returns whether it keeps the item at a position from being written over. The ring has room for so many.
    pub(crate) fn holds(self, position: u64, capacity: u64) -> bool {
        // A cursor that has passed the position is at most a capacity after it. Any other one is at or before it.
        self.owner() != 0 && !(1..=capacity).contains(&(self.0.wrapping_sub(position) & POSITION))
    }
}

impl fmt::Debug for CursorWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_joining() { "Joining" } else { "At" };
        write!(f, "{what}({}, {})", self.owner(), self.0 & POSITION)
    }
}

/// The position that the producer waits for a cursor to leave, if it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AwaitedWord(pub(crate) u64);

impl AwaitedWord {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn of(position: u64) -> Self {
        Self(AWAITED | position & POSITION)
    }

    /// Returns whether it is this position.
    pub(crate) fn is_at(self, position: u64) -> bool {
        self.0 & POSITION == position & POSITION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_was_made_of() {
        let cursor = CursorWord::at(7_900, u64::MAX);
        assert_eq!((cursor.owner(), cursor.is_joining(), cursor.behind(4)), (7_900, false, 5));
        let joining = CursorWord::joining(u32::from(u16::MAX), 3);
        assert_eq!((joining.owner(), joining.is_joining(), joining.behind(3)), (0xffff, true, 0));
        assert_eq!(CursorWord::FREE, CursorWord(0));
    }

    #[test]
    fn a_cursor_holds_its_position_and_what_comes_after_it() {
        for lap in [0, POSITION - 2, u64::MAX - 2] {
            let at = |position: u64| CursorWord::at(1, lap.wrapping_add(position));
            let holds = |cursor: CursorWord| cursor.holds(lap.wrapping_add(10), 4);
            assert!(holds(at(10)) && holds(at(9)) && holds(at(0)), "it has not popped it");
            assert!((11..=14).all(|position| !holds(at(position))), "it has");
            assert!(!CursorWord::FREE.holds(lap, 4));
        }
    }

    #[test]
    fn an_awaited_position_is_never_none() {
        let awaited = AwaitedWord::of(0);
        assert!(awaited != AwaitedWord::NONE && awaited.is_at(0) && awaited.is_at(POSITION + 1) && !awaited.is_at(1));
    }
}
