//! An endpoint of an mpmc ring: what producers and consumers have in common.

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
    SharedRing,
    state::{Claim, MpmcState},
};
#[cfg(feature = "async")]
use crate::ring::futures::Futures;
use crate::{
    Role,
    failure::Result,
    members::{Members, Session},
    raw::Deadline,
    ring::{patience::Patience, refusal::Refusal},
    waiting::Party,
};

/// One producer or consumer, which is counted among those of its process.
pub(super) struct Endpoint<T: Pod> {
    pub(super) shared: Arc<SharedRing<T, MpmcState>>,
    pub(super) role: Role,
    /// The session under which it is counted. It is marked if a failure was recorded.
    pub(super) session: AtomicU64,
    pub(super) patience: Patience,
    /// How many calls that don't wait found nothing.
    vain: AtomicU32,
    #[cfg(feature = "async")]
    pub(super) futures: Futures,
}

/// Of calls that don't wait and find nothing, one in so many checks for dead members: the check is a system call.
const VAIN: u32 = 64;

impl<T: Pod> Endpoint<T> {
    pub(super) fn take(shared: &Arc<SharedRing<T, MpmcState>>, role: Role) -> Result<Self> {
        let session = shared.members.session(&shared.state)?;
        shared.state.attach(role, session);
        let session = AtomicU64::new(session.bits());
        Ok(Self {
            shared: Arc::clone(shared),
            role,
            session,
            patience: Patience::new(role),
            vain: AtomicU32::new(0),
            #[cfg(feature = "async")]
            futures: Futures::default(),
        })
    }

    /// Returns the session. In a child made by `fork` it attaches the endpoint there first. Fails once if a failure is
    /// recorded.
    #[inline]
    pub(super) fn session(&self) -> Result<Session> {
        // Relaxed: the value alone is used. It names a session that this process, or its parent before the fork,
        // registered.
        let session = Session::from_bits(self.session.load(Relaxed));
        if session.is_ours() { Ok(session) } else { self.session_slowly(session) }
    }

    /// A failure is recorded, or this is a child in which the endpoint must be attached.
    #[cold]
    fn session_slowly(&self, kept: Session) -> Result<Session> {
        let SharedRing { members, state, .. } = &*self.shared;
        let is_ours = Session::kept(kept.bits()).is_ours();
        // Before anything can fail: a mark that stays would make each later call take this path.
        if is_ours {
            Session::unmark(&self.session);
        }
        let session = members.session(state)?;
        if is_ours {
            return Ok(session);
        }
        state.attach(self.role, session);
        // SYNC: pairs with the same change by another thread of this child. The fast path uses the value alone.
        if self.session.compare_exchange(kept.bits(), session.bits(), AcqRel, Acquire).is_err() {
            // Another thread was faster.
            state.detach(self.role, session, members);
        }
        Ok(session)
    }

    /// Makes the next call fail, if a failure was recorded.
    #[inline]
    pub(super) fn mark(&self, has_recorded: bool) {
        if has_recorded {
            Session::mark(&self.session);
        }
    }

    /// Claims a slot of the ring: a free one to push, or one with an item.
    #[inline]
    pub(super) fn claim(&self, deadline: Deadline) -> Result<(Claim, Session), Refusal> {
        let SharedRing { state, members, .. } = &*self.shared;
        let session = self.session()?;
        let claim = match self.claim_if_ready(session)? {
            Some(claim) => claim,
            // Nothing was found, and the caller doesn't wait. Perhaps a dead member owns what it needs.
            None if deadline == Deadline::NOW => {
                let is_turn = self.vain.fetch_add(1, Relaxed).is_multiple_of(VAIN);
                state.claim_now(self.role, self.party(session), self.patience.wants_to_know, is_turn)?
            }
            None => {
                let claim = state.wait(self.role, self.party(session), &self.patience, deadline)?;
                self.mark(members.has_recorded());
                claim
            }
        };
        Ok((claim, session))
    }

    /// Claims a slot, if the next one is ready and nothing is in the way. What is in the way is left where it is found again.
    #[cfg(feature = "async")]
    #[inline]
    pub(super) fn claim_at_once(&self) -> Option<(Claim, Session)> {
        // Relaxed: as in `session`.
        let session = Session::from_bits(self.session.load(Relaxed));
        if !session.is_ours() {
            return None;
        }
        Some((self.claim_if_ready(session).ok()??, session))
    }

    /// Claims a slot, if the next one is ready.
    #[inline]
    pub(super) fn claim_if_ready(&self, session: Session) -> Result<Option<Claim>, Refusal> {
        let SharedRing { state, members, .. } = &*self.shared;
        match self.role {
            Role::Producer if state.is_closed() => Err(Refusal::Closed),
            Role::Producer => Ok(state.start_push(session, members)?),
            Role::Consumer => Ok(state.start_pop(session, members)?),
        }
    }

    pub(super) fn party(&self, me: Session) -> Party<'_, MpmcState> {
        Party { members: &self.shared.members, repair: &self.shared.state, me }
    }

    pub(super) fn members(&self) -> &Members {
        &self.shared.members
    }

    /// Refuses a child that accesses what its parent has claimed: the parent goes on using it.
    #[inline]
    pub(super) fn assert_ours(&self, session: Session) {
        assert!(session.is_ours(), "this guard belongs to the process that made it, and not to its child");
    }

    /// Ends a claim, unless it is the parent's. `end` returns whether a failure was recorded.
    pub(super) fn end(&self, session: Session, end: impl FnOnce(&SharedRing<T, MpmcState>) -> bool) {
        if session.is_ours() {
            self.mark(end(&self.shared));
        }
    }
}

impl<T: Pod> Clone for Endpoint<T> {
    fn clone(&self) -> Self {
        // In a child that has not used the endpoint yet, the parent's session is not counted, and neither is the copy.
        // Relaxed: as in `session`.
        let session = Session::kept(self.session.load(Relaxed));
        if session.is_ours() {
            self.shared.state.attach(self.role, session);
        }
        Self {
            shared: Arc::clone(&self.shared),
            role: self.role,
            session: AtomicU64::new(session.bits()),
            patience: Patience { wants_to_know: self.patience.wants_to_know, ..Patience::new(self.role) },
            vain: AtomicU32::new(0),
            #[cfg(feature = "async")]
            futures: Futures::default(),
        }
    }
}

impl<T: Pod> Drop for Endpoint<T> {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.cancel_wait();
        let session = Session::kept(*self.session.get_mut());
        self.end(session, |shared| shared.state.detach(self.role, session, &shared.members));
    }
}

impl<T: Pod> fmt::Debug for Endpoint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}", self.role, self.shared.items)
    }
}
