//! What is on a channel, without taking it.

use std::{collections::BTreeMap, time::SystemTime};

use super::{Channel, Route};
use crate::{
    Result,
    raw::{self, MessageBuffer, MessageQueue},
};

/// What is queued on one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// How many messages.
    pub messages: u64,
    /// How many bytes they have together, as they are encoded.
    pub bytes: u64,
}

/// How much of a channel's memory is taken: by long messages and calls that are being sent, wait on the queue, or are worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// How many messages and calls are in it.
    pub messages: usize,
    /// How many there can be.
    pub max_messages: usize,
    /// How many bytes they take, in whole blocks.
    pub bytes: usize,
    /// How many bytes there are.
    pub max_bytes: usize,
}

/// Returns the messages on a queue, oldest first, without taking them (Linux).
pub(super) fn messages_on(queue: &MessageQueue) -> impl Iterator<Item = raw::Result<MessageBuffer>> {
    (0..).map(|index| queue.peek(index)).take_while(|peeked| !matches!(peeked, Err(raw::Error::WouldBlock { .. })))
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
        for message in messages_on(&self.queue) {
            let message = message?;
            let Some(bytes) = self.bytes_of(message.bytes()) else { continue };
            let queued = routes.entry(message.message_type().into()).or_default();
            queued.messages += 1;
            queued.bytes += bytes;
        }
        Ok(routes)
    }

    /// Returns how many bytes a message stands for; `None` for the notice of one that is gone.
    fn bytes_of(&self, message: &[u8]) -> Option<u64> {
        let parcels = self.shared.as_ref().map(|shared| &shared.words);
        match parcels.and_then(|words| Some((words, words.tag.read(message)?))) {
            Some((words, notice)) => words.parcels.len_of(notice),
            None => Some(message.len() as u64),
        }
    }

    /// Returns when a message was last put on the queue, in whole seconds; `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`](crate::Error::Raw) if the queue is gone.
    pub fn last_sent(&self) -> Result<Option<SystemTime>> {
        Ok(self.queue.stat()?.send_time)
    }

    /// Returns when a message was last taken from the queue, in whole seconds; `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`](crate::Error::Raw) if the queue is gone.
    pub fn last_received(&self) -> Result<Option<SystemTime>> {
        Ok(self.queue.stat()?.receive_time)
    }

    /// Returns how much of the channel's memory is taken, having freed what the dead had.
    ///
    /// ```
    /// use sysv_primitives::Channel;
    ///
    /// # let name = format!("usage-example-{}", std::process::id());
    /// let channel = Channel::create(&name)?;
    /// assert_eq!((channel.usage()?.messages, channel.usage()?.bytes), (0, 0));
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NeedsName`](crate::Error::NeedsName) for a plain queue; [`Error::Raw`](crate::Error::Raw) if the channel was removed.
    pub fn usage(&self) -> Result<Usage> {
        let shared = self.shared("have memory of its own")?;
        shared.session()?;
        shared.members.reap_all(&shared.words)?;
        let parcels = &shared.words.parcels;
        let (messages, blocks) = parcels.taken();
        Ok(Usage {
            messages,
            max_messages: parcels.words.len(),
            bytes: blocks * parcels.plan.block,
            max_bytes: parcels.blocks.len() * parcels.plan.block,
        })
    }
}
