//! Deaths, newcomers, and what is done about the dead.

use super::{At, Bell, MOST_PROCESSES, Process, Side, Slot, Spsc, State};

impl State {
    pub(super) fn is_dirty_slot(&self, slot: Slot) -> bool {
        let slot = usize::from(slot);
        !self.alive[slot] && self.used[slot]
    }

    pub(super) fn dirty_slot(&self) -> Option<Slot> {
        (0..MOST_PROCESSES).find(|slot| self.is_dirty_slot(*slot))
    }
}

impl Spsc {
    /// Clears what the process holds of ALIVE, then posts: its undo account.
    pub(super) fn die(&self, state: &mut State, index: usize) -> At {
        let process = state.processes[index];
        state.alive[usize::from(process.slot)] = false;
        if let Some(reaped) = self.reaps(process.at, process.slot) {
            state.alive[usize::from(reaped)] = false;
        }
        for bell in Bell::ALL {
            let is_posted = match bell {
                Bell::Holder(_) => self.rules.obituary_posts_holders,
                Bell::Role(_) => self.rules.obituary_posts_roles,
            };
            if is_posted {
                self.post(state, bell);
            }
        }
        state.deaths -= 1;
        state.processes[index] = Process::new(process.side, At::Outside, 0);
        At::Outside
    }

    /// The slot that is held only while its former owner is reaped.
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
        state.alive[usize::from(slot)] = true;
        let side = state.processes[index].side;
        let must_repair = state.used[usize::from(slot)] && self.rules.newcomer_repairs;
        let at = if must_repair { At::Repair(slot, Side::Producer) } else { At::MarkUsed };
        state.processes[index] = Process::new(side, at, slot);
        at
    }

    pub(super) fn begin_reaping(&self, slot: Slot) -> At {
        if self.rules.claim_before_reaping { At::Claim(slot) } else { At::Repair(slot, Side::Producer) }
    }

    /// R-reap, for the slot of somebody dead or for a newcomer's own.
    pub(super) fn reap(&self, state: &mut State, index: usize, at: At) -> At {
        let process = state.processes[index];
        let is_own = |slot| slot == process.slot;
        match at {
            At::Claim(slot) => self.claim(state, index, slot),
            At::Repair(slot, side) => self.repair(state, slot, side),
            At::RepairRole(slot, side) => {
                self.post(state, Bell::Role(side));
                self.after_role(slot, side)
            }
            At::RepairOther(slot, side) => {
                self.post(state, Bell::Holder(side.other()));
                after_repair(slot, side)
            }
            At::MarkUnused(slot) if is_own(slot) => At::MarkUsed,
            At::MarkUnused(slot) => {
                state.used[usize::from(slot)] = false;
                if self.rules.claim_before_reaping { At::GiveBack(slot) } else { after_reaping(&process) }
            }
            At::GiveBack(slot) => {
                state.alive[usize::from(slot)] = false;
                after_reaping(&process)
            }
            At::MarkUsed => {
                state.used[usize::from(process.slot)] = true;
                At::Idle
            }
            at => at,
        }
    }

    /// Who cannot claim treats the owner as alive.
    fn claim(&self, state: &mut State, index: usize, slot: Slot) -> At {
        let alive = &mut state.alive[usize::from(slot)];
        if !std::mem::replace(alive, true) {
            return At::Repair(slot, Side::Producer);
        }
        if state.processes[index].has_role { At::Snapshot } else { At::RoleSleep }
    }

    fn repair(&self, state: &mut State, slot: Slot, side: Side) -> At {
        let role = &mut state.roles[side as usize];
        if role.owner != Some(slot) {
            return after_repair(slot, side);
        }
        // Its owner may have died before it came to that. Storing 1 where there is 1 is no step.
        if side == Side::Producer && !state.arrived && self.rules.reaper_says_arrived {
            state.arrived = true;
            return At::Repair(slot, side);
        }
        let had_waiters = std::mem::take(role).waiters;
        if had_waiters && self.rules.reaping_posts_role {
            At::RepairRole(slot, side)
        } else {
            self.after_role(slot, side)
        }
    }

    fn after_role(&self, slot: Slot, side: Side) -> At {
        if self.rules.reaping_posts_other { At::RepairOther(slot, side) } else { after_repair(slot, side) }
    }
}

fn after_repair(slot: Slot, side: Side) -> At {
    if side == Side::Producer { At::Repair(slot, Side::Consumer) } else { At::MarkUnused(slot) }
}

/// Who has a role reaped because it wants to be told, who has none because it wants one.
fn after_reaping(process: &Process) -> At {
    if process.has_role { At::Snapshot } else { At::TakeRole }
}
