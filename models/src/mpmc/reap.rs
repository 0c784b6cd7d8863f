//! Deaths, newcomers, and what is done about the dead.

use super::{
    At, Bell, MOST_PROCESSES, Mpmc, Process, Slot, State, Wish,
    words::{Stage, next_lap},
};

impl State {
    pub(super) fn is_dirty_slot(&self, slot: Slot) -> bool {
        let slot = usize::from(slot);
        !self.alive[slot] && self.used[slot]
    }

    pub(super) fn dirty_slot(&self) -> Option<Slot> {
        (0..MOST_PROCESSES).find(|slot| self.is_dirty_slot(*slot))
    }
}

impl Mpmc {
    /// Clears what the process holds of ALIVE, then posts: its undo account.
    pub(super) fn die(&self, state: &mut State, index: usize) -> At {
        let process = state.processes[index];
        state.alive[usize::from(process.slot)] = false;
        if let Some(reaped) = self.reaps(process.at, process.slot) {
            state.alive[usize::from(reaped)] = false;
        }
        if self.rules.obituary_posts_not_empty {
            self.post(state, Bell::NotEmpty);
        }
        if self.rules.obituary_posts_not_full {
            self.post(state, Bell::NotFull);
        }
        state.deaths -= 1;
        state.processes[index] = Process::new(process.is_producer, At::Outside, 0);
        At::Outside
    }

    /// The slot that is held only while its former owner is reaped.
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
        state.alive[usize::from(slot)] = true;
        state.processes[index].slot = slot;
        let must_repair = state.used[usize::from(slot)] && self.rules.newcomer_repairs;
        if must_repair { At::Repair(slot, 0) } else { At::MarkUsed }
    }

    pub(super) fn begin_reaping(&self, slot: Slot) -> At {
        if self.rules.claim_before_reaping { At::Claim(slot) } else { At::Repair(slot, 0) }
    }

    /// R-reap, for the slot of somebody dead or for a newcomer's own.
    pub(super) fn reap(&self, state: &mut State, index: usize, at: At) -> At {
        let is_newcomer = state.processes[index].wish == Wish::Nothing;
        match at {
            At::Claim(slot) => claim(state, slot),
            At::Repair(slot, place) => self.repair(state, index, slot, place),
            At::RepairFull(slot, place) => self.repair_full(state, index, slot, place),
            At::RepairHead(slot, position) => {
                state.pass_head(self, position);
                self.after_repair(&state.processes[index], slot, position % self.capacity)
            }
            At::RaiseDirty(slot) => {
                state.raise_dirty();
                self.post_repair(slot)
            }
            At::PostRepair(slot, bell) => {
                self.post(state, bell);
                let is_last = bell == Bell::NotFull || !self.rules.reaping_posts_not_full;
                if is_last { At::MarkUnused(slot) } else { At::PostRepair(slot, Bell::NotFull) }
            }
            At::MarkUnused(_) if is_newcomer => At::MarkUsed,
            At::MarkUnused(slot) => {
                state.used[usize::from(slot)] = false;
                if self.rules.claim_before_reaping { At::GiveBack(slot) } else { At::Snapshot }
            }
            At::GiveBack(slot) => {
                state.alive[usize::from(slot)] = false;
                At::Snapshot
            }
            At::MarkUsed => {
                let slot = usize::from(state.processes[index].slot);
                state.used[slot] = true;
                At::Idle
            }
            at => at,
        }
    }

    fn repair(&self, state: &mut State, index: usize, slot: Slot, place: u8) -> At {
        let word = &mut state.places[usize::from(place)].word;
        match word.stage {
            Stage::Writing(owner) if owner == slot => {
                (word.lap, word.stage) = (next_lap(word.lap), Stage::Empty);
                self.after_repair(&state.processes[index], slot, place)
            }
            Stage::Reading(owner) if owner == slot => {
                if !self.rules.head_before_full {
                    return At::RepairFull(slot, place);
                }
                let position = self.at(word.lap, place);
                state.pass_head(self, position);
                At::RepairFull(slot, place)
            }
            _ => self.after_repair(&state.processes[index], slot, place),
        }
    }

    fn repair_full(&self, state: &mut State, index: usize, slot: Slot, place: u8) -> At {
        let word = &mut state.places[usize::from(place)].word;
        let position = self.at(word.lap, place);
        // By R-own it is still so, and a store would do; who does not claim may be late.
        if word.stage == Stage::Reading(slot) {
            word.stage = Stage::Full;
        }
        state.processes[index].has_put_back = !self.rules.always_raise_dirty;
        if self.rules.head_before_full {
            self.after_repair(&state.processes[index], slot, place)
        } else {
            At::RepairHead(slot, position)
        }
    }

    fn after_repair(&self, process: &Process, slot: Slot, place: u8) -> At {
        if place + 1 < self.capacity {
            return At::Repair(slot, place + 1);
        }
        let must_raise = self.rules.always_raise_dirty || process.has_put_back;
        if must_raise { At::RaiseDirty(slot) } else { self.post_repair(slot) }
    }

    fn post_repair(&self, slot: Slot) -> At {
        match (self.rules.reaping_posts_not_empty, self.rules.reaping_posts_not_full) {
            (true, _) => At::PostRepair(slot, Bell::NotEmpty),
            (false, true) => At::PostRepair(slot, Bell::NotFull),
            (false, false) => At::MarkUnused(slot),
        }
    }
}

/// Who cannot claim treats the owner as alive.
fn claim(state: &mut State, slot: Slot) -> At {
    let alive = &mut state.alive[usize::from(slot)];
    if std::mem::replace(alive, true) { At::Snapshot } else { At::Repair(slot, 0) }
}
