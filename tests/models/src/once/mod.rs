//! A value that is set once: initialisers and waiters, failures, deaths and stops, and helpers of the dead.
//!
//! | modelled | as |
//! | --- | --- |
//! | the word | [`Word`] |
//! | the value | whether it is whole: not while it is written |
//! | the entries of the room | one [`Entry`] for each slot; an epoch is a bit of each notifier: whether it is still what it read |
//! | the doorbells | one counter for each slot, up to 3 |
//! | a process | one thread in a slot of its own; it initialises, or waits only |
//! | a death | one action before any step: the kernel posts each doorbell twice |
//! | a stop | no action: O4 speaks of every state, and so of any number of stops |
//!
//! Slots are not used again: see `helping`.
//!
//! Invariants:
//!
//! - O1. When no process has a step to take, none sleeps beside a value that is set, beside an unset one that it would set, or
//!   beside a dead initialiser.
//! - O2. At most one living process initialises, and the word names it.
//! - O3. A value that is set is whole, and stays set.
//! - O5. When the word says that all were called, none sleeps without a post beside the value, whatever others do.
//! - O4. A waiter that sleeps without a post, beside something that it waits for, is about to be posted by a process that lives.

mod rules;
mod steps;

pub use self::rules::Rules;

use stateright::{Model, Property};

const MOST: usize = 3;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Once {
    /// Whether each process initialises. Otherwise it waits for the value only.
    pub initialises: &'static [bool],
    /// How often initialisers may fail.
    pub failures: u8,
    /// How many deaths there may be.
    pub deaths: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// The word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Word {
    /// There is no value, and no initialiser.
    #[default]
    Unset,
    /// The process of this slot initialises.
    Init(u8),
    /// The value is there, and waiters may have to be called.
    Untold,
    /// The value is there.
    Set,
}

/// The entry of a slot in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Entry {
    /// No waiter.
    #[default]
    Awake,
    /// A waiter that was not called.
    Announced,
    /// A waiter that was called, and not posted by the notifier that called it.
    Unposted,
    /// A waiter that was called and posted.
    Called,
}

/// Where a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// It looks at the word.
    #[default]
    Look,
    /// With a rule left out: it saw that the word is unset.
    Seen,
    /// It empties its doorbell.
    Drain,
    /// It is a helper of a dead slot, if it is to be repaired.
    Enter(u8),
    /// It changes the word.
    Free(u8),
    /// It marks the slot as clean.
    Clean(u8),
    /// It announces itself.
    Announce,
    /// It checks.
    Check,
    /// It sleeps.
    Sleep,
    /// It withdraws.
    Withdraw,
    /// It has the word, and writes.
    Write,
    /// It has written half.
    Half,
    /// It says that the value is set.
    Finish,
    /// It reads entries, and remembers waiters.
    Scan(u8),
    /// It calls those that it remembers.
    Call(u8),
    /// It posts for those that it called.
    Post,
    /// It says that all were called.
    Told,
    /// It has what it wants.
    Done,
    /// It is dead.
    Dead,
}

/// What a process remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    at: At,
    suspects: bool,
    /// The waiters that it read, if their entries have not changed since.
    waiters: u8,
    called: u8,
    /// Where it goes on after it called.
    helps: Option<u8>,
    /// Whether it calls since it saw that the value is there.
    tells: bool,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OnceState {
    word: Word,
    is_whole: bool,
    was_set: bool,
    entries: [Entry; MOST],
    posts: [u8; MOST],
    is_used: [bool; MOST],
    processes: Vec<Process>,
    failures: u8,
    deaths: u8,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process takes its next step.
    Step(usize),
    /// An initialiser fails.
    Fail(usize),
    /// A process dies.
    Die(usize),
}

fn bit(slot: usize) -> u8 {
    1 << slot
}

fn slot(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

impl OnceState {
    fn is_dead(&self, slot: u8) -> bool {
        self.processes[usize::from(slot)].at == At::Dead
    }

    fn set_entry(&mut self, index: usize, entry: Entry) {
        self.entries[index] = entry;
        if entry == Entry::Announced {
            // Another epoch.
            self.processes.iter_mut().for_each(|process| {
                process.waiters &= !bit(index);
                process.called &= !bit(index);
            });
        }
    }
}

impl Model for Once {
    type State = OnceState;
    type Action = Action;

    fn init_states(&self) -> Vec<OnceState> {
        // A new member suspects a death at first.
        let processes = vec![Process { suspects: true, ..Process::default() }; self.initialises.len()];
        vec![OnceState {
            word: Word::Unset,
            is_whole: false,
            was_set: false,
            entries: [Entry::Awake; MOST],
            posts: [0; MOST],
            is_used: [true; MOST],
            processes,
            failures: 0,
            deaths: 0,
        }]
    }

    fn actions(&self, state: &OnceState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            if self.may_step(state, index) {
                actions.push(Action::Step(index));
            }
            if state.failures < self.failures && matches!(process.at, At::Write) {
                actions.push(Action::Fail(index));
            }
            if state.deaths < self.deaths && process.at != At::Dead {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, state: &OnceState, action: Action) -> Option<OnceState> {
        let mut state = state.clone();
        match action {
            Action::Step(index) => self.step(&mut state, index),
            Action::Fail(index) => {
                state.failures += 1;
                state.word = Word::Unset;
                state.processes[index].at = self.call_all(self.rules.calls_when_failed, &mut state, index);
            }
            Action::Die(index) => {
                state.deaths += 1;
                state.processes[index] = Process { at: At::Dead, ..Process::default() };
                if self.rules.obituary_posts {
                    let posts = if self.rules.obituary_posts_twice { 2 } else { 1 };
                    state.posts.iter_mut().for_each(|bell| *bell = (*bell + posts).min(3));
                }
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("O1 no lost wake-up", |model: &Self, state: &OnceState| {
                let processes = 0..state.processes.len();
                let is_over = !processes.clone().any(|index| model.may_step(state, index));
                let is_dead = matches!(state.word, Word::Init(slot) if state.is_dead(slot));
                let is_lost =
                    |index: usize| state.processes[index].at == At::Sleep && (is_dead || model.finds(state, index));
                !(is_over && processes.clone().any(is_lost))
            }),
            Property::always("O2 one initialiser", |_, state: &OnceState| {
                let writes = |at: At| matches!(at, At::Write | At::Half | At::Finish);
                let is_named = |index: usize| {
                    state.word == Word::Init(slot(index)) || matches!(state.word, Word::Untold | Word::Set)
                };
                (0..state.processes.len()).all(|index| !writes(state.processes[index].at) || is_named(index))
            }),
            Property::always("O3 whole, and for good", |_, state: &OnceState| {
                let is_set = matches!(state.word, Word::Untold | Word::Set);
                (!is_set || state.is_whole) && (!state.was_set || is_set)
            }),
            Property::always("O4 a process is about to post", |model: &Self, state: &OnceState| {
                let posts = |process: &Process| matches!(process.at, At::Scan(_) | At::Call(_) | At::Post);
                let is_covered = state.processes.iter().any(posts);
                let is_left = |index: usize| {
                    let sleeps = state.processes[index].at == At::Sleep && state.posts[index] == 0;
                    sleeps && model.finds(state, index)
                };
                is_covered || !(0..state.processes.len()).any(is_left)
            }),
            Property::always("O5 told", |_, state: &OnceState| {
                let is_left = |index: usize| state.processes[index].at == At::Sleep && state.posts[index] == 0;
                state.word != Word::Set || !(0..state.processes.len()).any(is_left)
            }),
            Property::sometimes("another one calls", |_, state: &OnceState| {
                let calls = |process: &&Process| matches!(process.at, At::Scan(_) | At::Call(_) | At::Post);
                state.word == Word::Untold && state.processes.iter().filter(calls).count() > 1
            }),
            Property::sometimes("a waiter sleeps", |_, state: &OnceState| {
                state.processes.iter().any(|process| process.at == At::Sleep)
            }),
            Property::sometimes("the value is set after a death", |model: &Self, state: &OnceState| {
                model.deaths == 0
                    || (matches!(state.word, Word::Untold | Word::Set) && (0..MOST).any(|slot| !state.is_used[slot]))
            }),
            Property::sometimes("two help at once", |model: &Self, state: &OnceState| {
                let helps = |process: &&Process| matches!(process.at, At::Free(_) | At::Clean(_));
                model.deaths == 0 || state.processes.iter().filter(helps).count() > 1
            }),
        ]
    }
}
