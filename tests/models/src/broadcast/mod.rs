//! A broadcast ring: one producer, a cursor for each subscriber, joining and leaving, deaths, helpers, and the lagging mode.
//!
//! | modelled | as |
//! | --- | --- |
//! | the items | what the latest write left in each place: its position, or a torn item |
//! | the tail, the window | positions, which count the items from 0 |
//! | the cursors | [`Cursor`], fewer than processes if the model says so |
//! | `awaited` | the position that the producer waits for a cursor to leave |
//! | the room of the subscribers | an [`Entry`] for each, and the flag with the number of announcements |
//! | the doorbells | one counter for each process, up to 3 |
//! | the role of the producer | the next producer begins when the last one is dead: see [`crate::spsc`] and [`crate::mutex`] |
//! | a process | one thread in a slot of its own |
//! | a death | one action before any step: the kernel posts each doorbell twice |
//!
//! A scan of the cursors is one step for each. Calling all waiters of the room, posting for them and lowering the flag are
//! a step each. A process that suspects a death empties its doorbell, and then repairs each dead slot, one step for each cursor.
//! Slots are not used again, but cursors are: see `helping` for the reuse of slots.
//!
//! Subscribers join at any time. They leave when they have popped all that they want, or they wait for more.
//!
//! Invariants:
//!
//! - B1. What a living subscriber has not popped is in its place, complete. Lagging rings: what it returns is.
//! - B2. When no process has a step to take, the producer does not sleep while there is room beside the living.
//! - B3. When no process has a step to take, no subscriber sleeps while there is an item that it has not popped.

mod rules;
mod steps;

pub use self::rules::Rules;

use stateright::{Model, Property};

const MOST: usize = 4;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// How many producers there are, of which one works at a time.
    pub producers: usize,
    /// How many subscribers.
    pub subscribers: usize,
    /// How many places.
    pub capacity: u8,
    /// How many items are pushed in all.
    pub items: u8,
    /// How many items a subscriber pops before it leaves.
    pub pops: u8,
    /// How many cursors there are.
    pub cursors: usize,
    /// Whether the producer overwrites what subscribers have not popped.
    pub is_lagging: bool,
    /// How many deaths there may be.
    pub deaths: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// Where a subscriber is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cursor {
    /// It has no owner.
    #[default]
    Free,
    /// Its owner joins, and has seen this tail.
    Joining(u8, u8),
    /// Its owner pops this position next.
    At(u8, u8),
}

impl Cursor {
    fn owner(self) -> Option<u8> {
        match self {
            Self::Free => None,
            Self::Joining(owner, _) | Self::At(owner, _) => Some(owner),
        }
    }

    /// Whether it keeps a position from being written over.
    fn holds(self, awaited: u8, rules: &Rules) -> bool {
        match self {
            Self::Free => false,
            Self::Joining(_, at) => rules.scan_counts_joining && at <= awaited,
            Self::At(_, at) => at <= awaited,
        }
    }
}

/// A place of the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Place {
    /// Never written.
    #[default]
    Empty,
    /// Half written.
    Torn,
    /// The item of this position.
    Item(u8),
}

/// The entry of a subscriber in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Entry {
    /// No waiter.
    #[default]
    Awake,
    /// A waiter that was not called.
    Announced,
    /// A waiter that was called, and perhaps not posted.
    Called,
}

/// What a process does after it has looked for the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// It has moved its cursor.
    Moved,
    /// It has joined.
    Joined,
    /// It reads the item that it has moved past, with a rule left out.
    Reads,
    /// It moves its cursor, with a rule left out.
    Moves,
    /// It has left.
    Left,
    /// It has freed the cursor of a dead slot.
    Helped(u8),
}

/// Where a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// A producer begins when the one before it is dead, and a subscriber at any time.
    Outside,
    /// It pushes or pops the next item.
    Ready,
    /// The producer reads cursors, in the round that says so.
    Scan(u8, Round),
    /// It moves the window.
    Window,
    /// It writes half of an item.
    Half,
    /// It writes an item.
    Write,
    /// It moves the tail.
    Publish,
    /// It looks at the flag.
    Flag,
    /// It calls all that are announced.
    Call,
    /// It posts for them.
    Post,
    /// It lowers the flag.
    Lower,
    /// A subscriber takes a cursor, having seen this tail.
    Claim(u8),
    /// It loads the tail again.
    LoadAgain,
    /// It sets its cursor.
    SetCursor,
    /// It copies an item.
    Read,
    /// It checks what it copied.
    Check(Place),
    /// It moves its cursor.
    Move,
    /// It looks whether the producer waits.
    Look(Then),
    /// It reads the other cursors.
    LookAtOthers(u8, Then),
    /// It takes the announcement of the producer.
    Wake(Then),
    /// It posts the producer's doorbell.
    PostProducer(Then),
    /// A waiter empties its doorbell.
    Drain,
    /// It repairs what a dead slot left in a cursor.
    Help(u8, u8),
    /// With a rule left out: it has seen the dead owner, and frees the cursor.
    FreeLate(u8, u8),
    /// It marks the slot as clean.
    Clean(u8),
    /// It announces itself.
    Announce,
    /// A subscriber looks at the tail in this round.
    Tail(Round),
    /// It sleeps.
    Sleep,
    /// It withdraws.
    Withdraw(Round),
    /// It frees its cursor.
    Leave,
    /// It is done.
    Done,
    /// It is dead.
    Dead,
}

/// Why a process looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Round {
    /// Before it waits.
    First,
    /// It is announced.
    Announced,
    /// It is awake again.
    Awake,
}

/// What a process remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    at: At,
    suspects: bool,
    /// The position of its next item.
    index: u8,
    /// Of a producer: up to where there is room. Of a subscriber: the tail as it saw it.
    seen: u8,
    /// The cursor of a subscriber.
    cursor: u8,
    popped: u8,
    /// The lowest cursor that a scan has found.
    least: u8,
    /// The slots that a notifier called, and the announcements that it saw.
    called: u8,
    flag: u8,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BroadcastState {
    tail: u8,
    window: u8,
    places: [Place; MOST],
    cursors: [Cursor; MOST],
    awaited: Option<u8>,
    is_flag_up: bool,
    announcements: u8,
    entries: [Entry; MOST],
    posts: [u8; MOST],
    is_used: [bool; MOST],
    processes: Vec<Process>,
    deaths: u8,
    is_torn: bool,
    has_lagged: bool,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process takes its next step.
    Step(usize, At),
    /// A process dies.
    Die(usize),
}

fn slot(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

impl Broadcast {
    fn place(&self, position: u8) -> usize {
        usize::from(position % self.capacity)
    }

    /// Whether each item that a living subscriber has still to pop is where it was.
    fn is_kept(&self, state: &BroadcastState) -> bool {
        let owned = state.cursors.iter().filter_map(|cursor| match cursor {
            Cursor::At(owner, at) if state.processes[usize::from(*owner)].at != At::Dead => Some(*at),
            _ => None,
        });
        let mut missing = owned.flat_map(|at| at..state.tail);
        self.is_lagging || !missing.any(|position| state.places[self.place(position)] != Place::Item(position))
    }

    fn is_over(&self, state: &BroadcastState) -> bool {
        !(0..state.processes.len()).any(|index| self.may_step(state, index))
    }

    fn may_push(&self, state: &BroadcastState, producer: &Process) -> bool {
        let is_alive = |owner: u8| state.processes[usize::from(owner)].at != At::Dead;
        let living = state.cursors.iter().filter(|cursor| cursor.owner().is_some_and(is_alive));
        let room = |cursor: &Cursor| match cursor {
            Cursor::Free => true,
            Cursor::Joining(_, at) | Cursor::At(_, at) => producer.index - at < self.capacity,
        };
        living.into_iter().all(room)
    }
}

impl Model for Broadcast {
    type State = BroadcastState;
    type Action = Action;

    fn init_states(&self) -> Vec<BroadcastState> {
        let process = Process {
            at: At::Outside,
            suspects: true,
            index: 0,
            seen: 0,
            cursor: 0,
            popped: 0,
            least: 0,
            called: 0,
            flag: 0,
        };
        vec![BroadcastState {
            tail: 0,
            window: 0,
            places: [Place::Empty; MOST],
            cursors: [Cursor::Free; MOST],
            awaited: None,
            is_flag_up: false,
            announcements: 0,
            entries: [Entry::Awake; MOST],
            posts: [0; MOST],
            is_used: [true; MOST],
            processes: vec![process; self.producers + self.subscribers],
            deaths: 0,
            is_torn: false,
            has_lagged: false,
        }]
    }

    fn actions(&self, state: &BroadcastState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            if self.may_step(state, index) {
                actions.push(Action::Step(index, process.at));
            }
            if state.deaths < self.deaths && !matches!(process.at, At::Outside | At::Done | At::Dead) {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, state: &BroadcastState, action: Action) -> Option<BroadcastState> {
        let mut state = state.clone();
        match action {
            Action::Step(index, _) => self.step(&mut state, index),
            Action::Die(index) => self.die(&mut state, index),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("B1 what is not popped stays", |model: &Self, state: &BroadcastState| {
                !state.is_torn && model.is_kept(state)
            }),
            Property::always("B2 the producer is woken", |model: &Self, state: &BroadcastState| {
                let sleeps = |process: &&Process| process.at == At::Sleep;
                let mut producers = state.processes[..model.producers].iter().filter(sleeps);
                !model.is_over(state) || !producers.any(|producer| model.may_push(state, producer))
            }),
            Property::always("B3 subscribers are woken", |model: &Self, state: &BroadcastState| {
                let misses = |process: &Process| process.at == At::Sleep && process.index < state.tail;
                !model.is_over(state) || !state.processes[model.producers..].iter().any(misses)
            }),
            Property::sometimes("the producer sleeps", |model: &Self, state: &BroadcastState| {
                model.is_lagging || state.processes[..model.producers].iter().any(|it| it.at == At::Sleep)
            }),
            Property::sometimes("a subscriber sleeps", |model: &Self, state: &BroadcastState| {
                state.processes[model.producers..].iter().any(|it| it.at == At::Sleep)
            }),
            Property::sometimes("a subscriber lags", |model: &Self, state: &BroadcastState| {
                !model.is_lagging || state.has_lagged
            }),
            Property::sometimes("all items are pushed", |model: &Self, state: &BroadcastState| {
                state.tail == model.items && state.processes[model.producers..].iter().all(|it| it.at == At::Done)
            }),
        ]
    }
}
