//! The store of a channel: cells, lanes of hints, returned bits, free cells, calls, members that die or are stopped, helpers.
//!
//! | modelled | as |
//! | --- | --- |
//! | a cell | its [`Word`], the route, the stamp and the number of its message, and its two bits: taken for long, and returned |
//! | a lane | [`Store::span`] places, `head` and `tail` |
//! | a place | its lap, and a hint |
//! | the bits of the lanes that are used | a set, in the configurations that read it |
//! | the clock | a count: the coarse time does not change |
//! | ALIVE, HELPERS, `used` | two booleans and a number for each slot |
//! | a process | [`Process`], which does the jobs of its list one after another |
//! | a death | one action before any step: the kernel clears what the process holds of ALIVE and HELPERS |
//! | a stop | no action: see below |
//!
//! A process that is stopped takes no step from then on. Each state is also the last one of an execution in which all
//! others are stopped. So the invariants hold for any number of stops at any steps. Two of them are found out by running: M3
//! lets a new receiver take everything that it finds, and M8 lets each process go on alone.
//!
//! A process that died comes back as a new member, with the jobs that are left. A sender that finds no free cell, and a receiver
//! that finds no message, end their job: waiting is the matter of [`room`](crate::room). Any
//! member that rests or waits for a response may repair any slot that is dead and dirty.
//!
//! A load that is followed by a compare-and-swap is one step if that expects a constant, or what the process wrote itself.
//! The search of a lane for a hint by a helper is one step: a hint of a dead sender only vanishes. The taken bits of a search,
//! and the returned bits of a scan, are read in one step each: there is one word of them. A cell that is found FREE
//! by a helper, and its bit, are one step: a bit that is cleared too often harms nothing.
//!
//! The model leaves out blocks, classes of cells (each is a store of its own for
//! senders), membership that is lost, and the generation's wrap.
//!
//! - M1. A message is received, or done, once, as it was sent, and by a process that wants it.
//! - M2. A message that was READY waits in a cell, or is claimed, or was received or done, or its caller has taken it back or is dead.
//! - M3. Each message that waits is found, unless its sender has not pushed yet, or is dead and dirty.
//! - M4. A word names only members that have claimed the cell, or slots that are dead and dirty.
//! - M5. For each free cell with its bit set, a process is between the bit and the cell, or a slot is dead and dirty.
//! - M6. A process that receives a message leaves none behind that the same sender sent before and that it wants sooner.
//! - M7. A receiver that finds nothing has not overlooked a message that was there all the time.
//! - M8. Each process that sends, receives, frees, cancels or helps gets on while all others are stopped.
//! - M9. While a caller waits, the cell is its request or the response.

mod at;
mod call;
mod check;
mod find;
mod help;
mod rules;
mod send;
mod state;

pub use self::{
    at::{At, Cancel, Find, Free, Help, Mark, Member, Send},
    rules::Rules,
    state::{CellState, Hint, Job, Process, Selection, StoreState, Word},
};

use stateright::{Model, Property};

use self::state::{Candidate, Cell, Faults, Held, Membership, Place, bit};
use crate::members::Slot;

/// The number of a route, from 1 on.
pub type Route = u8;
/// A set of cells, messages or slots: one bit for each.
type Set = u16;

const MOST_CELLS: usize = 3;
const MOST_LANES: usize = 2;
const MOST_PLACES: usize = 4;
const MOST_SLOTS: usize = 4;
/// How many jobs a process may have.
const MOST_JOBS: usize = 4;
/// How often to look at all lanes again.
const LOOKS: u8 = 4;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Store {
    /// What each process does.
    pub jobs: &'static [&'static [Job]],
    /// How many cells there are.
    pub cells: usize,
    /// How many lanes there are. Route 1 has the first one.
    pub lanes: usize,
    /// How many places a lane has.
    pub span: u8,
    /// Whether receivers of several routes search only lanes that are used.
    pub reads_used: bool,
    /// Whether all routes share one lane.
    pub shared: bool,
    /// How many slots there are.
    pub slots: usize,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Whether a process that died comes back as a new member.
    pub comes_back: bool,
    /// Whether callers may cancel.
    pub cancels: bool,
    /// How often living processes may requeue what they have claimed, in all.
    pub requeues: u8,
    /// Whether M3 is checked by running.
    pub drains: bool,
    /// Whether M8 is checked by running.
    pub runs_alone: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member enters this slot as its only helper.
    Enter(usize, Slot),
    /// A member begins its next job.
    Begin(usize, Job),
    /// A member begins to repair this slot.
    Repair(usize, Slot),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A caller stops waiting.
    Cancel(usize),
    /// What a process has claimed is done.
    Done(usize),
    /// A process requeues what it has claimed.
    Requeue(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Store {
    /// The number of the message that a process sends with the job that it does.
    fn message(index: usize, process: &Process) -> u8 {
        let first = MOST_JOBS * index + usize::from(process.begun) - 1;
        u8::try_from(first).unwrap_or(u8::MAX)
    }

    fn job(&self, index: usize, process: &Process) -> Option<Job> {
        let number = usize::from(process.begun).checked_sub(1)?;
        self.jobs.get(index)?.get(number).copied()
    }

    fn lane_of(&self, route: Route) -> u8 {
        if self.shared { 0 } else { route - 1 }
    }

    fn all_cells(&self) -> std::ops::Range<u8> {
        0..u8::try_from(self.cells).unwrap_or(u8::MAX)
    }

    fn all_slots(&self) -> std::ops::Range<Slot> {
        0..Slot::try_from(self.slots).unwrap_or(Slot::MAX)
    }

    /// Adds what one process can do without dying.
    fn moves(&self, state: &StoreState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        let next = self.jobs[index].get(usize::from(process.begun)).copied();
        match process.at {
            At::Outside if self.comes_back && next.is_some() => {
                let open = self.all_slots().filter(|slot| {
                    let slot = state.slots[usize::from(*slot)];
                    !slot.is_alive && slot.helpers == 0
                });
                actions.extend(open.map(|slot| Action::Enter(index, slot)));
            }
            At::Outside => {}
            At::Rest => {
                actions.extend(next.map(|job| Action::Begin(index, job)));
                self.repairs(state, index, actions);
            }
            At::Await => {
                let is_over = self.is_answered(state, index);
                actions.extend(is_over.then_some(Action::Step(index, process.at)));
                actions.extend(self.cancels.then_some(Action::Cancel(index)));
                self.repairs(state, index, actions);
            }
            At::Claims => {
                actions.push(Action::Done(index));
                actions.extend((state.requeues > 0).then_some(Action::Requeue(index)));
            }
            at => actions.push(Action::Step(index, at)),
        }
    }

    fn repairs(&self, state: &StoreState, index: usize, actions: &mut Vec<Action>) {
        let dirty = self.all_slots().filter(|slot| state.is_dirty(*slot));
        actions.extend(dirty.map(|slot| Action::Repair(index, slot)));
    }

    fn apply(&self, state: &mut StoreState, index: usize, action: Action) -> At {
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Begin(_, job) => {
                state.processes[index].begun += 1;
                match job {
                    Job::Send(_) | Job::Promote(_) | Job::Call(_) => At::Send(Send::Bits),
                    Job::Receive(selection) | Job::Claim(selection) => self.begin_find(state, index, selection),
                }
            }
            Action::Repair(_, slot) => {
                state.processes[index].helps = Some(slot);
                At::Help(Help::Enter)
            }
            Action::Cancel(_) => At::Cancel(Cancel::Look),
            Action::Done(_) => self.begin_free(),
            Action::Requeue(_) => self.requeue(state, index),
            Action::Die(_) => self.die(state, index),
            Action::Step(_, at) => self.step(state, index, at),
        }
    }

    fn step(&self, state: &mut StoreState, index: usize, at: At) -> At {
        match at {
            At::Outside | At::Rest | At::Claims => at,
            At::Send(step) => self.send(state, index, step),
            At::Mark(step) => self.mark(state, index, step),
            At::Find(step) => self.find(state, index, step),
            At::Holds => self.receive_end(state, index),
            At::Clear => self.clear(state, index),
            At::Free(step) => self.free(state, index, step),
            At::Answer => self.answer(state, index),
            At::Await => self.take_response(state, index),
            At::Cancel(step) => self.cancel(state, index, step),
            At::Help(step) => self.help(state, index, step),
            At::Member(step) => self.join(state, index, step),
        }
    }
}

impl Model for Store {
    type State = StoreState;
    type Action = Action;

    fn init_states(&self) -> Vec<StoreState> {
        let inhabited = Membership { is_alive: true, is_used: true, helpers: 0 };
        let member = |slot| Process { at: At::Rest, slot: Some(slot), ..Process::default() };
        vec![StoreState {
            cells: Default::default(),
            taken: 0,
            returned: 0,
            dirty: 0,
            latest: 0,
            lanes: Default::default(),
            used: 0,
            slots: std::array::from_fn(|slot| if slot < self.jobs.len() { inhabited } else { Membership::default() }),
            deaths: self.deaths,
            processes: (0..).take(self.jobs.len()).map(member).collect(),
            waiting: 0,
            shown: 0,
            received: 0,
            claimed: 0,
            reordered: 0,
            requeues: self.requeues,
            faults: Faults::default(),
        }]
    }

    fn actions(&self, state: &StoreState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &StoreState, action: Action) -> Option<StoreState> {
        let mut state = last.clone();
        let index = match action {
            Action::Enter(index, _) | Action::Begin(index, _) | Action::Repair(index, _) => index,
            Action::Step(index, _) | Action::Cancel(index) | Action::Die(index) => index,
            Action::Done(index) | Action::Requeue(index) => index,
        };
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("M1 once", |_, state: &StoreState| !state.faults.wrong_message),
            Property::always("M2 not lost", |model: &Self, state: &StoreState| model.nothing_is_lost(state)),
            Property::always("M3 found", |model: &Self, state: &StoreState| model.all_is_found(state)),
            Property::always("M4 in hand", |model: &Self, state: &StoreState| model.names_are_true(state)),
            Property::always("M5 shown", |model: &Self, state: &StoreState| model.free_cells_are_shown(state)),
            Property::always("M6 in order", |_, state: &StoreState| !state.faults.wrong_order),
            Property::always("M7 not overlooked", |_, state: &StoreState| !state.faults.overlooked),
            Property::always("M8 not held up", |model: &Self, state: &StoreState| model.none_is_held_up(state)),
            Property::always("M9 a call ends", |model: &Self, state: &StoreState| model.calls_end(state)),
            Property::sometimes("a message is returned", |_, state: &StoreState| state.returned != 0),
            Property::sometimes("dirty is lowered", |_, state: &StoreState| {
                state.dirty > 0 && state.dirty.is_multiple_of(2)
            }),
            Property::sometimes("a cell is passed over", |_, state: &StoreState| state.taken != 0),
            Property::sometimes("a lane goes round", |model: &Self, state: &StoreState| {
                state.lanes.iter().any(|lane| lane.tail > model.span)
            }),
            Property::sometimes("a receiver is a lap behind", |_, state: &StoreState| {
                state.processes.iter().any(|process| matches!(process.at, At::Find(Find::CatchUp(_))))
            }),
            Property::sometimes("two help one slot", |_, state: &StoreState| state.two_help()),
            Property::sometimes("a call is cancelled while it is held", |_, state: &StoreState| {
                state.processes.iter().any(|process| matches!(process.at, At::Cancel(Cancel::Detach(_))))
            }),
            Property::sometimes("a call is lost", |_, state: &StoreState| {
                state.cells.iter().any(|cell| cell.word.state == CellState::Lost)
            }),
            Property::sometimes("a claim comes back", |_, state: &StoreState| {
                state.cells.iter().any(|cell| cell.word.attempts > 0)
            }),
            Property::sometimes("all messages are received", |model: &Self, state: &StoreState| {
                model.all_are_received(state)
            }),
        ]
    }
}
