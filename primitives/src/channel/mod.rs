//! Channels: typed values over a [store](crate::store) of messages in shared memory.
//!
//! A value is encoded into a message, on the route of its Rust type. The store has the protocol. This module builds on it: codecs,
//! the four selections, calls, typed ends, and the router. `queue` has the same codecs over a plain
//! kernel queue.
//!
//! - **C1** A message is taken by one receiver, whole or not at all (ST1).
//! - **C2** A received message is a value or an [`Undecodable`] with its bytes. None is dropped.
//! - **C3** A failed send changed nothing, and the value is still the caller's.
//! - **C4** So each value is received at most once, and exactly once unless a receiver dies with it. A claimed value is
//!   handed out until it is done.

mod aside;
#[cfg(feature = "async")]
mod asynchronous;
mod attempt;
mod call;
mod claim;
mod claimed;
mod coding;
mod delivery;
mod depth;
mod ends;
mod envelope;
mod error;
mod forms;
mod named;
#[cfg(feature = "async")]
mod passing;
mod pending;
mod queue;
mod recv;
mod refusal;
#[cfg(feature = "redis")]
mod remote_recv;
#[cfg(feature = "redis")]
mod remotely;
pub(crate) mod report;
mod request;
mod router;
mod send;
#[cfg(feature = "async")]
mod send_async;
mod shared;
mod stop;
#[cfg(feature = "async")]
mod streams;
mod taken;
mod transport;
mod typed;
mod unread;

use std::sync::{Arc, atomic::AtomicBool};

#[cfg(feature = "async")]
pub(crate) use self::send_async::CallsWait;
use self::shared::Shared;
#[cfg(feature = "async")]
pub use self::streams::{MessageSink, MessageStream};
use self::transport::Transport;
pub(crate) use self::unread::Unread;
pub use self::{
    aside::{ActiveClaim, SetAside},
    attempt::{Attempt, Cause},
    claimed::Claimed,
    delivery::Delivery,
    depth::{Depth, Queued},
    ends::{Receiver, Sender},
    envelope::Envelope,
    error::{CallError, ChannelFull, RecvError, RouteTaken, SendError, Undecodable},
    pending::PendingResponse,
    queue::TypedQueue,
    request::IncomingRequest,
    router::{Router, Unhandled},
    stop::Stop,
    typed::{Message, Request, Route, codec},
};
use crate::{Failure, store::Wants};

/// A channel between processes: typed values in shared memory.
///
/// Any number of processes and threads may send and receive. Each value reaches one receiver, in the order of sending within
/// its route. A handle may be cloned. Dropping it removes nothing.
///
/// | it has room for | by default | option |
/// | --- | --- | --- |
/// | ordinary messages | 1,024 | [`capacity`](crate::Options::capacity) |
/// | calls under way, in addition | as many, from 16 to 1,024 | the same |
/// | control messages, in addition | 16 | – |
/// | bytes of a message | 1 MiB | [`max_message_size`](crate::Options::max_message_size) |
/// | routes that do not share a lane | 32 | [`max_routes`](crate::Options::max_routes) |
///
/// Programs in C and Python are reached by [`TypedQueue`].
///
/// The life of a message:
///
#[doc = include_str!("../../pictures/message.svg")]
///
/// **When a process dies** what it sent stays, and what it received is lost with it: `recv` is at most once. What it
/// [claimed](Self::claim) comes back: `claim` is at least once. A [caller](Self::call) is notified at once when the
/// process that took its request dies. A [`Receiver`] may detect that the last [`Sender`] of its type was dropped or has died.
///
/// **When a process is stopped** it holds up the message that it sends, that it has taken, or for which it was just woken, and
/// no other. A message goes past a receiver that is stopped in its sleep, to another one. A process that is stopped while it
/// allocates room for a long message, which takes some 100 instructions, holds up all long messages.
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
    transport: Transport,
    detects_disconnect: bool,
    requires_server: bool,
    /// Set when this handle is to stop receiving.
    stop: Option<Arc<AtomicBool>>,
}

impl Channel {
    fn new(transport: Transport) -> Self {
        Self { transport, detects_disconnect: false, requires_server: false, stop: None }
    }

    /// Returns which ends a receiver of this handle is notified of.
    #[inline]
    fn wants(&self) -> Wants<'_> {
        Wants { disconnect: self.detects_disconnect, stop: self.stop.as_deref(), claims: false }
    }

    /// As [`Transport::memory`].
    #[inline]
    fn memory(&self, operation: &'static str, instead: &'static str) -> Result<&Arc<Shared>, Failure> {
        self.transport.memory(operation, instead)
    }

    /// Sets whether receiving on this handle ends with [`RecvError::Disconnected`] when no [`Sender`] of the routes that it
    /// receives is left on any other opened handle. Clones share one. By default it does not.
    ///
    /// Messages that are queued are received first. If another sender comes, receiving waits again. Before the first sender has
    /// come, nothing is reported. Only handles of type [`Sender`] count. While a message is [delayed](Delivery::delay) no receiver
    /// is disconnected.
    pub fn detect_disconnect(&mut self, detect: bool) -> &mut Self {
        self.detects_disconnect = detect;
        self
    }
}
