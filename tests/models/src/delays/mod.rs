//! Delayed messages: a cell with a time, one word for the earliest time, sleepers that bound their sleep by it.
//!
//! | modelled | as |
//! | --- | --- |
//! | the clock | a number that grows up to [`Delays::last`], between any two steps |
//! | a cell | its [`Word`], when its message is due, and whether a receiver finds it (its hint, or its returned bit). Each message has a cell of its own |
//! | `earliest` | a time, a version that does not wrap, and the mark UNCALLED |
//! | the entry of a waiter | AWAKE, ANNOUNCED, or CALLED: for a message, or because `earliest` is earlier |
//! | a doorbell | whether it was posted: a waiter that wakes takes all posts |
//! | a process | [`Process`], which does the jobs of its list one after another; it stays in its slot |
//! | a caller | a bit of the word, which may vanish at any time: the caller detaches |
//! | a death | one action before any step: the kernel posts each doorbell |
//! | a stop | no action: each state is also the last one of an execution in which all others are stopped |
//!
//! A process makes a message DELAYED, lowers `earliest`, and calls all sleepers if it was later. A receiver that finds that
//! `earliest` has passed scans the cells, makes READY what is due, and raises `earliest` to what is left. A lost wake-up is a
//! state of which every process but one may be stopped: so the invariants D1 and D5 name the processes that may
//! hold up a message, and those are the ones that have just changed its own cell.
//!
//! A change of `earliest` is one step: a compare-and-swap that is repeated until it succeeds. A call and its post are one
//! step, and what a call for a message needs besides is the matter of [`named`](crate::named). The lanes are that of
//! [`store`](crate::store).
//!
//! - D1. If a message can be taken, or is due, and a receiver sleeps on, then a process has a step to take that is on
//!   its way with this message: it has just changed the cell, or it was called for it.
//! - D2. A message is received once.
//! - D3. No message is READY before it is due.
//! - D4. `earliest` is no later than any DELAYED message, unless the process that delays it has not lowered it yet, or is dead and dirty.
//! - D5. A receiver that comes when all times are there finds each message, unless the process that changed the cell last has not
//!   reported it yet.
//! - D6. Each process gets on while all others are stopped.

mod at;
mod check;
mod help;
mod promote;
mod rules;
mod send;
mod state;
mod wait;

pub use self::{
    at::{At, Help, Promote, Send, Wait},
    rules::Rules,
    state::{CellState, DelaysState, Job, Process, Word},
};

use stateright::{Model, Property};

use self::state::{Cell, Earliest, Entry, Faults, bit};
use crate::members::Slot;

/// A set of cells or slots: one bit for each.
type Set = u8;

const MOST_CELLS: usize = 3;
const MOST_SLOTS: usize = 5;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Delays {
    /// What each process does.
    pub jobs: &'static [&'static [Job]],
    /// How far the clock goes.
    pub last: u8,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Whether the timeout of a receiver may elapse.
    pub gives_up: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The clock goes on.
    Tick,
    /// The caller of the request in a cell detaches from it.
    Detach(u8),
    /// A process begins its next job.
    Begin(usize, Job),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process calls the waiter of a slot for a message.
    Call(usize, u8, Slot),
    /// The timeout of a sleeper elapses.
    GiveUp(usize),
    /// A process dies.
    Die(usize),
}

impl Delays {
    fn messages(&self) -> usize {
        self.jobs.iter().flat_map(|jobs| jobs.iter()).filter(|job| is_send(job)).count()
    }

    /// The message that a process sends with the job that it does.
    fn own_message(&self, index: usize, begun: u8) -> u8 {
        let before = self.jobs[..index].iter().flat_map(|jobs| jobs.iter()).filter(|job| is_send(job)).count();
        let own = self.jobs[index][..usize::from(begun) - 1].iter().filter(|job| is_send(job)).count();
        u8::try_from(before + own).unwrap_or(u8::MAX)
    }

    fn job(&self, index: usize, process: &Process) -> Option<Job> {
        let number = usize::from(process.begun).checked_sub(1)?;
        self.jobs.get(index)?.get(number).copied()
    }

    /// When the message is due that a process delays.
    fn due(&self, index: usize, process: &Process) -> u8 {
        match self.job(index, process) {
            Some(Job::SendAt(due) | Job::RequestAt(due) | Job::Delay(due)) => due,
            _ => 0,
        }
    }

    fn moves(&self, state: &DelaysState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside => {}
            At::Rest => {
                let next = self.jobs[index].get(usize::from(process.begun));
                actions.extend(next.map(|job| Action::Begin(index, *job)));
            }
            At::Wait(Wait::Sleep) => {
                actions.extend((!state.sleeps(index)).then_some(Action::Step(index, process.at)));
                actions.extend(self.gives_up.then_some(Action::GiveUp(index)));
            }
            At::Notify(cell) => {
                let slots = (0..).zip(&state.entries).filter(|(_, entry)| **entry == Entry::Announced);
                let before = actions.len();
                actions.extend(slots.map(|(slot, _)| Action::Call(index, cell, slot)));
                actions.extend((actions.len() == before).then_some(Action::Step(index, process.at)));
            }
            at => actions.push(Action::Step(index, at)),
        }
    }

    fn step(&self, state: &mut DelaysState, index: usize, at: At) -> At {
        match at {
            At::Outside | At::Rest => at,
            At::Send(step) => self.send(state, index, step),
            At::Notify(cell) => self.notify(state, index, cell, None),
            At::Promote(step) => self.promote(state, index, step),
            At::Wait(step) => self.wait(state, index, step),
            At::Help(step) => self.help(state, index, step),
        }
    }

    fn apply(&self, state: &mut DelaysState, action: Action) -> Option<(usize, At)> {
        match action {
            Action::Tick => {
                state.clock += 1;
                None
            }
            Action::Detach(cell) => {
                state.cell(cell).word.has_caller = false;
                None
            }
            Action::Begin(index, job) => {
                state.processes[index].begun += 1;
                let is_receiver = matches!(job, Job::Receive | Job::Delay(_));
                let at = if is_receiver { At::Promote(Promote::Look) } else { self.begin_send(state, index, job) };
                Some((index, at))
            }
            Action::Step(index, at) => Some((index, self.step(state, index, at))),
            Action::Call(index, cell, slot) => Some((index, self.notify(state, index, cell, Some(slot)))),
            Action::GiveUp(index) => Some((index, At::Wait(Wait::Leave))),
            Action::Die(index) => Some((index, self.die(state, index))),
        }
    }
}

fn is_send(job: &Job) -> bool {
    matches!(job, Job::Send | Job::SendAt(_) | Job::RequestAt(_))
}

impl Model for Delays {
    type State = DelaysState;
    type Action = Action;

    fn init_states(&self) -> Vec<DelaysState> {
        vec![DelaysState {
            clock: 0,
            cells: Default::default(),
            earliest: Earliest::default(),
            entries: Default::default(),
            posts: Default::default(),
            dirty: 0,
            deaths: self.deaths,
            processes: vec![Process::default(); self.jobs.len()],
            received: 0,
            faults: Faults::default(),
        }]
    }

    fn actions(&self, state: &DelaysState, actions: &mut Vec<Action>) {
        actions.extend((state.clock < self.last).then_some(Action::Tick));
        let has_caller =
            |cell: &Cell| cell.word.has_caller && matches!(cell.word.state, CellState::Delayed | CellState::Ready);
        let requests = (0..).zip(&state.cells).filter(|(_, cell)| has_caller(cell));
        actions.extend(requests.map(|(number, _)| Action::Detach(number)));
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &DelaysState, action: Action) -> Option<DelaysState> {
        let mut state = last.clone();
        if let Some((index, at)) = self.apply(&mut state, action) {
            state.processes[index].at = at;
            state.processes[index].forget();
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("D1 on its way", |model: &Self, state: &DelaysState| model.is_on_its_way(state)),
            Property::always("D2 once", |_, state: &DelaysState| !state.faults.twice),
            Property::always("D3 not early", |_, state: &DelaysState| !state.faults.early),
            Property::always("D4 earliest", |model: &Self, state: &DelaysState| model.earliest_is_true(state)),
            Property::always("D5 found", |model: &Self, state: &DelaysState| model.all_is_found(state)),
            Property::always("D6 not held up", |model: &Self, state: &DelaysState| model.none_is_held_up(state)),
            Property::sometimes("a receiver sleeps with a bound", |_, state: &DelaysState| {
                state.processes.iter().any(|process| process.bound.is_some())
            }),
            Property::sometimes("a message is delayed again", |_, state: &DelaysState| {
                state.cells.iter().any(|cell| cell.word.state == CellState::Delayed && cell.word.attempts > 0)
            }),
            Property::sometimes("a word is renamed while it is promoted", |model: &Self, state: &DelaysState| {
                model.is_renamed_while_promoted(state)
            }),
            Property::sometimes("a helper notifies", |model: &Self, state: &DelaysState| model.helper_notifies(state)),
            Property::sometimes("two promote at once", |_, state: &DelaysState| {
                state.processes.iter().filter(|process| matches!(process.at, At::Promote(Promote::Raise))).count() > 1
            }),
        ]
    }
}
