//! A barrier: arrivals, timeouts, deaths that break a generation, helpers of the dead, and members that are told later.
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
//! A process that was told of a break waits no more, as there is none to take the place of the dead one. Where fewer are
//! waited for than there are, it goes on, and N1 says nothing. Slots are not used again: see `helping`.
//!
//! Invariants:
//!
//! - N1. When no process has a step to take, none sleeps. All go through all generations, or are told of a death.
//! - N2. A generation is complete when all have arrived in it, and at no other time.
//! - N3. Each death breaks one generation at most.
//! - N5. No generation is complete if a member died before the last one came.
//! - N4. A member is told of each break once, before it waits in a later generation. All are told the same name.

use stateright::{Model, Property};

crate::rules! {
    /// BR1: an arrival changes the word by compare-and-swap.
    arrives_by_compare,
    /// BR2: the last one changes the generation before it calls.
    changes_before_calling,
    /// BR2: the last one calls all that wait.
    calls_when_complete,
    /// BR3: a break forgets the arrivals.
    break_forgets,
    /// BR3: the helpers of a slot agree on the generation that they break.
    agrees_on_generation,
    /// BR3: if that is complete meanwhile, they break a later one.
    breaks_a_later_one,
    /// BR3: a helper that broke a generation calls all that wait.
    calls_when_broken,
    /// BR4: a member that did not wait in a generation that broke is told at its next wait.
    tells_later,
    /// BR4: the dead member is named before the generation breaks.
    names_first,
    /// BR4: the first name stays.
    names_once,
    /// BR6: the last one checks for dead members before it ends the generation.
    last_one_checks,
    /// BR5: a wait that timed out leaves only if its generation is the current one.
    leaves_its_own,
    /// W2: a waiter announces itself before it checks.
    announce_before_check,
    /// W5: a wake-up without a call is an obituary.
    uncalled_wake_suspects,
    /// The kernel posts each doorbell when a process dies.
    obituary_posts,
    /// W6: it posts twice.
    obituary_posts_twice,
}

const MOST: usize = 4;
const GENERATIONS: usize = 6;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Barrier {
    /// How many processes there are.
    pub processes: usize,
    /// How many of them are waited for: all, or if they go on, perhaps fewer.
    pub parties: u8,
    /// Whether a process goes on after it was told of a break. Otherwise it leaves.
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
    /// It left, or its death is told.
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
    /// It says that the death is told, or what generation is to break instead.
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
    /// The generations of whose break it was told, and by what name that was the last.
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

impl Barrier {
    /// A wait is over, in its generation.
    fn over(&self, state: &mut BarrierState, index: usize, outcome: Outcome) -> At {
        let generation = state.processes[index].next;
        let process = &mut state.processes[index];
        process.has_arrived = false;
        process.next += 1;
        match outcome {
            Outcome::Complete => {
                process.calls -= 1;
                At::Rest
            }
            Outcome::Broken => {
                state.tell(index, generation);
                self.told(state, index)
            }
        }
    }

    fn told(&self, state: &mut BarrierState, index: usize) -> At {
        if self.goes_on { At::Rest } else { self.leave_object(state, index) }
    }

    fn leave_object(&self, state: &mut BarrierState, index: usize) -> At {
        state.here[index] = Here::Absent;
        state.is_used[index] = false;
        At::Done
    }

    /// Begins a wait, or tells of a generation that broke without it.
    fn begin(&self, state: &mut BarrierState, index: usize) -> At {
        if state.processes[index].calls == 0 {
            return self.leave_object(state, index);
        }
        let next = state.processes[index].next;
        if next != state.generation {
            state.processes[index].next = state.generation;
            let broken: Vec<u8> =
                (next..state.generation).filter(|&passed| state.outcome(passed) == Some(Outcome::Broken)).collect();
            if !broken.is_empty() && self.rules.tells_later {
                broken.into_iter().for_each(|passed| state.tell(index, passed));
                state.processes[index].has_checked = false;
                return self.told(state, index);
            }
        }
        if !state.processes[index].has_checked {
            state.processes[index].dead = self.dead(state);
            let may_know = state.processes[index].suspects || state.posts[index] > 0;
            if state.count + 1 >= self.parties && may_know && self.rules.last_one_checks {
                state.processes[index].has_checked = true;
                return self.enter(state, index, 0);
            }
        }
        if !self.rules.arrives_by_compare {
            return At::Read(state.count);
        }
        let count = state.count;
        self.arrive(state, index, count)
    }

    /// The dead members that none has repaired.
    fn dead(&self, state: &BarrierState) -> u8 {
        let dead = (0..slot(self.processes)).filter(|&it| state.is_dead(it) && state.is_used[usize::from(it)]);
        dead.map(bit).fold(0, |all, it| all | it)
    }

    fn arrive(&self, state: &mut BarrierState, index: usize, count: u8) -> At {
        state.processes[index].has_checked = false;
        if count + 1 < self.parties {
            state.count = count + 1;
            state.processes[index].has_arrived = true;
            return At::Look;
        }
        if self.rules.changes_before_calling { self.complete(state, index) } else { At::Scan(0, state.generation) }
    }

    fn complete(&self, state: &mut BarrierState, index: usize) -> At {
        let generation = state.generation;
        let arrived = |(other, process): (usize, &Process)| {
            // A dead one may have arrived before.
            other == index || process.has_arrived && process.next == generation
        };
        let all = state.processes.iter().enumerate().filter(|&it| arrived(it)).count();
        if all != usize::from(self.parties) {
            state.wrong = Some("N2");
        }
        if state.processes[index].dead & self.dead(state) != 0 {
            state.wrong = Some("N5");
        }
        state.count = 0;
        state.end_generation(Outcome::Complete);
        let process = &mut state.processes[index];
        process.next = generation + 1;
        process.calls -= 1;
        if self.rules.calls_when_complete && self.rules.changes_before_calling {
            At::Scan(0, generation)
        } else {
            At::Rest
        }
    }

    fn begin_round(&self, state: &BarrierState, index: usize) -> At {
        match (state.processes[index].suspects, self.rules.announce_before_check) {
            (true, _) => At::Drain,
            (false, true) => At::Announce,
            (false, false) => At::Check,
        }
    }

    fn enter(&self, state: &mut BarrierState, index: usize, from: u8) -> At {
        if usize::from(from) < self.processes {
            return At::Enter(from);
        }
        if state.processes[index].has_checked {
            return At::Rest;
        }
        state.processes[index].suspects = false;
        if self.rules.announce_before_check { At::Announce } else { At::Check }
    }

    fn found(&self, state: &BarrierState, index: usize) -> Option<Outcome> {
        state.outcome(state.processes[index].next)
    }

    fn wait(&self, state: &mut BarrierState, index: usize, at: At) -> At {
        match at {
            At::Rest => self.begin(state, index),
            At::Read(count) => self.arrive(state, index, count),
            At::Look => match self.found(state, index) {
                Some(outcome) => self.over(state, index, outcome),
                None => self.begin_round(state, index),
            },
            At::Drain => {
                state.posts[index] = 0;
                self.enter(state, index, 0)
            }
            At::Announce => {
                let generation = state.processes[index].next;
                state.set_entry(index, Entry::Announced(generation));
                if self.rules.announce_before_check { At::Check } else { At::Sleep }
            }
            At::Check => match self.found(state, index) {
                Some(outcome) => {
                    state.set_entry(index, Entry::Awake);
                    self.over(state, index, outcome)
                }
                None if self.rules.announce_before_check => At::Sleep,
                None => At::Announce,
            },
            At::Sleep => {
                state.posts[index] -= 1;
                At::Withdraw
            }
            At::Withdraw => {
                let is_called = !matches!(state.entries[index], Entry::Announced(_));
                state.set_entry(index, Entry::Awake);
                state.processes[index].suspects |= !is_called && self.rules.uncalled_wake_suspects;
                At::Look
            }
            At::Leave => {
                state.set_entry(index, Entry::Awake);
                match self.found(state, index).filter(|_| self.rules.leaves_its_own) {
                    Some(outcome) => self.over(state, index, outcome),
                    None => {
                        state.count = state.count.saturating_sub(1);
                        state.processes[index].has_arrived = false;
                        At::Rest
                    }
                }
            }
            at => at,
        }
    }

    fn help(&self, state: &mut BarrierState, index: usize, at: At) -> At {
        match at {
            At::Enter(dead) if state.is_dead(dead) && state.is_used[usize::from(dead)] => {
                state.entries[usize::from(dead)] = Entry::Awake;
                At::Choose(dead)
            }
            At::Enter(dead) => self.enter(state, index, dead + 1),
            At::Choose(dead) => match state.here[usize::from(dead)] {
                Here::Absent => At::Clean(dead),
                Here::Present if self.rules.agrees_on_generation => {
                    state.here[usize::from(dead)] = Here::Breaks(state.generation);
                    At::Choose(dead)
                }
                Here::Present => self.name_or_break(dead, state.generation),
                Here::Breaks(generation) => match state.outcome(generation) {
                    None => self.name_or_break(dead, generation),
                    Some(_) => At::Settle(dead, generation),
                },
            },
            At::Name(dead, generation) => {
                let name = &mut state.names[usize::from(generation)];
                if name.is_none() || !self.rules.names_once {
                    *name = Some(dead);
                }
                At::Break(dead, generation)
            }
            At::Break(dead, generation) => {
                if state.generation != generation {
                    return At::Choose(dead);
                }
                state.end_generation(Outcome::Broken);
                if self.rules.break_forgets {
                    state.count = 0;
                }
                if !self.rules.names_first {
                    return At::NameLate(dead, generation);
                }
                self.has_broken(state, index, dead, generation)
            }
            At::NameLate(dead, generation) => {
                state.names[usize::from(generation)].get_or_insert(dead);
                self.has_broken(state, index, dead, generation)
            }
            At::Settle(dead, generation) => {
                let is_broken = state.outcome(generation) == Some(Outcome::Broken);
                let is_told = is_broken || !self.rules.breaks_a_later_one;
                let here = &mut state.here[usize::from(dead)];
                if *here == Here::Breaks(generation) || !self.rules.agrees_on_generation {
                    *here = if is_told { Here::Absent } else { Here::Breaks(state.generation) };
                }
                At::Choose(dead)
            }
            At::Clean(dead) => {
                state.is_used[usize::from(dead)] = false;
                self.enter(state, index, dead + 1)
            }
            at => at,
        }
    }

    fn name_or_break(&self, dead: u8, generation: u8) -> At {
        if self.rules.names_first { At::Name(dead, generation) } else { At::Break(dead, generation) }
    }

    fn has_broken(&self, state: &mut BarrierState, index: usize, dead: u8, generation: u8) -> At {
        if !self.rules.calls_when_broken {
            return At::Settle(dead, generation);
        }
        state.processes[index].helps = Some(dead);
        state.processes[index].waiters = 0;
        At::Scan(0, generation)
    }

    fn notify(&self, state: &mut BarrierState, index: usize, at: At) -> At {
        let is_more = |slot: u8| usize::from(slot) + 1 < self.processes;
        match at {
            At::Scan(read, upto) => {
                let fits = |entry| matches!(entry, Entry::Announced(of) | Entry::Unposted(of) if of <= upto);
                let waiter = fits(state.entries[usize::from(read)]);
                state.processes[index].waiters |= u8::from(waiter) << read;
                if is_more(read) { At::Scan(read + 1, upto) } else { At::Call(0) }
            }
            At::Call(chosen) => {
                let mask = bit(chosen);
                let is_known = state.processes[index].waiters & mask != 0;
                match state.entries[usize::from(chosen)] {
                    Entry::Announced(of) if is_known => {
                        state.entries[usize::from(chosen)] = Entry::Unposted(of);
                        state.processes[index].called |= mask;
                    }
                    Entry::Unposted(_) if is_known => state.processes[index].called |= mask,
                    _ => {}
                }
                if is_more(chosen) { At::Call(chosen + 1) } else { At::Post }
            }
            At::Post => {
                for waiter in 0..self.processes {
                    if state.processes[index].called & bit(slot(waiter)) != 0 {
                        state.posts[waiter] = (state.posts[waiter] + 1).min(3);
                        if let Entry::Unposted(_) = state.entries[waiter] {
                            state.entries[waiter] = Entry::Called;
                        }
                    }
                }
                let process = &mut state.processes[index];
                (process.waiters, process.called) = (0, 0);
                match process.helps.take() {
                    Some(dead) => At::Choose(dead),
                    None if self.rules.changes_before_calling => At::Rest,
                    None => At::Complete,
                }
            }
            At::Complete => self.complete(state, index),
            at => at,
        }
    }

    fn step(&self, state: &mut BarrierState, index: usize) {
        let at = state.processes[index].at;
        let next = match at {
            At::Enter(_)
            | At::Choose(_)
            | At::Name(..)
            | At::Break(..)
            | At::NameLate(..)
            | At::Settle(..)
            | At::Clean(_) => self.help(state, index, at),
            At::Scan(..) | At::Call(_) | At::Post | At::Complete => self.notify(state, index, at),
            _ => self.wait(state, index, at),
        };
        state.processes[index].at = next;
    }

    fn may_step(&self, state: &BarrierState, index: usize) -> bool {
        match state.processes[index].at {
            At::Done | At::Dead => false,
            At::Sleep => state.posts[index] > 0,
            _ => true,
        }
    }

    fn die(&self, state: &mut BarrierState, index: usize) {
        state.deaths += 1;
        let process = &mut state.processes[index];
        *process = Process { at: At::Dead, next: process.next, has_arrived: process.has_arrived, ..Process::default() };
        if self.rules.obituary_posts {
            let posts = if self.rules.obituary_posts_twice { 2 } else { 1 };
            state.posts.iter_mut().for_each(|bell| *bell = (*bell + posts).min(3));
        }
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
