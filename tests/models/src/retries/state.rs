//! What is shared, and what a process remembers.

use super::{At, MOST_BLOCKS, Set};
use crate::members::Slot;

/// The slot of the caller.
pub(super) const CALLER: Slot = 0;

/// The state of the cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CellState {
    /// No request.
    #[default]
    Free,
    /// The caller writes it, or takes it back.
    Filling,
    /// It has a time.
    Delayed,
    /// It can be claimed.
    Ready,
    /// A process works on it, and it comes back if that dies.
    Claimed,
    /// It does not come back.
    Held,
    /// A response, for the caller.
    Answered,
    /// There will be no response.
    Lost,
    /// It has failed too often.
    Aside,
}

/// The word of the cell.
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

    pub(super) fn without_caller(self) -> Self {
        Self { caller: None, ..self }
    }

    pub(super) fn free(self) -> Self {
        Self { generation: self.generation, ..Self::default() }
    }

    /// Whether this is the same claim, by the same owner.
    pub(super) fn is_claim_of(self, other: Self) -> bool {
        let is_claim = matches!(self.state, CellState::Claimed | CellState::Held);
        is_claim && (self.generation, self.owner, self.attempts) == (other.generation, other.owner, other.attempts)
    }
}

/// The owner of the block, besides the generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Request,
    /// Of a response: the number of the attempt, or the slot of the claimer.
    Response(u8),
}

/// A block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Block {
    pub(super) name: Option<(u8, Part)>,
    /// Which run has written it.
    pub(super) run: u8,
}

/// Where a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Response {
    pub(super) block: usize,
    pub(super) part: Part,
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) at: At,
    /// The word as it knows it.
    pub(super) held: Word,
    /// The number of its run.
    pub(super) run: u8,
    /// The block of the response that it holds.
    pub(super) block: Option<usize>,
    pub(super) helps: Option<Slot>,
}

/// What went wrong in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    pub(super) lost: bool,
    pub(super) too_often: bool,
    pub(super) vanished: bool,
    pub(super) wrong_bytes: bool,
    pub(super) freed_twice: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RetriesState {
    pub(super) word: Word,
    /// Whether its lane has a hint to the request.
    pub(super) hint: bool,
    pub(super) returned: bool,
    /// Whether the request is as it was written.
    pub(super) whole: bool,
    /// Where the response is, if it is apart.
    pub(super) response: Option<Response>,
    /// The run with a response in place of the request.
    pub(super) in_place: u8,
    pub(super) blocks: [Block; MOST_BLOCKS],
    /// Whether the caller is announced, and its doorbell.
    pub(super) announced: bool,
    pub(super) posted: bool,
    pub(super) dirty: Set,
    pub(super) deaths: u8,
    pub(super) calls: u8,
    pub(super) retries: u8,
    pub(super) processes: Vec<Process>,
    /// How often the request was claimed since it was sent or retried, and in all.
    pub(super) runs: u8,
    pub(super) all_runs: u8,
    /// The run with the response that counts.
    pub(super) committed: Option<u8>,
    /// Whether the request was READY, and whether it may go.
    pub(super) sent: bool,
    pub(super) ended: bool,
    /// Whether its caller has cancelled it.
    pub(super) cancelled: bool,
    pub(super) faults: Faults,
}

pub(super) fn bit(slot: Slot) -> Set {
    1 << slot
}

impl RetriesState {
    pub(super) fn swap(&mut self, from: Word, to: Word) -> bool {
        let is_same = self.word == from;
        if is_same {
            self.word = to;
        }
        is_same
    }

    pub(super) fn is_shown(&self) -> bool {
        self.hint || self.returned
    }

    /// Frees the blocks of a name.
    pub(super) fn free_blocks(&mut self, generation: u8, part: Part) {
        for block in &mut self.blocks {
            if block.name == Some((generation, part)) {
                *block = Block::default();
            }
        }
    }

    /// Frees a block that a process holds.
    pub(super) fn free_block(&mut self, block: usize, name: (u8, Part)) {
        self.faults.freed_twice |= self.blocks[block].name != Some(name);
        self.blocks[block] = Block::default();
    }

    /// Calls the caller, if it is announced.
    pub(super) fn call(&mut self) {
        self.posted |= std::mem::take(&mut self.announced);
    }

    /// The request goes, and it may.
    pub(super) fn account_for_end(&mut self) {
        self.faults.lost |= self.sent && !self.ended;
    }
}

impl Process {
    /// Forgets what is over, so that equal situations are equal states.
    pub(super) fn forget(&mut self) {
        if matches!(self.at, At::Rest | At::Outside) {
            *self = Self { at: self.at, ..Self::default() };
        }
    }
}
