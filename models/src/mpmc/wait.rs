//! Sleeping, passing on, and waking.

use super::{
    At, Bell, Mpmc, Position, Process, State, Wish,
    words::{Stage, Word},
};

impl Mpmc {
    /// R-sleep.
    pub(super) fn wait(&self, state: &mut State, index: usize, at: At) -> At {
        let process = &mut state.processes[index];
        match at {
            At::Announce => {
                state.flags[process.bell() as usize] = true;
                if self.rules.announce_before_try { At::Snapshot } else { At::Sleep }
            }
            At::Snapshot => {
                if let Some(slot) = state.slots.dirty().filter(|_| self.rules.reap_before_sleep) {
                    return self.begin_reaping(state, index, slot);
                }
                state.processes[index].is_last_try = true;
                try_again(&state.processes[index])
            }
            _ => {
                state.bells.take(process.bell() as usize);
                process.has_token = true;
                if self.rules.announce_after_token {
                    process.is_last_try = false;
                    self.before_sleep()
                } else {
                    try_again(process)
                }
            }
        }
    }

    pub(super) fn drain(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        state.bells.drain(process.bell() as usize);
        process.has_token |= self.rules.drained_is_token;
        process.at
    }

    pub(super) fn give_up(&self, state: &mut State, index: usize) -> At {
        let process = &state.processes[index];
        state.items += u8::from(process.is_producer);
        if process.has_token && self.rules.post_before_leaving { At::PostLeave } else { At::Idle }
    }

    /// What is left to do about a post that was consumed.
    pub(super) fn settle(&self, state: &mut State, index: usize, at: At) -> At {
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

    fn may_be_item(&self, word: Word, head: Position) -> bool {
        let is_item = word == Word { lap: self.lap(head), stage: Stage::Full };
        is_item || (self.has_gone(word, head) && self.rules.pass_on_gone)
    }

    fn may_be_room(&self, word: Word, tail: Position) -> bool {
        let is_room = word == Word { lap: self.lap(tail), stage: Stage::Empty };
        is_room || (self.ahead(word.lap, self.lap(tail)) >= 0 && self.rules.pass_on_taken)
    }

    /// R-wake.
    pub(super) fn wake(&self, state: &mut State, index: usize, at: At) -> At {
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
        // It has made room, for itself.
        (Wish::Overwrite, Bell::NotFull) => At::LoadTail,
        _ => At::Idle,
    }
}

pub(super) fn has_post(state: &State, process: &Process) -> bool {
    state.bells.has_post(process.bell() as usize)
}

pub(super) fn can_wake(state: &State, process: &Process) -> bool {
    process.at == At::Sleep && has_post(state, process)
}
