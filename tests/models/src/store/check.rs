//! What must hold.

use super::{
    At, Cell, CellState, Free, Held, Help, Job, MOST_JOBS, Process, Selection, Send, Set, Store, StoreState, bit,
};
use crate::members::Slot;

/// More steps than any operation takes alone.
const MOST_STEPS: usize = 200;

impl StoreState {
    pub(super) fn two_help(&self) -> bool {
        let repairs = |process: &&Process| matches!(process.at, At::Help(step) if step != Help::Enter);
        let mut helped = self.processes.iter().filter(repairs).map(|process| process.helps);
        let first = helped.next();
        first.is_some_and(|slot| helped.any(|other| other == slot))
    }

    /// The cells with a message that waits.
    fn ready(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.word.state == CellState::Ready)
    }

    /// Whether a living process of this slot has claimed this life of a cell.
    fn has_claimed(&self, slot: Slot, cell: u8, generation: u8) -> bool {
        let has = |held: Held| held.cell == cell && held.word.generation == generation;
        self.processes.iter().any(|process| process.slot == Some(slot) && process.held.is_some_and(has))
    }
}

impl Store {
    pub(super) fn all_are_received(&self, state: &StoreState) -> bool {
        let is_message = |job: &&Job| matches!(job, Job::Send(_) | Job::Promote(_) | Job::Call(_));
        let messages = self.jobs.iter().flat_map(|jobs| jobs.iter()).filter(is_message).count();
        state.received.count_ones() as usize == messages
    }

    /// The messages that can be found, and fit.
    pub(super) fn waiting_for(&self, state: &StoreState, selection: Selection) -> Set {
        let fitting = state.ready().filter(|cell| selection.fits(cell.route));
        fitting.fold(0, |set, cell| set | bit(cell.message)) & state.waiting & state.shown
    }

    /// M1 and M6, when a process takes the message of a cell.
    pub(super) fn account(&self, state: &mut StoreState, index: usize, cell: u8, selection: Selection) {
        let taken = state.cells[usize::from(cell)];
        let message = bit(taken.message);
        state.faults.wrong_message |=
            state.waiting & message == 0 || state.received & message != 0 || !selection.fits(taken.route);
        state.waiting &= !message;
        state.processes.iter_mut().for_each(|process| process.there &= !message);
        if taken.word.state == CellState::Claimed {
            state.claimed |= message;
        } else {
            state.received |= message;
        }
        let is_wanted_sooner = |other: &&Cell| match selection {
            Selection::UpTo(most) => other.route <= most && other.route <= taken.route,
            _ => selection.fits(other.route),
        };
        let sender = |message: u8| usize::from(message) / MOST_JOBS;
        let was_sent_before = |other: &&Cell| {
            // A sender that came back has another order.
            let since = usize::from(state.processes[sender(other.message)].since) + MOST_JOBS * sender(other.message);
            sender(other.message) == sender(taken.message)
                && other.message < taken.message
                && (usize::from(other.message) >= since || usize::from(taken.message) < since)
        };
        let in_order = state.waiting & state.shown & !state.reordered & !state.processes[index].came_back;
        let waits = |other: &&Cell| in_order & bit(other.message) != 0;
        let is_passed_over = state.ready().filter(waits).filter(was_sent_before).any(|other| is_wanted_sooner(&other));
        state.faults.wrong_order |= is_passed_over;
    }

    pub(super) fn nothing_is_lost(&self, state: &StoreState) -> bool {
        let kept = state.ready().fold(0, |set, cell| set | bit(cell.message));
        // One that a process writes after READY has another's number until then.
        let is_writing = state.processes.iter().any(|process| process.at == At::Send(Send::Fields));
        let claimed = state.cells.iter().filter(|cell| cell.word.state == CellState::Claimed);
        let claimed = claimed.fold(0, |set, cell| set | bit(cell.message));
        is_writing || (state.waiting & !kept == 0 && state.claimed & !claimed == 0)
    }

    /// M3: a receiver that comes now finds each message that can be found.
    pub(super) fn all_is_found(&self, state: &StoreState) -> bool {
        let owed = |cell: &&Cell| state.shown & bit(cell.message) == 0;
        let has_debtor = |cell: &Cell| {
            let Some(sender) = cell.word.owner else { return false };
            let pushes =
                |process: &Process| process.slot == Some(sender) && matches!(process.at, At::Send(_) | At::Mark(_));
            state.is_dirty(sender) || state.processes.iter().any(pushes)
        };
        if !state.ready().filter(owed).all(has_debtor) {
            return false;
        }
        if !self.drains {
            return true;
        }
        let wanted = self.waiting_for(state, Selection::Any);
        wanted == 0 || wanted & !self.drain(state) == 0
    }

    /// Returns what a new receiver finds, one message after another.
    fn drain(&self, state: &StoreState) -> Set {
        let mut state = state.clone();
        let before = state.received;
        // It has no jobs: it receives any message.
        state.processes.push(Process { slot: Some(Slot::MAX), ..Process::default() });
        let index = state.processes.len() - 1;
        loop {
            let mut at = self.begin_find(&mut state, index, Selection::Any);
            for _ in 0..MOST_STEPS {
                if matches!(at, At::Rest | At::Clear | At::Holds) {
                    break;
                }
                at = self.step(&mut state, index, at);
            }
            if !matches!(at, At::Clear | At::Holds) {
                return state.received & !before;
            }
        }
    }

    pub(super) fn names_are_true(&self, state: &StoreState) -> bool {
        self.all_cells().all(|number| {
            let word = state.word(number);
            let may_name = |slot: Slot| state.is_dirty(slot) || state.has_claimed(slot, number, word.generation);
            let owner_is_true = match (word.state, word.owner) {
                (CellState::Filling | CellState::Held | CellState::Claimed, Some(owner)) => may_name(owner),
                (CellState::Filling | CellState::Held | CellState::Claimed, None) => false,
                (_, Some(sender)) => state.is_alive(sender) || state.is_dirty(sender),
                (_, None) => true,
            };
            owner_is_true && word.caller.is_none_or(may_name)
        })
    }

    pub(super) fn free_cells_are_shown(&self, state: &StoreState) -> bool {
        let hidden = |number: &u8| state.word(*number).state == CellState::Free && state.taken & bit(*number) != 0;
        let excuses = |process: &&Process| {
            let is_late = process.at == At::Clear && !self.rules.clear_before_free;
            is_late || matches!(process.at, At::Send(Send::LookAgain(_)) | At::Free(Free::Show))
        };
        let any_is_dirty = self.all_slots().any(|slot| state.is_dirty(slot));
        any_is_dirty || self.all_cells().filter(hidden).count() <= state.processes.iter().filter(excuses).count()
    }

    /// M8.
    pub(super) fn none_is_held_up(&self, state: &StoreState) -> bool {
        !self.runs_alone || (0..state.processes.len()).all(|index| self.gets_on(state, index))
    }

    fn gets_on(&self, state: &StoreState, index: usize) -> bool {
        let is_between = |at: At| matches!(at, At::Outside | At::Rest | At::Await | At::Holds | At::Claims);
        let mut at = state.processes[index].at;
        if is_between(at) {
            return true;
        }
        let mut state = state.clone();
        for _ in 0..MOST_STEPS {
            at = self.step(&mut state, index, at);
            state.processes[index].at = at;
            if is_between(at) {
                return true;
            }
        }
        false
    }

    pub(super) fn calls_end(&self, state: &StoreState) -> bool {
        let waits = |process: &&Process| process.at == At::Await;
        state.processes.iter().filter(waits).filter_map(|process| process.held).all(|held| {
            let word = state.word(held.cell);
            let is_of_call = !matches!(word.state, CellState::Free | CellState::Filling);
            is_of_call && word.generation == held.word.generation && word.caller == held.word.caller
        })
    }
}
