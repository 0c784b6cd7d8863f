//! Receiving: by type, any, by priority, all but one.

use std::{sync::Arc, time::Duration};

use super::{
    Channel, Envelope, Message, Route, codec, deliver,
    desk::Watch,
    ends::Listens,
    longest_message,
    shared::{Parcel, Shared},
    with_scratch,
    words::CLOSED,
};
use crate::{
    Failure, RecvError, Undecodable,
    iter::{until_the_end, while_available},
    members::Session,
    raw::{self, Deadline, MessageBuffer, Selector},
};

impl Channel {
    /// Receives the oldest value of this type; waits for one.
    ///
    /// If it was [called](Self::call), its caller is told that there is no answer: use
    /// [`recv_request`](Self::recv_request).
    ///
    /// # Errors
    ///
    /// - [`RecvError::Undecodable`], with the bytes, for a message on its route that is no such value.
    /// - [`RecvError::Closed`] once nothing is left that is wanted: on a [`Receiver`](super::Receiver) at once, elsewhere if
    ///   it was closed before the call. [`RecvError::Disconnected`] on a [`Receiver`](super::Receiver) that detects it.
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
        self.recv_value(deadline).map(|(value, _)| value)
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

    /// Receives the oldest bytes on a route as they are, from programs that use plain System V; waits for some.
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any).
    pub fn recv_raw(&self, route: Route) -> Result<Vec<u8>, RecvError> {
        Ok(self.recv_selected(Selector::Type(route.message_type()), Deadline::NEVER)?.bytes)
    }

    /// Receives the oldest bytes on a route as they are, if there are some now.
    ///
    /// # Errors
    ///
    /// As [`recv_raw`](Self::recv_raw), and [`RecvError::Empty`] if there are none.
    pub fn try_recv_raw(&self, route: Route) -> Result<Vec<u8>, RecvError> {
        Ok(self.recv_selected(Selector::Type(route.message_type()), Deadline::NOW)?.bytes)
    }

    /// Receives the oldest bytes on a route as they are; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv_raw`](Self::recv_raw), and [`RecvError::TimedOut`] if the timeout elapses.
    pub fn recv_raw_timeout(&self, route: Route, timeout: Duration) -> Result<Vec<u8>, RecvError> {
        Ok(self.recv_selected(Selector::Type(route.message_type()), Deadline::after(timeout))?.bytes)
    }

    /// Receives the bytes of the oldest message of this route; waits until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_raw_timeout`](Self::recv_raw_timeout).
    pub fn recv_raw_deadline(&self, route: Route, deadline: Deadline) -> Result<Vec<u8>, RecvError> {
        Ok(self.recv_selected(Selector::Type(route.message_type()), deadline)?.bytes)
    }

    /// Returns an iterator over the values of this type that come. It waits for each.
    ///
    /// It ends at the channel's [end](RecvError::is_end). It gives the error of a message that can't be decoded, and goes on.
    /// Any other error is the last that it gives.
    pub fn iter<T: Message>(&self) -> impl Iterator<Item = Result<T, RecvError>> {
        until_the_end(|| self.recv())
    }

    /// Returns an iterator over the values of this type that are there; it never waits. Errors are as those of
    /// [`iter`](Self::iter).
    pub fn try_iter<T: Message>(&self) -> impl Iterator<Item = Result<T, RecvError>> {
        while_available(|| self.try_recv())
    }

    /// Receives a message into `message`, or a parcel instead; skips notices of what others have taken.
    fn receive(
        &self,
        message: &mut MessageBuffer,
        selector: Selector,
        deadline: Deadline,
    ) -> Result<Delivery, RecvError> {
        match &self.shared {
            None if self.receive_plain(message, selector, deadline)? => Ok(Delivery::Plain),
            None => Err(RecvError::not_in_time(deadline)),
            Some(shared) if self.listens.is_none() => self.receive_from_queue(shared, message, selector, deadline),
            Some(shared) => self.receive_or_end(shared, message, selector, deadline),
        }
    }

    /// Waits in the kernel's queue.
    fn receive_from_queue(
        &self,
        shared: &Arc<Shared>,
        message: &mut MessageBuffer,
        selector: Selector,
        deadline: Deadline,
    ) -> Result<Delivery, RecvError> {
        let words = &shared.words;
        let me = shared.session()?;
        words.will_receive(me);
        words.send_lost_if_due(&shared.members)?;
        loop {
            let is_closed = words.state() & CLOSED != 0;
            let until = if is_closed { Deadline::NOW } else { deadline };
            if !self.receive_plain(message, selector, until)? {
                if !is_closed {
                    return Err(RecvError::not_in_time(deadline));
                }
                return self
                    .take_what_is_left(shared, message, selector, me)?
                    .ok_or_else(|| RecvError::Closed { object: self.object.clone() });
            }
            if let Some(delivery) = Self::unpack(shared, message, me)? {
                return Ok(delivery);
            }
        }
    }

    /// Waits at this slot's doorbell, and hears of the end.
    fn receive_or_end(
        &self,
        shared: &Arc<Shared>,
        message: &mut MessageBuffer,
        selector: Selector,
        deadline: Deadline,
    ) -> Result<Delivery, RecvError> {
        let wants_to_know = self.listens == Some(Listens::AndIsTold);
        let mut look = |me| {
            let end = shared.words.end(me, &shared.members, wants_to_know);
            loop {
                if !self.receive_plain(message, selector, Deadline::NOW)? {
                    let Some(end) = end else { return Ok(None) };
                    return match self.take_what_is_left(shared, message, selector, me)? {
                        None => Err(end),
                        left => Ok(left),
                    };
                }
                if let Some(delivery) = Self::unpack(shared, message, me)? {
                    return Ok(Some(delivery));
                }
            }
        };
        let me = shared.session()?;
        shared.words.will_receive(me);
        shared.words.send_lost_if_due(&shared.members)?;
        // What is there needs no waiting. Nor does an end that was seen without looking for the dead: what they took from
        // the queue and did not claim is left to be taken.
        match look(me)? {
            Some(delivery) => Ok(delivery),
            None => {
                let found = shared.wait(Watch::Message(selector), deadline, look)?;
                found.ok_or_else(|| RecvError::not_in_time(deadline))
            }
        }
    }

    /// Finds what a notice tells of; `None` if somebody else has it.
    #[inline]
    fn unpack(shared: &Arc<Shared>, message: &MessageBuffer, me: Session) -> Result<Option<Delivery>, Failure> {
        let delivery = match shared.words.tag.read(message.bytes()) {
            None => Ok(Some(Delivery::Plain)),
            Some(notice) => shared.claim(notice, me).map(|claimed| claimed.map(Delivery::of_parcel)),
        };
        // If that fails it is still due, for the next one; what was received is not to be lost for it.
        let _ = shared.words.send_lost_if_due(&shared.members);
        delivery
    }

    /// At the end, and with nothing on the queue that suits: takes a complete parcel, whose notice may be lost (W4).
    #[cold]
    fn take_what_is_left(
        &self,
        shared: &Arc<Shared>,
        message: &mut MessageBuffer,
        selector: Selector,
        me: Session,
    ) -> Result<Option<Delivery>, Failure> {
        loop {
            let ready = shared.words.ready_for(selector);
            if ready.is_empty() {
                return Ok(None);
            }
            // Somebody may have begun to send again. What it sent before these is on the queue.
            if self.receive_plain(message, selector, Deadline::NOW)? {
                match Self::unpack(shared, message, me)? {
                    None => continue,
                    delivery => return Ok(delivery),
                }
            }
            for (route, notice) in ready {
                if let Some(claimed) = shared.claim(notice, me)? {
                    message.set_message_type(route);
                    return Ok(Some(Delivery::of_parcel(claimed)));
                }
            }
        }
    }

    /// Receives what the queue has; returns whether it had something by the deadline.
    fn receive_plain(
        &self,
        message: &mut MessageBuffer,
        selector: Selector,
        deadline: Deadline,
    ) -> Result<bool, Failure> {
        let received = match self.queue.receive_into_deadline(message, selector, deadline) {
            Err(raw::Error::BufferTooSmall { .. }) => self.receive_longer(message, selector, deadline),
            received => received,
        };
        match received {
            Ok(()) => Ok(true),
            Err(error) if error.is_busy() => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The kernel's limit was raised since the channel was made, and a longer message was sent.
    #[cold]
    fn receive_longer(&self, message: &mut MessageBuffer, selector: Selector, deadline: Deadline) -> raw::Result<()> {
        let mut roomy = self.queue.clone();
        roomy.set_max_message_size(longest_message(&self.queue)?);
        roomy.receive_into_deadline(message, selector, deadline)
    }

    /// Receives a value of one type, and the parcel of a request that waits for its answer.
    pub(super) fn recv_value<T: Message>(&self, deadline: Deadline) -> Result<(T, Option<Parcel>), RecvError> {
        with_scratch(|message| match self.receive(message, Selector::Type(T::ROUTE.message_type()), deadline)? {
            Delivery::Plain => match codec::decode(message.bytes(), T::SCHEMA) {
                Ok(value) => Ok((value, None)),
                Err(why) => {
                    let (object, bytes) = (self.object.clone(), message.bytes().to_vec());
                    Err(Undecodable { object, route: T::ROUTE, bytes, why }.into())
                }
            },
            Delivery::Parcel(parcel, is_call) => {
                let value = deliver::read::<T, RecvError>(T::SCHEMA, &parcel, T::ROUTE)?;
                Ok((value, is_call.then_some(parcel)))
            }
        })
    }

    fn recv_selected(&self, selector: Selector, deadline: Deadline) -> Result<Envelope, RecvError> {
        with_scratch(|message| {
            let delivery = self.receive(message, selector, deadline)?;
            let route = message.message_type().into();
            let object = self.object.clone();
            Ok(match delivery {
                Delivery::Plain => Envelope { object, route, bytes: message.bytes().to_vec(), request: None },
                Delivery::Parcel(parcel, is_call) => {
                    let bytes = parcel.parcels().read_all(parcel.held()).map_err(|error| self.failed(error))?;
                    Envelope { object, route, bytes, request: is_call.then_some(parcel) }
                }
            })
        })
    }
}

/// How a message came.
enum Delivery {
    /// In the buffer.
    Plain,
    /// In a parcel; and whether somebody waits for its answer.
    Parcel(Parcel, bool),
}

impl Delivery {
    fn of_parcel((parcel, is_call): (Parcel, bool)) -> Self {
        Self::Parcel(parcel, is_call)
    }
}
