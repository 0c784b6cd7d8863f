//! The caller: sending, waiting, learning the end, cancelling and detaching.

use super::{
    At, Await, CellState, Free, Help, Leave, Retries, RetriesState, Send, Word, bit,
    state::{Block, CALLER, Part, Response},
};

impl Retries {
    /// FREE becomes FILLING.
    pub(super) fn begin_call(state: &mut RetriesState) -> At {
        state.calls -= 1;
        let generation = state.word.generation + 1;
        state.word = Word { state: CellState::Filling, owner: Some(CALLER), generation, ..Word::default() };
        (state.sent, state.ended, state.committed) = (false, false, None);
        (state.runs, state.all_runs, state.whole) = (0, 0, false);
        state.cancelled = false;
        state.processes[usize::from(CALLER)].held = state.word;
        At::Send(Send::Write)
    }

    pub(super) fn send(&self, state: &mut RetriesState, step: Send) -> At {
        match step {
            Send::Write => {
                state.whole = true;
                if self.long {
                    let name = Some((state.word.generation, Part::Request));
                    let free = state.blocks.iter_mut().find(|block| block.name.is_none());
                    free.into_iter().for_each(|block| *block = Block { name, run: 0 });
                }
                At::Send(Send::Ready)
            }
            Send::Ready => {
                let caller = Some(CALLER);
                state.word = Word { caller, ..state.word.with(CellState::Ready, caller) };
                (state.sent, state.hint) = (true, false);
                state.processes[usize::from(CALLER)].held = state.word;
                At::Push
            }
        }
    }

    fn is_mine(state: &RetriesState) -> bool {
        let sent = state.processes[usize::from(CALLER)].held;
        state.word.generation == sent.generation && state.word.caller == Some(CALLER)
    }

    pub(super) fn begin_await(&self) -> At {
        At::Await(if self.rules.announce_before_look { Await::Announce } else { Await::Reap })
    }

    pub(super) fn wait(&self, state: &mut RetriesState, step: Await) -> At {
        let announces_late = !self.rules.announce_before_look;
        match step {
            Await::Announce => {
                state.announced = true;
                At::Await(if announces_late { Await::Sleep } else { Await::Reap })
            }
            Await::Reap => match (0..8).find(|slot| state.dirty & bit(*slot) != 0) {
                Some(slot) => {
                    state.processes[usize::from(CALLER)].helps = Some(slot);
                    At::Help(Help::Look)
                }
                None => At::Await(Await::Look),
            },
            Await::Look => match state.word.state {
                _ if !Self::is_mine(state) => {
                    state.faults.vanished = true;
                    self.left(state)
                }
                CellState::Answered => At::Await(Await::Read(state.word)),
                CellState::Lost => self.own(state, state.word),
                CellState::Aside => At::Await(Await::Learn(state.word)),
                _ if announces_late => At::Await(Await::Announce),
                _ => At::Await(Await::Sleep),
            },
            Await::Sleep => {
                (state.posted, state.announced) = (false, false);
                self.begin_await()
            }
            Await::Read(word) => self.read(state, word),
            Await::Learn(word) => {
                let learns = !self.rules.aside_forgets_caller || state.swap(word, word.without_caller());
                if learns { self.left(state) } else { self.begin_await() }
            }
        }
    }

    fn read(&self, state: &mut RetriesState, word: Word) -> At {
        let is_right = |response: &Response| {
            let block = state.blocks[response.block];
            block.name == Some((word.generation, response.part)) && Some(block.run) == state.committed
        };
        let in_place = Some(state.in_place) == state.committed;
        let is_read = state.response.as_ref().map_or(in_place, is_right);
        state.faults.wrong_bytes |= !is_read;
        state.processes[usize::from(CALLER)].block = state.response.map(|response| response.block);
        self.own(state, word)
    }

    /// The caller owns what has ended.
    fn own(&self, state: &mut RetriesState, word: Word) -> At {
        state.announced = false;
        state.processes[usize::from(CALLER)].held = word;
        At::Free(Free::Response)
    }

    /// The caller waits no more.
    fn left(&self, state: &mut RetriesState) -> At {
        state.announced = false;
        At::Rest
    }

    pub(super) fn leave(&self, state: &mut RetriesState, step: Leave) -> At {
        match step {
            Leave::Look(_) if !Self::is_mine(state) => {
                state.faults.vanished = true;
                self.left(state)
            }
            Leave::Look(detaches) => match state.word.state {
                CellState::Answered => {
                    state.processes[usize::from(CALLER)].block = state.response.map(|response| response.block);
                    self.own(state, state.word)
                }
                CellState::Lost => self.own(state, state.word),
                CellState::Aside if !self.rules.aside_forgets_caller => self.left(state),
                _ => At::Leave(Leave::Swap(detaches, state.word)),
            },
            Leave::Swap(detaches, word) => {
                let to = match word.state {
                    CellState::Ready | CellState::Delayed if !detaches => self.taken_back(word),
                    CellState::Claimed if !detaches && self.rules.cancelled_is_held => {
                        word.with(CellState::Held, word.owner).without_caller()
                    }
                    _ => word.without_caller(),
                };
                if self.rules.cancel_by_swap && !state.swap(word, to) {
                    return At::Leave(Leave::Look(detaches));
                }
                state.word = to;
                state.cancelled |= !detaches && word.state != CellState::Aside;
                state.ended |= state.cancelled;
                match to.state {
                    CellState::Filling if to.owner == Some(CALLER) => self.own(state, to),
                    _ => self.left(state),
                }
            }
        }
    }

    /// The word of a request that its caller takes back.
    pub(super) fn taken_back(&self, word: Word) -> Word {
        let owner = if self.rules.taken_back_is_callers { word.caller } else { word.owner };
        word.with(CellState::Filling, owner).without_caller()
    }
}
