//! Typed messages over a plain kernel queue, for exchanges with programs in other languages.

mod recv;
mod send;

use std::{cell::Cell, collections::BTreeMap, time::SystemTime};

use super::{depth::Queued, typed::Route};
use crate::{
    Failure, ObjectName, OpenError,
    raw::{self, MessageBuffer, MessageQueue, MessageQueueStat, limits},
};

/// Typed messages over a System V message queue, as programs in C and Python use it.
///
/// A value is encoded into one message of the queue. Its type is the route of the value's Rust type. The kernel keeps the
/// queue, chooses by route, and wakes receivers. A typed message begins with two numbers of 32 bits, little endian: its
/// [codec](crate::codec) and its [schema](crate::Message::SCHEMA). Raw bytes go as they are, for routes that other programs use with
/// `msgsnd` and `msgrcv` ([`send_raw`](Self::send_raw), [`recv_raw`](Self::recv_raw)).
///
/// Between programs in Rust a [`Channel`](crate::Channel) is many times faster. It has calls, closing and messages of any
/// length, which a queue has not: here a message has up to `MSGMAX` bytes, 8,192 by default.
///
/// **When a process dies** what it sent stays, and what it received is lost with it.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Route, TypedQueue, messages, raw::MessageQueueOptions};
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Job(String);
/// messages! { 1 => Job }
///
/// let queue = TypedQueue::new(MessageQueueOptions::new().open_random()?)?;
/// queue.send(&Job("count".into()))?;
/// queue.send_raw(Route::new(9), b"for a program in C")?;
/// assert_eq!(queue.recv::<Job>()?, Job("count".into()));
/// assert_eq!(queue.recv_raw(Route::new(9))?, b"for a program in C");
/// queue.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TypedQueue {
    object: ObjectName,
    queue: MessageQueue,
    /// The longest message that the queue takes.
    longest: usize,
}

/// Returns the longest message that can be on a queue now.
fn longest_message(queue: &MessageQueue) -> raw::Result<usize> {
    let longest = match limits() {
        Ok(limits) => limits.message_queues.max_message_size,
        // Where the system doesn't tell, no message is longer than the queue.
        Err(_unsupported) => queue.stat()?.max_size,
    };
    Ok(usize::try_from(longest).unwrap_or(usize::MAX))
}

/// Lends this thread's buffer, so that sending and receiving allocate nothing of their own.
fn with_scratch<R>(use_it: impl FnOnce(&mut MessageBuffer) -> R) -> R {
    thread_local! {
        static SCRATCH: Cell<Option<MessageBuffer>> = const { Cell::new(None) };
    }
    // A codec that uses a queue itself, and a thread that is about to end, get a new buffer.
    let mut message = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = use_it(&mut message);
    let _ = SCRATCH.try_with(|scratch| scratch.set(Some(message)));
    result
}

impl TypedQueue {
    /// Makes a typed queue of a queue, however it was opened.
    ///
    /// The handle's `max_message_size` becomes the longest message the kernel allows, and follows it if a longer one comes after
    /// the limit was raised: no message is too long to be received.
    ///
    /// # Errors
    ///
    /// [`OpenError::Failed`] if the queue was removed.
    pub fn new(mut queue: MessageQueue) -> Result<Self, OpenError> {
        let object = ObjectName::of_queue(queue.id());
        // The kernel refuses a message beyond its limit, and a receive buffer must have room for the longest.
        let measured = longest_message(&queue).and_then(|longest| {
            queue.set_max_message_size(longest);
            Ok(usize::try_from(queue.stat()?.max_size).unwrap_or(usize::MAX).min(longest))
        });
        match measured {
            Ok(longest) => Ok(Self { object, queue, longest }),
            Err(error) => Err(Failure::System { object, error }.into()),
        }
    }

    /// Makes a typed queue of a queue's id, as another process has passed it on.
    ///
    /// # Errors
    ///
    /// [`OpenError::Failed`] if there is no such queue.
    pub fn from_id(id: i32) -> Result<Self, OpenError> {
        let failed = |error| Failure::System { object: ObjectName::of_queue(id), error };
        Self::new(MessageQueue::from_id(id).map_err(failed)?)
    }

    /// Returns the queue underneath.
    #[must_use]
    pub fn queue(&self) -> &MessageQueue {
        &self.queue
    }

    /// Returns the longest message that it carries, with the 8 bytes before a typed one.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        self.longest
    }

    /// Removes the queue. Waiters wake with an error that [is gone](Failure::is_gone).
    ///
    /// # Errors
    ///
    /// [`Failure::System`] for what the system refuses.
    pub fn remove(&self) -> Result<(), Failure> {
        self.queue.remove().map_err(|error| self.failed(error))
    }

    #[cold]
    fn failed(&self, error: raw::Error) -> Failure {
        Failure::System { object: self.object.clone(), error }
    }

    /// Returns what is queued, by route, without taking anything (Linux). How old the messages are the kernel does not tell.
    ///
    /// It counts one message after another. While others send and receive, a message may be counted twice or not at
    /// all.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](raw::Error::Unsupported) where the kernel can't show messages without taking them;
    /// [`Failure::System`] if the queue was removed.
    pub fn queued(&self) -> Result<BTreeMap<Route, Queued>, Failure> {
        let mut routes: BTreeMap<Route, Queued> = BTreeMap::new();
        // Nothing is taken: each peek copies one message by its index, and the first index without one ends it.
        let peeks = (0..).map(|index| self.queue.peek(index));
        for message in peeks.take_while(|peeked| !matches!(peeked, Err(raw::Error::WouldBlock { .. }))) {
            let message = message.map_err(|error| self.failed(error))?;
            let queued = routes.entry(message.message_type().into()).or_default();
            queued.messages += 1;
            queued.bytes += message.bytes().len() as u64;
        }
        Ok(routes)
    }

    fn stat(&self) -> Result<MessageQueueStat, Failure> {
        self.queue.stat().map_err(|error| self.failed(error))
    }

    /// Returns when a message was last put on the queue, in whole seconds. Returns `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the queue was removed.
    pub fn last_sent(&self) -> Result<Option<SystemTime>, Failure> {
        Ok(self.stat()?.send_time)
    }

    /// Returns when a message was last taken from the queue, in whole seconds. Returns `None` if there was none.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the queue was removed.
    pub fn last_received(&self) -> Result<Option<SystemTime>, Failure> {
        Ok(self.stat()?.receive_time)
    }
}
