//! Claims: messages that come back if the process that works on them does not get done.

use std::{ops::Deref, time::Duration};

use super::{
    Channel, Envelope, Message, Route,
    recv::{decode, envelope},
    shared::Incoming,
};
use crate::{
    Failure, RecvError, clock,
    raw::Deadline,
    store::{Selection, Wants},
};

/// Inside an `impl` that has the verbs with a deadline.
macro_rules! claiming_forms {
    ($(
        $(#[$claim:meta])*
        $verb:ident $([$generic:ident: $bound:ident])? ($($argument:ident: $type:ty)?) -> $claimed:ty {
            $try:ident, $timeout:ident, $deadline:ident
        }
    )*) => {$(
        $(#[$claim])*
        pub fn $verb $(<$generic: $bound>)? (&self $(, $argument: $type)?) -> Result<$claimed, RecvError> {
            self.$deadline $(::<$generic>)? ($($argument,)? Deadline::NEVER)
        }

        #[doc = concat!("As [`", stringify!($verb), "`](Self::", stringify!($verb), "), if there is such a message now.")]
        ///
        /// # Errors
        ///
        /// The same, and [`RecvError::Empty`] if there is none.
        pub fn $try $(<$generic: $bound>)? (&self $(, $argument: $type)?) -> Result<$claimed, RecvError> {
            self.$deadline $(::<$generic>)? ($($argument,)? Deadline::NOW)
        }

        #[doc = concat!("As [`", stringify!($verb), "`](Self::", stringify!($verb), "), and waits for at most `timeout`.")]
        ///
        /// # Errors
        ///
        /// The same, and [`RecvError::TimedOut`] if the timeout elapses.
        pub fn $timeout $(<$generic: $bound>)? (
            &self,
            $($argument: $type,)?
            timeout: Duration,
        ) -> Result<$claimed, RecvError> {
            self.$deadline $(::<$generic>)? ($($argument,)? Deadline::after(timeout))
        }
    )*};
}

impl Channel {
    claiming_forms! {
        /// Claims the oldest value of this type; waits for one.
        ///
        /// The message is handed out at least once. It is gone when the claim is [`done`](Claimed::done). It comes back, for any
        /// receiver, if the claim is dropped, by an early return or a panic, or if its process dies.
        ///
        /// ```
        /// use serde::{Deserialize, Serialize};
        /// use sysv_primitives::{Channel, messages};
        ///
        /// #[derive(Serialize, Deserialize, Debug, PartialEq)]
        /// struct Job(u32);
        /// messages! { 1 => Job }
        ///
        /// # let name = format!("claim-example-{}", std::process::id());
        /// let channel = Channel::create(&name)?;
        /// channel.send(&Job(7))?;
        ///
        /// drop(channel.claim::<Job>()?); // something went wrong
        /// let job = channel.claim::<Job>()?;
        /// assert_eq!((&*job, job.attempt()), (&Job(7), 2));
        /// job.done()?;
        /// assert!(channel.try_claim::<Job>().unwrap_err().is_busy());
        /// channel.remove()?;
        /// # Ok::<(), sysv_primitives::Error>(())
        /// ```
        ///
        /// A request that a caller waits for is not handed out twice: if the claim ends, whether it is done or not, the caller learns
        /// that there is no response. Use [`recv_request`](Self::recv_request) to respond.
        ///
        /// # Errors
        ///
        /// As [`recv`](Self::recv). A message that can't be decoded is in the error, and does not come back.
        claim[T: Message]() -> Claimed<T> { try_claim, claim_timeout, claim_deadline }

        /// Claims the oldest message of any route, to be decoded when its route is known; waits for one. See [`claim`](Self::claim).
        ///
        /// # Errors
        ///
        /// As [`recv_any`](Self::recv_any).
        claim_any() -> Claimed<Envelope> { try_claim_any, claim_any_timeout, claim_any_deadline }

        /// Claims the oldest message of the lowest route there is, up to this one; waits for one. See [`claim`](Self::claim).
        ///
        /// # Errors
        ///
        /// As [`recv_lowest`](Self::recv_lowest).
        claim_lowest(up_to: Route) -> Claimed<Envelope> {
            try_claim_lowest, claim_lowest_timeout, claim_lowest_deadline
        }

        /// Claims the oldest message of any route but this type's; waits for one. See [`claim`](Self::claim).
        ///
        /// # Errors
        ///
        /// As [`recv_except`](Self::recv_except).
        claim_except[T: Message]() -> Claimed<Envelope> {
            try_claim_except, claim_except_timeout, claim_except_deadline
        }
    }

    /// As [`claim`](Self::claim), and waits until `deadline`.
    ///
    /// # Errors
    ///
    /// The same, and [`RecvError::TimedOut`] if the deadline passes.
    pub fn claim_deadline<T: Message>(&self, deadline: Deadline) -> Result<Claimed<T>, RecvError> {
        let incoming = self.take_claim(Selection::Only(T::ROUTE.number()), deadline)?;
        match decode::<T>(&incoming) {
            Ok(value) => Ok(Claimed { value, incoming: Some(incoming) }),
            Err(why) => {
                // It would be as unreadable the next time. Its bytes are in the error.
                incoming.finish();
                Err(why)
            }
        }
    }

    /// As [`claim_any`](Self::claim_any), and waits until `deadline`.
    ///
    /// # Errors
    ///
    /// The same, and [`RecvError::TimedOut`] if the deadline passes.
    pub fn claim_any_deadline(&self, deadline: Deadline) -> Result<Claimed<Envelope>, RecvError> {
        self.claim_selected(Selection::Any, deadline)
    }

    /// As [`claim_lowest`](Self::claim_lowest), and waits until `deadline`.
    ///
    /// # Errors
    ///
    /// The same, and [`RecvError::TimedOut`] if the deadline passes.
    pub fn claim_lowest_deadline(&self, up_to: Route, deadline: Deadline) -> Result<Claimed<Envelope>, RecvError> {
        self.claim_selected(Selection::UpTo(up_to.number()), deadline)
    }

    /// As [`claim_except`](Self::claim_except), and waits until `deadline`.
    ///
    /// # Errors
    ///
    /// The same, and [`RecvError::TimedOut`] if the deadline passes.
    pub fn claim_except_deadline<T: Message>(&self, deadline: Deadline) -> Result<Claimed<Envelope>, RecvError> {
        self.claim_selected(Selection::Except(T::ROUTE.number()), deadline)
    }

    fn take_claim(&self, selection: Selection, deadline: Deadline) -> Result<Incoming, RecvError> {
        let (received, me) = self.take_as(selection, Wants { claims: true, ..self.wants() }, deadline)?;
        Ok(Incoming::new(&self.shared, received, me))
    }

    fn claim_selected(&self, selection: Selection, deadline: Deadline) -> Result<Claimed<Envelope>, RecvError> {
        let incoming = self.take_claim(selection, deadline)?;
        let value = envelope(&incoming)?;
        Ok(Claimed { value, incoming: Some(incoming) })
    }
}

/// A message that this process works on. It derefs to the message.
///
/// | the claim | the message |
/// | --- | --- |
/// | is [`done`](Self::done) | is gone |
/// | is dropped, or [requeued](Self::requeue) | is behind the others of its route, for any receiver |
/// | of a process that dies | is before the others of its route, for any receiver |
///
/// It holds a cell of the channel, and so counts towards its [capacity](crate::Options::capacity). It may be sent to another thread. In a
/// child made by `fork` it is the parent's: there a drop does nothing.
///
/// A process that is stopped, or that takes minutes to write a core dump, keeps its claims. No other process gets them until it is
/// gone. The same holds for a program that is replaced by `exec`, since its process lives: end a claim before.
#[derive(Debug)]
#[must_use = "a claim that is dropped is requeued"]
pub struct Claimed<T> {
    value: T,
    /// `None` once it has ended.
    incoming: Option<Incoming>,
}

impl<T> Claimed<T> {
    /// Says that the message is done, and returns it.
    ///
    /// # Errors
    ///
    /// The claim has ended, and the message may come to another process:
    ///
    /// - [`Failure::MembershipLost`] if this process has lost its membership, and others have taken it for dead.
    /// - [`Failure::Inherited`] in a child made by `fork`.
    pub fn done(mut self) -> Result<T, Failure> {
        if let Some(incoming) = self.incoming.take() {
            incoming.check_claim()?;
            incoming.finish();
        }
        Ok(self.value)
    }

    /// Gives the message back: it goes behind the others of its route.
    ///
    /// # Errors
    ///
    /// As [`done`](Self::done).
    pub fn requeue(mut self) -> Result<(), Failure> {
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        incoming.check_claim()?;
        drop(incoming);
        Ok(())
    }

    /// Returns which attempt this is, from 1 on. After 256 it counts no further.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.incoming.as_ref().map_or(1, |incoming| u32::from(incoming.received.attempts()) + 1)
    }

    /// Returns how long ago the message was sent, or last requeued by a living process. It is exact to some milliseconds.
    #[must_use]
    pub fn age(&self) -> Duration {
        let sent_at = self.incoming.as_ref().map_or(u64::MAX, |incoming| incoming.received.sent_at);
        Duration::from_nanos(clock::coarse().saturating_sub(sent_at))
    }
}

impl<T> Deref for Claimed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
