//! The permits of `Pool`: single callers, a caller that wants both permits, owners that die, slots that are used again.
//!
//! | modelled | as |
//! | --- | --- |
//! | the permits | two words, each free or owned by a slot |
//! | the turnstile | a lock word as the mutex's, but its poison means nothing; see [`crate::mutex`] for it alone |
//! | the flags | one boolean for single callers, one for the caller of many |
//! | the doorbells | three counters that saturate at [`Pool::saturation`]: single, many, turnstile |
//! | `ALIVE_k` and `used[k]` | one boolean each for every slot |
//! | a process | [`Process`]: where it stands, its slot, the slot that it reaps, what it calls for and holds |
//! | a death | one action before any step: the kernel clears what it holds of ALIVE, and posts every doorbell |
//!
//! A process that died or left comes back as a new member. It may take any slot that no process holds. A holder may
//! keep its permits for ever, so no sleeper may depend on it. It may leave with permits that it never released. A
//! waiter may time out whenever it would sleep, and right after it was woken. It may drain its doorbell before it sets
//! its flag. If it timed out only where it would sleep, as the code does, `post_before_leaving` and
//! `turnstile_gives_back` would not be needed: by then its flag is up, or WAITERS set.
//!
//! A load that is followed by a compare-and-swap, and again if that fails, is one step. A reaper's load of a word that
//! the slot does not own is no step: only the reaper could change that.
//!
//! The model leaves out `resize`, and so the limit. It leaves out SEEKING, `recent` and the hint of a handle, which
//! only say where to begin. Callers that don't wait are those that time out before they sleep, but that they raise no
//! flag.
//!
//! Invariants:
//!
//! - I1. A permit has at most one living holder, and its word names the holder.
//! - I2. When no process has a step to take, every word is free, held, or owned by a slot that a waiter would reap.
//! - I3. When no process has a step to take, no single caller sleeps while a permit is available.
//! - I4. When no process has a step to take, the caller of many does not sleep while every permit is available.
//! - I5. When no process has a step to take, no process sleeps at the turnstile unless another one holds it.

mod at;
mod check;
mod many;
mod reap;
mod rules;
mod symmetry;
mod turnstile;
mod wait;

pub use self::{
    at::{At, Reap},
    rules::Rules,
};

use stateright::{Model, Property};

use crate::{
    lock::LockWord,
    members::{Bells, Look, Member, Slot, Slots},
};

/// How many permits there are. The caller of many calls for them all.
const PERMITS: usize = 2;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Pool {
    /// How many processes want one permit at a time.
    pub singles: usize,
    /// How many processes want both permits at once.
    pub manys: usize,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Where a doorbell saturates.
    pub saturation: u8,
    /// Whether a waiter may drain its doorbell before it sets its flag.
    pub drains: bool,
    /// Whether processes may leave.
    pub leaves: bool,
    /// Whether states that differ only in the order of processes and slots count as one. Traces are harder to read
    /// then.
    pub sorts_processes: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// A doorbell. The first two have a flag each, and the turnstile's flag is WAITERS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bell {
    /// For one permit.
    Single,
    /// For all permits.
    Many,
    /// For the turnstile.
    Turnstile,
}

/// What a process is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Nothing, or to enter.
    Nothing,
    /// One permit.
    One,
    /// All permits.
    All,
    /// To leave.
    Leave,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Whether it calls for all permits at once.
    wants_all: bool,
    at: At,
    wish: Wish,
    look: Look,
    /// Has checked for dead members in this round: what it tries now is its last try.
    is_last_try: bool,
    has_token: bool,
    /// It has freed a permit in this repair.
    has_freed: bool,
    holds: [bool; PERMITS],
    holds_turnstile: bool,
    member: Member,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PoolState {
    permits: [Option<Slot>; PERMITS],
    turnstile: LockWord,
    /// Of single callers, and of the caller of many.
    flags: [bool; 2],
    bells: Bells<3>,
    slots: Slots,
    deaths: u8,
    processes: Vec<Process>,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member claims a slot and arms its obituary.
    Enter(usize, Slot),
    /// An idle process begins to acquire.
    Acquire(usize),
    /// A holder begins to release.
    Release(usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process that checks for dead members checks this slot.
    Look(usize, Slot),
    /// A waiter consumes every post that is there.
    Drain(usize),
    /// The timeout of a waiter elapses.
    GiveUp(usize),
    /// A process begins to leave, with the permits that it holds.
    Leave(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index, _) | Action::Step(index, _) | Action::Look(index, _) => index,
            Action::Acquire(index) | Action::Release(index) | Action::Drain(index) => index,
            Action::GiveUp(index) | Action::Leave(index) | Action::Die(index) => index,
        }
    }
}

impl Process {
    fn outside(wants_all: bool) -> Self {
        Self {
            wants_all,
            at: At::Outside,
            member: Member::default(),
            wish: Wish::Nothing,
            look: Look::default(),
            is_last_try: false,
            has_token: false,
            has_freed: false,
            holds: [false; PERMITS],
            holds_turnstile: false,
        }
    }

    /// Whether it waits for the turnstile, and not yet for the permits.
    fn is_before_turnstile(&self) -> bool {
        self.wish == Wish::All && !self.holds_turnstile
    }

    fn first_held(&self) -> Option<usize> {
        self.holds.iter().position(|holds| *holds)
    }

    /// Forgets what is over, so that equal situations are equal states.
    fn forget(&mut self) {
        if matches!(self.at, At::Idle | At::Holding) {
            (self.wish, self.is_last_try, self.has_token) = (Wish::Nothing, false, false);
            self.look = Look::default();
        }
        if self.at == At::Outside {
            *self = Self::outside(self.wants_all);
        }
        if !matches!(self.at, At::Reap(_)) {
            self.member.stop_reaping();
        }
    }
}

impl Pool {
    /// Adds what one process can do without dying.
    fn moves(&self, state: &PoolState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside => actions.extend(state.slots.free().map(|slot| Action::Enter(index, slot))),
            at @ (At::Idle | At::Holding) => {
                actions.push(if at == At::Idle { Action::Acquire(index) } else { Action::Release(index) });
                actions.extend(self.leaves.then_some(Action::Leave(index)));
            }
            at @ (At::Sleep | At::TurnSleep) => {
                actions.extend(self.can_wake(state, process).then_some(Action::Step(index, at)));
                actions.push(Action::GiveUp(index));
            }
            at => {
                if at == At::Snapshot {
                    actions.extend(process.look.unseen().map(|slot| Action::Look(index, slot)));
                } else {
                    actions.push(Action::Step(index, at));
                }
                let is_first = at == At::Announce && self.rules.announce_before_try;
                // A caller that does not wait returns here. The timeout may also elapse while a waiter is woken.
                let may_leave =
                    is_first || (process.has_token && matches!(at, At::Announce | At::Snapshot | At::TurnTake));
                actions.extend(may_leave.then_some(Action::GiveUp(index)));
                let may_drain = self.drains && is_first && self.has_post(state, process);
                actions.extend(may_drain.then_some(Action::Drain(index)));
            }
        }
    }

    fn apply(&self, state: &mut PoolState, index: usize, action: Action) -> At {
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Acquire(_) => acquire(state, index),
            Action::Release(_) => state.processes[index].first_held().map_or(At::Idle, At::Free),
            Action::Drain(_) => self.drain(state, index),
            Action::GiveUp(_) => self.give_up(state, index),
            Action::Step(..) => self.step(state, index),
            Action::Look(_, slot) => self.look_at(state, index, slot),
            Action::Leave(_) => self.leave(state, index),
            Action::Die(_) => self.die(state, index),
        }
    }

    fn step(&self, state: &mut PoolState, index: usize) -> At {
        match state.processes[index].at {
            at @ (At::Outside | At::Idle | At::Holding | At::Snapshot) => at,
            At::MarkUsed => {
                state.slots.mark_used(state.processes[index].member.slot);
                At::Idle
            }
            at @ (At::Scan(_) | At::Announce | At::Retry(_) | At::Sleep) => self.wait(state, index, at),
            at @ (At::PassOn(_) | At::PostOn | At::PostLeave) => self.settle(state, index, at),
            at @ (At::Free(_) | At::LoadFlags | At::Wake(_) | At::Post(_)) => self.release(state, index, at),
            at @ (At::TurnTake | At::TurnSleep | At::TurnDrop | At::TurnPost) => self.turn(state, index, at),
            at @ (At::ManyLook(_) | At::ManyTake(_)) => self.take_all(state, index, at),
            At::Reap(step) => self.reap(state, index, step),
        }
    }
}

fn acquire(state: &mut PoolState, index: usize) -> At {
    let process = &mut state.processes[index];
    process.wish = if process.wants_all { Wish::All } else { Wish::One };
    if process.wants_all { At::TurnTake } else { At::Scan(0) }
}

impl Model for Pool {
    type State = PoolState;
    type Action = Action;

    fn init_states(&self) -> Vec<PoolState> {
        let singles = std::iter::repeat_n(Process::outside(false), self.singles);
        let processes: Vec<_> = singles.chain(std::iter::repeat_n(Process::outside(true), self.manys)).collect();
        vec![PoolState {
            permits: [None; PERMITS],
            turnstile: LockWord::default(),
            flags: [false; 2],
            bells: Bells::silent(self.saturation),
            slots: Slots::empty(processes.len()),
            deaths: self.deaths,
            processes,
        }]
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
        if self.sorts_processes {
            state.rename();
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 one holder", |_, state: &PoolState| state.holders_are_alone()),
            Property::always("I2 nothing is lost", |model: &Self, state: &PoolState| {
                !model.is_quiet(state) || state.nothing_is_lost()
            }),
            Property::always("I3 no lost wake-up", |model: &Self, state: &PoolState| model.is_served(state)),
            Property::always("I4 many is not stuck", |model: &Self, state: &PoolState| model.is_served_all(state)),
            Property::always("I5 the turnstile turns", |model: &Self, state: &PoolState| model.turns(state)),
            Property::sometimes("both permits are held by one", |_, state: &PoolState| state.one_holds_all()),
            Property::sometimes("a reaper frees a permit", |_, state: &PoolState| state.a_reaper_has_freed()),
        ]
    }
}
