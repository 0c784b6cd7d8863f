//! What is shared, and what a process remembers.

use super::{At, MOST_CELLS, MOST_LANES, MOST_PLACES, MOST_SLOTS, Route, Set};
use crate::members::Slot;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// Sends a message to a route.
    Send(Route),
    /// Makes a delayed message of a route one that can be taken. Its stamp is the time at which it was due, which is ahead of the
    /// coarse clock.
    Promote(Route),
    /// Sends a request to a route, and waits for the response.
    Call(Route),
    /// Receives a message, and responds if it is a request.
    Receive(Selection),
    /// Claims a message. It is done, or requeued.
    Claim(Selection),
}

/// What a receiver wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// The oldest message of this route.
    Only(Route),
    /// The oldest message.
    Any,
    /// The oldest message of the lowest route up to this one.
    UpTo(Route),
    /// The oldest message of any other route.
    Except(Route),
}

impl Selection {
    pub(super) fn fits(self, route: Route) -> bool {
        match self {
            Self::Only(only) => route == only,
            Self::Any => true,
            Self::UpTo(most) => route <= most,
            Self::Except(not) => route != not,
        }
    }

    pub(super) fn rank(self, route: Route, stamp: u8) -> (Route, u8) {
        (if matches!(self, Self::UpTo(_)) { route } else { 0 }, stamp)
    }
}

/// The state of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CellState {
    /// No message.
    #[default]
    Free,
    /// A sender writes a message.
    Filling,
    /// Can be taken.
    Ready,
    /// A receiver has taken it.
    Held,
    /// A receiver works on it, and it comes back if that dies.
    Claimed,
    /// A response, for the caller.
    Answered,
    /// There will be no response.
    Lost,
}

/// The word of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word {
    pub(super) state: CellState,
    pub(super) owner: Option<Slot>,
    pub(super) caller: Option<Slot>,
    pub(super) generation: u8,
    pub(super) attempts: u8,
}

impl Word {
    pub(super) fn names(self, slot: Slot) -> bool {
        self.owner == Some(slot) || self.caller == Some(slot)
    }

    pub(super) fn with(self, state: CellState, owner: Option<Slot>) -> Self {
        Self { state, owner, ..self }
    }

    pub(super) fn free(self) -> Self {
        Self { state: CellState::Free, owner: None, caller: None, attempts: 0, ..self }
    }

    pub(super) fn without_caller(self) -> Self {
        Self { caller: None, ..self }
    }
}

/// A cell, and the number of its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    pub(super) word: Word,
    pub(super) route: Route,
    pub(super) stamp: u8,
    pub(super) message: u8,
}

/// Which message a place speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hint {
    pub(super) cell: u8,
    pub(super) generation: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) lap: u8,
    pub(super) hint: Option<Hint>,
}

impl Place {
    pub(super) fn empty(lap: u8) -> Self {
        Self { lap, hint: None }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub(super) places: [Place; MOST_PLACES],
    pub(super) head: u8,
    pub(super) tail: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Membership {
    pub(super) is_alive: bool,
    pub(super) is_used: bool,
    pub(super) helpers: u8,
}

/// A message that may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Candidate {
    pub(super) hint: Hint,
    pub(super) word: Word,
    pub(super) place: Option<(u8, u8)>,
    pub(super) rank: (Route, u8),
}

/// A cell that a process owns, or waits for, with the word as it knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) cell: u8,
    pub(super) word: Word,
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) at: At,
    pub(super) slot: Option<Slot>,
    /// How many jobs it has begun.
    pub(super) begun: u8,
    /// The first job that it began since it entered.
    pub(super) since: u8,
    pub(super) held: Option<Held>,
    /// Bits that it read: of taken, or of returned cells.
    pub(super) seen: Set,
    /// The lanes that were used when it read that.
    pub(super) used: Set,
    /// It searches the one lane that is used for what it wants.
    pub(super) is_lone: bool,
    /// It searches until it finds the same message twice.
    pub(super) is_thorough: bool,
    pub(super) lane: u8,
    pub(super) position: u8,
    pub(super) place: Place,
    pub(super) best: Option<Candidate>,
    pub(super) before: Option<Candidate>,
    pub(super) looks: u8,
    pub(super) dirty: u8,
    pub(super) is_any: bool,
    /// The messages that could be found when it began to look.
    pub(super) there: Set,
    /// The messages that came back from a dead process since then.
    pub(super) came_back: Set,
    /// The slot that it repairs.
    pub(super) helps: Option<Slot>,
    pub(super) is_joining: bool,
    /// The word of a message that it keeps for a dead process.
    pub(super) kept: Word,
    /// It sends a message that it has claimed.
    pub(super) requeues: bool,
}

/// What went wrong in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    pub(super) wrong_message: bool,
    pub(super) wrong_order: bool,
    pub(super) overlooked: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreState {
    pub(super) cells: [Cell; MOST_CELLS],
    pub(super) taken: Set,
    pub(super) returned: Set,
    pub(super) dirty: u8,
    pub(super) latest: u8,
    pub(super) lanes: [Lane; MOST_LANES],
    /// The lanes that were ever used.
    pub(super) used: Set,
    pub(super) slots: [Membership; MOST_SLOTS],
    pub(super) deaths: u8,
    pub(super) processes: Vec<Process>,
    /// The messages that were READY and have not been taken.
    pub(super) waiting: Set,
    /// The messages that were pushed, or marked.
    pub(super) shown: Set,
    pub(super) received: Set,
    /// The messages that are claimed.
    pub(super) claimed: Set,
    /// The messages that a living process has requeued.
    pub(super) reordered: Set,
    pub(super) requeues: u8,
    pub(super) faults: Faults,
}

pub(super) fn bit(number: u8) -> Set {
    1 << number
}

impl StoreState {
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

    pub(super) fn slot(&mut self, slot: Slot) -> &mut Membership {
        &mut self.slots[usize::from(slot)]
    }

    pub(super) fn is_alive(&self, slot: Slot) -> bool {
        self.slots[usize::from(slot)].is_alive
    }

    pub(super) fn is_dirty(&self, slot: Slot) -> bool {
        let slot = self.slots[usize::from(slot)];
        slot.is_used && !slot.is_alive
    }
}

impl Process {
    /// Forgets what is over, so that equal situations are equal states.
    pub(super) fn forget(&mut self) {
        let rest = Self { at: self.at, slot: self.slot, begun: self.begun, since: self.since, ..Self::default() };
        *self = match self.at {
            At::Outside => Self { begun: self.begun, ..Self::default() },
            At::Rest => rest,
            At::Holds | At::Claims | At::Clear | At::Free(_) | At::Answer | At::Await | At::Cancel(_) => {
                Self { held: self.held, ..rest }
            }
            At::Help(_) | At::Member(_) => {
                Self { held: self.held, helps: self.helps, is_joining: self.is_joining, ..rest }
            }
            _ => *self,
        };
    }
}
