//! What becomes of a claimed message: freeing, responding, waiting for a response and cancelling.

use super::{At, Cancel, CellState, Free, Held, Send, Set, Store, StoreState, Word, bit};

impl Store {
    /// What is claimed goes to the tail of its lane, as if it were sent now.
    pub(super) fn requeue(&self, state: &mut StoreState, index: usize) -> At {
        state.requeues -= 1;
        state.reordered |= self.held_message(state, index);
        state.processes[index].requeues = true;
        let stamps = self.rules.stamp_before_push && self.rules.requeued_at_the_tail;
        At::Send(if stamps { Send::Stamp } else { Send::Ready })
    }

    /// What is claimed is done when its cell is free.
    fn is_done(&self, state: &mut StoreState, index: usize) {
        let message = self.held_message(state, index);
        state.faults.wrong_message |= state.received & message != 0;
        (state.received, state.claimed) = (state.received | message, state.claimed & !message);
    }

    fn held_message(&self, state: &StoreState, index: usize) -> Set {
        let held = state.processes[index].held;
        held.map_or(0, |held| bit(state.cells[usize::from(held.cell)].message))
    }

    /// The receiver is done with its message.
    pub(super) fn receive_end(&self, state: &StoreState, index: usize) -> At {
        if state.processes[index].held.is_some_and(|held| held.word.state == CellState::Claimed) {
            return At::Claims;
        }
        let is_request = state.processes[index].held.is_some_and(|held| held.word.caller.is_some());
        if is_request { At::Answer } else { self.begin_free() }
    }

    pub(super) fn clear(&self, state: &mut StoreState, index: usize) -> At {
        let Some(held) = state.processes[index].held else { return At::Rest };
        state.returned &= !bit(held.cell);
        match (self.rules.clear_before_free, held.word.state) {
            (true, CellState::Held) => At::Holds,
            (true, CellState::Claimed) => At::Claims,
            (true, _) => self.begin_free(),
            (false, _) => At::Free(Free::Show),
        }
    }

    pub(super) fn begin_free(&self) -> At {
        At::Free(if self.rules.free_before_bit { Free::Word } else { Free::Show })
    }

    pub(super) fn free(&self, state: &mut StoreState, index: usize, step: Free) -> At {
        let Some(Held { cell, word }) = state.processes[index].held else { return At::Rest };
        match step {
            Free::Word => {
                let is_mine = state.swap(cell, word, word.free());
                if is_mine && word.state == CellState::Claimed {
                    self.is_done(state, index);
                }
                match (is_mine, self.rules.clear_before_free, self.rules.free_before_bit) {
                    (false, ..) | (true, true, false) => At::Rest,
                    (true, true, true) => At::Free(Free::Show),
                    (true, false, _) => At::Clear,
                }
            }
            Free::Show => {
                state.taken &= !bit(cell);
                if self.rules.free_before_bit { At::Rest } else { At::Free(Free::Word) }
            }
        }
    }

    /// HELD becomes ANSWERED, unless the caller has cancelled.
    pub(super) fn answer(&self, state: &mut StoreState, index: usize) -> At {
        let Some(Held { cell, word }) = state.processes[index].held else { return At::Rest };
        let answered = word.with(CellState::Answered, None);
        if !self.rules.answer_by_swap {
            state.cell(cell).word = answered;
            return At::Rest;
        }
        if state.swap(cell, word, answered) {
            return At::Rest;
        }
        state.processes[index].held = Some(Held { cell, word: word.without_caller() });
        self.begin_free()
    }

    /// Whether the call of a process that waits for a response has ended.
    pub(super) fn is_answered(&self, state: &StoreState, index: usize) -> bool {
        state.processes[index].held.is_some_and(|held| {
            let word = state.word(held.cell);
            let is_waited_for = matches!(word.state, CellState::Ready | CellState::Held);
            !(is_waited_for && word.generation == held.word.generation && word.caller == held.word.caller)
        })
    }

    /// The caller owns what is ANSWERED or LOST.
    pub(super) fn take_response(&self, state: &mut StoreState, index: usize) -> At {
        let Some(held) = state.processes[index].held else { return At::Rest };
        let word = state.word(held.cell);
        let is_ours = word.generation == held.word.generation && word.caller == held.word.caller;
        if !is_ours || !matches!(word.state, CellState::Answered | CellState::Lost) {
            return At::Rest;
        }
        state.processes[index].held = Some(Held { word, ..held });
        self.begin_free()
    }

    pub(super) fn cancel(&self, state: &mut StoreState, index: usize, step: Cancel) -> At {
        let Some(Held { cell, word: sent }) = state.processes[index].held else { return At::Rest };
        match step {
            Cancel::Look => {
                let word = state.word(cell);
                match word.state {
                    _ if word.generation != sent.generation || word.caller != sent.caller => At::Rest,
                    CellState::Ready => At::Cancel(Cancel::TakeBack(word)),
                    CellState::Held => At::Cancel(Cancel::Detach(word)),
                    CellState::Answered | CellState::Lost => self.take_response(state, index),
                    CellState::Free | CellState::Filling | CellState::Claimed => At::Rest,
                }
            }
            Cancel::TakeBack(word) => {
                let back = Word { caller: None, ..word.with(CellState::Filling, word.caller) };
                if !self.rules.take_back_by_swap {
                    state.cell(cell).word = back;
                } else if !state.swap(cell, word, back) {
                    return At::Cancel(Cancel::Look);
                }
                state.waiting &= !bit(state.cells[usize::from(cell)].message);
                state.processes[index].held = Some(Held { cell, word: back });
                if self.rules.clear_before_free { At::Clear } else { self.begin_free() }
            }
            Cancel::Detach(word) => {
                let is_done = state.swap(cell, word, word.without_caller());
                if is_done { At::Rest } else { At::Cancel(Cancel::Look) }
            }
        }
    }
}
