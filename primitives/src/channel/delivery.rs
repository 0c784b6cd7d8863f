//! How one message is delivered: its limit of attempts, its delay, and what becomes of it when its caller dies.

use std::time::Duration;

use super::typed::{Message, codec::Codec};
use crate::store::{About, Class, Wishes};

/// How a message is delivered, if that differs from the defaults of its type and its channel.
///
/// ```
/// use std::time::Duration;
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, Delivery, messages};
///
/// #[derive(Serialize, Deserialize)]
/// struct Job(u32);
/// messages! { 1 => Job }
///
/// # let name = format!("delivery-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// channel.send_with(&Job(7), Delivery::new().attempts(2).delay(Duration::from_millis(1)))?;
/// drop(channel.claim::<Job>()?);
/// drop(channel.claim::<Job>()?);
/// // Both attempts failed.
/// assert_eq!(channel.set_aside()?.len(), 1);
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "it is for the methods that send"]
pub struct Delivery {
    attempts: Option<u8>,
    delay: Duration,
    outlives_caller: bool,
}

impl Delivery {
    /// Returns the defaults of the type and the channel, without a delay.
    pub const fn new() -> Self {
        Self { attempts: None, delay: Duration::ZERO, outlives_caller: false }
    }

    /// Sets after how many [attempts](crate::Channel::claim) the message is [set aside](crate::Channel::set_aside). 0 is never.
    ///
    /// By default it is the [type's](Message::ATTEMPTS) limit, and if that has none the [channel's](crate::Options::attempts).
    ///
    /// A request with a limit above 1 is delivered again if the claim on it ends without a response: by a death, a
    /// panic, or a [requeue](crate::Claimed::requeue). A request without such a limit is not: its caller gets
    /// [`CallError::NoResponse`](crate::CallError::NoResponse). With 1, and [`outlives_caller`](Self::outlives_caller), it is set aside then.
    pub const fn attempts(mut self, limit: u8) -> Self {
        self.attempts = Some(limit);
        self
    }

    /// Sets after what delay the message can be received. Until then it takes room in the channel.
    ///
    /// Time that the machine is suspended does not count.
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets whether a request stays in the channel when its caller dies. By default it does not.
    ///
    /// If it does, a server still works on the request after the caller has died, and the response is dropped. The death of a
    /// server does not lose the request either: without a limit of attempts it is delivered until it is done.
    pub const fn outlives_caller(mut self, outlives: bool) -> Self {
        self.outlives_caller = outlives;
        self
    }

    /// Returns the description of a message of a class.
    #[inline]
    pub(super) fn about<T: Message>(self, class: Class, limit_of_channel: u8) -> About {
        let of_type = if T::ATTEMPTS == 0 { limit_of_channel } else { T::ATTEMPTS };
        let limit = self.attempts.unwrap_or(of_type);
        let mut wishes = Wishes::attempts(limit);
        if class == Class::Call {
            // What outlives its caller must not be lost with a server.
            if limit > 1 || self.outlives_caller {
                wishes = wishes.redelivered();
            }
            if self.outlives_caller {
                wishes = wishes.outlives_caller();
            }
        }
        About { route: T::ROUTE.number(), codec: T::Codec::NUMBER, schema: T::SCHEMA, class, wishes, delay: self.delay }
    }
}
