//! Locking, unlocking, waiting, and what is done about the dead.

use super::{Action, At, Mutex, Process, State, Wish};
use crate::members::Slot;

impl Mutex {
    pub(super) fn apply(&self, state: &mut State, index: usize, action: Action) -> At {
        let process = &mut state.processes[index];
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Lock(_, wish) => {
                process.wish = wish;
                At::Take
            }
            Action::Step(..) => self.step(state, index),
            Action::Drain(_) => {
                process.slept |= self.rules.drained_is_slept;
                state.bell.drain(0);
                At::Take
            }
            Action::GiveUp(_) if process.slept && self.rules.post_before_leaving => At::PostLeave,
            Action::GiveUp(_) => At::Idle,
            Action::Mend(_) => {
                (state.word.poisoned, state.tainted) = (false, false);
                At::Critical
            }
            Action::Leave(_) => self.leave(state, index),
            Action::Die(_) => self.die(state, index),
        }
    }

    /// Clears what the process holds of ALIVE, then posts: its undo account.
    fn die(&self, state: &mut State, index: usize) -> At {
        let process = state.processes[index];
        state.slots.bury(process.slot, self.reaps(process.at));
        if self.rules.obituary_posts {
            state.bell.post(0);
        }
        state.tainted |= process.at == At::Critical;
        state.deaths -= 1;
        At::Outside
    }

    /// The slot that is held while its word is repaired.
    fn reaps(&self, at: At) -> Option<Slot> {
        match at {
            At::Repair(slot) | At::PostRepair(slot) | At::MarkUnused(slot) | At::GiveBack(slot) => {
                self.rules.claim_before_reaping.then_some(slot)
            }
            _ => None,
        }
    }

    fn enter(&self, state: &mut State, index: usize, slot: Slot) -> At {
        state.slots.claim(slot);
        state.processes[index].slot = slot;
        if self.rules.newcomer_repairs { begin_repair(state, index, slot) } else { At::MarkUsed }
    }

    /// If it has the word, that still names its slot.
    fn leave(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        process.wish = Wish::Leave;
        let slot = process.slot;
        state.tainted |= process.at == At::Critical;
        if !self.rules.repair_before_unused {
            state.slots.mark_unused(slot);
        }
        if self.rules.leaver_repairs { begin_repair(state, index, slot) } else { At::MarkUnused(slot) }
    }

    fn step(&self, state: &mut State, index: usize) -> At {
        let Process { at, slot, .. } = state.processes[index];
        match at {
            At::Outside | At::Idle => at,
            At::MarkUsed => {
                state.slots.mark_used(slot);
                At::Idle
            }
            At::Take => self.take(state, index),
            At::CheckOwner(owner) => self.check_owner(state, index, owner),
            At::Claim(owner) if state.slots.claim(owner) => begin_repair(state, index, owner),
            // Who cannot claim treats the owner as alive: somebody lives there, or reaps and will post.
            At::Claim(_) => owner_lives(&state.processes[index]),
            At::Repair(owner) => self.repair(state, index, owner),
            At::PostRepair(owner) => {
                state.bell.post(0);
                after_repair(&state.processes[index], owner)
            }
            At::MarkUnused(owner) => {
                state.slots.mark_unused(owner);
                let is_held = self.rules.claim_before_reaping || owner == slot;
                if is_held { At::GiveBack(owner) } else { At::Take }
            }
            At::GiveBack(owner) => {
                state.slots.give_back(owner);
                if state.processes[index].wish == Wish::Leave { At::Outside } else { At::Take }
            }
            At::Sleep => {
                state.bell.take(0);
                state.processes[index].slept = true;
                At::Take
            }
            At::Critical if state.word.free() => At::PostUnlock,
            At::Critical => At::Idle,
            At::PostLeave | At::PostUnlock => {
                state.bell.post(0);
                At::Idle
            }
        }
    }

    fn take(&self, state: &mut State, index: usize) -> At {
        let Process { slot, slept, wish, .. } = state.processes[index];
        if state.word.take(slot, slept && self.rules.keep_waiters_after_sleep) {
            state.word.poisoned &= self.rules.keep_poison;
            return At::Critical;
        }
        let may_mark = wish == Wish::Lock && self.rules.set_waiters_before_sleep;
        let owner = if may_mark { state.word.mark() } else { state.word.owner };
        let asks = wish == Wish::TryLock || self.rules.check_owner_before_sleep;
        owner.filter(|_| asks).map_or(At::Sleep, At::CheckOwner)
    }

    fn check_owner(&self, state: &State, index: usize, owner: Slot) -> At {
        match (state.slots.is_alive(owner), self.rules.claim_before_reaping) {
            (true, _) => owner_lives(&state.processes[index]),
            (false, true) => At::Claim(owner),
            (false, false) => begin_repair(state, index, owner),
        }
    }

    fn repair(&self, state: &mut State, index: usize, owner: Slot) -> At {
        let had_waiters = state.word.repair(owner);
        let process = &state.processes[index];
        let posts = if process.wish == Wish::Nothing { self.rules.newcomer_posts } else { self.rules.reaper_posts };
        if had_waiters && posts { At::PostRepair(owner) } else { after_repair(process, owner) }
    }
}

fn owner_lives(process: &Process) -> At {
    if process.wish == Wish::TryLock { At::Idle } else { At::Sleep }
}

/// A look at a word that the slot does not own is no step: only who repairs could change that.
fn begin_repair(state: &State, index: usize, slot: Slot) -> At {
    if state.word.owner == Some(slot) { At::Repair(slot) } else { after_repair(&state.processes[index], slot) }
}

fn after_repair(process: &Process, slot: Slot) -> At {
    if process.wish == Wish::Nothing { At::MarkUsed } else { At::MarkUnused(slot) }
}
