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
//! - O4. A waiter that sleeps without a post, beside something that it waits for, is about to be posted by a process that lives.

use stateright::{Model, Property};

crate::rules! {
    /// OL1: an initialiser takes the word by compare-and-swap.
    takes_by_compare,
    /// OL2: the value is written before the word says that it is set.
    value_before_word,
    /// OL3: a helper changes the word only if it names the dead slot.
    helper_compares,
    /// OL3: a helper gives the word back.
    helper_frees,
    /// OL4: an initialiser that has set the value calls all waiters.
    calls_when_set,
    /// OL4: one that failed calls all waiters.
    calls_when_failed,
    /// OL4: a helper that gave the word back calls all waiters.
    calls_when_freed,
    /// OL4: a failed initialiser calls each waiter, and not one of them.
    calls_all,
    /// W2: a waiter announces itself before it checks.
    announce_before_check,
    /// W5: a wake-up without a call is an obituary.
    uncalled_wake_suspects,
    /// The kernel posts each doorbell when a process dies.
    obituary_posts,
    /// W6: it posts twice.
    obituary_posts_twice,
}

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
    /// The waiters that it read, whose entries have not changed since.
    waiters: u8,
    called: u8,
    /// Where it goes on after it called.
    helps: Option<u8>,
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

impl Once {
    fn finds(&self, state: &OnceState, index: usize) -> bool {
        match state.word {
            Word::Set => true,
            Word::Unset => self.initialises[index],
            Word::Init(_) => false,
        }
    }

    /// Takes what the process waits for, if it is there.
    fn take(&self, state: &mut OnceState, index: usize) -> Option<At> {
        match state.word {
            Word::Set => Some(At::Done),
            Word::Unset if self.initialises[index] => {
                if !self.rules.takes_by_compare {
                    return Some(At::Seen);
                }
                state.word = Word::Init(slot(index));
                Some(At::Write)
            }
            _ => None,
        }
    }

    fn begin_round(&self, state: &OnceState, index: usize) -> At {
        match (state.processes[index].suspects, self.rules.announce_before_check) {
            (true, _) => At::Drain,
            (false, true) => At::Announce,
            (false, false) => At::Check,
        }
    }

    fn after_reaping(&self) -> At {
        if self.rules.announce_before_check { At::Announce } else { At::Check }
    }

    fn enter(&self, from: u8) -> At {
        if usize::from(from) < self.initialises.len() { At::Enter(from) } else { self.after_reaping() }
    }

    fn call_all(&self, is_due: bool, state: &mut OnceState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.waiters, process.called) = (0, 0);
        if is_due { At::Scan(0) } else { Self::called(process) }
    }

    /// Where a notifier goes on.
    fn called(process: &mut Process) -> At {
        (process.waiters, process.called) = (0, 0);
        match process.helps.take() {
            Some(dead) => At::Clean(dead),
            // It has set the value, or has failed and returns.
            None => At::Done,
        }
    }

    fn wait(&self, state: &mut OnceState, index: usize, at: At) -> At {
        match at {
            At::Look => self.take(state, index).unwrap_or_else(|| self.begin_round(state, index)),
            At::Seen => {
                state.word = Word::Init(slot(index));
                At::Write
            }
            At::Drain => {
                state.posts[index] = 0;
                self.enter(0)
            }
            At::Announce => {
                state.set_entry(index, Entry::Announced);
                if self.rules.announce_before_check { At::Check } else { At::Sleep }
            }
            At::Check => match self.take(state, index) {
                Some(next) => {
                    state.set_entry(index, Entry::Awake);
                    next
                }
                None if self.rules.announce_before_check => At::Sleep,
                None => At::Announce,
            },
            At::Sleep => {
                state.posts[index] -= 1;
                At::Withdraw
            }
            At::Withdraw => {
                let is_called = state.entries[index] != Entry::Announced;
                state.set_entry(index, Entry::Awake);
                let process = &mut state.processes[index];
                process.suspects |= !is_called && self.rules.uncalled_wake_suspects;
                At::Look
            }
            at => at,
        }
    }

    fn help(&self, state: &mut OnceState, index: usize, at: At) -> At {
        match at {
            At::Enter(dead) if state.is_dead(dead) && state.is_used[usize::from(dead)] => At::Free(dead),
            At::Enter(dead) => {
                let next = self.enter(dead + 1);
                if next == self.after_reaping() {
                    state.processes[index].suspects = false;
                }
                next
            }
            At::Free(dead) => {
                state.entries[usize::from(dead)] = Entry::Awake;
                let is_named = state.word == Word::Init(dead);
                let is_freed = self.rules.helper_frees && (is_named || !self.rules.helper_compares);
                if is_freed {
                    state.word = Word::Unset;
                }
                state.processes[index].helps = Some(dead);
                self.call_all(is_freed && self.rules.calls_when_freed, state, index)
            }
            At::Clean(dead) => {
                state.is_used[usize::from(dead)] = false;
                let next = self.enter(dead + 1);
                if next == self.after_reaping() {
                    state.processes[index].suspects = false;
                }
                next
            }
            at => at,
        }
    }

    fn set(&self, state: &mut OnceState, index: usize, at: At) -> At {
        let last = if self.rules.value_before_word { At::Finish } else { At::Done };
        match at {
            At::Write if !self.rules.value_before_word => {
                state.word = Word::Set;
                At::Half
            }
            At::Write => {
                state.is_whole = false;
                At::Half
            }
            At::Half => {
                state.is_whole = true;
                last
            }
            At::Finish => {
                if state.word == Word::Init(slot(index)) {
                    state.word = Word::Set;
                    state.was_set = true;
                }
                self.call_all(self.rules.calls_when_set, state, index)
            }
            at => at,
        }
    }

    fn notify(&self, state: &mut OnceState, index: usize, at: At) -> At {
        let next = |slot: u8, more: fn(u8) -> At, end: At| {
            if usize::from(slot) + 1 < self.initialises.len() { more(slot + 1) } else { end }
        };
        match at {
            At::Scan(read) => {
                let is_waiter = matches!(state.entries[usize::from(read)], Entry::Announced | Entry::Unposted);
                state.processes[index].waiters |= u8::from(is_waiter) << read;
                next(read, At::Scan, At::Call(0))
            }
            At::Call(chosen) => {
                let (waiter, mask) = (usize::from(chosen), bit(chosen.into()));
                let is_known = state.processes[index].waiters & mask != 0;
                let is_enough = !self.rules.calls_all && state.processes[index].called != 0;
                match state.entries[waiter] {
                    Entry::Announced if is_known && !is_enough => {
                        state.entries[waiter] = Entry::Unposted;
                        state.processes[index].called |= mask;
                    }
                    Entry::Unposted if is_known => state.processes[index].called |= mask,
                    _ => {}
                }
                next(chosen, At::Call, At::Post)
            }
            At::Post => {
                for waiter in 0..self.initialises.len() {
                    if state.processes[index].called & bit(waiter) != 0 {
                        state.posts[waiter] = (state.posts[waiter] + 1).min(3);
                        if state.entries[waiter] == Entry::Unposted {
                            state.entries[waiter] = Entry::Called;
                        }
                    }
                }
                Self::called(&mut state.processes[index])
            }
            at => at,
        }
    }

    fn step(&self, state: &mut OnceState, index: usize) {
        let at = state.processes[index].at;
        let next = match at {
            At::Look | At::Seen | At::Drain | At::Announce | At::Check | At::Sleep | At::Withdraw => {
                self.wait(state, index, at)
            }
            At::Enter(_) | At::Free(_) | At::Clean(_) => self.help(state, index, at),
            At::Write | At::Half | At::Finish => self.set(state, index, at),
            At::Scan(_) | At::Call(_) | At::Post => self.notify(state, index, at),
            At::Done | At::Dead => at,
        };
        state.processes[index].at = next;
    }

    fn may_step(&self, state: &OnceState, index: usize) -> bool {
        match state.processes[index].at {
            At::Done | At::Dead => false,
            At::Sleep => state.posts[index] > 0,
            _ => true,
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
                let is_named = |index: usize| state.word == Word::Init(slot(index)) || state.word == Word::Set;
                (0..state.processes.len()).all(|index| !writes(state.processes[index].at) || is_named(index))
            }),
            Property::always("O3 whole, and for good", |_, state: &OnceState| {
                let is_right = state.word != Word::Set || state.is_whole;
                is_right && (!state.was_set || state.word == Word::Set)
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
            Property::sometimes("a waiter sleeps", |_, state: &OnceState| {
                state.processes.iter().any(|process| process.at == At::Sleep)
            }),
            Property::sometimes("the value is set after a death", |model: &Self, state: &OnceState| {
                model.deaths == 0 || (state.word == Word::Set && (0..MOST).any(|slot| !state.is_used[slot]))
            }),
            Property::sometimes("two help at once", |model: &Self, state: &OnceState| {
                let helps = |process: &&Process| matches!(process.at, At::Free(_) | At::Clean(_));
                model.deaths == 0 || state.processes.iter().filter(helps).count() > 1
            }),
        ]
    }
}
