//! New members, members that leave, the dead, and the helpers that repair what the dead leave behind.

use super::{At, Help, Member, Notify, Room, RoomState, Wish, Word};
use crate::members::Slot;

impl Room {
    /// Whether the semop succeeds with which a new member enters this slot as its only helper.
    pub(super) fn may_enter(&self, state: &RoomState, slot: Slot) -> bool {
        let place = state.places[usize::from(slot)];
        !place.is_alive && place.helpers == 0
    }

    pub(super) fn enter(&self, state: &mut RoomState, index: usize, slot: Slot) -> At {
        state.processes[index].wish = Wish::Join;
        self.enter_as_helper(state, index, slot);
        if self.rules.new_member_repairs { self.begin_repair() } else { At::Member(Member::Claim) }
    }

    fn enter_as_helper(&self, state: &mut RoomState, index: usize, slot: Slot) {
        state.processes[index].helps = Some(slot);
        state.place(slot).helpers += u8::from(self.rules.helpers_are_counted);
    }

    pub(super) fn join_or_leave(&self, state: &mut RoomState, index: usize, step: Member) -> At {
        let process = &mut state.processes[index];
        let slot = process.helps.or(process.slot).unwrap_or(Slot::MAX);
        match step {
            Member::Claim => {
                let own = u8::from(self.rules.helpers_are_counted);
                let place = state.place(slot);
                if place.is_alive || place.helpers != own {
                    return At::Help(Help::Exit);
                }
                (place.is_alive, place.helpers) = (true, 0);
                let process = &mut state.processes[index];
                (process.slot, process.suspects) = (Some(slot), self.rules.suspects_at_first);
                At::Member(Member::MarkUsed)
            }
            Member::MarkUsed => {
                state.place(slot).is_used = true;
                At::Rest
            }
            Member::MarkUnused => {
                state.place(slot).is_used = false;
                At::Member(Member::Leave)
            }
            Member::Leave => {
                state.place(slot).is_alive = false;
                At::Outside
            }
        }
    }

    /// Clears what the process holds of ALIVE and HELPERS, then posts: its undo account.
    pub(super) fn die(&self, state: &mut RoomState, index: usize) -> At {
        let process = state.processes[index];
        if let Some(slot) = process.helps.filter(|_| self.is_counted(process.at)) {
            state.place(slot).helpers -= 1;
        }
        if let Some(slot) = process.slot {
            state.place(slot).is_alive = false;
        }
        if self.rules.obituary_posts {
            let posts = if self.rules.obituary_posts_twice { 2 } else { 1 };
            state.all().for_each(|slot| state.post(slot, posts, self.saturation));
        }
        state.deaths -= 1;
        At::Outside
    }

    /// Whether a process that stands here is counted in HELPERS of the slot that it repairs.
    fn is_counted(&self, at: At) -> bool {
        self.rules.helpers_are_counted && at != At::Help(Help::Enter)
    }

    fn begin_repair(&self) -> At {
        At::Help(if self.rules.used_is_last { Help::ResetWord } else { Help::MarkUnused })
    }

    pub(super) fn help(&self, state: &mut RoomState, index: usize, step: Help) -> At {
        let slot = state.processes[index].helps.unwrap_or(Slot::MAX);
        match step {
            Help::Enter => {
                let place = state.place(slot);
                let is_refused = place.is_alive || (place.helpers > 0 && !self.rules.several_help);
                if is_refused {
                    return self.look_on(state, index);
                }
                self.enter_as_helper(state, index, slot);
                self.begin_repair()
            }
            Help::ResetWord => {
                if self.rules.word_is_reset {
                    state.place(slot).word = Word::Awake;
                }
                At::Help(Help::Free(0))
            }
            Help::Free(thing) => {
                if state.things[thing] == Some(slot) {
                    state.things[thing] = None;
                    state.processes[index].has_freed = true;
                }
                let notifies = state.processes[index].has_freed && self.rules.helper_notifies;
                match (thing + 1 < self.things, notifies) {
                    (true, _) => At::Help(Help::Free(thing + 1)),
                    (false, true) => At::Notify(Notify::LoadFlag),
                    (false, false) => self.before_unused(state, index),
                }
            }
            Help::MarkUnused => {
                state.place(slot).is_used = false;
                if self.rules.used_is_last { self.repaired(state, index) } else { At::Help(Help::ResetWord) }
            }
            Help::Exit => {
                if self.is_counted(At::Help(step)) {
                    state.place(slot).helpers -= 1;
                }
                if state.processes[index].wish == Wish::Join { At::Outside } else { self.look_on(state, index) }
            }
        }
    }

    /// The words are repaired, and the helper has notified.
    pub(super) fn before_unused(&self, state: &RoomState, index: usize) -> At {
        if self.rules.used_is_last { At::Help(Help::MarkUnused) } else { self.repaired(state, index) }
    }

    fn repaired(&self, state: &RoomState, index: usize) -> At {
        let is_joining = state.processes[index].wish == Wish::Join;
        if is_joining { At::Member(Member::Claim) } else { At::Help(Help::Exit) }
    }
}
