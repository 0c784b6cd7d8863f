//! How a caller gets its guard, whether or not the lock is poisoned.

use std::{marker::PhantomData, thread};

use bytemuck::Pod;

use super::{
    guard::{RwLockReadGuard, RwLockWriteGuard},
    handle::RwLock,
    state::{Counter, RwState},
    wait::Admission,
};
use crate::{
    Failure, LockError,
    lock::Taken,
    members::Session,
    raw::{self, Deadline},
    waiting::Party,
};

/// How to read if a writer has the gate.
#[derive(Clone, Copy)]
pub(super) struct HowToRead {
    /// Until when to wait. `None` is not at all.
    pub(super) deadline: Option<Deadline>,
    pub(super) ignores_poison: bool,
}

impl HowToRead {
    pub(super) const AT_ONCE: Self = Self { deadline: None, ignores_poison: false };
    pub(super) const UNTIL_POSSIBLE: Self = Self { deadline: Some(Deadline::NEVER), ignores_poison: false };
}

impl<T: Pod> RwLock<T> {
    #[inline]
    pub(super) fn read_as(&self, how: HowToRead) -> Result<RwLockReadGuard<'_, T>, LockError> {
        match self.read_at_once()? {
            Ok(guard) => Ok(guard),
            Err((me, counter)) => {
                let guard = || self.read_guard(me);
                self.read_slowly(me, counter, how, guard)
            }
        }
    }

    /// Reads if nothing is in the way: `Err` has what the slow path needs.
    #[inline]
    fn read_at_once(&self) -> Result<Result<RwLockReadGuard<'_, T>, (Session, Counter)>, Failure> {
        let (me, counter) = (self.members.session(&self.state)?, self.counter());
        Ok(if self.state.count_and_check(me, counter) { Ok(self.read_guard(me)) } else { Err((me, counter)) })
    }

    /// A writer has the gate or is offered it, or the lock is poisoned.
    #[cold]
    pub(super) fn read_slowly<G>(
        &self,
        me: Session,
        counter: Counter,
        how: HowToRead,
        guard: impl FnOnce() -> G,
    ) -> Result<G, LockError> {
        let HowToRead { deadline, ignores_poison } = how;
        // RW1: first the count is taken back, since it keeps the writer waiting.
        self.state.leave(me, counter, &self.members);
        let (party, late) = (self.party(me), LockError::TimedOut);
        let (entered, late) = match deadline {
            Some(deadline) => (self.state.enter_contended(party, counter, deadline)?, late),
            None => (self.state.try_enter_slowly(party, counter)?, LockError::WouldBlock),
        };
        let Taken { poisoned } = entered.ok_or(late)?;
        // The guard first: if the lock is poisoned, its drop takes the count back.
        let guard = guard();
        if poisoned && !ignores_poison {
            return Err(LockError::poisoned(&self.members));
        }
        Ok(guard)
    }

    pub(super) fn try_write_anyway(&self) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        self.write_anyway(Deadline::NOW, LockError::WouldBlock)
    }

    pub(super) fn write_anyway(
        &self,
        deadline: Deadline,
        late: LockError,
    ) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        let me = self.members.session(&self.state)?;
        match self.state.enter_to_write(self.party(me), deadline)? {
            Admission::Inside(taken) => Ok(self.write_guard(me, taken)),
            Admission::NotInTime => Err(late),
            Admission::Unfenced => Err(self.unfenced().into()),
        }
    }

    pub(super) fn party(&self, me: Session) -> Party<'_, RwState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    #[inline]
    fn read_guard(&self, session: Session) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard { lock: self, session, not_send: PhantomData }
    }

    pub(super) fn write_guard(&self, session: Session, taken: Taken) -> RwLockWriteGuard<'_, T> {
        let panicking = thread::panicking();
        RwLockWriteGuard { lock: self, session, poisoned: taken.poisoned, panicking, value: PhantomData }
    }

    /// Says that this process can't write without `membarrier` (RW2).
    #[cold]
    pub(super) fn unfenced(&self) -> Failure {
        self.members.failed(raw::Error::Unsupported { call: "membarrier" })
    }
}
