//! The fences that keep a wake-up from being lost: between a store and a load, under the store buffers of x86.
//!
//! | modelled | as |
//! | --- | --- |
//! | memory | a word of each publisher, which counts its items, and the sleeper's flag |
//! | a store buffer | for each process a queue of stores, which reach memory in their order, each at any time |
//! | a load | finds the latest store in its own process's buffer, or else the value in memory |
//! | a light fence | nothing: the program is in order here |
//! | a fence of its own | a step that is taken only when its own buffer is empty; a swap is one, too |
//! | a heavy fence, `membarrier` | first its own, then a step for each publisher that joined, taken when that one's buffer is empty |
//! | the doorbell | a counter |
//!
//! A step that waits for a buffer to drain hides nothing: stores may reach memory at any time before it. Publishers
//! publish some items each, wake after each, and stop. The sleeper consumes the items that it finds. It sleeps in
//! between, in the rounds of R-sleep. There are no deaths: they post, and so wake the sleeper.
//!
//! Invariant:
//!
//! - I1. When no process has a step to take, the sleeper does not sleep while there is an item that it has not seen. If
//!   it naps, it has seen every item a round later.

use std::collections::VecDeque;

use stateright::{Model, Property};

crate::rules! {
    /// Light publishers join the fences of others before they publish.
    join_first,
    /// The sleeper fences between its flag and its load of the words.
    fence_before_look,
    /// The sleeper fences on every round, not only on the first one.
    fence_every_round,
    /// A sleeper that can't have the heavy fence sleeps in slices, and checks the words again after each.
    nap_if_unsure,
    /// After a slice, the sleeper checks the words, and does not go straight back to sleep.
    look_after_nap,
}

/// What a publisher does between its store and its load of the flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publisher {
    /// It leaves the fence to the sleeper.
    Light,
    /// It fences for itself, whether or not it joined the fences of others.
    Strong,
}

/// What the sleeper does between its flag and its load of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleeper {
    /// It fences for all processes.
    Heavy,
    /// It fences for itself, since every publisher is strong.
    Own,
    /// It would fence for all processes, but the call fails. So it fences for itself, and is not sure.
    Unsure,
}

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Fence {
    /// The publishers.
    pub publishers: Vec<Publisher>,
    /// The sleeper.
    pub sleeper: Sleeper,
    /// How many items each publisher has.
    pub items: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// Where a publisher stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Stores its word.
    Store,
    /// Waits until its buffer is empty.
    Fence,
    /// Loads the flag.
    LoadFlag,
    /// Swaps the flag for 0, which waits until its buffer is empty.
    SwapFlag,
    /// Posts.
    Post,
    /// Has published everything.
    Done,
}

/// Where the sleeper stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Stores 1 to its flag.
    Announce,
    /// Waits until its own buffer is empty.
    FenceOwn,
    /// Waits until the buffer of this publisher is empty, if the publisher joined.
    FenceAll(usize),
    /// Loads the word of this publisher.
    Look(usize),
    /// Sleeps until the doorbell is posted.
    Sleep,
}

/// A store on its way to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Store {
    /// The word of the publisher that owns the buffer.
    Count(u8),
    /// The flag is set.
    Flag,
}

/// Memory, the buffers, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FenceState {
    words: Vec<u8>,
    flag: bool,
    /// Of the publishers, then of the sleeper.
    buffers: Vec<VecDeque<Store>>,
    bell: u8,
    publishers: Vec<(At, u8)>,
    phase: Phase,
    is_first_round: bool,
    seen: Vec<u8>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// This publisher takes the step it stands at.
    Publish(usize, At),
    /// The sleeper takes the step it stands at.
    Sleeper(Phase),
    /// The sleeper's slice is over.
    Nap,
    /// The oldest store in this buffer reaches memory.
    Drain(usize),
}

impl Fence {
    /// The number of the sleeper's buffer, after those of the publishers.
    fn sleeper_buffer(&self) -> usize {
        self.publishers.len()
    }

    fn can_publish(&self, state: &FenceState, index: usize) -> bool {
        match state.publishers[index].0 {
            At::Fence | At::SwapFlag => state.buffers[index].is_empty(),
            At::Done => false,
            At::Store | At::LoadFlag | At::Post => true,
        }
    }

    fn publish(&self, state: &mut FenceState, index: usize) {
        let (at, count) = &mut state.publishers[index];
        let is_last = *count == self.items;
        *at = match *at {
            At::Store => {
                *count += 1;
                state.buffers[index].push_back(Store::Count(*count));
                if self.publishers[index] == Publisher::Light { At::LoadFlag } else { At::Fence }
            }
            At::Fence => At::LoadFlag,
            // It stores to the flag by a swap alone, so its buffer holds no such store.
            At::LoadFlag if state.flag => At::SwapFlag,
            At::SwapFlag if std::mem::take(&mut state.flag) => At::Post,
            at => {
                state.bell += u8::from(at == At::Post);
                if is_last { At::Done } else { At::Store }
            }
        };
    }

    fn can_go_on(&self, state: &FenceState) -> bool {
        match state.phase {
            Phase::FenceOwn => state.buffers[self.sleeper_buffer()].is_empty(),
            Phase::FenceAll(index) => !self.has_joined(index) || state.buffers[index].is_empty(),
            Phase::Sleep => state.bell > 0,
            Phase::Announce | Phase::Look(_) => true,
        }
    }

    fn has_joined(&self, index: usize) -> bool {
        self.publishers[index] == Publisher::Light && self.rules.join_first
    }

    fn go_on(&self, state: &mut FenceState) {
        state.phase = match state.phase {
            Phase::Announce => {
                state.buffers[self.sleeper_buffer()].push_back(Store::Flag);
                let is_turn = state.is_first_round || self.rules.fence_every_round;
                if self.rules.fence_before_look && is_turn { Phase::FenceOwn } else { Phase::Look(0) }
            }
            Phase::FenceOwn if self.sleeper == Sleeper::Heavy => Phase::FenceAll(0),
            Phase::FenceAll(index) if index + 1 < self.publishers.len() => Phase::FenceAll(index + 1),
            Phase::FenceOwn | Phase::FenceAll(_) => Phase::Look(0),
            Phase::Look(index) => self.look(state, index),
            Phase::Sleep => {
                state.bell -= 1;
                state.is_first_round = false;
                Phase::Announce
            }
        };
    }

    fn look(&self, state: &mut FenceState, index: usize) -> Phase {
        if state.words[index] > state.seen[index] {
            state.seen[index] = state.words[index];
            state.is_first_round = true;
            return Phase::Announce;
        }
        if index + 1 < self.publishers.len() { Phase::Look(index + 1) } else { Phase::Sleep }
    }

    fn naps(&self) -> bool {
        self.sleeper == Sleeper::Unsure && self.rules.nap_if_unsure
    }

    fn drain(&self, state: &mut FenceState, index: usize) {
        match state.buffers[index].pop_front() {
            Some(Store::Count(count)) => state.words[index] = count,
            Some(Store::Flag) => state.flag = true,
            None => {}
        }
    }

    fn end_nap(&self, state: &mut FenceState) {
        if self.rules.look_after_nap {
            (state.phase, state.is_first_round) = (Phase::Announce, false);
        }
    }

    /// The rest of a sleep: if it is a nap, one more round follows, in which no publisher takes a step.
    fn rest(&self, state: &FenceState) -> FenceState {
        let mut state = state.clone();
        if self.naps() {
            self.end_nap(&mut state);
        }
        while state.phase != Phase::Sleep {
            if self.can_go_on(&state) {
                self.go_on(&mut state);
            } else {
                self.drain(&mut state, self.sleeper_buffer());
            }
        }
        state
    }

    fn is_served(&self, state: &FenceState) -> bool {
        let is_over = state.publishers.iter().all(|(at, _)| *at == At::Done);
        let is_drained = state.buffers.iter().all(VecDeque::is_empty);
        let sleeps = state.phase == Phase::Sleep && state.bell == 0;
        if !(is_over && is_drained && sleeps) {
            return true;
        }
        let FenceState { seen, words, .. } = self.rest(state);
        seen == words
    }
}

impl Model for Fence {
    type State = FenceState;
    type Action = Action;

    fn init_states(&self) -> Vec<FenceState> {
        let count = self.publishers.len();
        vec![FenceState {
            words: vec![0; count],
            flag: false,
            buffers: vec![VecDeque::new(); count + 1],
            bell: 0,
            publishers: vec![(At::Store, 0); count],
            phase: Phase::Announce,
            is_first_round: true,
            seen: vec![0; count],
        }]
    }

    fn actions(&self, state: &FenceState, actions: &mut Vec<Action>) {
        for index in 0..state.publishers.len() {
            let at = state.publishers[index].0;
            actions.extend(self.can_publish(state, index).then_some(Action::Publish(index, at)));
        }
        actions.extend(self.can_go_on(state).then_some(Action::Sleeper(state.phase)));
        actions.extend((self.naps() && state.phase == Phase::Sleep).then_some(Action::Nap));
        let is_busy = |index: &usize| !state.buffers[*index].is_empty();
        actions.extend((0..state.buffers.len()).filter(is_busy).map(Action::Drain));
    }

    fn next_state(&self, last: &FenceState, action: Action) -> Option<FenceState> {
        let mut state = last.clone();
        match action {
            Action::Publish(index, _) => self.publish(&mut state, index),
            Action::Sleeper(_) => self.go_on(&mut state),
            Action::Nap => self.end_nap(&mut state),
            Action::Drain(index) => self.drain(&mut state, index),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let overtakes = |model: &Self, state: &FenceState| {
            let is_light =
                |index: usize| model.publishers[index] == Publisher::Light && !state.buffers[index].is_empty();
            let finds_nothing = |index: usize| matches!(state.publishers[index].0, At::LoadFlag) && !state.flag;
            (0..state.publishers.len()).any(|index| is_light(index) && finds_nothing(index))
        };
        vec![
            Property::always("I1 no lost wake-up", |model: &Self, state: &FenceState| model.is_served(state)),
            Property::sometimes("a look overtakes a store", overtakes),
        ]
    }
}
