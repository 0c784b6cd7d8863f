//! A message that this process has taken, from either transport.

use std::time::Duration;

#[cfg(feature = "redis")]
use super::typed::codec::{self, Codec};
use super::{
    attempt::Cause,
    coding,
    shared::Incoming,
    typed::{Message, Route, codec::CodecError},
};
use crate::{Failure, ObjectName, RecvError, clock, store::Ending};
#[cfg(feature = "redis")]
use crate::{Undecodable, remote};

/// A message that this process holds or has claimed. When it is dropped a claim is requeued, and the caller of any other request
/// learns that there is no response.
#[derive(Debug)]
pub(super) enum Taken {
    Memory(Incoming),
    #[cfg(feature = "redis")]
    Server(remote::Taken),
}

impl Taken {
    pub(super) fn name(&self) -> &ObjectName {
        match self {
            Self::Memory(incoming) => incoming.shared.name(),
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.remote().name(),
        }
    }

    pub(super) fn route(&self) -> Route {
        match self {
            Self::Memory(incoming) => incoming.route(),
            #[cfg(feature = "redis")]
            Self::Server(taken) => Route::from_number(taken.route),
        }
    }

    /// Returns the codec and the schema.
    pub(super) fn encoded(&self) -> (u32, u32) {
        match self {
            Self::Memory(Incoming { received, .. }) => (received.codec, received.schema),
            #[cfg(feature = "redis")]
            Self::Server(taken) => (taken.codec, taken.schema),
        }
    }

    /// Returns whether a caller waited when it was taken.
    pub(super) fn is_call(&self) -> bool {
        match self {
            Self::Memory(incoming) => incoming.received.is_call,
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.is_call,
        }
    }

    /// Returns whether there is something to be ended: a claim, or a request that waits for its response.
    #[cfg(feature = "async")]
    pub(super) fn is_kept(&self) -> bool {
        match self {
            Self::Memory(_) => true,
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.is_kept(),
        }
    }

    /// Returns how often it was claimed before.
    pub(super) fn attempts(&self) -> u8 {
        match self {
            Self::Memory(incoming) => incoming.received.attempts(),
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.attempts,
        }
    }

    /// Returns its limit of attempts. 0 is none.
    pub(super) fn limit(&self) -> u8 {
        match self {
            Self::Memory(incoming) => incoming.shared.store.limit_of(incoming.received.held),
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.limit,
        }
    }

    /// Returns how the attempts before this one ended.
    pub(super) fn endings(&self) -> Vec<(u32, Ending)> {
        match self {
            Self::Memory(incoming) => incoming.shared.store.earlier_endings(incoming.received.held),
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.endings.clone(),
        }
    }

    /// Returns how long ago it was sent, or last requeued by a living process.
    pub(super) fn age(&self) -> Duration {
        match self {
            Self::Memory(incoming) => Duration::from_nanos(clock::coarse().saturating_sub(incoming.received.sent_at)),
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.age(),
        }
    }

    /// Returns since when it is claimed, in nanoseconds of the coarse clock. `None` if that is not recorded.
    pub(super) fn since(&self) -> Option<u64> {
        match self {
            Self::Memory(Incoming { shared, received, .. }) => {
                received.is_claim().then(|| shared.store.claimed_at(received.held))
            }
            #[cfg(feature = "redis")]
            Self::Server(_) => None,
        }
    }

    /// Returns a copy of its bytes.
    pub(super) fn read_all(&self) -> Result<Vec<u8>, RecvError> {
        match self {
            Self::Memory(incoming) => coding::read_all(incoming),
            #[cfg(feature = "redis")]
            Self::Server(taken) => Ok(taken.bytes.clone()),
        }
    }

    /// Decodes it. If that fails, its bytes are in the error.
    #[inline]
    pub(super) fn decode<T: Message>(&self) -> Result<T, RecvError> {
        match self {
            Self::Memory(incoming) => coding::decode::<T>(incoming),
            #[cfg(feature = "redis")]
            Self::Server(_) => self.decode_here::<T>().map_err(|why| {
                let (object, route) = (self.name().clone(), self.route());
                match self.read_all() {
                    Ok(bytes) => Undecodable { object, route, bytes, why: why.to_string() }.into(),
                    Err(error) => error,
                }
            }),
        }
    }

    /// Decodes it, of a route that is known to be this type's.
    #[inline]
    pub(super) fn decode_here<T: Message>(&self) -> Result<T, CodecError> {
        match self {
            Self::Memory(incoming) => coding::decode_here::<T>(incoming),
            #[cfg(feature = "redis")]
            Self::Server(taken) => {
                codec::check_as::<T::Codec, T>(taken.codec, taken.schema, T::SCHEMA)?;
                T::Codec::decode(&taken.bytes)
            }
        }
    }

    /// Returns whether the claim is this process's still, as far as it can be known.
    pub(super) fn check_claim(&self) -> Result<(), Failure> {
        match self {
            Self::Memory(incoming) => incoming.check_claim(),
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.check("claim"),
        }
    }

    /// Frees it. A caller that waits learns that there is no response.
    pub(super) fn finish(self) {
        match self {
            Self::Memory(incoming) => incoming.finish(),
            // A lease that is lost is no matter here: the message goes to another process.
            #[cfg(feature = "redis")]
            Self::Server(taken) => drop(taken.done()),
        }
    }

    /// Completes a claim.
    #[inline]
    pub(super) fn finish_claim(self) -> Result<(), Failure> {
        match self {
            Self::Memory(incoming) => incoming.finish_claim(),
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.done(),
        }
    }

    /// Requeues a claim, to be received after a delay.
    pub(super) fn requeue(self, cause: Cause, delay: Duration) -> Result<(), Failure> {
        // Fails before anything is changed: a claim that was lost is another process's.
        self.check_claim()?;
        match self {
            Self::Memory(incoming) => {
                incoming.requeue(cause, delay);
                Ok(())
            }
            #[cfg(feature = "redis")]
            Self::Server(taken) => taken.give_back(remote::Returned { cause: cause.number(), delay }),
        }
    }
}
