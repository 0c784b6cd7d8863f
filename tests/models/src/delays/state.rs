//! What is shared, and what a process remembers.

use super::{At, MOST_CELLS, MOST_SLOTS, Set, Wait};
use crate::members::Slot;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// Sends a message without a delay.
    Send,
    /// Sends a message that is due at this time.
    SendAt(u8),
    /// Sends a request that is due at this time. Its caller may detach from it.
    RequestAt(u8),
    /// Receives a message.
    Receive,
    /// Claims a message, and delays it until this time.
    Delay(u8),
}

/// The state of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CellState {
    /// No message.
    #[default]
    Free,
    /// A sender writes it.
    Filling,
    /// It has a time.
    Delayed,
    /// It can be taken.
    Ready,
    /// A receiver works on it.
    Claimed,
    /// It was received.
    Done,
}

/// The word of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word {
    pub(super) state: CellState,
    pub(super) owner: Option<Slot>,
    pub(super) has_caller: bool,
    pub(super) attempts: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    pub(super) word: Word,
    pub(super) due: u8,
    /// Whether it has a hint, or is marked as returned.
    pub(super) shown: bool,
}

/// The word `earliest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Earliest {
    pub(super) time: Option<u8>,
    pub(super) version: u8,
    pub(super) uncalled: bool,
}

/// The entry of a slot in the waiting room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Entry {
    #[default]
    Awake,
    Announced,
    /// Called for this message, or because `earliest` is earlier.
    Called(Option<u8>),
}

/// What a process does after a step that several have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Then {
    #[default]
    End,
    /// It goes on promoting behind this cell.
    Promote(u8),
    /// It goes on helping at this cell.
    Help(u8),
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) at: At,
    pub(super) begun: u8,
    /// The message that it has taken.
    pub(super) held: Option<u8>,
    /// What it read of `earliest`, or wrote.
    pub(super) seen: Earliest,
    pub(super) now: u8,
    /// The earliest time that its scan has left.
    pub(super) left: Option<u8>,
    /// What it read of a cell out of turn.
    pub(super) due: u8,
    pub(super) bound: Option<u8>,
    /// The message that it was called for.
    pub(super) called_for: Option<u8>,
    pub(super) then: Then,
    pub(super) helps: Option<Slot>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    pub(super) twice: bool,
    pub(super) early: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DelaysState {
    pub(super) clock: u8,
    pub(super) cells: [Cell; MOST_CELLS],
    pub(super) earliest: Earliest,
    pub(super) entries: [Entry; MOST_SLOTS],
    pub(super) posts: [u8; MOST_SLOTS],
    /// The slots that are dead, and not repaired.
    pub(super) dirty: Set,
    pub(super) deaths: u8,
    pub(super) processes: Vec<Process>,
    pub(super) received: Set,
    pub(super) faults: Faults,
}

pub(super) fn bit(number: u8) -> Set {
    1 << number
}

impl DelaysState {
    pub(super) fn cell(&mut self, number: u8) -> &mut Cell {
        &mut self.cells[usize::from(number)]
    }

    pub(super) fn word(&self, number: u8) -> Word {
        self.cells[usize::from(number)].word
    }

    pub(super) fn swap(&mut self, number: u8, from: Word, to: Word) -> bool {
        let word = &mut self.cell(number).word;
        let is_same = *word == from;
        if is_same {
            *word = to;
        }
        is_same
    }

    /// Calls a sleeper, if it is ANNOUNCED. Its doorbell is posted in the same step.
    pub(super) fn call(&mut self, slot: usize, what: Option<u8>) -> bool {
        let is_announced = self.entries[slot] == Entry::Announced;
        if is_announced {
            self.entries[slot] = Entry::Called(what);
            self.posts[slot] = 1;
        }
        is_announced
    }

    /// Whether a process sleeps, and has no reason to wake now.
    pub(super) fn sleeps(&self, index: usize) -> bool {
        let process = &self.processes[index];
        let is_due = process.bound.is_some_and(|time| time <= self.clock);
        process.at == At::Wait(Wait::Sleep) && self.posts[index] == 0 && !is_due
    }
}

impl Process {
    /// Forgets what is over, so that equal situations are equal states.
    pub(super) fn forget(&mut self) {
        if matches!(self.at, At::Rest | At::Outside) {
            *self = Self { at: self.at, begun: self.begun, ..Self::default() };
        }
        if matches!(self.at, At::Wait(_)) {
            (self.seen, self.now, self.left) = Default::default();
            (self.then, self.helps, self.due) = Default::default();
        }
    }
}
