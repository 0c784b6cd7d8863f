//! The word of a value that is set once, and all that is done to it.
//!
//! | word | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | 0 | unset | slot + 1 | an initialiser, by compare-and-swap |
//! | a slot + 1 | the member of that slot initialises | UNCALLED, or 0 | that member; a reaper of the slot makes it 0 |
//! | UNCALLED | the value is there, and waiters may have to be called | SET | a process that has called all of them |
//! | SET | the value is there | | |
//!
//! - **OL1** The session that took the unset word by compare-and-swap is the only one that writes the value, until it changes the
//!   word, or its slot is reaped.
//! - **OL2** The value is written before the word becomes UNCALLED. That becomes SET, and nothing else, so the value does not change
//!   any more.
//! - **OL3** A word that names a dead slot becomes unset, by compare-and-swap. What the dead initialiser had written is written over.
//! - **OL5** UNCALLED becomes SET when all waiters have been called. Each process that finds UNCALLED calls them: a waiter that
//!   wakes, and a process that needs the value. So if a setter is stopped, or its posts are refused, the waiters sleep at most until
//!   another process needs the value.
//! - **OL4** Each change to UNCALLED or to unset is followed by a call of all waiters. A waiter announces itself, fences, and checks.
//!   So it sees the change, or is called. Nothing depends on what a single waiter does.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | before the compare-and-swap, or while it waits | nothing | – |
//! | as the initialiser | a word that names a dead slot | a waiter, by the obituary, or the next caller. It begins anew |
//! | having made it UNCALLED, before it called | a value that is set | a waiter, by the obituary |
//! | having made it unset, before it called | an unset word | the same |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | as the initialiser | all that need the value |
//! | having made it UNCALLED, before it called | the waiters that sleep already, until another process needs the value (OL5) |
//! | having made it unset, before it called | the waiters that sleep already, until another process sets the value |
//! | waiting | nothing |

use crate::{
    failure::Result,
    layout::Mapped,
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::{
        AtomicU32,
        Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
        fence, order_seq_cst,
    },
    waiting::{
        Checked, Party, Round,
        room::Room,
        wait,
        waiter::{Gate, Waiter},
    },
};

pub(super) const UNSET: u32 = 0;
/// No slot has one of these numbers.
pub(super) const SET: u32 = u32::MAX;
pub(super) const UNCALLED: u32 = SET - 1;

/// The word with the room of its waiters.
#[derive(Debug)]
pub(crate) struct OnceState {
    pub(crate) word: Mapped<AtomicU32>,
    pub(crate) room: Room,
}

/// What a caller wants besides the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To initialise it, if it is unset.
    Initialise,
    /// To see it.
    See,
}

/// How a caller can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The value is there.
    Set,
    /// The caller is the initialiser (OL1).
    Mine,
}

impl OnceState {
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // SYNC: Acquire pairs with the compare-and-swap in `leave` (OL2).
        self.word.load(Acquire) >= UNCALLED
    }

    /// Returns whether the value is set, and no waiter is left to be called.
    #[inline]
    pub(crate) fn is_finished(&self) -> bool {
        // SYNC: Acquire as in `is_set`: the compare-and-swap in `call_waiters` passes on what that in `leave` released.
        self.word.load(Acquire) == SET
    }

    /// Succeeds if the value is set, or if it is unset and the caller becomes the initialiser. Otherwise returns the word.
    fn find(&self, me: Session, wish: Wish) -> Result<Found, u32> {
        // SYNC: SeqCst pairs with the change in `leave`, for the check of an announced waiter (OL4). It also acquires, as in
        // `is_set`.
        let mut word = self.word.load(SeqCst);
        while word == UNSET && wish == Wish::Initialise {
            // SYNC: Acquire pairs with the change of the last initialiser: the value is this one's now (OL1).
            match self.word.compare_exchange(UNSET, me.owner(), Acquire, SeqCst) {
                Ok(_) => return Ok(Found::Mine),
                Err(now) => word = now,
            }
        }
        if word >= UNCALLED { Ok(Found::Set) } else { Err(word) }
    }

    /// Returns how the caller can go on, without waiting. `None` if a living process initialises, or if the value is unset and the
    /// caller only wants to see it.
    #[cold]
    pub(crate) fn find_now(&self, party: Party<'_, Self>, wish: Wish) -> Result<Option<Found>> {
        loop {
            let word = match self.find(party.me, wish) {
                Ok(found) => return Ok(Some(found)),
                Err(UNSET) => return Ok(None),
                Err(word) => word,
            };
            // OL3: no waiter sleeps here, so no obituary would come. The owner is checked instead.
            let slot = party.members.slot_of(word)?;
            if party.members.is_alive(slot)? {
                return Ok(None);
            }
            party.members.reap(slot, party.repair)?;
        }
    }

    /// Waits until the caller can go on. `None` if the timeout elapsed.
    #[cold]
    pub(crate) fn wait_for(&self, party: Party<'_, Self>, wish: Wish, deadline: Deadline) -> Result<Option<Found>> {
        // Threads with different wishes find different things.
        let waiter = Waiter::new(&self.room, OnceGate, party.me, u64::from(wish == Wish::See));
        wait(party, &waiter, deadline, |round| self.check(party, wish, round))
    }

    /// A waiter's check.
    pub(crate) fn check(&self, party: Party<'_, Self>, wish: Wish, round: Round) -> Result<Checked<Found>> {
        loop {
            let word = match self.find(party.me, wish) {
                Ok(found) => return Ok(Checked::Found(found)),
                Err(word) => word,
            };
            if word == UNSET || round == Round::Awake {
                return Ok(Checked::Sleep(Deadline::NEVER));
            }
            let slot = party.members.slot_of(word)?;
            // Memory names a slot without a member: no death will tell of it.
            if party.members.is_clean(slot) && party.members.reap(slot, party.repair)? {
                continue;
            }
            return Ok(Checked::Sleep(Deadline::NEVER));
        }
    }

    /// The initialiser has written the value (OL2). Fails if it lost its membership, and the value may be another's.
    pub(crate) fn finish(&self, me: Session, members: &Members) -> Result<()> {
        if !self.leave(me.owner(), UNCALLED) {
            return Err(members.membership_lost());
        }
        self.call_waiters(members);
        Ok(())
    }

    /// Calls all waiters, if the process that set the value may not have called them (OL5). What fails is recorded for the next
    /// call, since the value is set.
    #[cold]
    pub(crate) fn call_waiters(&self, members: &Members) {
        // SYNC: SeqCst as in `leave`, for the check for waiters in the room.
        if self.word.load(SeqCst) == UNCALLED && !members.record(self.call_all(members)) {
            // SYNC: AcqRel passes on what was released with the value.
            let _ = self.word.compare_exchange(UNCALLED, SET, AcqRel, Relaxed);
        }
    }

    /// The initialiser cancels: the value stays unset. What fails is recorded for the next call.
    #[cold]
    pub(crate) fn cancel(&self, me: Session, members: &Members) {
        let cancelled =
            if self.leave(me.owner(), UNSET) { self.call_all(members) } else { Err(members.membership_lost()) };
        members.record(cancelled);
    }

    /// Takes the word away from its initialiser. Returns whether it named that one.
    fn leave(&self, owner: u32, next: u32) -> bool {
        // SYNC: SeqCst orders it before the check for waiters in the room (OL4), and releases what was written.
        self.word.compare_exchange(owner, next, SeqCst, Relaxed).is_ok()
    }

    fn call_all(&self, members: &Members) -> Result<()> {
        order_seq_cst();
        self.room.notify_all(members)
    }

    /// Returns the initialiser's slot plus one, or 0.
    pub(crate) fn initialiser(&self) -> u32 {
        match self.word.load(Relaxed) {
            UNCALLED | SET => UNSET,
            word => word,
        }
    }
}

pub(crate) struct OnceGate;

impl Gate for OnceGate {
    fn open(&self, _: u64) -> Deadline {
        // SYNC: pairs with the change in `leave`: either the notifier finds the announcement, or the check finds the change.
        fence(SeqCst);
        Deadline::NEVER
    }
}

impl Repair for OnceState {
    /// Takes the word away from the slot of a member that is dead (OL3), or leaves. Any number of helpers may do it.
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        // First its announcement, so that no call goes to the dead member.
        self.room.repair(slot);
        if self.leave(slot + 1, UNSET) { self.call_all(members) } else { Ok(()) }
    }
}
