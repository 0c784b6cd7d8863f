//! The fair lock of `Mutex`: a word with offers, a waiting room, owners that die or stop, and slots that are used again.
//!
//! | modelled | as |
//! | --- | --- |
//! | the word | [`Word`]: the owner's slot, OFFERED, WAITERS, POISONED |
//! | the room | one [`Entry`] for each slot: AWAKE, ANNOUNCED, UNPOSTED or CALLED, with a ticket |
//! | a ticket | stands for `since` and the epoch: its rank among all tickets that the state contains |
//! | a doorbell | a counter for each slot that saturates at [`Mutex::saturation`] |
//! | `used` | one boolean for each slot |
//! | ALIVE and HELPERS | which living processes have claimed the slot, and which help it |
//! | a death | one action before any step: ALIVE and HELPERS are cleared, and every doorbell is posted twice |
//! | a stop | one action before any step: the process takes no step any more |
//! | 1 ms of an offer | may elapse for a process whenever it sees the offer |
//! | fair and not fair | an unlock that finds a waiter offers or frees, as it likes |
//!
//! A scan of the room, and a check for dead members, is one step for each slot, in any order. A load of the word that
//! is followed by a compare-and-swap, and again if that fails, is one step. `used` = 0 and HELPERS - 1 are one step, and so are
//! ALIVE + 1 and `used` of a new member. Taking a post after the word was taken is one step with the swap of the entry.
//! Slots that no process has used, or will use, are not visited.
//! A new member may take a free word without an announcement, as `try_lock` and spinning do. It may also announce itself
//! at a free word, because it had seen it held.
//!
//! The model leaves out a holder that panics, a post that the system refuses, members that leave, and removal.
//!
//! Invariants:
//!
//! - I1. At most one process holds the lock, and the word names it.
//! - I2. Without stops: no process sleeps while no other process has a step to take.
//! - I3. POISONED is set exactly when a holder died since the data was last mended.
//! - I4. The slot of each member is marked as used.
//! - I5. If a waiter sleeps while no running process has a step, a stopped process holds the lock, or was offered or
//!   called to it, or is handing it on.
//! - I6. In such a state, a new member, which may come from outside, gets the lock unless a stopped process holds it. After as many unlocks as there
//!   are stopped processes, and one more, a sleeping waiter was called.

#![allow(clippy::cast_possible_truncation, reason = "slots and tickets are fewer than 32")]

mod at;
mod check;
mod notify;
mod reap;
mod rules;
mod state;
mod steps;
mod symmetry;

pub use self::{
    at::At,
    rules::Rules,
    state::{Entry, Event, MutexState, Process, Word},
};

use stateright::{Model, Property};

use self::state::{FREE, OUTSIDE};

/// The number of a slot.
pub type Slot = u8;

/// The rank of a ticket. 0 is none.
pub type Ticket = u8;

/// The most slots that a model has.
pub const MOST: usize = 4;

/// Stands for processes that lock and unlock for ever.
pub const FOR_EVER: u8 = u8::MAX;

const NO_SLOT: Slot = Slot::MAX;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Mutex {
    /// How many processes are members at first.
    pub members: usize,
    /// How many processes are outside at first.
    pub outside: usize,
    /// How often a process may begin to lock, in all.
    pub locks: u8,
    /// How often a process may enter.
    pub joins: u8,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// How many processes may be stopped.
    pub stops: u8,
    /// How often a timeout may elapse.
    pub timeouts: u8,
    /// Where a doorbell saturates.
    pub saturation: u8,
    /// Whether the state remembers what the last action was, for the situations.
    pub witness: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member enters this slot as its only helper.
    Enter(usize, Slot),
    /// An idle process takes the free word.
    Take(usize),
    /// An idle process begins to wait.
    Wait(usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process scans or checks this slot.
    See(usize, At, Slot),
    /// A process takes the word that is offered to another.
    Expire(usize, At),
    /// A waiter slept for 1 ms.
    Elapse(usize),
    /// The timeout of a waiter elapses.
    TimeOut(usize, At),
    /// The holder offers the lock to the waiter it has chosen.
    Offer(usize),
    /// The holder frees the word.
    Free(usize),
    /// The holder mends the data and clears POISONED.
    Mend(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
    /// A process stops for ever.
    Stop(usize),
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index, _) | Action::Take(index) | Action::Wait(index) | Action::Step(index, _) => index,
            Action::See(index, ..) | Action::Expire(index, _) | Action::Elapse(index) => index,
            Action::TimeOut(index, _) | Action::Offer(index) | Action::Free(index) | Action::Mend(index) => index,
            Action::Die(index) | Action::Stop(index) => index,
        }
    }
}

impl Mutex {
    /// How many slots, and how many processes, there are.
    fn slots(&self) -> usize {
        self.members + self.outside
    }

    fn all(&self) -> std::ops::Range<Slot> {
        0..self.slots() as Slot
    }

    /// The slots that are scanned and checked: no others have been used, or will be.
    fn reached(&self, state: &MutexState) -> impl Iterator<Item = Slot> {
        let is_reached = |slot: usize| state.joins > 0 || state.used[slot] || state.entries[slot] != Entry::Awake;
        self.all().filter(move |slot| is_reached(usize::from(*slot)))
    }

    /// Adds what one process can do without dying and stopping.
    fn moves(&self, state: &MutexState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        let at = process.at;
        let may_expire = self.rules.offers_expire && state.is_offered_to_another(process);
        match at {
            At::Outside if state.joins == 0 => {}
            At::Outside => {
                let open = self.all().filter(|slot| !state.is_alive(*slot) && !state.is_helped(*slot));
                actions.extend(open.map(|slot| Action::Enter(index, slot)));
            }
            At::Idle if state.locks == 0 => {}
            At::Idle => {
                actions.extend((state.word.owner == NO_SLOT).then_some(Action::Take(index)));
                actions.push(Action::Wait(index));
            }
            At::CheckDead | At::Scan => {
                let unseen = self.all().filter(|slot| process.unseen & 1 << slot != 0);
                actions.extend(unseen.map(|slot| Action::See(index, at, slot)));
            }
            At::Look => {
                actions.push(Action::Step(index, at));
                actions.extend(may_expire.then_some(Action::Expire(index, at)));
            }
            At::LookAgain => {
                actions.push(Action::Step(index, at));
                actions.extend(may_expire.then_some(Action::Expire(index, at)));
                let may_time_out = state.timeouts > 0 && !process.timed_out;
                actions.extend(may_time_out.then_some(Action::TimeOut(index, at)));
            }
            At::Sleep => {
                let is_posted = state.bells[usize::from(process.slot)] > 0;
                actions.extend(is_posted.then_some(Action::Step(index, at)));
                actions.extend(process.watches.then_some(Action::Elapse(index)));
                actions.extend((state.timeouts > 0).then_some(Action::TimeOut(index, at)));
            }
            At::Critical => {
                actions.push(Action::Step(index, at));
                actions.extend(state.word.poisoned.then_some(Action::Mend(index)));
            }
            At::Release => actions.extend([Action::Offer(index), Action::Free(index)]),
            _ => actions.push(Action::Step(index, at)),
        }
    }
}

impl Model for Mutex {
    type State = MutexState;
    type Action = Action;

    fn init_states(&self) -> Vec<MutexState> {
        assert!(self.slots() <= MOST);
        let mut state = MutexState {
            word: FREE,
            entries: [Entry::Awake; MOST],
            bells: [0; MOST],
            used: [false; MOST],
            tainted: false,
            locks: self.locks,
            joins: self.joins,
            deaths: self.deaths,
            stops: self.stops,
            timeouts: self.timeouts,
            event: Event::None,
            processes: [OUTSIDE; MOST],
        };
        for slot in 0..self.members {
            state.used[slot] = true;
            state.processes[slot] = Process::idle(slot as Slot, self.rules.suspects_at_first);
        }
        state.rename();
        vec![state]
    }

    fn actions(&self, state: &MutexState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate().filter(|(_, process)| !process.stopped) {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
            if state.stops > 0 && !matches!(process.at, At::Outside | At::Idle) {
                actions.push(Action::Stop(index));
            }
        }
    }

    fn next_state(&self, last: &MutexState, action: Action) -> Option<MutexState> {
        let mut state = last.clone();
        state.event = Event::None;
        let index = action.index();
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        if !self.witness {
            state.event = Event::None;
        }
        state.rename();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("I1 mutual exclusion", |_, state: &MutexState| state.excludes()),
            Property::always("I2 no lost wake-up", |_, state: &MutexState| !state.is_stuck()),
            Property::always("I3 poison is exact", |_, state: &MutexState| state.poison_is_exact()),
            Property::always("I4 members are marked as used", |_, state: &MutexState| state.members_are_marked()),
            Property::always("I5 stops detain one thing", |_, state: &MutexState| state.stops_detain()),
            Property::always("I6 new members get by", |model: &Mutex, state: &MutexState| {
                model.new_members_get_by(state)
            }),
        ];
        if self.witness {
            properties.extend([
                Property::sometimes("an offer is confirmed", |_, state: &MutexState| state.event == Event::Confirmed),
                Property::sometimes("an offer expires", |_, state: &MutexState| state.event == Event::Expired),
                Property::sometimes("an offeree dies", |_, state: &MutexState| state.event == Event::OffereeDied),
                Property::sometimes("a late waiter takes its offer", |_, state: &MutexState| {
                    state.event == Event::LateConfirmed
                }),
                Property::sometimes("an offered slot is reused", |_, state: &MutexState| {
                    state.event == Event::OfferedSlotReused
                }),
                Property::sometimes("an offer is retracted", |_, state: &MutexState| state.event == Event::Retracted),
                Property::sometimes("an announcement stops the freeing", |_, state: &MutexState| {
                    state.event == Event::FreeingFailed
                }),
            ]);
        }
        properties
    }
}
