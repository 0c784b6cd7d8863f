//! Futures at the desk of one process, the clerk that sleeps for them, and a thread of another process.
//!
//! | modelled | as |
//! | --- | --- |
//! | the process | a desk of [`Waiter`]s, futures and threads, with one entry in the room, one doorbell and one clerk |
//! | a poll | the steps from [`At::Begin`] or [`At::Awake`] to [`At::Waiting`], between which others act |
//! | a future that is dropped | one action, when it is not being polled |
//! | a future that is not polled any more | one action: it stays where it was roused |
//! | 10 milliseconds | an action that may come at any time after the front was roused |
//! | a clerk that goes back to sleep at once (CK7) | an action that may come whenever no thread leads |
//! | the other process | one thread in the same room, and its doorbell |
//! | a thing | a number that each check may take one of |
//! | a notification | a token: it chooses an announced waiter, any, and becomes a token that posts. It may die with its process |
//!
//! Left out: the flag, and the helpers of a dead slot ([`room`](super::room) has both), interests that differ, and named calls.
//!
//! Invariants:
//!
//! - K1. No waiter sleeps beside a thing while no step is left to take, unless it is a future that is not polled.
//! - K2. Only the front of the list has a call.
//! - K3. A clerk or one thread sleeps for the process that is announced, once no other step is left.

mod rules;
mod steps;

pub use self::rules::Rules;

use stateright::{Model, Property};

/// What waits at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A future, polled when it was roused.
    Future,
    /// A thread.
    Thread,
}

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Clerks {
    /// The waiters of the process.
    pub waiters: &'static [Kind],
    /// How many things are made.
    pub things: u8,
    /// How many futures are dropped.
    pub drops: u8,
    /// How many futures are not polled any more.
    pub withheld: u8,
    /// How many notifiers die.
    pub deaths: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// Where a waiter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// It has not come.
    Out,
    /// It takes a turn: it leads and announces, or follows.
    Begin,
    /// It checks, after it announced or joined.
    Check,
    /// A thread at the front sleeps on the doorbell. A future parks.
    Park,
    /// A future waits to be roused, and so does a thread that follows.
    Waiting,
    /// A thread sleeps on the doorbell.
    Asleep,
    /// A thread took a post.
    Woken,
    /// It was roused, and does not run yet.
    Roused,
    /// It was roused, and is not polled any more.
    Withheld,
    /// It checks, not announced.
    Awake,
    /// It leaves, with a thing or without.
    Leave {
        /// Whether it has one.
        found: bool,
    },
    /// It is gone.
    Gone,
}

/// A waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Waiter {
    at: At,
    must_check: bool,
    /// It was called, and has not acted on that.
    is_called: bool,
}

/// An entry of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Not announced.
    Awake,
    /// Announced.
    Announced,
    /// Chosen, and to be posted.
    Unposted,
    /// Posted.
    Called,
}

/// The clerk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clerk {
    /// It does not sleep on the doorbell.
    Parked,
    /// It sleeps on the doorbell.
    Asleep,
    /// It took a post.
    Woken,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClerksState {
    waiters: Vec<Waiter>,
    list: Vec<usize>,
    clerk: Clerk,
    /// Of the process, and of the other one.
    entries: [Entry; 2],
    bells: [u8; 2],
    other: At,
    things: u8,
    made: u8,
    /// Notifications that have not chosen, of a process that may die and of one that does not.
    tokens: [u8; 2],
    /// Posts to be made, by process and by whether their notifier may die.
    posts: [[u8; 2]; 2],
    drops: u8,
    withheld: u8,
    deaths: u8,
    has_posted_again: bool,
    has_revoked: bool,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A thing is made.
    Make,
    /// A waiter of the process takes its next step.
    Step(usize),
    /// The clerk takes its next step.
    Clerk,
    /// The other process takes its next step.
    Other,
    /// A notification chooses this process, or posts if it finds none. It may die, or not.
    Notify(usize, usize),
    /// A post is made for this process.
    Post(usize, usize),
    /// A notifier dies before it chose.
    DieBeforeChoice,
    /// A notifier dies before it posted for this process.
    DieBeforePost(usize),
    /// A future is dropped.
    Drop(usize),
    /// A future is not polled any more.
    Withhold(usize),
    /// The clerk has waited for 10 milliseconds.
    Revoke,
    /// The clerk goes to sleep, and no future needs it to.
    Stay,
}

impl Model for Clerks {
    type State = ClerksState;
    type Action = Action;

    fn init_states(&self) -> Vec<ClerksState> {
        let waiter = Waiter { at: At::Out, must_check: false, is_called: false };
        vec![ClerksState {
            waiters: vec![waiter; self.waiters.len()],
            list: Vec::new(),
            clerk: Clerk::Parked,
            entries: [Entry::Awake; 2],
            bells: [0; 2],
            other: At::Out,
            things: 0,
            made: 0,
            tokens: [0; 2],
            posts: [[0; 2]; 2],
            drops: 0,
            withheld: 0,
            deaths: 0,
            has_posted_again: false,
            has_revoked: false,
        }]
    }

    fn actions(&self, state: &ClerksState, actions: &mut Vec<Action>) {
        self.steps(state, actions);
        if state.clerk == Clerk::Parked && state.list.first().is_none_or(|&front| self.is_future(front)) {
            actions.push(Action::Stay);
        }
        if state.made < self.things {
            actions.push(Action::Make);
        }
        if state.deaths < self.deaths {
            if state.tokens[0] > 0 {
                actions.push(Action::DieBeforeChoice);
            }
            actions.extend((0..2).filter(|&slot| state.posts[slot][0] > 0).map(Action::DieBeforePost));
        }
        for (index, waiter) in state.waiters.iter().enumerate() {
            let is_idle = matches!(waiter.at, At::Waiting | At::Roused | At::Withheld);
            if self.is_future(index) && is_idle {
                if state.drops < self.drops {
                    actions.push(Action::Drop(index));
                }
                if waiter.at == At::Roused && state.withheld < self.withheld {
                    actions.push(Action::Withhold(index));
                }
            }
        }
    }

    fn next_state(&self, last: &ClerksState, action: Action) -> Option<ClerksState> {
        let mut state = last.clone();
        match action {
            Action::Make => {
                (state.things, state.made) = (state.things + 1, state.made + 1);
                state.tokens[0] += 1;
            }
            Action::Step(index) => self.step(&mut state, index),
            Action::Clerk => self.clerk(&mut state),
            Action::Other => self.other(&mut state),
            Action::Notify(mortal, slot) => notify(&mut state, mortal, slot),
            Action::Post(slot, mortal) => {
                state.posts[slot][mortal] -= 1;
                state.bells[slot] += 1;
                if state.entries[slot] == Entry::Unposted {
                    state.entries[slot] = Entry::Called;
                }
            }
            Action::DieBeforeChoice => {
                state.tokens[0] -= 1;
                die(&mut state);
            }
            Action::DieBeforePost(slot) => {
                state.posts[slot][0] -= 1;
                die(&mut state);
            }
            Action::Drop(index) => {
                state.drops += 1;
                state.waiters[index].at = At::Leave { found: false };
            }
            Action::Withhold(index) => {
                state.withheld += 1;
                state.waiters[index].at = At::Withheld;
            }
            Action::Revoke => self.revoke(&mut state),
            Action::Stay => state.clerk = Clerk::Asleep,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("K1 no lost wake-up", |model: &Self, state: &ClerksState| {
                state.things == 0 || !state.one_sleeps() || !model.is_at_rest(state)
            }),
            Property::always("K2 only the front has a call", |_: &Self, state: &ClerksState| {
                let mut called = state.waiters.iter().enumerate().filter(|(_, waiter)| waiter.is_called);
                called.all(|(index, _)| state.list.first() == Some(&index))
            }),
            Property::always("K3 the announced process has a sleeper", |model: &Self, state: &ClerksState| {
                let sleeps = state.clerk == Clerk::Asleep || state.waiters.iter().any(|waiter| waiter.at == At::Asleep);
                state.entries[0] == Entry::Awake || sleeps || !model.is_at_rest(state)
            }),
            Property::sometimes("a call is revoked", |_: &Self, state: &ClerksState| state.has_revoked),
            Property::sometimes("a clerk posts again", |_: &Self, state: &ClerksState| state.has_posted_again),
        ]
    }
}

/// The kernel posts the obituary: each doorbell twice.
fn die(state: &mut ClerksState) {
    state.deaths += 1;
    state.bells.iter_mut().for_each(|bell| *bell += 2);
}

fn notify(state: &mut ClerksState, mortal: usize, slot: usize) {
    state.tokens[mortal] -= 1;
    if state.entries[slot] == Entry::Announced {
        state.entries[slot] = Entry::Unposted;
        state.posts[slot][mortal] += 1;
        return;
    }
    // RM2.
    for other in 0..2 {
        if state.entries[other] == Entry::Unposted {
            state.posts[other][mortal] += 1;
        }
    }
}
