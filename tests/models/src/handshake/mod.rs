//! The creation handshake: one semaphore set and one segment under one key, openers that race, and deaths.
//!
//! | modelled | as |
//! | --- | --- |
//! | the set | [`Set`]: its id, whether `sem_otime` is set, and STATE |
//! | ALIVE of a process | `is_registered`, for as long as the set exists that the process knows |
//! | a segment | [`Segment`]: its id, its [`Header`] in three writes, `used`, and whether the key still finds it |
//! | an id | a number that is given out again only when nothing remembers it |
//! | a process | [`Process`]: where it stands, the ids it knows, whether it is attached |
//! | patience | an opener may lose it at any time, so the creator's pid is never asked for |
//! | a death | one action before any step: the kernel clears ALIVE and detaches |
//! | a wipe | an outsider (`ipcrm`, systemd) removes the set, or the segment, from under all processes |
//!
//! The steps in [`At`] are numbered by what they belong to. The protocol itself is in `object/mod.rs` of the
//! primitives, and each module here has the name of one there.
//!
//! | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | the set | the segment | header, publishing | waiting | finishing | joining | the way | removing | healing |
//!
//! The model leaves out foreign segments (their contents are only ever refused), other names under the same key, uids,
//! the reuse of slots, and the message queue of a channel, with its rules Q1 to Q3.
//!
//! Two clauses are not needed for these invariants, as far as was explored (3 processes, two lives each, one death, one
//! `remove()`, and fewer with wipes), and a test shows that:
//!
//! - `publish_tests_state`: publishing adds 1, which turns a condemned 2 into 3, and then the test of STATE in 6
//!   fails. It is needed in the code, where nothing but one number counts as condemned.
//! - `failed_creator_cleans_up`: the segment that is left has `used` = 0, and the next creator removes it.
//!
//! Removing both the set and the segment from outside breaks I2: no trace is left, as the module of the primitives
//! says.
//!
//! Invariants:
//!
//! - I1. No process uses an object with a header that is incomplete or names another set.
//! - I2. Two living users hold the same set and segment, unless `remove()` took the name of one of them away.
//! - I3. Every opener comes to an end by its own steps, wherever the others stand still.
//! - I4. The segment of a living user is removed only by `remove()` and by outsiders.

mod at;
mod check;
mod create;
mod kernel;
mod open;
mod remove;
mod repair;
mod rules;
mod symmetry;

pub use self::{
    at::{At, Then},
    rules::Rules,
};

use self::kernel::detach;
use stateright::{Model, Property};

/// The id of a set or a segment.
pub type Id = u8;

/// How often each disturbance may happen in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Deaths.
    pub deaths: u8,
    /// Calls of `remove()`, by a handle or by name.
    pub removes: u8,
    /// Sets removed from outside.
    pub set_wipes: u8,
    /// Segments removed from outside.
    pub segment_wipes: u8,
}

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// How many processes there are.
    pub processes: usize,
    /// How often each of them opens the object, or removes it by name, dead or alive.
    pub lives: u8,
    /// What may disturb them.
    pub budget: Budget,
    /// Whether states that differ only in the order of processes count as one. Traces are harder to read then.
    pub sorts_processes: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// The semaphore set under the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Set {
    id: Id,
    has_operated: bool,
    state: u8,
}

/// How much of a segment's header is written, and for which set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Header {
    /// All zero.
    Zero,
    /// The magic number only.
    Magic,
    /// The magic number and the set's id.
    Named(Id),
    /// Everything.
    Complete(Id),
}

/// A segment that exists. Without a key it is destroyed with its last attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    id: Id,
    header: Header,
    used: bool,
    has_key: bool,
    /// A process removed it, not an outsider.
    was_removed: bool,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    at: At,
    lives: u8,
    set: Option<Id>,
    segment: Option<Id>,
    is_attached: bool,
    is_registered: bool,
    /// Whether `remove()` took away the name of what it uses.
    is_unlinked: bool,
    /// It removes the object by its name, and does not use it.
    removes_by_name: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HandshakeState {
    set: Option<Set>,
    segments: Vec<Segment>,
    budget: Budget,
    processes: Vec<Process>,
}

/// What happens next. The number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process begins to open the object.
    Open(usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A user closes the object.
    Close(usize),
    /// A user calls `remove()`.
    Remove(usize),
    /// A process begins to remove the object by its name.
    RemoveByName(usize),
    /// A process dies.
    Die(usize),
    /// An outsider removes the set.
    WipeSet,
    /// An outsider removes the segment.
    WipeSegment,
}

impl Header {
    fn names(self) -> Option<Id> {
        match self {
            Header::Zero | Header::Magic => None,
            Header::Named(id) | Header::Complete(id) => Some(id),
        }
    }
}

impl Process {
    fn is_at_rest(&self) -> bool {
        matches!(self.at, At::Idle | At::Using)
    }

    /// Forgets what it no longer needs, so that equal situations are equal states.
    fn forget(&mut self) {
        self.removes_by_name &= self.at != At::Idle;
        match self.at {
            At::Idle | At::CreateSet | At::FindSet | At::NameFind => {
                (self.set, self.segment, self.is_registered) = (None, None, false);
            }
            At::CreateSegment
            | At::FinishSet
            | At::Recheck
            | At::Refuse
            | At::UnlinkSet
            | At::NameState
            | At::NameAgain => {
                self.segment = self.kept();
            }
            _ => {}
        }
        self.is_unlinked &= self.is_registered;
    }

    /// Where it goes when the object that it opened or removed no longer exists.
    fn start(&self) -> At {
        if self.removes_by_name { At::NameFind } else { At::CreateSet }
    }

    fn kept(&self) -> Option<Id> {
        self.segment.filter(|_| self.is_attached)
    }
}

impl Handshake {
    fn step(&self, state: &mut HandshakeState, index: usize) -> At {
        match state.processes[index].at {
            at @ (At::Idle | At::Using) => at,
            at @ (At::CreateSet | At::FindSet | At::RecordPid | At::CreateSegment | At::AttachNew) => {
                self.begin(state, index, at)
            }
            at @ (At::WriteMagic | At::WriteName | At::WriteRest | At::Publish | At::Unpublish) => {
                self.complete(state, index, at)
            }
            at @ (At::Poll | At::Condemn | At::ReadState) => self.look(state, index, at),
            at @ (At::FinishFind | At::FinishAttach | At::FinishRead | At::FinishSegment | At::FinishSet) => {
                self.finish(state, index, at)
            }
            at @ (At::OpenFind | At::OpenAttach | At::OpenRead | At::Recheck) => self.open(state, index, at),
            at @ (At::StoreUsed | At::Register | At::Leave) => self.join(state, index, at),
            at @ (At::Unlink | At::UnlinkSegment | At::UnlinkSet) => self.unlink(state, index, at),
            at @ (At::NameFind | At::NameStat | At::NameSegment | At::NameAttach | At::NameRead) => {
                self.find_by_name(state, index, at)
            }
            at @ (At::NameState | At::NameCondemn | At::NameAgain) => self.condemn_by_name(state, index, at),
            at @ (At::Heal | At::HealAgain) => self.heal(state, index, at),
            At::Detach(then) => detach(state, index, then),
            at => self.clear_the_way(state, index, at),
        }
    }

    fn die(&self, state: &mut HandshakeState, index: usize) {
        state.processes[index].is_attached = false;
        state.budget.deaths -= 1;
    }

    fn advance(&self, state: &mut HandshakeState, index: usize, at: At) {
        state.processes[index].at = at;
        state.processes[index].forget();
        state.sweep();
    }
}

/// Adds what one process can do without dying.
fn moves(state: &HandshakeState, index: usize, actions: &mut Vec<Action>) {
    let process = state.processes[index];
    match process.at {
        At::Idle if process.lives > 0 => {
            actions.push(Action::Open(index));
            let may_remove = state.budget.removes > 0 && state.set.is_some();
            actions.extend(may_remove.then_some(Action::RemoveByName(index)));
        }
        At::Idle => {}
        At::Using => {
            actions.push(Action::Close(index));
            actions.extend((state.budget.removes > 0).then_some(Action::Remove(index)));
        }
        at => actions.push(Action::Step(index, at)),
    }
}

impl Model for Handshake {
    type State = HandshakeState;
    type Action = Action;

    fn init_states(&self) -> Vec<HandshakeState> {
        let (lives, at) = (self.lives, At::Idle);
        let process = Process {
            at,
            lives,
            set: None,
            segment: None,
            is_attached: false,
            is_registered: false,
            is_unlinked: false,
            removes_by_name: false,
        };
        let processes = vec![process; self.processes];
        vec![HandshakeState { set: None, segments: Vec::new(), budget: self.budget, processes }]
    }

    fn actions(&self, state: &HandshakeState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            moves(state, index, actions);
            if state.budget.deaths > 0 && process.at != At::Idle {
                actions.push(Action::Die(index));
            }
        }
        if state.budget.set_wipes > 0 && state.set.is_some() {
            actions.push(Action::WipeSet);
        }
        if state.budget.segment_wipes > 0 && state.keyed_segment().is_some() {
            actions.push(Action::WipeSegment);
        }
    }

    fn next_state(&self, last: &HandshakeState, action: Action) -> Option<HandshakeState> {
        let mut state = last.clone();
        match action {
            Action::Open(index) => {
                state.processes[index].lives -= 1;
                self.advance(&mut state, index, At::CreateSet);
            }
            Action::Step(index, _) => {
                let at = self.step(&mut state, index);
                self.advance(&mut state, index, at);
            }
            Action::Close(index) => self.advance(&mut state, index, At::Leave),
            Action::Remove(index) => {
                state.budget.removes -= 1;
                self.advance(&mut state, index, At::Unlink);
            }
            Action::RemoveByName(index) => {
                state.budget.removes -= 1;
                let process = &mut state.processes[index];
                process.lives -= 1;
                process.removes_by_name = true;
                self.advance(&mut state, index, At::NameFind);
            }
            Action::Die(index) => {
                self.die(&mut state, index);
                self.advance(&mut state, index, At::Idle);
            }
            Action::WipeSet => {
                state.budget.set_wipes -= 1;
                state.set = None;
            }
            Action::WipeSegment => {
                state.budget.segment_wipes -= 1;
                state.remove_segment(state.keyed_segment(), false);
                state.sweep();
            }
        }
        state.rename(self.sorts_processes);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 headers are complete", |_, state: &HandshakeState| state.headers_are_complete()),
            Property::always("I2 users agree", |_, state: &HandshakeState| state.users_agree()),
            Property::always("I3 every opener ends", |model: &Self, state: &HandshakeState| model.all_end_alone(state)),
            Property::always("I4 a user's segment stays", |_, state: &HandshakeState| state.segments_stay()),
            Property::sometimes("a creator refuses", |_, state: &HandshakeState| state.one_refuses()),
            Property::sometimes("an opener finds it damaged", |_, state: &HandshakeState| state.one_finds_damage()),
            Property::sometimes("a name is removed", |_, state: &HandshakeState| state.one_removes_by_name()),
        ]
    }
}
