//! Removing an object by a handle, or by its name.

use super::{
    At, Handshake, HandshakeState, Then,
    kernel::{attach, find_segment},
};

impl Handshake {
    /// 8: `remove()`. The handle stays open.
    pub(super) fn unlink(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
        match at {
            At::Unlink => match state.own_state(index) {
                None => At::Using,
                // Another process has begun. The first to come ends it.
                Some(_) => self.take_name(state, index),
            },
            At::UnlinkSegment => {
                let own = state.processes[index].segment;
                self.remove_segment(state, own);
                At::UnlinkSet
            }
            _ => {
                let by_name = state.processes[index].removes_by_name;
                self.remove_set(state, index, if by_name { At::Detach(Then::End) } else { At::Using })
            }
        }
    }

    fn take_name(&self, state: &mut HandshakeState, index: usize) -> At {
        let id = state.processes[index].set;
        if let Some(set) = state.own_set(index).filter(|set| set.state == 1)
            && self.rules.remove_condemns
        {
            set.state = 2;
        }
        for user in state.processes.iter_mut().filter(|process| process.is_registered && process.set == id) {
            user.is_unlinked = true;
        }
        At::UnlinkSegment
    }

    /// 8: finds the object that has the name, and reads its header before anything is touched.
    pub(super) fn find_by_name(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
        match at {
            At::NameFind => {
                state.processes[index].set = state.set.as_ref().map(|set| set.id);
                if state.set.is_some() { At::NameStat } else { At::Idle }
            }
            At::NameStat => match state.own_set(index) {
                None => At::NameFind,
                Some(set) if !set.has_operated && self.rules.name_spares_unfinished => At::Idle,
                Some(_) => At::NameSegment,
            },
            At::NameSegment => find_segment(state, index, At::NameAttach, At::NameState),
            At::NameAttach => attach(state, index, At::NameRead, At::NameState),
            _ => {
                let names_set = state.own_header(index).names() == state.processes[index].set;
                if names_set { At::NameCondemn } else { At::Detach(Then::NameState) }
            }
        }
    }

    /// 8: takes the name away, or helps the process that did.
    pub(super) fn condemn_by_name(&self, state: &mut HandshakeState, index: usize, at: At) -> At {
        match (at, state.own_state(index)) {
            (At::NameCondemn, None) => At::Detach(Then::NameFind),
            (At::NameCondemn, Some(1)) => self.take_name(state, index),
            (At::NameCondemn, Some(_)) => At::Detach(Then::NameAgain),
            (_, None) => At::NameFind,
            // It is damaged, and the caller gets an error that says so.
            (At::NameState, Some(1)) => At::Idle,
            (_, Some(1)) => At::NameFind,
            (_, Some(_)) => At::FinishFind,
        }
    }
}
