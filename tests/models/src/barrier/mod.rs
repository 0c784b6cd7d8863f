//! A barrier: arrivals, timeouts, deaths that break a generation, helpers of the dead, and members that are notified later.
//!
//! | modelled | as |
//! | --- | --- |
//! | the word | the generation, the arrivals, and the outcome of each generation so far |
//! | `here` of a slot | [`Here`] |
//! | the name of the dead | a number for each generation |
//! | the entries of the room | one [`Entry`] for each slot, with the generation; an epoch is a bit of each notifier |
//! | the doorbells | one counter for each slot, up to 3 |
//! | a process | one thread in a slot of its own; all of them are participants |
//! | a death | one action before any step: the kernel posts each doorbell twice |
//!
//! A process that was notified of a break waits no more, as there is none to take the place of the dead one. Where fewer are
//! waited for than there are, it goes on, and N1 says nothing. Slots are not used again: see `helping`.
//!
//! Invariants:
//!
//! - N1. When no process has a step to take, none sleeps. All go through all generations, or are notified of a death.
//! - N2. A generation is complete when all have arrived in it, and at no other time.
//! - N3. Each death breaks one generation at most.
//! - N5. No generation is complete if a member died before the last one came.
//! - N4. A member is notified of each break once, before it waits in a later generation. All get the same name.

mod rules;
mod steps;

pub use self::rules::Rules;

use stateright::{Model, Property};

const MOST: usize = 4;
const GENERATIONS: usize = 6;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Barrier {
    /// How many processes there are.
    pub processes: usize,
    /// How many of them are waited for: all, or if they go on, perhaps fewer.
    pub parties: u8,
    /// Whether a process goes on after it was notified of a break. Otherwise it leaves.
    pub goes_on: bool,
    /// How often each waits.
    pub calls: u8,
    /// How many of them are dead at first, the last ones, and no other one knows.
    pub dead_at_first: u8,
    /// How many deaths there may be, those at first among them.
    pub deaths: u8,
    /// How many waits may time out.
    pub timeouts: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What became of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All arrived.
    Complete,
    /// A member died.
    Broken,
}

/// What is known of the member of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Here {
    /// It is a participant.
    #[default]
    Present,
    /// It died, and this generation is to break.
    Breaks(u8),
    /// It left, or its death is reported.
    Absent,
}

/// The entry of a slot in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Entry {
    /// No waiter.
    #[default]
    Awake,
    /// A waiter that was not called, and its generation.
    Announced(u8),
    /// A waiter that was called, and not posted by the notifier that called it.
    Unposted(u8),
    /// A waiter that was called and posted.
    Called,
}

/// Where a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Between two waits.
    #[default]
    Rest,
    /// With a rule left out: it has read so many arrivals.
    Read(u8),
    /// It looks at the word.
    Look,
    /// It empties its doorbell.
    Drain,
    /// It is a helper of a dead slot, if it is to be repaired.
    Enter(u8),
    /// It chooses the generation that breaks.
    Choose(u8),
    /// It names the dead member.
    Name(u8, u8),
    /// It breaks the generation.
    Break(u8, u8),
    /// With a rule left out: it names the dead member afterwards.
    NameLate(u8, u8),
    /// It says that the death is reported, or what generation is to break instead.
    Settle(u8, u8),
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
    /// Its time is over.
    Leave,
    /// It reads entries, and remembers waiters up to this generation.
    Scan(u8, u8),
    /// It calls those that it remembers.
    Call(u8),
    /// It posts for those that it called.
    Post,
    /// With a rule left out: it has called, and changes the word.
    Complete,
    /// It is done, and has left.
    Done,
    /// It is dead.
    Dead,
}

/// What a process remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    at: At,
    calls: u8,
    suspects: bool,
    /// The generation in which it waits, or will.
    next: u8,
    /// Whether it counts as arrived in that.
    has_arrived: bool,
    waiters: u8,
    called: u8,
    /// Where it goes on after it called.
    helps: Option<u8>,
    /// The broken generations that it was notified of, and the name that it got last.
    told: u8,
    /// Whether it has checked for dead members, as the last one.
    has_checked: bool,
    /// Those that were dead when it came.
    dead: u8,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BarrierState {
    generation: u8,
    count: u8,
    outcomes: [Option<Outcome>; GENERATIONS],
    names: [Option<u8>; GENERATIONS],
    told_names: [Option<u8>; GENERATIONS],
    here: [Here; MOST],
    entries: [Entry; MOST],
    posts: [u8; MOST],
    is_used: [bool; MOST],
    processes: Vec<Process>,
    deaths: u8,
    timeouts: u8,
    /// The first thing that went wrong at once.
    wrong: Option<&'static str>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process takes its next step.
    Step(usize),
    /// A sleeping process wakes, as its timeout has elapsed.
    TimeOut(usize),
    /// A process dies.
    Die(usize),
}

fn bit(slot: u8) -> u8 {
    1 << slot
}

fn slot(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

impl BarrierState {
    fn is_dead(&self, slot: u8) -> bool {
        self.processes[usize::from(slot)].at == At::Dead
    }

    fn outcome(&self, generation: u8) -> Option<Outcome> {
        self.outcomes[usize::from(generation)]
    }

    fn set_entry(&mut self, index: usize, entry: Entry) {
        self.entries[index] = entry;
        if let Entry::Announced(_) = entry {
            let mask = !bit(slot(index));
            self.processes.iter_mut().for_each(|process| {
                process.waiters &= mask;
                process.called &= mask;
            });
        }
    }

    fn end_generation(&mut self, outcome: Outcome) {
        self.outcomes[usize::from(self.generation)] = Some(outcome);
        self.generation += 1;
    }

    /// The member learns of a break.
    fn tell(&mut self, index: usize, broken: u8) {
        self.processes[index].told |= bit(broken);
        let (name, told) = (self.names[usize::from(broken)], &mut self.told_names[usize::from(broken)]);
        if name.is_none() || told.is_some_and(|told| Some(told) != name) {
            self.wrong = Some("N4");
        }
        *told = name;
    }
}

impl Model for Barrier {
    type State = BarrierState;
    type Action = Action;

    fn init_states(&self) -> Vec<BarrierState> {
        let process = Process { calls: self.calls, suspects: true, ..Process::default() };
        let state = BarrierState {
            generation: 0,
            count: 0,
            outcomes: [None; GENERATIONS],
            names: [None; GENERATIONS],
            told_names: [None; GENERATIONS],
            here: [Here::Present; MOST],
            entries: [Entry::Awake; MOST],
            posts: [0; MOST],
            is_used: [true; MOST],
            processes: vec![process; self.processes],
            deaths: 0,
            timeouts: 0,
            wrong: None,
        };
        let dead = self.processes - usize::from(self.dead_at_first)..self.processes;
        let dies = |mut state: BarrierState, index| {
            self.die(&mut state, index);
            state
        };
        vec![dead.fold(state, dies)]
    }

    fn actions(&self, state: &BarrierState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            if self.may_step(state, index) {
                actions.push(Action::Step(index));
            }
            if state.timeouts < self.timeouts && process.at == At::Sleep {
                actions.push(Action::TimeOut(index));
            }
            if state.deaths < self.deaths && !matches!(process.at, At::Dead | At::Done) {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, state: &BarrierState, action: Action) -> Option<BarrierState> {
        let mut state = state.clone();
        match action {
            Action::Step(index) => self.step(&mut state, index),
            Action::TimeOut(index) => {
                state.timeouts += 1;
                state.processes[index].at = At::Leave;
            }
            Action::Die(index) => self.die(&mut state, index),
        }
        Some(state)
    }

    fn within_boundary(&self, state: &BarrierState) -> bool {
        usize::from(state.generation) + 1 < GENERATIONS
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("N1 no lost wake-up", |model: &Self, state: &BarrierState| {
                let is_over = !(0..model.processes).any(|index| model.may_step(state, index));
                !is_over || model.goes_on || state.processes.iter().all(|process| process.at != At::Sleep)
            }),
            Property::always("N2 complete when all arrived", |_, state: &BarrierState| state.wrong != Some("N2")),
            Property::always("N3 one break for a death", |_, state: &BarrierState| {
                let breaks = state.outcomes.iter().filter(|it| **it == Some(Outcome::Broken)).count();
                breaks <= usize::from(state.deaths)
            }),
            Property::always("N4 each is told", |_, state: &BarrierState| {
                let waits_untold = |process: &Process| {
                    let broken = |passed: &u8| state.outcome(*passed) == Some(Outcome::Broken);
                    let untold = (0..process.next).filter(broken).any(|passed| process.told & bit(passed) == 0);
                    untold && !matches!(process.at, At::Dead)
                };
                state.wrong != Some("N4") && !state.processes.iter().any(waits_untold)
            }),
            Property::always("N5 the dead complete nothing", |_, state: &BarrierState| state.wrong != Some("N5")),
            Property::sometimes("a waiter sleeps", |_, state: &BarrierState| {
                state.processes.iter().any(|process| process.at == At::Sleep)
            }),
            Property::sometimes("all go through", |model: &Self, state: &BarrierState| {
                state.generation == model.calls && state.processes.iter().all(|process| process.at == At::Done)
            }),
            Property::sometimes("a death after the generation", |model: &Self, state: &BarrierState| {
                let moved = |here: &Here| matches!(here, Here::Breaks(of) if *of > 0);
                model.deaths == 0 || state.here.iter().any(moved)
            }),
            Property::sometimes("a member is told later", |model: &Self, state: &BarrierState| {
                let breaks = |process: &Process| process.at == At::Rest && process.next != state.generation;
                model.deaths == 0 || state.processes.iter().any(breaks)
            }),
        ]
    }
}
