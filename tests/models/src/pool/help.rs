//! The dead, the helpers that repair what they leave, and new members, which enter a slot as its only helper.

use super::{After, At, Help, Notify, Pool, PoolState, Process, Wait, Word};
use crate::members::Slot;

impl Pool {
    /// Clears what the process holds of ALIVE and HELPERS, then posts each doorbell: its undo account.
    pub(super) fn die(&self, state: &mut PoolState, index: usize) -> At {
        let process = state.processes[index];
        if let Some(slot) = process.helps.filter(|_| process.at != At::Help(Help::Enter)) {
            state.place(slot).helpers -= 1;
        }
        if let Some(slot) = process.slot {
            state.place(slot).is_alive = false;
        }
        let posts = u8::from(self.rules.obituary_posts) + u8::from(self.rules.obituary_posts_twice);
        for place in &mut state.places {
            place.posts =
                place.posts.map(|before| self.saturation.min(before + posts * u8::from(self.rules.obituary_posts)));
        }
        state.deaths -= 1;
        state.processes[index] = Process::outside(process.need);
        At::Outside
    }

    /// A new member turns to this slot, which is dead and has no helpers.
    pub(super) fn join(&self, state: &mut PoolState, index: usize, slot: Slot) -> At {
        (state.processes[index].helps, state.processes[index].joins) = (Some(slot), true);
        state.place(slot).helpers += 1;
        if state.is_dirty(slot) { At::Help(Help::FreeTurn) } else { At::Help(Help::Claim) }
    }

    pub(super) fn help(&self, state: &mut PoolState, index: usize, step: Help) -> At {
        let process = state.processes[index];
        let slot = process.helps.or(process.slot).unwrap_or(Slot::MAX);
        match step {
            Help::Enter => {
                let place = state.place(slot);
                if place.is_alive || (place.helpers > 0 && !self.rules.several_help) {
                    // Without `several_help`, it leaves the repair to another.
                    return if place.is_alive { At::Wait(Wait::Reap) } else { self.begin_announcing() };
                }
                place.helpers += 1;
                At::Help(Help::FreeTurn)
            }
            Help::FreeTurn => {
                if state.turnstile == Some(slot) && self.rules.helper_frees_turnstile {
                    state.turnstile = None;
                    state.processes[index].has_left = true;
                }
                At::Help(Help::Free(0))
            }
            Help::Free(permit) => self.free_dead(state, index, slot, permit),
            Help::ResetWords => {
                if self.rules.words_are_reset {
                    let place = state.place(slot);
                    (place.words, place.ticket, place.interest) = (Default::default(), 0, 0);
                }
                At::Help(Help::MarkUnused)
            }
            Help::MarkUnused => {
                state.place(slot).is_used = false;
                At::Help(if process.joins { Help::Claim } else { Help::Exit })
            }
            Help::Exit => {
                state.place(slot).helpers -= 1;
                if process.joins { At::Outside } else { At::Wait(Wait::Reap) }
            }
            Help::Claim => {
                let place = state.place(slot);
                if place.helpers > 1 {
                    return At::Help(Help::Exit);
                }
                (place.helpers, place.is_alive) = (0, true);
                let process = &mut state.processes[index];
                (process.slot, process.helps, process.suspects) = (Some(slot), None, true);
                At::Help(Help::MarkUsed)
            }
            Help::MarkUsed => {
                state.place(slot).is_used = true;
                At::Rest
            }
        }
    }

    fn free_dead(&self, state: &mut PoolState, index: usize, slot: Slot, permit: usize) -> At {
        let from = if self.one_by_one { permit } else { 0 };
        let owned = (from..self.permits).find(|permit| state.permits[*permit] == Some(slot));
        let owned = owned.filter(|owned| !self.one_by_one || *owned == permit);
        if let Some(owned) = owned {
            state.permits[owned] = None;
            state.processes[index].pending += 1;
        }
        if self.one_by_one && permit + 1 < self.permits {
            return At::Help(Help::Free(permit + 1));
        }
        if !self.one_by_one && state.permits.contains(&Some(slot)) {
            return At::Help(Help::Free(0));
        }
        let process = &mut state.processes[index];
        if (process.pending > 0 || process.has_left) && self.rules.helper_notifies {
            process.after = After::Help;
            return At::Notify(Notify::LoadFlag);
        }
        At::Help(Help::ResetWords)
    }
}

impl PoolState {
    /// The word of a slot becomes AWAKE. Returns what it was.
    pub(super) fn awake(&mut self, slot: Slot, room: usize) -> Word {
        let place = self.place(slot);
        if room == 1 {
            (place.ticket, place.interest) = (0, 0);
        }
        std::mem::take(&mut place.words[room])
    }
}
