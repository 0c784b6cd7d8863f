//! Sending.

use std::time::Duration;

use super::{Channel, ChannelFull, Message, codec, deliver, with_scratch};
use crate::{
    Failure, ObjectName, Route, SendError,
    channel::{error::QUEUE, words::CLOSED},
    raw::{self, Deadline, MessageBuffer, MessageQueue, MessageType},
};

/// Returns the error of a message for which the queue had no room, with what the queue holds now.
#[cold]
pub(super) fn queue_is_full(queue: &MessageQueue, object: ObjectName, deadline: Deadline) -> SendError {
    let stat = match queue.stat() {
        Ok(stat) => stat,
        Err(error) => return Failure::System { object, error }.into(),
    };
    let full = ChannelFull {
        object,
        part: QUEUE,
        messages: stat.messages,
        // The kernel counts an empty message as one byte.
        max_messages: stat.max_size,
        bytes: stat.bytes.unwrap_or(0),
        max_bytes: stat.max_size,
    };
    SendError::full(full, deadline)
}

impl Channel {
    /// Sends a value; waits while the queue is full.
    ///
    /// # Errors
    ///
    /// Nothing was sent:
    ///
    /// - [`SendError::TooLong`] if it is longer than the channel carries. [`SendError::Unencodable`].
    /// - [`SendError::Closed`] if the channel is closed.
    /// - [`SendError::Failed`] if the channel was removed or the system refuses, as
    ///   [`MessageQueue::send`](crate::raw::MessageQueue::send).
    pub fn send<T: Message>(&self, value: &T) -> Result<(), SendError> {
        self.send_deadline(value, Deadline::NEVER)
    }

    /// Sends a value if there is room now.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SendError::Full`] if there is none.
    pub fn try_send<T: Message>(&self, value: &T) -> Result<(), SendError> {
        self.send_deadline(value, Deadline::NOW)
    }

    /// Sends a value; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SendError::TimedOut`] if the timeout elapses.
    pub fn send_timeout<T: Message>(&self, value: &T, timeout: Duration) -> Result<(), SendError> {
        self.send_deadline(value, Deadline::after(timeout))
    }

    /// Sends a value; waits until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    pub fn send_deadline<T: Message>(&self, value: &T, deadline: Deadline) -> Result<(), SendError> {
        with_scratch(|message| self.send_with(message, value, deadline))
    }

    /// Sends several values in order, until the deadline; returns how many were sent if not all.
    ///
    /// The kernel takes one message at a time; what is saved is the caller's loop and its buffers.
    ///
    /// # Errors
    ///
    /// How many were sent, and why the next one was not, as [`send_timeout`](Self::send_timeout).
    pub fn send_many<'a, T: Message + 'a>(
        &self,
        values: impl IntoIterator<Item = &'a T>,
        deadline: Deadline,
    ) -> Result<usize, (usize, SendError)> {
        with_scratch(|message| {
            let mut sent = 0;
            for value in values {
                self.send_with(message, value, deadline).map_err(|error| (sent, error))?;
                sent += 1;
            }
            Ok(sent)
        })
    }

    #[inline]
    fn send_with<T: Message>(
        &self,
        message: &mut MessageBuffer,
        value: &T,
        deadline: Deadline,
    ) -> Result<(), SendError> {
        self.check_open()?;
        message.clear();
        message.set_message_type(T::ROUTE.message_type());
        let len = codec::encode(value, T::SCHEMA, message, self.longest).map_err(|why| SendError::Unencodable {
            object: self.object.clone(),
            route: T::ROUTE,
            why,
        })?;
        if len > self.longest {
            return self.send_long(message, value, len, deadline);
        }
        self.queue.send_deadline(message, deadline).map_err(|error| self.not_sent(error, deadline))?;
        self.heard(T::ROUTE.message_type());
        Ok(())
    }

    /// Sends a value that is too long for the queue in a parcel.
    #[cold]
    fn send_long<T: Message>(
        &self,
        message: &MessageBuffer,
        value: &T,
        len: usize,
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let Some(shared) = &self.shared else {
            return Err(SendError::TooLong {
                object: self.object.clone(),
                is_raw: false,
                bytes: len,
                limit: self.longest,
            });
        };
        let parcel = shared.rent(len, deadline)?;
        deliver::write(value, T::SCHEMA, message, &parcel, T::ROUTE)?;
        parcel.post(T::ROUTE.message_type(), false, deadline)
    }

    /// Refuses to send on a closed channel. A child made by `fork` registers first: if it died between sending and
    /// waking who listens, there would be no obituary to wake them.
    #[inline]
    pub(super) fn check_open(&self) -> Result<(), SendError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        shared.session()?;
        if shared.words.state() & CLOSED == 0 { Ok(()) } else { Err(SendError::Closed { object: self.object.clone() }) }
    }

    #[cold]
    fn not_sent(&self, error: raw::Error, deadline: Deadline) -> SendError {
        if error.is_busy() {
            queue_is_full(&self.queue, self.object.clone(), deadline)
        } else {
            self.failed(error).into()
        }
    }

    /// Raw bytes travel on the queue alone, whose limits the kernel sets.
    #[cold]
    fn raw_not_sent(&self, error: raw::Error, deadline: Deadline) -> SendError {
        let too_long = |bytes, limit| SendError::TooLong { object: self.object.clone(), is_raw: true, bytes, limit };
        match error {
            raw::Error::MessageTooLong { len, max_message_size: limit }
            | raw::Error::MessageExceedsMsgmax { len, msgmax: limit }
            | raw::Error::MessageExceedsQueue { len, max_size: limit, .. } => too_long(len, limit),
            error => self.not_sent(error, deadline),
        }
    }

    #[inline]
    fn heard(&self, message_type: MessageType) {
        if let Some(shared) = &self.shared {
            shared.words.heard(message_type, &shared.members);
        }
    }

    /// Sends bytes as they are on a route, for programs that use plain System V; waits while the queue is full.
    ///
    /// C and Python see a message of that type with these bytes. Let such a route carry no [`Message`].
    ///
    /// ```
    /// use sysv_primitives::{Channel, Route, raw::MessageQueueOptions};
    ///
    /// let channel = Channel::new(MessageQueueOptions::new().open_random()?)?;
    /// channel.send_raw(Route::new(9), b"as they are")?;
    /// assert_eq!(channel.queue().receive(sysv_primitives::raw::Selector::Any)?.bytes(), b"as they are");
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::Failed`], as [`MessageQueue::send`](crate::raw::MessageQueue::send). [`SendError::Closed`].
    /// [`SendError::TooLong`] if the queue can't take so many bytes, whatever messages the channel was made for.
    pub fn send_raw(&self, route: Route, bytes: &[u8]) -> Result<(), SendError> {
        self.send_raw_deadline(route, bytes, Deadline::NEVER)
    }

    /// Sends bytes as they are, if there is room now.
    ///
    /// # Errors
    ///
    /// As [`send_raw`](Self::send_raw), and [`SendError::Full`] if there is none.
    pub fn try_send_raw(&self, route: Route, bytes: &[u8]) -> Result<(), SendError> {
        self.send_raw_deadline(route, bytes, Deadline::NOW)
    }

    /// Sends bytes; waits for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send_raw`](Self::send_raw), and [`SendError::TimedOut`] if the timeout elapses.
    pub fn send_raw_timeout(&self, route: Route, bytes: &[u8], timeout: Duration) -> Result<(), SendError> {
        self.send_raw_deadline(route, bytes, Deadline::after(timeout))
    }

    /// Sends bytes; waits for room until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`send_raw_timeout`](Self::send_raw_timeout).
    pub fn send_raw_deadline(&self, route: Route, bytes: &[u8], deadline: Deadline) -> Result<(), SendError> {
        self.check_open()?;
        with_scratch(|message| {
            message.clear();
            message.set_message_type(route.message_type());
            message.extend_from_slice(bytes);
            self.queue.send_deadline(message, deadline).map_err(|error| self.raw_not_sent(error, deadline))?;
            self.heard(route.message_type());
            Ok(())
        })
    }
}
