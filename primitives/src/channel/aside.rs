//! Messages that were set aside, and claims under way, for supervisors and operators.

use std::{sync::Arc, time::Duration};

#[cfg(feature = "redis")]
use super::remotely;
use super::{
    Channel,
    attempt::{Attempt, Cause},
    depth::Depth,
    envelope::Envelope,
    error::SendError,
    shared::Shared,
    transport::Transport,
    typed::{Message, Route},
};
#[cfg(feature = "redis")]
use crate::remote::{self, Remote};
use crate::{
    Failure, Member, Undecodable, clock,
    raw::Deadline,
    store::{ClaimSeen, Copied, Refusal},
};

/// A message that is set aside, since all its attempts failed: a copy of it, and the ways to queue it again or drop it.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, messages};
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Job(u32);
/// messages! { 1 => Job, attempts 1 }
///
/// # let name = format!("set-aside-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// channel.send(&Job(7))?;
/// drop(channel.claim::<Job>()?); // it fails
///
/// let aside = channel.set_aside()?;
/// assert_eq!(aside[0].decode::<Job>()?, Job(7));
/// println!("{}", aside[0].attempts()[0]);
/// assert!(aside[0].retry()?);
/// assert_eq!(channel.recv::<Job>()?, Job(7));
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug)]
pub struct SetAside {
    kept: Kept,
    attempts: Vec<Attempt>,
}

/// Where a message is set aside, and the copy of it.
#[derive(Debug)]
enum Kept {
    Memory(Arc<Shared>, Copied),
    #[cfg(feature = "redis")]
    Server(Arc<Remote>, remote::Aside),
}

/// A claim under way: a message that a member has claimed. From [`Channel::claims`].
///
/// ```
/// use sysv_primitives::{Channel, messages};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Job(u32);
/// messages! { 1 => Job }
///
/// # let name = format!("active-claims-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// channel.send(&Job(7))?;
/// let claimed = channel.claim::<Job>()?;
/// let claims = channel.claims()?;
/// assert_eq!((claims.len(), claims[0].member.pid, claims[0].attempt), (1, std::process::id(), 1));
/// claimed.done()?;
/// assert!(channel.claims()?.is_empty());
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActiveClaim {
    /// The member that has claimed it.
    pub member: Member,
    /// Its route.
    pub route: Route,
    /// How long ago it was claimed, to some milliseconds.
    pub age: Duration,
    /// The number of this attempt, from 1 on.
    pub attempt: u32,
}

impl Channel {
    /// Returns the messages that are set aside, the oldest one first. Repairs what dead members had claimed.
    ///
    /// A message is set aside when all attempts that its [limit](crate::Delivery::attempts) allows ended without `done`. Such a
    /// message takes no room from other messages. A channel keeps as many as it
    /// holds ordinary messages, but no fewer than 16 and no more than 64, and in addition as many requests, and 16 control
    /// messages. When there is one more, the oldest one is dropped, and [counted](super::Depth::dropped). A long message keeps its
    /// blocks.
    ///
    /// Each message is copied under the lock with which senders allocate room for long messages. So this call blocks while a
    /// process that holds the lock is stopped. So do [`SetAside::retry`] and [`SetAside::discard`].
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the channel was removed.
    pub fn set_aside(&self) -> Result<Vec<SetAside>, Failure> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => {
                let listed = |aside: remote::Aside| {
                    let attempts = Attempt::list(&aside.endings);
                    SetAside { kept: Kept::Server(Arc::clone(remote), aside), attempts }
                };
                return Ok(remote.set_aside()?.into_iter().map(listed).collect());
            }
        };
        let party = shared.party(shared.session()?);
        // A dead member may have had its last attempt, and its message is set aside only by a helper.
        party.reap_all()?;
        // Copies, so that the caller may take its time: the lock is not held while it reads them.
        let copies = shared.store.set_aside(party).map_err(|refusal| shared.refused(refusal))?;
        let listed = |copied: Copied| {
            let attempts = Attempt::list(&copied.endings);
            SetAside { kept: Kept::Memory(Arc::clone(shared), copied), attempts }
        };
        Ok(copies.into_iter().map(listed).collect())
    }

    /// Returns the claims under way: which member works on what, and since when. It disturbs none of them.
    ///
    /// Requests that were received, and not claimed, are not listed.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn claims(&self) -> Result<Vec<ActiveClaim>, Failure> {
        let Shared { store, members, .. } =
            &**self.memory("list of claims", "read `Depth::claimed`, which counts them")?;
        // The clock by which claims are noted. A finer one would be ahead of them.
        let now = clock::coarse();
        let listed = |claim: ClaimSeen| {
            // The owner comes from memory. A claim of no member is left out.
            let slot = members.slot_of(claim.owner).ok()?;
            Some(ActiveClaim {
                member: members.member(slot),
                route: Route::from_number(claim.route),
                // It may have been claimed after the clock was read.
                age: Duration::from_nanos(now.saturating_sub(claim.since)),
                // Those that have ended, and this one.
                attempt: u32::from(claim.attempts) + 1,
            })
        };
        Ok(store.claims().into_iter().filter_map(listed).collect())
    }

    /// Returns how many claims there are, of a channel with this depth.
    #[cfg_attr(not(feature = "redis"), expect(unused_variables, reason = "there is one transport then"))]
    pub(crate) fn count_claims(&self, depth: &Depth) -> Result<u64, Failure> {
        match &self.transport {
            Transport::Memory(_) => self.claims().map(|claims| claims.len() as u64),
            #[cfg(feature = "redis")]
            Transport::Server(_) => Ok(depth.claimed),
        }
    }

    /// Records how a process ended, in the reports of all attempts that its death ended. For its supervisor.
    pub(crate) fn explain_death(&self, pid: u32, cause: Cause, status: u16) -> Result<(), Failure> {
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            // The claims come back now, and not when their leases end.
            #[cfg(feature = "redis")]
            Transport::Server(remote) => return remote.bury(pid, cause.explained(), status),
        };
        // First the repair, which notes that the attempts ended by this death.
        shared.party(shared.session()?).reap_all()?;
        // A death that no attempt ended by is no error: the worker had nothing to do.
        shared.store.explain(pid, cause.explained(), status);
        Ok(())
    }
}

impl SetAside {
    /// Returns the route it came on.
    #[must_use]
    pub fn route(&self) -> Route {
        match &self.kept {
            Kept::Memory(_, copied) => Route::from_number(copied.route),
            #[cfg(feature = "redis")]
            Kept::Server(_, aside) => Route::from_number(aside.route),
        }
    }

    /// Returns its encoded bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.kept {
            Kept::Memory(_, copied) => &copied.bytes,
            #[cfg(feature = "redis")]
            Kept::Server(_, aside) => &aside.bytes,
        }
    }

    /// Returns how long ago it was sent, or last requeued by a living process.
    #[must_use]
    pub fn age(&self) -> Duration {
        match &self.kept {
            Kept::Memory(_, copied) => Duration::from_nanos(clock::coarse().saturating_sub(copied.sent_at)),
            // When it was listed.
            #[cfg(feature = "redis")]
            Kept::Server(_, aside) => aside.age,
        }
    }

    /// Returns how the attempts on it ended: the last eight.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// [`Undecodable`], with the bytes, if it came on another route or can't be decoded.
    pub fn decode<T: Message>(&self) -> Result<T, Undecodable> {
        // Of the copy: the message stays set aside, whatever comes of it.
        self.envelope().decode()
    }

    fn envelope(&self) -> Envelope {
        let (object, encoded) = match &self.kept {
            Kept::Memory(shared, copied) => (shared.name(), (copied.codec, copied.schema)),
            #[cfg(feature = "redis")]
            Kept::Server(remote, aside) => (remote.name(), (aside.codec, aside.schema)),
        };
        Envelope {
            object: object.clone(),
            route: self.route(),
            encoded: Some(encoded),
            bytes: self.bytes().to_vec(),
            is_call: false,
            request: None,
        }
    }

    /// Queues the message again, as if it was sent now, with as many attempts as at first. Returns whether it was still set aside.
    ///
    /// The numbers of the attempts go on. A caller that waits for the response, and was not notified that the request was set
    /// aside, goes on waiting.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] if the channel has no room for it. It stays as it is.
    pub fn retry(&self) -> Result<bool, SendError> {
        let (shared, copied) = match &self.kept {
            Kept::Memory(shared, copied) => (shared, copied),
            #[cfg(feature = "redis")]
            Kept::Server(remote, aside) => return remotely::retry(remote, aside),
        };
        let party = shared.party(shared.session()?);
        // Only for the error: the cells of which class were all taken.
        let class = shared.store.class_of_put(copied.put);
        // Found by its own name, since another process may have retried or discarded it meanwhile.
        let retried = shared.store.retry(copied.put, party);
        retried.map_err(|refusal| shared.not_sent(refusal, class, copied.bytes.len(), Deadline::NOW))
    }

    /// Drops the message. Returns whether it was still set aside.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the channel was removed.
    pub fn discard(&self) -> Result<bool, Failure> {
        let (shared, copied) = match &self.kept {
            Kept::Memory(shared, copied) => (shared, copied),
            #[cfg(feature = "redis")]
            Kept::Server(remote, aside) => return remote.discard(aside),
        };
        let party = shared.party(shared.session()?);
        shared.store.discard(copied.put, party).map_err(|refusal| shared.refused(refusal))
    }
}

impl Shared {
    /// Returns why the messages that are set aside could not be read.
    fn refused(&self, refusal: Refusal) -> Failure {
        match refusal {
            Refusal::Failed(failure) => failure,
            // The lock is waited for without a limit, so any other refusal means that its word can't be true.
            _ => self.members.damaged("the lock of the blocks"),
        }
    }
}
