//! New members, members that leave, the dead, and those that repair what the dead leave behind.

use super::{At, Bell, PERMITS, Pool, PoolState, Reap, Wish};
use crate::members::{Member, Slot};

impl Pool {
    pub(super) fn enter(&self, state: &mut PoolState, index: usize, slot: Slot) -> At {
        state.slots.claim(slot);
        state.processes[index].member = Member::new(slot);
        if self.rules.new_member_repairs { self.begin_repair(state, index) } else { At::MarkUsed }
    }

    /// The permits that it holds are forgotten: the words still name its slot.
    pub(super) fn leave(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.wish, process.holds) = (Wish::Leave, [false; PERMITS]);
        if self.rules.leaver_repairs { self.begin_repair(state, index) } else { At::Reap(Reap::MarkUnused) }
    }

    /// Clears what the process holds of ALIVE, then posts: its undo account.
    pub(super) fn die(&self, state: &mut PoolState, index: usize) -> At {
        state.slots.bury(state.processes[index].member);
        if self.rules.obituary_posts {
            [Bell::Single, Bell::Many, Bell::Turnstile].into_iter().for_each(|bell| state.bells.post(bell as usize));
        }
        state.deaths -= 1;
        At::Outside
    }

    /// Turns to a slot that was found dead.
    pub(super) fn begin_reaping(&self, state: &mut PoolState, index: usize, slot: Slot) -> At {
        state.processes[index].member.suspect(slot);
        if self.rules.claim_before_reaping { At::Reap(Reap::Claim) } else { self.begin_repair(state, index) }
    }

    /// R-reap, for the slot of a dead member or for the process's own.
    pub(super) fn reap(&self, state: &mut PoolState, index: usize, step: Reap) -> At {
        let slot = state.processes[index].member.repaired();
        match step {
            Reap::Check if state.slots.is_alive(slot) => At::TurnSleep,
            Reap::Check => self.begin_reaping(state, index, slot),
            Reap::Claim => self.claim(state, index),
            Reap::FreeTurn => {
                let had_waiters = state.turnstile.repair(slot);
                state.turnstile.poisoned = false;
                let must_post = had_waiters && self.rules.reaping_posts_turnstile;
                if must_post { At::Reap(Reap::PostTurn) } else { self.repair_from(state, index, 0) }
            }
            Reap::PostTurn => {
                state.bells.post(Bell::Turnstile as usize);
                self.repair_from(state, index, 0)
            }
            Reap::Free(permit) => {
                // Without a claim, a new owner may have it by now.
                if state.permits[permit] == Some(slot) {
                    state.permits[permit] = None;
                    state.processes[index].has_freed = true;
                }
                self.repair_from(state, index, permit + 1)
            }
            Reap::ClearFlags => {
                state.flags = [false; 2];
                At::Reap(Reap::Post(Bell::Single))
            }
            Reap::Post(bell) => {
                state.bells.post(bell as usize);
                let is_first = bell == Bell::Single;
                if is_first { At::Reap(Reap::Post(Bell::Many)) } else { self.after_repair(state, index) }
            }
            Reap::MarkUnused => {
                state.slots.mark_unused(slot);
                let is_held = state.processes[index].member.holds_repaired();
                if is_held { At::Reap(Reap::GiveBack) } else { self.after_reaping(state, index) }
            }
            Reap::GiveBack => {
                state.slots.give_back(slot);
                self.after_reaping(state, index)
            }
        }
    }

    /// A reaper that can't claim the slot treats its owner as alive.
    fn claim(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        match (process.member.claim(&mut state.slots), process.is_before_turnstile()) {
            (true, _) => self.begin_repair(state, index),
            (false, true) => At::TurnSleep,
            (false, false) => self.look_on(state, index),
        }
    }

    /// The first word that the slot owns, or what follows the last one.
    fn begin_repair(&self, state: &mut PoolState, index: usize) -> At {
        let owns_turnstile = state.turnstile.owner == Some(state.processes[index].member.repaired());
        if owns_turnstile { At::Reap(Reap::FreeTurn) } else { self.repair_from(state, index, 0) }
    }

    /// The next permit that the slot owns, or what follows the last one.
    fn repair_from(&self, state: &mut PoolState, index: usize, from: usize) -> At {
        let process = &state.processes[index];
        let owns = |permit: &usize| state.permits[*permit] == Some(process.member.repaired());
        match ((from..PERMITS).find(owns), process.has_freed && self.rules.reaping_posts) {
            (Some(permit), _) => At::Reap(Reap::Free(permit)),
            (None, true) => At::Reap(Reap::ClearFlags),
            (None, false) => self.after_repair(state, index),
        }
    }

    fn after_repair(&self, state: &mut PoolState, index: usize) -> At {
        state.processes[index].has_freed = false;
        if state.processes[index].wish == Wish::Nothing { At::MarkUsed } else { At::Reap(Reap::MarkUnused) }
    }

    /// Where it goes on after it reaped a slot, or left its own.
    fn after_reaping(&self, state: &mut PoolState, index: usize) -> At {
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
