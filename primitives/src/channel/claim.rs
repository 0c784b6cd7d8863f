//! The claiming verbs: messages that come back unless the process that claimed them is done with them.

use std::time::Duration;

use super::{
    Channel,
    claimed::Claimed,
    envelope::Envelope,
    shared::Incoming,
    taken::Taken,
    transport::Transport,
    typed::{Message, Route},
    unread::Unread,
};
use crate::{
    RecvError,
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
        /// Claims the oldest value of this type. Blocks until there is one.
        ///
        /// The message is handed out at least once. It is removed when the claim is [`done`](Claimed::done). It comes
        /// back, for any receiver, if the claim is dropped, by an early return or a panic, or if its process dies.
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
        /// A message with a [limit of attempts](crate::Delivery::attempts) is [set aside](Self::set_aside) after that many failed
        /// attempts.
        ///
        /// A request is claimed as well, and [`respond`](Claimed::respond) completes the claim. If the claim ends in another way,
        /// the request is delivered again if its caller set a [limit of attempts](crate::Delivery::attempts) above 1. Otherwise the
        /// caller gets [`NoResponse`](crate::CallError::NoResponse).
        ///
        /// # Errors
        ///
        /// As [`recv`](Self::recv). A message that can't be decoded is in the error, and does not come back.
        claim[T: Message]() -> Claimed<T> { try_claim, claim_timeout, claim_deadline }

        /// Claims the oldest message of any route, to be decoded when its route is known. Blocks until there is one. See [`claim`](Self::claim).
        ///
        /// # Errors
        ///
        /// As [`recv_any`](Self::recv_any).
        claim_any() -> Claimed<Envelope> { try_claim_any, claim_any_timeout, claim_any_deadline }

        /// Claims the oldest message of the lowest route there is, up to this one. Blocks until there is one. See [`claim`](Self::claim).
        ///
        /// # Errors
        ///
        /// As [`recv_lowest`](Self::recv_lowest).
        claim_lowest(up_to: Route) -> Claimed<Envelope> {
            try_claim_lowest, claim_lowest_timeout, claim_lowest_deadline
        }

        /// Claims the oldest message of any route but this type's. Blocks until there is one. See [`claim`](Self::claim).
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
        claimed(self.take_claim(Selection::Only(T::ROUTE.number()), deadline)?)
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

    #[inline]
    fn take_claim(&self, selection: Selection, deadline: Deadline) -> Result<Taken, RecvError> {
        let wants = Wants { claims: true, ..self.wants() };
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(_) => return self.take_remotely(selection, wants, deadline).map(Taken::Server),
        };
        let (received, me) = Self::take_as(shared, selection, wants, deadline)?;
        // It serves the route from now on, for `servers` and `require_server`.
        if received.is_call {
            let store = &shared.store;
            store.serve(store.lane_of(received.route), me);
        }
        Ok(Taken::Memory(Incoming::new(shared, received, me)))
    }

    /// Claims the oldest message of the lowest route up to this one, or the oldest of any route. It is left in the channel, for a
    /// router. Blocks until there is one.
    pub(crate) fn claim_unread(&self, up_to: Option<Route>) -> Result<Claimed<Unread>, RecvError> {
        let selection = up_to.map_or(Selection::Any, |route| Selection::UpTo(route.number()));
        let incoming = self.take_claim(selection, Deadline::NEVER)?;
        Ok(Claimed::new(Unread, incoming))
    }

    fn claim_selected(&self, selection: Selection, deadline: Deadline) -> Result<Claimed<Envelope>, RecvError> {
        claimed_envelope(self.take_claim(selection, deadline)?)
    }
}

/// Returns the claim of a message, with its value.
#[inline]
pub(super) fn claimed<T: Message>(incoming: Taken) -> Result<Claimed<T>, RecvError> {
    match incoming.decode::<T>() {
        Ok(value) => Ok(Claimed::new(value, incoming)),
        Err(why) => {
            // It would be as unreadable the next time. Its bytes are in the error.
            incoming.finish();
            Err(why)
        }
    }
}

/// Returns the claim of a message, with its bytes.
pub(super) fn claimed_envelope(incoming: Taken) -> Result<Claimed<Envelope>, RecvError> {
    let value = Envelope::of_claim(&incoming)?;
    Ok(Claimed::new(value, incoming))
}
