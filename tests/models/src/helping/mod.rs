//! Recovery by helping: any number of helpers repair what one dead member left, and each may be stopped for ever.
//!
//! | modelled | as |
//! | --- | --- |
//! | the words | free, or owned by a slot: permits, locks, roles of a ring, places |
//! | ALIVE, HELPERS, `used` | a boolean, a count and a boolean for each slot |
//! | a process | [`Process`]: where it stands, its slot, the slot that it helps to repair, the words that it took |
//! | a death | one action before any step: the kernel clears what it holds of ALIVE and HELPERS |
//! | a stop | nothing: a stopped process is one that takes no step. See I4 and I5 |
//!
//! A load of a word and the compare-and-swap that follows are two steps here, unlike in the other models, because others may
//! come between. Words are freed and taken again by any member, and slots by new members, so a slow helper meets
//! words and slots that have changed hands.
//!
//! The model leaves out waiting and doorbells: the other models have them.
//!
//! Invariants:
//!
//! - I1. A living member keeps the words that it took.
//! - I2. A word names only slots that are marked as used.
//! - I3. No slot has an owner and a helper at the same time.
//! - I4. Any idle member gets any word of a dead owner by its own steps alone, wherever all other processes are stopped.
//! - I5. Any new member gets a slot by its own steps alone, if there is one without an owner and without helpers.
//! - I6. A word that names a living owner was taken by this owner.

mod rules;
mod steps;

pub use self::rules::Rules;

use stateright::{Model, Property};

/// The number of a slot.
pub type Slot = u8;
/// The number of a word.
pub type Word = u8;

const SLOTS: usize = 3;
const WORDS: usize = 2;

/// More steps than any operation takes by itself.
const MANY_STEPS: usize = 32;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Helping {
    /// How many processes there are.
    pub processes: usize,
    /// How many slots there are.
    pub slots: Slot,
    /// How many words there are.
    pub words: Word,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Whether processes may leave, even with words.
    pub leaves: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Not registered, or dead: it may come back as a new member.
    Outside,
    /// Has found this slot to have neither owner nor helper. Enters it as its only helper.
    Enter(Slot),
    /// Gives HELPERS back and claims ALIVE, in one `semop`.
    Claim,
    /// Checks whether the slot that it claimed without being its helper is clean.
    Recheck,
    /// Stores `used` = 1.
    MarkUsed,
    /// Has registered, and does nothing.
    Idle,
    /// Takes a word if it is free.
    Take(Word),
    /// Asks whether the owner of a word lives.
    Check(Slot),
    /// Enters the dead owner's slot as a helper.
    Join(Slot),
    /// Loads a word, to see whether the slot owns it.
    Load(Word),
    /// Takes a word away, which the slot owned when it was loaded.
    Swap(Word),
    /// Stores `used` = 0.
    MarkUnused,
    /// Gives back HELPERS, or ALIVE if it leaves.
    GiveBack,
}

/// What a process is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// To become a member.
    Enter,
    /// To take a word.
    Take(Word),
    /// To leave.
    Leave,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    at: At,
    wish: Wish,
    /// The slot in which it holds ALIVE.
    owns: Option<Slot>,
    /// The slot that it repairs as a helper.
    helps: Option<Slot>,
    /// Whether it is counted in HELPERS of that slot.
    is_counted: bool,
    took: [bool; WORDS],
}

/// A slot of the table of members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    alive: bool,
    helpers: u8,
    used: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HelpingState {
    words: [Option<Slot>; WORDS],
    slots: [Entry; SLOTS],
    deaths: u8,
    processes: Vec<Process>,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member finds a slot.
    Find(usize, Slot),
    /// An idle member begins to take a word.
    Begin(usize, Word),
    /// A member frees a word that it took.
    Release(usize, Word),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A member begins to leave, even with words.
    Leave(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

const OUTSIDE: Process =
    Process { at: At::Outside, wish: Wish::Nothing, owns: None, helps: None, is_counted: false, took: [false; WORDS] };

impl HelpingState {
    fn slot(&mut self, slot: Slot) -> &mut Entry {
        &mut self.slots[usize::from(slot)]
    }

    fn entry(&self, slot: Slot) -> Entry {
        self.slots[usize::from(slot)]
    }

    /// Whether a slot has neither owner nor helper.
    fn is_free(&self, slot: Slot) -> bool {
        let Entry { alive, helpers, .. } = self.entry(slot);
        !alive && helpers == 0
    }

    fn owners(&self) -> impl Iterator<Item = (usize, Slot)> {
        self.words.iter().enumerate().filter_map(|(word, owner)| owner.map(|slot| (word, slot)))
    }

    fn members_keep_their_words(&self) -> bool {
        let keeps = |process: &Process| (0..WORDS).all(|word| !process.took[word] || self.words[word] == process.owns);
        self.processes.iter().all(keeps)
    }

    fn owners_are_marked(&self) -> bool {
        self.owners().all(|(_, slot)| self.entry(slot).used)
    }

    fn helpers_exclude_owners(&self) -> bool {
        self.slots.iter().all(|entry| !entry.alive || entry.helpers == 0)
    }

    fn owners_know_their_words(&self) -> bool {
        self.owners().all(|(word, slot)| {
            let owner = self.processes.iter().find(|process| process.owns == Some(slot));
            owner.is_none_or(|owner| owner.took[word] || owner.wish == Wish::Leave)
        })
    }

    fn one_slot_has_two_helpers(&self) -> bool {
        self.slots.iter().any(|entry| entry.helpers > 1)
    }

    /// A helper is about to take a word away that has another owner by now.
    fn one_helper_is_late(&self) -> bool {
        self.processes.iter().any(|process| match (process.at, process.helps) {
            (At::Swap(word), Some(slot)) => self.words[usize::from(word)].is_some_and(|owner| owner != slot),
            _ => false,
        })
    }
}

impl Helping {
    fn all_slots(&self) -> std::ops::Range<Slot> {
        0..self.slots
    }

    /// Whether a new member chooses a slot. One that does not help takes clean slots only.
    fn may_enter(&self, state: &HelpingState, slot: Slot) -> bool {
        state.is_free(slot) && (self.rules.member_helps_first || !state.entry(slot).used)
    }

    /// Runs one process alone until it is idle or outside. All others are stopped.
    fn run_alone(&self, state: &mut HelpingState, index: usize) {
        for _ in 0..MANY_STEPS {
            if matches!(state.processes[index].at, At::Idle | At::Outside) {
                return;
            }
            self.step(state, index);
        }
    }

    /// I4.
    fn members_recover_alone(&self, state: &HelpingState) -> bool {
        let is_dead =
            |slot: Slot| state.processes.iter().all(|process| process.owns != Some(slot) || !process.is_settled());
        let idle = (0..state.processes.len()).filter(|&index| state.processes[index].at == At::Idle);
        idle.into_iter().all(|index| {
            let own = state.processes[index].owns;
            let mut left_behind = state.owners().filter(|&(_, slot)| Some(slot) != own && is_dead(slot));
            left_behind.all(|(word, _)| {
                let mut alone = state.clone();
                alone.processes[index].begin_to_take(u8::try_from(word).unwrap_or(Word::MAX));
                self.run_alone(&mut alone, index);
                alone.processes[index].took[word]
            })
        })
    }

    /// I5.
    fn members_enter_alone(&self, state: &HelpingState) -> bool {
        let Some(index) = state.processes.iter().position(|process| process.at == At::Outside) else { return true };
        self.all_slots().filter(|&slot| self.may_enter(state, slot)).all(|slot| {
            let mut alone = state.clone();
            alone.processes[index].find(slot);
            self.run_alone(&mut alone, index);
            alone.processes[index].at == At::Idle
        })
    }

    fn moves(&self, state: &HelpingState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside => {
                let free = self.all_slots().filter(|&slot| self.may_enter(state, slot));
                actions.extend(free.map(|slot| Action::Find(index, slot)));
            }
            At::Idle => {
                for word in 0..self.words {
                    let has_it = process.took[usize::from(word)];
                    actions.push(if has_it { Action::Release(index, word) } else { Action::Begin(index, word) });
                }
                actions.extend(self.leaves.then_some(Action::Leave(index)));
            }
            at => actions.push(Action::Step(index, at)),
        }
    }
}

impl Process {
    /// Whether it is a member, and not only on its way to become one.
    fn is_settled(&self) -> bool {
        self.wish != Wish::Enter
    }

    fn find(&mut self, slot: Slot) {
        (self.wish, self.at) = (Wish::Enter, At::Enter(slot));
    }

    fn begin_to_take(&mut self, word: Word) {
        (self.wish, self.at) = (Wish::Take(word), At::Take(word));
    }
}

impl Model for Helping {
    type State = HelpingState;
    type Action = Action;

    fn init_states(&self) -> Vec<HelpingState> {
        assert!(usize::from(self.slots) <= SLOTS && usize::from(self.words) <= WORDS);
        vec![HelpingState {
            words: [None; WORDS],
            slots: [Entry::default(); SLOTS],
            deaths: self.deaths,
            processes: vec![OUTSIDE; self.processes],
        }]
    }

    fn actions(&self, state: &HelpingState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &HelpingState, action: Action) -> Option<HelpingState> {
        let mut state = last.clone();
        match action {
            Action::Find(index, slot) => state.processes[index].find(slot),
            Action::Begin(index, word) => state.processes[index].begin_to_take(word),
            Action::Release(index, word) => release(&mut state, index, word),
            Action::Step(index, _) => self.step(&mut state, index),
            Action::Leave(index) => self.leave(&mut state, index),
            Action::Die(index) => die(&mut state, index),
        }
        // Their order means nothing to the protocol.
        state.processes.sort_unstable();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 members keep their words", |_, state: &HelpingState| state.members_keep_their_words()),
            Property::always("I2 owners are marked as used", |_, state: &HelpingState| state.owners_are_marked()),
            Property::always("I3 helpers exclude owners", |_, state: &HelpingState| state.helpers_exclude_owners()),
            Property::always("I4 one recovers alone", |model: &Self, state: &HelpingState| {
                model.members_recover_alone(state)
            }),
            Property::always("I5 one enters alone", |model: &Self, state: &HelpingState| {
                model.members_enter_alone(state)
            }),
            Property::always("I6 owners know their words", |_, state: &HelpingState| state.owners_know_their_words()),
            Property::sometimes("a slot has two helpers", |_, state: &HelpingState| state.one_slot_has_two_helpers()),
            Property::sometimes("a helper is late", |_, state: &HelpingState| state.one_helper_is_late()),
        ]
    }
}

/// Frees a word, by compare-and-swap from the own slot.
fn release(state: &mut HelpingState, index: usize, word: Word) {
    let process = &mut state.processes[index];
    let word = usize::from(word);
    process.took[word] = false;
    if state.words[word] == process.owns {
        state.words[word] = None;
    }
}

/// Clears what the process holds of ALIVE and HELPERS: its undo account.
fn die(state: &mut HelpingState, index: usize) {
    let Process { owns, helps, is_counted, .. } = state.processes[index];
    if let Some(slot) = owns {
        state.slot(slot).alive = false;
    }
    if let Some(slot) = helps {
        state.slot(slot).helpers -= u8::from(is_counted);
    }
    state.deaths -= 1;
    state.processes[index] = OUTSIDE;
}
