//! Waiting for a condition on the value of a mutex: changes, waiters with different conditions, poison, deaths and stops.
//!
//! | modelled | as |
//! | --- | --- |
//! | the lock's word | its holder, the bit CONDITIONS, and the poison. Waiting for the lock is abstract: see `mutex` |
//! | the value | a number that changes make larger. A waiter needs it to be at least so much |
//! | the entries of the room | one [`Entry`] for each slot. A notifier that gathered one forgets it when it is announced again |
//! | a scan of the room | one step. In the code it is one for each entry: a holder scans, so only withdrawals come between |
//! | the doorbells | one counter for each slot, up to 2 |
//! | a process | one thread in a slot of its own, which does one thing |
//! | a timeout | one action, while the waiter sleeps |
//! | a panic, and a handle that is dropped with the lock held | one action each of a holder |
//! | a death | one action before any step: the kernel posts each doorbell twice. A process that wants the lock repairs it |
//! | a stop | one action before any step: the process takes no step any more |
//!
//! Entries of dead slots are not cleared, which the protocol must bear: a helper may be late.
//!
//! Invariants:
//!
//! - C1. When no process has a step to take, none sleeps beside a value that it waits for, or beside poison. If a process was stopped,
//!   that holds once another one has freed the word after the change, unless the stopped one has the lock.
//! - C2. A waiter returns only if the value is as it needs, the lock is poisoned, or its timeout elapsed and the value is not so.
//! - C3. A waiter is called at most once for each change or poisoning.

mod rules;
mod steps;

pub use self::rules::Rules;

use stateright::{Model, Property};

const MOST: usize = 4;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// It waits until the value is at least this.
    Wait(u8),
    /// It changes the value, and then waits.
    ChangeAndWait(u8),
    /// It changes the value.
    Change,
    /// It locks and unlocks.
    Read,
}

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// What each process does.
    pub tasks: &'static [Task],
    /// How many timeouts there may be.
    pub timeouts: u8,
    /// How many holders may panic, or leave with the lock.
    pub poisonings: u8,
    /// How many deaths there may be.
    pub deaths: u8,
    /// How many stops there may be.
    pub stops: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// The entry of a slot in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Entry {
    /// No waiter.
    #[default]
    Awake,
    /// A waiter that was not called.
    Announced,
    /// A waiter that was chosen, and not posted by the notifier that chose it.
    Unposted,
    /// A waiter that was chosen and posted.
    Called,
}

/// Where a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// It takes the lock, or repairs it.
    #[default]
    Lock,
    /// It changes the value.
    Change,
    /// It checks the value.
    Check,
    /// It unlocks.
    Unlock,
    /// It chooses the waiters.
    Choose,
    /// It looks which waiters are left.
    Scan,
    /// It announces itself.
    Announce,
    /// It frees the word.
    Free,
    /// With a rule left out: it has freed the word, and begins to choose.
    Freed,
    /// It reads which waiters are chosen and not posted.
    Gather,
    /// It posts for the waiters that it gathered.
    Post,
    /// It marks them.
    Mark,
    /// It sleeps.
    Sleep,
    /// It withdraws.
    Withdraw,
    /// It has done what it does.
    Done,
    /// It is dead.
    Dead,
}

/// What a process remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    at: At,
    has_changed: bool,
    /// It has changed the value, and has not chosen since.
    is_changed: bool,
    poisons: bool,
    leaves: bool,
    waits: bool,
    is_late: bool,
    /// The word was freed since it changed the value.
    is_published: bool,
    is_stopped: bool,
    has_found: bool,
    gathered: u8,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConditionsState {
    holder: Option<u8>,
    bit: bool,
    is_poisoned: bool,
    value: u8,
    entries: [Entry; MOST],
    posts: [u8; MOST],
    calls: [u8; MOST],
    /// Whether the word was freed again since the last change was published.
    is_freed_since: bool,
    has_returned_wrongly: bool,
    processes: Vec<Process>,
    timeouts: u8,
    poisonings: u8,
    deaths: u8,
    stops: u8,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process takes its next step.
    Step(usize),
    /// A waiter's timeout elapses.
    Time(usize),
    /// A holder panics.
    Panic(usize),
    /// A holder drops its handle.
    Leave(usize),
    /// A process dies.
    Die(usize),
    /// A process is stopped.
    Stop(usize),
}

fn bit(slot: usize) -> u8 {
    1 << slot
}

fn slot(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

impl ConditionsState {
    fn is_dead(&self, slot: u8) -> bool {
        self.processes[usize::from(slot)].at == At::Dead
    }

    fn is_held_by_a_stopped_one(&self) -> bool {
        self.holder.is_some_and(|holder| self.processes[usize::from(holder)].is_stopped)
    }
}

impl Conditions {
    fn finds(&self, state: &ConditionsState, index: usize) -> bool {
        match self.tasks[index] {
            Task::Wait(least) | Task::ChangeAndWait(least) => state.is_poisoned || state.value >= least,
            Task::Change | Task::Read => false,
        }
    }

    fn is_lost(&self, state: &ConditionsState, index: usize) -> bool {
        let process = state.processes[index];
        let is_dead_held = state.holder.is_some_and(|holder| state.is_dead(holder));
        process.at == At::Sleep && !process.is_stopped && (is_dead_held || self.finds(state, index))
    }
}

impl Model for Conditions {
    type State = ConditionsState;
    type Action = Action;

    fn init_states(&self) -> Vec<ConditionsState> {
        vec![ConditionsState {
            holder: None,
            bit: false,
            is_poisoned: false,
            value: 0,
            entries: [Entry::Awake; MOST],
            posts: [0; MOST],
            calls: [0; MOST],
            is_freed_since: false,
            has_returned_wrongly: false,
            processes: vec![Process::default(); self.tasks.len()],
            timeouts: 0,
            poisonings: 0,
            deaths: 0,
            stops: 0,
        }]
    }

    fn actions(&self, state: &ConditionsState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            if process.is_stopped || matches!(process.at, At::Dead) {
                continue;
            }
            if self.may_step(state, index) {
                actions.push(Action::Step(index));
            }
            if state.timeouts < self.timeouts && process.at == At::Sleep {
                actions.push(Action::Time(index));
            }
            if state.poisonings < self.poisonings && matches!(process.at, At::Change | At::Check) {
                actions.extend([Action::Panic(index), Action::Leave(index)]);
            }
            if state.deaths < self.deaths {
                actions.push(Action::Die(index));
            }
            if state.stops < self.stops {
                actions.push(Action::Stop(index));
            }
        }
    }

    fn next_state(&self, state: &ConditionsState, action: Action) -> Option<ConditionsState> {
        let mut state = state.clone();
        match action {
            Action::Step(index) => self.step(&mut state, index),
            Action::Time(index) => {
                state.timeouts += 1;
                state.processes[index].is_late = true;
                state.processes[index].at = At::Withdraw;
            }
            Action::Panic(index) => {
                state.poisonings += 1;
                state.processes[index].poisons = true;
                state.processes[index].at = At::Unlock;
            }
            Action::Leave(index) => {
                state.poisonings += 1;
                state.processes[index].poisons = true;
                state.processes[index].leaves = true;
                state.processes[index].waits = false;
                state.processes[index].at = if self.rules.leaver_calls { At::Choose } else { At::Free };
            }
            Action::Die(index) => {
                state.deaths += 1;
                state.processes[index] = Process { at: At::Dead, ..Process::default() };
                if self.rules.obituary_posts {
                    state.posts.fill(2);
                }
            }
            Action::Stop(index) => {
                state.stops += 1;
                state.processes[index].is_stopped = true;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("C1 no lost wake-up", |model: &Self, state: &ConditionsState| {
                let processes = 0..state.processes.len();
                let moves = |index: usize| !state.processes[index].is_stopped && model.may_step(state, index);
                let is_over = !processes.clone().any(moves);
                let is_promised = state.stops == 0 || (state.is_freed_since && !state.is_held_by_a_stopped_one());
                !(is_over && is_promised && processes.clone().any(|index| model.is_lost(state, index)))
            }),
            Property::always("C2 a right return", |_, state: &ConditionsState| !state.has_returned_wrongly),
            Property::always("C3 one call a change", |_, state: &ConditionsState| {
                state.calls.iter().all(|&calls| calls <= state.value + state.poisonings)
            }),
            Property::sometimes("a waiter sleeps", |_, state: &ConditionsState| {
                state.processes.iter().any(|process| process.at == At::Sleep)
            }),
            Property::sometimes("all waiters are called", |model: &Self, state: &ConditionsState| {
                let is_called = |index: usize| state.entries[index] == Entry::Called;
                let waits = |index: &usize| matches!(model.tasks[*index], Task::Wait(_));
                (0..model.tasks.len()).filter(waits).all(is_called)
            }),
            Property::sometimes("another one posts", |_, state: &ConditionsState| {
                let posts = |process: &&Process| process.gathered != 0 && process.at == At::Post;
                state.processes.iter().filter(posts).count() > 1
            }),
            Property::sometimes("nothing is left", |_, state: &ConditionsState| {
                !state.bit && state.value > 0 && state.processes.iter().all(|process| process.at == At::Done)
            }),
        ]
    }
}
