//! Pushing, overwriting, popping, cancelling and requeuing.

use super::{
    At, Cause, Damage, Mpmc, MpmcState, Notify, Position, Role, Wish,
    places::{Place, PlaceWord, Stage, next_lap},
};

impl MpmcState {
    /// Moves `tail` past a position, unless another process has.
    fn pass_tail(&mut self, model: &Mpmc, position: Position) {
        if self.tail == position {
            self.tail = model.after(position);
        }
    }

    /// Moves `head` past a position, unless another process has.
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
    pub(super) fn step(&self, state: &mut MpmcState, index: usize) -> At {
        match state.processes[index].at {
            at @ (At::Outside | At::Idle | At::Detached) => at,
            at @ (At::Join | At::Claim | At::MarkUsed) => self.join(state, index, at),
            at @ (At::LoadTail | At::LookTail(_) | At::HelpTail(_) | At::PassTail(_)) => self.push(state, index, at),
            at @ (At::OverLoad | At::OverTake(_)) => self.overwrite(state, index, at),
            at @ (At::LoadDirty | At::ScanHead | At::Scan(..) | At::ScanTake(..) | At::ClearDirty) => {
                self.scan(state, index, at)
            }
            at @ (At::LoadHead | At::LookHead(_) | At::HelpHead(..) | At::PassHead(_)) => self.pop(state, index, at),
            At::Writing(position) => self.commit(state, index, position),
            At::Reading(position) => self.consume(state, index, position),
            At::UndoHead(position) => {
                state.pass_head(self, position);
                state.processes[index].cause = Cause::Cancel(position);
                if self.rules.give_up_calls_consumers {
                    self.go_behind(state, index, Role::Consumer, position, 1)
                } else {
                    self.behind_done(state, index)
                }
            }
            at @ (At::PutHead(_) | At::PutFull(_) | At::PutDirty) => self.put_back(state, index, at),
            At::Wait(step) => self.wait(state, index, step),
            At::Notify(step) => self.notify(state, index, step),
            At::Repair(step) => self.repair(state, index, step),
            At::Close => {
                state.closed = true;
                state.processes[index].cause = Cause::Close;
                if self.rules.close_calls { At::Notify(Notify::All(Role::Producer)) } else { At::Idle }
            }
            At::Detach => {
                let process = &mut state.processes[index];
                process.entry.is_attached = false;
                process.cause = Cause::Detach;
                let other = process.role.other();
                if self.rules.detach_calls { At::Notify(Notify::FlagOfAll(other)) } else { At::Detached }
            }
        }
    }

    fn push(&self, state: &mut MpmcState, index: usize, at: At) -> At {
        match at {
            At::LookTail(tail) => {
                let (lap, slot, is_late) = (self.lap(tail), own(index), state.closed);
                let place = &mut state.places[self.place(tail)];
                let word = &mut place.word;
                if *word == (PlaceWord { lap, stage: Stage::Empty }) {
                    word.stage = Stage::Writing(slot);
                    place.is_late = is_late;
                    return At::PassTail(tail);
                }
                let may_help = self.ahead(word.lap, lap) >= 0 && self.rules.help;
                if may_help { At::HelpTail(tail) } else { self.fall_short(state, index) }
            }
            At::HelpTail(tail) => {
                state.pass_tail(self, tail);
                At::LoadTail
            }
            At::PassTail(tail) => {
                state.pass_tail(self, tail);
                self.after_claim(state, index, tail)
            }
            _ => At::LookTail(state.tail),
        }
    }

    /// Claims exactly the item that stands in the way of the next push.
    fn overwrite(&self, state: &mut MpmcState, index: usize, at: At) -> At {
        let At::OverTake(position) = at else { return At::OverTake(self.lap_before(state.tail)) };
        if self.claim_full(state, index, position) { At::PassHead(position) } else { At::LoadTail }
    }

    /// FULL to READING, by compare-and-swap.
    fn claim_full(&self, state: &mut MpmcState, index: usize, position: Position) -> bool {
        let word = &mut state.places[self.place(position)].word;
        let is_full = *word == (PlaceWord { lap: self.lap(position), stage: Stage::Full });
        if is_full {
            word.stage = Stage::Reading(own(index));
        }
        is_full
    }

    /// Scans for an item behind `head`.
    fn scan(&self, state: &mut MpmcState, index: usize, at: At) -> At {
        match at {
            At::LoadDirty if state.dirty => {
                state.processes[index].dirty_is_as_read = true;
                At::ScanHead
            }
            At::ScanHead => At::Scan(state.head, 0),
            At::Scan(head, place) => {
                let word = state.places[usize::from(place)].word;
                let position = self.at(word.lap, place);
                let is_orphan = word.stage == Stage::Full && self.is_behind(position, head);
                if is_orphan { At::ScanTake(head, position) } else { self.scan_on(head, place) }
            }
            At::ScanTake(_, position) if self.claim_full(state, index, position) => {
                self.after_claim(state, index, position)
            }
            At::ScanTake(head, position) => self.scan_on(head, position % self.capacity),
            At::ClearDirty if state.processes[index].dirty_is_as_read || !self.rules.compare_dirty => {
                // Storing the value that is there already changes nothing for those that compare.
                if state.dirty {
                    state.change_dirty(false);
                }
                At::LoadHead
            }
            _ => At::LoadHead,
        }
    }

    fn scan_on(&self, head: Position, place: u8) -> At {
        if place + 1 < self.capacity { At::Scan(head, place + 1) } else { At::ClearDirty }
    }

    fn pop(&self, state: &mut MpmcState, index: usize, at: At) -> At {
        match at {
            At::LookHead(head) if self.claim_full(state, index, head) => At::PassHead(head),
            At::LookHead(head) => {
                let word = state.places[self.place(head)].word;
                let may_help = self.has_gone(word, head) && self.rules.help;
                if may_help {
                    At::HelpHead(head, self.finished_laps(word, head))
                } else {
                    self.fall_short(state, index)
                }
            }
            At::HelpHead(head, laps) => {
                if state.head == head {
                    state.head = self.after_laps(head, laps);
                }
                At::LoadHead
            }
            At::PassHead(head) => {
                state.pass_head(self, head);
                self.after_claim(state, index, head)
            }
            _ => At::LookHead(state.head),
        }
    }

    /// Whether the item at `head` is claimed by another process, or consumed.
    pub(super) fn has_gone(&self, word: PlaceWord, head: Position) -> bool {
        let ahead = self.ahead(word.lap, self.lap(head));
        ahead > 0 || (ahead == 0 && matches!(word.stage, Stage::Reading(_)))
    }

    /// Over how many laps `head` may be helped: a place that was given out for a lap was free before, and so was every
    /// place before it a lap earlier.
    pub(super) fn finished_laps(&self, word: PlaceWord, head: Position) -> u8 {
        let unsure = if self.rules.far_is_finished { 2 } else { 1 };
        (self.ahead(word.lap, self.lap(head)) - unsure).max(0).cast_unsigned()
    }

    /// Stores FULL.
    fn commit(&self, state: &mut MpmcState, index: usize, position: Position) -> At {
        let place = &mut state.places[self.place(position)];
        if place.item.is_some() {
            state.damage = Damage::Lost;
        }
        place.word = PlaceWord { lap: self.lap(position), stage: Stage::Full };
        place.item = Some(position);
        state.processes[index].cause = Cause::Commit(position);
        At::Notify(Notify::Flag(Role::Consumer))
    }

    /// Stores EMPTY of the next lap.
    fn consume(&self, state: &mut MpmcState, index: usize, position: Position) -> At {
        let place = &mut state.places[self.place(position)];
        if place.item != Some(position) {
            state.damage = Damage::Twice;
        }
        *place = Place::new(next_lap(self.lap(position)));
        let process = &mut state.processes[index];
        let overwrites = process.wish == Wish::Overwrite;
        process.cause = if overwrites { Cause::MakeRoom(position) } else { Cause::Consume(position) };
        At::Notify(Notify::Flag(Role::Producer))
    }

    pub(super) fn undo(&self, state: &mut MpmcState, index: usize) -> At {
        match state.processes[index].at {
            At::Writing(position) => {
                let lap = next_lap(self.lap(position));
                state.places[self.place(position)] = Place::new(lap);
                At::UndoHead(position)
            }
            At::Reading(position) if self.rules.head_before_full => At::PutHead(position),
            At::Reading(position) => At::PutFull(position),
            at => at,
        }
    }

    fn put_back(&self, state: &mut MpmcState, index: usize, at: At) -> At {
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
                state.processes[index].cause = Cause::Requeue;
                if self.rules.requeue_calls { At::Notify(Notify::Flag(Role::Consumer)) } else { At::Idle }
            }
        }
    }
}

/// The number of a process's slot.
pub(super) fn own(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}
