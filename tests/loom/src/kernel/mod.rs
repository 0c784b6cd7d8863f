//! A model of the kernel: what the real code reaches through `Members`.
//!
//! One lock stands for the one that the kernel holds on a semaphore set, so each operation on it is one step, as each
//! `semop` is. `used` of a slot lies behind the same lock: a look at a slot, which reads both it and ALIVE, is one step
//! here. Doorbells count without end, as if no process could post more often than they can count.

mod deadline;
mod error;

pub use self::{
    deadline::Deadline,
    error::{Errno, Error, Failure, Object},
};

use std::{cell::Cell, sync::Arc};

use loom::sync::{Condvar, Mutex};

use crate::{atomics::before_change, failure::Result, sync::PASS_TIME};

/// A registered process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session(u32);

impl Session {
    /// Returns the session of a slot.
    #[must_use]
    pub fn of(slot: u32) -> Self {
        Self(slot + 1)
    }

    pub(crate) fn owner(self) -> u32 {
        self.0
    }

    pub(crate) fn slot(self) -> usize {
        self.0 as usize - 1
    }

    pub(crate) fn is_ours(self) -> bool {
        true
    }
}

/// What a primitive does with the words of the dead.
pub(crate) trait Repair {
    fn repair(&self, slot: u32, is_begun: bool, members: &Members) -> Result<()>;
}

const BELLS: usize = 16;
pub(crate) const SLOTS: usize = 4;

loom::thread_local! {
    /// Whether a member may have died, as far as this process knows. At first none has.
    static SUSPECTS: Cell<bool> = Cell::new(false);
}

#[derive(Debug)]
struct Semaphores {
    bells: [u32; BELLS],
    /// How many sleep on each doorbell, and how many of these were given a post.
    asleep: [u32; BELLS],
    woken: [u32; BELLS],
    alive: [bool; SLOTS],
    helpers: [u32; SLOTS],
    used: [bool; SLOTS],
    refuses: bool,
    /// A doorbell on which no process may sleep.
    sleepless: Option<u16>,
    /// How often each doorbell was posted by a process.
    posted: [u32; BELLS],
    recorded: u32,
}

impl Semaphores {
    /// Takes a post, if there is one.
    fn take(&mut self, bell: usize) -> bool {
        let is_posted = self.bells[bell] > 0;
        self.bells[bell] -= u32::from(is_posted);
        is_posted
    }

    /// Posts a doorbell once, for a process.
    fn post(&mut self, bell: u16) {
        self.give(bell.into(), 1);
        self.posted[usize::from(bell)] += 1;
    }

    /// Gives posts to the members that sleep on a doorbell, as Linux does. The rest lies there.
    fn give(&mut self, bell: usize, posts: u32) {
        let given = posts.min(self.asleep[bell] - self.woken[bell]);
        self.woken[bell] += given;
        self.bells[bell] += posts - given;
    }

    /// Returns how many members sleep and were given no post.
    fn sleepers(&self) -> u32 {
        self.asleep.iter().sum::<u32>() - self.woken.iter().sum::<u32>()
    }
}

/// The set of one object.
#[derive(Clone, Debug)]
pub struct Members {
    semaphores: Arc<Mutex<Semaphores>>,
    changed: Arc<Condvar>,
    /// Notified when a process goes to sleep.
    slept: Arc<Condvar>,
    /// The most slots that any test has.
    slots: u32,
    /// Which process this is, where it matters.
    own: Option<Session>,
    obituaries: bool,
}

/// A registered handle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) pid: u32,
}

impl Members {
    /// Makes a set in which the first `living` slots are registered.
    #[must_use]
    pub fn new(living: usize) -> Arc<Self> {
        Self::make(living, true)
    }

    /// Makes a set of a kernel that forgets to post doorbells at a death: to show that it must not.
    #[must_use]
    pub fn without_obituaries(living: usize) -> Arc<Self> {
        Self::make(living, false)
    }

    fn make(living: usize, obituaries: bool) -> Arc<Self> {
        let mut registered = [false; SLOTS];
        registered[..living].fill(true);
        let semaphores = Semaphores {
            bells: [0; BELLS],
            asleep: [0; BELLS],
            woken: [0; BELLS],
            alive: registered,
            helpers: [0; SLOTS],
            used: registered,
            refuses: false,
            sleepless: None,
            posted: [0; BELLS],
            recorded: 0,
        };
        let slots = u32::try_from(living).expect("there are few");
        let (semaphores, changed) = (Arc::new(Mutex::new(semaphores)), Arc::new(Condvar::new()));
        Arc::new(Self { semaphores, changed, slept: Arc::new(Condvar::new()), slots, own: None, obituaries })
    }

    fn with<R>(&self, change: impl FnOnce(&mut Semaphores) -> R) -> R {
        // No thread panics while it is held, so it is never poisoned.
        change(&mut self.semaphores.lock().expect("no thread panics here"))
    }

    /// A process dies: the kernel settles its account, in one step.
    pub fn die(&self, session: Session) {
        self.with(|semaphores| {
            semaphores.alive[session.0 as usize - 1] = false;
            if self.obituaries {
                // Twice, as the registration has it.
                (0..BELLS).for_each(|bell| semaphores.give(bell, 2));
            }
        });
        self.changed.notify_all();
    }

    /// From now on every post is refused, or none.
    pub fn refuse_posts(&self, refuses: bool) {
        self.with(|semaphores| semaphores.refuses = refuses);
    }

    /// From now on every sleep on this doorbell is refused.
    pub fn refuse_sleep(&self, bell: u16) {
        self.with(|semaphores| semaphores.sleepless = Some(bell));
    }

    /// Returns when so many processes sleep.
    ///
    /// # Panics
    ///
    /// If another process has panicked.
    pub fn until_asleep(&self, number: u32) {
        let mut semaphores = self.semaphores.lock().expect("no thread panics here");
        while semaphores.sleepers() < number {
            semaphores = self.slept.wait(semaphores).expect("no thread panics here");
        }
    }

    /// Returns how often a doorbell was posted by a process.
    #[must_use]
    pub fn posted(&self, bell: u16) -> u32 {
        self.with(|semaphores| semaphores.posted[usize::from(bell)])
    }

    /// Returns how many failures were recorded for a next call.
    #[must_use]
    pub fn recorded(&self) -> u32 {
        self.with(|semaphores| semaphores.recorded)
    }

    pub(crate) fn record(&self, result: Result<()>) -> bool {
        if result.is_err() {
            self.with(|semaphores| semaphores.recorded += 1);
        }
        result.is_err()
    }

    /// Returns the same set, for a thread that outlives no handle.
    pub(crate) fn view(&self) -> Self {
        self.clone()
    }

    pub(crate) fn object(&self) -> Object {
        Object
    }

    /// Returns the same set, for a process.
    pub(crate) fn of_process(&self, own: Session) -> Self {
        Self { own: Some(own), ..self.clone() }
    }

    pub(crate) fn own_session(&self) -> Option<Session> {
        self.own
    }

    /// Whether a failure was recorded. No model goes on after that.
    pub(crate) fn has_recorded(&self) -> bool {
        self.recorded() != 0
    }

    pub(crate) fn session(&self, _: &impl Repair) -> Result<Session> {
        if self.has_recorded() { Err(Failure::Refused) } else { self.own.ok_or(Failure::MembershipLost) }
    }

    pub(crate) fn membership_lost(&self) -> Failure {
        Failure::MembershipLost
    }

    pub(crate) fn removed(&self) -> Failure {
        Failure::Removed
    }

    pub(crate) fn post(&self, bell: u16) -> Result<()> {
        before_change();
        self.with(|semaphores| {
            if semaphores.refuses {
                return Err(Failure::Refused);
            }
            semaphores.post(bell);
            Ok(())
        })?;
        self.changed.notify_all();
        Ok(())
    }

    pub(crate) fn post_unless_posted(&self, bell: u16) -> Result<()> {
        let is_posted = self.with(|semaphores| semaphores.bells[usize::from(bell)] != 0);
        // One step in the kernel. A waiter that takes the post between the two of them wakes as well.
        if is_posted { Ok(()) } else { self.post(bell) }
    }

    pub(crate) fn is_post_left(&self, bell: u16) -> Result<bool> {
        Ok(self.with(|semaphores| semaphores.bells[usize::from(bell)] != 0))
    }

    pub(crate) fn post_all(&self, bells: impl Iterator<Item = u16>) -> Result<()> {
        before_change();
        self.with(|semaphores| {
            if semaphores.refuses {
                return Err(Failure::Refused);
            }
            bells.for_each(|bell| semaphores.post(bell));
            Ok(())
        })?;
        self.changed.notify_all();
        Ok(())
    }

    pub(crate) fn take_post(&self, bell: u16) -> Result<()> {
        self.with(|semaphores| {
            let posts = &mut semaphores.bells[usize::from(bell)];
            *posts = posts.saturating_sub(1);
        });
        Ok(())
    }

    pub(crate) fn suspect(&self) {
        SUSPECTS.with(|suspects| suspects.set(true));
    }

    pub(crate) fn clear_suspicion(&self, bell: u16, repair: &impl Repair) -> Result<()> {
        if SUSPECTS.with(Cell::get) {
            self.drain(bell)?;
            self.reap_all(repair)?;
            SUSPECTS.with(|suspects| suspects.set(false));
        }
        Ok(())
    }

    pub(crate) fn check_for_deaths(&self, bell: u16, repair: &impl Repair) -> Result<()> {
        let is_posted = self.with(|semaphores| semaphores.bells[usize::from(bell)] != 0);
        if is_posted || SUSPECTS.with(Cell::get) {
            self.suspect();
            self.reap_all(repair)?;
        }
        Ok(())
    }

    pub(crate) fn is_clean(&self, slot: u32) -> bool {
        self.with(|semaphores| !semaphores.used[slot as usize])
    }

    pub(crate) fn sleep(&self, bell: u16, deadline: Deadline) -> Result<bool> {
        before_change();
        let mut semaphores = self.semaphores.lock().expect("no thread panics here");
        if semaphores.sleepless == Some(bell) {
            return Err(Failure::Refused);
        }
        let bell = usize::from(bell);
        if semaphores.take(bell) {
            return Ok(true);
        }
        if deadline == Deadline::NOW {
            return Ok(false);
        }
        if let (Deadline::SOON, Some(pass_time)) = (deadline, PASS_TIME) {
            drop(semaphores);
            // The others run first.
            loom::thread::yield_now();
            let is_posted = self.with(|semaphores| semaphores.take(bell));
            if !is_posted {
                pass_time();
            }
            return Ok(is_posted);
        }
        semaphores.asleep[bell] += 1;
        self.slept.notify_all();
        while semaphores.woken[bell] == 0 {
            semaphores = self.changed.wait(semaphores).expect("no thread panics here");
        }
        semaphores.asleep[bell] -= 1;
        semaphores.woken[bell] -= 1;
        Ok(true)
    }

    pub(crate) fn drain(&self, bell: u16) -> Result<bool> {
        Ok(self.with(|semaphores| std::mem::take(&mut semaphores.bells[usize::from(bell)]) > 0))
    }

    pub(crate) fn is_alive(&self, slot: u32) -> Result<bool> {
        Ok(self.with(|semaphores| semaphores.alive[slot as usize]))
    }

    pub(crate) fn slot_of(&self, owner: u32) -> Result<u32> {
        owner.checked_sub(1).filter(|&slot| (slot as usize) < SLOTS).ok_or(Failure::Damaged)
    }

    pub(crate) fn member(&self, slot: u32) -> Member {
        Member { pid: slot }
    }

    pub(crate) fn damaged(&self, _: &'static str) -> Failure {
        Failure::Damaged
    }

    /// Enters as a helper, repairs, marks as unused, leaves: four steps, as in the real one.
    pub(crate) fn reap<R: Repair>(&self, slot: u32, repair: &R) -> Result<bool> {
        let index = slot as usize;
        let entered = self.with(|semaphores| {
            let may_enter = !semaphores.alive[index];
            semaphores.helpers[index] += u32::from(may_enter);
            may_enter
        });
        if entered {
            repair.repair(slot, true, self)?;
            self.with(|semaphores| semaphores.used[index] = false);
            self.with(|semaphores| semaphores.helpers[index] -= 1);
        }
        Ok(entered)
    }

    /// Checks one slot after another, and again if there was a dead member.
    pub(crate) fn reap_all(&self, repair: &impl Repair) -> Result<()> {
        loop {
            let mut has_reaped = false;
            for slot in 0..self.slots {
                let index = slot as usize;
                let is_dirty = self.with(|semaphores| !semaphores.alive[index] && semaphores.used[index]);
                has_reaped |= is_dirty && self.reap(slot, repair)?;
            }
            if !has_reaped {
                return Ok(());
            }
        }
    }
}
