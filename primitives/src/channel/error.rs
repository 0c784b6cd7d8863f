//! Why a message was not sent, received or answered.

use thiserror::Error;

use super::{
    attempt::{Attempt, Listed},
    typed::Route,
};
use crate::{Failure, ObjectName, iter::IterError, raw::Deadline};

/// Why a message was not sent. Nothing was sent, except perhaps with [`MaybeSent`](Self::MaybeSent), and the caller still has the
/// value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The channel is full, and the call does not wait.
    #[error("{0}; receive from it, wait longer, or create it with a larger Options::capacity")]
    Full(ChannelFull),
    /// The channel had no room until the timeout elapsed.
    #[error("{0}, and the timeout elapsed; receive from it, wait longer, or create it with a larger Options::capacity")]
    TimedOut(ChannelFull),
    /// The channel was closed.
    #[error(
        "{object} was closed, and takes no more messages; what is in it can still be received; to begin anew, remove it \
         and create it again"
    )]
    Closed {
        /// The channel.
        object: ObjectName,
    },
    /// The message is longer than the channel carries.
    #[error("a message of {bytes} bytes is longer than the limit of {object}, {limit} bytes; {}", longer(object))]
    TooLong {
        /// The channel.
        object: ObjectName,
        /// How long it is, encoded.
        bytes: usize,
        /// The longest there may be.
        limit: usize,
    },
    /// No member serves the route of a request, and the handle [requires](crate::Channel::require_server) one.
    #[error("no member of {object} serves requests of route {route}; start one that calls recv_request")]
    NoServer {
        /// The channel.
        object: ObjectName,
        /// The route of the request.
        route: Route,
    },
    /// The value can't be turned into bytes: its own `Serialize` refuses, or it is nested too deeply or has too many
    /// elements to be received.
    #[error("can't encode a message of route {route} for {object}: {why}; nothing was sent")]
    Unencodable {
        /// The channel.
        object: ObjectName,
        /// The route of the type.
        route: Route,
        /// What the codec said.
        why: String,
    },
    /// The connection to the Redis server broke while the message was on its way, and could not be made again in time. The message
    /// was sent once, or not at all. Only with [`Channel::connect`](crate::Channel::connect).
    #[error("a message may have been sent to {object}, and may not: {why}; send it again if twice does no harm")]
    MaybeSent {
        /// The channel.
        object: ObjectName,
        /// What the system said.
        why: Box<str>,
    },
    /// The channel was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl SendError {
    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Full(_) | Self::TimedOut(_))
    }

    /// Returns whether the channel is closed.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// Returns whether the channel was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}

/// What a channel without room for a message holds.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{object} has no room: it holds {messages} of at most {max_messages} messages and {bytes} of {max_bytes} bytes"
)]
#[non_exhaustive]
pub struct ChannelFull {
    /// The channel.
    pub object: ObjectName,
    /// How many messages of this kind it holds: ordinary ones, calls, or control messages. Messages that a process has taken and
    /// not completed count too.
    pub messages: u64,
    /// How many of this kind it has room for.
    pub max_messages: u64,
    /// How many bytes its long messages take.
    pub bytes: u64,
    /// How many bytes it has for them.
    pub max_bytes: u64,
}

/// Why no message was received.
///
/// ```
/// use sysv_primitives::{Channel, RecvError};
///
/// # let name = format!("recv-error-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// assert!(matches!(channel.try_recv_any(), Err(RecvError::Empty)));
/// channel.close()?;
/// assert!(matches!(channel.recv_any(), Err(RecvError::Closed { .. })));
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The channel has no such message, and the call does not wait.
    #[error("the channel has no such message")]
    Empty,
    /// No such message came before the timeout elapsed.
    #[error("no such message came before the timeout elapsed")]
    TimedOut,
    /// The channel was closed, and no such message is left in it.
    #[error("{object} was closed, and no such message is left in it; to begin anew, remove it and create it again")]
    Closed {
        /// The channel.
        object: ObjectName,
    },
    /// Every [`Sender`](crate::Sender) was dropped or died, no such message is left, and the handle
    /// [detects that](crate::Channel::detect_disconnect).
    #[error("{object}: every sender has left or died; wait for another one with detect_disconnect(false)")]
    Disconnected {
        /// The channel.
        object: ObjectName,
    },
    /// Receiving on this handle was [stopped](crate::Stop). The channel is still open.
    #[error("receiving was stopped")]
    Stopped,
    /// A message was received that could not be decoded.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The channel was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl RecvError {
    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Empty | Self::TimedOut)
    }

    /// Returns whether the channel is closed or disconnected and no such message is left, or receiving was stopped.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Disconnected { .. } | Self::Stopped)
    }

    /// Returns whether the channel was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_gone())
    }
}

impl IterError for RecvError {
    fn is_end(&self) -> bool {
        self.is_end()
    }

    fn is_busy(&self) -> bool {
        self.is_busy()
    }

    fn is_passing(&self) -> bool {
        matches!(self, Self::Undecodable(_))
    }
}

/// A message that could not be decoded as the type that it was received as. It has the bytes.
///
/// Another program or version may have sent it. The message was removed from the channel, which can still be used.
#[derive(Clone, Debug, Error)]
#[error(
    "a message of {} bytes on route {route} of {object} is no such value: {why}; \
     it is off the channel, and its bytes are in this error", bytes.len()
)]
#[non_exhaustive]
pub struct Undecodable {
    /// The channel.
    pub object: ObjectName,
    /// The route it came on.
    pub route: Route,
    /// The message as it was.
    pub bytes: Vec<u8>,
    /// What the codec said.
    pub why: String,
}

/// Why a request has no response.
///
/// It says whether the request was sent: only [`NotSent`](Self::NotSent) means that no process can have worked on it. With
/// any other variant it was sent. Closing the channel ends the wait for a response if no process has taken the request:
/// then it is `NotSent`, since the request was withdrawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The request was not sent.
    #[error(transparent)]
    NotSent(SendError),
    /// There is no response yet, and the call does not wait. The request stays sent.
    #[error("there is no response yet")]
    WouldBlock,
    /// The request was sent, and no response came before the timeout elapsed.
    ///
    /// `call_timeout` withdraws the request. A process that has already received it may have worked on it. After
    /// `PendingResponse::wait_timeout` the request stays sent: wait again, or drop it.
    #[error("no response came before the timeout elapsed")]
    TimedOut,
    /// The process that received the request died or dropped it before it responded.
    ///
    /// The process may have worked on the request. Call again if that does no harm.
    #[error(
        "the process that received the request of route {route} from {object} died or dropped it, and may have worked on \
         it; call again if that does no harm"
    )]
    NoResponse {
        /// The channel.
        object: ObjectName,
        /// The route of the request.
        route: Route,
    },
    /// The process that received the request [refused](crate::IncomingRequest::refuse) it.
    #[error("the request of route {route} from {object} was refused: {why}")]
    Refused {
        /// The channel.
        object: ObjectName,
        /// The route of the request.
        route: Route,
        /// What that process said.
        why: String,
    },
    /// All attempts that the [limit](crate::Delivery::attempts) allows ended without a response. The request is [set
    /// aside](crate::Channel::set_aside).
    #[error(
        "the request of route {route} from {object} failed as often as it may, and is set aside: {}; list, retry or discard it \
         with Channel::set_aside",
        Listed(attempts)
    )]
    SetAside {
        /// The channel.
        object: ObjectName,
        /// The route of the request.
        route: Route,
        /// How the attempts ended: the last eight.
        attempts: Vec<Attempt>,
    },
    /// The response could not be decoded.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The request was sent, and then the channel was removed, was found corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<SendError> for CallError {
    fn from(error: SendError) -> Self {
        match error {
            // A process may work on it, which `NotSent` rules out.
            SendError::MaybeSent { object, why } => Self::Failed(Failure::Unreachable { object, why }),
            error => Self::NotSent(error),
        }
    }
}

impl CallError {
    pub(super) fn not_in_time(deadline: Deadline) -> Self {
        if deadline == Deadline::NOW { Self::WouldBlock } else { Self::TimedOut }
    }

    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match self {
            Self::NotSent(error) => error.is_busy(),
            _ => matches!(self, Self::WouldBlock | Self::TimedOut),
        }
    }

    /// Returns whether the channel is closed.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::NotSent(error) if error.is_end())
    }

    /// Returns whether the channel was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::NotSent(error) => error.is_gone(),
            Self::Failed(failure) => failure.is_gone(),
            _ => false,
        }
    }
}

/// Two types of messages have the same route.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("another type of message has route {route}; give each type a route of its own")]
#[non_exhaustive]
pub struct RouteTaken {
    /// The route of both.
    pub route: Route,
}

fn longer(object: &ObjectName) -> &'static str {
    if object.name().is_some() {
        "create it with a larger Options::max_message_size"
    } else {
        "raise `sysctl kernel.msgmax` and the size of the queue, or use a Channel, which carries longer ones"
    }
}
