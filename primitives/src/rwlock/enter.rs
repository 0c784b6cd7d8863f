//! How a caller gets its guard, whether or not the lock is poisoned.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::{
    guard::{RwLockReadGuard, RwLockWriteGuard},
    handle::RwLock,
    state::{Counter, RwState},
    wait::Admission,
};
use crate::{
    Failure, LockError,
    lock::{Holding, Taken},
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
        let mut counted = None;
        if self.is_favoured()
            && let Some(me) = self.members.session_at_once()
            && let Some(is_open) = self.state.count_alone_and_check(me)
        {
            if is_open {
                return Ok(self.read_guard((me, Counter::Own)));
            }
            counted = Some(me);
        }
        self.count_slowly(counted, how).map(|counted| self.read_guard(counted))
    }

    /// Does the same for all other threads, and for one that has other guards. Or a writer has the gate or is offered it, or the
    /// lock is poisoned, and the caller is `counted` all the same. Or this child of `fork` must register first, or a failure is
    /// recorded.
    #[inline(never)]
    fn count_slowly(&self, counted: Option<Session>, how: HowToRead) -> Result<(Session, Counter), LockError> {
        let (me, counter) = match counted {
            Some(me) => (me, Counter::Own),
            None => {
                let (me, counter) = (self.members.session(&self.state)?, self.counter());
                if self.state.count_and_check(me, counter) {
                    return Ok((me, counter));
                }
                (me, counter)
            }
        };
        self.wait_to_read(me, counter, how)?;
        Ok((me, counter))
    }

    /// Takes a count back, and waits until it may be counted.
    #[cold]
    pub(super) fn wait_to_read(&self, me: Session, counter: Counter, how: HowToRead) -> Result<(), LockError> {
        let HowToRead { deadline, ignores_poison } = how;
        // RW1: first the count is taken back, since it keeps the writer waiting.
        self.state.leave(me, counter, &self.members);
        let (party, late) = (self.party(me), LockError::TimedOut);
        let (entered, late) = match deadline {
            Some(deadline) => (self.state.enter_contended(party, counter, deadline)?, late),
            None => (self.state.try_enter_slowly(party, counter)?, LockError::WouldBlock),
        };
        let Taken { poisoned } = entered.ok_or(late)?;
        if poisoned && !ignores_poison {
            self.state.leave(me, counter, &self.members);
            return Err(LockError::poisoned(&self.members));
        }
        Ok(())
    }

    #[inline]
    fn read_guard(&self, (session, counter): (Session, Counter)) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard { lock: self, session, counter, not_send: PhantomData }
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

    pub(super) fn write_guard(&self, session: Session, taken: Taken) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard { lock: self, held: Holding::new(session, taken), value: PhantomData }
    }

    /// Says that this process can't write without `membarrier` (RW2).
    #[cold]
    pub(super) fn unfenced(&self) -> Failure {
        self.members.failed(raw::Error::Unsupported { call: "membarrier" })
    }
}
