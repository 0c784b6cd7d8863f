//! The real words of an rwlock, and a cell in place of the value: loom sees a writer beside any other user.

use std::sync::Arc;

use loom::cell::UnsafeCell;

use crate::{
    atomics::with_death,
    kernel::{Deadline, Members, SLOTS, Session},
    layout::Mapped,
    lock::Lock,
    scene::room,
    sync::AtomicU32,
    waiting::fence::Fence,
    waiting::{Party, flag::Flag},
};

#[path = "../../../primitives/src/rwlock/state.rs"]
pub(crate) mod state;
#[path = "../../../primitives/src/rwlock/wait.rs"]
pub(crate) mod wait;

use state::{Counter, Reading, RwControl, RwState};
use wait::Admission;

/// The real words, and the value.
#[derive(Debug)]
pub struct RwScene {
    /// The kernel.
    pub members: Arc<Members>,
    state: RwState,
    value: UnsafeCell<u32>,
}

// The cell is what the lock under test must guard.
#[allow(unsafe_code, reason = "loom checks it")]
// SAFETY: loom's cell reports every access at the same time.
unsafe impl Sync for RwScene {}

impl RwScene {
    /// Makes a free lock.
    #[must_use]
    pub fn new(members: Arc<Members>) -> Arc<Self> {
        let state = RwState {
            lock: Lock::new(Mapped::new(AtomicU32::new(0)), room(1, 2)),
            control: Mapped::new(RwControl::default()),
            flag: Mapped::new(Flag::default()),
            readers: room(2, 2),
            reading: (0..SLOTS).map(|_| Reading::default()).collect(),
            fence: Fence,
        };
        Arc::new(Self { members, state, value: UnsafeCell::new(0) })
    }

    fn party(&self, me: Session) -> Party<'_, RwState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    /// Even slots are favoured threads, and odd ones are not.
    fn counter(me: Session) -> Counter {
        if me.slot().is_multiple_of(2) { Counter::Own } else { Counter::Shared }
    }

    /// Reads, as `RwLock::read` does. Returns whether the lock was poisoned.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn read(&self, me: Session) -> bool {
        let counter = Self::counter(me);
        let alone = match counter {
            Counter::Own => self.state.count_alone_and_check(me),
            Counter::Shared => None,
        };
        if alone.unwrap_or_else(|| self.state.count_and_check(me, counter)) {
            return false;
        }
        self.state.leave(me, counter, &self.members);
        let entered = self.state.enter_contended(self.party(me), counter, Deadline::NEVER);
        let taken = entered.expect("nothing is damaged").expect("it waits as long as it takes");
        taken.poisoned
    }

    /// Reads as a reader does that was woken in vain too often. Returns whether the lock was poisoned.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub fn read_by_lock(&self, me: Session) -> bool {
        let entered = self.state.enter_by_lock(self.party(me), Self::counter(me), Deadline::NEVER);
        entered.expect("nothing is damaged").expect("it waits as long as it takes").poisoned
    }

    /// Reads if it can at once: as `RwLock::try_read` does, or as `read_timeout` does at the end of its time.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub fn read_impatiently(&self, me: Session, waits: bool) -> bool {
        let (party, counter) = (self.party(me), Self::counter(me));
        let entered = match waits {
            true => self.state.enter_contended(party, counter, Deadline::NOW),
            false => self.state.try_enter_slowly(party, counter),
        };
        entered.expect("nothing is damaged").is_some()
    }

    /// Leaves.
    pub fn leave(&self, me: Session) {
        self.state.leave(me, Self::counter(me), &self.members);
    }

    /// Writes, as `RwLock::write` does. Returns whether the lock was poisoned.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub fn write(&self, me: Session) -> bool {
        match self.state.enter_to_write(self.party(me), Deadline::NEVER).expect("nothing is damaged") {
            Admission::Inside(taken) => taken.poisoned,
            other => panic!("it waits as long as it takes: {other:?}"),
        }
    }

    /// Writes if it can at once, as `RwLock::try_write` does.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub fn write_impatiently(&self, me: Session) -> bool {
        let admission = self.state.enter_to_write(self.party(me), Deadline::NOW).expect("nothing is damaged");
        matches!(admission, Admission::Inside(_))
    }

    /// Unlocks after it has written.
    pub fn unlock(&self, me: Session) {
        self.state.leave_inside(me, &self.members, false);
    }

    /// Goes on as a reader.
    pub fn downgrade(&self, me: Session) {
        self.state.downgrade(me, Self::counter(me), &self.members, false);
    }

    /// Looks at the value.
    #[allow(unsafe_code, reason = "loom checks it")]
    #[must_use]
    pub fn look(&self) -> u32 {
        self.value.with(|value| {
            // SAFETY: loom reports a writer.
            unsafe { *value }
        })
    }

    /// Changes the value.
    #[allow(unsafe_code, reason = "loom checks it")]
    pub fn change(&self) {
        self.value.with_mut(|value| {
            // SAFETY: loom reports another user.
            unsafe { *value += 1 };
        });
    }

    /// Does something as a process that dies before so many changes of shared memory and one more. Returns whether it survived
    /// so far. It is dead afterwards.
    pub fn die_in(&self, me: Session, changes: u32, body: impl FnOnce(&Self, Session)) -> bool {
        let is_over = with_death(changes, || body(self, me)).is_some();
        self.members.die(me);
        is_over
    }
}
