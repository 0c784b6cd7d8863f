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
//! - **C2** A received message is a value or an [`Error::Undecodable`] with its bytes; none is dropped.
//! - **C3** A failed send changed nothing; the value is still the caller's.
//! - Not promised: that what a receiver took is ever worked on. Whoever needs that must wait for an
//!   answer, and send again if the receiver died.

mod codec;
mod route;

use std::{cell::Cell, time::Duration};

pub use self::route::{Message, Route};
use crate::{
    Error, Result,
    raw::{self, Deadline, MessageBuffer, MessageQueue, Selector, limits},
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
    /// [`Error::Raw`] if the queue is gone.
    pub fn new(mut queue: MessageQueue) -> Result<Self> {
        let longest = longest_message(&queue)?;
        queue.set_max_message_size(longest);
        Ok(Self { queue })
    }

    /// Makes a channel of a queue's kernel id, as a parent passes it to its children.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`] if there is no such queue.
    pub fn from_id(id: i32) -> Result<Self> {
        Self::new(MessageQueue::from_id(id)?)
    }

    /// Returns the queue under the channel.
    #[must_use]
    pub fn queue(&self) -> &MessageQueue {
        &self.queue
    }

    /// Removes the channel's queue; whoever waits on it wakes with an error that [is gone](Error::is_gone).
    ///
    /// # Errors
    ///
    /// [`Error::Raw`], as [`MessageQueue::remove`].
    pub fn remove(&self) -> Result<()> {
        Ok(self.queue.remove()?)
    }

    /// Sends a value; waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`Error::Unencodable`]; [`Error::Raw`], as [`MessageQueue::send`].
    pub fn send<T: Message>(&self, value: &T) -> Result<()> {
        self.send_deadline(value, Deadline::NEVER)
    }

    /// Sends a value if there is room now.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and an error that [is busy](Error::is_busy) if there is none.
    pub fn try_send<T: Message>(&self, value: &T) -> Result<()> {
        self.send_deadline(value, Deadline::NOW)
    }

    /// Sends a value; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and an error that [is busy](Error::is_busy) when the time is over.
    pub fn send_timeout<T: Message>(&self, value: &T, timeout: Duration) -> Result<()> {
        self.send_deadline(value, Deadline::after(timeout))
    }

    /// Sends a value; waits until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    pub fn send_deadline<T: Message>(&self, value: &T, deadline: Deadline) -> Result<()> {
        with_scratch(|message| {
            message.clear();
            message.set_message_type(T::ROUTE.message_type());
            codec::encode(value, message).map_err(|why| Error::Unencodable { route: T::ROUTE, why })?;
            Ok(self.queue.send_deadline(message, deadline)?)
        })
    }

    /// Receives the oldest value of this type; waits for one.
    ///
    /// # Errors
    ///
    /// - [`Error::Undecodable`], with the bytes, for a message on its route that is no such value.
    /// - [`Error::Raw`], as [`MessageQueue::receive`].
    pub fn recv<T: Message>(&self) -> Result<T> {
        self.recv_deadline(Deadline::NEVER)
    }

    /// Receives the oldest value of this type, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and an error that [is busy](Error::is_busy) if there is none.
    pub fn try_recv<T: Message>(&self) -> Result<T> {
        self.recv_deadline(Deadline::NOW)
    }

    /// Receives the oldest value of this type; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and an error that [is busy](Error::is_busy) when the time is over.
    pub fn recv_timeout<T: Message>(&self, timeout: Duration) -> Result<T> {
        self.recv_deadline(Deadline::after(timeout))
    }

    /// Receives the oldest value of this type; waits until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline<T: Message>(&self, deadline: Deadline) -> Result<T> {
        with_scratch(|message| {
            self.receive(message, Selector::Type(T::ROUTE.message_type()), deadline)?;
            codec::decode(message.bytes()).map_err(|why| Error::Undecodable {
                route: T::ROUTE,
                bytes: message.bytes().to_vec(),
                why,
            })
        })
    }

    /// Receives the oldest message of any route, to be decoded when its route is known; waits for one.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`], as [`MessageQueue::receive`].
    pub fn recv_any(&self) -> Result<Incoming> {
        self.recv_selected(Selector::Any, Deadline::NEVER)
    }

    /// Receives the oldest message of any route, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any), and an error that [is busy](Error::is_busy) if there is none.
    pub fn try_recv_any(&self) -> Result<Incoming> {
        self.recv_selected(Selector::Any, Deadline::NOW)
    }

    /// Receives the oldest message of any route; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any), and an error that [is busy](Error::is_busy) when the time is over.
    pub fn recv_any_timeout(&self, timeout: Duration) -> Result<Incoming> {
        self.recv_selected(Selector::Any, Deadline::after(timeout))
    }

    /// Receives the oldest message of any route but this type's; waits for one (Linux).
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any); [`Unsupported`](crate::raw::Error::Unsupported) outside Linux.
    pub fn recv_except<T: Message>(&self) -> Result<Incoming> {
        self.recv_selected(Selector::Except(T::ROUTE.message_type()), Deadline::NEVER)
    }

    fn receive(&self, message: &mut MessageBuffer, selector: Selector, deadline: Deadline) -> Result<()> {
        match self.queue.receive_deadline(message, selector, deadline) {
            Err(raw::Error::BufferTooSmall { .. }) => self.receive_longer(message, selector, deadline),
            received => Ok(received?),
        }
    }

    /// The kernel's limit was raised since the channel was made, and somebody used it.
    #[cold]
    fn receive_longer(&self, message: &mut MessageBuffer, selector: Selector, deadline: Deadline) -> Result<()> {
        let mut roomy = self.queue.clone();
        roomy.set_max_message_size(longest_message(&self.queue)?);
        Ok(roomy.receive_deadline(message, selector, deadline)?)
    }

    fn recv_selected(&self, selector: Selector, deadline: Deadline) -> Result<Incoming> {
        with_scratch(|message| {
            self.receive(message, selector, deadline)?;
            Ok(Incoming { route: message.message_type().into(), bytes: message.bytes().to_vec() })
        })
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

/// A message that was received, and not decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    route: Route,
    bytes: Vec<u8>,
}

impl Incoming {
    /// Returns the route it came on.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route
    }

    /// Returns the encoded bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes the value of it.
    ///
    /// # Errors
    ///
    /// [`Error::Undecodable`], with the bytes, if it came on another route or is no such value.
    pub fn decode<T: Message>(self) -> Result<T> {
        let decoded = if self.route == T::ROUTE {
            codec::decode(&self.bytes)
        } else {
            Err(format!("the type travels on route {}", T::ROUTE))
        };
        decoded.map_err(|why| Error::Undecodable { route: self.route, bytes: self.bytes, why })
    }
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
