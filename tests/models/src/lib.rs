//! Explicit-state models of the protocols behind `sysv-primitives`, explored exhaustively.
//!
//! | module | what it models |
//! | --- | --- |
//! | [`aside`] | the quota of messages that are set aside, beside the capacity |
//! | [`barrier`] | arrivals, timeouts, deaths that break a generation, and members that are notified later |
//! | [`blocks`] | the blocks of long messages, their owners, the lock and helpers |
//! | [`broadcast`] | one producer, a cursor for each subscriber, joining, leaving, deaths, late helpers, and what is overwritten |
//! | [`clerk`] | futures at the desk of a process, the clerk that sleeps for them, drops, polls that are withheld |
//! | [`conditions`] | waiting for a condition on the value of a mutex, changes, timeouts, poison, deaths and stops |
//! | [`delays`] | messages with a time, the earliest time, sleepers that bound their sleep by it, deaths and stops |
//! | [`fence`] | the fences between a store and a load, under the store buffers of x86 |
//! | [`handshake`] | how an object is created, opened, removed and healed |
//! | [`helping`] | what many helpers of one dead member do, each of which may be stopped, and new members |
//! | [`limiter`] | the word of a rate limiter, callers that wait, deaths, and a damaged word |
//! | [`mpmc`] | the places of a ring, the rooms at both its ends, the end, deaths, helpers and the reuse of slots |
//! | [`mutex`] | a fair lock with offers on the waiting room, deaths, stops, helping and the reuse of slots |
//! | [`named`] | waiters that want different messages, and calls for one message each |
//! | [`notices`] | receivers on a server, one notice for each message, receivers that leave, die or are stopped |
//! | [`once`] | a value that is set once, initialisers that fail, deaths, stops and helping |
//! | [`pool`] | permits, callers for one and for several, deaths, stops, helping and the reuse of slots |
//! | [`retries`] | claimed requests that come back, their limit, responses that are written apart, callers that leave, late helpers |
//! | [`room`] | interchangeable things, waiters that are called one at a time, helpers, deaths and stops |
//! | [`rwlock`] | counts of readers under store buffers, a gate that writers shut, poison, deaths, stops and helpers |
//! | [`spsc`] | the two roles of a ring, waiting for one, and the notice that the other side disconnected |
//! | [`store`] | the cells, lanes, returned messages, free cells and calls of a channel, deaths, stops, helpers and the reuse of slots |
//! | [`watch`] | a value with versions, readers that may be disturbed, waiters for a version or the end, deaths, stops and helping |
//!
//! Several models share [`members`], the slots and doorbells, and [`lock`], the lock word. The room, the
//! mutex, the pool and the mpmc ring have their own slots, with doorbells and HELPERS. [`spsc`] still has the waiting of before:
//! one reaper, and doorbells that a death posts once.
//!
//! Every model has `Rules`, with one boolean for each clause of the protocol. [`rules!`] makes them from a list that
//! names each clause once. With all rules in force, no invariant breaks. For each clause, a test takes this clause out
//! and expects that an invariant breaks. A clause that is not needed is listed with the reason instead, and one more
//! test for each model finds clauses that have neither. Each model's tests name the clauses that are not needed, with the
//! reason. Each invariant is broken by some test, and tests expect that the situations that the invariants speak of are
//! reached.
//!
//! A process takes one step at a time: one system call or one atomic access to shared memory. It may die before each
//! step, as often as the model's bounds allow. The kernel then settles the undo account of the process in the same
//! step. Some steps of a model are several in the code:
//!
//! - A check for dead members is one step for each slot, in any order. The code loads `used` and asks for ALIVE, of one
//!   slot or of all at once. It makes at most one check more than there are slots.
//! - A slot has one reaper at a time, which holds ALIVE, and a new member repairs its slot after it has claimed that. The code
//!   lets any number of helpers repair a slot at once, and a new member before it claims. [`room`] and [`mutex`] do as
//!   the code does. [`helping`] models that alone, without doorbells. Its words stand for those of all primitives.
//! - Draining a doorbell is one step. The code reads the value and then takes that many posts, or none if there are
//!   fewer by then.
//! - A load that is followed by a compare-and-swap is one step where the module says so.
//!
//! The models leave out weak memory, but for [`fence`]: accesses happen in one order that all processes see, as the
//! fences of the protocols promise. They leave out time: a deadline may pass whenever it matters. They leave out
//! fairness, so a lost wake-up is a *state*: no process has a step to take, and a process sleeps for something that is
//! available.
//!
//! Threads that share a slot at the desk are modelled beside futures alone, in [`clerk`]. Their tests are those of the primitives.
#![warn(missing_docs)]

pub mod aside;
pub mod barrier;
pub mod blocks;
pub mod broadcast;
pub mod clerk;
pub mod conditions;
pub mod delays;
pub mod fence;
pub mod handshake;
pub mod helping;
pub mod limiter;
pub mod lock;
pub mod members;
pub mod mpmc;
pub mod mutex;
pub mod named;
pub mod notices;
pub mod once;
pub mod pool;
pub mod retries;
pub mod room;
pub mod rules;
pub mod rwlock;
pub mod spsc;
pub mod store;
pub mod watch;

use std::{
    fmt::{self, Debug, Display},
    hash::Hash,
    time::{Duration, Instant},
};

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// The number of different states that were visited.
    pub states: usize,
    /// The time it took.
    pub time: Duration,
    /// The invariants that do not hold, by name, each with the trace of actions that breaks it.
    pub violations: Vec<(&'static str, Vec<String>)>,
    /// The situations that were reached, by name, of those that a model expects.
    pub reached: Vec<&'static str>,
}

impl Exploration {
    /// Returns whether the invariant of this name was broken.
    pub fn breaks(&self, invariant: &str) -> bool {
        self.violations.iter().any(|(name, _)| *name == invariant)
    }

    /// Returns whether this situation was reached.
    pub fn reaches(&self, situation: &str) -> bool {
        self.reached.contains(&situation)
    }
}

impl Display for Exploration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} states in {:.1?}", self.states, self.time)?;
        for (name, trace) in &self.violations {
            write!(out, "\n  {name} is broken by:\n    {}", trace.join("\n    "))?;
        }
        Ok(())
    }
}

/// Visits every state that can be reached, the nearest first. Stops at the first violation.
pub fn explore<M>(model: M) -> Exploration
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq,
{
    explore_to(model, HasDiscoveries::AnyFailures)
}

/// Visits states, the nearest first, until this invariant is broken. Violations of other invariants don't stop it.
///
/// # Panics
///
/// If the model has no invariant of this name.
pub fn explore_until_broken<M>(model: M, invariant: &'static str) -> Exploration
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq,
{
    assert!(model.properties().iter().any(|property| property.name == invariant), "there is no {invariant:?}");
    explore_to(model, HasDiscoveries::AnyOf([invariant].into()))
}

fn explore_to<M>(model: M, end: HasDiscoveries) -> Exploration
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq,
{
    let start = Instant::now();
    let situations: Vec<_> = model.properties().into_iter().filter(is_situation).map(|wanted| wanted.name).collect();
    let checker = model.checker().finish_when(end).spawn_bfs().join();
    let found = checker.discoveries().into_iter();
    let (reached, broken): (Vec<_>, Vec<_>) = found.partition(|(name, _)| situations.contains(name));
    Exploration {
        states: checker.unique_state_count(),
        time: start.elapsed(),
        violations: broken.into_iter().map(|(name, path)| (name, trace(path.into_actions()))).collect(),
        reached: reached.into_iter().map(|(name, _)| name).collect(),
    }
}

/// Whether a property is a situation that a model expects to be reached, and not an invariant.
fn is_situation<M: Model>(property: &Property<M>) -> bool {
    matches!(property.expectation, Expectation::Sometimes)
}

/// Formats a trace, one line for each action.
fn trace<Action: Debug>(actions: Vec<Action>) -> Vec<String> {
    actions.into_iter().map(|action| format!("{action:?}")).collect()
}
