//! What is on a channel, without taking it.

use std::{collections::BTreeMap, time::SystemTime};

use super::{Channel, Route};
use crate::{
    Failure,
    raw::{self, MessageBuffer, MessageQueue, MessageQueueStat},
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

/// How much of a channel is taken: its queue, which holds short messages, and its memory.
///
/// Long messages and calls are in the memory while they are sent, wait, or are worked on. Each has a notice of 32 bytes on
/// the queue as long as it waits, which counts as a queued message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// How many messages are on the queue: all short ones, and a notice of each that is in the memory.
    pub queued_messages: u64,
    /// How many bytes they have together; 0 where the system doesn't tell.
    pub queued_bytes: u64,
    /// How many bytes the queue holds at most.
    pub max_queued_bytes: u64,
    /// How many long messages and calls are in the memory.
    pub messages: usize,
    /// How many it has room for.
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
    /// [`Failure::System`] if the queue is gone.
    pub fn queued(&self) -> Result<BTreeMap<Route, Queued>, Failure> {
        let mut routes: BTreeMap<Route, Queued> = BTreeMap::new();
        for message in messages_on(&self.queue) {
            let message = message.map_err(|error| self.failed(error))?;
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

    fn stat(&self) -> Result<MessageQueueStat, Failure> {
        self.queue.stat().map_err(|error| self.failed(error))
    }

    /// Returns when a message was last put on the queue, in whole seconds; `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the queue is gone.
    pub fn last_sent(&self) -> Result<Option<SystemTime>, Failure> {
        Ok(self.stat()?.send_time)
    }

    /// Returns when a message was last taken from the queue, in whole seconds; `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the queue is gone.
    pub fn last_received(&self) -> Result<Option<SystemTime>, Failure> {
        Ok(self.stat()?.receive_time)
    }

    /// Returns how much of the channel's queue and memory is taken, having freed what dead members had.
    ///
    /// [`queued`](Self::queued) tells what is on the queue by route.
    ///
    /// ```
    /// use sysv_primitives::{Channel, Route};
    ///
    /// # let name = format!("usage-example-{}", std::process::id());
    /// let channel = Channel::create(&name)?;
    /// channel.send_raw(Route::new(1), b"short")?;
    /// let usage = channel.usage()?;
    /// assert_eq!((usage.queued_messages, usage.queued_bytes), (1, 5));
    /// assert_eq!((usage.messages, usage.bytes), (0, 0));
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Failure::NeedsName`] for a plain queue. [`Failure::System`] if the channel was removed.
    pub fn usage(&self) -> Result<Usage, Failure> {
        let shared = self.shared("have memory of its own")?;
        shared.session()?;
        shared.members.reap_all(&shared.words)?;
        let parcels = &shared.words.parcels;
        let (messages, blocks) = parcels.taken();
        let stat = self.stat()?;
        Ok(Usage {
            queued_messages: stat.messages,
            queued_bytes: stat.bytes.unwrap_or(0),
            max_queued_bytes: stat.max_size,
            messages,
            max_messages: parcels.words.len(),
            bytes: blocks * parcels.plan.block,
            max_bytes: parcels.blocks.len() * parcels.plan.block,
        })
    }
}
