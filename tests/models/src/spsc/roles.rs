//! Taking a role, waiting for one, and leaving it.

use super::{At, Bell, Process, Reap, Side, Spsc, SpscState};

impl Spsc {
    /// Consumes a post.
    pub(super) fn take_post(&self, state: &mut SpscState, index: usize) {
        let process = &mut state.processes[index];
        state.bells.take(process.bell().number());
        process.has_slept = true;
    }

    pub(super) fn drain(&self, state: &mut SpscState, index: usize) -> At {
        let process = &mut state.processes[index];
        state.bells.drain(process.bell().number());
        process.has_slept |= self.rules.drained_is_slept;
        process.at
    }

    /// A holder alone sleeps on its doorbell, so no post is needed before it times out. The code posts all the same,
    /// which can only wake the holder once more than needed.
    pub(super) fn give_up(&self, state: &SpscState, index: usize) -> At {
        let process = &state.processes[index];
        match (process.has_role, process.has_slept && self.rules.post_before_leaving) {
            (true, _) => At::Ready,
            (false, true) => At::RoleLeave,
            (false, false) => At::Idle,
        }
    }

    pub(super) fn begin(&self, state: &mut SpscState, index: usize) -> At {
        let process = state.processes[index];
        if process.has_role {
            return if self.can_go_on(&process) { At::Touch } else { At::Look };
        }
        self.load_indices(state, index);
        let must_arrive = process.side == Side::Producer && !self.rules.arrive_with_role;
        if must_arrive { At::Arrive } else { At::TakeRole }
    }

    fn load_indices(&self, state: &mut SpscState, index: usize) {
        let process = &mut state.processes[index];
        process.index = state.indices[process.side as usize];
        process.seen = state.indices[process.side.other() as usize];
    }

    pub(super) fn role(&self, state: &mut SpscState, index: usize, at: At) -> At {
        match at {
            At::Arrive => {
                state.arrived = true;
                if self.rules.arrive_with_role { self.after_arrival() } else { At::TakeRole }
            }
            At::TakeRole => self.take_role(state, index),
            At::RoleSleep => {
                self.take_post(state, index);
                At::TakeRole
            }
            At::Reload => {
                self.load_indices(state, index);
                At::Ready
            }
            At::FreeRole => self.free_role(state, index),
            At::PostRole => {
                state.bells.post(Bell::Role(state.processes[index].side).number());
                self.after_leaving()
            }
            _ => {
                state.bells.post(Bell::Role(state.processes[index].side).number());
                At::Idle
            }
        }
    }

    fn after_arrival(&self) -> At {
        if self.rules.reload_indices { At::Reload } else { At::Ready }
    }

    fn take_role(&self, state: &mut SpscState, index: usize) -> At {
        let process = &mut state.processes[index];
        let role = &mut state.roles[process.side as usize];
        let others_may_sleep = process.has_slept && self.rules.keep_waiters_after_sleep;
        if !role.take(process.member.slot, others_may_sleep) {
            let Some(owner) = role.mark() else { return At::TakeRole };
            if !self.rules.standby_checks_owner {
                return At::RoleSleep;
            }
            process.member.suspect(owner);
            return At::Reap(Reap::Check);
        }
        // A former holder's death leaves nothing half done.
        role.poisoned = false;
        process.has_role = true;
        state.has_begun |= process.side == Side::Producer;
        let must_arrive = process.side == Side::Producer && self.rules.arrive_with_role;
        if must_arrive { At::Arrive } else { self.after_arrival() }
    }

    fn free_role(&self, state: &mut SpscState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.has_role = false;
        let had_waiters = state.roles[process.side as usize].free();
        if had_waiters && self.rules.leaving_posts_role { At::PostRole } else { self.after_leaving() }
    }

    fn after_leaving(&self) -> At {
        if self.rules.leaving_wakes_other { At::WakeLeft } else { At::Idle }
    }
}

pub(super) fn has_post(state: &SpscState, process: &Process) -> bool {
    state.bells.has_post(process.bell().number())
}

pub(super) fn can_wake(state: &SpscState, process: &Process) -> bool {
    matches!(process.at, At::Sleep | At::RoleSleep) && has_post(state, process)
}
