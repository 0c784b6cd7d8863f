//! The waiting room: interchangeable things, waiters that are called one at a time, members that die or are stopped.
//!
//! | modelled | as |
//! | --- | --- |
//! | the things | words, each free or owned by a slot |
//! | the flag | one boolean; its version is a boolean of each notifier: no waiter set the flag since it was read |
//! | the words of the room | one [`Word`] for each slot, without its epoch |
//! | an epoch | a bit of each notifier for each word it remembers: its epoch has changed since it was read |
//! | the doorbells | one counter for each slot, which saturates at [`Room::saturation`] |
//! | ALIVE, HELPERS, `used` | two booleans and a number for each slot |
//! | a process | [`Process`]: one thread, so one waiter for each slot |
//! | a death | one action before any step: the kernel clears what it holds of ALIVE and HELPERS, and posts each doorbell twice |
//! | a stop | no action: see below |
//!
//! A notifier may call any of the waiters that its scan saw ANNOUNCED: which one it is means nothing to the invariants.
//! The code chooses the one that has waited longest. Scans, and checks for dead members, visit the slots in any order.
//!
//! A process that is stopped for ever takes no step from then on. So each state, in which some processes have no step
//! to take, is also the last state of an execution in which all others are stopped. I2 speaks of every state, and so of
//! any number of stops at any steps. A waiter that is stopped at its sleep has left the kernel's queue, so a post lies there
//! until it goes on. A waiter that runs takes the post in the very next step, if the notifier is to find it taken.
//!
//! A process that died or left comes back as a new member. A holder may keep its things for ever, so no sleeper may
//! depend on it. A wait may time out whenever it sleeps. It may be cancelled then, and right after it was woken. An
//! obituary is armed from the entry as a helper until ALIVE is given back.
//!
//! A new member repairs its slot also if that is clean, and goes from HELPERS to ALIVE in one semop, which fails if the slot
//! has other helpers. So a dirty slot never looks alive. A process that passes a call on calls whatever the flag says, and
//! leaves the flag alone.
//!
//! A load that is followed by a compare-and-swap is one step if the compare-and-swap expects a constant, as that of a
//! thing that is free. The post that a waiter takes after it found a thing, and the swap before it, are one step. A check
//! of a slot, which reads `used` and ALIVE, is one step. Each slot is checked once after
//! `suspects` was true. The code repeats the check until it finds no dead slot, which is not needed.
//!
//! The model leaves out posts that are refused, `notify_all`, waiters that want several things, calls that have a name, and
//! epochs that wrap.
//!
//! Invariants:
//!
//! - I1. When no process has a step to take, no waiter sleeps while a thing is available: free, or owned by a dead slot.
//! - I2. When some processes have a step to take and all others have none, and one of the others sleeps, then at most
//!   as many things are available as there are processes with a step to take that have a *debt*. These are the waiters
//!   that were called, have taken their post, and have not yet acted, and the notifiers that made a thing available, or
//!   pass a call on, and have not yet posted every doorbell that they have to. So a waiter that is stopped in its sleep
//!   delays nothing.
//! - I3. A thing has at most one living holder, and its word names the holder. A thing that is neither free nor held is
//!   owned by a slot that is dead and dirty.

mod at;
mod check;
mod help;
mod notify;
mod rules;
mod state;
mod symmetry;
mod wait;

pub use self::{
    at::{At, Help, Member, Notify, Wait},
    rules::Rules,
    state::{Place, Process, RoomState, Wish, Word},
};

use stateright::{Model, Property};

use self::state::{Set, bit, members};
use crate::members::Slot;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Room {
    /// How many processes there are.
    pub processes: usize,
    /// How many slots there are.
    pub slots: usize,
    /// How many things there are.
    pub things: usize,
    /// How many things a process may hold at once.
    pub most_held: usize,
    /// How many times processes may begin to acquire in all, if that is bounded.
    pub acquires: Option<u8>,
    /// How many things are held at first, each by another member.
    pub held: usize,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Where a doorbell saturates.
    pub saturation: u8,
    /// Whether all processes are members at first. Otherwise each has to enter.
    pub starts_inside: bool,
    /// Whether a process that died comes back as a new member.
    pub comes_back: bool,
    /// Whether processes may leave.
    pub leaves: bool,
    /// Whether a wait may end without a last check.
    pub cancels: bool,
    /// Whether states that differ only in the order of processes and slots count as one.
    pub sorts_processes: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member enters this slot as its only helper.
    Enter(usize, Slot),
    /// A member begins to acquire.
    Acquire(usize),
    /// A holder begins to release this thing.
    Release(usize, usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process takes the step it stands at, with this slot.
    With(usize, At, Slot),
    /// The timeout of a waiter elapses.
    TimeOut(usize),
    /// A waiter leaves for another reason.
    Cancel(usize),
    /// A member begins to leave. It holds nothing.
    Leave(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index, _) | Action::Step(index, _) | Action::With(index, ..) => index,
            Action::Acquire(index) | Action::Release(index, _) | Action::TimeOut(index) => index,
            Action::Cancel(index) | Action::Leave(index) | Action::Die(index) => index,
        }
    }
}

impl Room {
    fn place(&self, slot: usize) -> Place {
        let is_inhabited = self.starts_inside && slot < self.processes;
        Place { is_alive: is_inhabited, is_used: is_inhabited, ..Place::default() }
    }

    fn process(&self, slot: Slot) -> Process {
        if !self.starts_inside {
            return Process::outside();
        }
        let holds = std::array::from_fn(|thing| thing < self.held && thing == usize::from(slot));
        Process { at: At::Rest, slot: Some(slot), holds, suspects: self.rules.suspects_at_first, ..Process::outside() }
    }

    /// Adds what one process can do without dying.
    fn moves(&self, state: &RoomState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        let with = |set: Set| members(set).map(move |slot| Action::With(index, process.at, slot));
        match process.at {
            At::Outside if !self.comes_back => {}
            At::Outside => {
                let open = state.all().filter(|slot| self.may_enter(state, *slot));
                actions.extend(open.map(|slot| Action::Enter(index, slot)));
            }
            At::Rest => {
                let may_acquire = process.held() < self.most_held && state.acquires != Some(0);
                actions.extend(may_acquire.then_some(Action::Acquire(index)));
                let held = (0..self.things).filter(|thing| process.holds[*thing]);
                actions.extend(held.map(|thing| Action::Release(index, thing)));
                actions.extend((self.leaves && process.held() == 0).then_some(Action::Leave(index)));
            }
            At::Wait(Wait::Sleep) => {
                actions.extend((!state.sleeps(process)).then_some(Action::Step(index, process.at)));
                actions.push(Action::TimeOut(index));
                actions.extend(self.cancels.then_some(Action::Cancel(index)));
            }
            at @ At::Wait(Wait::Withdraw) => {
                actions.push(Action::Step(index, at));
                let may_cancel = self.cancels && process.wish == Wish::Thing;
                actions.extend(may_cancel.then_some(Action::Cancel(index)));
            }
            At::Wait(Wait::Look) => actions.extend(with(process.look)),
            At::Notify(Notify::Scan) => actions.extend(with(process.memory.unseen)),
            At::Notify(Notify::Call) => actions.extend(with(process.memory.announced)),
            At::Notify(Notify::PostOther) => actions.extend(with(process.memory.unposted)),
            at => actions.push(Action::Step(index, at)),
        }
    }

    fn apply(&self, state: &mut RoomState, index: usize, action: Action) -> At {
        let process = &mut state.processes[index];
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Acquire(_) => {
                process.wish = Wish::Thing;
                state.acquires = state.acquires.map(|left| left - 1);
                At::Wait(Wait::Try(0))
            }
            Action::Release(_, thing) => At::Free(thing),
            Action::TimeOut(_) | Action::Cancel(_) => {
                process.wish = if matches!(action, Action::Cancel(_)) { Wish::Cancel } else { Wish::LastTry };
                At::Wait(Wait::Withdraw)
            }
            Action::Leave(_) => At::Member(Member::MarkUnused),
            Action::Die(_) => self.die(state, index),
            Action::With(_, At::Wait(_), slot) => self.look_at(state, index, slot),
            Action::With(_, At::Notify(step), slot) => self.notify_with(state, index, step, slot),
            Action::Step(_, at) | Action::With(_, at, _) => self.step(state, index, at),
        }
    }

    fn step(&self, state: &mut RoomState, index: usize, at: At) -> At {
        match at {
            At::Outside | At::Rest => at,
            At::Wait(step) => self.wait(state, index, step),
            At::Free(thing) => {
                state.things[thing] = None;
                state.processes[index].holds[thing] = false;
                At::Notify(Notify::LoadFlag)
            }
            At::Notify(step) => self.notify(state, index, step),
            At::Member(step) => self.join_or_leave(state, index, step),
            At::Help(step) => self.help(state, index, step),
        }
    }
}

impl Model for Room {
    type State = RoomState;
    type Action = Action;

    fn init_states(&self) -> Vec<RoomState> {
        vec![RoomState {
            things: std::array::from_fn(|thing| Slot::try_from(thing).ok().filter(|_| thing < self.held)),
            flag: false,
            places: (0..self.slots).map(|slot| self.place(slot)).collect(),
            deaths: self.deaths,
            acquires: self.acquires,
            processes: (0..).take(self.processes).map(|slot| self.process(slot)).collect(),
        }]
    }

    fn actions(&self, state: &RoomState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &RoomState, action: Action) -> Option<RoomState> {
        let mut state = last.clone();
        let index = action.index();
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        if self.sorts_processes {
            state.rename();
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 no lost wake-up", |model: &Self, state: &RoomState| model.is_served(state)),
            Property::always("I2 a stop delays one", |model: &Self, state: &RoomState| model.stops_delay_one(state)),
            Property::always("I3 one holder", |_, state: &RoomState| state.holders_are_alone()),
            Property::always("I3 nothing is lost", |_, state: &RoomState| state.nothing_is_lost()),
            Property::sometimes("two help one slot", |_, state: &RoomState| state.two_help()),
            Property::sometimes("a waiter is called while it checks", |_, state: &RoomState| state.is_called_early()),
            Property::sometimes("a dead waiter is called", |_, state: &RoomState| state.a_dead_waiter_is_called()),
            Property::sometimes("another notifier posts", |_, state: &RoomState| state.another_posts()),
            Property::sometimes("a waiter sleeps", |model: &Self, state: &RoomState| {
                model.is_quiet_with_sleeper(state)
            }),
            Property::sometimes("a stop delays a waiter", |_, state: &RoomState| state.a_stop_delays()),
        ]
    }
}
