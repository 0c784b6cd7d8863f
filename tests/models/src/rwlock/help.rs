//! New members, and helpers that repair what the dead leave behind.

use super::{At, Entry, Goal, Process, RwLock, RwLockState, Slot, bit};

impl RwLock {
    /// Begins a check of the slots of all others. It is left out once no process can die, and none is dead.
    pub(super) fn begin_check(&self, state: &mut RwLockState, index: usize) -> At {
        state.processes[index].suspects = false;
        let own = state.processes[index].slot.map_or(0, bit);
        let is_needed = state.deaths > 0 || self.all().any(|slot| state.is_dirty(slot));
        state.processes[index].unseen = if is_needed { self.all_slots() & !own } else { 0 };
        self.check_on(state, index)
    }

    fn check_on(&self, state: &RwLockState, index: usize) -> At {
        let process = &state.processes[index];
        match (process.unseen, process.goal) {
            (1.., _) => At::CheckDead,
            (0, Goal::Write) => At::AnnounceWriter,
            (0, _) => self.begin_announcement(),
        }
    }

    pub(super) fn check_dead(&self, state: &mut RwLockState, index: usize, slot: Slot) -> At {
        if state.is_dirty(slot) { self.begin_help(state, index, slot) } else { self.check_on(state, index) }
    }

    /// A new member enters a slot as its only helper.
    pub(super) fn enter(&self, state: &mut RwLockState, index: usize, slot: Slot) -> At {
        state.joins -= 1;
        let at = self.begin_help(state, index, slot);
        if self.rules.new_member_repairs { at } else { At::Claim }
    }

    pub(super) fn begin_help(&self, state: &mut RwLockState, index: usize, slot: Slot) -> At {
        state.place(slot).helpers += 1;
        state.processes[index].helps = Some(slot);
        if !self.rules.unused_last {
            state.place(slot).is_used = false;
        }
        At::RepairEntry
    }

    pub(super) fn help(&self, state: &mut RwLockState, index: usize, at: At) -> At {
        let rules = &self.rules;
        let Process { helps, slot: own, .. } = state.processes[index];
        let slot = helps.unwrap_or(Slot::MAX);
        match at {
            At::RepairEntry => {
                if rules.seat_is_cleared {
                    state.place(slot).entry = Entry::Awake;
                    state.processes.iter_mut().for_each(|process| process.fresh &= !bit(slot));
                }
                At::RepairCount
            }
            At::RepairCount => {
                if rules.count_is_cleared {
                    state.place(slot).count = 0;
                }
                match (rules.inside_before_word, rules.inside_cleared_last) {
                    (true, _) => At::ReadInside,
                    (false, _) => At::RepairWord,
                }
            }
            At::ReadInside => {
                state.processes[index].was_inside = state.inside == Some(slot);
                if !rules.inside_before_word {
                    // Too late: the word has gone to others.
                    let poisons = std::mem::take(&mut state.processes[index].was_inside);
                    state.poisoned |= poisons && state.processes[index].has_freed;
                    return At::RepairInside;
                }
                if rules.inside_cleared_last { At::RepairWord } else { At::RepairInside }
            }
            At::RepairWord => {
                self.repair_word(state, index, slot);
                match (rules.inside_before_word, rules.inside_cleared_last) {
                    (false, _) => At::ReadInside,
                    (true, true) => At::RepairInside,
                    (true, false) => self.after_words(state, index),
                }
            }
            At::RepairInside => {
                if state.inside == Some(slot) && rules.inside_is_cleared {
                    state.inside = None;
                }
                if rules.inside_cleared_last { self.after_words(state, index) } else { At::RepairWord }
            }
            At::MarkUnused => {
                state.place(slot).is_used = false;
                if own.is_none() { At::Claim } else { At::LeaveSlot }
            }
            At::LeaveSlot => {
                state.place(slot).helpers -= 1;
                self.stop_helping(state, index);
                let process = state.processes[index];
                let queues = matches!(process.goal, Goal::Write | Goal::ReadByLock) && !state.owns(&process);
                if queues { At::Queue } else { self.check_on(state, index) }
            }
            _ => self.claim(state, index, slot),
        }
    }

    fn repair_word(&self, state: &mut RwLockState, index: usize, slot: Slot) {
        let process = &mut state.processes[index];
        if state.owner == Some(slot) {
            state.poisoned |= process.was_inside || !self.rules.inside_poisons;
            (state.owner, process.has_freed) = (None, true);
        }
        process.was_inside = false;
    }

    /// RW8.
    fn after_words(&self, state: &RwLockState, index: usize) -> At {
        match state.processes[index].has_freed && self.rules.helper_notifies {
            _ if self.rules.helper_posts_writer => At::LookForWriter,
            true => At::LookAtFlag,
            false => self.repaired(),
        }
    }

    pub(super) fn repaired(&self) -> At {
        At::MarkUnused
    }

    fn stop_helping(&self, state: &mut RwLockState, index: usize) {
        let process = &mut state.processes[index];
        (process.helps, process.has_freed, process.was_inside) = (None, false, false);
    }

    /// The only helper becomes the owner.
    fn claim(&self, state: &mut RwLockState, index: usize, slot: Slot) -> At {
        state.place(slot).helpers -= 1;
        self.stop_helping(state, index);
        let place = state.place(slot);
        if place.is_alive || (place.helpers > 0 && self.rules.claim_waits_for_helpers) {
            return At::Outside;
        }
        (place.is_alive, place.is_used) = (true, true);
        let process = &mut state.processes[index];
        (process.slot, process.suspects) = (Some(slot), true);
        At::Idle
    }
}
