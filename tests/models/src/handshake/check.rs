//! What must hold.

use super::{At, Handshake, HandshakeState, Header, Process, Segment};

/// More steps than any process takes while all others stand still.
const LONGEST_WAY: usize = 60;

impl HandshakeState {
    pub(super) fn users(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.at == At::Using)
    }

    fn segment_of(&self, user: &Process) -> Option<&Segment> {
        self.segments.iter().find(|segment| Some(segment.id) == user.segment)
    }

    pub(super) fn headers_are_complete(&self) -> bool {
        let is_complete = |segment: &Segment, set| segment.header == Header::Complete(set);
        self.users().all(|user| match (self.segment_of(user), user.set) {
            (Some(segment), Some(set)) => is_complete(segment, set),
            _ => false,
        })
    }

    pub(super) fn users_agree(&self) -> bool {
        let mut held = self.users().filter(|user| !user.is_unlinked).map(|user| (user.set, user.segment));
        held.next().is_none_or(|first| held.all(|other| other == first))
    }

    pub(super) fn one_refuses(&self) -> bool {
        self.processes.iter().any(|process| process.at == At::Refuse)
    }

    pub(super) fn one_finds_damage(&self) -> bool {
        let is_live =
            |process: &Process| self.set.as_ref().is_some_and(|set| Some(set.id) == process.set && set.state == 1);
        self.processes.iter().any(|process| process.at == At::HealAgain && is_live(process))
    }

    pub(super) fn one_removes_by_name(&self) -> bool {
        self.processes.iter().any(|process| process.at == At::UnlinkSet && process.removes_by_name)
    }

    pub(super) fn segments_stay(&self) -> bool {
        let stays = |user| self.segment_of(user).is_some_and(|segment| !segment.was_removed);
        self.users().all(|user| user.is_unlinked || stays(user))
    }
}

impl Handshake {
    /// Lets one process run while all the others stand still.
    fn ends_alone(&self, state: &HandshakeState, index: usize) -> bool {
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

    pub(super) fn all_end_alone(&self, state: &HandshakeState) -> bool {
        (0..state.processes.len()).all(|index| self.ends_alone(state, index))
    }
}
