//! Messages that are set aside: they have a quota beside the capacity, which stays what it is whatever dies.
//!
//! A channel has as many cells as its capacity and its quota together. As many as the quota are SPARE at first. A message that is
//! set aside keeps its cell, and a spare cell becomes free instead. So SPARE and ASIDE are as many as the quota, but for a moment.
//! The moment ends when a process *balances*: it counts both under the lock, and if there are too many, a spare cell becomes free, or
//! the oldest message is dropped. The word `unbalanced` says with one load that this may be due. It is odd then, and counts how often
//! it was raised, so it is lowered only if it was not raised since the count began. It is raised *after* the message is ASIDE: a
//! process that counts between the two would lower it otherwise. A process that dies in between is not named by any word, so
//! each helper raises it once for each dead process, after it has set messages of that aside. A helper does not balance. The next process that balances
//! is one that sets a message aside, or a sender that finds no free cell. A message is retried in the other order: a free cell becomes
//! spare, and then the message can be taken. If no cell is free, the channel is full for it as for any other message.
//!
//! A message that is dropped is named as such before its blocks are freed: otherwise a process that dies in between leaves a message
//! that can be retried, and has lost its bytes.
//!
//! | modelled | as |
//! | --- | --- |
//! | a cell | free, spare, aside with the number of its turn, or in use by a process: FILLING to CLAIMED are one state |
//! | blocks | whether those of the message are there |
//! | a caller | a bit of ASIDE, which vanishes at any time: the caller learns it, or is dead. A dropped or retried message forgets it |
//! | the lock | the process that has it |
//! | a death | one action before any step. One helper at a time repairs what the process had, and it comes back |
//!
//! - A1. A sender that runs alone, while the lock is free, says that the channel is full only if so many cells are in use as
//!   its capacity, or are ASIDE by a process that has not raised `unbalanced` yet.
//! - A2. No more cells are in use, or free, than the capacity.
//! - A3. When no process has a step to take, and none is dead, the lock is free.
//! - A4. A message that can be used, listed or retried has its blocks. A free or spare cell has none.

mod at;
mod check;
mod help;
mod rules;
mod steps;

pub use self::{
    at::{At, Balance, Help, Remove, SetAside},
    rules::Rules,
};

use stateright::{Model, Property};

const MOST_CELLS: usize = 5;
const MOST_PROCESSES: usize = 3;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Aside {
    /// How many processes there are.
    pub processes: usize,
    /// How many messages the channel may hold.
    pub capacity: usize,
    /// How many may be aside.
    pub quota: usize,
    /// How many cells are taken, and messages removed, in all.
    pub operations: u8,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Whether messages have a caller.
    pub callers: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What a cell is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It can be taken for a message.
    #[default]
    Free,
    /// Kept for a message that is set aside.
    Spare,
    /// In use by its owner.
    Used,
    /// Set aside. If it has an owner, that drops it.
    Aside,
}

/// A cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cell {
    kind: Kind,
    owner: Option<usize>,
    /// The lowest number is the oldest message.
    turn: u8,
    has_caller: bool,
    has_blocks: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Process {
    at: At,
    /// The cell that it uses afterwards.
    cell: Option<usize>,
    sends: bool,
    seen: u8,
    counted: usize,
    helps: Option<usize>,
    sets_aside: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AsideState {
    cells: [Cell; MOST_CELLS],
    lock: Option<usize>,
    unbalanced: u8,
    turn: u8,
    processes: [Process; MOST_PROCESSES],
    operations: u8,
    deaths: u8,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Looks for a free cell.
    Send(usize),
    /// Frees its cell.
    Free(usize),
    /// Begins to set its message aside.
    SetAside(usize),
    /// Begins to retry the message of a cell, or to drop it.
    Remove(usize, usize, bool),
    /// Takes the step it stands at.
    Step(usize, At),
    /// Begins to repair what a dead process had. Its messages are set aside, or freed.
    Repair(usize, usize, bool),
    /// Dies.
    Die(usize),
    /// The caller of the message in a cell is gone.
    Forget(usize),
}

impl AsideState {
    fn count(&self, cells: usize, kind: Kind) -> usize {
        self.cells[..cells].iter().filter(|cell| cell.kind == kind).count()
    }

    fn find(&self, cells: usize, kind: Kind) -> Option<usize> {
        (0..cells).find(|cell| self.cells[*cell].kind == kind)
    }
}

impl Aside {
    fn cells(&self) -> usize {
        self.capacity + self.quota
    }

    fn take(&self, state: &mut AsideState, index: usize) -> Option<At> {
        let cell = state.find(self.cells(), Kind::Free)?;
        state.cells[cell] = Cell { kind: Kind::Used, owner: Some(index), has_blocks: true, ..Cell::default() };
        Some(At::Uses(cell))
    }

    fn unlock(state: &mut AsideState, index: usize) -> At {
        if state.lock == Some(index) {
            state.lock = None;
        }
        match state.processes[index].cell.take() {
            Some(cell) => At::Uses(cell),
            None if state.processes[index].sends => At::Again,
            None => At::Rest,
        }
    }

    fn step(&self, state: &mut AsideState, index: usize, at: At) -> At {
        match at {
            At::Rest | At::Dead | At::Uses(_) => at,
            At::SetAside(step) => self.set_aside(state, step),
            At::Balance(step) => self.balance(state, index, step),
            At::Remove(step) => self.remove(state, index, step),
            At::Unlock => Self::unlock(state, index),
            At::Again => self.take(state, index).unwrap_or(At::Rest),
            At::Help(step) => self.help(state, index, step),
        }
    }

    fn can_step(&self, state: &AsideState, index: usize) -> bool {
        match state.processes[index].at {
            At::Rest | At::Dead | At::Uses(_) => false,
            at => self.is_lockable(state, at),
        }
    }

    fn apply(&self, state: &mut AsideState, action: Action) {
        match action {
            Action::Send(index) => {
                state.operations -= 1;
                let at = self.take(state, index);
                let process = &mut state.processes[index];
                process.sends = at.is_none();
                process.at = match at {
                    Some(at) => at,
                    None if self.rules.sender_balances => At::Balance(Balance::Lock),
                    None => At::Rest,
                };
            }
            Action::Free(index) => {
                if let At::Uses(cell) = state.processes[index].at {
                    state.cells[cell] = Cell::default();
                }
                state.processes[index] = Process::default();
            }
            Action::SetAside(index) => {
                let At::Uses(cell) = state.processes[index].at else { return };
                state.processes[index] = Process { at: self.begin_set_aside(cell), ..Process::default() };
            }
            Action::Remove(index, cell, retries) => {
                state.operations -= 1;
                let at = At::Remove(Remove::Lock(cell, retries));
                state.processes[index] = Process { at, ..Process::default() };
            }
            Action::Step(index, at) => state.processes[index].at = self.step(state, index, at),
            Action::Repair(index, dead, sets_aside) => {
                let at = At::Help(Help::Lock);
                state.processes[index] = Process { at, helps: Some(dead), sets_aside, ..Process::default() };
            }
            Action::Die(index) => {
                state.deaths -= 1;
                state.processes[index] = Process { at: At::Dead, ..Process::default() };
            }
            Action::Forget(cell) => state.cells[cell].has_caller = false,
        }
        for process in &mut state.processes {
            if process.at == At::Rest {
                *process = Process::default();
            }
        }
    }

    fn begins(&self, state: &AsideState, index: usize, actions: &mut Vec<Action>) {
        if state.operations > 0 {
            actions.push(Action::Send(index));
            let aside = (0..self.cells()).filter(|cell| state.cells[*cell].kind == Kind::Aside);
            let both = aside.flat_map(|cell| [true, false].map(|retries| Action::Remove(index, cell, retries)));
            actions.extend(both);
        }
        let is_helped = |dead: usize| state.processes.iter().any(|process| process.helps == Some(dead));
        let dead = (0..self.processes).filter(|dead| state.processes[*dead].at == At::Dead && !is_helped(*dead));
        actions.extend(dead.flat_map(|dead| [true, false].map(|sets_aside| Action::Repair(index, dead, sets_aside))));
    }
}

impl Model for Aside {
    type State = AsideState;
    type Action = Action;

    fn init_states(&self) -> Vec<AsideState> {
        let kind = |cell| if cell < self.capacity { Kind::Free } else { Kind::Spare };
        vec![AsideState {
            cells: std::array::from_fn(|cell| Cell { kind: kind(cell), ..Cell::default() }),
            lock: None,
            unbalanced: 0,
            turn: 0,
            processes: Default::default(),
            operations: self.operations,
            deaths: self.deaths,
        }]
    }

    fn actions(&self, state: &AsideState, actions: &mut Vec<Action>) {
        for index in 0..self.processes {
            match state.processes[index].at {
                At::Rest => self.begins(state, index, actions),
                At::Uses(_) => actions.extend([Action::Free(index), Action::SetAside(index)]),
                at => actions.extend(self.can_step(state, index).then_some(Action::Step(index, at))),
            }
            if state.deaths > 0 && state.processes[index].at != At::Dead {
                actions.push(Action::Die(index));
            }
        }
        let callers = (0..self.cells()).filter(|cell| state.cells[*cell].has_caller);
        actions.extend(callers.map(Action::Forget));
    }

    fn next_state(&self, last: &AsideState, action: Action) -> Option<AsideState> {
        let mut state = last.clone();
        self.apply(&mut state, action);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("A1 full is full", |model: &Self, state: &AsideState| {
                model.is_full_when_it_says_so(state)
            }),
            Property::always("A2 capacity", |model: &Self, state: &AsideState| model.has_its_capacity(state)),
            Property::always("A3 the lock comes free", |model: &Self, state: &AsideState| model.lock_comes_free(state)),
            Property::always("A4 blocks", |model: &Self, state: &AsideState| model.blocks_are_there(state)),
            Property::sometimes("the quota is full", |model: &Self, state: &AsideState| {
                state.count(model.cells(), Kind::Aside) > model.quota
            }),
            Property::sometimes("a message is retried", |_, state: &AsideState| {
                state.processes.iter().any(|process| matches!(process.at, At::Remove(Remove::Retry(..))))
            }),
            Property::sometimes("a helper sets a message aside", |_, state: &AsideState| {
                state.processes.iter().any(|process| matches!(process.at, At::Help(Help::Word(_))))
            }),
            Property::sometimes("`unbalanced` is raised during a count", |_, state: &AsideState| {
                let is_late =
                    |process: &Process| process.at == At::Balance(Balance::Lower) && process.seen != state.unbalanced;
                state.processes.iter().any(is_late)
            }),
        ]
    }
}
