//! The permits of `Pool`: single callers, a caller that wants both permits, owners that die, slots that are used again.
//!
//! | modelled | as |
//! | --- | --- |
//! | the permits | two words, each free or owned by a slot |
//! | the turnstile | a word as the mutex's, without poison; see [`crate::mutex`] for it alone |
//! | the flags | one boolean for single callers, one for the caller of many |
//! | the doorbells | three counters that saturate at [`Pool::saturation`]: single, many, turnstile |
//! | `ALIVE_k` and `used[k]` | one boolean each for every slot |
//! | a process | [`Process`]: where it stands, its slot, what it wishes and holds |
//! | a death | one action before any step: the kernel clears what it holds of ALIVE, and posts every doorbell |
//!
//! Whoever died comes back as a newcomer and may take any slot that nobody holds. A holder may keep its permits for
//! ever, so whoever sleeps must not depend on it. A waiter may give up whenever it would sleep, and right after it was
//! woken; it may drain its doorbell before it sets its flag.
//!
//! `if flag.load() != 0 && flag.swap(0) == 1` is one step: a load that finds 0 is a swap that finds 0, and a load that
//! finds 1 decides nothing. A load that is followed by a compare-and-swap, and again if that fails, is one step too.
//!
//! Invariants:
//!
//! - I1. A permit has at most one living holder, and its word names the holder.
//! - I2. When nobody has anything to do, every word is free, held, or owned by a slot that a waiter would reap.
//! - I3. When nobody has anything to do, no single caller sleeps while a permit is to be had.
//! - I4. When nobody has anything to do, the caller of many does not sleep while every permit is to be had.
//! - I5. When nobody has anything to do, nobody sleeps at the turnstile unless somebody holds it.

use stateright::{Model, Property};

/// The number of a slot in the table of members.
pub type Slot = usize;

/// How many permits there are; the caller of many wants them all.
const PERMITS: usize = 2;

/// The position of the turnstile among the words that a reaper repairs.
const TURNSTILE: usize = PERMITS;

/// Each boolean is one clause of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// R-sleep: the flag is set before the last try, not after it.
    pub announce_before_try: bool,
    /// R-sleep: who consumed a post sets the flag again before it tries.
    pub announce_after_token: bool,
    /// R-sleep: who consumed a post and got a permit posts again if more are free.
    pub pass_on: bool,
    /// R-sleep: dead and dirty slots are reaped before the last try.
    pub reap_before_sleep: bool,
    /// R-leave: who consumed a post gives up only after posting one.
    pub post_before_leaving: bool,
    /// The kernel posts the doorbells when a process dies.
    pub obituary_posts: bool,
    /// R-own: words of a dead owner are changed only by whoever holds its ALIVE.
    pub claim_before_reaping: bool,
    /// R-reap: who repaired a slot's words posts.
    pub reaping_posts: bool,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    pub newcomer_repairs: bool,
    /// R-one: the caller of many has a flag and a doorbell of its own.
    pub bell_of_its_own: bool,
    /// The caller of many that falls short gives back as a release does, with a wake.
    pub give_back_wakes: bool,
    /// Who drains the doorbell counts as one who consumed a post.
    pub drained_is_token: bool,
}

impl Rules {
    /// The complete protocol.
    pub const ALL: Self = Self {
        announce_before_try: true,
        announce_after_token: true,
        pass_on: true,
        reap_before_sleep: true,
        post_before_leaving: true,
        obituary_posts: true,
        claim_before_reaping: true,
        reaping_posts: true,
        newcomer_repairs: true,
        bell_of_its_own: true,
        give_back_wakes: true,
        drained_is_token: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}

/// The model: its bounds and its rules.
#[derive(Clone, Debug)]
pub struct Pool {
    /// How many processes want one permit at a time.
    pub singles: usize,
    /// How many processes want both permits at once.
    pub manys: usize,
    /// How many deaths there may be in all.
    pub deaths: u8,
    /// Where a doorbell saturates.
    pub saturation: u8,
    /// Whether a waiter may drain its doorbell before it sets its flag.
    pub drains: bool,
    /// Whether states that differ only in who is who count as one; traces are harder to read then.
    pub sorts_processes: bool,
    /// The clauses that are in force.
    pub rules: Rules,
}

/// A doorbell, and the flag that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bell {
    /// For one permit.
    Single,
    /// For all permits.
    Many,
    /// For the turnstile, whose flag is WAITERS.
    Turnstile,
}

/// Where a process stands: the name of the step it takes next. Small numbers are permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Not registered, or dead: it may come in as a newcomer.
    Outside,
    /// Stores `used` = 1.
    MarkUsed,
    /// Wants nothing, and holds nothing.
    Idle,
    /// Tries this permit, before it ever thinks of sleeping.
    Scan(usize),
    /// Sets its flag.
    Announce,
    /// Reads ALIVE and `used` of everybody.
    Snapshot,
    /// Tries this permit once more.
    Retry(usize),
    /// Sleeps until its doorbell is posted.
    Sleep,
    /// Looks whether this permit is free for somebody else.
    PassOn(usize),
    /// Posts, because one is.
    PostOn,
    /// Posts before it gives up, because it consumed a post.
    PostLeave,
    /// Has what it wanted.
    Holding,
    /// Frees this permit.
    Free(usize),
    /// Takes the flag down.
    Wake(Bell),
    /// Posts, because the flag was up.
    Post(Bell),
    /// Tries the turnstile.
    TurnTake,
    /// Adds WAITERS to the turnstile.
    TurnMark,
    /// Asks whether the turnstile's owner lives.
    TurnCheck(Slot),
    /// Sleeps until the turnstile's doorbell is posted.
    TurnSleep,
    /// Frees the turnstile.
    TurnDrop,
    /// Posts, because the turnstile had waiters.
    TurnPost,
    /// Counts this permit if it is free.
    ManyLook(usize),
    /// Takes this permit, one of all.
    ManyTake(usize),
    /// Claims a dead owner's slot.
    Claim(Slot),
    /// Frees this word if the slot owns it.
    Repair(Slot, usize),
    /// Posts every doorbell.
    PostRepair(Slot),
    /// Stores `used` = 0 for the slot that it reaped.
    MarkUnused(Slot),
    /// Gives back ALIVE of the slot that it reaped.
    GiveBack(Slot),
}

/// What a process is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Nothing, or to enter.
    Nothing,
    /// One permit.
    One,
    /// All permits.
    All,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Whether it calls for all permits at once.
    wants_all: bool,
    at: At,
    wish: Wish,
    has_token: bool,
    holds: [bool; PERMITS],
    holds_turnstile: bool,
    slot: Slot,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The owners of the permits, then of the turnstile.
    words: [Option<Slot>; PERMITS + 1],
    /// The flags of single callers and of the caller of many, then WAITERS of the turnstile.
    flags: [bool; 3],
    bells: [u8; 3],
    alive: Vec<bool>,
    used: Vec<bool>,
    deaths: u8,
    processes: Vec<Process>,
}

/// What happens next; the first number is the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A newcomer claims a slot and arms its obituary.
    Enter(usize, Slot),
    /// An idle process begins to acquire.
    Acquire(usize),
    /// A holder begins to release.
    Release(usize),
    /// A process takes the step it stands at.
    Step(usize, At),
    /// A waiter consumes every post that is there.
    Drain(usize),
    /// A waiter's time is over.
    GiveUp(usize),
    /// A process dies, and the kernel settles its account.
    Die(usize),
}

impl Process {
    const fn outside(wants_all: bool) -> Self {
        let holds = [false; PERMITS];
        Self {
            wants_all,
            at: At::Outside,
            slot: 0,
            wish: Wish::Nothing,
            has_token: false,
            holds,
            holds_turnstile: false,
        }
    }

    /// Where it goes on after it reaped a slot.
    fn after_reaping(&self) -> At {
        match self.wish {
            Wish::Nothing => At::MarkUsed,
            Wish::All if !self.holds_turnstile => At::TurnTake,
            _ => At::Snapshot,
        }
    }
}

impl State {
    fn dirty(&self) -> Option<Slot> {
        (0..self.alive.len()).find(|slot| self.is_dirty(*slot))
    }

    fn is_dirty(&self, slot: Slot) -> bool {
        !self.alive[slot] && self.used[slot]
    }

    fn is_held(&self, permit: usize) -> bool {
        self.processes.iter().any(|process| process.holds[permit])
    }

    fn turnstile_is_held(&self) -> bool {
        self.processes.iter().any(|process| process.holds_turnstile)
    }

    fn holders_are_alone(&self) -> bool {
        (0..PERMITS).all(|permit| {
            let mut holders = self.processes.iter().filter(|process| process.holds[permit]);
            holders.next().is_none_or(|only| self.words[permit] == Some(only.slot)) && holders.next().is_none()
        })
    }

    fn nothing_is_lost(&self) -> bool {
        let is_fine = |word: usize, is_held| self.words[word].is_none_or(|owner| is_held || self.is_dirty(owner));
        (0..PERMITS).all(|permit| is_fine(permit, self.is_held(permit))) && is_fine(TURNSTILE, self.turnstile_is_held())
    }

    /// Whether somebody sleeps for this.
    fn sleeps(&self, at: At, wish: Wish) -> bool {
        self.processes.iter().any(|process| process.at == at && process.wish == wish)
    }
}

impl State {
    /// Sorts the processes and numbers the slots by their first appearance: names mean nothing to the protocol.
    fn rename(&mut self) {
        self.processes.sort_unstable();
        let order = self.slots_in_order();
        let old = self.clone();
        for (new, slot) in order.iter().enumerate() {
            (self.alive[new], self.used[new]) = (old.alive[*slot], old.used[*slot]);
        }
        let rename = |slot| order.iter().position(|old| *old == slot).unwrap_or(slot);
        self.words = self.words.map(|owner| owner.map(rename));
        for process in self.processes.iter_mut().filter(|process| process.at != At::Outside) {
            (process.slot, process.at) = (rename(process.slot), process.at.rename(rename));
        }
        self.processes.sort_unstable();
    }

    /// Every slot once: those of the living first, then the owners of words, then those that are marked as used.
    fn slots_in_order(&self) -> Vec<Slot> {
        let living = self.processes.iter().filter(|process| process.at != At::Outside).map(|process| process.slot);
        let owners = self.words.iter().flatten().copied();
        let marked = (0..self.used.len()).filter(|slot| self.used[*slot]);
        let mut order = Vec::with_capacity(self.used.len());
        for slot in living.chain(owners).chain(marked).chain(0..self.used.len()) {
            if !order.contains(&slot) {
                order.push(slot);
            }
        }
        order
    }
}

impl At {
    fn rename(self, rename: impl Fn(Slot) -> Slot) -> Self {
        match self {
            At::TurnCheck(slot) => At::TurnCheck(rename(slot)),
            At::Claim(slot) => At::Claim(rename(slot)),
            At::Repair(slot, word) => At::Repair(rename(slot), word),
            At::PostRepair(slot) => At::PostRepair(rename(slot)),
            At::MarkUnused(slot) => At::MarkUnused(rename(slot)),
            At::GiveBack(slot) => At::GiveBack(rename(slot)),
            other => other,
        }
    }
}

impl Pool {
    fn bell_for(&self, wish: Wish) -> Bell {
        if wish == Wish::All && self.rules.bell_of_its_own { Bell::Many } else { Bell::Single }
    }

    fn post(&self, state: &mut State, bell: Bell) {
        let bell = &mut state.bells[bell as usize];
        *bell = self.saturation.min(*bell + 1);
    }

    fn post_all(&self, state: &mut State) {
        for bell in [Bell::Single, Bell::Many, Bell::Turnstile] {
            self.post(state, bell);
        }
    }

    fn has_post(&self, state: &State, wish: Wish) -> bool {
        state.bells[self.bell_for(wish) as usize] > 0
    }

    fn can_wake(&self, state: &State, process: &Process) -> bool {
        match process.at {
            At::Sleep => self.has_post(state, process.wish),
            At::TurnSleep => state.bells[Bell::Turnstile as usize] > 0,
            _ => false,
        }
    }

    fn has_nothing_to_do(&self, state: &State, process: &Process) -> bool {
        match process.at {
            At::Outside | At::Idle | At::Holding => true,
            At::Sleep | At::TurnSleep => !self.can_wake(state, process),
            _ => false,
        }
    }

    /// Whether nothing will happen unless somebody wishes something new, or dies.
    fn is_quiet(&self, state: &State) -> bool {
        state.processes.iter().all(|process| self.has_nothing_to_do(state, process))
    }

    /// Clears what the process holds of ALIVE, then posts: its undo account.
    fn die(&self, state: &mut State, index: usize) {
        let process = state.processes[index];
        state.alive[process.slot] = false;
        if let Some(reaped) = self.reaps(process.at, process.slot) {
            state.alive[reaped] = false;
        }
        if self.rules.obituary_posts {
            self.post_all(state);
        }
        state.deaths -= 1;
        state.processes[index] = Process::outside(process.wants_all);
    }

    /// The slot that is held only while its former owner is reaped.
    fn reaps(&self, at: At, own: Slot) -> Option<Slot> {
        match at {
            At::Repair(slot, _) | At::PostRepair(slot) | At::MarkUnused(slot) | At::GiveBack(slot) => {
                (self.rules.claim_before_reaping || slot == own).then_some(slot)
            }
            _ => None,
        }
    }

    fn enter(&self, state: &mut State, index: usize, slot: Slot) -> At {
        state.alive[slot] = true;
        state.processes[index].slot = slot;
        if self.rules.newcomer_repairs { At::Repair(slot, 0) } else { At::MarkUsed }
    }

    fn acquire(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        process.wish = if process.wants_all { Wish::All } else { Wish::One };
        if process.wants_all { At::TurnTake } else { At::Scan(0) }
    }

    /// R-leave.
    fn give_up(&self, state: &State, index: usize) -> At {
        let process = state.processes[index];
        match (process.has_token && self.rules.post_before_leaving, process.holds_turnstile) {
            (true, _) => At::PostLeave,
            (false, true) => At::TurnDrop,
            (false, false) => At::Idle,
        }
    }

    fn step(&self, state: &mut State, index: usize) -> At {
        match state.processes[index].at {
            at @ (At::Outside | At::Idle | At::Holding) => at,
            At::MarkUsed => {
                state.used[state.processes[index].slot] = true;
                At::Idle
            }
            at @ (At::Scan(_) | At::Announce | At::Snapshot | At::Retry(_) | At::Sleep) => self.wait(state, index, at),
            at @ (At::PassOn(_) | At::PostOn | At::PostLeave) => self.settle(state, index, at),
            at @ (At::Free(_) | At::Wake(_) | At::Post(_)) => self.release(state, index, at),
            at @ (At::TurnTake | At::TurnMark | At::TurnCheck(_) | At::TurnSleep | At::TurnDrop | At::TurnPost) => {
                self.turn(state, index, at)
            }
            at @ (At::ManyLook(_) | At::ManyTake(_)) => self.take_all(state, index, at),
            at => self.reap(state, index, at),
        }
    }

    /// R-sleep.
    fn wait(&self, state: &mut State, index: usize, at: At) -> At {
        let Process { wish, .. } = state.processes[index];
        match at {
            At::Scan(permit) if take(state, index, permit) => At::Holding,
            At::Scan(permit) if permit + 1 < PERMITS => At::Scan(permit + 1),
            At::Scan(_) => self.before_sleep(),
            At::Announce => {
                state.flags[self.bell_for(wish) as usize] = true;
                if self.rules.announce_before_try { At::Snapshot } else { At::Sleep }
            }
            At::Snapshot => match state.dirty().filter(|_| self.rules.reap_before_sleep) {
                Some(slot) => self.begin_reaping(slot),
                None => retry(wish),
            },
            At::Retry(permit) if take(state, index, permit) => self.after_success(state, index),
            At::Retry(permit) if permit + 1 < PERMITS => At::Retry(permit + 1),
            At::Retry(_) => self.short(),
            _ => {
                state.bells[self.bell_for(wish) as usize] -= 1;
                state.processes[index].has_token = true;
                if self.rules.announce_after_token { self.before_sleep() } else { retry(wish) }
            }
        }
    }

    fn drain(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        state.bells[self.bell_for(process.wish) as usize] = 0;
        process.has_token |= self.rules.drained_is_token;
        process.at
    }

    fn before_sleep(&self) -> At {
        if self.rules.announce_before_try { At::Announce } else { At::Snapshot }
    }

    /// Where it goes after the last try failed.
    fn short(&self) -> At {
        if self.rules.announce_before_try { At::Sleep } else { At::Announce }
    }

    fn after_success(&self, state: &State, index: usize) -> At {
        let must_look = state.processes[index].has_token && self.rules.pass_on;
        if must_look { At::PassOn(0) } else { At::Holding }
    }

    /// What is left to do about a post that was consumed.
    fn settle(&self, state: &mut State, index: usize, at: At) -> At {
        let Process { wish, holds_turnstile, .. } = state.processes[index];
        match at {
            At::PassOn(permit) if state.words[permit].is_none() => At::PostOn,
            At::PassOn(permit) if permit + 1 < PERMITS => At::PassOn(permit + 1),
            At::PassOn(_) => At::Holding,
            At::PostOn => {
                self.post(state, Bell::Single);
                At::Holding
            }
            _ => {
                self.post(state, self.bell_for(wish));
                if holds_turnstile { At::TurnDrop } else { At::Idle }
            }
        }
    }

    /// Frees everything that the process holds, then wakes: R-wake.
    fn release(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::Free(permit) => {
                let process = &mut state.processes[index];
                process.holds[permit] = false;
                state.words[permit] = None;
                process.holds.iter().position(|holds| *holds).map_or(self.after_free(index, state), At::Free)
            }
            At::Wake(bell) if state.flags[bell as usize] => {
                state.flags[bell as usize] = false;
                At::Post(bell)
            }
            At::Wake(bell) => self.after_wake(state, index, bell),
            At::Post(bell) => {
                self.post(state, bell);
                self.after_wake(state, index, bell)
            }
            at => at,
        }
    }

    fn after_free(&self, index: usize, state: &State) -> At {
        let gives_back = state.processes[index].wish == Wish::All;
        if gives_back && !self.rules.give_back_wakes { self.short() } else { At::Wake(Bell::Single) }
    }

    fn after_wake(&self, state: &State, index: usize, bell: Bell) -> At {
        match (bell, state.processes[index].wish) {
            (Bell::Single, _) => At::Wake(Bell::Many),
            (_, Wish::All) => self.short(),
            (_, _) => At::Idle,
        }
    }

    /// The turnstile: the mutex's protocol.
    fn turn(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::TurnTake => self.take_turn(state, index),
            At::TurnMark => match state.words[TURNSTILE] {
                None => At::TurnTake,
                Some(owner) => {
                    state.flags[TURNSTILE] = true;
                    At::TurnCheck(owner)
                }
            },
            At::TurnCheck(owner) if state.alive[owner] => At::TurnSleep,
            At::TurnCheck(owner) => self.begin_reaping(owner),
            At::TurnSleep => {
                state.bells[TURNSTILE] -= 1;
                state.processes[index].has_token = true;
                At::TurnTake
            }
            At::TurnDrop => self.drop_turn(state, index),
            _ => {
                self.post(state, Bell::Turnstile);
                after_turn(&state.processes[index])
            }
        }
    }

    fn take_turn(&self, state: &mut State, index: usize) -> At {
        if state.words[TURNSTILE].is_some() {
            return At::TurnMark;
        }
        let process = &mut state.processes[index];
        state.words[TURNSTILE] = Some(process.slot);
        state.flags[TURNSTILE] = process.has_token;
        process.holds_turnstile = true;
        process.has_token = false;
        self.before_sleep()
    }

    fn drop_turn(&self, state: &mut State, index: usize) -> At {
        state.words[TURNSTILE] = None;
        state.processes[index].holds_turnstile = false;
        let had_waiters = std::mem::take(&mut state.flags[TURNSTILE]);
        if had_waiters { At::TurnPost } else { after_turn(&state.processes[index]) }
    }

    /// All or nothing.
    fn take_all(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::ManyLook(permit) if state.words[permit].is_some() => self.short(),
            At::ManyLook(permit) if permit + 1 < PERMITS => At::ManyLook(permit + 1),
            At::ManyLook(_) => At::ManyTake(0),
            At::ManyTake(permit) if !take(state, index, permit) => self.fall_short(state, index),
            At::ManyTake(permit) if permit + 1 < PERMITS => At::ManyTake(permit + 1),
            _ => At::TurnDrop,
        }
    }

    fn fall_short(&self, state: &State, index: usize) -> At {
        let first = state.processes[index].holds.iter().position(|holds| *holds);
        first.map_or(self.short(), At::Free)
    }

    fn begin_reaping(&self, slot: Slot) -> At {
        if self.rules.claim_before_reaping { At::Claim(slot) } else { At::Repair(slot, 0) }
    }

    /// R-reap, for the slot of somebody dead or for a newcomer's own.
    fn reap(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::Claim(slot) => claim(state, index, slot),
            At::Repair(slot, word) => {
                repair(state, slot, word);
                if word < TURNSTILE { At::Repair(slot, word + 1) } else { self.after_repair(state, index, slot) }
            }
            At::PostRepair(slot) => {
                self.post_all(state);
                self.after_post(state, index, slot)
            }
            At::MarkUnused(slot) => {
                state.used[slot] = false;
                At::GiveBack(slot)
            }
            At::GiveBack(slot) => {
                state.alive[slot] = false;
                state.processes[index].after_reaping()
            }
            at => at,
        }
    }

    fn after_repair(&self, state: &mut State, index: usize, slot: Slot) -> At {
        if self.rules.reaping_posts { At::PostRepair(slot) } else { self.after_post(state, index, slot) }
    }

    fn after_post(&self, state: &mut State, index: usize, slot: Slot) -> At {
        let process = state.processes[index];
        match (process.wish, self.rules.claim_before_reaping) {
            (Wish::Nothing, _) => At::MarkUsed,
            (_, true) => At::MarkUnused(slot),
            (_, false) => {
                state.used[slot] = false;
                process.after_reaping()
            }
        }
    }

    fn is_served(&self, state: &State) -> bool {
        let has_permit = (0..PERMITS).any(|permit| !state.is_held(permit));
        !(self.is_quiet(state) && has_permit && state.sleeps(At::Sleep, Wish::One))
    }

    fn is_served_all(&self, state: &State) -> bool {
        let has_all = (0..PERMITS).all(|permit| !state.is_held(permit));
        !(self.is_quiet(state) && has_all && state.sleeps(At::Sleep, Wish::All))
    }

    fn turns(&self, state: &State) -> bool {
        let is_free = !state.turnstile_is_held();
        !(self.is_quiet(state) && is_free && state.sleeps(At::TurnSleep, Wish::All))
    }
}

fn retry(wish: Wish) -> At {
    if wish == Wish::All { At::ManyLook(0) } else { At::Retry(0) }
}

/// One compare-and-swap of a free permit.
fn take(state: &mut State, index: usize, permit: usize) -> bool {
    let is_free = state.words[permit].is_none();
    if is_free {
        state.words[permit] = Some(state.processes[index].slot);
        state.processes[index].holds[permit] = true;
    }
    is_free
}

fn after_turn(process: &Process) -> At {
    if process.holds.contains(&true) { At::Holding } else { At::Idle }
}

/// Who cannot claim treats the owner as alive.
fn claim(state: &mut State, index: usize, slot: Slot) -> At {
    if state.alive[slot] {
        let at_turnstile = state.processes[index].after_reaping() == At::TurnTake;
        return if at_turnstile { At::TurnSleep } else { At::Snapshot };
    }
    state.alive[slot] = true;
    At::Repair(slot, 0)
}

fn repair(state: &mut State, slot: Slot, word: usize) {
    if state.words[word] != Some(slot) {
        return;
    }
    state.words[word] = None;
    if word == TURNSTILE {
        // Every doorbell is posted after a repair, so WAITERS need not be remembered.
        state.flags[TURNSTILE] = false;
    }
}

/// Forgets what is over, so that equal situations are equal states.
fn forget(process: &mut Process) {
    if matches!(process.at, At::Idle | At::Holding) {
        (process.wish, process.has_token) = (Wish::Nothing, false);
    }
}

impl Pool {
    /// Adds what one process can do without dying.
    fn moves(&self, state: &State, index: usize, actions: &mut Vec<Action>) {
        let process = &state.processes[index];
        match process.at {
            At::Outside => {
                let free = (0..state.alive.len()).filter(|slot| !state.alive[*slot]);
                actions.extend(free.map(|slot| Action::Enter(index, slot)));
            }
            At::Idle => actions.push(Action::Acquire(index)),
            At::Holding => actions.push(Action::Release(index)),
            at @ (At::Sleep | At::TurnSleep) => {
                actions.extend(self.can_wake(state, process).then_some(Action::Step(index, at)));
                actions.push(Action::GiveUp(index));
            }
            at => {
                actions.push(Action::Step(index, at));
                // The deadline may have passed while it was woken.
                let may_leave = process.has_token && matches!(at, At::Announce | At::Snapshot);
                actions.extend(may_leave.then_some(Action::GiveUp(index)));
                let is_first = at == At::Announce && self.rules.announce_before_try;
                let may_drain = self.drains && is_first && self.has_post(state, process.wish);
                actions.extend(may_drain.then_some(Action::Drain(index)));
            }
        }
    }

    fn apply(&self, state: &mut State, index: usize, action: Action) -> At {
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Acquire(_) => self.acquire(state, index),
            Action::Release(_) => {
                state.processes[index].holds.iter().position(|holds| *holds).map_or(At::Idle, At::Free)
            }
            Action::Drain(_) => self.drain(state, index),
            Action::GiveUp(_) => self.give_up(state, index),
            Action::Step(..) => self.step(state, index),
            Action::Die(_) => {
                self.die(state, index);
                At::Outside
            }
        }
    }
}

impl Action {
    fn index(self) -> usize {
        match self {
            Action::Enter(index, _) | Action::Step(index, _) => index,
            Action::Acquire(index) | Action::Release(index) | Action::Drain(index) => index,
            Action::GiveUp(index) | Action::Die(index) => index,
        }
    }
}

impl Model for Pool {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let singles = std::iter::repeat_n(Process::outside(false), self.singles);
        let processes: Vec<_> = singles.chain(std::iter::repeat_n(Process::outside(true), self.manys)).collect();
        let nobody = vec![false; processes.len()];
        vec![State {
            words: [None; PERMITS + 1],
            flags: [false; 3],
            bells: [0; 3],
            alive: nobody.clone(),
            used: nobody,
            deaths: self.deaths,
            processes,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            self.moves(state, index, actions);
            if state.deaths > 0 && process.at != At::Outside {
                actions.push(Action::Die(index));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let index = action.index();
        state.processes[index].at = self.apply(&mut state, index, action);
        forget(&mut state.processes[index]);
        if self.sorts_processes {
            state.rename();
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 one holder", |_, state: &State| state.holders_are_alone()),
            Property::always("I2 nothing is lost", |model: &Self, state: &State| {
                !model.is_quiet(state) || state.nothing_is_lost()
            }),
            Property::always("I3 no lost wake-up", |model: &Self, state: &State| model.is_served(state)),
            Property::always("I4 many is not stuck", |model: &Self, state: &State| model.is_served_all(state)),
            Property::always("I5 the turnstile turns", |model: &Self, state: &State| model.turns(state)),
        ]
    }
}
