//! The claimers: responding, being done, requeueing; and retrying what is set aside.

use super::{
    Answer, At, CellState, Free, InPlace, Intent, Process, Retries, RetriesState, Retry, Word,
    state::{Block, Part, Response},
};
use crate::members::Slot;

impl Retries {
    /// READY becomes CLAIMED.
    pub(super) fn claim(&self, state: &mut RetriesState, index: usize) -> At {
        state.word = state.word.with(CellState::Claimed, Slot::try_from(index).ok());
        state.hint = false;
        (state.runs, state.all_runs) = (state.runs + 1, state.all_runs + 1);
        state.faults.too_often |= state.runs > self.limit || state.cancelled;
        let process = &mut state.processes[index];
        (process.held, process.run, process.block) = (state.word, state.all_runs, None);
        At::Works
    }

    /// READY becomes HELD: the request does not come back.
    pub(super) fn receive(&self, state: &mut RetriesState, index: usize) -> At {
        self.claim(state, index);
        state.word.state = CellState::Held;
        state.ended = true;
        state.processes[index].held = state.word;
        if state.word.caller.is_some() { At::InPlace(InPlace::Write) } else { At::Free(Free::Response) }
    }

    pub(super) fn answer_in_place(&self, state: &mut RetriesState, index: usize, step: InPlace) -> At {
        let Process { held, run, .. } = state.processes[index];
        match step {
            InPlace::Write => {
                state.free_blocks(held.generation, Part::Request);
                (state.whole, state.in_place) = (false, run);
                At::InPlace(InPlace::Fields)
            }
            InPlace::Fields => {
                if self.rules.says_in_place {
                    state.response = None;
                }
                At::InPlace(InPlace::Commit)
            }
            InPlace::Commit if !state.swap(held, held.with(CellState::Answered, None)) => self.failed(Intent::End),
            InPlace::Commit => {
                state.committed = Some(run);
                if self.rules.end_is_called { At::Call } else { At::Rest }
            }
        }
    }

    /// What the blocks of a response are named after.
    pub(super) fn part(&self, word: Word) -> Part {
        match (self.rules.response_is_named, self.rules.named_by_owner) {
            (false, _) => Part::Response(0),
            (true, true) => Part::Response(word.owner.unwrap_or(Slot::MAX)),
            (true, false) => Part::Response(word.attempts),
        }
    }

    pub(super) fn answer(&self, state: &mut RetriesState, index: usize, step: Answer) -> At {
        let held = state.processes[index].held;
        match step {
            Answer::Take => {
                let name = Some((held.generation, self.part(held)));
                let free = state.blocks.iter().position(|block| block.name.is_none());
                if let Some(free) = free {
                    state.blocks[free] = Block { name, run: 0 };
                }
                state.processes[index].block = free;
                At::Answer(Answer::Write)
            }
            Answer::Write => {
                if let Some(block) = state.processes[index].block {
                    state.blocks[block].run = state.processes[index].run;
                }
                state.whole &= self.rules.response_apart;
                At::Answer(if self.rules.fields_before_answered { Answer::Fields } else { Answer::Commit })
            }
            Answer::Fields => {
                let part = self.part(held);
                state.response = state.processes[index].block.map(|block| Response { block, part });
                if self.rules.fields_before_answered { At::Answer(Answer::Commit) } else { At::Call }
            }
            Answer::Commit => self.commit(state, index, held),
        }
    }

    fn commit(&self, state: &mut RetriesState, index: usize, held: Word) -> At {
        let answered = held.with(CellState::Answered, None);
        if held.caller.is_none() {
            return At::Done;
        }
        if self.rules.answer_by_swap && !state.swap(held, answered) {
            return self.failed(Intent::End);
        }
        state.word = answered;
        state.committed = Some(state.processes[index].run);
        state.ended = true;
        match (self.rules.fields_before_answered, self.rules.end_is_called) {
            (false, _) => At::Answer(Answer::Fields),
            (true, true) => At::Call,
            (true, false) => At::Rest,
        }
    }

    fn failed(&self, intent: Intent) -> At {
        if self.rules.failed_looks_again { At::Look(intent) } else { At::Rest }
    }

    /// Reads the word again after a swap has failed.
    pub(super) fn look(&self, state: &mut RetriesState, index: usize, intent: Intent) -> At {
        let held = state.processes[index].held;
        if !state.word.is_claim_of(held) {
            return At::Rest;
        }
        state.processes[index].held = state.word;
        match (state.word.state, intent) {
            (CellState::Held, _) if self.rules.held_frees_response => At::Free(Free::Response),
            (CellState::Held, _) => At::Free(Free::Request),
            (_, Intent::End) => At::Done,
            (_, Intent::Requeue) => At::Requeue,
        }
    }

    /// CLAIMED becomes HELD, or FREE if there are no blocks and no caller.
    pub(super) fn done(&self, state: &mut RetriesState, index: usize) -> At {
        let held = state.processes[index].held;
        let to = held.with(CellState::Held, held.owner);
        if !self.rules.done_via_held && held.caller.is_none() {
            state.ended = true;
            return At::Free(Free::Response);
        }
        if !state.swap(held, to) {
            return self.failed(Intent::End);
        }
        state.ended = true;
        state.processes[index].held = to;
        At::Free(Free::Response)
    }

    pub(super) fn undo(&self, state: &mut RetriesState, index: usize) -> At {
        if self.rules.requeue_frees_response {
            self.free_response(state, index);
        }
        At::Requeue
    }

    pub(super) fn requeue(&self, state: &mut RetriesState, index: usize, delays: bool) -> At {
        let held = state.processes[index].held;
        let mut to = self.returned(held, held.owner);
        if delays && to.state == CellState::Ready {
            to.state = CellState::Delayed;
        }
        if !state.swap(held, to) {
            return self.failed(Intent::Requeue);
        }
        match to.state {
            CellState::Aside if held.caller.is_some() && self.rules.end_is_called => At::Call,
            CellState::Aside | CellState::Delayed => At::Rest,
            _ => {
                state.hint = false;
                At::Push
            }
        }
    }

    /// The word of a request that comes back, or that is set aside.
    pub(super) fn returned(&self, word: Word, owner: Option<Slot>) -> Word {
        let is_last = word.attempts + 1 >= self.limit && self.rules.limit_sets_aside;
        let attempts = word.attempts + u8::from(self.rules.attempts_grow);
        let owner = owner.filter(|_| self.rules.requeue_names_itself);
        if is_last {
            word.with(CellState::Aside, None)
        } else {
            Word { attempts, ..word.with(CellState::Ready, owner) }
        }
    }

    /// DELAYED becomes READY.
    pub(super) fn promote(&self, state: &mut RetriesState, index: usize) -> At {
        state.word = state.word.with(CellState::Ready, Slot::try_from(index).ok());
        state.hint = false;
        At::Push
    }

    fn free_response(&self, state: &mut RetriesState, index: usize) {
        let Some(block) = state.processes[index].block.take() else { return };
        let held = state.processes[index].held;
        let read = state.response.map_or(Part::Request, |response| response.part);
        let part = if held.state == CellState::Answered { read } else { self.part(held) };
        state.free_block(block, (held.generation, part));
    }

    pub(super) fn free(&self, state: &mut RetriesState, index: usize, step: Free) -> At {
        let held = state.processes[index].held;
        match step {
            Free::Response => {
                self.free_response(state, index);
                At::Free(Free::Request)
            }
            Free::Request => {
                state.free_blocks(held.generation, Part::Request);
                let loses = held.state == CellState::Held && held.caller.is_some();
                At::Free(if loses { Free::Lose } else { Free::Bit })
            }
            Free::Lose => match state.swap(held, held.with(CellState::Lost, None)) {
                true if self.rules.end_is_called => At::Call,
                true => At::Rest,
                false => self.failed(Intent::End),
            },
            Free::Bit => {
                state.returned = false;
                At::Free(Free::Word)
            }
            Free::Word => {
                if state.swap(held, held.free()) {
                    state.account_for_end();
                }
                At::Rest
            }
        }
    }

    pub(super) fn retry(&self, state: &mut RetriesState, step: Retry) -> At {
        match step {
            Retry::Mark(word) => {
                state.returned = true;
                At::Retry(Retry::Swap(word))
            }
            Retry::Swap(word) => {
                if state.swap(word, Word { attempts: 0, ..word.with(CellState::Ready, None) }) {
                    state.runs = 0;
                }
                At::Rest
            }
        }
    }
}
