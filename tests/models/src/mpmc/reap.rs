//! New members, members that leave, the dead, and those that repair what the dead leave behind.

use super::{
    At, Bell, Mpmc, MpmcState, Reap, Wish,
    places::{Stage, next_lap},
};
use crate::members::{Member, Slot};

impl Mpmc {
    /// Clears what the process holds of ALIVE, then posts: its undo account.
    pub(super) fn die(&self, state: &mut MpmcState, index: usize) -> At {
        state.slots.bury(state.processes[index].member);
        if self.rules.obituary_posts_not_empty {
            state.bells.post(Bell::NotEmpty as usize);
        }
        if self.rules.obituary_posts_not_full {
            state.bells.post(Bell::NotFull as usize);
        }
        state.deaths -= 1;
        At::Outside
    }

    /// A slot that is clean owns nothing (I8), so there is nothing to repair.
    pub(super) fn enter(&self, state: &mut MpmcState, index: usize, slot: Slot) -> At {
        state.slots.claim(slot);
        state.processes[index].member = Member::new(slot);
        let must_repair = state.slots.is_used(slot) && self.rules.new_member_repairs;
        if must_repair { self.begin_repair(state, index) } else { At::MarkUsed }
    }

    /// A place that it has claimed is forgotten: the word still names its slot. Without one, `dirty` is not raised.
    pub(super) fn leave(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.wish, process.must_raise) = (Wish::Leave, false);
        if !self.rules.repair_before_unused {
            state.slots.mark_unused(process.member.slot);
        }
        if self.rules.leaver_repairs { self.repair_from(state, index, 0) } else { At::Reap(Reap::MarkUnused) }
    }

    /// Turns to a slot that was found dead.
    pub(super) fn begin_reaping(&self, state: &mut MpmcState, index: usize, slot: Slot) -> At {
        state.processes[index].member.suspect(slot);
        if self.rules.claim_before_reaping { At::Reap(Reap::Claim) } else { self.begin_repair(state, index) }
    }

    /// Raises `dirty` in any case, because a reaper before it may have done part of the repair, and died.
    fn begin_repair(&self, state: &mut MpmcState, index: usize) -> At {
        state.processes[index].must_raise = self.rules.always_raise_dirty;
        self.repair_from(state, index, 0)
    }

    /// R-reap, for the slot of a dead member or for the process's own.
    pub(super) fn reap(&self, state: &mut MpmcState, index: usize, step: Reap) -> At {
        let member = &mut state.processes[index].member;
        let slot = member.repaired();
        match step {
            Reap::Claim if member.claim(&mut state.slots) => self.begin_repair(state, index),
            // A reaper that can't claim the slot treats its owner as alive.
            Reap::Claim => self.look_on(state, index),
            Reap::Free(place) => self.free(state, index, slot, place),
            Reap::StoreFull(place) => self.store_full(state, index, slot, place),
            Reap::HelpHead(position) => {
                state.pass_head(self, position);
                self.repair_from(state, index, position % self.capacity + 1)
            }
            Reap::RaiseDirty => {
                state.raise_dirty();
                self.post_repair(state, index)
            }
            Reap::Post(bell) => {
                state.bells.post(bell as usize);
                let is_last = bell == Bell::NotFull || !self.rules.reaping_posts_not_full;
                if is_last { after_repair(state, index) } else { At::Reap(Reap::Post(Bell::NotFull)) }
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

    fn after_reaping(&self, state: &mut MpmcState, index: usize) -> At {
        if state.processes[index].wish == Wish::Leave {
            return At::Outside;
        }
        state.processes[index].look.say_reaped();
        self.look_on(state, index)
    }

    fn free(&self, state: &mut MpmcState, index: usize, slot: Slot, place: u8) -> At {
        let word = &mut state.places[usize::from(place)].word;
        match word.stage {
            Stage::Writing(owner) if owner == slot => {
                (word.lap, word.stage) = (next_lap(word.lap), Stage::Empty);
                self.has_repaired(state, index);
                self.repair_from(state, index, place + 1)
            }
            Stage::Reading(owner) if owner == slot => {
                if !self.rules.head_before_full {
                    return At::Reap(Reap::StoreFull(place));
                }
                let position = self.at(word.lap, place);
                state.pass_head(self, position);
                At::Reap(Reap::StoreFull(place))
            }
            _ => self.repair_from(state, index, place + 1),
        }
    }

    fn store_full(&self, state: &mut MpmcState, index: usize, slot: Slot, place: u8) -> At {
        let word = &mut state.places[usize::from(place)].word;
        let position = self.at(word.lap, place);
        // By R-own it is still so, and a store would do. Without a claim, a new owner may have it by now.
        if word.stage == Stage::Reading(slot) {
            word.stage = Stage::Full;
        }
        self.has_repaired(state, index);
        if self.rules.head_before_full {
            self.repair_from(state, index, place + 1)
        } else {
            At::Reap(Reap::HelpHead(position))
        }
    }

    fn has_repaired(&self, state: &mut MpmcState, index: usize) {
        state.processes[index].must_raise = true;
    }

    /// The next place that the slot owns, or what follows the last one.
    fn repair_from(&self, state: &mut MpmcState, index: usize, from: u8) -> At {
        let process = &state.processes[index];
        let slot = process.member.repaired();
        let owns = |place: &u8| state.places[usize::from(*place)].word.stage.owner() == Some(slot);
        if let Some(place) = (from..self.capacity).find(owns) {
            return At::Reap(Reap::Free(place));
        }
        match (process.must_raise, process.wish) {
            (true, _) => At::Reap(Reap::RaiseDirty),
            (false, Wish::Leave) => At::Reap(Reap::MarkUnused),
            (false, _) => self.post_repair(state, index),
        }
    }

    fn post_repair(&self, state: &mut MpmcState, index: usize) -> At {
        match (self.rules.reaping_posts_not_empty, self.rules.reaping_posts_not_full) {
            (true, _) => At::Reap(Reap::Post(Bell::NotEmpty)),
            (false, true) => At::Reap(Reap::Post(Bell::NotFull)),
            (false, false) => after_repair(state, index),
        }
    }
}

fn after_repair(state: &mut MpmcState, index: usize) -> At {
    let process = &mut state.processes[index];
    process.must_raise = false;
    if process.wish == Wish::Nothing { At::MarkUsed } else { At::Reap(Reap::MarkUnused) }
}
