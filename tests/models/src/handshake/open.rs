//! Opening an object that another process has made, or is making, and closing it.

use super::{
    At, Handshake, HandshakeState, Then,
    kernel::{attach, find_segment},
};

impl Handshake {
    /// 4: waits until the set is published, or condemns it.
    pub(super) fn look(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
        let Some(set) = state.own_set(index) else { return At::CreateSet };
        match at {
            At::Poll if set.has_operated => At::ReadState,
            At::Poll if !self.rules.condemn_unfinished => At::Poll,
            At::Poll if self.rules.condemn_before_finish => At::Condemn,
            At::Poll => At::FinishFind,
            At::Condemn if set.state != 0 => At::Poll,
            At::Condemn => {
                set.state = 2;
                set.has_operated = true;
                At::Poll
            }
            _ if set.state == 1 => At::OpenFind,
            _ => At::FinishFind,
        }
    }

    /// 6: opens the segment of a live set.
    pub(super) fn open(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
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

    fn read_header(&self, state: &mut HandshakeState, index: usize) -> At {
        let names_set = state.own_header(index).names() == state.processes[index].set;
        if names_set || !self.rules.opener_reads_header { self.joining() } else { At::Detach(Then::Recheck) }
    }

    pub(super) fn joining(&self) -> At {
        if self.rules.used_before_register { At::StoreUsed } else { At::Register }
    }

    /// 6: registers, and gives the slot back in the end.
    pub(super) fn join(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
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

    fn register(&self, state: &mut HandshakeState, index: usize) -> At {
        match state.own_set(index) {
            Some(set) if set.state == 1 || !self.rules.register_tests_state => {
                state.processes[index].is_registered = true;
                if self.rules.used_before_register { At::Using } else { At::StoreUsed }
            }
            _ => At::Detach(Then::Start),
        }
    }
}
