//! Receiving from a typed queue.

use std::time::Duration;

use super::{TypedQueue, longest_message, with_scratch};
use crate::{
    RecvError, Undecodable,
    channel::{
        envelope::Envelope,
        forms::receiving_forms,
        typed::{Message, Route, headed},
    },
    iter::{until_the_end, while_available},
    raw::{self, Deadline, MessageBuffer, Selector},
};

impl TypedQueue {
    receiving_forms! {
        /// Receives the oldest value of this type. Blocks until there is one.
        ///
        /// The message is received at most once: if this process dies before `recv` returns, it is lost.
        ///
        /// # Errors
        ///
        /// - [`RecvError::Undecodable`], with the bytes, for a message on its route that can't be decoded.
        /// - [`RecvError::Failed`], as [`MessageQueue::receive`](crate::raw::MessageQueue::receive).
    }

    /// Receives the oldest value of this type. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        self.recv_value(deadline)
    }

    /// Receives the oldest message of any route. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_any_timeout`](Self::recv_any_timeout).
    pub fn recv_any_deadline(&self, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Any, deadline)
    }

    /// Receives the oldest message of the lowest route up to this one. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_lowest_timeout`](Self::recv_lowest_timeout).
    pub fn recv_lowest_deadline(&self, up_to: Route, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::LowestUpTo(up_to.message_type()), deadline)
    }

    /// Receives the oldest message of any other route. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_except_timeout`](Self::recv_except_timeout).
    pub fn recv_except_deadline<T: Message>(&self, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Except(T::ROUTE.message_type()), deadline)
    }

    /// Receives the bytes of the oldest message of this route. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_raw_timeout`](Self::recv_raw_timeout).
    pub fn recv_raw_deadline(&self, route: Route, deadline: Deadline) -> Result<Vec<u8>, RecvError> {
        with_scratch(|message| {
            self.receive(message, Selector::Type(route.message_type()), deadline)?;
            Ok(message.bytes().to_vec())
        })
    }

    fn receive(&self, message: &mut MessageBuffer, selector: Selector, deadline: Deadline) -> Result<(), RecvError> {
        let received = match self.queue.receive_into_deadline(message, selector, deadline) {
            // It is still on the queue.
            Err(raw::Error::BufferTooSmall { .. }) => self.receive_longer(message, selector, deadline),
            received => received,
        };
        received.map_err(|error| match error.is_busy() {
            true if deadline == Deadline::NOW => RecvError::Empty,
            true => RecvError::TimedOut,
            false => self.failed(error).into(),
        })
    }

    /// The kernel's limit was raised since the handle was made, and a longer message was sent.
    #[cold]
    fn receive_longer(&self, message: &mut MessageBuffer, selector: Selector, deadline: Deadline) -> raw::Result<()> {
        // A copy of the handle, so that the limit of this one is not changed under other threads.
        let mut roomy = self.queue.clone();
        // The message is still in the queue: `msgrcv` leaves one that does not fit.
        roomy.set_max_message_size(longest_message(&self.queue)?);
        roomy.receive_into_deadline(message, selector, deadline)
    }

    fn recv_value<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        with_scratch(|message| {
            self.receive(message, Selector::Type(T::ROUTE.message_type()), deadline)?;
            headed::decode(message.bytes()).map_err(|why| {
                // C2: the kernel has given the message out, so the error is the only place for its bytes.
                let (object, bytes) = (self.object.clone(), message.bytes().to_vec());
                Undecodable { object, route: T::ROUTE, bytes, why: why.to_string() }.into()
            })
        })
    }

    fn recv_selected(&self, selector: Selector, deadline: Deadline) -> Result<Envelope, RecvError> {
        with_scratch(|message| {
            self.receive(message, selector, deadline)?;
            Ok(Envelope::of_queue(self.object.clone(), message.message_type().into(), message.bytes().to_vec()))
        })
    }
}
