//! Message types, and how a receiver chooses by them.

use std::fmt;

use libc::c_long;

use crate::{Error, Result};

/// The type of a message: a positive number.
///
/// ```
/// use sysv_ipc::MessageType;
///
/// assert_eq!(MessageType::new(3)?.get(), 3);
/// assert!(MessageType::new(0).is_err());
/// assert!(MessageType::new(-1).is_err());
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(c_long);

impl MessageType {
    /// One, the usual type.
    pub const ONE: Self = Self(1);

    /// The largest type.
    pub const MAX: Self = Self(c_long::MAX);

    /// Makes a type of a number.
    ///
    /// # Errors
    ///
    /// [`Error::TypeOutOfRange`] unless it is positive.
    #[allow(clippy::unnecessary_cast, reason = "c_long has 32 bits on some machines")]
    pub const fn new(number: c_long) -> Result<Self> {
        if number <= 0 {
            return Err(Error::TypeOutOfRange { message_type: number as i64 });
        }
        Ok(Self(number))
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> c_long {
        self.0
    }
}

impl Default for MessageType {
    fn default() -> Self {
        Self::ONE
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which message a receiver takes: always the oldest of those that suit.
///
/// Messages that don't suit stay, in their order.
///
/// ```
/// use sysv_ipc::{MessageBuffer, MessageQueueOptions, MessageType, Selector};
///
/// let queue = MessageQueueOptions::new().open_random()?;
/// for number in [4, 3, 2, 1] {
///     queue.send(&MessageBuffer::new(MessageType::new(number)?, b""))?;
/// }
/// let lowest = queue.receive(Selector::LowestUpTo(MessageType::new(2)?))?;
/// assert_eq!(lowest.message_type().get(), 1);
/// queue.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// The oldest of all.
    Any,
    /// The oldest of this type.
    Type(MessageType),
    /// The oldest of the lowest type that is at most this.
    ///
    /// This holds on Linux and in POSIX. BSD kernels take the first message with a type of at most this.
    LowestUpTo(MessageType),
    /// The oldest of any other type (`MSG_EXCEPT`, Linux).
    Except(MessageType),
}

impl Selector {
    /// Returns the number and the flag that `msgrcv` takes for it.
    pub(super) fn arguments(self) -> Result<(c_long, libc::c_int)> {
        Ok(match self {
            Self::Any => (0, 0),
            Self::Type(MessageType(number)) => (number, 0),
            // A type is at least 1, so its negation fits.
            Self::LowestUpTo(MessageType(number)) => (-number, 0),
            #[cfg(target_os = "linux")]
            Self::Except(MessageType(number)) => (number, libc::MSG_EXCEPT),
            #[cfg(not(target_os = "linux"))]
            Self::Except(_) => return Err(Error::Unsupported { call: "MSG_EXCEPT" }),
        })
    }
}
