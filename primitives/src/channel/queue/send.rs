//! Sending on a typed queue.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{TypedQueue, with_scratch};
use crate::{
    SendError,
    channel::{
        error::ChannelFull,
        forms::sending_forms,
        typed::{Message, Route, codec::Codec, headed},
    },
    raw::{self, Deadline, MessageBuffer},
};

/// Where a value is encoded to.
struct Appending<'a>(&'a mut MessageBuffer);

impl Write for Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TypedQueue {
    sending_forms! {
        send: {
            /// Sends a value. Blocks while the queue is full.
            ///
            /// # Errors
            ///
            /// Nothing was sent:
            ///
            /// - [`SendError::TooLong`] if it is longer than the queue carries. [`SendError::Unencodable`].
            /// - [`SendError::Failed`] if the queue was removed or the system refuses, as
            ///   [`MessageQueue::send`](crate::raw::MessageQueue::send).
        }
        send_raw: {
            /// Sends bytes as they are on a route, for programs that use plain System V. Blocks while the queue is full.
            ///
            /// C and Python see a message of that type with these bytes. Let such a route carry no [`Message`].
            ///
            /// ```
            /// use sysv_primitives::{Route, TypedQueue, raw::MessageQueueOptions};
            ///
            /// let queue = TypedQueue::new(MessageQueueOptions::new().open_random()?)?;
            /// queue.send_raw(Route::new(9), b"as they are")?;
            /// assert_eq!(queue.queue().receive(sysv_primitives::raw::Selector::Any)?.bytes(), b"as they are");
            /// queue.remove()?;
            /// # Ok::<(), sysv_primitives::Error>(())
            /// ```
            ///
            /// # Errors
            ///
            /// [`SendError::Failed`], as [`MessageQueue::send`](crate::raw::MessageQueue::send).
            /// [`SendError::TooLong`] if the queue can't take so many bytes.
        }
    }

    /// Sends a value. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    pub fn send_deadline<T: Message>(&self, value: &T, deadline: Deadline) -> Result<(), SendError> {
        with_scratch(|message| self.send_with(message, value, deadline))
    }

    #[inline]
    fn send_with<T: Message>(
        &self,
        message: &mut MessageBuffer,
        value: &T,
        deadline: Deadline,
    ) -> Result<(), SendError> {
        message.clear();
        message.set_message_type(T::ROUTE.message_type());
        // The codec and the schema travel in front of the bytes, as a kernel's message has no room for them.
        message.extend_from_slice(&headed::head::<T>());
        // Encoded as a whole before the call, which takes it or refuses it: nothing is sent by halves (C3).
        T::Codec::encode(value, &mut Appending(message)).map_err(|why| SendError::Unencodable {
            object: self.object.clone(),
            route: T::ROUTE,
            why: why.to_string(),
        })?;
        self.queue.send_deadline(message, deadline).map_err(|error| self.not_sent(error, deadline))
    }

    #[cold]
    fn not_sent(&self, error: raw::Error, deadline: Deadline) -> SendError {
        let too_long = |bytes, limit| SendError::TooLong { object: self.object.clone(), bytes, limit };
        match error {
            raw::Error::MessageTooLong { len, max_message_size: limit }
            | raw::Error::MessageExceedsMsgmax { len, msgmax: limit }
            | raw::Error::MessageExceedsQueue { len, max_size: limit, .. } => too_long(len, limit),
            error if error.is_busy() => self.full(deadline),
            error => self.failed(error).into(),
        }
    }

    /// Returns the error of a message for which the queue had no room, with what the queue holds now.
    fn full(&self, deadline: Deadline) -> SendError {
        // After the refusal, so it may be out of date. It only explains.
        let stat = match self.stat() {
            Ok(stat) => stat,
            Err(failure) => return failure.into(),
        };
        let full = ChannelFull {
            object: self.object.clone(),
            messages: stat.messages,
            // The kernel counts an empty message as one byte.
            max_messages: stat.max_size,
            bytes: stat.bytes.unwrap_or(0),
            max_bytes: stat.max_size,
        };
        if deadline == Deadline::NOW { SendError::Full(full) } else { SendError::TimedOut(full) }
    }

    /// Sends bytes. Blocks until there is room, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`send_raw_timeout`](Self::send_raw_timeout).
    pub fn send_raw_deadline(&self, route: Route, bytes: &[u8], deadline: Deadline) -> Result<(), SendError> {
        with_scratch(|message| {
            message.clear();
            message.set_message_type(route.message_type());
            message.extend_from_slice(bytes);
            self.queue.send_deadline(message, deadline).map_err(|error| self.not_sent(error, deadline))
        })
    }
}
