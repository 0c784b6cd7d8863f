//! Sleeping, passing on, and waking.

use super::{
    At, Bell, Mpmc, MpmcState, Position, Process, Wish,
    places::{PlaceWord, Stage},
};
use crate::members::{Look, Slot};

impl Mpmc {
    /// R-sleep.
    pub(super) fn wait(&self, state: &mut MpmcState, index: usize, at: At) -> At {
        let process = &mut state.processes[index];
        if at == At::Announce {
            state.flags[process.bell() as usize] = true;
            return if self.rules.announce_before_try { self.look_for_the_dead(state, index) } else { At::Sleep };
        }
        state.bells.take(process.bell() as usize);
        process.has_token = true;
        if self.rules.announce_after_token {
            process.is_last_try = false;
            self.before_sleep(state, index)
        } else {
            try_again(process)
        }
    }

    pub(super) fn before_sleep(&self, state: &mut MpmcState, index: usize) -> At {
        if self.rules.announce_before_try { At::Announce } else { self.look_for_the_dead(state, index) }
    }

    fn look_for_the_dead(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        if self.rules.reap_before_sleep {
            process.look = Look::at_others(&state.slots, process.member.slot, state.deaths);
        }
        self.look_on(state, index)
    }

    pub(super) fn look_at(&self, state: &mut MpmcState, index: usize, slot: Slot) -> At {
        state.processes[index].look.see(slot);
        let is_dirty = state.slots.is_dirty(slot);
        if is_dirty { self.begin_reaping(state, index, slot) } else { self.look_on(state, index) }
    }

    /// Goes on with the check, until a check of all slots finds no dead member. Then tries once more.
    pub(super) fn look_on(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        match (process.look.is_over(), process.look.must_repeat()) {
            (false, _) => At::Snapshot,
            (true, true) => self.look_for_the_dead(state, index),
            (true, false) => {
                process.is_last_try = true;
                try_again(process)
            }
        }
    }

    pub(super) fn drain(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        state.bells.drain(process.bell() as usize);
        process.has_token |= self.rules.drained_is_token;
        process.at
    }

    pub(super) fn give_up(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.look = Look::default();
        state.items += u8::from(process.is_producer);
        if process.has_token && self.rules.post_before_leaving { At::PostLeave } else { At::Idle }
    }

    /// Passes a post on that was consumed, if another waiter may need it.
    pub(super) fn settle(&self, state: &mut MpmcState, index: usize, at: At) -> At {
        let process = state.processes[index];
        let done = |position| if process.is_producer { At::Writing(position) } else { At::Reading(position) };
        match at {
            At::OnIndex(position) if process.is_producer => At::OnLook(position, state.tail),
            At::OnIndex(position) => At::OnLook(position, state.head),
            At::OnLook(position, end) => {
                let word = state.places[self.place(end)].word;
                match process.is_producer {
                    true if self.may_be_room(word, end) => At::OnPost(position),
                    true => done(position),
                    false if self.may_be_item(word, end) => At::OnPost(position),
                    false => At::OnDirty(position),
                }
            }
            At::OnDirty(position) if state.dirty && self.rules.pass_on_dirty => At::OnPost(position),
            At::OnDirty(position) => done(position),
            At::OnPost(position) => {
                state.bells.post(process.bell() as usize);
                done(position)
            }
            _ => {
                state.bells.post(process.bell() as usize);
                At::Idle
            }
        }
    }

    fn may_be_item(&self, word: PlaceWord, head: Position) -> bool {
        let is_item = word == PlaceWord { lap: self.lap(head), stage: Stage::Full };
        is_item || (self.has_gone(word, head) && self.rules.pass_on_gone)
    }

    fn may_be_room(&self, word: PlaceWord, tail: Position) -> bool {
        let is_room = word == PlaceWord { lap: self.lap(tail), stage: Stage::Empty };
        is_room || (self.ahead(word.lap, self.lap(tail)) >= 0 && self.rules.pass_on_taken)
    }

    /// R-wake.
    pub(super) fn wake(&self, state: &mut MpmcState, index: usize, at: At) -> At {
        match at {
            At::Wake(bell, and_other) if std::mem::take(&mut state.flags[bell as usize]) => At::Post(bell, and_other),
            At::Post(bell, and_other) => {
                state.bells.post(bell as usize);
                after_wake(&state.processes[index], bell, and_other)
            }
            At::Wake(bell, and_other) => after_wake(&state.processes[index], bell, and_other),
            at => at,
        }
    }
}

fn try_again(process: &Process) -> At {
    if process.is_producer { At::LoadTail } else { At::LoadDirty }
}

fn after_wake(process: &Process, bell: Bell, and_other: bool) -> At {
    match (process.wish, bell) {
        _ if and_other => At::Wake(Bell::NotFull, false),
        // The room that it has made is its own.
        (Wish::Overwrite, Bell::NotFull) => At::LoadTail,
        _ => At::Idle,
    }
}

pub(super) fn has_post(state: &MpmcState, process: &Process) -> bool {
    state.bells.has_post(process.bell() as usize)
}

pub(super) fn can_wake(state: &MpmcState, process: &Process) -> bool {
    process.at == At::Sleep && has_post(state, process)
}
