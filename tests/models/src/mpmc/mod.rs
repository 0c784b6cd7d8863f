//! The places of an mpmc ring: pushing, popping, sleeping at either end, owners that die, slots that are used again.
//!
//! | modelled | as |
//! | --- | --- |
//! | a place | its [`PlaceWord`], and the item that was committed there and not consumed yet |
//! | `tail`, `head` | positions; laps wrap at [`LAPS`], and the first one is the last before they do |
//! | `dirty` | its low bit, and for each process that scans whether the word is still what it read |
//! | the flags | one boolean for consumers, one for producers |
//! | the doorbells | two counters that saturate at [`Mpmc::saturation`]: not empty, not full |
//! | `ALIVE_k` and `used[k]` | one boolean each for every slot |
//! | a process | [`Process`]: where it stands, its slot, the slot that it reaps, what it is about |
//! | a death | one action before any step: the kernel clears what it holds of ALIVE, and posts both doorbells |
//!
//! In the beginning all processes are registered, and some items may be in the ring. A process that died or left comes
//! back as a new member. It may take any slot that no process holds. A process that has claimed a place may keep it for
//! ever, so no sleeper may depend on it. It may also leave with it. A waiter may time out whenever it would sleep, and
//! right after it was woken. It may drain its doorbell before it sets its flag.
//!
//! `if flag.load() != 0 && flag.swap(0) == 1` is one step: a load that finds 0 is a swap that finds 0, and a load that
//! finds 1 decides nothing. A load of a place's word that is followed by a compare-and-swap is one step too: if that
//! fails the word has gone on, and the process would load it again. Writing a place's memory, or reading it, belongs to
//! the step that hands the place on. An invariant of its own says that no other process is there meanwhile. A reaper's
//! load of a place that the slot does not own is no step: only the reaper could change that.
//!
//! The model leaves out closing, and the notice that the other side disconnected, with its words and doorbells:
//! [`crate::spsc`] has them. Callers that don't wait return before they sleep, and do the same about dead members as
//! sleepers.
//!
//! Invariants:
//!
//! - I1. An item that was committed lies in its place, full or being read, until it is consumed or overwritten.
//! - I2. No item is consumed twice.
//! - I3. At most one living process has claimed a place, and the place's word names that process.
//! - I4. When no process has a step to take, every word that has an owner is claimed by this owner, or its slot will be
//!   reaped. Items behind `head` are announced by `dirty`, or a slot will be reaped.
//! - I5. When no process has a step to take, no consumer sleeps while there is an item that no living process has
//!   claimed or holds up.
//! - I6. When no process has a step to take, no producer sleeps while there is room.
//! - I7. When no process has a step to take, no place is claimed, and every item is consumed, there is room for as many
//!   items as there are places.
//! - I8. A word names only slots that are marked as used.
//!
//! One clause is not needed where all processes see every access at once: a producer loads `tail` again before it
//! returns that the ring is full. Words only go forward, and `tail` does not pass a place that is a lap behind. So if
//! the place is a lap behind, `tail` is still there. The clause can matter only to a process that sees an old word.

mod at;
mod check;
mod places;
mod reap;
mod rules;
mod steps;
mod symmetry;
mod wait;

pub use self::{
    at::{At, Reap},
    places::{LAPS, Place, PlaceWord, Position, Stage},
    rules::Rules,
};

use stateright::{Model, Property};

use self::wait::{can_wake, has_post};
use crate::members::{Bells, Look, Member, Slot, Slots};

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Mpmc {
    /// How many processes push.
    pub producers: usize,
    /// How many processes pop.
    pub consumers: usize,
    /// How many places there are.
    pub capacity: u8,
    /// How many items are in the ring in the beginning.
    pub filled: u8,
    /// How many places producers may claim in all: fewer than fit into half of the laps.
    pub items: u8,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Where a doorbell saturates.
    pub saturation: u8,
    /// Whether a waiter may drain its doorbell before it sets its flag.
    pub drains: bool,
    /// Whether a producer may cancel the claim of a place, and a consumer requeue an item.
    pub changes_mind: bool,
    /// Whether a producer that finds the ring full may overwrite the oldest item.
    pub overwrites: bool,
    /// Whether processes may leave, even with a claimed place.
    pub leaves: bool,
    /// Whether states that differ only in the order of processes and slots count as one. Traces are harder to read
    /// then.
    pub sorts_processes: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// A doorbell, and the flag that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bell {
    /// Consumers sleep on it.
    NotEmpty,
    /// Producers sleep on it.
    NotFull,
}

/// What a process is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Nothing, or to enter.
    Nothing,
    /// To push, and to wait for room.
    Push,
    /// To push, and to overwrite what is oldest.
    Overwrite,
    /// To pop, and to wait for an item.
    Pop,
    /// To leave.
    Leave,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    is_producer: bool,
    at: At,
    wish: Wish,
    look: Look,
    /// Has checked for dead members in this round: what it tries now is its last try.
    is_last_try: bool,
    has_token: bool,
    /// No process has changed `dirty` since this one read it.
    dirty_is_as_read: bool,
    /// It will raise `dirty` when this repair is done.
    must_raise: bool,
    member: Member,
}

/// What went wrong, if the state does not show it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// Nothing.
    None,
    /// A producer committed an item where there was one.
    Lost,
    /// A consumer consumed an item that was not there.
    Twice,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MpmcState {
    places: [Place; MOST_PLACES],
    tail: Position,
    head: Position,
    dirty: bool,
    flags: [bool; 2],
    bells: Bells<2>,
    slots: Slots,
    items: u8,
    deaths: u8,
    damage: Damage,
    processes: Vec<Process>,
}

const MOST_PLACES: usize = 3;

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member claims a slot and arms its obituary.
    Enter(usize, Slot),
    /// An idle process begins.
    Begin(usize, Wish),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process that checks for dead members checks this slot.
    Look(usize, Slot),
    /// A producer cancels its claim, or a consumer requeues its item.
    Undo(usize),
    /// A waiter consumes every post that is there.
    Drain(usize),
    /// The timeout of a waiter elapses, or a producer that overwrites has tried often enough.
    GiveUp(usize),
    /// A process begins to leave, with the place that it has claimed.
    Leave(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index, _) | Action::Begin(index, _) | Action::Step(index, _) => index,
            Action::Look(index, _) => index,
            Action::Undo(index) | Action::Drain(index) | Action::GiveUp(index) => index,
            Action::Leave(index) | Action::Die(index) => index,
        }
    }
}

impl Process {
    fn new(is_producer: bool, at: At, slot: Slot) -> Self {
        Self {
            is_producer,
            at,
            wish: Wish::Nothing,
            look: Look::default(),
            is_last_try: false,
            has_token: false,
            dirty_is_as_read: false,
            must_raise: false,
            member: Member::new(slot),
        }
    }

    fn bell(&self) -> Bell {
        if self.is_producer { Bell::NotFull } else { Bell::NotEmpty }
    }

    /// Forgets what is over, so that equal situations are equal states.
    fn forget(&mut self) {
        match self.at {
            At::Idle => *self = Self::new(self.is_producer, At::Idle, self.member.slot),
            At::Outside => *self = Self::new(self.is_producer, At::Outside, 0),
            At::Writing(_) | At::Reading(_) => (self.has_token, self.is_last_try) = (false, false),
            _ => {}
        }
        if !matches!(self.at, At::Reap(_)) {
            self.member.stop_reaping();
        }
        self.dirty_is_as_read &= matches!(self.at, At::ScanHead | At::Scan(..) | At::ScanTake(..) | At::ClearDirty);
    }
}

impl Mpmc {
    /// Adds what one process can do without dying.
    fn moves(&self, state: &MpmcState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside => actions.extend(state.slots.free().map(|slot| Action::Enter(index, slot))),
            At::Idle if !process.is_producer => actions.push(Action::Begin(index, Wish::Pop)),
            At::Idle => {
                actions.extend((state.items > 0).then_some(Action::Begin(index, Wish::Push)));
                actions.extend((state.items > 0 && self.overwrites).then_some(Action::Begin(index, Wish::Overwrite)));
            }
            at @ (At::Writing(_) | At::Reading(_)) => {
                actions.push(Action::Step(index, at));
                let may_undo = self.changes_mind && process.wish != Wish::Overwrite;
                actions.extend(may_undo.then_some(Action::Undo(index)));
            }
            at @ At::OverLoad => actions.extend([Action::Step(index, at), Action::GiveUp(index)]),
            at @ At::Sleep => {
                actions.extend(can_wake(state, process).then_some(Action::Step(index, at)));
                actions.push(Action::GiveUp(index));
            }
            at => {
                if at == At::Snapshot {
                    actions.extend(process.look.unseen().map(|slot| Action::Look(index, slot)));
                } else {
                    actions.push(Action::Step(index, at));
                }
                // The timeout may elapse while it is woken, and a caller may not wait at all.
                let is_first = at == if self.rules.announce_before_try { At::Announce } else { At::Snapshot };
                actions.extend((is_first && !process.is_last_try).then_some(Action::GiveUp(index)));
                let may_drain = self.drains && at == At::Announce && self.rules.announce_before_try;
                actions.extend((may_drain && has_post(state, process)).then_some(Action::Drain(index)));
            }
        }
        let may_leave = self.leaves && matches!(process.at, At::Idle | At::Writing(_) | At::Reading(_));
        actions.extend(may_leave.then_some(Action::Leave(index)));
    }

    fn apply(&self, state: &mut MpmcState, index: usize, action: Action) -> At {
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Begin(_, wish) => begin(state, index, wish),
            Action::Step(..) => self.step(state, index),
            Action::Look(_, slot) => self.look_at(state, index, slot),
            Action::Undo(_) => self.undo(state, index),
            Action::Drain(_) => self.drain(state, index),
            Action::GiveUp(_) => self.give_up(state, index),
            Action::Leave(_) => self.leave(state, index),
            Action::Die(_) => self.die(state, index),
        }
    }
}

fn begin(state: &mut MpmcState, index: usize, wish: Wish) -> At {
    state.processes[index].wish = wish;
    if wish == Wish::Pop {
        return At::LoadDirty;
    }
    state.items -= 1;
    At::LoadTail
}

impl Model for Mpmc {
    type State = MpmcState;
    type Action = Action;

    fn init_states(&self) -> Vec<MpmcState> {
        assert!(usize::from(self.capacity) <= MOST_PLACES);
        assert!(self.filled <= self.capacity && self.items < (LAPS / 2 - 1) * self.capacity);
        let roles = std::iter::repeat_n(true, self.producers).chain(std::iter::repeat_n(false, self.consumers));
        let processes: Vec<_> =
            roles.zip(0..).map(|(is_producer, slot)| Process::new(is_producer, At::Idle, slot)).collect();
        let head = self.at(LAPS - 1, 0);
        let tail = (head + self.filled) % (LAPS * self.capacity);
        let mut places = [Place::new(LAPS - 1); MOST_PLACES];
        for (place, position) in places.iter_mut().zip(head..head + self.filled) {
            (place.word.stage, place.item) = (Stage::Full, Some(position));
        }
        vec![MpmcState {
            places,
            tail,
            head,
            dirty: false,
            flags: [false; 2],
            bells: Bells::silent(self.saturation),
            slots: Slots::inhabited(processes.len()),
            items: self.items,
            deaths: self.deaths,
            damage: Damage::None,
            processes,
        }]
    }

    fn actions(&self, state: &MpmcState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &MpmcState, action: Action) -> Option<MpmcState> {
        let mut state = last.clone();
        let index = action.index();
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        if self.sorts_processes {
            state.rename();
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 no item is lost", |model: &Self, state: &MpmcState| model.items_are_there(state)),
            Property::always("I2 no item comes twice", |_, state: &MpmcState| state.damage != Damage::Twice),
            Property::always("I3 one at a place", |model: &Self, state: &MpmcState| model.holders_are_alone(state)),
            Property::always("I4 nothing is forgotten", |model: &Self, state: &MpmcState| {
                model.nothing_is_forgotten(state)
            }),
            Property::always("I5 no consumer is stuck", |model: &Self, state: &MpmcState| {
                model.consumers_are_served(state)
            }),
            Property::always("I6 no producer is stuck", |model: &Self, state: &MpmcState| {
                model.producers_are_served(state)
            }),
            Property::always("I7 all places are usable", |model: &Self, state: &MpmcState| {
                model.places_are_usable(state)
            }),
            Property::always("I8 owners are marked as used", |_, state: &MpmcState| state.owners_are_marked()),
            Property::sometimes("an item is taken over", |_, state: &MpmcState| state.one_is_taking_over()),
            Property::sometimes("an item is overwritten", |_, state: &MpmcState| state.one_overwrites()),
            Property::sometimes("head is helped over laps", |_, state: &MpmcState| state.one_helps_far()),
        ]
    }
}
