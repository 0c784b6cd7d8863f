//! Recovery by helping.

use super::{At, Entry, Event, Mutex, MutexState, NO_SLOT, Process, Slot};

impl Mutex {
    /// Begins a check of the slots of all others.
    ///
    /// No check is needed once no process can die any more, and no slot has an owner that died.
    pub(super) fn begin_check(&self, state: &mut MutexState, index: usize) -> At {
        if state.deaths == 0 && !self.all().any(|slot| state.is_dirty(slot)) {
            return self.begin_announcement();
        }
        let own = state.processes[index].slot;
        state.processes[index].unseen =
            self.reached(state).filter(|slot| *slot != own).fold(0, |seen, slot| seen | 1 << slot);
        self.check_on(state, index)
    }

    fn check_on(&self, state: &MutexState, index: usize) -> At {
        if state.processes[index].unseen == 0 { self.begin_announcement() } else { At::CheckDead }
    }

    pub(super) fn check_dead(&self, state: &mut MutexState, index: usize, slot: Slot) -> At {
        state.processes[index].unseen &= !(1 << slot);
        if !state.is_dirty(slot) {
            return self.check_on(state, index);
        }
        state.processes[index].helped = slot;
        self.begin_help(state, index)
    }

    /// A new member enters a slot as its only helper.
    pub(super) fn enter(&self, state: &mut MutexState, index: usize, slot: Slot) -> At {
        state.joins -= 1;
        state.processes[index].helped = slot;
        if self.rules.new_member_repairs { self.begin_help(state, index) } else { At::Claim }
    }

    /// The only helper becomes the owner.
    pub(super) fn claim(&self, state: &mut MutexState, index: usize) -> At {
        let process = &mut state.processes[index];
        let slot = std::mem::replace(&mut process.helped, NO_SLOT);
        if state.is_alive(slot) || (state.is_helped(slot) && self.rules.claim_waits_for_helpers) {
            return At::Outside;
        }
        let process = &mut state.processes[index];
        (process.slot, process.suspects) = (slot, self.rules.suspects_at_first);
        state.used[usize::from(slot)] = true;
        if state.word.offered && state.word.owner == slot {
            state.event = Event::OfferedSlotReused;
        }
        At::Idle
    }

    fn begin_help(&self, state: &mut MutexState, index: usize) -> At {
        let slot = state.processes[index].helped;
        if !self.rules.unused_last {
            state.used[usize::from(slot)] = false;
        }
        if self.rules.room_before_word { self.before_room(state, slot) } else { At::RepairWord }
    }

    /// A entry that is AWAKE stays so, because its slot has no owner.
    fn before_room(&self, state: &MutexState, slot: Slot) -> At {
        let is_done = state.entries[usize::from(slot)] == Entry::Awake || !self.rules.reaper_clears_room;
        match (is_done, self.rules.room_before_word) {
            (false, _) => At::RepairRoom,
            (true, true) => At::RepairWord,
            (true, false) => At::LeaveSlot,
        }
    }

    pub(super) fn repair(&self, state: &mut MutexState, index: usize) -> At {
        let Process { at, slot, helped, .. } = state.processes[index];
        match at {
            At::RepairRoom => {
                state.entries[usize::from(helped)] = Entry::Awake;
                if self.rules.room_before_word { At::RepairWord } else { At::LeaveSlot }
            }
            At::RepairWord => {
                let calls = self.free_dead(state, helped) && self.rules.reaper_notifies;
                if calls { self.begin_scan(state, index) } else { self.after_word(state, helped) }
            }
            _ => {
                state.used[usize::from(helped)] = false;
                if slot == NO_SLOT {
                    return At::Claim;
                }
                state.processes[index].helped = NO_SLOT;
                self.begin_check(state, index)
            }
        }
    }

    pub(super) fn after_word(&self, state: &MutexState, slot: Slot) -> At {
        if self.rules.room_before_word { At::LeaveSlot } else { self.before_room(state, slot) }
    }

    /// Returns whether the word was the dead member's.
    fn free_dead(&self, state: &mut MutexState, slot: Slot) -> bool {
        let word = &mut state.word;
        if word.owner != slot || (word.offered && !self.rules.reaper_frees_offer) {
            return false;
        }
        word.poisoned |= !word.offered || !self.rules.reaper_spares_offer;
        word.waiters &= self.rules.reaper_keeps_waiters;
        (word.owner, word.offered) = (NO_SLOT, false);
        true
    }
}
