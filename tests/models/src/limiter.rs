//! The word of a rate limiter: callers that take, wait, die and are stopped, and a word that is damaged.
//!
//! | modelled | as |
//! | --- | --- |
//! | the clock | a number that any step may follow, up to [`Limiter::end`] |
//! | the word | the same kind of number |
//! | a caller | it reads the word, reads the clock, and changes the word: a step each |
//! | a death | one action before any step |
//! | a stop | no action: a process that takes no step from then on is stopped |
//! | damage | one action: the word becomes a time that is far away |
//!
//! Invariants:
//!
//! - N1. In any time t there are given out at most as many permits as fit the window and t, by the times that their callers read.
//! - N2. No caller sleeps while its permits are available.
//! - N3. The word says what was given out, and nothing else. So a waiter costs others nothing, whatever becomes of it.
//! - N4. No caller sleeps for longer than its permits and the window take.

use stateright::{Model, Property};

crate::rules! {
    /// RL1: the word is changed by compare-and-swap, and not by a store.
    compares,
    /// RL1: a caller that waits takes its permits at the end, and not when it comes.
    waits_without_permits,
    /// RL2: a caller reads the word before the clock.
    word_before_clock,
    /// RL2: an impossible word is mended.
    mends,
    /// RL3: what was not used is not saved beyond the window.
    forgets_the_past,
    /// RL4: a caller sleeps until its permits are available, and not until all is paid for.
    sleeps_no_longer,
}

/// How much time pays for a permit.
const INTERVAL: u8 = 2;
/// How many permits are given out at once.
const BURST: u8 = 2;
const WINDOW: u8 = INTERVAL * BURST;
/// What a damaged word is.
const FAR: u8 = 100;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Limiter {
    /// How many permits each process asks for, time after time.
    pub wanted: &'static [u8],
    /// How often each process asks.
    pub calls: u8,
    /// When the clock stops.
    pub end: u8,
    /// How many deaths there may be.
    pub deaths: u8,
    /// Whether the word is damaged once.
    pub is_damaged: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// Where a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Between two calls.
    Rest,
    /// It has read the one, and is about to read the other.
    Half(u8),
    /// It has read the word and the clock.
    Seen {
        /// The word.
        word: u8,
        /// The time.
        now: u8,
    },
    /// It sleeps until then.
    Asleep(u8),
    /// It is dead.
    Dead,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimiterState {
    time: u8,
    word: u8,
    /// What the word is to be by what was given out.
    owed: u8,
    /// The times that callers read which were given a permit, in order.
    given: Vec<u8>,
    processes: Vec<(At, u8)>,
    deaths: u8,
    is_damaged: bool,
    has_mended: bool,
    has_failed: bool,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Time passes.
    Tick,
    /// A process takes its next step.
    Step(usize),
    /// A process dies.
    Die(usize),
    /// The word is overwritten.
    Damage,
}

impl Limiter {
    fn step(&self, state: &mut LimiterState, index: usize) {
        let at = state.processes[index].0;
        let next = match at {
            At::Rest => self.read_first(state),
            At::Half(first) if self.rules.word_before_clock => At::Seen { word: first, now: state.time },
            At::Half(first) => At::Seen { word: state.word, now: first },
            At::Seen { word, now } => self.act(state, index, word, now),
            At::Asleep(_) if !self.rules.waits_without_permits => {
                self.give(state, index, state.time);
                At::Rest
            }
            At::Asleep(_) => self.read_first(state),
            At::Dead => At::Dead,
        };
        state.processes[index].0 = next;
    }

    fn read_first(&self, state: &LimiterState) -> At {
        At::Half(if self.rules.word_before_clock { state.word } else { state.time })
    }

    fn act(&self, state: &mut LimiterState, index: usize, word: u8, now: u8) -> At {
        let (latest, cost) = (now + WINDOW, self.wanted[index] * INTERVAL);
        if word > latest && self.rules.mends {
            if state.word == word {
                state.word = latest;
                state.owed = latest;
                state.has_mended = true;
            }
            return self.read_first(state);
        }
        let next = cost + if self.rules.forgets_the_past { word.max(now) } else { word };
        let is_changed = state.word != word && self.rules.compares;
        if next > latest {
            let reserves = !self.rules.waits_without_permits;
            match (reserves, is_changed) {
                (true, true) => return self.read_first(state),
                (true, false) => state.word = next,
                _ => {}
            }
            return At::Asleep(if self.rules.sleeps_no_longer { now + (next - latest) } else { next });
        }
        if is_changed {
            state.has_failed = true;
            return self.read_first(state);
        }
        state.word = next;
        state.owed = next;
        self.give(state, index, now);
        At::Rest
    }

    fn give(&self, state: &mut LimiterState, index: usize, now: u8) {
        (0..self.wanted[index]).for_each(|_| state.given.push(now));
        state.given.sort_unstable();
        state.processes[index].1 -= 1;
    }

    fn is_available(&self, state: &LimiterState, index: usize) -> bool {
        state.word.max(state.time) + self.wanted[index] * INTERVAL <= state.time + WINDOW
    }
}

impl Model for Limiter {
    type State = LimiterState;
    type Action = Action;

    fn init_states(&self) -> Vec<LimiterState> {
        let processes = vec![(At::Rest, self.calls); self.wanted.len()];
        // Time has passed since the limiter was made.
        let (time, word) = (WINDOW, 0);
        vec![LimiterState {
            time,
            word,
            owed: word,
            given: Vec::new(),
            processes,
            deaths: 0,
            is_damaged: false,
            has_mended: false,
            has_failed: false,
        }]
    }

    fn actions(&self, state: &LimiterState, actions: &mut Vec<Action>) {
        if state.time < self.end {
            actions.push(Action::Tick);
        }
        if self.is_damaged && !state.is_damaged {
            actions.push(Action::Damage);
        }
        for (index, &(at, calls)) in state.processes.iter().enumerate() {
            let may_step = match at {
                At::Rest => calls > 0,
                At::Asleep(until) => until <= state.time,
                At::Dead => false,
                At::Half(_) | At::Seen { .. } => true,
            };
            if may_step {
                actions.push(Action::Step(index));
            }
            if state.deaths < self.deaths && at != At::Dead {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, state: &LimiterState, action: Action) -> Option<LimiterState> {
        let mut state = state.clone();
        match action {
            Action::Tick => state.time += 1,
            Action::Step(index) => self.step(&mut state, index),
            Action::Die(index) => {
                state.processes[index].0 = At::Dead;
                state.deaths += 1;
            }
            Action::Damage => {
                state.word = FAR;
                state.is_damaged = true;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("N1 the rate", |_, state: &LimiterState| {
                let given = &state.given;
                let fits = |first: usize, last: usize| {
                    let count = u8::try_from(last - first + 1).unwrap_or(u8::MAX);
                    count * INTERVAL <= WINDOW + (given[last] - given[first])
                };
                (0..given.len()).all(|first| (first..given.len()).all(|last| fits(first, last)))
            }),
            Property::always("N2 no sleep beside permits", |model: &Self, state: &LimiterState| {
                let sleeps = |at: At| matches!(at, At::Asleep(until) if until > state.time);
                let oversleeps = |(index, &(at, _)): (usize, &(At, u8))| sleeps(at) && model.is_available(state, index);
                !state.processes.iter().enumerate().any(oversleeps)
            }),
            Property::always("N3 nothing else is taken", |_, state: &LimiterState| {
                state.word == state.owed || state.word == FAR
            }),
            Property::always("N4 no long sleep", |model: &Self, state: &LimiterState| {
                let is_long = |(index, &(at, _)): (usize, &(At, u8))| matches!(at, At::Asleep(until) if until > state.time + model.wanted[index] * INTERVAL + WINDOW);
                !state.processes.iter().enumerate().any(is_long)
            }),
            Property::sometimes("a caller sleeps", |_, state: &LimiterState| {
                state.processes.iter().any(|(at, _)| matches!(at, At::Asleep(_)))
            }),
            Property::sometimes("a compare-and-swap fails", |_, state: &LimiterState| state.has_failed),
            Property::sometimes("all calls are over", |_, state: &LimiterState| {
                state.processes.iter().all(|(_, calls)| *calls == 0)
            }),
            Property::sometimes("a word was mended", |_, state: &LimiterState| state.has_mended),
        ]
    }
}
