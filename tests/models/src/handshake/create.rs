//! Making an object: from a new set, step by step, to a live one.

use super::{
    At, Handshake, HandshakeState, Header, Id, Then,
    kernel::{attach, create_segment, create_set},
};

impl Handshake {
    /// 1 and 2: creates the set, or finds the one that exists. Then creates the segment.
    pub(super) fn begin(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
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

    fn record_pid(&self, state: &mut HandshakeState, index: usize) -> At {
        match state.own_set(index) {
            None => At::CreateSet,
            Some(set) => {
                set.state *= u8::from(self.rules.setval_spares_state);
                At::CreateSegment
            }
        }
    }

    /// 3: writes the header, then publishes.
    pub(super) fn complete(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
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

    pub(super) fn publish(&self, state: &mut HandshakeState, index: usize) -> At {
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
}

fn write(state: &mut HandshakeState, index: usize, header: Header, next: At) -> At {
    if let Some(segment) = state.own_segment(index) {
        segment.header = header;
    }
    next
}
