//! Sending, and marking a message as returned.

use super::{At, CellState, Held, Help, Hint, Job, Mark, Place, Route, Send, Store, StoreState, Word, bit};

/// How far the time at which a message was due is ahead of the coarse clock, in stamps.
const AHEAD: u8 = 3;

impl Store {
    pub(super) fn send(&self, state: &mut StoreState, index: usize, step: Send) -> At {
        match step {
            Send::Bits => {
                state.processes[index].seen = state.taken;
                self.next_cell(state, index)
            }
            Send::Take(cell) if take(state, index, cell, self.rules.generation_grows) => self.before_fields(),
            Send::Take(cell) => At::Send(Send::SetBit(cell)),
            Send::SetBit(cell) => {
                state.taken |= bit(cell);
                if self.rules.look_after_bit {
                    At::Send(Send::LookAgain(cell))
                } else {
                    self.pass_over(state, index, cell)
                }
            }
            Send::LookAgain(cell) if take(state, index, cell, self.rules.generation_grows) => self.before_fields(),
            Send::LookAgain(cell) => self.pass_over(state, index, cell),
            Send::Stamp => {
                let stamp = self.stamp(state, index);
                self.with_cell(state, index, |cell| cell.stamp = stamp);
                match (self.rules.stamp_before_push, state.processes[index].requeues) {
                    (true, true) => At::Send(Send::Ready),
                    (true, false) => self.stamped(),
                    (false, _) => self.sent(state, index),
                }
            }
            Send::Fields => {
                let (route, message) = (self.route(state, index), Self::message(index, &state.processes[index]));
                self.with_cell(state, index, |cell| (cell.route, cell.message) = (route, message));
                if self.rules.fields_before_ready { self.before_ready() } else { At::Send(Send::Tail) }
            }
            Send::Ready => self.ready(state, index),
            Send::Use => {
                state.used |= bit(self.lane_of(self.route(state, index)));
                if self.rules.used_before_push { At::Send(Send::Tail) } else { self.pushed(state, index) }
            }
            Send::Tail => {
                let lane = self.lane_of(self.route(state, index));
                let process = &mut state.processes[index];
                (process.lane, process.position) = (lane, state.lanes[usize::from(lane)].tail);
                At::Send(Send::Push)
            }
            Send::Push => self.push(state, index),
            Send::HelpTail => {
                self.help_tail(state, index);
                At::Send(Send::Tail)
            }
            Send::Old(hint) => {
                let word = state.word(hint.cell);
                let waits = word.state == CellState::Ready && word.generation == hint.generation;
                let marks = waits && self.rules.make_way_marks && self.rules.mark_before_emptying;
                if marks { At::Mark(Mark::Bit(hint.cell)) } else { At::Send(Send::Empty) }
            }
            Send::Empty => self.empty(state, index),
            Send::Pushed => {
                self.help_tail(state, index);
                let uses = self.reads_used && !self.rules.used_before_push;
                if uses { At::Send(Send::Use) } else { self.pushed(state, index) }
            }
        }
    }

    pub(super) fn mark(&self, state: &mut StoreState, index: usize, step: Mark) -> At {
        let is_first = matches!(step, Mark::Bit(_)) == self.rules.bit_before_dirty;
        let (Mark::Bit(cell) | Mark::Dirty(cell)) = step;
        match step {
            Mark::Bit(_) => state.returned |= bit(cell),
            Mark::Dirty(_) => state.dirty = (state.dirty + 2) | 1,
        }
        match (is_first, step) {
            (true, Mark::Bit(_)) => At::Mark(Mark::Dirty(cell)),
            (true, Mark::Dirty(_)) => At::Mark(Mark::Bit(cell)),
            (false, _) => self.marked(state, index, cell),
        }
    }

    /// The step with which a mark begins.
    pub(super) fn begin_mark(&self, cell: u8) -> At {
        At::Mark(if self.rules.bit_before_dirty { Mark::Bit(cell) } else { Mark::Dirty(cell) })
    }

    fn marked(&self, state: &StoreState, index: usize, cell: u8) -> At {
        match (state.processes[index].helps, self.rules.mark_before_keeping, self.rules.mark_before_emptying) {
            (Some(_), true, _) => {
                let word = state.processes[index].kept;
                At::Help(Help::Change(cell, word, self.kept(word)))
            }
            (Some(_), false, _) => At::Help(Help::Cell(cell)),
            (None, _, true) => At::Send(Send::Empty),
            (None, _, false) => At::Send(Send::Tail),
        }
    }

    fn next_cell(&self, state: &StoreState, index: usize) -> At {
        let seen = state.processes[index].seen;
        let next = self.all_cells().find(|cell| seen & bit(*cell) == 0);
        // The class is full. The sender does not wait here.
        next.map_or(At::Rest, |cell| At::Send(Send::Take(cell)))
    }

    fn pass_over(&self, state: &mut StoreState, index: usize, cell: u8) -> At {
        state.processes[index].seen |= bit(cell);
        self.next_cell(state, index)
    }

    fn route(&self, state: &StoreState, index: usize) -> Route {
        let process = &state.processes[index];
        match (self.job(index, process), process.held) {
            (Some(Job::Send(route) | Job::Promote(route) | Job::Call(route)), _) => route,
            (_, Some(held)) => state.cells[usize::from(held.cell)].route,
            _ => 1,
        }
    }

    fn with_cell(&self, state: &mut StoreState, index: usize, change: impl FnOnce(&mut super::Cell)) {
        if let Some(held) = state.processes[index].held {
            change(state.cell(held.cell));
        }
    }

    fn stamp(&self, state: &mut StoreState, index: usize) -> u8 {
        let is_promoted = matches!(self.job(index, &state.processes[index]), Some(Job::Promote(_)));
        if !is_promoted || state.processes[index].requeues {
            state.latest += u8::from(self.rules.stamps_grow);
            return state.latest;
        }
        let due = state.latest + AHEAD;
        if self.rules.promoted_raises_latest {
            state.latest = due;
        }
        due
    }

    fn before_fields(&self) -> At {
        if self.rules.stamp_before_push { At::Send(Send::Stamp) } else { self.stamped() }
    }

    fn stamped(&self) -> At {
        At::Send(if self.rules.fields_before_ready { Send::Fields } else { Send::Ready })
    }

    fn before_ready(&self) -> At {
        At::Send(if self.rules.ready_before_push { Send::Ready } else { Send::Tail })
    }

    /// FILLING is the sender's, and CLAIMED the receiver's, so this is a store.
    fn ready(&self, state: &mut StoreState, index: usize) -> At {
        let is_call = matches!(self.job(index, &state.processes[index]), Some(Job::Call(_)));
        let sent = Self::message(index, &state.processes[index]);
        let process = &mut state.processes[index];
        let (slot, requeues) = (process.slot, process.requeues);
        if let Some(held) = &mut process.held {
            let caller = slot.filter(|_| is_call);
            let attempts = held.word.attempts + u8::from(requeues && self.rules.attempts_grow);
            let ready = Word { attempts, ..held.word.with(CellState::Ready, slot) };
            held.word = Word { caller, ..ready };
            let Held { cell, word } = *held;
            state.cell(cell).word = word;
            let message = bit(if requeues { state.cell(cell).message } else { sent });
            (state.waiting, state.claimed) = (state.waiting | message, state.claimed & !message);
            // Until it is pushed once more.
            state.shown &= !message;
        }
        match (self.rules.ready_before_push, self.rules.fields_before_ready || requeues) {
            (false, _) => self.sent(state, index),
            (true, true) if self.reads_used && self.rules.used_before_push => At::Send(Send::Use),
            (true, true) => At::Send(Send::Tail),
            (true, false) => At::Send(Send::Fields),
        }
    }

    fn push(&self, state: &mut StoreState, index: usize) -> At {
        let process = state.processes[index];
        let Some(held) = process.held else { return At::Rest };
        // It may have been taken before its hint is there, and the cell may have another one.
        let is_there = state.word(held.cell).generation == held.word.generation;
        let message = if is_there { bit(state.cell(held.cell).message) } else { 0 };
        let hint = Hint { cell: held.cell, generation: held.word.generation };
        let lap = process.position / self.span;
        let place = self.place(state, process.lane, process.position);
        if *place == Place::empty(lap) {
            place.hint = Some(hint);
            state.shown |= message;
            return At::Send(Send::Pushed);
        }
        if place.lap >= lap {
            return At::Send(if self.rules.senders_help_tail { Send::HelpTail } else { Send::Tail });
        }
        let found = *place;
        state.processes[index].place = found;
        match found.hint {
            _ if !self.rules.make_way => At::Send(Send::Tail),
            Some(hint) if self.rules.make_way_marks => At::Send(Send::Old(hint)),
            _ => At::Send(Send::Empty),
        }
    }

    fn empty(&self, state: &mut StoreState, index: usize) -> At {
        let process = state.processes[index];
        let place = self.place(state, process.lane, process.position);
        if *place == process.place {
            *place = Place::empty(process.position / self.span);
        }
        match process.place.hint {
            Some(hint) if self.rules.make_way_marks && !self.rules.mark_before_emptying => self.begin_mark(hint.cell),
            _ => At::Send(Send::Tail),
        }
    }

    fn help_tail(&self, state: &mut StoreState, index: usize) {
        let process = state.processes[index];
        let tail = &mut state.lanes[usize::from(process.lane)].tail;
        if *tail == process.position {
            *tail += 1;
        }
    }

    fn pushed(&self, state: &StoreState, index: usize) -> At {
        match (self.rules.ready_before_push, self.rules.stamp_before_push) {
            (false, _) => At::Send(Send::Ready),
            (true, false) => At::Send(Send::Stamp),
            (true, true) => self.sent(state, index),
        }
    }

    fn sent(&self, state: &StoreState, index: usize) -> At {
        let is_call = matches!(self.job(index, &state.processes[index]), Some(Job::Call(_)));
        if is_call { At::Await } else { At::Rest }
    }

    /// The word of a message that is kept for a dead process.
    pub(super) fn kept(&self, word: Word) -> Word {
        let is_attempt = word.state == CellState::Claimed && self.rules.attempts_grow;
        Word { attempts: word.attempts + u8::from(is_attempt), ..word.with(CellState::Ready, None) }
    }

    /// The place of a position.
    pub(super) fn place<'a>(&self, state: &'a mut StoreState, lane: u8, position: u8) -> &'a mut Place {
        &mut state.lanes[usize::from(lane)].places[usize::from(position % self.span)]
    }
}

/// FREE becomes FILLING, if it is.
fn take(state: &mut StoreState, index: usize, cell: u8, grows: bool) -> bool {
    let slot = state.processes[index].slot;
    let word = &mut state.cell(cell).word;
    if word.state != CellState::Free {
        return false;
    }
    *word = Word {
        state: CellState::Filling,
        owner: slot,
        caller: None,
        generation: word.generation + u8::from(grows),
        attempts: 0,
    };
    let word = *word;
    state.processes[index].held = Some(Held { cell, word });
    true
}
