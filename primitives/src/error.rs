//! What can go wrong in the primitives.

use thiserror::Error;

use crate::{Route, raw};

/// A specialised `Result` for the primitives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of every operation of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A System V call failed; it says which, on what, and what to do.
    #[error(transparent)]
    Raw(#[from] raw::Error),
    /// The value can't be turned into bytes, as its own `Serialize` says. Nothing was sent.
    #[error("can't encode a message of route {route}: {why}")]
    Unencodable {
        /// The route of the type.
        route: Route,
        /// What the codec said.
        why: String,
    },
    /// A message was received that is no value of the type; here are its bytes.
    ///
    /// Another program or version may have sent it. It is off the queue, and the channel goes on.
    #[error(
        "a message of {} bytes on route {route} is no such value: {why}; \
         it is off the queue, and its bytes are in this error", bytes.len()
    )]
    Undecodable {
        /// The route it came on.
        route: Route,
        /// The message as it was.
        bytes: Vec<u8>,
        /// What the codec said.
        why: String,
    },
}

impl Error {
    /// Returns whether waiting longer could have helped; see [`raw::Error::is_busy`].
    ///
    /// ```
    /// # use sysv_primitives::{Channel, raw::MessageQueueOptions};
    /// let channel = Channel::new(MessageQueueOptions::new().open_random()?)?;
    /// assert!(channel.try_recv_any().unwrap_err().is_busy());
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Raw(error) if error.is_busy())
    }

    /// Returns whether the object is gone; see [`raw::Error::is_gone`].
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Raw(error) if error.is_gone())
    }
}
