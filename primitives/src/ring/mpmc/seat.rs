//! A place at one end of an mpmc ring: what producers and consumers have in common.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
};

use bytemuck::Pod;

use super::{
    Shared,
    words::{Claim, Words},
};
use crate::{Result, Role, members::Session, raw::Deadline, ring::patience::Patience};

/// One producer or consumer, which is counted among those of its process.
pub(super) struct Place<T: Pod> {
    pub(super) shared: Arc<Shared<T, Words>>,
    role: Role,
    /// The session under which it is counted.
    session: AtomicU64,
    pub(super) patience: Patience,
    /// How often there was nothing for who would not wait.
    vain: AtomicU32,
}

/// Who asks again and again without waiting looks for the dead so seldom: it is a system call.
const VAIN: u32 = 64;

impl<T: Pod> Place<T> {
    pub(super) fn take(shared: &Arc<Shared<T, Words>>, role: Role) -> Result<Self> {
        let session = shared.members.session(&shared.words)?;
        shared.words.sit(role, session);
        let session = AtomicU64::new(session.bits());
        Ok(Self { shared: Arc::clone(shared), role, session, patience: Patience::new(role), vain: AtomicU32::new(0) })
    }

    /// Returns the session; in a child made by `fork` it sits down there first.
    #[inline]
    pub(super) fn session(&self) -> Result<Session> {
        // Relaxed: it was stored by this process, before it forked or shared the place.
        let session = Session::from_bits(self.session.load(Relaxed));
        if session.is_ours() { Ok(session) } else { self.sit_in_child(session) }
    }

    #[cold]
    fn sit_in_child(&self, parents: Session) -> Result<Session> {
        let Shared { members, words, .. } = &*self.shared;
        let session = members.session(words)?;
        words.sit(self.role, session);
        if self.session.compare_exchange(parents.bits(), session.bits(), AcqRel, Acquire).is_err() {
            // Another thread was faster.
            words.stand_up(self.role, session, members);
        }
        Ok(session)
    }

    /// Claims a place of the ring: a free one to push, or one with an item.
    #[inline]
    pub(super) fn claim(&self, deadline: Deadline) -> Result<(Claim, Session)> {
        let Shared { words, members, .. } = &*self.shared;
        let session = self.session()?;
        let claim = match self.role {
            Role::Producer if words.is_closed() => return Err(members.closed(Role::Producer)),
            Role::Producer => words.start_push(session, members)?,
            Role::Consumer => words.start_pop(session, members)?,
        };
        let claim = match claim {
            Some(claim) => claim,
            None if deadline == Deadline::NOW => {
                let is_turn = self.vain.fetch_add(1, Relaxed).is_multiple_of(VAIN);
                words.claim_now(self.role, session, members, self.patience.wants_to_know, is_turn)?
            }
            None => words.wait(self.role, session, members, &self.patience, deadline)?,
        };
        Ok((claim, session))
    }

    /// Refuses a child that looks into what its parent has claimed: the parent goes on using it.
    #[inline]
    pub(super) fn assert_ours(&self, session: Session) {
        assert!(session.is_ours(), "this guard belongs to the process that made it, and not to its child");
    }

    /// Ends a claim, unless it is the parent's.
    pub(super) fn end(&self, session: Session, end: impl FnOnce(&Shared<T, Words>)) {
        if session.is_ours() {
            end(&self.shared);
        }
    }
}

impl<T: Pod> Clone for Place<T> {
    fn clone(&self) -> Self {
        // In a child that has not used it yet the parent's is not counted here, and neither is the copy.
        let session = Session::from_bits(self.session.load(Relaxed));
        if session.is_ours() {
            self.shared.words.sit(self.role, session);
        }
        Self {
            shared: Arc::clone(&self.shared),
            role: self.role,
            session: AtomicU64::new(session.bits()),
            patience: Patience { wants_to_know: self.patience.wants_to_know, ..Patience::new(self.role) },
            vain: AtomicU32::new(0),
        }
    }
}

impl<T: Pod> Drop for Place<T> {
    fn drop(&mut self) {
        let session = Session::from_bits(*self.session.get_mut());
        self.end(session, |shared| shared.words.stand_up(self.role, session, &shared.members));
    }
}

impl<T: Pod> fmt::Debug for Place<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}", self.role, self.shared.items)
    }
}
