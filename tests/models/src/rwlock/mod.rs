//! `RwLock`: counts of readers, a gate that a writer shuts, and what deaths and stops leave of them.
//!
//! | modelled | as |
//! | --- | --- |
//! | the word of the lock | its owner's slot, and POISONED. The gate is open while it has no owner |
//! | waiting for the lock | a step that is there once the word is free, or names the dead: [`mutex`](crate::mutex) models the rest |
//! | `reading` of a slot | a count in memory, and the stores of its process that have not reached memory yet |
//! | a light fence | nothing: the store stays in the buffer of its process, and reaches memory at any time |
//! | a heavy fence, `membarrier` | a step for each process, which empties its buffer |
//! | other steps that change memory | empty the buffer of their process |
//! | the room of the readers | a [`Entry`] for each slot, and a doorbell; [`room`](crate::room) models calls one by one |
//! | `draining`, and the doorbell of the one writer that waits for readers | a boolean, and a counter |
//! | ALIVE, HELPERS, `used` | as in the code, by slot |
//! | a death | one action before any step: ALIVE and HELPERS are cleared, every doorbell is posted twice |
//! | a stop | one action before any step: the process takes no step any more |
//! | a reader that is turned away too often | may go by the lock whenever it finds the gate shut |
//!
//! A check for dead members, a look at all counts and a heavy fence are one step for each slot. `notify_all` chooses in
//! one step for each slot, and posts for all chosen in one. A process has one thread, so its counts are 0 and 1.
//!
//! Left out: offers of the lock, a holder that panics, a refused post, members that leave, removal.
//!
//! Invariants:
//!
//! - I1. While a writer changes the value, no other process reads or changes it.
//! - I2. Without stops: no process sleeps while no other process has a step to take.
//! - I3. POISONED is set exactly when a writer died that was inside, once no word names the dead writer.
//! - I4. If a process sleeps while no running process has a step, a stopped process has a part in it: it has a count,
//!   the lock, or is to notify.
//! - I5. In such a state, the gate is open and all counts are 0, but for those of stopped processes and of dead ones.

#![allow(clippy::cast_possible_truncation, reason = "slots are few")]

mod at;
mod check;
mod help;
mod notify;
mod read;
mod rules;
mod state;
mod write;

pub use self::{
    at::{At, Goal},
    rules::Rules,
    state::{Entry, Place, Process, RwLockState},
};

use stateright::{Model, Property};

use self::state::{BUFFER, bit};

/// The number of a slot.
pub type Slot = u8;

/// The most slots, and processes, that a model has.
pub const MOST: usize = 3;

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct RwLock {
    /// How many processes are members at first. The others may come later.
    pub members: usize,
    /// How many processes there are.
    pub processes: usize,
    /// How many slots there are.
    pub slots: usize,
    /// How often a process may begin to read, in all.
    pub reads: u8,
    /// How often a process may begin to write, in all.
    pub writes: u8,
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
    /// The clauses that are in force.
    pub rules: Rules,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member enters this slot as its only helper.
    Enter(usize, Slot),
    /// A member begins to read.
    Read(usize),
    /// A member begins to write.
    Write(usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A process visits this slot or process.
    See(usize, At, Slot),
    /// A reader that finds the gate shut goes by the lock.
    ByLock(usize),
    /// A writer becomes a reader.
    Downgrade(usize),
    /// A writer mends the value.
    Mend(usize),
    /// The timeout of a sleeper elapses.
    TimeOut(usize),
    /// The oldest store of a process reaches memory.
    Drain(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
    /// A process stops for ever.
    Stop(usize),
}

impl RwLock {
    fn all(&self) -> impl Iterator<Item = Slot> + use<> {
        0..self.slots as Slot
    }

    fn all_slots(&self) -> u8 {
        self.all().fold(0, |set, slot| set | bit(slot))
    }

    fn all_processes(&self) -> u8 {
        (0..self.processes as Slot).fold(0, |set, index| set | bit(index))
    }

    fn post(&self, posts: &mut u8, more: u8) {
        *posts = self.saturation.min(*posts + more);
    }

    fn begin(&self, state: &RwLockState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside if state.joins > 0 => {
                let is_free = |slot: &Slot| {
                    let place = state.places[usize::from(*slot)];
                    !place.is_alive && place.helpers == 0
                };
                actions.extend(self.all().filter(is_free).map(|slot| Action::Enter(index, slot)));
            }
            At::Idle => {
                actions.extend((state.reads > 0).then_some(Action::Read(index)));
                actions.extend((state.writes > 0).then_some(Action::Write(index)));
            }
            _ => {}
        }
    }

    fn steps(&self, state: &RwLockState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        let at = process.at;
        match at {
            At::Outside | At::Idle => {}
            _ if at.visits() => {
                let seen = (0..MOST as Slot).filter(|slot| process.unseen & bit(*slot) != 0);
                actions.extend(seen.map(|slot| Action::See(index, at, slot)));
            }
            At::Queue if state.owner.is_some_and(|slot| !state.is_dirty(slot)) => {}
            At::Sleep | At::SleepForReaders => {
                let bell = self.bell_of(state, process);
                actions.extend((bell > 0).then_some(Action::Step(index, at)));
                actions.extend((state.timeouts > 0).then_some(Action::TimeOut(index)));
            }
            // Its buffer has room once the oldest store has reached memory.
            At::Count | At::Uncount if process.buffer[BUFFER - 1].is_some() => {}
            _ => actions.push(Action::Step(index, at)),
        }
        match at {
            At::Peek if process.is_announced && state.owner.is_some() => actions.push(Action::ByLock(index)),
            At::Writing => {
                actions.push(Action::Downgrade(index));
                actions.extend(state.poisoned.then_some(Action::Mend(index)));
            }
            _ => {}
        }
    }

    fn bell_of(&self, state: &RwLockState, process: &Process) -> u8 {
        if process.at == At::Sleep { state.places[process.slot()].bell } else { state.bell }
    }

    fn apply(&self, state: &mut RwLockState, index: usize, action: Action) -> At {
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Read(_) => {
                state.reads -= 1;
                state.processes[index].goal = Goal::Read;
                if self.rules.count_before_look { At::Count } else { At::Look }
            }
            Action::Write(_) => {
                state.writes -= 1;
                state.processes[index].goal = Goal::Write;
                At::Queue
            }
            Action::Step(_, at) => self.step(state, index, at),
            Action::See(_, at, slot) => self.see(state, index, at, slot),
            Action::ByLock(_) => {
                self.withdraw(state, index);
                state.processes[index].goal = Goal::ReadByLock;
                At::Queue
            }
            Action::Downgrade(_) => {
                state.processes[index].goal = Goal::Downgrade;
                if self.rules.downgrade_counts_first { At::CountInside } else { self.leave_inside() }
            }
            Action::Mend(_) => {
                (state.poisoned, state.tainted) = (false, false);
                At::Writing
            }
            Action::TimeOut(_) => {
                state.timeouts -= 1;
                state.processes[index].is_late = true;
                self.wake(state, index)
            }
            Action::Drain(_) => {
                state.drain(index);
                state.processes[index].at
            }
            Action::Die(_) => self.die(state, index),
            Action::Stop(_) => {
                state.stops -= 1;
                state.processes[index].is_stopped = true;
                state.processes[index].at
            }
        }
    }

    fn see(&self, state: &mut RwLockState, index: usize, at: At, slot: Slot) -> At {
        state.processes[index].unseen &= !bit(slot);
        match at {
            At::CheckDead => self.check_dead(state, index, slot),
            At::Fence => self.fence_for(state, index, slot),
            At::Scan => self.scan(state, index, slot),
            At::ScanAsLeaver => self.scan_as_leaver(state, index, slot),
            _ => self.choose(state, index, slot),
        }
    }
}

impl Model for RwLock {
    type State = RwLockState;
    type Action = Action;

    fn init_states(&self) -> Vec<RwLockState> {
        let mut state = RwLockState {
            owner: None,
            poisoned: false,
            inside: None,
            draining: false,
            flag: false,
            bell: 0,
            places: Default::default(),
            processes: Default::default(),
            tainted: false,
            reads: self.reads,
            writes: self.writes,
            joins: self.joins,
            deaths: self.deaths,
            stops: self.stops,
            timeouts: self.timeouts,
        };
        for slot in 0..self.members as Slot {
            state.processes[usize::from(slot)] = Process::member(slot);
            *state.place(slot) = Place { is_alive: true, is_used: true, ..Place::default() };
        }
        vec![state]
    }

    fn actions(&self, state: &RwLockState, actions: &mut Vec<Action>) {
        for index in 0..self.processes {
            let process = &state.processes[index];
            actions.extend(process.buffer[0].is_some().then_some(Action::Drain(index)));
            if process.is_stopped {
                continue;
            }
            self.begin(state, index, actions);
            self.steps(state, index, actions);
            let is_there = process.at != At::Outside;
            actions.extend((is_there && state.deaths > 0).then_some(Action::Die(index)));
            let is_busy = is_there && process.at != At::Idle;
            actions.extend((is_busy && state.stops > 0).then_some(Action::Stop(index)));
        }
    }

    fn next_state(&self, last: &RwLockState, action: Action) -> Option<RwLockState> {
        let mut state = last.clone();
        let index = match action {
            Action::Enter(index, _) | Action::Read(index) | Action::Write(index) | Action::Step(index, _) => index,
            Action::See(index, ..) | Action::ByLock(index) | Action::Downgrade(index) | Action::Mend(index) => index,
            Action::TimeOut(index) | Action::Drain(index) | Action::Die(index) | Action::Stop(index) => index,
        };
        let at = self.apply(&mut state, index, action);
        let process = &mut state.processes[index];
        process.at = at;
        process.forget();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 exclusion", |_, state: &RwLockState| state.excludes()),
            Property::always("I2 no lost wake-up", |model: &Self, state: &RwLockState| !model.is_stuck(state)),
            Property::always("I3 poison is exact", |_, state: &RwLockState| state.poison_is_exact()),
            Property::always("I4 stops are to blame", |model: &Self, state: &RwLockState| model.stops_detain(state)),
            Property::always("I5 new members get by", |model: &Self, state: &RwLockState| {
                model.new_members_get_by(state)
            }),
            Property::sometimes("two read", |_, state: &RwLockState| state.two_read()),
            Property::sometimes("a reader is called", |_, state: &RwLockState| state.a_reader_is_called()),
            Property::sometimes("a look overtakes a count", |_, state: &RwLockState| state.a_look_overtakes()),
            Property::sometimes("a writer dies inside", |_, state: &RwLockState| state.tainted),
        ]
    }
}
