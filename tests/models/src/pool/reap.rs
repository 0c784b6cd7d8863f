//! Newcomers, leavers, the dead, and those who clear up after them.

use super::{At, Bell, PERMITS, Pool, State, Wish};
use crate::members::Slot;

impl Pool {
    pub(super) fn enter(&self, state: &mut State, index: usize, slot: Slot) -> At {
        state.slots.claim(slot);
        state.processes[index].slot = slot;
        if self.rules.newcomer_repairs { self.begin_repair(state, index, slot) } else { At::MarkUsed }
    }

    /// Whatever it holds is forgotten: the words still name its slot.
    pub(super) fn leave(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.wish, process.holds) = (Wish::Leave, [false; PERMITS]);
        let slot = process.slot;
        if self.rules.leaver_repairs { self.begin_repair(state, index, slot) } else { At::MarkUnused(slot) }
    }

    /// Clears what the process holds of ALIVE, then posts: its undo account.
    pub(super) fn die(&self, state: &mut State, index: usize) -> At {
        let process = state.processes[index];
        state.slots.bury(process.slot, self.reaps(process.at));
        if self.rules.obituary_posts {
            [Bell::Single, Bell::Many, Bell::Turnstile].into_iter().for_each(|bell| state.bells.post(bell as usize));
        }
        state.deaths -= 1;
        At::Outside
    }

    /// The slot that is held while its words are repaired.
    fn reaps(&self, at: At) -> Option<Slot> {
        match at {
            At::RepairTurn(slot) | At::PostRepairTurn(slot) | At::Repair(slot, _) => Some(slot),
            At::ClearFlags(slot) | At::PostRepair(slot, _) | At::MarkUnused(slot) | At::GiveBack(slot) => Some(slot),
            _ => None,
        }
        .filter(|_| self.rules.claim_before_reaping)
    }

    pub(super) fn begin_reaping(&self, state: &State, slot: Slot) -> At {
        if self.rules.claim_before_reaping { At::Claim(slot) } else { self.first_repair(state, slot) }
    }

    fn begin_repair(&self, state: &mut State, index: usize, slot: Slot) -> At {
        match self.first_repair(state, slot) {
            At::MarkUnused(_) => self.after_repair(state, index, slot),
            at => at,
        }
    }

    /// The first word that the slot owns; `MarkUnused` if it owns none.
    fn first_repair(&self, state: &State, slot: Slot) -> At {
        if state.turnstile.owner == Some(slot) { At::RepairTurn(slot) } else { permit_from(state, slot, 0) }
    }

    /// R-reap, for the slot of somebody dead or for a newcomer's or leaver's own.
    pub(super) fn reap(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::Claim(slot) => self.claim(state, index, slot),
            At::RepairTurn(slot) => {
                let had_waiters = state.turnstile.repair(slot);
                state.turnstile.poisoned = false;
                let must_post = had_waiters && self.rules.reaping_posts_turnstile;
                if must_post { At::PostRepairTurn(slot) } else { self.next_permit(state, index, slot, 0) }
            }
            At::PostRepairTurn(slot) => {
                state.bells.post(Bell::Turnstile as usize);
                self.next_permit(state, index, slot, 0)
            }
            At::Repair(slot, permit) => {
                // Without a claim it may be somebody else's by now.
                if state.permits[permit] == Some(slot) {
                    state.permits[permit] = None;
                    state.processes[index].has_freed = true;
                }
                self.next_permit(state, index, slot, permit + 1)
            }
            At::ClearFlags(slot) => {
                state.flags = [false; 2];
                At::PostRepair(slot, Bell::Single)
            }
            At::PostRepair(slot, bell) => {
                state.bells.post(bell as usize);
                let is_first = bell == Bell::Single;
                if is_first { At::PostRepair(slot, Bell::Many) } else { self.after_repair(state, index, slot) }
            }
            At::MarkUnused(slot) => {
                state.slots.mark_unused(slot);
                if self.rules.claim_before_reaping || slot == state.processes[index].slot {
                    return At::GiveBack(slot);
                }
                self.after_reaping(state, index)
            }
            At::GiveBack(slot) => {
                state.slots.give_back(slot);
                self.after_reaping(state, index)
            }
            _ => {
                state.slots.mark_used(state.processes[index].slot);
                At::Idle
            }
        }
    }

    /// Who cannot claim treats the owner as alive.
    fn claim(&self, state: &mut State, index: usize, slot: Slot) -> At {
        match (state.slots.claim(slot), state.processes[index].is_before_turnstile()) {
            (true, _) => self.begin_repair(state, index, slot),
            (false, true) => At::TurnSleep,
            (false, false) => self.look_on(state, index),
        }
    }

    fn next_permit(&self, state: &mut State, index: usize, slot: Slot, from: usize) -> At {
        match (permit_from(state, slot, from), state.processes[index].has_freed) {
            (At::MarkUnused(_), true) if self.rules.reaping_posts => At::ClearFlags(slot),
            (At::MarkUnused(_), _) => self.after_repair(state, index, slot),
            (at, _) => at,
        }
    }

    fn after_repair(&self, state: &mut State, index: usize, slot: Slot) -> At {
        state.processes[index].has_freed = false;
        if state.processes[index].wish == Wish::Nothing { At::MarkUsed } else { At::MarkUnused(slot) }
    }

    /// Where it goes on after it reaped a slot, or left its own.
    fn after_reaping(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        match process.wish {
            Wish::Leave => At::Outside,
            _ if process.is_before_turnstile() => At::TurnTake,
            _ => {
                process.look.say_reaped();
                self.look_on(state, index)
            }
        }
    }
}

/// The next permit that the slot owns; `MarkUnused` if there is none.
fn permit_from(state: &State, slot: Slot, from: usize) -> At {
    let owned = (from..PERMITS).find(|permit| state.permits[*permit] == Some(slot));
    owned.map_or(At::MarkUnused(slot), |permit| At::Repair(slot, permit))
}
