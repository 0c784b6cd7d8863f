//! Positions, laps, and what a place's word says.

use super::Mpmc;
use crate::members::Slot;

/// Where laps wrap: few enough that they do, and too many for a process to sleep through half of them.
pub const LAPS: u8 = 16;

/// The number of an item's turn: its lap times the capacity, plus its place. It wraps with the laps.
pub type Position = u8;

/// What happens to a place in the course of one lap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Free for the item of this lap.
    Empty,
    /// A producer writes.
    Writing(Slot),
    /// There is an item.
    Full,
    /// A consumer reads.
    Reading(Slot),
}

impl Stage {
    pub(super) fn owner(self) -> Option<Slot> {
        match self {
            Stage::Writing(slot) | Stage::Reading(slot) => Some(slot),
            Stage::Empty | Stage::Full => None,
        }
    }
}

/// A place's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaceWord {
    /// The lap.
    pub lap: u8,
    /// What happens in it.
    pub stage: Stage,
}

/// A place of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its word.
    pub word: PlaceWord,
    /// The item that was committed here and not consumed, by its position.
    pub item: Option<Position>,
    /// A producer claimed it after the ring was closed.
    pub is_late: bool,
}

impl Place {
    pub(super) const fn new(lap: u8) -> Self {
        Self { word: PlaceWord { lap, stage: Stage::Empty }, item: None, is_late: false }
    }
}

pub(super) fn next_lap(lap: u8) -> u8 {
    (lap + 1) % LAPS
}

/// How many laps the first is ahead of the second, by the sign of the wrapping difference.
fn signed(lap: u8, other: u8) -> i8 {
    const HALF: u8 = LAPS / 2;
    ((lap + LAPS - other + HALF) % LAPS).cast_signed() - HALF.cast_signed()
}

impl Mpmc {
    pub(super) fn lap(&self, position: Position) -> u8 {
        position / self.capacity
    }

    pub(super) fn place(&self, position: Position) -> usize {
        usize::from(position % self.capacity)
    }

    pub(super) fn after(&self, position: Position) -> Position {
        (position + 1) % (LAPS * self.capacity)
    }

    /// The position so many laps and one place later.
    pub(super) fn after_laps(&self, position: Position, laps: u8) -> Position {
        self.after((position + laps * self.capacity) % (LAPS * self.capacity))
    }

    /// The position a lap earlier.
    pub(super) fn lap_before(&self, position: Position) -> Position {
        (position + (LAPS - 1) * self.capacity) % (LAPS * self.capacity)
    }

    pub(super) fn at(&self, lap: u8, place: u8) -> Position {
        lap * self.capacity + place
    }

    /// How many laps a lap is ahead of another one, as the protocol sees it.
    pub(super) fn ahead(&self, lap: u8, other: u8) -> i8 {
        if self.rules.laps_wrap { signed(lap, other) } else { lap.cast_signed() - other.cast_signed() }
    }

    /// Whether a position comes before `head`, as the protocol sees it.
    pub(super) fn is_behind(&self, position: Position, head: Position) -> bool {
        let laps = self.ahead(self.lap(position), self.lap(head));
        laps < 0 || (laps == 0 && self.place(position) < self.place(head))
    }

    /// Whether a position comes before another one, in truth.
    pub(super) fn precedes(&self, position: Position, other: Position) -> bool {
        let laps = signed(self.lap(position), self.lap(other));
        laps < 0 || (laps == 0 && self.place(position) < self.place(other))
    }

    /// How many laps a word is ahead of a position, in truth.
    pub(super) fn truly_ahead(&self, word: PlaceWord, position: Position) -> i8 {
        signed(word.lap, self.lap(position))
    }
}
