//! Messages that are set aside: they have a quota beside the capacity, which stays what it is whatever dies.
//!
//! A channel has as many cells as its capacity and its quota together. As many as the quota are SPARE at first. A message that is
//! set aside keeps its cell, and a spare cell becomes free instead. So SPARE and ASIDE are as many as the quota, but for a moment.
//! The moment ends when a process *balances*: it counts both under the lock, and if there are too many, a spare cell becomes free, or
//! the oldest message is dropped. A process that dies in between leaves that to the next one that balances: a process that sets a
//! message aside, or a sender that finds no free cell. A message is retried in the other order: a free cell becomes spare, and
//! then the message can be taken. If no cell is free, the channel is full for it as for any other message.
//!
//! | modelled | as |
//! | --- | --- |
//! | a cell | free, spare, aside with the number of its turn, or in use by a process: FILLING to CLAIMED are one state |
//! | the lock | the process that has it |
//! | a death | one action before any step. Any process repairs it in one step: cells in use become free, and the lock |
//!
//! The code does not set messages aside yet. This is what it will do.
//!
//! - A1. A sender that runs alone, while the lock is free, says that the channel is full only if so many cells are in use as
//!   its capacity.
//! - A2. No more cells are in use, or free, than the capacity.
//! - A3. When no process has a step to take, and none is dead, the lock is free.

mod rules;

pub use self::rules::Rules;

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
    /// The clauses that are in force.
    pub rules: Rules,
}

/// A cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Cell {
    #[default]
    Free,
    Spare,
    Used(usize),
    /// Set aside. The lowest number is the oldest one.
    Aside(u8),
}

/// Where a process stands. Numbers are cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Does nothing.
    #[default]
    Rest,
    /// Has this cell in use.
    Uses(usize),
    /// Sets the message of this cell aside.
    SetAside(usize),
    /// Takes the lock, to balance.
    Lock,
    /// Takes the lock, to retry the message of this cell, or to drop it.
    LockFor(usize, bool),
    /// A free cell becomes spare, since this message is to be retried.
    TakeSpare(usize),
    /// The message is retried.
    Remove(usize),
    /// The message is dropped.
    Drop(usize),
    /// Counts, as far as this cell.
    Count(usize),
    /// A spare cell becomes free, or the oldest message is dropped.
    Less,
    /// Frees the lock.
    Unlock,
    /// Looks for a free cell once more.
    Again,
    /// Is dead.
    Dead,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Process {
    at: At,
    /// The cell that it uses besides, or takes aside afterwards.
    cell: Option<usize>,
    sends: bool,
    spare: u8,
    aside: u8,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AsideState {
    cells: [Cell; MOST_CELLS],
    lock: Option<usize>,
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
    /// Dies.
    Die(usize),
    /// What a dead process had is repaired.
    Repair(usize),
}

impl AsideState {
    fn count(&self, cells: usize, is: impl Fn(Cell) -> bool) -> usize {
        self.cells[..cells].iter().filter(|cell| is(**cell)).count()
    }

    fn find(&self, cells: usize, is: impl Fn(Cell) -> bool) -> Option<usize> {
        (0..cells).find(|cell| is(self.cells[*cell]))
    }
}

impl Aside {
    fn cells(&self) -> usize {
        self.capacity + self.quota
    }

    fn take(&self, state: &mut AsideState, index: usize) -> Option<At> {
        let cell = state.find(self.cells(), |cell| cell == Cell::Free)?;
        state.cells[cell] = Cell::Used(index);
        Some(At::Uses(cell))
    }

    fn is_lockable(&self, state: &AsideState) -> bool {
        state.lock.is_none() || !self.rules.balance_under_lock
    }

    fn lock(&self, state: &mut AsideState, index: usize) {
        if self.rules.balance_under_lock {
            state.lock = Some(index);
        }
    }

    fn step(&self, state: &mut AsideState, index: usize, at: At) -> At {
        let Process { sends, spare, aside, .. } = state.processes[index];
        match at {
            At::Rest | At::Dead | At::Uses(_) => at,
            At::SetAside(cell) => {
                state.turn += 1;
                state.cells[cell] = Cell::Aside(state.turn);
                if self.rules.aside_before_spare { At::Lock } else { At::Rest }
            }
            At::Lock => {
                self.lock(state, index);
                (state.processes[index].spare, state.processes[index].aside) = (0, 0);
                At::Count(0)
            }
            At::LockFor(cell, retries) => {
                if self.rules.removed_under_lock {
                    self.lock(state, index);
                }
                match (matches!(state.cells[cell], Cell::Aside(_)), retries) {
                    (false, _) => At::Unlock,
                    (true, true) if self.rules.spare_before_retry => At::TakeSpare(cell),
                    (true, true) => At::Remove(cell),
                    (true, false) => At::Drop(cell),
                }
            }
            At::TakeSpare(cell) => match state.find(self.cells(), |cell| cell == Cell::Free) {
                Some(free) => {
                    state.cells[free] = Cell::Spare;
                    At::Remove(cell)
                }
                // The channel is full.
                None => At::Unlock,
            },
            At::Remove(cell) => {
                if matches!(state.cells[cell], Cell::Aside(_)) {
                    state.cells[cell] = Cell::Used(index);
                    state.processes[index].cell = Some(cell);
                }
                At::Unlock
            }
            At::Drop(cell) => {
                if matches!(state.cells[cell], Cell::Aside(_)) {
                    state.cells[cell] = if self.rules.dropped_is_spare { Cell::Spare } else { Cell::Free };
                }
                At::Unlock
            }
            At::Count(cell) if cell == self.cells() => {
                if usize::from(spare + aside) > self.quota {
                    At::Less
                } else {
                    At::Unlock
                }
            }
            At::Count(cell) => {
                let process = &mut state.processes[index];
                process.spare += u8::from(state.cells[cell] == Cell::Spare);
                process.aside += u8::from(matches!(state.cells[cell], Cell::Aside(_)));
                At::Count(cell + 1)
            }
            At::Less => {
                let oldest = || {
                    let turns = state.cells[..self.cells()].iter().enumerate();
                    let aside = turns
                        .filter_map(|(cell, is)| if let Cell::Aside(turn) = is { Some((*turn, cell)) } else { None });
                    aside.min().map(|(_, cell)| cell)
                };
                let spare = state.find(self.cells(), |cell| cell == Cell::Spare);
                let given = spare.or_else(|| if self.rules.oldest_is_dropped { oldest() } else { None });
                if let Some(cell) = given {
                    state.cells[cell] = Cell::Free;
                }
                At::Unlock
            }
            At::Unlock => {
                if state.lock == Some(index) {
                    state.lock = None;
                }
                match state.processes[index].cell.take() {
                    Some(cell) if self.rules.aside_before_spare || !sends => match state.cells[cell] {
                        Cell::Used(owner) if owner == index => At::Uses(cell),
                        _ => At::Rest,
                    },
                    Some(cell) => At::SetAside(cell),
                    None if sends => At::Again,
                    None => At::Rest,
                }
            }
            At::Again => self.take(state, index).unwrap_or(At::Rest),
        }
    }

    fn can_step(&self, state: &AsideState, index: usize) -> bool {
        match state.processes[index].at {
            At::Rest | At::Dead | At::Uses(_) => false,
            At::Lock => self.is_lockable(state),
            At::LockFor(..) => self.is_lockable(state) || !self.rules.removed_under_lock,
            _ => true,
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
                    None if self.rules.sender_balances => At::Lock,
                    None => At::Rest,
                };
            }
            Action::Free(index) => {
                if let At::Uses(cell) = state.processes[index].at {
                    state.cells[cell] = Cell::Free;
                }
                state.processes[index] = Process::default();
            }
            Action::SetAside(index) => {
                let At::Uses(cell) = state.processes[index].at else { return };
                let at = if self.rules.aside_before_spare { At::SetAside(cell) } else { At::Less };
                state.processes[index] = Process {
                    at,
                    cell: (!self.rules.aside_before_spare).then_some(cell),
                    sends: !self.rules.aside_before_spare,
                    ..Process::default()
                };
            }
            Action::Remove(index, cell, retries) => {
                state.operations -= 1;
                state.processes[index] = Process { at: At::LockFor(cell, retries), ..Process::default() };
            }
            Action::Step(index, at) => state.processes[index].at = self.step(state, index, at),
            Action::Die(index) => {
                state.deaths -= 1;
                state.processes[index] = Process { at: At::Dead, ..Process::default() };
            }
            Action::Repair(dead) => {
                let used = |cell: &mut Cell| {
                    if *cell == Cell::Used(dead) {
                        *cell = Cell::Free;
                    }
                };
                state.cells.iter_mut().for_each(used);
                if state.lock == Some(dead) && self.rules.lock_is_repaired {
                    state.lock = None;
                }
                // It comes back as a new process.
                state.processes[dead] = Process::default();
            }
        }
        for process in &mut state.processes {
            if process.at == At::Rest {
                *process = Process::default();
            }
        }
    }

    /// A1.
    fn is_full_when_it_says_so(&self, state: &AsideState) -> bool {
        let idle = (0..self.processes).find(|index| state.processes[*index].at == At::Rest);
        let (Some(index), None) = (idle, state.lock) else { return true };
        let is_dead = |process: &Process| process.at == At::Dead;
        if state.processes.iter().any(is_dead) {
            return true;
        }
        let mut alone = AsideState { operations: 1, ..state.clone() };
        self.apply(&mut alone, Action::Send(index));
        for _ in 0..4 * MOST_CELLS {
            if !self.can_step(&alone, index) {
                break;
            }
            let at = alone.processes[index].at;
            self.apply(&mut alone, Action::Step(index, at));
        }
        let used = alone.count(self.cells(), |cell| matches!(cell, Cell::Used(_)));
        matches!(alone.processes[index].at, At::Uses(_)) || used >= self.capacity
    }

    /// A2.
    fn has_its_capacity(&self, state: &AsideState) -> bool {
        state.count(self.cells(), |cell| matches!(cell, Cell::Used(_) | Cell::Free)) <= self.capacity
    }
}

impl Aside {
    /// A3.
    fn lock_comes_free(&self, state: &AsideState) -> bool {
        let is_busy = |index: usize| self.can_step(state, index) || state.processes[index].at == At::Dead;
        state.lock.is_none() || (0..self.processes).any(is_busy)
    }
}

impl Model for Aside {
    type State = AsideState;
    type Action = Action;

    fn init_states(&self) -> Vec<AsideState> {
        vec![AsideState {
            cells: std::array::from_fn(|cell| if cell < self.capacity { Cell::Free } else { Cell::Spare }),
            lock: None,
            turn: 0,
            processes: Default::default(),
            operations: self.operations,
            deaths: self.deaths,
        }]
    }

    fn actions(&self, state: &AsideState, actions: &mut Vec<Action>) {
        for index in 0..self.processes {
            match state.processes[index].at {
                At::Rest => {
                    if state.operations > 0 {
                        actions.push(Action::Send(index));
                        let aside = (0..self.cells()).filter(|cell| matches!(state.cells[*cell], Cell::Aside(_)));
                        let both =
                            aside.flat_map(|cell| [true, false].map(|retries| Action::Remove(index, cell, retries)));
                        actions.extend(both);
                    }
                }
                At::Uses(_) => actions.extend([Action::Free(index), Action::SetAside(index)]),
                At::Dead => actions.push(Action::Repair(index)),
                at => actions.extend(self.can_step(state, index).then_some(Action::Step(index, at))),
            }
            if state.deaths > 0 && state.processes[index].at != At::Dead {
                actions.push(Action::Die(index));
            }
        }
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
            Property::sometimes("the quota is full", |model: &Self, state: &AsideState| {
                state.count(model.cells(), |cell| matches!(cell, Cell::Aside(_))) > model.quota
            }),
            Property::sometimes("a message is retried", |_, state: &AsideState| {
                state.processes.iter().any(|process| matches!(process.at, At::Remove(_)))
            }),
        ]
    }
}
