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
//! | a wipe | somebody outside (`ipcrm`, systemd) removes the set, or the segment, from under everybody |
//!
//! The numbers in front of the steps in [`At`] are those of the design. Left out: foreign segments (their contents
//! are only ever refused), other names under the same key, uids, and the reuse of slots.
//!
//! Two clauses are not needed for these invariants, as far as was explored (8 million states: 3 processes, two lives
//! each, one death, one `remove()`; smaller with wipes), and have no test:
//!
//! - `publish_tests_state`: publishing adds 1, which turns a condemned 2 into 3, and then the test of STATE in 6b
//!   fails. It would be needed if publishing *set* STATE.
//! - `failed_creator_cleans_up`: what it leaves has `used` = 0, and the next creator clears it away.
//!
//! Removing both the set and the segment from outside breaks I2: no trace is left, as the design says.
//!
//! Invariants:
//!
//! - I1. Nobody uses an object whose header is incomplete or names another set.
//! - I2. Two living users hold the same set and segment, unless `remove()` took one's name away.
//! - I3. Every opener comes to an end by its own steps, wherever the others stand still.
//! - I4. The segment of a living user is removed by nobody but `remove()` and people outside.

use stateright::{Model, Property};

/// The id of a set or a segment.
pub type Id = u8;

/// Each boolean is one clause of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The `semop` that publishes fails unless STATE is 0.
    pub publish_tests_state: bool,
    /// An opener condemns an unfinished set before it removes anything.
    pub condemn_before_finish: bool,
    /// A finisher removes only a segment whose header names the set.
    pub header_names_set: bool,
    /// An opener uses only a segment whose header names the set.
    pub opener_reads_header: bool,
    /// `used` is set before the process registers.
    pub used_before_register: bool,
    /// The `semop` that registers fails unless STATE is 1.
    pub register_tests_state: bool,
    /// What is removed is what was looked at, not what the key finds by then.
    pub remove_by_id: bool,
    /// A creator asks whether its set still exists after it observed a segment in its way.
    pub creator_checks_own_set: bool,
    /// A creator refuses when a used segment in its way is attached elsewhere.
    pub refuse_when_attached: bool,
    /// Healing fails while anybody is registered.
    pub heal_tests_alive: bool,
    /// `remove()` changes STATE before it removes anything.
    pub remove_condemns: bool,
    /// The creator's `SETVAL` leaves STATE alone.
    pub setval_spares_state: bool,
    /// A creator that fails to publish removes its own segment.
    pub failed_creator_cleans_up: bool,
}

impl Rules {
    /// The complete protocol.
    pub const ALL: Self = Self {
        publish_tests_state: true,
        condemn_before_finish: true,
        header_names_set: true,
        opener_reads_header: true,
        used_before_register: true,
        register_tests_state: true,
        remove_by_id: true,
        creator_checks_own_set: true,
        refuse_when_attached: true,
        heal_tests_alive: true,
        remove_condemns: true,
        setval_spares_state: true,
        failed_creator_cleans_up: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}

/// How often each disturbance may happen in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Deaths.
    pub deaths: u8,
    /// Calls of `remove()`.
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
    /// How often each of them opens the object, dead or alive.
    pub lives: u8,
    /// What may disturb them.
    pub budget: Budget,
    /// Whether states that differ only in who is who count as one; traces are harder to read then.
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

/// A segment that exists; without a key it goes with its last attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    id: Id,
    header: Header,
    used: bool,
    has_key: bool,
    /// A process removed it, not somebody outside.
    was_removed: bool,
}

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Wants nothing, or is dead.
    Idle,
    /// 1: `semget`, exclusively.
    CreateSet,
    /// 1: `semget` of what exists.
    FindSet,
    /// 2: `SETVAL` on CREATOR.
    RecordPid,
    /// 2: `shmget`, exclusively.
    CreateSegment,
    /// 2: `shmat` of the new segment.
    AttachNew,
    /// 3: stores the magic number.
    WriteMagic,
    /// 3: stores the set's id.
    WriteName,
    /// 3: stores the rest of the header.
    WriteRest,
    /// 3: the first `semop`.
    Publish,
    /// 3: removes its own segment, because publishing failed.
    Unpublish,
    /// 4: `IPC_STAT`.
    Poll,
    /// 4: condemns what takes too long.
    Condemn,
    /// 4: reads STATE.
    ReadState,
    /// 5: `shmget` of the condemned set's segment.
    FinishFind,
    /// 5: `shmat` of it.
    FinishAttach,
    /// 5: reads its header.
    FinishRead,
    /// 5: removes it.
    FinishSegment,
    /// 5: removes the set.
    FinishSet,
    /// 6a: `shmget` of the live set's segment.
    OpenFind,
    /// 6a: `shmat` of it.
    OpenAttach,
    /// 6a: reads its header.
    OpenRead,
    /// 6a: reads STATE again, because the segment is missing or another's.
    Recheck,
    /// 6b: stores `used` = 1.
    StoreUsed,
    /// 6b: registers.
    Register,
    /// Has the object open.
    Using,
    /// Gives its slot back.
    Leave,
    /// 7: `shmget` of the segment in the way.
    WayFind,
    /// 7: asks whether its own set exists.
    WayCheckSet,
    /// 7: `shmat` of the segment in the way.
    WayAttach,
    /// 7: reads its header and `used`.
    WayRead,
    /// 7: asks who is attached.
    WayStat,
    /// 7: removes it.
    WayRemove,
    /// 7: removes its own set, to refuse.
    Refuse,
    /// 8: takes the name away.
    Unlink,
    /// 8: removes the segment.
    UnlinkSegment,
    /// 8: removes the set.
    UnlinkSet,
    /// 9: condemns the damaged set if nobody is registered.
    Heal,
    /// 9: reads STATE once more.
    HealAgain,
    /// Detaches, then goes on.
    Detach(Then),
}

/// What follows a detachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Then {
    /// 1: from the beginning.
    Start,
    /// 2: creates the segment again.
    CreateSegment,
    /// 5: removes the condemned set.
    FinishSet,
    /// 6a: reads STATE again.
    Recheck,
    /// 7: removes its own set.
    Refuse,
    /// Is done.
    End,
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
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    set: Option<Set>,
    segments: Vec<Segment>,
    budget: Budget,
    processes: Vec<Process>,
}

/// What happens next; the number is the process.
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
    /// A process dies.
    Die(usize),
    /// Somebody outside removes the set.
    WipeSet,
    /// Somebody outside removes the segment.
    WipeSegment,
}

impl State {
    /// The set that the process knows, if it still exists.
    fn own_set(&mut self, index: usize) -> Option<&mut Set> {
        let id = self.processes[index].set;
        self.set.as_mut().filter(|set| Some(set.id) == id)
    }

    /// STATE of the set that the process knows, if it still exists.
    fn own_state(&mut self, index: usize) -> Option<u8> {
        self.own_set(index).map(|set| set.state)
    }

    /// The segment that the process knows, if it still exists.
    fn own_segment(&mut self, index: usize) -> Option<&mut Segment> {
        let id = self.processes[index].segment;
        self.segments.iter_mut().find(|segment| Some(segment.id) == id)
    }

    fn own_header(&mut self, index: usize) -> Header {
        self.own_segment(index).map_or(Header::Zero, |segment| segment.header)
    }

    /// Whether ALIVE of everybody is 0.
    fn is_deserted(&self) -> bool {
        let id = self.set.as_ref().map(|set| set.id);
        !self.processes.iter().any(|process| process.is_registered && process.set == id)
    }

    fn keyed_segment(&self) -> Option<Id> {
        self.segments.iter().find(|segment| segment.has_key).map(|segment| segment.id)
    }

    fn attachments(&self, id: Id) -> usize {
        self.processes.iter().filter(|process| process.is_attached && process.segment == Some(id)).count()
    }

    /// The kernel destroys a removed segment with its last attachment.
    fn sweep(&mut self) {
        let processes = &self.processes;
        let is_attached = |id| processes.iter().any(|process| process.is_attached && process.segment == Some(id));
        self.segments.retain(|segment| segment.has_key || is_attached(segment.id));
    }

    fn new_set_id(&self) -> Id {
        let is_known = |id| {
            self.processes.iter().any(|process| process.set == Some(id))
                || self.segments.iter().any(|segment| segment.header.names() == Some(id))
        };
        (0..).find(|id| !is_known(*id)).unwrap_or(Id::MAX)
    }

    fn new_segment_id(&self) -> Id {
        let is_known = |id| {
            self.processes.iter().any(|process| process.segment == Some(id))
                || self.segments.iter().any(|segment| segment.id == id)
        };
        (0..).find(|id| !is_known(*id)).unwrap_or(Id::MAX)
    }

    fn remove_segment(&mut self, id: Option<Id>, by_process: bool) {
        for segment in self.segments.iter_mut().filter(|segment| Some(segment.id) == id && segment.has_key) {
            segment.has_key = false;
            segment.was_removed = by_process;
        }
    }

    fn users(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.at == At::Using)
    }

    fn segment_of(&self, user: &Process) -> Option<&Segment> {
        self.segments.iter().find(|segment| Some(segment.id) == user.segment)
    }

    fn headers_are_complete(&self) -> bool {
        let is_complete = |segment: &Segment, set| segment.header == Header::Complete(set);
        self.users().all(|user| match (self.segment_of(user), user.set) {
            (Some(segment), Some(set)) => is_complete(segment, set),
            _ => false,
        })
    }

    fn users_agree(&self) -> bool {
        let mut held = self.users().filter(|user| !user.is_unlinked).map(|user| (user.set, user.segment));
        held.next().is_none_or(|first| held.all(|other| other == first))
    }

    fn segments_stay(&self) -> bool {
        let stays = |user| self.segment_of(user).is_some_and(|segment| !segment.was_removed);
        self.users().all(|user| user.is_unlinked || stays(user))
    }
}

impl State {
    /// Numbers ids by their first appearance, and processes too if told so: names mean nothing to the protocol.
    fn rename(&mut self, sorts_processes: bool) {
        if sorts_processes {
            self.processes.sort_unstable();
        }
        self.segments.sort_unstable_by_key(|segment| !segment.has_key);
        self.rename_segments();
        self.rename_sets();
        if sorts_processes {
            self.processes.sort_unstable();
        }
    }

    fn rename_segments(&mut self) {
        let mut names = Names::default();
        for segment in &mut self.segments {
            segment.id = names.rename(segment.id);
        }
        for process in &mut self.processes {
            process.segment = process.segment.map(|id| names.rename(id));
        }
    }

    fn rename_sets(&mut self) {
        let mut names = Names::default();
        if let Some(set) = &mut self.set {
            set.id = names.rename(set.id);
        }
        for process in &mut self.processes {
            process.set = process.set.map(|id| names.rename(id));
        }
        for segment in &mut self.segments {
            segment.header = match segment.header {
                Header::Named(id) => Header::Named(names.rename(id)),
                Header::Complete(id) => Header::Complete(names.rename(id)),
                other => other,
            };
        }
    }
}

/// New names for ids: each is the position at which the old one appeared first.
#[derive(Default)]
struct Names(Vec<Id>);

impl Names {
    fn rename(&mut self, old: Id) -> Id {
        let known = self.0.iter().position(|name| *name == old);
        let position = known.unwrap_or_else(|| {
            self.0.push(old);
            self.0.len() - 1
        });
        Id::try_from(position).unwrap_or(Id::MAX)
    }
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
        match self.at {
            At::Idle | At::CreateSet | At::FindSet => {
                (self.set, self.segment, self.is_registered) = (None, None, false);
            }
            At::CreateSegment | At::FinishSet | At::Recheck | At::Refuse | At::UnlinkSet => self.segment = self.kept(),
            _ => {}
        }
        self.is_unlinked &= self.is_registered;
    }

    fn kept(&self) -> Option<Id> {
        self.segment.filter(|_| self.is_attached)
    }
}

impl Handshake {
    fn step(&self, state: &mut State, index: usize) -> At {
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
            at @ (At::Heal | At::HealAgain) => self.heal(state, index, at),
            At::Detach(then) => detach(state, index, then),
            at => self.clear_the_way(state, index, at),
        }
    }

    /// 1 and 2: creates the set, or finds the one that exists; then the segment.
    fn begin(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::CreateSet if state.set.is_some() => At::FindSet,
            At::CreateSet => create_set(state, index),
            At::FindSet => {
                state.processes[index].set = state.set.as_ref().map(|set| set.id);
                if state.set.is_some() { At::Poll } else { At::CreateSet }
            }
            At::RecordPid => self.record_pid(state, index),
            At::CreateSegment if state.keyed_segment().is_some() => At::WayFind,
            At::CreateSegment => create_segment(state, index),
            _ => attach(state, index, At::WriteMagic, At::CreateSegment),
        }
    }

    fn record_pid(&self, state: &mut State, index: usize) -> At {
        match state.own_set(index) {
            None => At::CreateSet,
            Some(set) => {
                set.state *= u8::from(self.rules.setval_spares_state);
                At::CreateSegment
            }
        }
    }

    /// 3: writes the header, then publishes.
    fn complete(&self, state: &mut State, index: usize, at: At) -> At {
        let id = state.processes[index].set.unwrap_or(Id::MAX);
        match at {
            At::WriteMagic => write(state, index, Header::Magic, At::WriteName),
            At::WriteName => write(state, index, Header::Named(id), At::WriteRest),
            At::WriteRest => write(state, index, Header::Complete(id), At::Publish),
            At::Publish => self.publish(state, index),
            _ => {
                let own = state.processes[index].segment;
                self.remove_segment(state, own);
                At::Detach(Then::Start)
            }
        }
    }

    fn publish(&self, state: &mut State, index: usize) -> At {
        match state.own_set(index) {
            Some(set) if set.state == 0 || !self.rules.publish_tests_state => {
                set.state += 1;
                set.has_operated = true;
                self.joining()
            }
            _ if self.rules.failed_creator_cleans_up => At::Unpublish,
            _ => At::Detach(Then::Start),
        }
    }

    /// 4: waits until the set is published, or condemns it.
    fn look(&self, state: &mut State, index: usize, at: At) -> At {
        let Some(set) = state.own_set(index) else { return At::CreateSet };
        match at {
            At::Poll if set.has_operated => At::ReadState,
            At::Poll if self.rules.condemn_before_finish => At::Condemn,
            At::Poll => At::FinishFind,
            At::Condemn if set.state != 0 => At::Poll,
            At::Condemn => {
                set.state = 2;
                set.has_operated = true;
                At::FinishFind
            }
            _ if set.state == 1 => At::OpenFind,
            _ => At::FinishFind,
        }
    }

    /// 5: removes a condemned set and its segment.
    fn finish(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::FinishFind => find_segment(state, index, At::FinishAttach, At::FinishSet),
            At::FinishAttach => attach(state, index, At::FinishRead, At::FinishSet),
            At::FinishRead if self.is_ours(state, index) => At::FinishSegment,
            At::FinishRead => At::Detach(Then::FinishSet),
            At::FinishSegment => {
                let own = state.processes[index].segment;
                self.remove_segment(state, own);
                At::Detach(Then::FinishSet)
            }
            _ => self.remove_set(state, index, At::CreateSet),
        }
    }

    fn is_ours(&self, state: &mut State, index: usize) -> bool {
        let header = state.own_header(index);
        let names_set = header.names().is_some() && header.names() == state.processes[index].set;
        names_set || (!self.rules.header_names_set && header != Header::Zero)
    }

    fn remove_segment(&self, state: &mut State, seen: Option<Id>) {
        let id = if self.rules.remove_by_id { seen } else { state.keyed_segment() };
        state.remove_segment(id, true);
    }

    fn remove_set(&self, state: &mut State, index: usize, next: At) -> At {
        if state.own_set(index).is_some() || !self.rules.remove_by_id {
            state.set = None;
        }
        next
    }

    /// 6a: opens the segment of a live set.
    fn open(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::OpenFind => find_segment(state, index, At::OpenAttach, At::Recheck),
            At::OpenAttach => attach(state, index, At::OpenRead, At::Recheck),
            At::OpenRead => self.read_header(state, index),
            _ => match state.own_state(index) {
                None => At::CreateSet,
                Some(1) => At::Heal,
                Some(_) => At::FinishFind,
            },
        }
    }

    fn read_header(&self, state: &mut State, index: usize) -> At {
        let names_set = state.own_header(index).names() == state.processes[index].set;
        if names_set || !self.rules.opener_reads_header { self.joining() } else { At::Detach(Then::Recheck) }
    }

    fn joining(&self) -> At {
        if self.rules.used_before_register { At::StoreUsed } else { At::Register }
    }

    /// 6b: registers, and gives the slot back in the end.
    fn join(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::StoreUsed => {
                if let Some(segment) = state.own_segment(index) {
                    segment.used = true;
                }
                if self.rules.used_before_register { At::Register } else { At::Using }
            }
            At::Register => self.register(state, index),
            _ => {
                state.processes[index].is_registered = false;
                At::Detach(Then::End)
            }
        }
    }

    fn register(&self, state: &mut State, index: usize) -> At {
        match state.own_set(index) {
            Some(set) if set.state == 1 || !self.rules.register_tests_state => {
                state.processes[index].is_registered = true;
                if self.rules.used_before_register { At::Using } else { At::StoreUsed }
            }
            _ => At::Detach(Then::Start),
        }
    }

    /// 7: decides about the segment in a creator's way.
    fn clear_the_way(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::WayFind => find_segment(state, index, self.way_found(), At::CreateSegment),
            At::WayCheckSet if state.own_set(index).is_none() => At::CreateSet,
            At::WayCheckSet => At::WayAttach,
            At::WayAttach => attach(state, index, At::WayRead, At::CreateSegment),
            At::WayRead => match state.own_segment(index) {
                Some(segment) if segment.used && segment.header != Header::Zero => At::WayStat,
                _ => At::WayRemove,
            },
            At::WayStat => self.way_stat(state, index),
            At::WayRemove => {
                let own = state.processes[index].segment;
                self.remove_segment(state, own);
                At::Detach(Then::CreateSegment)
            }
            _ => self.remove_set(state, index, At::Idle),
        }
    }

    fn way_found(&self) -> At {
        if self.rules.creator_checks_own_set { At::WayCheckSet } else { At::WayAttach }
    }

    fn way_stat(&self, state: &State, index: usize) -> At {
        let attachments = state.processes[index].segment.map_or(0, |id| state.attachments(id));
        let is_leftover = attachments <= 1 || !self.rules.refuse_when_attached;
        if is_leftover { At::WayRemove } else { At::Detach(Then::Refuse) }
    }

    /// 8: `remove()`.
    fn unlink(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::Unlink => self.take_name(state, index),
            At::UnlinkSegment => {
                let own = state.processes[index].segment;
                self.remove_segment(state, own);
                At::UnlinkSet
            }
            _ => self.remove_set(state, index, At::Detach(Then::End)),
        }
    }

    fn take_name(&self, state: &mut State, index: usize) -> At {
        let id = state.processes[index].set;
        let Some(set) = state.own_set(index) else { return At::Detach(Then::End) };
        if set.state == 1 && self.rules.remove_condemns {
            set.state = 2;
        }
        for user in state.processes.iter_mut().filter(|process| process.is_registered && process.set == id) {
            user.is_unlinked = true;
        }
        At::UnlinkSegment
    }

    /// 9: condemns a live set without its segment.
    fn heal(&self, state: &mut State, index: usize, at: At) -> At {
        let is_empty = state.is_deserted() || !self.rules.heal_tests_alive;
        let Some(set) = state.own_set(index) else { return At::CreateSet };
        match at {
            At::Heal if set.state == 1 && is_empty => {
                set.state = 2;
                At::FinishFind
            }
            At::Heal => At::HealAgain,
            // It is damaged, and the caller gets an error that says so.
            _ if set.state == 1 => At::Idle,
            _ => At::FinishFind,
        }
    }

    fn die(&self, state: &mut State, index: usize) {
        state.processes[index].is_attached = false;
        state.budget.deaths -= 1;
    }

    fn advance(&self, state: &mut State, index: usize, at: At) {
        state.processes[index].at = at;
        state.processes[index].forget();
        state.sweep();
    }

    /// Lets one process run while all the others stand still.
    fn ends_alone(&self, state: &State, index: usize) -> bool {
        let mut state = state.clone();
        for _ in 0..LONGEST_WAY {
            if state.processes[index].is_at_rest() {
                return true;
            }
            let at = self.step(&mut state, index);
            self.advance(&mut state, index, at);
        }
        false
    }

    fn all_end_alone(&self, state: &State) -> bool {
        (0..state.processes.len()).all(|index| self.ends_alone(state, index))
    }
}

/// More steps than any process takes that nobody disturbs.
const LONGEST_WAY: usize = 60;

fn create_set(state: &mut State, index: usize) -> At {
    let id = state.new_set_id();
    state.set = Some(Set { id, has_operated: false, state: 0 });
    state.processes[index].set = Some(id);
    At::RecordPid
}

fn create_segment(state: &mut State, index: usize) -> At {
    let id = state.new_segment_id();
    let segment = Segment { id, header: Header::Zero, used: false, has_key: true, was_removed: false };
    state.segments.push(segment);
    state.processes[index].segment = Some(id);
    At::AttachNew
}

fn find_segment(state: &mut State, index: usize, found: At, missing: At) -> At {
    state.processes[index].segment = state.keyed_segment();
    if state.processes[index].segment.is_some() { found } else { missing }
}

fn attach(state: &mut State, index: usize, attached: At, gone: At) -> At {
    let exists = state.own_segment(index).is_some();
    state.processes[index].is_attached = exists;
    if exists { attached } else { gone }
}

fn detach(state: &mut State, index: usize, then: Then) -> At {
    state.processes[index].is_attached = false;
    match then {
        Then::Start => At::CreateSet,
        Then::CreateSegment => At::CreateSegment,
        Then::FinishSet => At::FinishSet,
        Then::Recheck => At::Recheck,
        Then::Refuse => At::Refuse,
        Then::End => At::Idle,
    }
}

fn write(state: &mut State, index: usize, header: Header, next: At) -> At {
    if let Some(segment) = state.own_segment(index) {
        segment.header = header;
    }
    next
}

/// Adds what one process can do without dying.
fn moves(state: &State, index: usize, actions: &mut Vec<Action>) {
    let process = state.processes[index];
    match process.at {
        At::Idle => actions.extend((process.lives > 0).then_some(Action::Open(index))),
        At::Using => {
            actions.push(Action::Close(index));
            actions.extend((state.budget.removes > 0).then_some(Action::Remove(index)));
        }
        at => actions.push(Action::Step(index, at)),
    }
}

impl Model for Handshake {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let (lives, at) = (self.lives, At::Idle);
        let process = Process {
            at,
            lives,
            set: None,
            segment: None,
            is_attached: false,
            is_registered: false,
            is_unlinked: false,
        };
        let processes = vec![process; self.processes];
        vec![State { set: None, segments: Vec::new(), budget: self.budget, processes }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
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

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
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
            Property::always("I1 headers are complete", |_, state: &State| state.headers_are_complete()),
            Property::always("I2 users agree", |_, state: &State| state.users_agree()),
            Property::always("I3 every opener ends", |model: &Self, state: &State| model.all_end_alone(state)),
            Property::always("I4 a user's segment stays", |_, state: &State| state.segments_stay()),
        ]
    }
}
