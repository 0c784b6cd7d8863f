//! A watched value: setters, readers, waiters for another version or for the end, deaths and stops, and helpers of the dead.
//!
//! | modelled | as |
//! | --- | --- |
//! | `begun`, `published`, `told` | numbers |
//! | a buffer | two halves, each with the setter and the version that wrote it. There are two buffers; the code has four |
//! | the lock | which process has it. One that wants it has no step while a living process has it. See `mutex` for its waiters |
//! | the flag | whether it is up, and for each notifier whether it is still what that read |
//! | attachments and arrivals | whether a process is a writer, and whether any ever was. See `mpmc` for the scan |
//! | the entries of the room | one [`Entry`] for each slot; an epoch is a bit of each notifier |
//! | the doorbells | one counter for each slot, up to 3 |
//! | a process | one thread in a slot of its own, with a [`Part`] |
//! | a death | one action before any step: the kernel posts each doorbell twice |
//! | a stop | no action: V5, V6 and V7 speak of every state, and so of any number of stops |
//!
//! Slots are not used again: see `helping`. A reader that takes the lock (WA7) is not here: it copies as a setter does.
//!
//! Invariants:
//!
//! - V1. When no process has a step to take, none sleeps beside a version that it waits for, or beside the end.
//! - V2. When no process has a step to take, none waits for the lock.
//! - V3. The published version is whole, and its buffer is not written.
//! - V4. A reader's copy is whole, and of the version that it read.
//! - V5. A waiter that sleeps without a post, beside something that it waits for, is about to be posted by a process that lives.
//! - V6. When it is said that all were called, none sleeps without a post beside that version.
//! - V7. When a process that came has gone on, none sleeps without a post beside the version that it found published.
//! - V8. A waiter that is told of the end has seen what was published before.

mod check;
mod rules;
mod steps;
mod wait;

pub use self::rules::Rules;

use stateright::{Model, Property};

const MOST: usize = 4;
const BUFFERS: u8 = 2;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is a writer, and sets the value so often.
    Sets(u8),
    /// It waits for this version or a later one.
    Waits(u8),
    /// The same, and it wants to know of the end.
    Detects(u8),
    /// It reads the value.
    Reads,
}

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What each process does.
    pub parts: &'static [Part],
    /// How many deaths there may be.
    pub deaths: u8,
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
    /// A waiter that was called, and not posted by the notifier that called it.
    Unposted,
    /// A waiter that was called and posted.
    Called,
}

/// Where a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// It begins.
    #[default]
    Begin,
    /// It takes the lock.
    Take,
    /// It says which version it begins.
    Begun,
    /// It writes the first half.
    First,
    /// It writes the second half.
    Second,
    /// It publishes.
    Publish,
    /// It frees the lock.
    Free,
    /// It looks at the flag, and calls all waiters if it is up.
    Notify,
    /// It reads entries, and remembers waiters.
    Scan(u8),
    /// It calls those that it remembers.
    Call(u8),
    /// It posts for those that it called.
    Post,
    /// It lowers the flag.
    Lower,
    /// It says that all were called.
    Told,
    /// It is a writer no more.
    Detach,
    /// It checks for the end, awake or announced.
    End(bool),
    /// It checks the version.
    Version(bool),
    /// It has checked both.
    Checked(bool),
    /// It empties its doorbell.
    Drain,
    /// It is a helper of a dead slot, if it is to be repaired.
    Enter(u8),
    /// It frees the lock of a dead slot.
    HelpFree(u8),
    /// It takes a dead writer off.
    HelpDetach(u8),
    /// It marks the slot as clean.
    Clean(u8),
    /// It announces itself.
    Announce,
    /// It raises the flag.
    Raise,
    /// It sleeps.
    Sleep,
    /// It withdraws.
    Withdraw,
    /// It reads the published version.
    Read,
    /// It copies the first half.
    CopyFirst,
    /// It copies the second half.
    CopySecond,
    /// It reads which version was begun.
    ReadBegun,
    /// It has what it wants.
    Done,
    /// It is dead.
    Dead,
}

/// Where a process goes on after it has called all waiters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Then {
    /// It has set the value.
    #[default]
    HasSet,
    /// With a rule left out: it publishes.
    Publishes,
    /// It is a writer no more.
    HasDetached,
    /// It came, and called for another one.
    Came,
    /// It helps on.
    Helps(u8),
}

/// What a process remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    at: At,
    then: Then,
    suspects: bool,
    /// Whether it helps since it wants the lock.
    wants_lock: bool,
    /// How often it has set the value.
    sets: u8,
    /// The version that it begins, reads, has looked at, or calls for.
    version: u8,
    /// The copy of a reader, and the waiter's check of the end with the version that was published then.
    copy: [u8; 2],
    is_over: bool,
    /// The version that it found published when it came, plus one.
    came: u8,
    /// The waiters that it read, if their entries have not changed since.
    waiters: u8,
    /// The waiters that it has called, and is to post for.
    called: u8,
    /// Whether the flag is still what it read.
    flag_is_same: bool,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchState {
    lock: Option<u8>,
    begun: u8,
    published: u8,
    told: u8,
    buffers: [[u8; 2]; BUFFERS as usize],
    flag: bool,
    entries: [Entry; MOST],
    posts: [u8; MOST],
    is_used: [bool; MOST],
    is_writer: [bool; MOST],
    has_arrived: bool,
    is_torn: bool,
    is_missed: bool,
    processes: Vec<Process>,
    deaths: u8,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process takes its next step.
    Step(usize),
    /// A process dies.
    Die(usize),
}

fn bit(slot: usize) -> u8 {
    1 << slot
}

fn slot(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

/// What a setter writes into both halves.
fn tag(version: u8, setter: usize) -> u8 {
    version * 8 + slot(setter) + 1
}

impl WatchState {
    fn is_dead(&self, slot: u8) -> bool {
        self.processes[usize::from(slot)].at == At::Dead
    }

    fn buffer(&mut self, version: u8) -> &mut [u8; 2] {
        &mut self.buffers[usize::from(version % BUFFERS)]
    }

    fn set_entry(&mut self, index: usize, entry: Entry) {
        self.entries[index] = entry;
        if entry == Entry::Announced {
            // Another epoch. A notifier that has called it posts all the same, and marks nothing.
            self.processes.iter_mut().for_each(|process| process.waiters &= !bit(index));
        }
    }
}

impl Model for Watch {
    type State = WatchState;
    type Action = Action;

    fn init_states(&self) -> Vec<WatchState> {
        // A new member suspects a death at first.
        let processes = vec![Process { suspects: true, ..Process::default() }; self.parts.len()];
        vec![WatchState {
            lock: None,
            begun: 0,
            published: 0,
            told: 0,
            buffers: [[tag(0, 0); 2], [0; 2]],
            flag: false,
            entries: [Entry::Awake; MOST],
            posts: [0; MOST],
            is_used: [true; MOST],
            is_writer: [false; MOST],
            has_arrived: false,
            is_torn: false,
            is_missed: false,
            processes,
            deaths: 0,
        }]
    }

    fn actions(&self, state: &WatchState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            if self.may_step(state, index) {
                actions.push(Action::Step(index));
            }
            if state.deaths < self.deaths && !matches!(process.at, At::Dead | At::Done) {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, state: &WatchState, action: Action) -> Option<WatchState> {
        let mut state = state.clone();
        match action {
            Action::Step(index) => self.step(&mut state, index),
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
        check::properties()
    }
}
