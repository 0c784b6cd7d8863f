//! The permits of `Pool`: callers for one permit and for several, members that die or are stopped, helpers, new members.
//!
//! | modelled | as |
//! | --- | --- |
//! | the permits | words, each free or owned by a slot |
//! | the turnstile | a word, free or owned by a slot. It is tried, and never waited for |
//! | the flag | one boolean; its version is a boolean of each notifier: no waiter raised the flag since it was read |
//! | the words of the rooms | two words for each slot, without epochs |
//! | a ticket in the room of callers for several | stands for `since` and the epoch: its rank among all tickets that the state contains |
//! | the doorbells | two counters for each slot, which saturate at [`Pool::saturation`] |
//! | `due` and `freed` | their difference; the version is a boolean of each notifier: `due` was not changed since it was read |
//! | ALIVE, HELPERS, `used` | two booleans and a number for each slot |
//! | a process | [`Process`]: one thread, which always calls for as many permits |
//! | a death | one action before any step: the kernel clears what it holds of ALIVE and HELPERS, and posts each doorbell |
//! | a stop | no action: see below |
//!
//! A look into a room is one step. The [room's model](crate::room) reads it word by word, and has the counterexamples of the
//! rules that concern one room alone, and of those of helping. A notifier may call any of the callers for one that are
//! announced, because their order means nothing to the invariants. It calls the caller for several with the lowest ticket. A
//! check of all permits is one step for each of them if [`Pool::one_by_one`] is set, and otherwise one step.
//!
//! A process that is stopped for ever takes no step from then on. So each state, in which some processes have no step
//! to take, is also the last state of an execution in which all others are stopped. I3 and I4 speak of every state, and so of
//! any number of stops at any steps.
//!
//! A process that died comes back as a new member. A holder may keep its permits for ever, so no sleeper may depend on it. A
//! wait may time out whenever it sleeps. A doorbell of the code counts to 32767, and one that counts to less loses posts.
//!
//! Without a caller for several, a count is due: the next such caller makes it due anyway. `due` that took another value in
//! between and then its old one again counts as changed.
//!
//! The model leaves out the limit and `resize`, hints, posts that are refused, other failures, members that leave, callers
//! that don't wait, and several threads of one process.
//!
//! Invariants:
//!
//! - I1. A permit has at most one living holder, and its word names the holder.
//! - I2. A permit, or the turnstile, that is neither free nor held is owned by a slot that is dead and dirty.
//! - I3. When some processes have a step to take and all others have none, and a caller for one sleeps, then at most as many
//!   permits are available as the former owe: those for which they were called as callers for one and have not acted, and
//!   those that they have freed and for which they have not called a caller for one.
//! - I4. The same for a caller for several that sleeps, if no caller for several came before it and is still waiting: fewer
//!   permits are available, beside those that are owed, than it calls for. A caller for several that was called owes what it
//!   calls for, and so does a notifier that has found enough for it. It also holds up all others while it is in the
//!   turnstile, or leaves it.
//! - I5. A caller for several that sleeps holds nothing.
//! - I6. When no process has a step to take, no living process has the turnstile.

mod at;
mod check;
mod help;
mod notify;
mod rules;
mod state;
mod symmetry;
mod wait;

pub use self::{
    at::{At, Check, Hall, Help, Notify, Wait},
    rules::Rules,
    state::{After, Place, PoolState, Process, Round},
};

use stateright::{Model, Property};

use self::state::bit;
use crate::{members::Slot, room::Word};

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Pool {
    /// How many permits each process calls for at a time.
    pub needs: &'static [u8],
    /// How many permits each process holds at first.
    pub held: &'static [u8],
    /// How many processes, the last ones, sleep at first. The others rest.
    pub asleep: usize,
    /// How many permits there are.
    pub permits: usize,
    /// How many permits a caller for one may hold at once.
    pub most_held: u32,
    /// How many times processes may begin to acquire in all, if that is bounded.
    pub acquires: Option<u8>,
    /// How many timeouts may elapse in all, if that is bounded.
    pub timeouts: Option<u8>,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Whether a process that died comes back as a new member.
    pub comes_back: bool,
    /// Where a doorbell saturates.
    pub saturation: u8,
    /// Whether a check of all permits is one step for each.
    pub one_by_one: bool,
    /// Whether states that differ only in an order that means nothing count as one.
    pub sorts: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member enters this slot as its only helper.
    Enter(usize, Slot),
    /// A member begins to acquire as many permits as it calls for.
    Acquire(usize, u8),
    /// A holder frees this permit.
    Release(usize, usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A notifier finds this caller for one.
    Find(usize, Slot),
    /// The timeout of a waiter elapses.
    TimeOut(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index, _) | Action::Acquire(index, _) | Action::Release(index, _) => index,
            Action::Step(index, _) | Action::Find(index, _) | Action::TimeOut(index) | Action::Die(index) => index,
        }
    }
}

impl Pool {
    fn sleeps(&self, state: &PoolState, process: &Process) -> bool {
        let is_silent = |slot: Slot| state.places[usize::from(slot)].posts[self.room(process)] == 0;
        process.at == At::Wait(Wait::Sleep) && is_silent(process.own())
    }

    /// Adds what one process can do without dying.
    fn moves(&self, state: &PoolState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside if !self.comes_back => {}
            At::Outside => {
                let is_open = |slot: &Slot| {
                    let place = state.places[usize::from(*slot)];
                    !place.is_alive && place.helpers == 0
                };
                actions.extend(state.all().filter(is_open).map(|slot| Action::Enter(index, slot)));
            }
            At::Rest => {
                let most = if process.is_many() { 1 } else { self.most_held };
                let may_acquire = process.holds.count_ones() < most && state.acquires != Some(0);
                actions.extend(may_acquire.then_some(Action::Acquire(index, process.need)));
                let mut held: Vec<_> = (0..self.permits).filter(|permit| process.has(*permit)).collect();
                held.truncate(if self.one_by_one { self.permits } else { 1 });
                actions.extend(held.into_iter().map(|permit| Action::Release(index, permit)));
            }
            at @ At::Wait(Wait::Sleep) => {
                actions.extend((!self.sleeps(state, process)).then_some(Action::Step(index, at)));
                actions.extend((state.timeouts != Some(0)).then_some(Action::TimeOut(index)));
            }
            at @ At::Notify(Notify::Single) if process.pending > 0 => {
                let is_announced = |slot: &Slot| state.word(*slot, Hall::Singles) == Word::Announced;
                let before = actions.len();
                actions.extend(state.all().filter(is_announced).map(|slot| Action::Find(index, slot)));
                if actions.len() == before {
                    actions.push(Action::Step(index, at));
                }
            }
            at => actions.push(Action::Step(index, at)),
        }
    }

    fn apply(&self, state: &mut PoolState, index: usize, action: Action) -> At {
        let process = &mut state.processes[index];
        match action {
            Action::Enter(_, slot) => self.join(state, index, slot),
            Action::Acquire(..) => {
                state.acquires = state.acquires.map(|left| left - 1);
                self.begin_check(state, index, Round::First)
            }
            Action::Release(_, permit) => self.free(state, index, permit, After::Release),
            Action::TimeOut(_) => {
                state.timeouts = state.timeouts.map(|left| left - 1);
                process.late = true;
                At::Wait(Wait::Withdraw)
            }
            Action::Die(_) => self.die(state, index),
            Action::Find(_, slot) => self.find_single(state, index, slot),
            Action::Step(_, at) => self.step(state, index, at),
        }
    }

    fn step(&self, state: &mut PoolState, index: usize, at: At) -> At {
        match at {
            At::Outside | At::Rest => at,
            At::Check(step) => self.check(state, index, step),
            At::Wait(step) => self.wait(state, index, step),
            At::Notify(step) => self.notify(state, index, step),
            At::Help(step) => self.help(state, index, step),
        }
    }

    /// Those that sleep at first came in the order of their slots.
    fn put_to_sleep(&self, process: &mut Process, place: &mut Place) {
        (process.at, process.round, process.suspects) = (At::Wait(Wait::Sleep), Round::Announced, false);
        place.words[self.room(process)] = Word::Announced;
        if process.is_many() {
            process.ticket = process.own() + 1;
            (place.ticket, place.interest) = (process.ticket, process.need);
        }
    }

    fn first_state(&self) -> PoolState {
        let mut permits = Vec::new();
        let mut processes = Vec::new();
        for (slot, (need, held)) in (0..).zip(self.needs.iter().zip(self.held)) {
            let before = permits.len();
            permits.extend((0..*held).map(|_| Some(slot)));
            let holds = (before..permits.len()).fold(0, |set, permit| set | 1 << permit);
            processes.push(Process {
                at: At::Rest,
                slot: Some(slot),
                holds,
                suspects: true,
                ..Process::outside(*need)
            });
        }
        permits.resize(self.permits, None);
        let place = Place { is_alive: true, is_used: true, ..Place::default() };
        let mut places = vec![place; processes.len()];
        let awake = processes.len() - self.asleep;
        for (process, place) in processes.iter_mut().zip(&mut places).skip(awake) {
            self.put_to_sleep(process, place);
        }
        PoolState {
            permits,
            turnstile: None,
            flag: self.asleep > 0,
            due: 0,
            places,
            acquires: self.acquires,
            timeouts: self.timeouts,
            deaths: self.deaths,
            processes,
        }
    }
}

impl Model for Pool {
    type State = PoolState;
    type Action = Action;

    fn init_states(&self) -> Vec<PoolState> {
        let mut state = self.first_state();
        self.settle(&mut state);
        vec![state]
    }

    fn actions(&self, state: &PoolState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &PoolState, action: Action) -> Option<PoolState> {
        let mut state = last.clone();
        let index = action.index();
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        self.settle(&mut state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 one holder", |_, state: &PoolState| state.holders_are_alone()),
            Property::always("I2 nothing is lost", |_, state: &PoolState| state.nothing_is_lost()),
            Property::always("I3 one is served", |model: &Self, state: &PoolState| model.one_is_served(state)),
            Property::always("I4 several are served", |model: &Self, state: &PoolState| {
                model.several_are_served(state)
            }),
            Property::always("I5 sleepers hold nothing", |model: &Self, state: &PoolState| {
                model.sleepers_hold_nothing(state)
            }),
            Property::always("I6 the turnstile turns", |model: &Self, state: &PoolState| {
                model.the_turnstile_turns(state)
            }),
            Property::sometimes("several are held by one", |_, state: &PoolState| state.one_has_several()),
            Property::sometimes("the turnstile is found taken", |_, state: &PoolState| {
                state.turnstile_is_found_taken()
            }),
            Property::sometimes("a caller gives back", |_, state: &PoolState| {
                state.processes.iter().any(|process| process.at == At::Check(Check::GiveBack))
            }),
            Property::sometimes("two help one slot", |_, state: &PoolState| {
                state.places.iter().any(|place| place.helpers > 1)
            }),
            Property::sometimes("another notifier posts", |_, state: &PoolState| {
                state.processes.iter().any(|process| matches!(process.at, At::Notify(Notify::MarkOther(_))))
            }),
            Property::sometimes("two callers for several sleep", |model: &Self, state: &PoolState| {
                let sleeps = |process: &&Process| process.is_many() && model.sleeps(state, process);
                state.processes.iter().filter(sleeps).count() > 1
            }),
            Property::sometimes("a caller that comes overtakes a waiter", |model: &Self, state: &PoolState| {
                model.overtakes(state, |ticket| ticket == 0)
            }),
            Property::sometimes("a waiter overtakes an older one", |model: &Self, state: &PoolState| {
                model.overtakes(state, |ticket| ticket > 0)
            }),
            Property::sometimes("a count is not due", |_, state: &PoolState| state.due > 0),
        ]
    }
}
