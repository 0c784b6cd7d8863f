//! The invariants, and the situations that they speak of.

use stateright::Property;

use super::{At, Entry, Part, Process, Watch, WatchState, tag};

impl Watch {
    fn is_over(&self, state: &WatchState) -> bool {
        !(0..state.processes.len()).any(|index| self.may_step(state, index))
    }
}

impl WatchState {
    fn processes(&self) -> std::ops::Range<usize> {
        0..self.processes.len()
    }

    /// Whether the published version is one that the process waits for.
    fn finds(&self, model: &Watch, index: usize) -> bool {
        matches!(model.parts[index], Part::Waits(wanted) | Part::Detects(wanted) if self.published >= wanted)
    }

    /// Whether it would be told of the end: no writer lives.
    fn ends(&self, model: &Watch, index: usize) -> bool {
        let lives = |index: usize| self.is_writer[index] && self.processes[index].at != At::Dead;
        matches!(model.parts[index], Part::Detects(_)) && self.has_arrived && !self.processes().any(lives)
    }

    /// Whether a process sleeps, and no post wakes it.
    fn sleeps_on(&self, index: usize) -> bool {
        self.processes[index].at == At::Sleep && self.posts[index] == 0
    }

    /// Whether one sleeps on beside the published version.
    fn is_left(&self, model: &Watch) -> bool {
        self.processes().any(|index| self.sleeps_on(index) && self.finds(model, index))
    }

    fn calls(process: &Process) -> bool {
        matches!(process.at, At::Free | At::Notify | At::Scan(_) | At::Call(_) | At::Post)
    }
}

pub(super) fn properties() -> Vec<Property<Watch>> {
    let mut properties = invariants();
    properties.extend(situations());
    properties
}

fn invariants() -> Vec<Property<Watch>> {
    vec![
        Property::always("V1 no lost wake-up", |model: &Watch, state: &WatchState| {
            let is_lost = |index: usize| {
                state.processes[index].at == At::Sleep && (state.finds(model, index) || state.ends(model, index))
            };
            !(model.is_over(state) && state.processes().any(is_lost))
        }),
        Property::always("V2 the lock comes free", |model: &Watch, state: &WatchState| {
            !(model.is_over(state) && state.processes.iter().any(|process| process.at == At::Take))
        }),
        Property::always("V3 the version is whole", |_, state: &WatchState| {
            let [first, second] = state.buffers[usize::from(state.published % 2)];
            first == second && (tag(state.published, 0)..tag(state.published + 1, 0)).contains(&first)
        }),
        Property::always("V4 a copy is whole", |_, state: &WatchState| !state.is_torn),
        Property::always("V5 a process is about to post", |model: &Watch, state: &WatchState| {
            let is_lost =
                |index: usize| state.sleeps_on(index) && (state.finds(model, index) || state.ends(model, index));
            state.processes.iter().any(WatchState::calls) || !state.processes().any(is_lost)
        }),
        Property::always("V6 told", |model: &Watch, state: &WatchState| {
            state.told != state.published || !state.is_left(model)
        }),
        Property::always("V7 one that came", |model: &Watch, state: &WatchState| {
            let came = state.processes.iter().any(|process| process.came == state.published + 1);
            !came || !state.is_left(model)
        }),
        Property::always("V8 the end comes last", |_, state: &WatchState| !state.is_missed),
    ]
}

fn situations() -> Vec<Property<Watch>> {
    vec![
        Property::sometimes("a waiter sleeps", |_, state: &WatchState| {
            state.processes.iter().any(|process| process.at == At::Sleep)
        }),
        Property::sometimes("a reader is disturbed", |_, state: &WatchState| {
            state.processes.iter().any(|process| process.at == At::CopySecond && state.begun > process.version + 1)
        }),
        Property::sometimes("a dead setter's version is taken", |_, state: &WatchState| {
            let lives = |process: &Process| matches!(process.at, At::First | At::Second);
            let is_half = state.buffers.iter().any(|[first, second]| first != second);
            state.deaths > 0 && is_half && state.processes.iter().any(lives)
        }),
        Property::sometimes("two help at once", |_, state: &WatchState| {
            let helps = |process: &&Process| matches!(process.at, At::HelpFree(_) | At::HelpDetach(_) | At::Clean(_));
            state.processes.iter().filter(helps).count() > 1
        }),
        Property::sometimes("another one calls", |_, state: &WatchState| {
            state.processes.iter().any(|process| process.came == state.published + 1)
                && state.processes.iter().any(|process| process.at == At::Notify)
        }),
        Property::sometimes("a waiter is told of the end", |model: &Watch, state: &WatchState| {
            state.processes().any(|index| {
                let is_done = state.processes[index].at == At::Done && state.processes[index].is_over;
                is_done && !state.finds(model, index)
            })
        }),
        Property::sometimes("a waiter is called twice", |_, state: &WatchState| {
            state.processes.iter().filter(|process| WatchState::calls(process)).count() > 1
                && state.entries.contains(&Entry::Unposted)
        }),
    ]
}
