//! The roles of an spsc ring: taking one, waiting for one, leaving it, and the notice that the other side disconnected.
//!
//! | modelled | as |
//! | --- | --- |
//! | the roles | a lock word each: the owner's slot if there is one, WAITERS; see [`crate::mutex`] for one alone |
//! | the indices | positions, which count the items from 0 |
//! | the items | what the latest push wrote to each place: its position |
//! | the flags | one boolean for each side |
//! | `arrived` of the producers, `closed` | one boolean each |
//! | the doorbells | four counters that saturate at [`Spsc::saturation`]: of each side's holder and standbys |
//! | `ALIVE_k` and `used[k]` | one boolean each for every slot |
//! | a process | [`Process`]: where it stands, its slot, the slot that it reaps, its copies of the indices |
//! | a death | one action before any step: the kernel clears what it holds of ALIVE, and posts every doorbell |
//!
//! In the beginning all processes are registered and no process has a role. A process that died or left comes back as a
//! new member. It may take any slot that no process holds. A process may keep its role for ever and do nothing. It may
//! also leave with it, which is harsher than the code: there, a process stays registered as long as it has a role. A
//! waiter may time out whenever it would sleep, and right after it was woken. It may drain its doorbell before it loads
//! the index. A waiter that was woken loads the index before it announces anything, and may go on with its flag still
//! up.
//!
//! `if flag.load() != 0 && flag.swap(0) == 1` is one step: a load that finds 0 is a swap that finds 0, and a load that
//! finds 1 decides nothing. A load that is followed by a compare-and-swap, and again if that fails, is one step too. A
//! reaper's load of a role that the slot does not own is no step: only the reaper could change that.
//!
//! Only consumers ask for the notice that the other side disconnected. Producers would do the same.
//!
//! Invariants:
//!
//! - I1. A role has at most one living holder, and its word names the holder.
//! - I2. Every item that was committed is consumed once, in order, and none is written over before.
//! - I3. When no process has a step to take, the word of a role is free, or names its holder or a slot that is dead and
//!   dirty.
//! - I4. When no process has a step to take, no holder sleeps while the other's index has moved, or the ring is closed.
//! - I5. When no process has a step to take, no standby sleeps for a role that is free or has a dead holder.
//! - I6. When no process has a step to take, no consumer that asked for the notice sleeps while a producer had the role
//!   and none has it.
//! - I7. A holder that is notified that the ring is closed, or that the producer disconnected, has consumed what was
//!   committed before that. It is notified of a disconnected producer only if a producer ever had the role.
//! - I8. A word names only slots that are marked as used.

mod at;
mod check;
mod reap;
mod roles;
mod rules;
mod steps;

pub use self::{
    at::{At, Reap},
    rules::Rules,
};

use stateright::{Model, Property};

use self::roles::{can_wake, has_post};
use crate::{
    lock::LockWord,
    members::{Bells, Look, Member, Slot, Slots},
};

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Spsc {
    /// How many processes want the producer's role.
    pub producers: usize,
    /// How many processes want the consumer's role.
    pub consumers: usize,
    /// How many places there are.
    pub capacity: u8,
    /// How many items may be pushed in all.
    pub items: u8,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Where a doorbell saturates.
    pub saturation: u8,
    /// Whether a waiter may drain its doorbell before it loads the index.
    pub drains: bool,
    /// Whether consumers ask for the notice that the producer disconnected.
    pub watches: bool,
    /// Whether a holder may close the ring.
    pub closes: bool,
    /// Whether processes may leave, even with a role.
    pub leaves: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// An end of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where items are pushed.
    Producer,
    /// Where items are popped.
    Consumer,
}

impl Side {
    fn other(self) -> Self {
        if self == Side::Producer { Side::Consumer } else { Side::Producer }
    }
}

/// A doorbell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bell {
    /// The holder of the role sleeps on it.
    Holder(Side),
    /// The standbys of the role sleep on it.
    Role(Side),
}

impl Bell {
    const ALL: [Bell; 4] = [
        Bell::Holder(Side::Producer),
        Bell::Holder(Side::Consumer),
        Bell::Role(Side::Producer),
        Bell::Role(Side::Consumer),
    ];

    fn number(self) -> usize {
        match self {
            Bell::Holder(side) => side as usize,
            Bell::Role(side) => 2 + side as usize,
        }
    }
}

/// What a waiting holder has found about the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Neither closed nor disconnected.
    None,
    /// It found the ring closed, or the other side disconnected, when so many items had been committed.
    Found(u8),
    /// It found the other side disconnected before any producer ever had the role.
    FoundTooEarly,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    side: Side,
    at: At,
    member: Member,
    is_leaving: bool,
    has_role: bool,
    has_slept: bool,
    /// Its own index.
    index: u8,
    /// The other's index, as it was at the last load.
    seen: u8,
    end: End,
    look: Look,
}

/// What went wrong, if the state does not show it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// Nothing.
    None,
    /// An item was lost, or came twice, or too early.
    Items,
    /// A holder was notified of an end that was not one.
    ToldWrongly,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpscState {
    roles: [LockWord; 2],
    indices: [u8; 2],
    places: [Option<u8>; MOST_PLACES],
    flags: [bool; 2],
    bells: Bells<4>,
    arrived: bool,
    /// Whether a producer ever had the role, in truth.
    has_begun: bool,
    closed: bool,
    slots: Slots,
    deaths: u8,
    damage: Damage,
    processes: Vec<Process>,
}

const MOST_PLACES: usize = 2;

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member claims a slot and arms its obituary.
    Enter(usize, Slot),
    /// A process begins to push or pop, or to take the role if it has none.
    Begin(usize),
    /// A holder begins to leave its role.
    LeaveRole(usize),
    /// A process begins to leave the ring, with its role if it has one.
    Leave(usize),
    /// A holder begins to close the ring.
    Close(usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process that checks for dead members checks this slot.
    Look(usize, Slot),
    /// A waiter consumes every post that is there.
    Drain(usize),
    /// The timeout of a waiter elapses.
    GiveUp(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index, _) | Action::Begin(index) | Action::LeaveRole(index) | Action::Leave(index) => index,
            Action::Close(index) | Action::Look(index, _) => index,
            Action::Step(index, _) | Action::Drain(index) | Action::GiveUp(index) | Action::Die(index) => index,
        }
    }
}

impl Process {
    fn new(side: Side, at: At, slot: Slot) -> Self {
        Self {
            side,
            at,
            member: Member::new(slot),
            is_leaving: false,
            has_role: false,
            has_slept: false,
            index: 0,
            seen: 0,
            end: End::None,
            look: Look::default(),
        }
    }

    /// The doorbell that it sleeps on.
    fn bell(&self) -> Bell {
        if self.has_role { Bell::Holder(self.side) } else { Bell::Role(self.side) }
    }

    /// Forgets what is over, so that equal situations are equal states.
    fn forget(&mut self) {
        if self.at == At::Outside {
            *self = Self::new(self.side, At::Outside, 0);
        }
        if !self.has_role && !matches!(self.at, At::TakeRole) {
            (self.index, self.seen) = (0, 0);
        }
        // A holder passes nothing on: it alone sleeps on its doorbell.
        self.has_slept &= !self.has_role && self.at != At::Idle;
        if !matches!(self.at, At::LastLook) {
            self.end = End::None;
        }
        if !matches!(self.at, At::Reap(_)) {
            self.member.stop_reaping();
        }
    }
}

impl Spsc {
    /// Adds what one process can do without dying.
    fn moves(&self, state: &SpscState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside => actions.extend(state.slots.free().map(|slot| Action::Enter(index, slot))),
            At::Idle => actions.push(Action::Begin(index)),
            At::Ready => {
                let is_producer = process.side == Side::Producer;
                let may_push = process.index < self.items && !state.closed;
                actions.extend((!is_producer || may_push).then_some(Action::Begin(index)));
                actions.push(Action::LeaveRole(index));
                let may_close = self.closes && !state.closed;
                actions.extend(may_close.then_some(Action::Close(index)));
            }
            At::Snapshot => actions.extend(process.look.unseen().map(|slot| Action::Look(index, slot))),
            at @ (At::Sleep | At::RoleSleep) => {
                actions.extend(can_wake(state, process).then_some(Action::Step(index, at)));
                actions.push(Action::GiveUp(index));
            }
            at => {
                actions.push(Action::Step(index, at));
                // The timeout may elapse while it is woken, and a caller may not wait at all.
                let may_leave = at == At::Announce || (at == At::TakeRole && process.has_slept);
                actions.extend(may_leave.then_some(Action::GiveUp(index)));
                let may_drain = self.drains
                    && matches!(at, At::TakeRole | At::EarlyLook | At::Announce)
                    && has_post(state, process);
                actions.extend(may_drain.then_some(Action::Drain(index)));
            }
        }
        let may_leave = self.leaves && matches!(process.at, At::Idle | At::Ready);
        actions.extend(may_leave.then_some(Action::Leave(index)));
    }

    fn apply(&self, state: &mut SpscState, index: usize, action: Action) -> At {
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Begin(_) => self.begin(state, index),
            Action::LeaveRole(_) => At::FreeRole,
            Action::Leave(_) => self.leave(state, index),
            Action::Close(_) => At::Close,
            Action::Step(..) => self.step(state, index),
            Action::Look(_, slot) => self.look_at(state, index, slot),
            Action::Drain(_) => self.drain(state, index),
            Action::GiveUp(_) => self.give_up(state, index),
            Action::Die(_) => self.die(state, index),
        }
    }
}

impl Model for Spsc {
    type State = SpscState;
    type Action = Action;

    fn init_states(&self) -> Vec<SpscState> {
        assert!(usize::from(self.capacity) <= MOST_PLACES);
        let producers = std::iter::repeat_n(Side::Producer, self.producers);
        let sides = producers.chain(std::iter::repeat_n(Side::Consumer, self.consumers));
        let processes: Vec<_> = sides.zip(0..).map(|(side, slot)| Process::new(side, At::Idle, slot)).collect();
        vec![SpscState {
            roles: [LockWord::default(); 2],
            indices: [0; 2],
            places: [None; MOST_PLACES],
            flags: [false; 2],
            bells: Bells::silent(self.saturation),
            arrived: false,
            has_begun: false,
            closed: false,
            slots: Slots::inhabited(processes.len()),
            deaths: self.deaths,
            damage: Damage::None,
            processes,
        }]
    }

    fn actions(&self, state: &SpscState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &SpscState, action: Action) -> Option<SpscState> {
        let mut state = last.clone();
        let index = action.index();
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 one holder", |_, state: &SpscState| state.holders_are_alone()),
            Property::always("I2 items come once", |_, state: &SpscState| state.damage != Damage::Items),
            Property::always("I3 no role is lost", |model: &Self, state: &SpscState| model.roles_are_known(state)),
            Property::always("I4 no holder is stuck", |model: &Self, state: &SpscState| {
                model.holders_are_served(state)
            }),
            Property::always("I5 no standby is stuck", |model: &Self, state: &SpscState| {
                model.standbys_are_served(state)
            }),
            Property::always("I6 the end is reported", |model: &Self, state: &SpscState| {
                model.watchers_are_notified(state)
            }),
            Property::always("I7 the end is true", |_, state: &SpscState| state.damage != Damage::ToldWrongly),
            Property::always("I8 owners are marked as used", |_, state: &SpscState| state.owners_are_marked()),
            Property::sometimes("the end is found", |_, state: &SpscState| state.one_finds_the_end()),
            Property::sometimes("a flag is left up", |_, state: &SpscState| state.one_goes_on_announced()),
        ]
    }
}
