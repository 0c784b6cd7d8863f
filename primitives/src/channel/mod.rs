//! A channel for values of several types over one message queue.
//!
//! A value is encoded into one message whose type is the route of the value's Rust type; the
//! kernel keeps the queue, chooses by route, and wakes whoever waits.
//!
//! States of a value, and what a death does to it:
//!
//! | state | who has it | the process dies here |
//! | --- | --- | --- |
//! | encoded | the sender | it was never sent |
//! | queued | the kernel | nothing happens to it: it outlives both sides |
//! | received | the receiver | it is lost |
//!
//! - **C1** `msgsnd` and `msgrcv` move a message whole or not at all, so no receiver sees half of one
//!   and no two receivers see the same.
//! - **C2** A received message is a value or an [`Error::Undecodable`](crate::Error::Undecodable) with its bytes; none is
//!   dropped.
//! - **C3** A failed send changed nothing; the value is still the caller's.
//! - Not promised: that what a receiver took is ever worked on. Whoever needs that must wait for an
//!   answer, and send again if the receiver died.

mod codec;
mod incoming;
mod queued;
mod recv;
mod route;
mod router;
mod send;

use std::cell::Cell;

pub use self::{
    incoming::Incoming,
    queued::Queued,
    route::{Message, Route},
    router::{Router, Unhandled},
};
use crate::{
    Result,
    raw::{MessageBuffer, MessageQueue, limits},
};

/// A channel between processes: typed values over a System V message queue.
///
/// Any number of processes and threads may send and receive. Each value reaches one receiver, in
/// the order of sending within its route. A handle may be cloned; dropping it removes nothing.
///
/// One value must fit in one message: `MSGMAX` bytes, 8,192 unless the system was told otherwise.
///
/// **When a process dies** what it sent stays, and what it received is gone with it.
///
/// ```
/// use std::time::Duration;
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, Message, Route, raw::MessageQueueOptions};
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Job(String);
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Done { words: u64 }
///
/// impl Message for Job {
///     const ROUTE: Route = Route::new(1);
/// }
/// impl Message for Done {
///     const ROUTE: Route = Route::new(2);
/// }
///
/// let channel = Channel::new(MessageQueueOptions::new().open_random()?)?;
/// channel.send(&Job("count".into()))?;
/// channel.send(&Done { words: 3 })?;
/// // Chosen by type, not by age.
/// assert_eq!(channel.recv::<Done>()?, Done { words: 3 });
/// let incoming = channel.recv_any()?;
/// assert_eq!(incoming.route(), Job::ROUTE);
/// assert_eq!(incoming.decode::<Job>()?, Job("count".into()));
/// assert!(channel.recv_timeout::<Job>(Duration::from_millis(5)).unwrap_err().is_busy());
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Channel {
    queue: MessageQueue,
}

impl Channel {
    /// Makes a channel of a queue, however it was opened.
    ///
    /// The handle's `max_message_size` becomes the longest message the kernel allows, and follows it if
    /// a longer one comes after the limit was raised: no message is too long to be received.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`](crate::Error::Raw) if the queue is gone.
    pub fn new(mut queue: MessageQueue) -> Result<Self> {
        let longest = longest_message(&queue)?;
        queue.set_max_message_size(longest);
        Ok(Self { queue })
    }

    /// Makes a channel of a queue's kernel id, as a parent passes it to its children.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`](crate::Error::Raw) if there is no such queue.
    pub fn from_id(id: i32) -> Result<Self> {
        Self::new(MessageQueue::from_id(id)?)
    }

    /// Returns the queue under the channel.
    #[must_use]
    pub fn queue(&self) -> &MessageQueue {
        &self.queue
    }

    /// Removes the channel's queue; whoever waits on it wakes with an error that [is gone](crate::Error::is_gone).
    ///
    /// # Errors
    ///
    /// [`Error::Raw`](crate::Error::Raw), as [`MessageQueue::remove`].
    pub fn remove(&self) -> Result<()> {
        Ok(self.queue.remove()?)
    }
}

/// Returns the longest message that can be on a queue now.
fn longest_message(queue: &MessageQueue) -> Result<usize> {
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
        static SCRATCH: Cell<MessageBuffer> = Cell::default();
    }
    // A value whose `Serialize` sends on a channel meanwhile, and a thread that is about to end,
    // find an empty buffer.
    let mut message = SCRATCH.try_with(Cell::take).unwrap_or_default();
    let result = use_it(&mut message);
    let _ = SCRATCH.try_with(|scratch| scratch.set(message));
    result
}
