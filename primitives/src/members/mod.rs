//! The members of an object, and how a death is noticed: slots and obituaries.
//!
//! Each handle registers in a slot. One semaphore of the set, ALIVE of the slot, is 1 as long as the handle lives, and the
//! process owes the kernel to take it back: `SEM_UNDO`. So the kernel itself clears ALIVE when the process dies, at whatever
//! instruction, and then posts every doorbell twice (the *obituary*), because the registration also did `{W, +2}, {W, -2, UNDO}`
//! on each: nothing now, and +2 owed. LIVING counts the members in the same way.
//!
//! A member that dies leaves words that name its slot, in the object's memory. Its *helpers* repair them: any member that
//! meets such a word, is woken by the obituary, or needs the slot. HELPERS of a slot counts them, with `SEM_UNDO` too.
//!
//! States of a slot:
//!
//! | ALIVE | HELPERS | `used` | state | what moves it on |
//! | --- | --- | --- | --- | --- |
//! | 0 | 0 | 0 | clean: no word names it | a new member enters it |
//! | 0 | 0 | not 0 | dead and dirty | the next process that checks it, or needs a slot, enters it as a helper |
//! | 0 | n | not 0 | being repaired | each of its helpers repairs all of it, and clears `used` |
//! | 0 | n | 0 | repaired, or entered by a new member | its helpers leave, and the last of them may claim it |
//! | 1 | 0 | 0 | claimed: no word names it | its owner sets `used` |
//! | 1 | 0 | not 0 | living | its owner leaves: repairs its words, clears `used`, gives ALIVE back |
//! | 1 | n | any | impossible (MB5) | – |
//!
//! `used` is a random number of the registration, so a member tells its own from that of a later owner of the slot.
//!
//! R-own and R-reap (in `lib.rs`) say which process changes what. Besides them:
//!
//! - **MB1** `used` is not 0 from before the first operation until after the last word was given back, and it is cleared while
//!   the owner still has ALIVE.
//! - **MB2** Every doorbell is armed before a new member enters a slot, and stays armed until it gives ALIVE back. So each
//!   member that lives has its whole obituary, and so has each helper.
//! - **MB3** A process that lost its slot, because it left the IPC namespace or its undo operations, posts and sleeps
//!   no more. Both check the slot in memory, which shows it once another member has reaped the slot. The first of 32
//!   sleeps also checks the identity of the set. So where no other member lives, up to 31 posts of another program's
//!   set with the same id can be taken. A member that leaves checks both first, and otherwise leaves its words alone.
//! - **MB4** A new member enters a slot as its only helper, and repairs it. Then it becomes the owner: one `semop` takes it
//!   off HELPERS and claims ALIVE, and fails if another helper has entered meanwhile. So a new member that is stopped on the
//!   way is a helper, and holds up no repair. It owns a slot only if that is clean.
//! - **MB5** A helper enters with ALIVE 0, and a new member claims ALIVE with no other helper, each in one `semop`. So as
//!   long as a slot has a helper, no process lives in it, and none comes to live in it: no word comes to name the slot.
//! - **MB6** A helper clears `used` after it has repaired every word, and leaves after that. So a slot is clean only if one
//!   helper has repaired all of it, and each other helper finds at most words that are repaired already.
//! - **MB7** A repair changes a word of several members by compare-and-swap from a value that names the slot, and
//!   otherwise writes only words of the slot's own.
//!
//! Any number of helpers may repair one slot at once, however slow each of them is. A word that names the slot belongs
//! to the dead owner, since the slot has had no other owner since (MB5). The first compare-and-swap takes it away, and
//! then it may belong to any living member of another slot. A later helper's compare-and-swap fails, as its value names
//! the dead slot, and by MB5 the word cannot have come to that value again. Words of the slot's own (its attachment,
//! its interest) have no other user before the last helper has left, so each helper may clear them. A helper notifies
//! waiters of what its own compare-and-swap made available. If it is stopped before that, no waiter is left out: the
//! obituary has posted every doorbell, and each waiter that it wakes repairs the slot to the end by itself before it
//! checks.
//!
//! Undo belongs to the whole process. One thread that leaves the namespace or the undo operations by itself gives nothing
//! back, and must not use or drop handles afterwards: its operations would go to other sets, or to another account.
//!
//! | a process dies, or is stopped | what is left by a dead one | which process repairs it, and when | what a stopped one holds up |
//! | --- | --- | --- | --- |
//! | arming doorbells | posts without a cause | their waiters, which check and find nothing | nothing |
//! | helping, or about to claim, before `used` is cleared | the slot, dead and dirty as before | a waiter, by the obituary of either; a process that meets one of its words; a new member | the reuse of the slot |
//! | the same, `used` cleared | a clean slot | no action is needed | the reuse of the slot |
//! | claimed, `used` 0 | a clean slot | no action is needed | this slot |
//! | living | a dead and dirty slot | a waiter, by the obituary; a process that meets one of its words; a new member | what it holds |
//! | leaving, `used` 0 | nothing: the kernel clears ALIVE | – | this slot |
//!
//! `fork`: a child has the parent's handle but not its undo account, so it registers anew when it first uses the handle.
//! `exec` keeps the account: a program that execs in place keeps its slot, and if another of its threads was helping, also
//! HELPERS of the slot that it helped to repair. Undo belongs to the process: a thread that ends
//! gives nothing back.
//!
//! A new member that finds no other slot waits for the helpers of one, up to the timeout for opening.
//!
//! Registering and leaving are in `register`, repairing dead members is in `reap`, posting and sleeping in `bells`, and
//! failures that no result could carry in `recorded`.

mod bells;
mod reap;
mod recorded;
mod register;
mod session;
mod suspicion;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed},
        },
    },
    time::Duration,
};

pub(crate) use self::session::Session;
use crate::{
    Failure, ObjectName,
    failure::Result,
    layout::{Mapped, Slot},
    member::Member,
    raw::{self, Amount, SemaphoreSet, process},
    set_layout::{CONDEMNED, STATE, SetLayout},
};

const ONE: Amount = Amount::ONE;

/// How a primitive repairs the words of a dead member.
pub(crate) trait Repair {
    /// Takes every word away from a slot, any number of times with the same result, and posts
    /// whatever that makes available. The caller is a helper of the slot, or its living owner.
    ///
    /// `is_begun` says that another helper may have done part of it, and died or been stopped before it posted. It is false
    /// only if the owner itself leaves.
    fn repair(&self, slot: u32, is_begun: bool, members: &Members) -> Result<()>;
}

/// How an attempt to register ended.
pub(crate) enum Registration {
    Done,
    /// The object is not live any more, or is another object than the one that was checked.
    StartAgain,
}

/// The registered handles of one object, among them one of this process.
#[derive(Debug)]
pub(crate) struct Members {
    object: ObjectName,
    set: SemaphoreSet,
    /// The same set, for sleeping: a signal may end that.
    to_sleep: SemaphoreSet,
    slots: Mapped<[Slot]>,
    layout: SetLayout,
    /// What STATE of the set is while the object is live.
    identity: Amount,
    /// How long a new member waits for the helpers of a slot.
    open_timeout: Duration,
    /// How many operations one `semop` may have. 0 as long as none was refused.
    most_operations: AtomicU32,
    /// How often this process has slept.
    sleeps: AtomicU32,
    /// How often a member may have died, and how many of these times are covered by a reaping. A new member suspects it.
    suspicions: Arc<AtomicU64>,
    cleared: AtomicU64,
    /// The number that this process has written into `used` of its slot.
    registration: AtomicU32,
    /// The fork generation in the upper half and the slot's number plus one in the lower, or [`Session::NONE`].
    /// Most loads are relaxed: a session is a value, and nothing is read through it.
    me: AtomicU64,
    /// A failure for the next call to return. `me` is marked then.
    recorded: Mutex<Option<Failure>>,
}

impl Members {
    pub(crate) fn new(
        object: ObjectName,
        set: SemaphoreSet,
        slots: Mapped<[Slot]>,
        layout: SetLayout,
        identity: Amount,
        open_timeout: Duration,
        is_interruptible: bool,
    ) -> Self {
        process::watch_forks();
        let mut to_sleep = set.clone();
        to_sleep.set_interruptible(is_interruptible);
        Self {
            object,
            set,
            to_sleep,
            slots,
            layout,
            identity,
            open_timeout,
            most_operations: AtomicU32::new(0),
            sleeps: AtomicU32::new(0),
            suspicions: Arc::new(AtomicU64::new(1)),
            cleared: AtomicU64::new(0),
            registration: AtomicU32::new(0),
            me: AtomicU64::new(Session::NONE.bits()),
            recorded: Mutex::new(None),
        }
    }

    /// Returns the same member again, for a thread that posts and sleeps for it and outlives no handle.
    ///
    /// What it suspects is suspected here. What it records is its own.
    #[cfg(feature = "async")]
    pub(crate) fn view(&self) -> Self {
        Self {
            object: self.object.clone(),
            set: self.set.clone(),
            // A clerk sleeps for futures. The program's signals are not for it.
            to_sleep: self.set.clone(),
            slots: self.slots.clone(),
            layout: self.layout,
            identity: self.identity,
            open_timeout: self.open_timeout,
            most_operations: AtomicU32::new(self.most_operations.load(Relaxed)),
            sleeps: AtomicU32::new(0),
            suspicions: Arc::clone(&self.suspicions),
            cleared: AtomicU64::new(0),
            // Relaxed: the caller has a session, so they do not change any more.
            registration: AtomicU32::new(self.registration.load(Relaxed)),
            me: AtomicU64::new(Session::kept(self.me.load(Relaxed)).bits()),
            recorded: Mutex::new(None),
        }
    }

    /// Returns this process's session, if it has one. A recorded failure stays recorded.
    #[cfg(feature = "async")]
    pub(crate) fn own_session(&self) -> Option<Session> {
        Some(Session::kept(self.me.load(Relaxed))).filter(|session| session.is_ours())
    }

    /// Returns the kind and the name of the object.
    pub(crate) fn object(&self) -> &ObjectName {
        &self.object
    }

    /// Names the object on which a call failed.
    #[cold]
    pub(crate) fn failed(&self, error: raw::Error) -> Failure {
        Failure::System { object: self.object.clone(), error }
    }

    fn alive(&self, slot: u32) -> u16 {
        self.layout.alive(slot)
    }

    fn helpers(&self, slot: u32) -> u16 {
        self.layout.helpers(slot)
    }

    fn max_handles(&self) -> u32 {
        self.layout.max_handles()
    }

    /// Returns this process's session, unless [`session`](Self::session) has more to do than that.
    #[inline]
    pub(crate) fn session_at_once(&self) -> Option<Session> {
        // Relaxed: the session was stored by this process, before it forked or shared the handle.
        let session = Session::from_bits(self.me.load(Relaxed));
        if session.is_current() { Some(session) } else { None }
    }

    /// Returns this process's session. A child made by `fork` that has none yet registers first. Fails once if a
    /// failure is recorded.
    #[inline]
    pub(crate) fn session(&self, repair: &impl Repair) -> Result<Session> {
        match self.session_at_once() {
            Some(session) => Ok(session),
            None => self.session_slowly(repair),
        }
    }

    /// A failure is recorded, or this is a child that must register.
    #[cold]
    fn session_slowly(&self, repair: &impl Repair) -> Result<Session> {
        let session = Session::kept(self.me.load(Relaxed));
        if session.is_ours() {
            // The kept session is this process's, so only its mark made the fast path fail.
            return self.take_recorded().map_or(Ok(session), Err);
        }
        // The session is the parent's, or there is none. This child has no undo account of it, so it needs a slot of
        // its own.
        match self.register(repair)? {
            Registration::Done => Ok(Session::kept(self.me.load(Relaxed))),
            Registration::StartAgain => Err(self.removed()),
        }
    }

    pub(crate) fn removed(&self) -> Failure {
        let object = raw::ObjectId { kind: raw::ObjectKind::Semaphores, key: self.set.key(), id: Some(self.set.id()) };
        self.failed(raw::Error::Removed { call: "semop", object, errno: raw::Errno::EIDRM })
    }

    fn value(&self, semaphore: u16) -> Result<u16> {
        self.set.value(semaphore.into()).map_err(|error| self.failed(error))
    }

    fn values(&self) -> Result<Vec<u16>> {
        self.set.values().map_err(|error| self.failed(error))
    }

    /// Returns whether a slot's process lives. A slot that is being repaired is not alive.
    pub(crate) fn is_alive(&self, slot: u32) -> Result<bool> {
        Ok(self.value(self.alive(slot))? != 0)
    }

    /// Returns whether a slot is clean: no member of it can own a word.
    pub(crate) fn is_clean(&self, slot: u32) -> bool {
        // SYNC: pairs with the stores of `used` in `move_in`, `leave` and `repair_entered`.
        self.slots[slot as usize].used.load(Acquire) == 0
    }

    /// Fails if the slot of this process was taken over: it was reaped, and may be another member's by now. Only memory
    /// is checked, which a process that has left the IPC namespace still has.
    pub(super) fn check_slot(&self) -> Result<()> {
        let me = Session::kept(self.me.load(Relaxed));
        if !me.is_ours() {
            return Ok(());
        }
        let Some(entry) = self.slots.get(me.slot()) else { return Err(self.membership_lost()) };
        // SYNC: pairs with the store of `used` in `move_in`, and with that of a reaper in `repair_entered`.
        let is_mine = entry.used.load(Acquire) == self.registration.load(Relaxed);
        if is_mine { Ok(()) } else { Err(self.membership_lost()) }
    }

    /// Fails unless STATE is this object's identity.
    pub(super) fn check_state(&self, state: u16) -> Result<()> {
        match state {
            state if state == self.identity.get() => self.check_slot(),
            CONDEMNED => Err(self.removed()),
            _ => Err(self.membership_lost()),
        }
    }

    /// Fails if the object was removed, or this process is no member any more. It costs a system call.
    #[cfg(feature = "async")]
    pub(crate) fn check_membership(&self) -> Result<()> {
        self.check_state(self.value(STATE)?)
    }

    /// Returns the registered members, and changes nothing.
    pub(crate) fn list(&self) -> Result<Vec<Member>> {
        let values = self.values()?;
        self.check_state(values.get(usize::from(STATE)).copied().unwrap_or(0))?;
        // SYNC: the load pairs with the store in `move_in`: the pid and the time that it stored before are there.
        let slots = (0..self.max_handles()).filter(|&slot| {
            let alive = values.get(usize::from(self.alive(slot))).is_some_and(|&value| value != 0);
            alive && self.slots[slot as usize].used.load(Acquire) != 0
        });
        Ok(slots.map(|slot| self.member(slot)).collect())
    }

    pub(crate) fn member(&self, slot: u32) -> Member {
        let entry = &self.slots[slot as usize];
        Member { slot, pid: entry.pid.load(Relaxed), start_time: entry.start_time.load(Relaxed) }
    }

    /// Returns the slot that a word names as its owner, if there can be such a slot.
    pub(crate) fn slot_of(&self, owner: u32) -> Result<u32> {
        // The owner comes from memory, so it may name no slot at all.
        match owner.checked_sub(1).filter(|&slot| slot < self.max_handles()) {
            Some(slot) => Ok(slot),
            None => Err(self.damaged("the owner of a word")),
        }
    }

    pub(crate) fn damaged(&self, part: &'static str) -> Failure {
        Failure::Damaged { object: self.object.clone(), part, id: self.set.id() }
    }
}
