//! Newcomers, leavers, the dead, and what is done about them.

use super::{
    At, Bell, Mpmc, State, Wish,
    words::{Stage, next_lap},
};
use crate::members::Slot;

impl Mpmc {
    /// Clears what the process holds of ALIVE, then posts: its undo account.
    pub(super) fn die(&self, state: &mut State, index: usize) -> At {
        let process = state.processes[index];
        state.slots.bury(process.slot, self.reaps(process.at, process.slot));
        if self.rules.obituary_posts_not_empty {
            state.bells.post(Bell::NotEmpty as usize);
        }
        if self.rules.obituary_posts_not_full {
            state.bells.post(Bell::NotFull as usize);
        }
        state.deaths -= 1;
        At::Outside
    }

    /// The slot that is held while its words are repaired.
    fn reaps(&self, at: At, own: Slot) -> Option<Slot> {
        match at {
            At::Repair(slot, _) | At::RepairFull(slot, _) | At::RepairHead(slot, _) | At::RaiseDirty(slot) => {
                Some(slot)
            }
            At::PostRepair(slot, _) | At::MarkUnused(slot) | At::GiveBack(slot) => Some(slot),
            _ => None,
        }
        .filter(|slot| self.rules.claim_before_reaping || *slot == own)
    }

    /// A slot that is clean owns nothing (I8), so there is nothing to repair.
    pub(super) fn enter(&self, state: &mut State, index: usize, slot: Slot) -> At {
        state.slots.claim(slot);
        state.processes[index].slot = slot;
        let must_repair = state.slots.is_used(slot) && self.rules.newcomer_repairs;
        if must_repair { self.begin_repair(state, index, slot) } else { At::MarkUsed }
    }

    /// Whatever it has in hand is forgotten: the words still name its slot. It raises `dirty` only if there are such.
    pub(super) fn leave(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.wish, process.must_raise) = (Wish::Leave, false);
        let slot = process.slot;
        if !self.rules.repair_before_unused {
            state.slots.mark_unused(slot);
        }
        if self.rules.leaver_repairs { self.repair_from(state, index, slot, 0) } else { At::MarkUnused(slot) }
    }

    pub(super) fn begin_reaping(&self, state: &mut State, index: usize, slot: Slot) -> At {
        if self.rules.claim_before_reaping { At::Claim(slot) } else { self.begin_repair(state, index, slot) }
    }

    /// Somebody may have done part of it already, and died: so it raises `dirty` in any case.
    fn begin_repair(&self, state: &mut State, index: usize, slot: Slot) -> At {
        state.processes[index].must_raise = self.rules.always_raise_dirty;
        self.repair_from(state, index, slot, 0)
    }

    /// R-reap, for the slot of somebody dead or for a newcomer's or leaver's own.
    pub(super) fn reap(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::Claim(slot) if state.slots.claim(slot) => self.begin_repair(state, index, slot),
            // Who cannot claim treats the owner as alive.
            At::Claim(_) => self.look_on(state, index),
            At::Repair(slot, place) => self.repair(state, index, slot, place),
            At::RepairFull(slot, place) => self.repair_full(state, index, slot, place),
            At::RepairHead(slot, position) => {
                state.pass_head(self, position);
                self.repair_from(state, index, slot, position % self.capacity + 1)
            }
            At::RaiseDirty(slot) => {
                state.raise_dirty();
                self.post_repair(state, index, slot)
            }
            At::PostRepair(slot, bell) => {
                state.bells.post(bell as usize);
                let is_last = bell == Bell::NotFull || !self.rules.reaping_posts_not_full;
                if is_last { after_repair(state, index, slot) } else { At::PostRepair(slot, Bell::NotFull) }
            }
            At::MarkUnused(slot) => {
                state.slots.mark_unused(slot);
                let is_held = self.rules.claim_before_reaping || slot == state.processes[index].slot;
                if is_held { At::GiveBack(slot) } else { self.after_reaping(state, index) }
            }
            At::GiveBack(slot) => {
                state.slots.give_back(slot);
                self.after_reaping(state, index)
            }
            At::MarkUsed => {
                state.slots.mark_used(state.processes[index].slot);
                At::Idle
            }
            at => at,
        }
    }

    fn after_reaping(&self, state: &mut State, index: usize) -> At {
        if state.processes[index].wish == Wish::Leave {
            return At::Outside;
        }
        state.processes[index].look.say_reaped();
        self.look_on(state, index)
    }

    fn repair(&self, state: &mut State, index: usize, slot: Slot, place: u8) -> At {
        let word = &mut state.places[usize::from(place)].word;
        match word.stage {
            Stage::Writing(owner) if owner == slot => {
                (word.lap, word.stage) = (next_lap(word.lap), Stage::Empty);
                self.has_repaired(state, index);
                self.repair_from(state, index, slot, place + 1)
            }
            Stage::Reading(owner) if owner == slot => {
                if !self.rules.head_before_full {
                    return At::RepairFull(slot, place);
                }
                let position = self.at(word.lap, place);
                state.pass_head(self, position);
                At::RepairFull(slot, place)
            }
            _ => self.repair_from(state, index, slot, place + 1),
        }
    }

    fn repair_full(&self, state: &mut State, index: usize, slot: Slot, place: u8) -> At {
        let word = &mut state.places[usize::from(place)].word;
        let position = self.at(word.lap, place);
        // By R-own it is still so, and a store would do; who does not claim may be late.
        if word.stage == Stage::Reading(slot) {
            word.stage = Stage::Full;
        }
        self.has_repaired(state, index);
        if self.rules.head_before_full {
            self.repair_from(state, index, slot, place + 1)
        } else {
            At::RepairHead(slot, position)
        }
    }

    fn has_repaired(&self, state: &mut State, index: usize) {
        state.processes[index].must_raise = true;
    }

    /// The next place that the slot owns, or what follows the last one.
    fn repair_from(&self, state: &mut State, index: usize, slot: Slot, from: u8) -> At {
        let owns = |place: &u8| state.places[usize::from(*place)].word.stage.owner() == Some(slot);
        if let Some(place) = (from..self.capacity).find(owns) {
            return At::Repair(slot, place);
        }
        let process = &state.processes[index];
        match (process.must_raise, process.wish) {
            (true, _) => At::RaiseDirty(slot),
            (false, Wish::Leave) => At::MarkUnused(slot),
            (false, _) => self.post_repair(state, index, slot),
        }
    }

    fn post_repair(&self, state: &mut State, index: usize, slot: Slot) -> At {
        match (self.rules.reaping_posts_not_empty, self.rules.reaping_posts_not_full) {
            (true, _) => At::PostRepair(slot, Bell::NotEmpty),
            (false, true) => At::PostRepair(slot, Bell::NotFull),
            (false, false) => after_repair(state, index, slot),
        }
    }
}

fn after_repair(state: &mut State, index: usize, slot: Slot) -> At {
    let process = &mut state.processes[index];
    process.must_raise = false;
    if process.wish == Wish::Nothing { At::MarkUsed } else { At::MarkUnused(slot) }
}
