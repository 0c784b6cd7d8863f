//! Messages on their way to a handler of a router.
//!
//! A message that is claimed stays in the channel until its handler decodes it there. So a long one is copied once, and a short
//! one needs no memory of its own.

use std::time::Duration;

use super::{
    attempt::Cause,
    claimed::Claimed,
    envelope::Envelope,
    taken::Taken,
    typed::{Message, Route},
};
use crate::{Failure, RecvError};

/// The value of a claim that was not read.
#[derive(Debug)]
pub(crate) struct Unread;

/// A message, as a handler gets it.
pub(super) enum Parcel<'a> {
    /// It was received, and its bytes are here.
    Received(&'a mut Envelope),
    /// It was claimed, and its bytes are in the channel. A handler that ends the claim leaves `None`.
    Claimed(&'a mut Option<Taken>),
}

impl Parcel<'_> {
    /// Decodes the value, and leaves the message as it is.
    pub(super) fn decode<T: Message>(&self) -> Result<T, String> {
        match self {
            Self::Received(envelope) => envelope.decode_here(),
            Self::Claimed(Some(incoming)) => incoming.decode_here::<T>().map_err(|why| why.to_string()),
            Self::Claimed(None) => Err("its claim has ended".to_owned()),
        }
    }

    /// Takes the request out of it, to respond. Returns `None` if no caller can be responded to.
    pub(super) fn take_request(&mut self) -> Option<Taken> {
        match self {
            Self::Received(envelope) => envelope.request.take(),
            Self::Claimed(incoming) => incoming.take(),
        }
    }
}

impl Claimed<Unread> {
    /// Returns the route on which the message came. Returns `None` if the claim has ended.
    pub(super) fn route(&self) -> Option<Route> {
        self.incoming.as_ref().map(Taken::route)
    }

    /// Returns the message for its handler.
    pub(super) fn parcel(&mut self) -> Parcel<'_> {
        Parcel::Claimed(&mut self.incoming)
    }

    /// Returns a copy of the message. The claim on it stays.
    pub(super) fn copied(&self) -> Result<Option<Envelope>, RecvError> {
        self.incoming.as_ref().map(Envelope::of_claim).transpose()
    }

    /// Returns since when the message is claimed, in nanoseconds of the coarse clock. Returns `None` if its caller wants no second
    /// delivery: the time of such a claim is not recorded.
    pub(crate) fn since(&self) -> Option<u64> {
        self.incoming.as_ref()?.since()
    }

    /// Requeues the message after a panic of its handler.
    pub(crate) fn requeue_panicked(mut self) -> Result<(), Failure> {
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        incoming.requeue(Cause::Panicked, Duration::ZERO)
    }
}
