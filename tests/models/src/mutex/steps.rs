//! Locking, unlocking, waiting and reaping.

use super::{Action, At, Mutex, MutexState, Process, Reap, Wish};
use crate::members::{Member, Slot};

impl Mutex {
    pub(super) fn apply(&self, state: &mut MutexState, index: usize, action: Action) -> At {
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
    fn die(&self, state: &mut MutexState, index: usize) -> At {
        let process = state.processes[index];
        state.slots.bury(process.member);
        if self.rules.obituary_posts {
            state.bell.post(0);
        }
        state.tainted |= process.at == At::Critical;
        state.deaths -= 1;
        At::Outside
    }

    fn enter(&self, state: &mut MutexState, index: usize, slot: Slot) -> At {
        state.slots.claim(slot);
        state.processes[index].member = Member::new(slot);
        if self.rules.new_member_repairs { begin_repair(state, index) } else { At::MarkUsed }
    }

    /// If it owns the word, the word still names its slot.
    fn leave(&self, state: &mut MutexState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.wish = Wish::Leave;
        state.tainted |= process.at == At::Critical;
        if !self.rules.repair_before_unused {
            state.slots.mark_unused(process.member.slot);
        }
        if self.rules.leaver_repairs { begin_repair(state, index) } else { At::Reap(Reap::MarkUnused) }
    }

    fn step(&self, state: &mut MutexState, index: usize) -> At {
        let Process { at, member, .. } = state.processes[index];
        match at {
            At::Outside | At::Idle => at,
            At::MarkUsed => {
                state.slots.mark_used(member.slot);
                At::Idle
            }
            At::Take => self.take(state, index),
            At::Reap(step) => self.reap(state, index, step),
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

    fn take(&self, state: &mut MutexState, index: usize) -> At {
        let Process { member, slept, wish, .. } = state.processes[index];
        if state.word.take(member.slot, slept && self.rules.keep_waiters_after_sleep) {
            state.word.poisoned &= self.rules.keep_poison;
            return At::Critical;
        }
        let may_mark = wish == Wish::Lock && self.rules.set_waiters_before_sleep;
        let owner = if may_mark { state.word.mark() } else { state.word.owner };
        let asks = wish == Wish::TryLock || self.rules.check_owner_before_sleep;
        let Some(owner) = owner.filter(|_| asks) else { return At::Sleep };
        state.processes[index].member.suspect(owner);
        At::Reap(Reap::Check)
    }

    /// R-reap, for the slot of a dead owner or for the process's own.
    fn reap(&self, state: &mut MutexState, index: usize, step: Reap) -> At {
        let process = &mut state.processes[index];
        let slot = process.member.repaired();
        match step {
            Reap::Check if state.slots.is_alive(slot) => owner_lives(process),
            Reap::Check if self.rules.claim_before_reaping => At::Reap(Reap::Claim),
            Reap::Check => begin_repair(state, index),
            Reap::Claim if process.member.claim(&mut state.slots) => begin_repair(state, index),
            // A slot that can't be claimed has an owner that lives, or a reaper that will post.
            Reap::Claim => owner_lives(process),
            Reap::Free => {
                let had_waiters = state.word.repair(slot);
                let enters = process.wish == Wish::Nothing;
                let posts = if enters { self.rules.new_member_posts } else { self.rules.reaper_posts };
                if had_waiters && posts { At::Reap(Reap::Post) } else { after_repair(process) }
            }
            Reap::Post => {
                state.bell.post(0);
                after_repair(process)
            }
            Reap::MarkUnused => {
                state.slots.mark_unused(slot);
                if process.member.holds_repaired() { At::Reap(Reap::GiveBack) } else { At::Take }
            }
            Reap::GiveBack => {
                state.slots.give_back(slot);
                if process.wish == Wish::Leave { At::Outside } else { At::Take }
            }
        }
    }
}

fn owner_lives(process: &Process) -> At {
    if process.wish == Wish::TryLock { At::Idle } else { At::Sleep }
}

/// A load of a word that the slot does not own is no step: only the process that repairs could change that.
fn begin_repair(state: &MutexState, index: usize) -> At {
    let process = &state.processes[index];
    let owns = state.word.owner == Some(process.member.repaired());
    if owns { At::Reap(Reap::Free) } else { after_repair(process) }
}

fn after_repair(process: &Process) -> At {
    if process.wish == Wish::Nothing { At::MarkUsed } else { At::Reap(Reap::MarkUnused) }
}
