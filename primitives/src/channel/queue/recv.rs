//! Receiving from a typed queue.

use std::time::Duration;

use super::{TypedQueue, decode, longest_message, with_scratch};
use crate::{
    RecvError, Undecodable,
    channel::{Envelope, Message, Route},
    iter::{until_the_end, while_available},
    raw::{self, Deadline, MessageBuffer, Selector},
};

impl TypedQueue {
    /// Receives the oldest value of this type; waits for one.
    ///
    /// The message is received at most once: if this process dies before `recv` returns, it is lost.
    ///
    /// # Errors
    ///
    /// - [`RecvError::Undecodable`], with the bytes, for a message on its route that is no such value.
    /// - [`RecvError::Failed`], as [`MessageQueue::receive`](crate::raw::MessageQueue::receive).
    pub fn recv<T: Message>(&self) -> Result<T, RecvError> {
        self.recv_deadline(Deadline::NEVER)
    }

    /// Receives the oldest value of this type, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`RecvError::Empty`] if there is none.
    pub fn try_recv<T: Message>(&self) -> Result<T, RecvError> {
        self.recv_deadline(Deadline::NOW)
    }

    /// Receives the oldest value of this type; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`RecvError::TimedOut`] if the timeout elapses.
    pub fn recv_timeout<T: Message>(&self, timeout: Duration) -> Result<T, RecvError> {
        self.recv_deadline(Deadline::after(timeout))
    }

    /// Receives the oldest value of this type; waits until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        self.recv_value(deadline)
    }

    /// Receives the oldest message of any route, to be decoded when its route is known; waits for one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), but for what can't be decoded: that shows later.
    pub fn recv_any(&self) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Any, Deadline::NEVER)
    }

    /// Receives the oldest message of any route, to be decoded when its route is known, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any), and [`RecvError::Empty`] if there is none.
    pub fn try_recv_any(&self) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Any, Deadline::NOW)
    }

    /// Receives the oldest message of any route, to be decoded when its route is known; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any), and [`RecvError::TimedOut`] if the timeout elapses.
    pub fn recv_any_timeout(&self, timeout: Duration) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Any, Deadline::after(timeout))
    }

    /// Receives the oldest message of any route; waits until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_any_timeout`](Self::recv_any_timeout).
    pub fn recv_any_deadline(&self, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Any, deadline)
    }

    /// Receives the oldest message of the lowest route there is, up to this one; waits for one.
    ///
    /// So routes are priorities: the lower, the sooner.
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any).
    pub fn recv_lowest(&self, up_to: Route) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::LowestUpTo(up_to.message_type()), Deadline::NEVER)
    }

    /// Receives the oldest message of the lowest route there is, up to this one, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`recv_lowest`](Self::recv_lowest), and [`RecvError::Empty`] if there is none.
    pub fn try_recv_lowest(&self, up_to: Route) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::LowestUpTo(up_to.message_type()), Deadline::NOW)
    }

    /// Receives the oldest message of the lowest route there is, up to this one; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_lowest`](Self::recv_lowest), and [`RecvError::TimedOut`] if the timeout elapses.
    pub fn recv_lowest_timeout(&self, up_to: Route, timeout: Duration) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::LowestUpTo(up_to.message_type()), Deadline::after(timeout))
    }

    /// Receives the oldest message of the lowest route up to this one; waits until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_lowest_timeout`](Self::recv_lowest_timeout).
    pub fn recv_lowest_deadline(&self, up_to: Route, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::LowestUpTo(up_to.message_type()), deadline)
    }

    /// Receives the oldest message of any route but this type's (Linux); waits for one.
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any), and [`Unsupported`](crate::raw::Error::Unsupported) outside Linux.
    pub fn recv_except<T: Message>(&self) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Except(T::ROUTE.message_type()), Deadline::NEVER)
    }

    /// Receives the oldest message of any route but this type's (Linux), if there is one now.
    ///
    /// # Errors
    ///
    /// As [`recv_except`](Self::recv_except), and [`RecvError::Empty`] if there is none.
    pub fn try_recv_except<T: Message>(&self) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Except(T::ROUTE.message_type()), Deadline::NOW)
    }

    /// Receives the oldest message of any route but this type's (Linux); waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_except`](Self::recv_except), and [`RecvError::TimedOut`] if the timeout elapses.
    pub fn recv_except_timeout<T: Message>(&self, timeout: Duration) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Except(T::ROUTE.message_type()), Deadline::after(timeout))
    }

    /// Receives the oldest message of any other route; waits until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_except_timeout`](Self::recv_except_timeout).
    pub fn recv_except_deadline<T: Message>(&self, deadline: Deadline) -> Result<Envelope, RecvError> {
        self.recv_selected(Selector::Except(T::ROUTE.message_type()), deadline)
    }

    /// Receives the oldest bytes on a route as they are; waits for some.
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any).
    pub fn recv_raw(&self, route: Route) -> Result<Vec<u8>, RecvError> {
        self.recv_raw_deadline(route, Deadline::NEVER)
    }

    /// Receives the oldest bytes on a route as they are, if there are some now.
    ///
    /// # Errors
    ///
    /// As [`recv_raw`](Self::recv_raw), and [`RecvError::Empty`] if there are none.
    pub fn try_recv_raw(&self, route: Route) -> Result<Vec<u8>, RecvError> {
        self.recv_raw_deadline(route, Deadline::NOW)
    }

    /// Receives the oldest bytes on a route as they are; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_raw`](Self::recv_raw), and [`RecvError::TimedOut`] if the timeout elapses.
    pub fn recv_raw_timeout(&self, route: Route, timeout: Duration) -> Result<Vec<u8>, RecvError> {
        self.recv_raw_deadline(route, Deadline::after(timeout))
    }

    /// Receives the bytes of the oldest message of this route; waits until `deadline` at most.
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

    /// Returns an iterator over the values of this type that come. It waits for each.
    ///
    /// It gives the error of a message that can't be decoded, and goes on. Any other error is the last that it gives.
    pub fn iter<T: Message>(&self) -> impl Iterator<Item = Result<T, RecvError>> {
        until_the_end(|| self.recv())
    }

    /// Returns an iterator over the values of this type that are there; it never waits. Errors are as those of
    /// [`iter`](Self::iter).
    pub fn try_iter<T: Message>(&self) -> impl Iterator<Item = Result<T, RecvError>> {
        while_available(|| self.try_recv())
    }

    fn receive(&self, message: &mut MessageBuffer, selector: Selector, deadline: Deadline) -> Result<(), RecvError> {
        let received = match self.queue.receive_into_deadline(message, selector, deadline) {
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
        let mut roomy = self.queue.clone();
        roomy.set_max_message_size(longest_message(&self.queue)?);
        roomy.receive_into_deadline(message, selector, deadline)
    }

    fn recv_value<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        with_scratch(|message| {
            self.receive(message, Selector::Type(T::ROUTE.message_type()), deadline)?;
            decode(message.bytes()).map_err(|why| {
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
