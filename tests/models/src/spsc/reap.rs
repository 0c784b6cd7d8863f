//! New members, members that leave, the dead, and those that repair what the dead leave behind.

use super::{At, Bell, Process, Reap, Side, Spsc, SpscState};
use crate::members::Slot;

impl Spsc {
    /// Clears what the process holds of ALIVE, then posts: its undo account.
    pub(super) fn die(&self, state: &mut SpscState, index: usize) -> At {
        state.slots.bury(state.processes[index].member);
        for bell in Bell::ALL {
            let is_posted = match bell {
                Bell::Holder(_) => self.rules.obituary_posts_holders,
                Bell::Role(_) => self.rules.obituary_posts_roles,
            };
            if is_posted {
                state.bells.post(bell.number());
            }
        }
        state.deaths -= 1;
        At::Outside
    }

    /// A slot that is clean owns nothing (I8), so there is nothing to repair.
    pub(super) fn enter(&self, state: &mut SpscState, index: usize, slot: Slot) -> At {
        state.slots.claim(slot);
        state.processes[index] = Process::new(state.processes[index].side, At::Outside, slot);
        let must_repair = state.slots.is_used(slot) && self.rules.new_member_repairs;
        if must_repair { self.repair_from(state, index, Side::Producer) } else { At::MarkUsed }
    }

    /// A role that it holds is forgotten: the word still names its slot.
    pub(super) fn leave(&self, state: &mut SpscState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.is_leaving, process.has_role) = (true, false);
        if !self.rules.repair_before_unused {
            state.slots.mark_unused(process.member.slot);
        }
        if self.rules.leaver_repairs {
            self.repair_from(state, index, Side::Producer)
        } else {
            At::Reap(Reap::MarkUnused)
        }
    }

    /// Turns to a slot that was found dead.
    pub(super) fn begin_reaping(&self, state: &mut SpscState, index: usize, slot: Slot) -> At {
        state.processes[index].member.suspect(slot);
        if self.rules.claim_before_reaping {
            At::Reap(Reap::Claim)
        } else {
            self.repair_from(state, index, Side::Producer)
        }
    }

    /// R-reap, for the slot of a dead member or for the process's own.
    pub(super) fn reap(&self, state: &mut SpscState, index: usize, step: Reap) -> At {
        let member = state.processes[index].member;
        let slot = member.repaired();
        match step {
            Reap::Check if state.slots.is_alive(slot) => At::RoleSleep,
            Reap::Check => self.begin_reaping(state, index, slot),
            Reap::Claim => self.claim(state, index),
            Reap::Free(side) => self.free(state, index, slot, side),
            Reap::PostRole(side) => {
                state.bells.post(Bell::Role(side).number());
                self.after_role(state, index, side)
            }
            Reap::PostOther(side) => {
                state.bells.post(Bell::Holder(side.other()).number());
                self.after_repair(state, index, side)
            }
            Reap::MarkUnused => {
                state.slots.mark_unused(slot);
                if member.holds_repaired() { At::Reap(Reap::GiveBack) } else { self.after_reaping(state, index) }
            }
            Reap::GiveBack => {
                state.slots.give_back(slot);
                self.after_reaping(state, index)
            }
        }
    }

    /// A reaper that can't claim the slot treats its owner as alive.
    fn claim(&self, state: &mut SpscState, index: usize) -> At {
        let process = &mut state.processes[index];
        match (process.member.claim(&mut state.slots), process.has_role) {
            (true, _) => self.repair_from(state, index, Side::Producer),
            (false, true) => self.look_on(state, index),
            (false, false) => At::RoleSleep,
        }
    }

    fn free(&self, state: &mut SpscState, index: usize, slot: Slot, side: Side) -> At {
        let role = &mut state.roles[side as usize];
        // Without a claim, a new owner may have it by now.
        if role.owner != Some(slot) {
            return self.after_repair(state, index, side);
        }
        // Its owner may have died before it stored that. Storing 1 where there is 1 is no step.
        if side == Side::Producer && !state.arrived && self.rules.reaper_says_arrived {
            state.arrived = true;
            return At::Reap(Reap::Free(side));
        }
        let had_waiters = role.repair(slot);
        role.poisoned = false;
        if had_waiters && self.rules.reaping_posts_role {
            At::Reap(Reap::PostRole(side))
        } else {
            self.after_role(state, index, side)
        }
    }

    fn after_role(&self, state: &SpscState, index: usize, side: Side) -> At {
        if self.rules.reaping_posts_other {
            At::Reap(Reap::PostOther(side))
        } else {
            self.after_repair(state, index, side)
        }
    }

    fn after_repair(&self, state: &SpscState, index: usize, side: Side) -> At {
        match side {
            Side::Producer => self.repair_from(state, index, Side::Consumer),
            Side::Consumer => after_repairs(&state.processes[index]),
        }
    }

    /// A holder reaped because it asked for the notice. A standby reaped because it waits for the role.
    fn after_reaping(&self, state: &mut SpscState, index: usize) -> At {
        let process = &mut state.processes[index];
        match (process.is_leaving, process.has_role) {
            (true, _) => At::Outside,
            (false, true) => {
                process.look.say_reaped();
                self.look_on(state, index)
            }
            (false, false) => At::TakeRole,
        }
    }

    /// The next role that the slot owns, or what follows the last one. A load of one that it doesn't own is no step.
    fn repair_from(&self, state: &SpscState, index: usize, side: Side) -> At {
        let process = &state.processes[index];
        let owns = state.roles[side as usize].owner == Some(process.member.repaired());
        if owns { At::Reap(Reap::Free(side)) } else { self.after_repair(state, index, side) }
    }
}

/// A process that enters goes on to use the slot.
fn after_repairs(process: &Process) -> At {
    let enters = !process.member.is_reaping() && !process.is_leaving;
    if enters { At::MarkUsed } else { At::Reap(Reap::MarkUnused) }
}
