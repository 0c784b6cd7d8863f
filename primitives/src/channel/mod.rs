//! A channel for values of several types over one message queue.
//!
//! A value is encoded into one message whose type is the route of the value's Rust type; the
//! kernel keeps the queue, chooses by route, and wakes whoever waits.
//!
//! A channel is made of a queue that somebody opened, or has a name. With a name it has a segment besides: what
//! is too long for the queue, and every call, travels in a parcel there (see `parcels`), and a notice of it
//! on the queue; who listens, who is there and how it ends stand in `words`.
//!
//! States of a value, and what a death does to it:
//!
//! | state | who has it | the process dies here |
//! | --- | --- | --- |
//! | encoded | the sender | it was never sent |
//! | in a parcel, the notice not sent | the sender | it was never sent, and the parcel is freed |
//! | queued | the kernel | nothing happens to it: it outlives both sides |
//! | received in the queue | the receiver | it is lost |
//! | its notice received, its parcel not claimed | nobody | the notice is sent again: nothing is lost |
//! | its parcel claimed | the receiver | it is lost, and the parcel is freed; who asked, if it was a call, is told |
//!
//! - **C1** `msgsnd` and `msgrcv` move a message whole or not at all, so no receiver sees half of one
//!   and no two receivers see the same; a parcel is claimed by compare-and-swap, once.
//! - **C2** A received message is a value or an [`Undecodable`] with its bytes; none is
//!   dropped.
//! - **C3** A failed send changed nothing; the value is still the caller's.
//! - **C4** So each value is received at most once, and exactly once unless a receiver dies with it.
//! - Who sleeps at a doorbell looks for the dead at once, woken by the obituary; who sleeps in the kernel's queue does not. So
//!   where only the latter wait, a notice that died with its receiver is sent again when somebody else comes to look.
//! - Not promised: that what a receiver took is ever worked on. Whoever needs that calls, and asks
//!   again if the answer does not come. Nor the order among parcels whose notices were sent again.

mod call;
mod codec;
mod deliver;
mod desk;
mod doorbell;
mod ends;
mod envelope;
mod error;
mod lock;
mod lost;
mod named;
mod notice;
mod parcels;
mod plan;
mod queued;
mod recv;
mod route;
mod router;
mod send;
mod shared;
mod words;

use std::{cell::Cell, sync::Arc};

pub use self::{
    call::{IncomingRequest, PendingResponse, Request},
    ends::{Receiver, Sender},
    envelope::Envelope,
    error::{CallError, ChannelFull, RecvError, RouteTaken, SendError, Undecodable},
    queued::{Queued, Usage},
    route::{Message, Route},
    router::{Router, Unhandled},
};
use self::{ends::Listens, shared::Shared};
use crate::{
    Failure, ObjectName, OpenError,
    raw::{self, MessageBuffer, MessageQueue, limits},
};

/// A channel between processes: typed values over a System V message queue.
///
/// Any number of processes and threads may send and receive. Each value reaches one receiver, in
/// the order of sending within its route. A handle may be cloned; dropping it removes nothing.
///
/// | made by | messages up to | calls, closing, who is there |
/// | --- | --- | --- |
/// | a name: [`open_or_create`](Self::open_or_create) | [`max_message_size`](crate::Options::max_message_size): 1 MiB, at most 4 GiB | yes |
/// | a queue: [`new`](Self::new), [`from_id`](Self::from_id) | `MSGMAX`: 8,192 bytes, unless the system was told otherwise | no |
///
/// Either is plain System V underneath: programs in C or Python take part with `msgsnd` and `msgrcv`, on
/// routes of their own ([`send_raw`](Self::send_raw), [`recv_raw`](Self::recv_raw)).
///
/// **When a process dies** what it sent stays, and what it received is gone with it: a value is received at most
/// once. A [caller](Self::call) is told at once when the process that took the request dies; a
/// [`Receiver`] may be told when the last [`Sender`] is gone.
///
/// ```
/// use std::time::Duration;
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, messages};
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Job(String);
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Done { words: u64 }
///
/// messages! { 1 => Job; 2 => Done }
///
/// # let name = format!("channel-example-{}", std::process::id());
/// let channel = Channel::open_or_create(&name)?;
/// channel.send(&Job("count".repeat(10_000)))?;
/// channel.send(&Done { words: 3 })?;
/// // Chosen by type, not by age.
/// assert_eq!(channel.recv::<Done>()?, Done { words: 3 });
/// assert_eq!(channel.recv::<Job>()?.0.len(), 50_000);
/// assert!(channel.recv_timeout::<Job>(Duration::from_millis(5)).unwrap_err().is_busy());
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Channel {
    /// What errors call it.
    object: ObjectName,
    queue: MessageQueue,
    shared: Option<Arc<Shared>>,
    /// How its receiving hears of the end; on a [`Receiver`] alone.
    listens: Option<Listens>,
    /// The longest message that the queue takes.
    longest: usize,
}

impl Channel {
    /// Makes a channel of a queue, however it was opened.
    ///
    /// The handle's `max_message_size` becomes the longest message the kernel allows, and follows it if
    /// a longer one comes after the limit was raised: no message is too long to be received.
    ///
    /// # Errors
    ///
    /// [`OpenError::Failed`] if the queue is gone.
    pub fn new(mut queue: MessageQueue) -> Result<Self, OpenError> {
        let object = ObjectName::of_queue(queue.id());
        let over = longest_message(&queue).and_then(|longest| {
            queue.set_max_message_size(longest);
            Self::over(queue, None)
        });
        over.map_err(|error| Failure::System { object, error }.into())
    }

    fn over(queue: MessageQueue, shared: Option<Arc<Shared>>) -> raw::Result<Self> {
        let room = usize::try_from(queue.stat()?.max_size).unwrap_or(usize::MAX);
        let longest = longest_message(&queue)?.min(room);
        let object = match &shared {
            Some(shared) => shared.object.name().clone(),
            None => ObjectName::of_queue(queue.id()),
        };
        Ok(Self { object, queue, shared, listens: None, longest })
    }

    /// Names the channel on which a call failed.
    #[cold]
    fn failed(&self, error: raw::Error) -> Failure {
        Failure::System { object: self.object.clone(), error }
    }

    /// Makes a channel of a queue's kernel id, as a parent passes it to its children.
    ///
    /// ```
    /// use sysv_primitives::{Channel, Route, raw::MessageQueueOptions};
    ///
    /// let queue = MessageQueueOptions::new().open_random()?;
    /// let channel = Channel::from_id(queue.id())?;
    /// channel.send_raw(Route::new(1), b"by its number")?;
    /// assert_eq!(Channel::new(queue)?.recv_raw(Route::new(1))?, b"by its number");
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OpenError::Failed`] if there is no such queue.
    pub fn from_id(id: i32) -> Result<Self, OpenError> {
        let failed = |error| Failure::System { object: ObjectName::of_queue(id), error };
        Self::new(MessageQueue::from_id(id).map_err(failed)?)
    }

    /// Returns the queue under the channel.
    #[must_use]
    pub fn queue(&self) -> &MessageQueue {
        &self.queue
    }

    /// Removes the channel. Waiters wake with an error that [is gone](Failure::is_gone).
    ///
    /// # Errors
    ///
    /// [`Failure::System`] for what the system refuses.
    pub fn remove(&self) -> Result<(), Failure> {
        match &self.shared {
            Some(shared) => shared.object.remove(),
            None => self.queue.remove().map_err(|error| self.failed(error)),
        }
    }
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
    // A value whose `Serialize` sends on a channel meanwhile, and a thread that is about to end,
    // get a new buffer.
    let mut message = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = use_it(&mut message);
    let _ = SCRATCH.try_with(|scratch| scratch.set(Some(message)));
    result
}
