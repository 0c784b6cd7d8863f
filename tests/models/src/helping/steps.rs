//! Entering, helping, taking words and leaving.

use super::{At, Helping, HelpingState, OUTSIDE, Slot, Wish, Word};

impl Helping {
    /// A process takes the step it stands at.
    pub(super) fn step(&self, state: &mut HelpingState, index: usize) {
        let at = match state.processes[index].at {
            at @ (At::Outside | At::Idle) => at,
            At::Enter(slot) if self.rules.member_helps_first => self.enter(state, index, slot),
            At::Enter(slot) => claim_directly(state, index, slot),
            At::Claim => self.claim(state, index),
            At::Recheck => recheck(state, index),
            At::MarkUsed => {
                self.mark(state, index, true);
                At::Idle
            }
            At::Take(word) => take(state, index, word),
            At::Check(slot) if state.entry(slot).alive => At::Idle,
            At::Check(slot) => At::Join(slot),
            At::Join(slot) => self.join(state, index, slot),
            At::Load(word) => self.load(state, index, word),
            At::Swap(word) => self.swap(state, index, word),
            At::MarkUnused => {
                self.mark(state, index, false);
                self.after_unused(state, index)
            }
            At::GiveBack => self.give_back(state, index),
        };
        let process = &mut state.processes[index];
        process.at = at;
        match at {
            At::Idle => process.wish = Wish::Nothing,
            At::Outside => *process = OUTSIDE,
            _ => {}
        }
    }

    /// A new member enters a slot as its only helper.
    fn enter(&self, state: &mut HelpingState, index: usize, slot: Slot) -> At {
        if !state.is_free(slot) {
            return At::Outside;
        }
        state.slot(slot).helpers += 1;
        (state.processes[index].helps, state.processes[index].is_counted) = (Some(slot), true);
        if self.rules.member_repairs { self.begin_repair() } else { At::Claim }
    }

    /// The only helper becomes the owner.
    fn claim(&self, state: &mut HelpingState, index: usize) -> At {
        let Some(slot) = state.processes[index].helps else { return At::Outside };
        let entry = state.slot(slot);
        entry.helpers -= 1;
        (state.processes[index].helps, state.processes[index].is_counted) = (None, false);
        // One that fails leaves HELPERS as well, in a step of its own. That it is one here hides nothing: in between it would
        // be a helper that is done.
        let others = state.slot(slot).helpers;
        if self.rules.member_tests_helpers && others > 0 {
            return At::Outside;
        }
        state.slot(slot).alive = true;
        state.processes[index].owns = Some(slot);
        if self.rules.member_marks_used { At::MarkUsed } else { At::Idle }
    }

    /// Enters the slot of a dead owner as a helper. If it can't, the owner lives, or the slot is another member's.
    fn join(&self, state: &mut HelpingState, index: usize, slot: Slot) -> At {
        let entry = state.slot(slot);
        let is_refused = entry.alive && self.rules.helper_tests_alive || entry.helpers > 0 && !self.rules.any_number;
        if is_refused {
            return At::Idle;
        }
        entry.helpers += u8::from(self.rules.helper_is_counted);
        (state.processes[index].helps, state.processes[index].is_counted) = (Some(slot), self.rules.helper_is_counted);
        self.begin_repair()
    }

    fn begin_repair(&self) -> At {
        if self.rules.used_cleared_last { At::Load(0) } else { At::MarkUnused }
    }

    fn load(&self, state: &HelpingState, index: usize, word: Word) -> At {
        let process = &state.processes[index];
        let repaired = process.helps.or(process.owns);
        let is_owned = state.words[usize::from(word)] == repaired;
        if is_owned { At::Swap(word) } else { self.next_word(state, index, word) }
    }

    fn swap(&self, state: &mut HelpingState, index: usize, word: Word) -> At {
        let process = &state.processes[index];
        let repaired = process.helps.or(process.owns);
        let owner = &mut state.words[usize::from(word)];
        if *owner == repaired || !self.rules.compare_and_swap {
            *owner = None;
        }
        self.next_word(state, index, word)
    }

    fn next_word(&self, state: &HelpingState, index: usize, word: Word) -> At {
        if word + 1 < self.words {
            return At::Load(word + 1);
        }
        let is_leaving = state.processes[index].wish == Wish::Leave;
        match (is_leaving, self.rules.used_cleared_last, self.rules.helper_leaves_last) {
            (true, ..) => self.leaver_clears(),
            (false, true, true) => At::MarkUnused,
            (false, true, false) | (false, false, _) => self.end_of_help(state, index),
        }
    }

    /// What follows for a helper that has nothing more to do in the slot, or nothing but to mark it.
    fn end_of_help(&self, state: &HelpingState, index: usize) -> At {
        if state.processes[index].wish == Wish::Enter { At::Claim } else { At::GiveBack }
    }

    /// Marks the slot that the process repairs or owns.
    fn mark(&self, state: &mut HelpingState, index: usize, used: bool) {
        let process = &state.processes[index];
        if let Some(slot) = process.helps.or(process.owns) {
            state.slot(slot).used = used;
        }
    }

    fn after_unused(&self, state: &mut HelpingState, index: usize) -> At {
        let process = &mut state.processes[index];
        match process.wish {
            Wish::Leave if self.rules.leaver_clears_first => At::GiveBack,
            Wish::Leave => At::Outside,
            _ if !self.rules.used_cleared_last => At::Load(0),
            Wish::Take(word) if !self.rules.helper_leaves_last => {
                process.helps = None;
                At::Take(word)
            }
            _ => self.end_of_help(state, index),
        }
    }

    fn give_back(&self, state: &mut HelpingState, index: usize) -> At {
        let process = state.processes[index];
        if let (Wish::Leave, Some(slot)) = (process.wish, process.owns) {
            state.slot(slot).alive = false;
            return if self.rules.leaver_clears_first { At::Outside } else { At::MarkUnused };
        }
        let Some(slot) = process.helps else { return At::Idle };
        state.slot(slot).helpers -= u8::from(process.is_counted);
        state.processes[index].is_counted = false;
        if !self.rules.helper_leaves_last {
            return At::MarkUnused;
        }
        state.processes[index].helps = None;
        if let Wish::Take(word) = process.wish { At::Take(word) } else { At::Idle }
    }

    /// The words that it took are forgotten: they still name its slot.
    pub(super) fn leave(&self, state: &mut HelpingState, index: usize) {
        let process = &mut state.processes[index];
        (process.wish, process.took) = (Wish::Leave, Default::default());
        process.at = if self.rules.leaver_repairs { At::Load(0) } else { self.leaver_clears() };
    }

    fn leaver_clears(&self) -> At {
        if self.rules.leaver_clears_first { At::MarkUnused } else { At::GiveBack }
    }
}

/// Takes a word if it is free. Otherwise turns to its owner.
fn take(state: &mut HelpingState, index: usize, word: Word) -> At {
    let process = &mut state.processes[index];
    let word = usize::from(word);
    match state.words[word] {
        None => {
            state.words[word] = process.owns;
            process.took[word] = true;
            At::Idle
        }
        Some(owner) if Some(owner) == process.owns => At::Idle,
        Some(owner) => At::Check(owner),
    }
}

/// Claims ALIVE of a slot that was found clean and without helpers, but is not entered as a helper first.
fn claim_directly(state: &mut HelpingState, index: usize, slot: Slot) -> At {
    if !state.is_free(slot) {
        return At::Outside;
    }
    state.slot(slot).alive = true;
    state.processes[index].owns = Some(slot);
    At::Recheck
}

/// Gives a slot back that is not clean.
fn recheck(state: &mut HelpingState, index: usize) -> At {
    let Some(slot) = state.processes[index].owns else { return At::Outside };
    if !state.entry(slot).used {
        return At::MarkUsed;
    }
    state.slot(slot).alive = false;
    At::Outside
}
