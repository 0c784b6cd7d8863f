//! Pushing, popping, sleeping and waking.

use super::{
    At, Bell, Damage, Mpmc, Position, Process, State, Wish,
    words::{Stage, Word, next_lap},
};

impl State {
    /// Moves `tail` past a position, unless somebody has.
    fn pass_tail(&mut self, model: &Mpmc, position: Position) {
        if self.tail == position {
            self.tail = model.after(position);
        }
    }

    /// Moves `head` past a position, unless somebody has.
    pub(super) fn pass_head(&mut self, model: &Mpmc, position: Position) {
        if self.head == position {
            self.head = model.after(position);
        }
    }

    fn change_dirty(&mut self, dirty: bool) {
        self.dirty = dirty;
        self.processes.iter_mut().for_each(|process| process.dirty_is_as_read = false);
    }

    /// `dirty = (dirty + 2) | 1`
    pub(super) fn raise_dirty(&mut self) {
        self.change_dirty(true);
    }
}

impl Mpmc {
    pub(super) fn post(&self, state: &mut State, bell: Bell) {
        let bell = &mut state.bells[bell as usize];
        *bell = self.saturation.min(*bell + 1);
    }

    pub(super) fn has_post(&self, state: &State, process: &Process) -> bool {
        state.bells[process.bell() as usize] > 0
    }

    pub(super) fn can_wake(&self, state: &State, process: &Process) -> bool {
        process.at == At::Sleep && self.has_post(state, process)
    }

    pub(super) fn step(&self, state: &mut State, index: usize) -> At {
        match state.processes[index].at {
            at @ (At::LoadTail | At::LookTail(_) | At::HelpTail(_) | At::RecheckTail(_) | At::PassTail(_)) => {
                self.push(state, index, at)
            }
            at @ (At::LoadDirty | At::ScanHead | At::Scan(..) | At::ClearDirty) => self.scan(state, index, at),
            at @ (At::LoadHead | At::LookHead(_) | At::HelpHead(_) | At::PassHead(_)) => self.pop(state, index, at),
            At::Writing(position) => self.commit(state, position),
            At::Reading(position) => self.consume(state, position),
            at @ (At::PutHead(_) | At::PutFull(_) | At::PutDirty) => self.put_back(state, at),
            at @ (At::Announce | At::Snapshot | At::Sleep) => self.wait(state, index, at),
            at @ (At::OnDirty(_) | At::OnIndex(_) | At::OnLook(..) | At::OnPost(_) | At::PostLeave) => {
                self.settle(state, index, at)
            }
            at @ (At::Wake(..) | At::Post(..)) => self.wake(state, index, at),
            at => self.reap(state, index, at),
        }
    }

    fn push(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::LookTail(tail) => {
                let (lap, slot) = (self.lap(tail), state.processes[index].slot);
                let word = &mut state.places[self.place(tail)].word;
                if *word == (Word { lap, stage: Stage::Empty }) {
                    word.stage = Stage::Writing(slot);
                    return At::PassTail(tail);
                }
                match (self.ahead(word.lap, lap) >= 0, self.rules.recheck_tail) {
                    (true, _) if self.rules.help => At::HelpTail(tail),
                    (false, true) => At::RecheckTail(tail),
                    _ => self.fall_short(state, index),
                }
            }
            At::HelpTail(tail) => {
                state.pass_tail(self, tail);
                At::LoadTail
            }
            At::RecheckTail(tail) if state.tail == tail => self.fall_short(state, index),
            At::PassTail(tail) => {
                state.pass_tail(self, tail);
                self.after_claim(state, index, tail)
            }
            _ => At::LookTail(state.tail),
        }
    }

    /// Looks for an item behind `head`.
    fn scan(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::LoadDirty if state.dirty => {
                state.processes[index].dirty_is_as_read = true;
                At::ScanHead
            }
            At::ScanHead => At::Scan(state.head, 0),
            At::Scan(head, place) => {
                let word = &mut state.places[usize::from(place)].word;
                let position = self.at(word.lap, place);
                if word.stage == Stage::Full && self.is_behind(position, head) {
                    word.stage = Stage::Reading(state.processes[index].slot);
                    return self.after_claim(state, index, position);
                }
                if place + 1 < self.capacity { At::Scan(head, place + 1) } else { At::ClearDirty }
            }
            At::ClearDirty if state.processes[index].dirty_is_as_read || !self.rules.compare_dirty => {
                state.change_dirty(false);
                At::LoadHead
            }
            _ => At::LoadHead,
        }
    }

    fn pop(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::LookHead(head) => {
                let lap = self.lap(head);
                let word = &mut state.places[self.place(head)].word;
                if *word == (Word { lap, stage: Stage::Full }) {
                    word.stage = Stage::Reading(state.processes[index].slot);
                    return At::PassHead(head);
                }
                let has_gone = self.has_gone(*word, head);
                if has_gone && self.rules.help { At::HelpHead(head) } else { self.fall_short(state, index) }
            }
            At::HelpHead(head) => {
                state.pass_head(self, head);
                At::LoadHead
            }
            At::PassHead(head) => {
                state.pass_head(self, head);
                self.after_claim(state, index, head)
            }
            _ => At::LookHead(state.head),
        }
    }

    /// Whether the item at `head` is somebody else's, or gone.
    fn has_gone(&self, word: Word, head: Position) -> bool {
        let ahead = self.ahead(word.lap, self.lap(head));
        ahead > 0 || (ahead == 0 && matches!(word.stage, Stage::Reading(_)))
    }

    /// Where it goes when it found nothing.
    fn fall_short(&self, state: &mut State, index: usize) -> At {
        let process = &state.processes[index];
        match (process.wish, process.at) {
            (Wish::Overwrite, At::LookTail(_) | At::RecheckTail(_)) => At::LoadDirty,
            (Wish::Overwrite, _) => self.give_up(state, index),
            _ if process.is_last_try && self.rules.announce_before_try => At::Sleep,
            _ if process.is_last_try => At::Announce,
            _ => self.before_sleep(),
        }
    }

    fn before_sleep(&self) -> At {
        if self.rules.announce_before_try { At::Announce } else { At::Snapshot }
    }

    fn after_claim(&self, state: &State, index: usize, position: Position) -> At {
        let Process { is_producer, has_token, wish, .. } = state.processes[index];
        match (has_token, wish) {
            (true, Wish::Push) if self.rules.producers_pass_on => At::OnIndex(position),
            (true, Wish::Pop) if self.rules.consumers_pass_on => At::OnDirty(position),
            // Who overwrites has claimed an item to get rid of it, unless it has just claimed a free place.
            _ if is_producer && !matches!(state.processes[index].at, At::PassHead(_) | At::Scan(..)) => {
                At::Writing(position)
            }
            _ => At::Reading(position),
        }
    }

    /// Stores FULL.
    fn commit(&self, state: &mut State, position: Position) -> At {
        let place = &mut state.places[self.place(position)];
        if place.item.is_some() {
            state.damage = Damage::Lost;
        }
        place.word = Word { lap: self.lap(position), stage: Stage::Full };
        place.item = Some(position);
        At::Wake(Bell::NotEmpty, false)
    }

    /// Stores EMPTY of the next lap.
    fn consume(&self, state: &mut State, position: Position) -> At {
        let place = &mut state.places[self.place(position)];
        if place.item != Some(position) {
            state.damage = Damage::Twice;
        }
        *place = super::Place::new(next_lap(self.lap(position)));
        At::Wake(Bell::NotFull, false)
    }

    pub(super) fn undo(&self, state: &mut State, index: usize) -> At {
        match state.processes[index].at {
            At::Writing(position) => {
                let lap = next_lap(self.lap(position));
                state.places[self.place(position)].word = Word { lap, stage: Stage::Empty };
                match (self.rules.give_up_wakes_consumers, self.rules.give_up_wakes_producers) {
                    (true, both) => At::Wake(Bell::NotEmpty, both),
                    (false, _) => At::Wake(Bell::NotFull, false),
                }
            }
            At::Reading(position) if self.rules.head_before_full => At::PutHead(position),
            At::Reading(position) => At::PutFull(position),
            at => at,
        }
    }

    fn put_back(&self, state: &mut State, at: At) -> At {
        match at {
            At::PutHead(position) => {
                state.pass_head(self, position);
                if self.rules.head_before_full { At::PutFull(position) } else { At::PutDirty }
            }
            At::PutFull(position) => {
                state.places[self.place(position)].word.stage = Stage::Full;
                if self.rules.head_before_full { At::PutDirty } else { At::PutHead(position) }
            }
            _ => {
                state.raise_dirty();
                if self.rules.put_back_wakes { At::Wake(Bell::NotEmpty, false) } else { At::Idle }
            }
        }
    }

    /// R-sleep.
    fn wait(&self, state: &mut State, index: usize, at: At) -> At {
        let process = &mut state.processes[index];
        match at {
            At::Announce => {
                state.flags[process.bell() as usize] = true;
                if self.rules.announce_before_try { At::Snapshot } else { At::Sleep }
            }
            At::Snapshot => {
                if let Some(slot) = state.dirty_slot().filter(|_| self.rules.reap_before_sleep) {
                    return self.begin_reaping(slot);
                }
                state.processes[index].is_last_try = true;
                try_again(&state.processes[index])
            }
            _ => {
                state.bells[process.bell() as usize] -= 1;
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
        state.bells[process.bell() as usize] = 0;
        process.has_token |= self.rules.drained_is_token;
        process.at
    }

    pub(super) fn give_up(&self, state: &mut State, index: usize) -> At {
        let process = &state.processes[index];
        state.items += u8::from(process.is_producer);
        if process.has_token && self.rules.post_before_leaving { At::PostLeave } else { At::Idle }
    }

    /// What is left to do about a post that was consumed.
    fn settle(&self, state: &mut State, index: usize, at: At) -> At {
        let process = state.processes[index];
        let done = |position| if process.is_producer { At::Writing(position) } else { At::Reading(position) };
        match at {
            At::OnDirty(position) if state.dirty && self.rules.pass_on_dirty => At::OnPost(position),
            At::OnDirty(position) => At::OnIndex(position),
            At::OnIndex(position) if process.is_producer => At::OnLook(position, state.tail),
            At::OnIndex(position) => At::OnLook(position, state.head),
            At::OnLook(position, index) => {
                let word = state.places[self.place(index)].word;
                let is_more =
                    if process.is_producer { self.may_be_room(word, index) } else { self.may_be_item(word, index) };
                if is_more { At::OnPost(position) } else { done(position) }
            }
            At::OnPost(position) => {
                self.post(state, process.bell());
                done(position)
            }
            _ => {
                self.post(state, process.bell());
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
    fn wake(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::Wake(bell, and_other) if std::mem::take(&mut state.flags[bell as usize]) => At::Post(bell, and_other),
            At::Post(bell, and_other) => {
                self.post(state, bell);
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
