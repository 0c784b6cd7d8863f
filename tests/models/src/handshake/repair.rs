//! Removing what is left of objects: condemned ones, halves, and the segment in a creator's way.

use super::{
    At, Handshake, HandshakeState, Header, Id, Then,
    kernel::{attach, find_segment},
};

impl Handshake {
    /// 5: removes a condemned set and its segment.
    pub(super) fn finish(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
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
            _ => self.remove_set(state, index, state.processes[index].start()),
        }
    }

    fn is_ours(&self, state: &mut HandshakeState, index: usize) -> bool {
        let header = state.own_header(index);
        let names_set = header.names().is_some() && header.names() == state.processes[index].set;
        names_set || (!self.rules.header_names_set && header != Header::Zero)
    }

    pub(super) fn remove_segment(&self, state: &mut HandshakeState, seen: Option<Id>) {
        let id = if self.rules.remove_by_id { seen } else { state.keyed_segment() };
        state.remove_segment(id, true);
    }

    pub(super) fn remove_set(&self, state: &mut HandshakeState, index: usize, next: At) -> At {
        if state.own_set(index).is_some() || !self.rules.remove_by_id {
            state.set = None;
        }
        next
    }

    /// 7: decides about the segment in a creator's way.
    pub(super) fn clear_the_way(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
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

    fn way_stat(&self, state: &HandshakeState, index: usize) -> At {
        let attachments = state.processes[index].segment.map_or(0, |id| state.attachments(id));
        let is_leftover = attachments <= 1 || !self.rules.refuse_when_attached;
        if is_leftover { At::WayRemove } else { At::Detach(Then::Refuse) }
    }

    /// 9: condemns a live set without its segment.
    pub(super) fn heal(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
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
}
