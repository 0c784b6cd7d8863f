//! What the kernel keeps, and how it is asked.

use super::{At, HandshakeState, Header, Id, Segment, Set, Then};

impl HandshakeState {
    /// The set that the process knows, if it still exists.
    pub(super) fn own_set(&mut self, index: usize) -> Option<&mut Set> {
        let id = self.processes[index].set;
        self.set.as_mut().filter(|set| Some(set.id) == id)
    }

    /// STATE of the set that the process knows, if it still exists.
    pub(super) fn own_state(&mut self, index: usize) -> Option<u8> {
        self.own_set(index).map(|set| set.state)
    }

    /// The segment that the process knows, if it still exists.
    pub(super) fn own_segment(&mut self, index: usize) -> Option<&mut Segment> {
        let id = self.processes[index].segment;
        self.segments.iter_mut().find(|segment| Some(segment.id) == id)
    }

    pub(super) fn own_header(&mut self, index: usize) -> Header {
        self.own_segment(index).map_or(Header::Zero, |segment| segment.header)
    }

    /// Whether ALIVE of every process is 0.
    pub(super) fn is_deserted(&self) -> bool {
        let id = self.set.as_ref().map(|set| set.id);
        !self.processes.iter().any(|process| process.is_registered && process.set == id)
    }

    pub(super) fn keyed_segment(&self) -> Option<Id> {
        self.segments.iter().find(|segment| segment.has_key).map(|segment| segment.id)
    }

    pub(super) fn attachments(&self, id: Id) -> usize {
        self.processes.iter().filter(|process| process.is_attached && process.segment == Some(id)).count()
    }

    /// The kernel destroys a removed segment with its last attachment.
    pub(super) fn sweep(&mut self) {
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

    pub(super) fn remove_segment(&mut self, id: Option<Id>, by_process: bool) {
        for segment in self.segments.iter_mut().filter(|segment| Some(segment.id) == id && segment.has_key) {
            segment.has_key = false;
            segment.was_removed = by_process;
        }
    }
}

pub(super) fn create_set(state: &mut HandshakeState, index: usize) -> At {
    let id = state.new_set_id();
    state.set = Some(Set { id, has_operated: false, state: 0 });
    state.processes[index].set = Some(id);
    At::RecordPid
}

pub(super) fn create_segment(state: &mut HandshakeState, index: usize) -> At {
    let id = state.new_segment_id();
    let segment = Segment { id, header: Header::Zero, used: false, has_key: true, was_removed: false };
    state.segments.push(segment);
    state.processes[index].segment = Some(id);
    At::AttachNew
}

pub(super) fn find_segment(state: &mut HandshakeState, index: usize, found: At, missing: At) -> At {
    state.processes[index].segment = state.keyed_segment();
    if state.processes[index].segment.is_some() { found } else { missing }
}

pub(super) fn attach(state: &mut HandshakeState, index: usize, attached: At, gone: At) -> At {
    let exists = state.own_segment(index).is_some();
    state.processes[index].is_attached = exists;
    if exists { attached } else { gone }
}

pub(super) fn detach(state: &mut HandshakeState, index: usize, then: Then) -> At {
    state.processes[index].is_attached = false;
    match then {
        Then::Start => At::CreateSet,
        Then::CreateSegment => At::CreateSegment,
        Then::FinishSet => At::FinishSet,
        Then::Recheck => At::Recheck,
        Then::Refuse => At::Refuse,
        Then::NameFind => At::NameFind,
        Then::NameState => At::NameState,
        Then::NameAgain => At::NameAgain,
        Then::End => At::Idle,
    }
}
