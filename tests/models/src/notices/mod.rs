//! The notices of a channel on a server: receivers that announce themselves, one notice for each message, and receivers that
//! leave, die or are stopped.
//!
//! | modelled | as |
//! | --- | --- |
//! | a script | one step |
//! | the messages | a list of routes, the first one first |
//! | `waiting` | a list of receivers, the one that looks by itself last at the end |
//! | the stream of a receiver's notices | the notices that it has not read |
//! | a receiver that takes a message | it does not look again: it works for a long time |
//! | the time | a receiver looks by itself so often as the model's bounds allow, and once more after a death |
//! | a death, and a stop that lasts | one action, after which the receiver takes no step |
//!
//! A closed channel, a stop of a handle and delays notify all receivers, and are left out.
//!
//! Invariants:
//!
//! - N1. When no receiver has a step to take, none waits beside a message that it fits.
//! - N2. A receiver that looks no more is not announced, unless it is dead.

mod rules;

pub use self::rules::Rules;

use stateright::{Model, Property};

/// What a receiver looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// Any message.
    Any,
    /// Messages of this route.
    Only(u8),
}

impl Selection {
    fn fits(self, route: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == route,
        }
    }
}

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Notices {
    /// What each receiver looks for.
    pub receivers: &'static [Selection],
    /// The routes of the messages that are sent, one after another.
    pub sent: &'static [u8],
    /// The routes of the messages that come back to the front.
    pub returned: &'static [u8],
    /// How often a receiver looks by itself.
    pub looks: u8,
    /// How many receivers may leave.
    pub leavers: u8,
    /// How many may die, or be stopped.
    pub deaths: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// Where a receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// It is about to look.
    Awake,
    /// With a rule left out: it has found nothing.
    Found,
    /// It waits for a notice.
    Waiting,
    /// It has a message, or has left.
    Away,
    /// It is dead, or stopped.
    Dead,
}

/// A receiver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receiver {
    at: At,
    is_announced: bool,
    unread: u8,
}

/// Everything at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NoticesState {
    messages: Vec<u8>,
    waiting: Vec<usize>,
    receivers: Vec<Receiver>,
    sent: usize,
    returned: usize,
    looks: u8,
    leavers: u8,
    deaths: u8,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message is sent.
    Send,
    /// A message comes back to the front.
    Return,
    /// A receiver takes its next step.
    Step(usize),
    /// A receiver looks by itself.
    Look(usize),
    /// A receiver leaves.
    Leave(usize),
    /// A receiver dies, or is stopped.
    Die(usize),
}

impl Notices {
    fn fits(&self, receiver: usize, route: u8) -> bool {
        self.receivers[receiver].fits(route)
    }

    fn wake(&self, state: &mut NoticesState, route: u8) -> bool {
        let fits = |&receiver: &usize| !self.rules.notice_fits || self.fits(receiver, route);
        let Some(at) = state.waiting.iter().rposition(fits) else { return false };
        let receiver = state.waiting.remove(at);
        state.receivers[receiver].unread += 1;
        true
    }

    fn pass_on(&self, state: &mut NoticesState, receiver: usize) {
        let mut routes = state.messages.clone();
        routes.sort_unstable();
        routes.dedup();
        for route in routes.into_iter().filter(|&route| self.fits(receiver, route)) {
            if self.wake(state, route) && !self.rules.passes_on_for_all {
                break;
            }
        }
    }

    fn announce(state: &mut NoticesState, index: usize) {
        state.waiting.retain(|&other| other != index);
        state.waiting.push(index);
        state.receivers[index].at = At::Waiting;
        state.receivers[index].is_announced = true;
    }

    fn look(&self, state: &mut NoticesState, index: usize) {
        let Some(at) = state.messages.iter().position(|&route| self.fits(index, route)) else {
            if self.rules.announces_in_one_step {
                Self::announce(state, index);
            } else {
                state.receivers[index].at = At::Found;
            }
            return;
        };
        state.messages.remove(at);
        let was_announced = std::mem::take(&mut state.receivers[index].is_announced);
        state.receivers[index].at = At::Away;
        let was_notified = was_announced && !state.waiting.contains(&index);
        if self.rules.take_ends {
            state.waiting.retain(|&other| other != index);
        }
        if was_notified && self.rules.taker_passes_on {
            self.pass_on(state, index);
        }
    }

    fn step(&self, state: &mut NoticesState, index: usize) {
        match state.receivers[index].at {
            At::Awake => self.look(state, index),
            At::Found => Self::announce(state, index),
            At::Waiting => {
                state.receivers[index].unread = 0;
                state.receivers[index].at = At::Awake;
            }
            At::Away | At::Dead => {}
        }
    }

    fn leave(&self, state: &mut NoticesState, index: usize) {
        state.leavers += 1;
        let was_announced = state.receivers[index].is_announced;
        let was_notified = was_announced && !state.waiting.contains(&index);
        state.waiting.retain(|&other| other != index);
        state.receivers[index].at = At::Away;
        if was_notified && self.rules.leaver_passes_on {
            self.pass_on(state, index);
        }
    }
}

impl NoticesState {
    fn may_step(&self, index: usize) -> bool {
        let receiver = &self.receivers[index];
        match receiver.at {
            At::Awake | At::Found => true,
            At::Waiting => receiver.unread > 0,
            At::Away | At::Dead => false,
        }
    }

    fn may_look(&self, model: &Notices, index: usize) -> bool {
        let is_left = self.looks < model.looks || self.deaths > 0;
        // A look that finds nothing changes nothing.
        let finds = self.messages.iter().any(|&route| model.fits(index, route));
        model.rules.looks_by_itself && self.receivers[index].at == At::Waiting && is_left && finds
    }
}

impl Model for Notices {
    type State = NoticesState;
    type Action = Action;

    fn init_states(&self) -> Vec<NoticesState> {
        let receiver = Receiver { at: At::Awake, is_announced: false, unread: 0 };
        vec![NoticesState {
            messages: Vec::new(),
            waiting: Vec::new(),
            receivers: vec![receiver; self.receivers.len()],
            sent: 0,
            returned: 0,
            looks: 0,
            leavers: 0,
            deaths: 0,
        }]
    }

    fn actions(&self, state: &NoticesState, actions: &mut Vec<Action>) {
        if state.sent < self.sent.len() {
            actions.push(Action::Send);
        }
        if state.returned < self.returned.len() {
            actions.push(Action::Return);
        }
        for (index, receiver) in state.receivers.iter().enumerate() {
            let is_here = !matches!(receiver.at, At::Away | At::Dead);
            let each = [
                (state.may_step(index), Action::Step(index)),
                (state.may_look(self, index), Action::Look(index)),
                (is_here && state.leavers < self.leavers, Action::Leave(index)),
                (is_here && state.deaths < self.deaths, Action::Die(index)),
            ];
            actions.extend(each.into_iter().filter(|(may, _)| *may).map(|(_, action)| action));
        }
    }

    fn next_state(&self, state: &NoticesState, action: Action) -> Option<NoticesState> {
        let mut state = state.clone();
        match action {
            Action::Send => {
                let route = self.sent[state.sent];
                state.sent += 1;
                state.messages.push(route);
                self.wake(&mut state, route);
            }
            Action::Return => {
                let route = self.returned[state.returned];
                state.returned += 1;
                state.messages.insert(0, route);
                self.wake(&mut state, route);
            }
            Action::Step(index) => self.step(&mut state, index),
            Action::Look(index) => {
                state.looks = (state.looks + 1).min(self.looks);
                state.receivers[index].at = At::Awake;
            }
            Action::Leave(index) => self.leave(&mut state, index),
            Action::Die(index) => {
                state.deaths += 1;
                state.receivers[index].at = At::Dead;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("N1 not stranded", |model: &Self, state: &NoticesState| {
                let mut receivers = 0..state.receivers.len();
                let goes_on = |index| state.may_step(index) || state.may_look(model, index) && state.deaths > 0;
                let is_left = |index: usize| {
                    let waits = state.receivers[index].at == At::Waiting;
                    waits && state.messages.iter().any(|&route| model.fits(index, route))
                };
                receivers.clone().any(goes_on) || !receivers.any(is_left)
            }),
            Property::always("N2 not announced", |_, state: &NoticesState| {
                state.waiting.iter().all(|&index| state.receivers[index].at != At::Away)
            }),
            Property::sometimes("a notice is not read", |_, state: &NoticesState| {
                state.receivers.iter().any(|receiver| receiver.at == At::Away && receiver.unread > 0)
            }),
            Property::sometimes("each message is taken", |model: &Self, state: &NoticesState| {
                let all = state.sent == model.sent.len() && state.returned == model.returned.len();
                all && state.messages.is_empty()
            }),
        ]
    }
}
