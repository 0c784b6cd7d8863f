//! A claim under way: how it ends, and what it says of itself.

use std::{ops::Deref, time::Duration};

use super::{
    attempt::{Attempt, Cause},
    envelope::Envelope,
    request,
    taken::Taken,
    typed::{Message, Request},
};
use crate::{Failure, SendError, Undecodable, raw::Deadline};

/// A message that this process works on. It derefs to the message.
///
/// | the claim | the message |
/// | --- | --- |
/// | is [`done`](Self::done), or a request is [responded](Self::respond) to | is removed |
/// | is dropped, or [requeued](Self::requeue) | is behind the others of its route, for any receiver |
/// | is [requeued for later](Self::requeue_after) | can be received after the delay |
/// | of a process that dies | is before the others of its route, for any receiver |
/// | ends in any other way than the first, in the [last attempt](crate::Delivery::attempts) | is [set aside](crate::Channel::set_aside) |
///
/// If a caller cancels its request while it is claimed, the request is not delivered again.
///
/// It holds a cell of the channel, and so counts towards its [capacity](crate::Options::capacity). It may be sent to another thread. In a
/// child made by `fork` it is the parent's: there a drop does nothing.
///
/// A process that is stopped, or that takes minutes to write a core dump, keeps its claims. No other process gets them until it has
/// died. The same holds for a program that is replaced by `exec`, since its process lives: end its claims before.
#[derive(Debug)]
#[must_use = "a claim that is dropped is requeued"]
pub struct Claimed<T> {
    value: T,
    /// `None` once it has ended.
    pub(super) incoming: Option<Taken>,
}

impl<T> Claimed<T> {
    pub(super) fn new(value: T, incoming: Taken) -> Self {
        Self { value, incoming: Some(incoming) }
    }

    /// Completes the claim, and returns the message.
    ///
    /// # Errors
    ///
    /// The claim has ended, and the message may come to another process:
    ///
    /// - [`Failure::MembershipLost`] if this process has lost its membership, and other members have repaired its slot.
    /// - [`Failure::Inherited`] in a child made by `fork`.
    /// - [`Failure::LeaseLost`] on a Redis server, if the lease of the claim has ended.
    pub fn done(mut self) -> Result<T, Failure> {
        match self.incoming.take() {
            Some(incoming) => incoming.finish_claim().map(|()| self.value),
            None => Ok(self.value),
        }
    }

    /// Requeues the message behind the others of its route. If this was the last attempt that its limit allows, it is set aside.
    ///
    /// # Errors
    ///
    /// As [`done`](Self::done).
    pub fn requeue(self) -> Result<(), Failure> {
        self.requeue_after(Duration::ZERO)
    }

    /// Requeues the message, to be received after a delay. It takes room in the channel meanwhile.
    ///
    /// Time that the machine is suspended does not count. When the channel is closed, the delay ends.
    ///
    /// # Errors
    ///
    /// As [`done`](Self::done).
    pub fn requeue_after(mut self, delay: Duration) -> Result<(), Failure> {
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        incoming.requeue(Cause::Requeued, delay)
    }

    /// Returns the number of this attempt, from 1 on. It stops counting at 256.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.incoming.as_ref().map_or(1, |incoming| u32::from(incoming.attempts()) + 1)
    }

    /// Returns whether the message is set aside if this attempt is not done.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        let limit = self.incoming.as_ref().map_or(0, Taken::limit);
        // 0 is no limit.
        limit != 0 && self.attempt() >= u32::from(limit)
    }

    /// Returns how the attempts before this one ended: the last eight.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.incoming.as_ref().map_or_else(Vec::new, |incoming| Attempt::list(&incoming.endings()))
    }

    /// Returns whether a caller waited for a response when the message was claimed.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.incoming.as_ref().is_some_and(Taken::is_call)
    }

    /// Returns how long ago the message was sent, or last requeued by a living process. It is exact to some milliseconds.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.incoming.as_ref().map_or(Duration::ZERO, Taken::age)
    }

    /// Refuses the message, if it is a request. Otherwise it is just done.
    pub(crate) fn refuse_claim(mut self, why: &str) -> Result<(), SendError> {
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        refuse(incoming, why)
    }
}

impl<R: Request> Claimed<R> {
    /// Responds to a request, which completes the claim. If no caller waits for the response, the claim is only completed.
    ///
    /// The request comes to another process if this one dies before the response counts, and not afterwards.
    ///
    /// # Errors
    ///
    /// - [`SendError::TooLong`], [`SendError::Unencodable`]: the caller gets [`CallError::Refused`](crate::CallError::Refused) with that text, and the
    ///   request is done.
    /// - [`SendError::Failed`] with what [`done`](Self::done) says, or if the channel was removed.
    pub fn respond(self, response: &R::Response) -> Result<(), SendError> {
        self.respond_deadline(response, Deadline::NEVER)
    }

    /// Responds as [`respond`](Self::respond), if there is room for the response.
    ///
    /// # Errors
    ///
    /// The same, and [`SendError::Full`] if there is none. Then the caller gets [`CallError::NoResponse`](crate::CallError::NoResponse).
    pub fn try_respond(self, response: &R::Response) -> Result<(), SendError> {
        self.respond_deadline(response, Deadline::NOW)
    }

    /// Responds as [`respond`](Self::respond), and waits for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The same, and [`SendError::TimedOut`] if the timeout elapses. Then the caller gets
    /// [`CallError::NoResponse`](crate::CallError::NoResponse).
    pub fn respond_timeout(self, response: &R::Response, timeout: Duration) -> Result<(), SendError> {
        self.respond_deadline(response, Deadline::after(timeout))
    }

    /// Responds as [`respond`](Self::respond), and waits for room until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`respond_timeout`](Self::respond_timeout).
    pub fn respond_deadline(mut self, response: &R::Response, deadline: Deadline) -> Result<(), SendError> {
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        respond::<R>(incoming, response, deadline)
    }

    /// Responds as [`respond`](Self::respond). Waits for room for a long response, without blocking the thread.
    ///
    /// **Cancel safety.** The response is sent only in the poll that returns `Ok`. If the future is dropped, so is the claim.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    #[cfg(feature = "async")]
    pub async fn respond_async(mut self, response: &R::Response) -> Result<(), SendError> {
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        incoming.check_claim()?;
        if incoming.is_call() {
            return request::respond_async(incoming, response, R::RESPONSE_SCHEMA, R::ROUTE).await;
        }
        end_uncalled(incoming)
    }

    /// Refuses the request: the caller gets [`CallError::Refused`](crate::CallError::Refused) with the text, or its
    /// first 4,096 bytes. The request is done. If no caller waits for it, it is just done.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn refuse(self, why: &str) -> Result<(), SendError> {
        self.refuse_claim(why)
    }
}

impl Claimed<Envelope> {
    /// Decodes the value, and keeps the claim.
    ///
    /// # Errors
    ///
    /// [`Undecodable`], with the bytes, if it came on another route or can't be decoded. The message is then completed, since it
    /// could not be decoded the next time either.
    pub fn decode<T: Message>(mut self) -> Result<Claimed<T>, Undecodable> {
        match self.value.decode_here::<T>() {
            Ok(value) => Ok(Claimed { value, incoming: self.incoming.take() }),
            Err(why) => {
                if let Some(incoming) = self.incoming.take() {
                    incoming.finish();
                }
                Err(self.value.undecodable(why))
            }
        }
    }

    /// Refuses the request, as `refuse` of a typed claim.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn refuse_any(self, why: &str) -> Result<(), SendError> {
        self.refuse_claim(why)
    }
}

/// Responds to a request that is claimed. A request without a caller is done.
pub(super) fn respond<R: Request>(
    incoming: Taken,
    response: &R::Response,
    deadline: Deadline,
) -> Result<(), SendError> {
    // CL6: a claim that was lost may have been claimed again. This response would be taken for that of the later
    // attempt.
    incoming.check_claim()?;
    if incoming.is_call() {
        return request::respond(incoming, response, R::RESPONSE_SCHEMA, R::ROUTE, deadline);
    }
    end_uncalled(incoming)
}

fn refuse(incoming: Taken, why: &str) -> Result<(), SendError> {
    incoming.check_claim()?;
    if incoming.is_call() {
        let route = incoming.route();
        return request::refuse(incoming, why, route);
    }
    end_uncalled(incoming)
}

/// Completes the claim on a request for which no caller waits.
fn end_uncalled(incoming: Taken) -> Result<(), SendError> {
    match incoming {
        Taken::Memory(incoming) => {
            incoming.finish();
            Ok(())
        }
        // Here it shows whether the lease was lost.
        #[cfg(feature = "redis")]
        Taken::Server(taken) => Ok(taken.done()?),
    }
}

impl<T> Deref for Claimed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
