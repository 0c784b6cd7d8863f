//! Named calls: waiters that want different messages, each call for one message, flags of one lane and of several.
//!
//! | modelled | as |
//! | --- | --- |
//! | a message | not sent, there, or taken: the cells and lanes are the matter of [`store`](crate::store) |
//! | a flag | a boolean; its version is a bit of each notifier: no waiter raised it since it was read |
//! | the entry of a waiter | one [`Word`] for each slot; an epoch is a bit of each notifier that remembers the word |
//! | a doorbell | a count of posts, up to four |
//! | a process | [`Process`], which does the jobs of its list one after another; it stays in its slot |
//! | a death | one action before any step: the kernel posts each doorbell twice |
//! | a stop | no action: each state is also the last one of an execution in which all others are stopped |
//!
//! A notifier may call any of the fitting waiters that its scan saw ANNOUNCED. Scans visit the slots in any order. A receiver
//! looks at one message after another, so it may find one that was sent after one that it does not find.
//! What [`room`](crate::room) explores is left out: helpers, new members, refused posts.
//!
//! - N. If a message can be taken, and a waiter that wants it sleeps, then a process has a step to take that is on its way with
//!   this message: its sender, or another one that calls waiters for it, or a waiter that was called for it.

mod at;
mod check;
mod notify;
mod rules;
mod wait;

pub use self::{
    at::{At, Notify, Wait},
    rules::Rules,
};

use stateright::{Model, Property};

use crate::members::Slot;

/// A set of routes, lanes, slots or flags: one bit for each.
pub type Set = u8;

const MOST_MESSAGES: usize = 4;
const MOST_SLOTS: usize = 4;
const MOST_POSTS: u8 = 4;
/// The flag of receivers of several lanes. The others are those of the lanes.
const WIDE: usize = 2;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Named {
    /// What each process does.
    pub jobs: &'static [&'static [Job]],
    /// Whether both routes share one lane.
    pub shared: bool,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Whether a wait may end before a message comes.
    pub gives_up: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// Sends a message to route 0 or 1.
    Send(usize),
    /// Receives a message of these routes.
    Receive(Set),
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Message {
    #[default]
    Unsent,
    There,
    Taken,
}

/// The entry of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Word {
    /// No waiter.
    #[default]
    Awake,
    /// A waiter that no notifier has called.
    Announced,
    /// A waiter that was called for this message. Its doorbell may not have been posted.
    Unposted(usize),
    /// A waiter that was called, and its doorbell was posted.
    Called(usize),
}

/// What a notifier remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Memory {
    message: usize,
    /// It is a waiter that passes its call on.
    passes_on: bool,
    /// The flags that have not changed since they were read.
    current: Set,
    unseen: Set,
    announced: Set,
    unposted: Set,
    stale: Set,
    /// The waiters that keep the flag up.
    keepers: Set,
    is_called: bool,
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    at: At,
    begun: usize,
    suspects: bool,
    is_woken: bool,
    gives_up: bool,
    called_for: Option<usize>,
    memory: Memory,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamedState {
    messages: [Message; MOST_MESSAGES],
    flags: [bool; 3],
    words: [Word; MOST_SLOTS],
    posts: [u8; MOST_SLOTS],
    deaths: u8,
    processes: Vec<Process>,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process begins its next job.
    Begin(usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process takes the step it stands at, with this slot.
    With(usize, Notify, Slot),
    /// The timeout of a waiter elapses.
    GiveUp(usize),
    /// A process dies.
    Die(usize),
}

fn bit(number: usize) -> Set {
    1 << number
}

fn members(set: Set) -> impl Iterator<Item = Slot> {
    (0..8).filter(move |slot| set & bit(usize::from(*slot)) != 0)
}

impl Named {
    /// The messages in the order of the jobs, by their route.
    fn routes(&self) -> impl Iterator<Item = usize> {
        let jobs = self.jobs.iter().flat_map(|jobs| jobs.iter());
        jobs.filter_map(|job| if let Job::Send(route) = job { Some(*route) } else { None })
    }

    fn route(&self, message: usize) -> usize {
        self.routes().nth(message).unwrap_or(0)
    }

    fn messages(&self) -> usize {
        self.routes().count()
    }

    /// The message that a process sends with the job that it does.
    fn own_message(&self, index: usize, begun: usize) -> usize {
        let is_send = |job: &&Job| matches!(job, Job::Send(_));
        let before = self.jobs[..index].iter().flat_map(|jobs| jobs.iter()).filter(is_send).count();
        before + self.jobs[index][..begun - 1].iter().filter(is_send).count()
    }

    fn lane_of(&self, route: usize) -> usize {
        if self.shared { 0 } else { route }
    }

    /// The routes that a waiter wants.
    fn wants(&self, index: usize, process: &Process) -> Set {
        match process.begun.checked_sub(1).map(|last| self.jobs[index][last]) {
            Some(Job::Receive(routes)) => routes,
            _ => 0,
        }
    }

    /// The lanes in a waiter's interest.
    fn interest(&self, state: &NamedState, slot: Slot) -> Set {
        let index = usize::from(slot);
        let wanted = self.wants(index, &state.processes[index]);
        (0..2).filter(|route| wanted & bit(*route) != 0).fold(0, |set, route| set | bit(self.lane_of(route)))
    }

    fn is_wide(&self, state: &NamedState, slot: Slot) -> bool {
        self.interest(state, slot).count_ones() > 1
    }

    fn moves(&self, state: &NamedState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside => {}
            At::Rest => actions.extend((process.begun < self.jobs[index].len()).then_some(Action::Begin(index))),
            At::Notify(step @ Notify::Scan(_)) => {
                actions.extend(members(process.memory.unseen).map(|slot| Action::With(index, step, slot)));
            }
            At::Notify(step @ Notify::Call(_)) => {
                actions.extend(members(process.memory.announced).map(|slot| Action::With(index, step, slot)));
            }
            At::Notify(step @ Notify::PostOther(_)) => {
                actions.extend(members(process.memory.unposted).map(|slot| Action::With(index, step, slot)));
            }
            At::Wait(Wait::Sleep) => {
                actions.extend((state.posts[index] > 0).then_some(Action::Step(index, process.at)));
                actions.extend(self.gives_up.then_some(Action::GiveUp(index)));
            }
            at => actions.push(Action::Step(index, at)),
        }
    }

    fn apply(&self, state: &mut NamedState, index: usize, action: Action) -> At {
        match action {
            Action::Begin(_) => {
                let begun = state.processes[index].begun + 1;
                state.processes[index].begun = begun;
                match self.jobs[index][begun - 1] {
                    Job::Send(_) => At::Push,
                    Job::Receive(_) => At::Wait(Wait::Try(0)),
                }
            }
            Action::GiveUp(_) => {
                state.processes[index].gives_up = true;
                At::Wait(Wait::Withdraw)
            }
            Action::Die(_) => {
                state.deaths -= 1;
                let posts = match (self.rules.obituary_posts, self.rules.obituary_posts_twice) {
                    (false, _) => 0,
                    (true, false) => 1,
                    (true, true) => 2,
                };
                (0..self.jobs.len()).for_each(|slot| state.post(slot, posts));
                At::Outside
            }
            Action::With(_, step, slot) => self.notify_with(state, index, step, slot),
            Action::Step(_, At::Push) => {
                let message = self.own_message(index, state.processes[index].begun);
                state.messages[message] = Message::There;
                state.processes[index].memory = Memory { message, ..Memory::default() };
                At::Notify(Notify::IsLaneUp)
            }
            Action::Step(_, At::Notify(step)) => self.notify(state, index, step),
            Action::Step(_, At::Wait(step)) => self.wait(state, index, step),
            Action::Step(_, at) => at,
        }
    }
}

impl NamedState {
    fn post(&mut self, slot: usize, posts: u8) {
        self.posts[slot] = MOST_POSTS.min(self.posts[slot] + posts);
    }
}

impl Process {
    /// Forgets what is over, so that equal situations are equal states.
    fn forget(&mut self) {
        if !matches!(self.at, At::Notify(_)) {
            self.memory = Memory::default();
        }
        if matches!(self.at, At::Rest | At::Outside) {
            *self = Self { at: self.at, begun: self.begun, suspects: self.suspects, ..Self::default() };
        }
    }
}

impl Model for Named {
    type State = NamedState;
    type Action = Action;

    fn init_states(&self) -> Vec<NamedState> {
        vec![NamedState {
            messages: Default::default(),
            flags: [false; 3],
            words: Default::default(),
            posts: [0; MOST_SLOTS],
            deaths: self.deaths,
            processes: vec![Process::default(); self.jobs.len()],
        }]
    }

    fn actions(&self, state: &NamedState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &NamedState, action: Action) -> Option<NamedState> {
        let mut state = last.clone();
        let index = match action {
            Action::Begin(index) | Action::Step(index, _) | Action::With(index, ..) => index,
            Action::GiveUp(index) | Action::Die(index) => index,
        };
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("N on its way", |model: &Self, state: &NamedState| model.is_on_its_way(state)),
            Property::sometimes("a waiter sleeps", |_, state: &NamedState| state.has_sleeper()),
            Property::sometimes("a call is passed on", |_, state: &NamedState| {
                state.processes.iter().any(|process| process.memory.passes_on)
            }),
            Property::sometimes("another notifier posts", |_, state: &NamedState| {
                state.processes.iter().any(|process| matches!(process.at, At::Notify(Notify::MarkOther(..))))
            }),
            Property::sometimes("a waiter is called for what another one took", |_, state: &NamedState| {
                state
                    .words
                    .iter()
                    .any(|word| matches!(word, Word::Called(message) if state.messages[*message] == Message::Taken))
            }),
        ]
    }
}
