//! The places of an mpmc ring: pushing, popping, waiting at either end, the end, owners that die, helpers.
//!
//! | modelled | as |
//! | --- | --- |
//! | a place | its [`PlaceWord`], and the item that was committed there and not consumed yet |
//! | `tail`, `head` | positions; laps wrap at [`LAPS`], and the first one is the last before they do |
//! | `dirty` | its low bit, and for each process that scans whether the word is still what it read |
//! | a flag | one boolean for each role; its version is a boolean of each notifier: it has not changed since it was read |
//! | a room | one [`Word`] and one doorbell for each slot: each process has one role |
//! | a ticket | a bit of each notifier for each waiter that it called: its ticket has changed since |
//! | ALIVE, HELPERS, `used`, the attachment | booleans and a number for each slot |
//! | a process | [`Process`]: where it stands, and its slot with it; a new member comes to the slot that it had |
//! | a death | one action before any step: the kernel clears what it holds of ALIVE and HELPERS, and posts each doorbell twice |
//!
//! In the beginning all processes are registered and attached, and some items may be in the ring. A process that died may
//! come back as a new member. A process that has claimed a place may keep it for ever, so no sleeper may depend on
//! it. It may also leave with it. A waiter may time out whenever it sleeps, and a caller may not wait at all.
//!
//! These steps are several in the code. [`crate::room`] has them one by one, and [`crate::helping`] has the slots:
//!
//! - A notifier finds the announced waiters and calls one of them, in any order. If there is none, it clears the flag.
//! - A post, the mark of the waiter as CALLED, and the clearing of the flag if it was the only one.
//! - The calls of all waiters, and then all their posts.
//! - A check of a slot for a dead member. Each is checked once. A scan of all attachments, which `attendance` tests.
//! - A load of a place's word that is followed by a compare-and-swap: if that fails the word has gone on, and the process
//!   would load it again. The repair of a place that is being read is an exception: its helpers have it step by step.
//!
//! Writing a place's memory, or reading it, belongs to the step that hands the place on. An invariant of its own says
//! that no other process is there meanwhile. The model leaves out posts that are refused, and stops (see the room).
//!
//! Invariants:
//!
//! - I1. An item that was committed lies in its place, full or being read, until it is consumed or overwritten.
//! - I2. No item is consumed twice.
//! - I3. At most one living process has claimed a place, and the place's word names that process.
//! - I4. When no process has a step to take, every word that has an owner is claimed by this owner, or its slot will be
//!   repaired. Items behind `head` are announced by `dirty`, or a slot will be repaired.
//! - I5. When no process has a step to take, no consumer sleeps while there is an item that no living process has
//!   claimed or holds up.
//! - I6. When no process has a step to take, no producer sleeps while there is room.
//! - I7. When no process has a step to take, no place is claimed, and every item is consumed, there is room for as many
//!   items as there are places.
//! - I8. A word names only slots that are marked as used.
//! - I9. No consumer is notified of the end while there is an item, claimed or not, or a living producer writes. Those
//!   of a producer that claimed its place after the ring was closed don't count.
//! - I10. When no process has a step to take and the ring has ended, no producer sleeps, and no consumer sleeps unless
//!   I9 forbids to notify it.

mod at;
mod check;
mod notify;
mod places;
mod repair;
mod rules;
mod state;
mod steps;
mod symmetry;
mod wait;

pub use self::{
    at::{At, Notify, Repair, Wait},
    places::{LAPS, Place, PlaceWord, Position, Stage},
    rules::Rules,
    state::{Cause, Damage, Entry, MpmcState, Process, Role, Round, Wish},
};

use stateright::{Model, Property};

use self::{
    notify::call,
    state::{MOST_PLACES, Set, bit},
    wait::time_out,
};
use crate::room::Word;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Mpmc {
    /// How many processes push.
    pub producers: usize,
    /// How many processes pop.
    pub consumers: usize,
    /// How many places there are.
    pub capacity: u8,
    /// How many items are in the ring in the beginning.
    pub filled: u8,
    /// How many places producers may claim in all: fewer than fit into half of the laps.
    pub items: u8,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Where a doorbell saturates.
    pub saturation: u8,
    /// How many consumers, or if the ring is full producers, are asleep in the beginning.
    pub sleepers: usize,
    /// Whether waits may time out.
    pub times_out: bool,
    /// Whether a process that died comes back.
    pub comes_back: bool,
    /// Whether a producer may cancel the claim of a place.
    pub cancels: bool,
    /// Whether a consumer may requeue an item.
    pub requeues: bool,
    /// Whether a producer that finds the ring full may overwrite the oldest item.
    pub overwrites: bool,
    /// Whether processes may leave, even with a claimed place.
    pub leaves: bool,
    /// Whether an idle process may close the ring.
    pub closes: bool,
    /// Whether idle processes may detach. All of them detect it.
    pub detaches: bool,
    /// Whether states that differ only in the order of processes count as one. Traces are harder to read then.
    pub sorts_processes: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member enters its slot as a helper.
    Enter(usize),
    /// An idle process begins.
    Begin(usize, Wish),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process takes the step it stands at, with this slot.
    With(usize, At, usize),
    /// A producer cancels its claim, or a consumer requeues its item.
    Undo(usize),
    /// The timeout of a waiter elapses, or a producer that overwrites has tried often enough.
    TimeOut(usize),
    /// A process detaches.
    Detach(usize),
    /// A process begins to leave, with the place that it has claimed.
    Leave(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index) | Action::Begin(index, _) | Action::Step(index, _) | Action::With(index, ..) => index,
            Action::Undo(index) | Action::TimeOut(index) | Action::Detach(index) => index,
            Action::Leave(index) | Action::Die(index) => index,
        }
    }
}

impl Mpmc {
    fn may_end(&self) -> bool {
        self.closes || self.detaches
    }

    /// Adds what one process can do without dying.
    fn moves(&self, state: &MpmcState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        let step = Action::Step(index, process.at);
        match process.at {
            At::Outside => {
                let may_enter = self.comes_back && !process.entry.is_alive && process.entry.helpers == 0;
                actions.extend(may_enter.then_some(Action::Enter(index)));
            }
            At::Detached => {}
            At::Idle => {
                let may_push = state.items > 0 && !state.closed;
                match process.role {
                    Role::Consumer => actions.push(Action::Begin(index, Wish::Pop)),
                    Role::Producer => {
                        actions.extend(may_push.then_some(Action::Begin(index, Wish::Push)));
                        actions.extend((may_push && self.overwrites).then_some(Action::Begin(index, Wish::Overwrite)));
                    }
                }
                actions.extend((self.closes && !state.closed).then_some(Action::Begin(index, Wish::Close)));
                actions.extend(self.detaches.then_some(Action::Detach(index)));
            }
            At::Writing(_) => {
                actions.push(step);
                actions.extend(self.cancels.then_some(Action::Undo(index)));
            }
            At::Reading(_) => {
                actions.push(step);
                actions.extend((self.requeues && process.wish != Wish::Overwrite).then_some(Action::Undo(index)));
            }
            At::OverLoad => actions.extend([step, Action::TimeOut(index)]),
            At::Wait(Wait::Sleep) => {
                actions.extend((process.entry.posts > 0).then_some(step));
                actions.extend(self.times_out.then_some(Action::TimeOut(index)));
            }
            At::Wait(Wait::Prepare) => {
                actions.push(step);
                let may_leave = self.times_out && process.round == Round::First;
                actions.extend(may_leave.then_some(Action::TimeOut(index)));
            }
            At::Wait(Wait::Look) => {
                let unseen = (0..state.processes.len()).filter(|slot| process.look & bit(*slot) != 0);
                actions.extend(unseen.map(|slot| Action::With(index, process.at, slot)));
            }
            At::Notify(Notify::Call(role)) if state.announced(role).next().is_some() => {
                actions.extend(state.announced(role).map(|slot| Action::With(index, process.at, slot)));
            }
            _ => actions.push(step),
        }
        let may_leave = self.leaves && matches!(process.at, At::Idle | At::Writing(_) | At::Reading(_));
        actions.extend(may_leave.then_some(Action::Leave(index)));
    }

    fn apply(&self, state: &mut MpmcState, index: usize, action: Action) -> At {
        match action {
            Action::Enter(_) => self.enter(state, index),
            Action::Begin(_, wish) => begin(state, index, wish),
            Action::With(_, At::Wait(_), slot) => self.look_at(state, index, slot),
            Action::With(_, _, slot) => call(state, index, slot),
            Action::Step(..) => self.step(state, index),
            Action::Undo(_) => self.undo(state, index),
            Action::TimeOut(_) => time_out(state, index),
            Action::Detach(_) => At::Detach,
            Action::Leave(_) => self.leave(state, index),
            Action::Die(_) => self.die(state, index),
        }
    }
}

fn begin(state: &mut MpmcState, index: usize, wish: Wish) -> At {
    state.processes[index].wish = wish;
    match wish {
        Wish::Pop => At::LoadDirty,
        Wish::Close => At::Close,
        _ => {
            state.items -= 1;
            At::LoadTail
        }
    }
}

impl Model for Mpmc {
    type State = MpmcState;
    type Action = Action;

    fn init_states(&self) -> Vec<MpmcState> {
        assert!(usize::from(self.capacity) <= MOST_PLACES);
        assert!(self.filled <= self.capacity && self.items < (LAPS / 2 - 1) * self.capacity);
        let entry = Entry { is_alive: true, is_used: true, is_attached: true, ..Entry::default() };
        let suspects = self.rules.suspects_at_first && self.deaths > 0;
        let process = |role| Process { role, at: At::Idle, entry, suspects, ..Process::default() };
        let producers = std::iter::repeat_n(process(Role::Producer), self.producers);
        let consumers = std::iter::repeat_n(process(Role::Consumer), self.consumers);
        let mut processes: Vec<_> = producers.chain(consumers).collect();
        let sleepers = if self.filled == self.capacity { Role::Producer } else { Role::Consumer };
        for process in processes.iter_mut().filter(|process| process.role == sleepers).take(self.sleepers) {
            process.wish = if sleepers == Role::Producer { Wish::Push } else { Wish::Pop };
            (process.at, process.round) = (At::Wait(Wait::Sleep), Round::Announced);
            (process.entry.word, process.suspects) = (Word::Announced, false);
        }
        let mut flags = [false; 2];
        flags[sleepers as usize] = self.sleepers > 0;
        let head = self.at(LAPS - 1, 0);
        let tail = (head + self.filled) % (LAPS * self.capacity);
        let mut places = [Place::new(LAPS - 1); MOST_PLACES];
        for (place, position) in places.iter_mut().zip(head..head + self.filled) {
            (place.word.stage, place.item) = (Stage::Full, Some(position));
        }
        vec![MpmcState {
            places,
            tail,
            head,
            dirty: false,
            closed: false,
            flags,
            items: self.items,
            deaths: self.deaths,
            damage: Damage::None,
            processes,
        }]
    }

    fn actions(&self, state: &MpmcState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &MpmcState, action: Action) -> Option<MpmcState> {
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
            Property::always("I1 no item is lost", |model: &Self, state: &MpmcState| model.items_are_there(state)),
            Property::always("I2 no item comes twice", |_, state: &MpmcState| state.damage != Damage::Twice),
            Property::always("I3 one at a place", |model: &Self, state: &MpmcState| model.holders_are_alone(state)),
            Property::always("I4 nothing is forgotten", |model: &Self, state: &MpmcState| {
                model.nothing_is_forgotten(state)
            }),
            Property::always("I5 no consumer is stuck", |model: &Self, state: &MpmcState| {
                model.consumers_are_served(state)
            }),
            Property::always("I6 no producer is stuck", |model: &Self, state: &MpmcState| {
                model.producers_are_served(state)
            }),
            Property::always("I7 all places are usable", |model: &Self, state: &MpmcState| {
                model.places_are_usable(state)
            }),
            Property::always("I8 owners are marked as used", |_, state: &MpmcState| state.owners_are_marked()),
            Property::always("I9 the end is true", |_, state: &MpmcState| state.damage != Damage::Ended),
            Property::always("I10 the end is reported", |model: &Self, state: &MpmcState| model.end_is_reported(state)),
            Property::sometimes("an item is taken over", |_, state: &MpmcState| state.one_is_taking_over()),
            Property::sometimes("an item is overwritten", |_, state: &MpmcState| state.one_overwrites()),
            Property::sometimes("head is helped over laps", |_, state: &MpmcState| state.one_helps_far()),
            Property::sometimes("two help one slot", |_, state: &MpmcState| state.two_help()),
            Property::sometimes("a consumer waits for a claim to be completed", |model: &Self, state: &MpmcState| {
                model.one_waits_for_the_end(state)
            }),
        ]
    }
}
