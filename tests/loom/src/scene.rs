//! What the models play with: the real lock and the real words, in the hands of modelled processes.

use std::sync::Arc;

use loom::cell::UnsafeCell;

use crate::{
    Error,
    atomics::thoroughly,
    kernel::{Deadline, Members, SLOTS, Session},
    layout::Mapped,
    lock::Lock,
    rings::Cells,
    set_layout::SlotBells,
    shortage::Shortage,
    spots::Spots,
    state::PoolState,
    sync::AtomicU32,
    waiting::{
        Party,
        entry::Entry,
        flag::Flag,
        room::{Room, RoomControl},
    },
};

/// Makes a room, in which no process waits.
pub(crate) fn room(first: u16, stride: u16) -> Room {
    let entries = (0..SLOTS).map(|_| Entry::default()).collect();
    Room::new(Mapped::new(RoomControl::default()), entries, SlotBells { first, stride })
}

/// The real lock, and a cell that it guards: loom sees two users of the cell at once.
#[derive(Debug)]
pub struct LockScene {
    /// The kernel.
    pub members: Arc<Members>,
    lock: Lock,
    inside: UnsafeCell<u32>,
}

// The cell is what the lock under test must guard.
#[allow(unsafe_code, reason = "loom checks it")]
// SAFETY: loom's cell reports every access at the same time.
unsafe impl Sync for LockScene {}

impl LockScene {
    /// Makes a free lock.
    #[must_use]
    pub fn new(members: Arc<Members>) -> Arc<Self> {
        let lock = Lock::new(Mapped::new(AtomicU32::new(0)), room(0, 1));
        Arc::new(Self { members, lock, inside: UnsafeCell::new(0) })
    }

    /// Makes a free lock. Every unlock offers it to a waiter.
    #[must_use]
    pub fn fair(members: Arc<Members>) -> Arc<Self> {
        let scene = Self::new(members);
        scene.lock.make_fair();
        scene
    }

    fn party(&self, me: Session) -> Party<'_, Lock> {
        Party { members: &self.members, repair: &self.lock, me }
    }

    /// Locks, as `Mutex::lock` does. Returns whether the lock was poisoned.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn lock(&self, me: Session) -> bool {
        if self.lock.try_take(me) {
            return false;
        }
        let taken = self.lock.take_contended(self.party(me), Deadline::NEVER);
        taken.expect("nothing is damaged").expect("it waits as long as it takes").poisoned
    }

    /// Locks if it can be had at once, as `Mutex::lock_timeout` does at the end of its time.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    pub fn lock_impatiently(&self, me: Session) -> bool {
        let taken = self.lock.take_contended(self.party(me), Deadline::NOW);
        taken.expect("nothing is damaged").is_some()
    }

    /// The same, for a process that may meet a failure.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if it can't be had, and [`Error::Failed`].
    pub fn try_lock_impatiently(&self, me: Session) -> Result<(), Error> {
        self.lock.take_contended(self.party(me), Deadline::NOW)?.map(|_| ()).ok_or(Error::Busy)
    }

    /// Locks unless a living process has it, as `Mutex::try_lock` does. Returns whether the lock was poisoned.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if one has.
    pub fn try_lock(&self, me: Session) -> Result<bool, Error> {
        if self.lock.try_take(me) {
            return Ok(false);
        }
        let taken = self.lock.try_take_slowly(self.party(me))?;
        taken.map(|taken| taken.poisoned).ok_or(Error::Busy)
    }

    /// Uses what the lock guards.
    #[allow(unsafe_code, reason = "loom checks it")]
    pub fn use_it(&self) {
        self.inside.with_mut(|inside| {
            // SAFETY: loom reports a second user.
            unsafe { *inside += 1 };
        });
    }

    /// Unlocks.
    pub fn unlock(&self, me: Session) {
        self.lock.free(me, &self.members, false);
    }
}

/// The real words of a pool.
#[derive(Debug)]
pub struct PoolScene {
    /// The kernel.
    pub members: Arc<Members>,
    state: PoolState,
    /// What the holder of a permit may use.
    inside: Cells,
}

impl PoolScene {
    /// Makes a pool of so many permits, all free.
    #[must_use]
    pub fn new(members: Arc<Members>, permits: u32) -> Arc<Self> {
        let capacity = permits as usize;
        let state = PoolState {
            flag: Mapped::new(Flag::default()),
            turnstile: Mapped::new(AtomicU32::new(0)),
            singles: room(0, 2),
            many: room(1, 2),
            shortage: Mapped::new(Shortage::default()),
            limit: Mapped::new(AtomicU32::new(permits)),
            recent: Mapped::new(AtomicU32::new(0)),
            permits: Spots::new((0..Spots::words(capacity)).map(|_| AtomicU32::new(0)).collect(), capacity),
        };
        Arc::new(Self { members, state, inside: Cells::new(permits.into()) })
    }

    /// Makes a pool with words that are thorough, for so many processes.
    #[must_use]
    pub fn thorough(processes: usize, permits: u32) -> Arc<Self> {
        thoroughly(processes, || Self::new(Members::new(processes), permits))
    }

    fn party(&self, me: Session) -> Party<'_, PoolState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    /// Acquires a permit, as `Pool::acquire` does.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn acquire(&self, me: Session) -> usize {
        match self.state.scan(me) {
            Some(index) => index,
            None => {
                let index = self.state.wait_for_one(self.party(me), Deadline::NEVER).expect("nothing is damaged");
                index.expect("it waits as long as it takes")
            }
        }
    }

    /// Acquires a permit if it can be had at once, as `Pool::acquire_timeout` does at the end of its time.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if not.
    pub fn acquire_impatiently(&self, me: Session) -> Result<usize, Error> {
        self.state.wait_for_one(self.party(me), Deadline::NOW)?.ok_or(Error::Busy)
    }

    /// Acquires a permit if one is free or held by the dead, as `Pool::try_acquire` does.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if none is.
    pub fn try_acquire(&self, me: Session) -> Result<usize, Error> {
        match self.state.scan(me) {
            Some(index) => Ok(index),
            None => self.state.take_from_the_dead(self.party(me))?.ok_or(Error::Busy),
        }
    }

    /// Acquires several if they can be had at once, as `Pool::try_acquire_many` does.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if not.
    pub fn try_acquire_many(&self, me: Session, count: usize) -> Result<Vec<usize>, Error> {
        self.state.take_many(self.party(me), count, Deadline::NOW)?.ok_or(Error::Busy)
    }

    /// Acquires several, as `Pool::acquire_many` does.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_many(&self, me: Session, count: usize) -> Vec<usize> {
        let indices = self.state.take_many(self.party(me), count, Deadline::NEVER).expect("nothing is damaged");
        indices.expect("it waits as long as it takes")
    }

    /// Acquires several, as a process that may meet a failure.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if they can't be had, and [`Error::Failed`].
    pub fn acquire_many_or_fail(&self, me: Session, count: usize) -> Result<Vec<usize>, Error> {
        self.state.take_many(self.party(me), count, Deadline::NEVER)?.ok_or(Error::Busy)
    }

    /// Acquires a permit if it finds one at its first look.
    pub fn take(&self, me: Session) -> Option<usize> {
        self.state.scan(me)
    }

    /// Repairs the slot of a process that is no member any more.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    pub fn reap(&self, me: Session, dead: Session) {
        let party = self.party(me);
        party.members.reap(dead.owner() - 1, party.repair).expect("nothing is damaged");
    }

    /// Uses what the holder of a permit may use.
    pub fn use_it(&self, me: Session, index: usize) {
        self.inside.write(index as u64, me.owner().into());
    }

    /// Releases a permit.
    pub fn release(&self, me: Session, index: usize) {
        self.state.free(self.state.permits.spot(index), me, &self.members);
    }

    /// Returns how many permits are free.
    #[must_use]
    pub fn available(&self) -> usize {
        self.state.available()
    }
}
