//! Newcomers, leavers, the dead, and what is done about them.

use super::{At, Bell, Process, Side, Spsc, State};
use crate::members::Slot;

impl Spsc {
    /// Clears what the process holds of ALIVE, then posts: its undo account.
    pub(super) fn die(&self, state: &mut State, index: usize) -> At {
        let process = state.processes[index];
        state.slots.bury(process.slot, self.reaps(process.at, process.slot));
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

    /// The slot that is held while its words are repaired.
    fn reaps(&self, at: At, own: Slot) -> Option<Slot> {
        match at {
            At::Repair(slot, _) | At::RepairRole(slot, _) | At::RepairOther(slot, _) => Some(slot),
            At::MarkUnused(slot) | At::GiveBack(slot) => Some(slot),
            _ => None,
        }
        .filter(|slot| self.rules.claim_before_reaping || *slot == own)
    }

    /// A slot that is clean owns nothing (I8), so there is nothing to repair.
    pub(super) fn enter(&self, state: &mut State, index: usize, slot: Slot) -> At {
        state.slots.claim(slot);
        state.processes[index] = Process::new(state.processes[index].side, At::Outside, slot);
        let must_repair = state.slots.is_used(slot) && self.rules.newcomer_repairs;
        if must_repair { self.repair_from(state, index, slot, Side::Producer) } else { At::MarkUsed }
    }

    /// A role that it never left is forgotten: the word still names its slot.
    pub(super) fn leave(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.is_leaving, process.has_role) = (true, false);
        let slot = process.slot;
        if !self.rules.repair_before_unused {
            state.slots.mark_unused(slot);
        }
        if self.rules.leaver_repairs {
            self.repair_from(state, index, slot, Side::Producer)
        } else {
            At::MarkUnused(slot)
        }
    }

    pub(super) fn begin_reaping(&self, state: &State, index: usize, slot: Slot) -> At {
        if self.rules.claim_before_reaping {
            At::Claim(slot)
        } else {
            self.repair_from(state, index, slot, Side::Producer)
        }
    }

    /// R-reap, for the slot of somebody dead or for a newcomer's or leaver's own.
    pub(super) fn reap(&self, state: &mut State, index: usize, at: At) -> At {
        let process = state.processes[index];
        match at {
            At::Claim(slot) => self.claim(state, index, slot),
            At::Repair(slot, side) => self.repair(state, index, slot, side),
            At::RepairRole(slot, side) => {
                state.bells.post(Bell::Role(side).number());
                self.after_role(state, index, slot, side)
            }
            At::RepairOther(slot, side) => {
                state.bells.post(Bell::Holder(side.other()).number());
                self.after_repair(state, index, slot, side)
            }
            At::MarkUnused(slot) => {
                state.slots.mark_unused(slot);
                let is_held = self.rules.claim_before_reaping || slot == process.slot;
                if is_held { At::GiveBack(slot) } else { self.after_reaping(state, index) }
            }
            At::GiveBack(slot) => {
                state.slots.give_back(slot);
                self.after_reaping(state, index)
            }
            At::MarkUsed => {
                state.slots.mark_used(process.slot);
                At::Idle
            }
            at => at,
        }
    }

    /// Who cannot claim treats the owner as alive.
    fn claim(&self, state: &mut State, index: usize, slot: Slot) -> At {
        match (state.slots.claim(slot), state.processes[index].has_role) {
            (true, _) => self.repair_from(state, index, slot, Side::Producer),
            (false, true) => self.look_on(state, index),
            (false, false) => At::RoleSleep,
        }
    }

    fn repair(&self, state: &mut State, index: usize, slot: Slot, side: Side) -> At {
        let role = &mut state.roles[side as usize];
        // Without a claim it may be somebody else's by now.
        if role.owner != Some(slot) {
            return self.after_repair(state, index, slot, side);
        }
        // Its owner may have died before it came to that. Storing 1 where there is 1 is no step.
        if side == Side::Producer && !state.arrived && self.rules.reaper_says_arrived {
            state.arrived = true;
            return At::Repair(slot, side);
        }
        let had_waiters = role.repair(slot);
        role.poisoned = false;
        if had_waiters && self.rules.reaping_posts_role {
            At::RepairRole(slot, side)
        } else {
            self.after_role(state, index, slot, side)
        }
    }

    fn after_role(&self, state: &State, index: usize, slot: Slot, side: Side) -> At {
        if self.rules.reaping_posts_other {
            At::RepairOther(slot, side)
        } else {
            self.after_repair(state, index, slot, side)
        }
    }

    fn after_repair(&self, state: &State, index: usize, slot: Slot, side: Side) -> At {
        match side {
            Side::Producer => self.repair_from(state, index, slot, Side::Consumer),
            Side::Consumer => after_repairs(&state.processes[index], slot),
        }
    }

    /// Who has a role reaped because it wants to be told, who has none because it wants one, or because it leaves.
    fn after_reaping(&self, state: &mut State, index: usize) -> At {
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

    /// The next role that the slot owns, or what follows the last one. A look at one that it doesn't own is no step.
    fn repair_from(&self, state: &State, index: usize, slot: Slot, side: Side) -> At {
        match (state.roles[side as usize].owner == Some(slot), side) {
            (true, _) => At::Repair(slot, side),
            (false, Side::Producer) => self.repair_from(state, index, slot, Side::Consumer),
            (false, Side::Consumer) => after_repairs(&state.processes[index], slot),
        }
    }
}

/// A newcomer goes on to use the slot.
fn after_repairs(process: &Process, slot: Slot) -> At {
    let comes = slot == process.slot && !process.is_leaving;
    if comes { At::MarkUsed } else { At::MarkUnused(slot) }
}
