//! The lock word of `Mutex`: a doorbell for its waiters, owners that die, and slots that are used again.
//!
//! | modelled | as |
//! | --- | --- |
//! | the word | [`Word`]: the owner's slot or nobody, WAITERS, POISONED |
//! | the doorbell W | a counter that saturates at [`Mutex::saturation`] |
//! | `ALIVE_k` and `used[k]` | one boolean each for every slot |
//! | a process | [`Process`]: where it stands, its slot, whether it slept in this `lock` |
//! | a death | one action before any step: the kernel clears what the process holds of ALIVE, and posts W |
//! | the protected data | `tainted`: whether somebody died while changing it |
//!
//! Whoever died comes back as a newcomer and may take any slot that nobody holds. Processes lock and unlock for ever.
//! A waiter may give up whenever it would sleep, and also right after it was woken. If it gave up only where it would
//! sleep, `post_before_leaving` would not be needed: by then it has set WAITERS for whoever owns the word.
//!
//! A waiter may drain the doorbell before it looks at the word.
//!
//! Left out: spinning, `try_lock` (a first step that gives up), `fork` and `exec`, removal.
//!
//! Invariants:
//!
//! - I1. At most one living process is in the critical section, and the word names it.
//! - I2. Nobody sleeps on an empty doorbell while everybody else who lives has nothing to do.
//! - I3. Whoever enters finds POISONED exactly when an owner died since the data was last mended.
//! - I4. A word names only slots that are marked as used, so that a newcomer knows what to repair.

use stateright::{Model, Property};

/// The number of a slot in the table of members.
pub type Slot = usize;

/// Each boolean is one clause of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// R-own: the word of a dead owner is changed only by whoever holds its ALIVE.
    pub claim_before_reaping: bool,
    /// Whoever slept takes the word with WAITERS, because others may sleep as well.
    pub keep_waiters_after_sleep: bool,
    /// The kernel posts the doorbell when a process dies.
    pub obituary_posts: bool,
    /// R-leave: who consumed a post gives up only after posting one.
    pub post_before_leaving: bool,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    pub newcomer_repairs: bool,
    /// A waiter asks whether the owner lives before it sleeps.
    pub check_owner_before_sleep: bool,
    /// WAITERS is set before the waiter sleeps.
    pub set_waiters_before_sleep: bool,
    /// A newcomer that frees a word with WAITERS posts the doorbell.
    pub newcomer_posts: bool,
    /// A waiter that frees a dead owner's word with WAITERS posts the doorbell.
    pub reaper_posts: bool,
    /// Whoever takes a poisoned word keeps POISONED.
    pub keep_poison: bool,
    /// Who drains the doorbell counts as one who slept.
    pub drained_is_slept: bool,
}

impl Rules {
    /// The complete protocol.
    pub const ALL: Self = Self {
        claim_before_reaping: true,
        keep_waiters_after_sleep: true,
        obituary_posts: true,
        post_before_leaving: true,
        newcomer_repairs: true,
        check_owner_before_sleep: true,
        set_waiters_before_sleep: true,
        newcomer_posts: true,
        reaper_posts: true,
        keep_poison: true,
        drained_is_slept: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Mutex {
    /// How many processes, and how many slots, there are.
    pub processes: usize,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Where the doorbell saturates.
    pub saturation: u8,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// The lock word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word {
    /// The owner's slot; nobody if the word is free.
    pub owner: Option<Slot>,
    /// Somebody may sleep.
    pub waiters: bool,
    /// An owner died.
    pub poisoned: bool,
}

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Not registered, or dead: it may come in as a newcomer.
    Outside,
    /// Repairs what its slot's former holder left.
    RepairOwn,
    /// Posts because the word that it repaired had waiters.
    PostOwn,
    /// Stores `used` = 1.
    MarkUsed,
    /// Wants nothing.
    Idle,
    /// Loads the word.
    Load,
    /// Replaces the free word that it saw by its own.
    Take(Word),
    /// Adds WAITERS to the owned word that it saw.
    SetWaiters(Word),
    /// Asks whether the owner lives.
    CheckOwner(Slot),
    /// Claims a dead owner's slot.
    Claim(Slot),
    /// Gives back the word of a dead owner.
    Repair(Slot),
    /// Posts because the word that it repaired had waiters.
    PostRepair(Slot),
    /// Stores `used` = 0 for the slot that it reaped.
    MarkUnused(Slot),
    /// Gives back ALIVE of the slot that it reaped.
    GiveBack(Slot),
    /// Sleeps until the doorbell is posted.
    Sleep,
    /// Posts before it gives up, because it consumed a post.
    PostLeave,
    /// Holds the lock; its next step is to unlock.
    Critical,
    /// Posts because the word that it unlocked had waiters.
    PostUnlock,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// The step it takes next.
    pub at: At,
    /// Its slot, meaningful unless it is outside.
    pub slot: Slot,
    /// Whether it consumed a post in this `lock`.
    pub slept: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The lock word.
    pub word: Word,
    /// The doorbell W.
    pub bell: u8,
    /// ALIVE of each slot.
    pub alive: Vec<bool>,
    /// `used` of each slot.
    pub used: Vec<bool>,
    /// Whether an owner died since the data was last mended.
    pub tainted: bool,
    /// How many more deaths there may be.
    pub deaths: u8,
    /// The processes.
    pub processes: Vec<Process>,
}

/// What happens next; the first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A newcomer claims a slot and arms its obituary.
    Enter(usize, Slot),
    /// An idle process tries to lock by its first compare-and-swap.
    Lock(usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A waiter consumes every post that is there, before it looks at the word.
    Drain(usize),
    /// A sleeper's time is over.
    GiveUp(usize),
    /// The holder mends the data and clears POISONED.
    Mend(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl State {
    fn lives(&self, process: &Process) -> bool {
        process.at != At::Outside
    }

    fn has_nothing_to_do(&self, process: &Process) -> bool {
        match process.at {
            At::Outside | At::Idle => true,
            At::Sleep => self.bell == 0,
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
        self.holders().count() <= 1 && self.holders().all(|holder| self.word.owner == Some(holder.slot))
    }

    fn poison_is_exact(&self) -> bool {
        let is_settled = self.word.owner.is_none() || self.holders().next().is_some();
        !is_settled || self.word.poisoned == self.tainted
    }

    fn owner_is_marked(&self) -> bool {
        self.word.owner.is_none_or(|owner| self.used[owner])
    }
}

impl Mutex {
    fn post(&self, state: &mut State) {
        state.bell = self.saturation.min(state.bell + 1);
    }

    /// Clears what the process holds of ALIVE, then posts: its undo account.
    fn die(&self, state: &mut State, index: usize) {
        let process = state.processes[index];
        state.alive[process.slot] = false;
        if let Some(reaped) = self.reaps(process.at) {
            state.alive[reaped] = false;
        }
        if self.rules.obituary_posts {
            self.post(state);
        }
        state.tainted |= process.at == At::Critical;
        state.deaths -= 1;
        state.processes[index] = OUTSIDE;
    }

    /// The slot that is held only while its former owner is reaped.
    fn reaps(&self, at: At) -> Option<Slot> {
        match at {
            At::Repair(slot) | At::PostRepair(slot) | At::MarkUnused(slot) | At::GiveBack(slot) => {
                self.rules.claim_before_reaping.then_some(slot)
            }
            _ => None,
        }
    }

    fn enter(&self, state: &mut State, index: usize, slot: Slot) {
        state.alive[slot] = true;
        let at = if self.rules.newcomer_repairs { At::RepairOwn } else { At::MarkUsed };
        state.processes[index] = Process { at, slot, slept: false };
    }

    fn lock(&self, state: &mut State, index: usize) -> At {
        if state.word != Word::default() {
            return At::Load;
        }
        state.word.owner = Some(state.processes[index].slot);
        At::Critical
    }

    fn give_up(&self, state: &State, index: usize) -> At {
        let must_post = state.processes[index].slept && self.rules.post_before_leaving;
        if must_post { At::PostLeave } else { At::Idle }
    }

    fn step(&self, state: &mut State, index: usize) -> At {
        let Process { at, slot, slept } = state.processes[index];
        match at {
            At::Outside | At::Idle => at,
            At::RepairOwn => self.repair_own(state, slot),
            At::PostOwn => self.post_and(state, At::MarkUsed),
            At::MarkUsed => {
                state.used[slot] = true;
                At::Idle
            }
            At::Load => self.after_load(state.word),
            At::Take(seen) => self.take(state, seen, slot, slept),
            At::SetWaiters(seen) => self.set_waiters(state, seen),
            At::CheckOwner(owner) => self.check_owner(state, owner),
            At::Claim(owner) => claim(state, owner),
            At::Repair(owner) => self.reap(state, owner),
            At::PostRepair(owner) => self.post_and(state, self.after_repair(owner)),
            At::MarkUnused(owner) => {
                state.used[owner] = false;
                At::GiveBack(owner)
            }
            At::GiveBack(owner) => {
                state.alive[owner] = false;
                At::Load
            }
            At::Sleep => wake(state, index),
            At::Critical => unlock(state),
            At::PostLeave | At::PostUnlock => self.post_and(state, At::Idle),
        }
    }

    fn post_and(&self, state: &mut State, next: At) -> At {
        self.post(state);
        next
    }

    fn after_load(&self, seen: Word) -> At {
        match seen.owner {
            None => At::Take(seen),
            Some(owner) if seen.waiters || !self.rules.set_waiters_before_sleep => self.before_sleep(owner),
            Some(_) => At::SetWaiters(seen),
        }
    }

    fn before_sleep(&self, owner: Slot) -> At {
        if self.rules.check_owner_before_sleep { At::CheckOwner(owner) } else { At::Sleep }
    }

    fn take(&self, state: &mut State, seen: Word, slot: Slot, slept: bool) -> At {
        if state.word != seen {
            return At::Load;
        }
        let waiters = slept && self.rules.keep_waiters_after_sleep;
        let poisoned = seen.poisoned && self.rules.keep_poison;
        state.word = Word { owner: Some(slot), waiters, poisoned };
        At::Critical
    }

    fn set_waiters(&self, state: &mut State, seen: Word) -> At {
        match seen.owner {
            Some(owner) if state.word == seen => {
                state.word.waiters = true;
                self.before_sleep(owner)
            }
            _ => At::Load,
        }
    }

    fn check_owner(&self, state: &State, owner: Slot) -> At {
        match (state.alive[owner], self.rules.claim_before_reaping) {
            (true, _) => At::Sleep,
            (false, true) => At::Claim(owner),
            (false, false) => At::Repair(owner),
        }
    }

    fn repair_own(&self, state: &mut State, slot: Slot) -> At {
        let had_waiters = repair(state, slot);
        if had_waiters && self.rules.newcomer_posts { At::PostOwn } else { At::MarkUsed }
    }

    fn reap(&self, state: &mut State, owner: Slot) -> At {
        let had_waiters = repair(state, owner);
        if had_waiters && self.rules.reaper_posts { At::PostRepair(owner) } else { self.after_repair(owner) }
    }

    fn after_repair(&self, owner: Slot) -> At {
        if self.rules.claim_before_reaping { At::MarkUnused(owner) } else { At::Load }
    }
}

/// A process before its first life, and after each.
const OUTSIDE: Process = Process { at: At::Outside, slot: 0, slept: false };

/// Consumes a post.
fn wake(state: &mut State, index: usize) -> At {
    state.bell -= 1;
    state.processes[index].slept = true;
    At::Load
}

/// Who cannot claim treats the owner as alive: somebody lives there, or reaps and will post.
fn claim(state: &mut State, owner: Slot) -> At {
    if state.alive[owner] {
        return At::Sleep;
    }
    state.alive[owner] = true;
    At::Repair(owner)
}

/// Frees the word if the slot owns it; returns whether it had waiters.
///
/// This is one step because nobody else changes the owner, and the swap itself reads WAITERS.
fn repair(state: &mut State, owner: Slot) -> bool {
    if state.word.owner != Some(owner) {
        return false;
    }
    let had_waiters = state.word.waiters;
    state.word = Word { owner: None, waiters: false, poisoned: true };
    had_waiters
}

fn unlock(state: &mut State) -> At {
    let had_waiters = state.word.waiters;
    state.word = Word { owner: None, waiters: false, poisoned: state.word.poisoned };
    if had_waiters { At::PostUnlock } else { At::Idle }
}

/// Adds what one process can do without dying.
fn moves(state: &State, index: usize, actions: &mut Vec<Action>) {
    let at = state.processes[index].at;
    match at {
        At::Outside => {
            let free = (0..state.alive.len()).filter(|slot| !state.alive[*slot]);
            actions.extend(free.map(|slot| Action::Enter(index, slot)));
        }
        At::Idle => actions.push(Action::Lock(index)),
        At::Load => {
            actions.push(Action::Step(index, at));
            actions.extend((state.bell > 0).then_some(Action::Drain(index)));
            // The deadline may have passed while it was woken.
            actions.extend(state.processes[index].slept.then_some(Action::GiveUp(index)));
        }
        At::Sleep => {
            actions.extend((state.bell > 0).then_some(Action::Step(index, at)));
            actions.push(Action::GiveUp(index));
        }
        At::Critical => {
            actions.push(Action::Step(index, at));
            actions.extend(state.word.poisoned.then_some(Action::Mend(index)));
        }
        _ => actions.push(Action::Step(index, at)),
    }
}

impl Model for Mutex {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            word: Word::default(),
            bell: 0,
            alive: vec![false; self.processes],
            used: vec![false; self.processes],
            tainted: false,
            deaths: self.deaths,
            processes: vec![OUTSIDE; self.processes],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            moves(state, index, actions);
            if state.deaths > 0 && state.lives(process) {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Enter(index, slot) => self.enter(&mut state, index, slot),
            Action::Die(index) => self.die(&mut state, index),
            Action::Mend(_) => (state.word.poisoned, state.tainted) = (false, false),
            Action::Lock(index) => state.processes[index].at = self.lock(&mut state, index),
            Action::Drain(index) => {
                state.bell = 0;
                state.processes[index].slept |= self.rules.drained_is_slept;
            }
            Action::GiveUp(index) => state.processes[index].at = self.give_up(&state, index),
            Action::Step(index, _) => state.processes[index].at = self.step(&mut state, index),
        }
        state.processes.iter_mut().for_each(forget);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 mutual exclusion", |_, state: &State| state.excludes()),
            Property::always("I2 no lost wake-up", |_, state: &State| !state.is_stuck()),
            Property::always("I3 poison is exact", |_, state: &State| state.poison_is_exact()),
            Property::always("I4 owners are marked as used", |_, state: &State| state.owner_is_marked()),
        ]
    }
}

/// Forgets the sleep of a `lock` that is over, so that equal situations are equal states.
fn forget(process: &mut Process) {
    if matches!(process.at, At::Idle | At::Critical | At::PostLeave | At::PostUnlock) {
        process.slept = false;
    }
}
