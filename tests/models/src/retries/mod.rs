//! Claimed requests that come back: attempts and their limit, responses that are written apart, callers that cancel, detach or die.
//!
//! | modelled | as |
//! | --- | --- |
//! | the cell | its [`Word`], whether the request in it is whole, and where the response is |
//! | a block | its name, and the number of the run that wrote it. A name is a generation, and the request or a response of a claim |
//! | a lane | whether there is a hint to the request, and whether it is marked as returned |
//! | the caller | the first process. Its entry in the waiting room is announced or not, and its doorbell is posted or not |
//! | a claimer | any other process. It responds, is done, requeues, or fails while it responds, and requeues then |
//! | a death | one action before any step: the kernel posts the doorbell. A claimer may come back once its slot is clean and has no helper |
//! | a stop | a process that takes no step for any time. A helper that goes on late does what it had decided |
//!
//! Some processes may receive the request instead: it is HELD then, and the response is written in place of it. A request may also
//! be delayed: what else that needs is the matter of [`delays`](crate::delays).
//!
//! A claim is one step: a compare-and-swap from the word that was read. Claimers do not wait: that is the matter of
//! [`named`](crate::named). The quota of what is set aside is that of [`aside`](crate::aside). A response takes one block, and a
//! request none or one.
//!
//! - Q1. A request is whole while it is READY, DELAYED, CLAIMED or ASIDE.
//! - Q2. A request that was sent goes only if it is done, received, or responded to, or its caller has cancelled or died. What is READY is found.
//! - Q3. It does not run more often than its limit says, unless it is retried, and not again after its caller has cancelled.
//! - Q4. A word names only members that have claimed the cell, or slots that are dead and dirty. So the caller learns one end.
//! - Q5. If its request has ended, a caller does not sleep, unless a process has a step to take that calls it.
//! - Q6. The response that the caller reads is that of the run that made it ANSWERED.
//! - Q7. Blocks of a response are there only while it is written or read, those of a request no longer than it is. None is freed twice.

mod at;
mod call;
mod check;
mod claim;
mod help;
mod rules;
mod state;

pub use self::{
    at::{Answer, At, Await, Free, Help, InPlace, Intent, Leave, Retry, Send},
    rules::Rules,
    state::{CellState, Process, RetriesState, Word},
};

use stateright::{Model, Property};

use self::state::{CALLER, Faults, bit};
use crate::members::Slot;

/// A set of slots: one bit for each.
type Set = u8;

const MOST_BLOCKS: usize = 3;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Retries {
    /// How many processes claim.
    pub claimers: usize,
    /// How many requests the caller sends.
    pub calls: u8,
    /// How often a request may run.
    pub limit: u8,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Whether a claimer that died may come back.
    pub comes_back: bool,
    /// Whether a request outlives its caller.
    pub outlives: bool,
    /// Whether a request has a block.
    pub long: bool,
    /// Whether callers may cancel, and detach.
    pub leaves: bool,
    /// Whether a request may be received instead of claimed, and delayed instead of requeued.
    pub mixed: bool,
    /// How often a request that is set aside may be retried.
    pub retries: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The caller begins to send a request.
    Call,
    /// A process claims the request.
    Claim(usize),
    /// A process receives the request: it is HELD.
    Receive(usize),
    /// A process makes the request READY, since its time is there.
    Promote(usize),
    /// A process begins this with the request that it has claimed.
    Begin(usize, At),
    /// A process begins to retry the request.
    Retry(usize),
    /// A process begins to repair this slot.
    Repair(usize, Slot),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process dies.
    Die(usize),
    /// A claimer that died comes back in its slot.
    ComeBack(usize),
}

impl Retries {
    fn moves(&self, state: &RetriesState, index: usize, actions: &mut Vec<Action>) {
        let is_caller = index == usize::from(CALLER);
        let process = &state.processes[index];
        match process.at {
            At::Outside if self.comes_back && !is_caller => {
                let slot = Slot::try_from(index).unwrap_or(Slot::MAX);
                let has_helper = state.processes.iter().any(|process| process.helps == Some(slot));
                let is_clean = state.dirty & bit(slot) == 0 && !has_helper;
                actions.extend(is_clean.then_some(Action::ComeBack(index)));
            }
            At::Outside => {}
            At::Rest if is_caller => {
                let can_call = state.calls > 0 && state.word.state == CellState::Free;
                actions.extend(can_call.then_some(Action::Call));
            }
            At::Rest => self.begins(state, index, actions),
            At::Works => {
                let ends = [At::Answer(Answer::Take), At::Done, At::Requeue, At::Delay];
                let known = if self.mixed { &ends[..] } else { &ends[..3] };
                actions.extend(known.iter().map(|begun| Action::Begin(index, *begun)));
            }
            At::Answer(Answer::Take) if state.blocks.iter().all(|block| block.name.is_some()) => {
                actions.push(Action::Begin(index, At::Requeue));
            }
            // Encoding fails.
            At::Answer(Answer::Write) => {
                actions.extend([Action::Step(index, process.at), Action::Begin(index, At::Undo)]);
            }
            At::Await(Await::Sleep) => actions.extend(state.posted.then_some(Action::Step(index, process.at))),
            at => actions.push(Action::Step(index, at)),
        }
        if self.leaves && matches!(process.at, At::Await(Await::Look | Await::Sleep)) {
            let leave = [false, true].map(|detaches| Action::Begin(index, At::Leave(Leave::Look(detaches))));
            actions.extend(leave);
        }
    }

    fn begins(&self, state: &RetriesState, index: usize, actions: &mut Vec<Action>) {
        let is_there = state.word.state == CellState::Ready && state.is_shown() && state.runs <= self.limit;
        actions.extend(is_there.then_some(Action::Claim(index)));
        actions.extend((is_there && self.mixed).then_some(Action::Receive(index)));
        actions.extend((state.word.state == CellState::Delayed).then_some(Action::Promote(index)));
        let can_retry = state.word.state == CellState::Aside && state.retries > 0;
        actions.extend(can_retry.then_some(Action::Retry(index)));
        let dirty = (0..8).filter(|slot| state.dirty & bit(*slot) != 0);
        actions.extend(dirty.map(|slot| Action::Repair(index, slot)));
    }

    fn step(&self, state: &mut RetriesState, index: usize, at: At) -> At {
        match at {
            At::Outside | At::Rest | At::Works => at,
            At::Send(step) => self.send(state, step),
            At::Await(step) => self.wait(state, step),
            At::Leave(step) => self.leave(state, step),
            At::Answer(step) => self.answer(state, index, step),
            At::Done => self.done(state, index),
            At::InPlace(step) => self.answer_in_place(state, index, step),
            At::Requeue => self.requeue(state, index, false),
            At::Delay => self.requeue(state, index, true),
            At::Undo => self.undo(state, index),
            At::Push => {
                // It may have been claimed before, since it was marked.
                state.hint |= state.word.state == CellState::Ready;
                if index == usize::from(CALLER) { self.begin_await() } else { At::Rest }
            }
            At::Look(intent) => self.look(state, index, intent),
            At::Free(step) => self.free(state, index, step),
            At::Call => {
                state.call();
                At::Rest
            }
            At::Retry(step) => self.retry(state, step),
            At::Help(step) => self.help(state, index, step),
        }
    }

    fn apply(&self, state: &mut RetriesState, index: usize, action: Action) -> At {
        match action {
            Action::Call => Self::begin_call(state),
            Action::Claim(_) => self.claim(state, index),
            Action::Receive(_) => self.receive(state, index),
            Action::Promote(_) => self.promote(state, index),
            Action::Begin(_, at) => at,
            Action::Retry(_) => {
                state.retries -= 1;
                At::Retry(Retry::Mark(state.word))
            }
            Action::Repair(_, slot) => {
                state.processes[index].helps = Some(slot);
                At::Help(Help::Look)
            }
            Action::Step(_, at) => self.step(state, index, at),
            Action::Die(_) => self.die(state, index),
            Action::ComeBack(_) => At::Rest,
        }
    }
}

impl Model for Retries {
    type State = RetriesState;
    type Action = Action;

    fn init_states(&self) -> Vec<RetriesState> {
        vec![RetriesState {
            word: Word::default(),
            hint: false,
            returned: false,
            whole: false,
            response: None,
            in_place: 0,
            blocks: Default::default(),
            announced: false,
            posted: false,
            dirty: 0,
            deaths: self.deaths,
            calls: self.calls,
            retries: self.retries,
            processes: vec![Process::default(); 1 + self.claimers],
            runs: 0,
            all_runs: 0,
            committed: None,
            sent: false,
            ended: false,
            cancelled: false,
            faults: Faults::default(),
        }]
    }

    fn actions(&self, state: &RetriesState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &RetriesState, action: Action) -> Option<RetriesState> {
        let mut state = last.clone();
        let index = match action {
            Action::Call => usize::from(CALLER),
            Action::Claim(index)
            | Action::Receive(index)
            | Action::Promote(index)
            | Action::Begin(index, _)
            | Action::Retry(index)
            | Action::Repair(index, _) => index,
            Action::Step(index, _) | Action::Die(index) | Action::ComeBack(index) => index,
        };
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("Q1 whole", |model: &Self, state: &RetriesState| model.is_whole(state)),
            Property::always("Q2 not lost", |_, state: &RetriesState| Self::is_not_lost(state)),
            Property::always("Q3 limit", |_, state: &RetriesState| !state.faults.too_often),
            Property::always("Q4 in hand", |_, state: &RetriesState| Self::names_are_true(state)),
            Property::always("Q5 awake", |_, state: &RetriesState| Self::wakes(state)),
            Property::always("Q6 bytes", |_, state: &RetriesState| !state.faults.wrong_bytes),
            Property::always("Q7 blocks", |_, state: &RetriesState| Self::blocks_are_owned(state)),
            Property::sometimes("a request is set aside", |_, state: &RetriesState| {
                state.word.state == CellState::Aside
            }),
            Property::sometimes("a second attempt is responded to", |_, state: &RetriesState| {
                state.word.state == CellState::Answered && state.word.attempts > 0
            }),
            Property::sometimes("a helper is late", |_, state: &RetriesState| Self::helper_is_late(state)),
            Property::sometimes("a request has no caller", |_, state: &RetriesState| {
                state.word.state == CellState::Claimed && state.word.caller.is_none()
            }),
        ]
    }
}
