//! The lock word of `Mutex`: a doorbell for its waiters, owners that die, and slots that are used again.
//!
//! | modelled | as |
//! | --- | --- |
//! | the word | [`LockWord`]: the owner's slot if it has one, WAITERS, POISONED |
//! | the doorbell W | a counter that saturates at [`Mutex::saturation`] |
//! | `ALIVE_k` and `used[k]` | one boolean each for every slot |
//! | a process | [`Process`]: where it stands, its slot, the slot that it reaps, whether it slept in this `lock` |
//! | a death | one action before any step: the kernel clears what the process holds of ALIVE, and posts W |
//! | the protected data | `tainted`: whether an owner died while changing it, or left without unlocking |
//!
//! A process that died or left comes back as a new member. It may take any slot that no process holds. Processes lock
//! and unlock for ever. A waiter may time out whenever it would sleep, and also right after it was woken. If it timed
//! out only where it would sleep, `post_before_leaving` would not be needed: by then it has set WAITERS for the owner
//! of the word.
//!
//! A waiter may drain the doorbell before it loads the word. `try_lock` checks for a dead owner, but never sets
//! WAITERS. A load that is followed by a compare-and-swap, and again if that fails, is one step.
//!
//! The model leaves out spinning, a holder that panics and so poisons the word itself, `fork` and `exec`, and removal.
//!
//! Invariants:
//!
//! - I1. At most one living process is in the critical section, and the word names it.
//! - I2. No process sleeps on an empty doorbell while no other living process has a step to take.
//! - I3. A process that enters finds POISONED exactly when an owner died since the data was last mended.
//! - I4. A word names only slots that are marked as used, so that a new member knows what to repair.

mod rules;
mod steps;

pub use self::rules::Rules;
pub use crate::lock::LockWord;

use stateright::{Model, Property};

use crate::members::{Bells, Member, Slot, Slots, new_name, order};

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Mutex {
    /// How many processes, and how many slots, there are.
    pub processes: usize,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Where the doorbell saturates.
    pub saturation: u8,
    /// Whether processes may leave, even with the word.
    pub leaves: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Not registered, or dead: it may come back as a new member.
    Outside,
    /// Stores `used` = 1.
    MarkUsed,
    /// Has registered, and does nothing.
    Idle,
    /// Takes the word if it is free. Otherwise adds WAITERS, unless that is set or it would not wait.
    Take,
    /// Sleeps until the doorbell is posted.
    Sleep,
    /// Has locked, and changes the protected data. Unlocks.
    Critical,
    /// Posts before it returns without the lock, because it consumed a post.
    PostLeave,
    /// Posts because the word that it freed had waiters.
    PostUnlock,
    /// Repairs the word of a slot: another member's, or its own when it enters or leaves.
    Reap(Reap),
}

/// A step of reaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reap {
    /// Asks whether the owner lives.
    Check,
    /// Claims the dead owner's slot.
    Claim,
    /// Frees the word, which the slot owns.
    Free,
    /// Posts because the word that it freed had waiters.
    Post,
    /// Stores `used` = 0 for the slot.
    MarkUnused,
    /// Gives back ALIVE of the slot.
    GiveBack,
}

/// What a process is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Nothing, or to enter.
    Nothing,
    /// To lock, and to wait for that.
    Lock,
    /// To lock unless a living process has locked.
    TryLock,
    /// To leave.
    Leave,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    at: At,
    wish: Wish,
    slept: bool,
    member: Member,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MutexState {
    word: LockWord,
    bell: Bells<1>,
    slots: Slots,
    tainted: bool,
    deaths: u8,
    processes: Vec<Process>,
}

/// What happens next. The first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new member claims a slot and arms its obituary.
    Enter(usize, Slot),
    /// An idle process begins to lock.
    Lock(usize, Wish),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A waiter consumes every post that is there, before it loads the word.
    Drain(usize),
    /// The timeout of a waiter elapses.
    GiveUp(usize),
    /// The holder mends the data and clears POISONED.
    Mend(usize),
    /// A process begins to leave, even if it owns the word.
    Leave(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index, _) | Action::Lock(index, _) | Action::Step(index, _) => index,
            Action::Drain(index) | Action::GiveUp(index) | Action::Mend(index) => index,
            Action::Leave(index) | Action::Die(index) => index,
        }
    }
}

/// A process before it enters, and after it died or left.
const OUTSIDE: Process = Process { at: At::Outside, wish: Wish::Nothing, slept: false, member: Member::new(0) };

impl Process {
    /// Forgets what is over, so that equal situations are equal states.
    fn forget(&mut self) {
        match self.at {
            At::Idle | At::Critical => (self.wish, self.slept) = (Wish::Nothing, false),
            At::PostLeave | At::PostUnlock => self.slept = false,
            At::Outside => *self = OUTSIDE,
            _ => {}
        }
        if !matches!(self.at, At::Reap(_)) {
            self.member.stop_reaping();
        }
    }
}

impl MutexState {
    fn has_nothing_to_do(&self, process: &Process) -> bool {
        match process.at {
            At::Outside | At::Idle => true,
            At::Sleep => !self.bell.has_post(0),
            _ => false,
        }
    }

    fn is_stuck(&self) -> bool {
        let asleep = self.processes.iter().any(|process| process.at == At::Sleep);
        asleep && self.processes.iter().all(|process| self.has_nothing_to_do(process))
    }

    fn holders(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.at == At::Critical)
    }

    fn excludes(&self) -> bool {
        self.holders().count() <= 1 && self.holders().all(|holder| self.word.owner == Some(holder.member.slot))
    }

    fn poison_is_exact(&self) -> bool {
        let is_settled = self.word.owner.is_none() || self.holders().next().is_some();
        !is_settled || self.word.poisoned == self.tainted
    }

    fn owner_is_marked(&self) -> bool {
        self.word.owner.is_none_or(|owner| self.slots.is_used(owner))
    }

    /// Sorts the processes and numbers the slots by their first appearance: numbers mean nothing to the protocol.
    fn rename(&mut self) {
        self.processes.sort_unstable();
        let living = self.processes.iter().filter(|process| process.at != At::Outside);
        let living = living.map(|process| process.member.slot);
        let order = order(&self.slots, living.chain(self.word.owner));
        self.slots = self.slots.reordered(&order);
        let rename = |slot| new_name(&order, slot);
        self.word.owner = self.word.owner.map(rename);
        for process in self.processes.iter_mut().filter(|process| process.at != At::Outside) {
            process.member = process.member.renamed(rename);
        }
        self.processes.sort_unstable();
    }
}

impl Mutex {
    /// Adds what one process can do without dying.
    fn moves(&self, state: &MutexState, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        let at = process.at;
        match at {
            At::Outside => actions.extend(state.slots.free().map(|slot| Action::Enter(index, slot))),
            At::Idle => actions.extend([Wish::Lock, Wish::TryLock].map(|wish| Action::Lock(index, wish))),
            At::Take => {
                actions.push(Action::Step(index, at));
                let may_drain = process.wish == Wish::Lock && state.bell.has_post(0);
                actions.extend(may_drain.then_some(Action::Drain(index)));
                // The timeout may elapse while it is woken.
                actions.extend(process.slept.then_some(Action::GiveUp(index)));
            }
            At::Sleep => {
                actions.extend(state.bell.has_post(0).then_some(Action::Step(index, at)));
                actions.push(Action::GiveUp(index));
            }
            At::Critical => {
                actions.push(Action::Step(index, at));
                actions.extend(state.word.poisoned.then_some(Action::Mend(index)));
            }
            _ => actions.push(Action::Step(index, at)),
        }
        let may_leave = self.leaves && matches!(at, At::Idle | At::Critical);
        actions.extend(may_leave.then_some(Action::Leave(index)));
    }
}

impl Model for Mutex {
    type State = MutexState;
    type Action = Action;

    fn init_states(&self) -> Vec<MutexState> {
        vec![MutexState {
            word: LockWord::default(),
            bell: Bells::silent(self.saturation),
            slots: Slots::empty(self.processes),
            tainted: false,
            deaths: self.deaths,
            processes: vec![OUTSIDE; self.processes],
        }]
    }

    fn actions(&self, state: &MutexState, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &MutexState, action: Action) -> Option<MutexState> {
        let mut state = last.clone();
        let index = action.index();
        state.processes[index].at = self.apply(&mut state, index, action);
        state.processes[index].forget();
        state.rename();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 mutual exclusion", |_, state: &MutexState| state.excludes()),
            Property::always("I2 no lost wake-up", |_, state: &MutexState| !state.is_stuck()),
            Property::always("I3 poison is exact", |_, state: &MutexState| state.poison_is_exact()),
            Property::always("I4 owners are marked as used", |_, state: &MutexState| state.owner_is_marked()),
            Property::sometimes("poison is handed on", |_, state: &MutexState| {
                state.word.poisoned && state.holders().next().is_some()
            }),
            Property::sometimes("a try reaps", |_, state: &MutexState| {
                let mut tries = state.processes.iter().filter(|process| process.wish == Wish::TryLock);
                tries.any(|process| process.at == At::Reap(Reap::Free))
            }),
        ]
    }
}
