//! What is on a channel, without taking it.

use std::collections::BTreeMap;

use super::{Channel, Route};
use crate::{Result, raw};

/// What is queued on one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// How many messages.
    pub messages: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

impl Channel {
    /// Returns what is queued, by route, without taking anything (Linux).
    ///
    /// It looks at one message after another; while others send and receive, one may be counted twice or not at all.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](raw::Error::Unsupported) where the kernel can't show messages without taking them;
    /// [`Error::Raw`](crate::Error::Raw) if the queue is gone.
    pub fn queued(&self) -> Result<BTreeMap<Route, Queued>> {
        let mut routes: BTreeMap<Route, Queued> = BTreeMap::new();
        for index in 0.. {
            match self.queue.peek(index) {
                Ok(message) => {
                    let queued = routes.entry(message.message_type().into()).or_default();
                    queued.messages += 1;
                    queued.bytes += message.bytes().len() as u64;
                }
                Err(raw::Error::WouldBlock { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(routes)
    }
}
