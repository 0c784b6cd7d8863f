//! The blocks of long messages: names of lives of cells, the lock, owners and helpers that give blocks back.
//!
//! | modelled | as |
//! | --- | --- |
//! | a cell | its state, its owner, its generation, and the chain of its blocks |
//! | a block | the name that owns it, and the message that its bytes are of |
//! | the lock | the process that has it; waiting for it is the matter of [`mutex`](crate::mutex) |
//! | a process | sends and receives long messages, as often as [`Blocks::operations`] says in all |
//! | a death | one action before any step |
//! | a helper | any living process, which repairs one cell of the dead after another, and the lock |
//!
//! Any number of helpers repair at once, and a helper may be stopped for as long as it likes. A dead process does not come back:
//! new members repair before they come, which [`store`](crate::store) explores. A sender that finds too few blocks frees its cell
//! and gives up.
//!
//! - B1. A receiver reads the bytes of its own message.
//! - B2. A block that is taken belongs to a living process that has claimed it, to a message that waits, or to a dead process that
//!   is not repaired yet.
//! - B3. When no process has a step to take, and all of the dead are repaired, the lock is free.

mod rules;
mod steps;

pub use self::rules::Rules;

use stateright::{Model, Property};

type Set = u8;

const MOST_CELLS: usize = 2;
const MOST_BLOCKS: usize = 3;
const MOST_PROCESSES: usize = 3;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// How many processes there are.
    pub processes: usize,
    /// How many cells there are.
    pub cells: usize,
    /// How many blocks there are.
    pub blocks: usize,
    /// How many blocks a message needs.
    pub needed: usize,
    /// How many messages are begun or received, in all.
    pub operations: u8,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// The state of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum State {
    #[default]
    Free,
    Filling(usize),
    Ready,
    Held(usize),
}

/// The word of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word {
    state: State,
    generation: u8,
}

impl Word {
    fn owner(self) -> Option<usize> {
        match self.state {
            State::Filling(owner) | State::Held(owner) => Some(owner),
            State::Free | State::Ready => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Cell {
    word: Word,
    chain: Set,
}

/// Which life of a cell owns a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    cell: usize,
    generation: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Block {
    owner: Option<Name>,
    bytes_of: Option<Name>,
}

/// Where a process stands. Numbers are blocks, or cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Does nothing.
    #[default]
    Rest,
    /// Takes the lock.
    Lock,
    /// Takes this block if it is free.
    Take(usize),
    /// Gives back this block, since there are too few.
    GiveBack(usize),
    /// Frees the lock.
    Unlock,
    /// Writes the bytes, and the chain.
    Write,
    /// FILLING becomes READY.
    Ready,
    /// Reads the bytes.
    Read,
    /// Gives this block back.
    Give(usize),
    /// The cell becomes FREE.
    Free,
    /// Repairs the lock of a dead process.
    HelpLock(usize),
    /// Reads the word of a cell, for a dead process.
    HelpCell(usize, usize),
    /// Gives this block of a dead process back.
    HelpGive(usize, usize, Word, usize),
    /// Frees the cell of a dead process.
    HelpFree(usize, usize, Word),
    /// Is dead.
    Dead,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Process {
    at: At,
    cell: usize,
    word: Word,
    blocks: Set,
    /// It is a receiver.
    reads: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlocksState {
    cells: [Cell; MOST_CELLS],
    blocks: [Block; MOST_BLOCKS],
    lock: Option<usize>,
    processes: [Process; MOST_PROCESSES],
    repaired: Set,
    operations: u8,
    deaths: u8,
    is_corrupt: bool,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begins to send, in this cell.
    Send(usize, usize),
    /// Takes the message of this cell.
    Receive(usize, usize),
    /// Begins to repair what this process had.
    Help(usize, usize),
    /// Takes the step it stands at.
    Step(usize, At),
    /// Dies.
    Die(usize),
}

fn bit(number: usize) -> Set {
    1 << number
}

impl BlocksState {
    fn swap(&mut self, cell: usize, from: Word, to: State) -> bool {
        let word = &mut self.cells[cell].word;
        let is_same = *word == from;
        if is_same {
            word.state = to;
        }
        is_same
    }

    fn is_dead(&self, process: usize) -> bool {
        self.processes[process].at == At::Dead
    }
}

impl Blocks {
    fn name(&self, cell: usize, word: Word) -> Name {
        Name { cell, generation: if self.rules.name_has_generation { word.generation } else { 0 } }
    }

    fn apply(&self, state: &mut BlocksState, action: Action) {
        match action {
            Action::Send(index, cell) => {
                let Word { generation, .. } = state.cells[cell].word;
                let word = Word { state: State::Filling(index), generation: generation + 1 };
                state.cells[cell] = Cell { word, chain: 0 };
                state.processes[index] = Process { at: At::Lock, cell, word, blocks: 0, reads: false };
                state.operations -= 1;
            }
            Action::Receive(index, cell) => {
                let word = Word { state: State::Held(index), ..state.cells[cell].word };
                state.cells[cell].word = word;
                state.processes[index] = Process { at: At::Read, cell, word, blocks: 0, reads: true };
            }
            Action::Help(index, dead) => state.processes[index].at = At::HelpLock(dead),
            Action::Step(index, at) => state.processes[index].at = self.step(state, index, at),
            Action::Die(index) => {
                state.processes[index] = Process { at: At::Dead, ..Process::default() };
                state.deaths -= 1;
            }
        }
        for process in &mut state.processes {
            if process.at == At::Rest {
                *process = Process::default();
            }
        }
    }

    fn can_step(&self, state: &BlocksState, index: usize) -> bool {
        match state.processes[index].at {
            At::Rest | At::Dead => false,
            At::Lock => state.lock.is_none() || !self.rules.taken_under_lock,
            _ => true,
        }
    }

    /// B2.
    fn all_blocks_are_known(&self, state: &BlocksState) -> bool {
        let names = (0..self.blocks).filter_map(|block| Some((block, state.blocks[block].owner?)));
        names.into_iter().all(|(block, Name { cell, generation })| {
            let Cell { word, chain } = state.cells[cell];
            let is_this_life = word.generation == generation || !self.rules.name_has_generation;
            let is_known = match (word.state, word.owner()) {
                (State::Ready, _) => chain & bit(block) != 0,
                (_, Some(owner)) => !state.is_dead(owner) || state.repaired & bit(owner) == 0,
                (_, None) => false,
            };
            // Its owner or a helper is about to give it back, if the rule says that they do so last.
            let is_late = !(self.rules.owner_gives_first && self.rules.helper_gives_first)
                && state.processes.iter().any(|process| matches!(process.at, At::Give(_) | At::HelpGive(..)));
            (is_this_life && is_known) || is_late
        })
    }

    /// B3.
    fn lock_comes_free(&self, state: &BlocksState) -> bool {
        let is_quiet = !(0..self.processes).any(|index| self.can_step(state, index));
        let dead = (0..self.processes).filter(|index| state.is_dead(*index));
        !is_quiet || state.lock.is_none() || !dead.into_iter().all(|index| state.repaired & bit(index) != 0)
    }
}

impl Model for Blocks {
    type State = BlocksState;
    type Action = Action;

    fn init_states(&self) -> Vec<BlocksState> {
        vec![BlocksState {
            cells: Default::default(),
            blocks: Default::default(),
            lock: None,
            processes: Default::default(),
            repaired: 0,
            operations: self.operations,
            deaths: self.deaths,
            is_corrupt: false,
        }]
    }

    fn actions(&self, state: &BlocksState, actions: &mut Vec<Action>) {
        for index in 0..self.processes {
            let at = state.processes[index].at;
            if at == At::Rest {
                let cells = 0..self.cells;
                let is = |wanted: State| move |cell: &usize| state.cells[*cell].word.state == wanted;
                let may_send = state.operations > 0;
                actions.extend(
                    cells.clone().filter(is(State::Free)).filter(|_| may_send).map(|cell| Action::Send(index, cell)),
                );
                actions.extend(cells.filter(is(State::Ready)).map(|cell| Action::Receive(index, cell)));
                let dead =
                    (0..self.processes).filter(|other| state.is_dead(*other) && state.repaired & bit(*other) == 0);
                actions.extend(dead.map(|dead| Action::Help(index, dead)));
            } else if self.can_step(state, index) {
                actions.push(Action::Step(index, at));
            }
            if state.deaths > 0 && at != At::Dead {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &BlocksState, action: Action) -> Option<BlocksState> {
        let mut state = last.clone();
        self.apply(&mut state, action);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("B1 own bytes", |_, state: &BlocksState| !state.is_corrupt),
            Property::always("B2 none is lost", |model: &Self, state: &BlocksState| model.all_blocks_are_known(state)),
            Property::always("B3 the lock comes free", |model: &Self, state: &BlocksState| {
                model.lock_comes_free(state)
            }),
            Property::sometimes("a sender finds too few", |_, state: &BlocksState| {
                state.processes.iter().any(|process| matches!(process.at, At::GiveBack(_)))
            }),
            Property::sometimes("two help", |_, state: &BlocksState| {
                let helps = |process: &&Process| matches!(process.at, At::HelpGive(..) | At::HelpFree(..));
                state.processes.iter().filter(helps).count() > 1
            }),
        ]
    }
}
