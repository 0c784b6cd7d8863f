//! The real lock with waiters for a condition, in the hands of modelled processes.

use std::sync::Arc;

use loom::cell::UnsafeCell;

use crate::{
    kernel::{Deadline, Members, Session},
    layout::Mapped,
    lock::{Lock, Taken},
    scene::room,
    sync::AtomicU32,
    waiting::Party,
};

/// The real lock, and a cell that it guards: loom sees two users of the cell at once.
#[derive(Debug)]
pub struct ConditionScene {
    /// The kernel.
    pub members: Arc<Members>,
    lock: Lock,
    value: UnsafeCell<u32>,
}

#[allow(unsafe_code, reason = "loom checks it")]
// SAFETY: loom's cell reports every access at the same time.
unsafe impl Sync for ConditionScene {}

impl ConditionScene {
    /// Makes a free lock of a value that is 0.
    #[must_use]
    pub fn new(members: Arc<Members>) -> Arc<Self> {
        let lock = Lock::new(Mapped::new(AtomicU32::new(0)), room(0, 2)).with_conditions(room(1, 2));
        Arc::new(Self { members, lock, value: UnsafeCell::new(0) })
    }

    fn party(&self, me: Session) -> Party<'_, Lock> {
        Party { members: &self.members, repair: &self.lock, me }
    }

    /// Locks, as `Mutex::ignore_poison` does.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn lock(&self, me: Session) {
        self.take(me);
    }

    fn take(&self, me: Session) -> Taken {
        if self.lock.try_take(me) {
            return Taken { poisoned: false };
        }
        let taken = self.lock.take_contended(self.party(me), Deadline::NEVER);
        taken.expect("nothing is damaged").expect("it waits as long as it takes")
    }

    /// Reads the value, with the lock held.
    #[allow(unsafe_code, reason = "loom checks it")]
    pub fn value(&self) -> u32 {
        // SAFETY: loom reports a writer.
        self.value.with(|value| unsafe { *value })
    }

    /// Adds one to the value, with the lock held.
    #[allow(unsafe_code, reason = "loom checks it")]
    pub fn add_one(&self) {
        self.value.with_mut(|value| {
            // SAFETY: loom reports another user.
            unsafe { *value += 1 };
        });
    }

    /// Unlocks, as a guard does.
    pub fn unlock(&self, me: Session, is_changed: bool) {
        self.lock.free_value(me, &self.members, false, is_changed);
    }

    /// Unlocks, as a guard does in a panic.
    pub fn panic(&self, me: Session) {
        self.lock.free(me, &self.members, true);
    }

    /// Changes the value.
    pub fn change(&self, me: Session) {
        self.lock(me);
        self.add_one();
        self.unlock(me, true);
    }

    /// Locks and unlocks.
    pub fn read(&self, me: Session) {
        self.lock(me);
        self.value();
        self.unlock(me, false);
    }

    /// Waits until the value is at least this, as `MutexGuard::wait_while` does. Adds one before, if it is to. Returns the value, or
    /// `None` if the lock is poisoned.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    pub fn wait(&self, me: Session, least: u32, adds: bool, deadline: Deadline) -> Option<u32> {
        let mut taken = self.take(me);
        if adds {
            self.add_one();
        }
        let holds = || self.value() < least;
        if !taken.poisoned && holds() {
            let waited = self.lock.wait_while(self.party(me), taken, adds, deadline, holds);
            let (back, still) = waited.expect("nothing is damaged");
            assert!(back.poisoned || still == holds(), "it says what is the case");
            assert!(!still || deadline == Deadline::NOW, "it came back too early");
            taken = back;
        }
        let value = (!taken.poisoned).then(|| self.value());
        self.lock.free_value(me, &self.members, taken.poisoned, adds);
        value
    }
}
