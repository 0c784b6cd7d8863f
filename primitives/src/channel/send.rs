//! Sending.

use std::time::Duration;

use super::{Channel, Message, codec, with_scratch};
use crate::{Error, Result, Route, raw::Deadline};

impl Channel {
    /// Sends a value; waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`Error::Unencodable`]; [`Error::Raw`], as [`MessageQueue::send`](crate::raw::MessageQueue::send).
    pub fn send<T: Message>(&self, value: &T) -> Result<()> {
        self.send_deadline(value, Deadline::NEVER)
    }

    /// Sends a value if there is room now.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and an error that [is busy](Error::is_busy) if there is none.
    pub fn try_send<T: Message>(&self, value: &T) -> Result<()> {
        self.send_deadline(value, Deadline::NOW)
    }

    /// Sends a value; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and an error that [is busy](Error::is_busy) when the time is over.
    pub fn send_timeout<T: Message>(&self, value: &T, timeout: Duration) -> Result<()> {
        self.send_deadline(value, Deadline::after(timeout))
    }

    /// Sends a value; waits until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    pub fn send_deadline<T: Message>(&self, value: &T, deadline: Deadline) -> Result<()> {
        with_scratch(|message| {
            message.clear();
            message.set_message_type(T::ROUTE.message_type());
            codec::encode(value, message).map_err(|why| Error::Unencodable { route: T::ROUTE, why })?;
            Ok(self.queue.send_deadline(message, deadline)?)
        })
    }

    /// Sends bytes as they are on a route, for who speaks plain System V; waits while the queue is full.
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
    /// [`Error::Raw`], as [`MessageQueue::send`](crate::raw::MessageQueue::send).
    pub fn send_raw(&self, route: Route, bytes: &[u8]) -> Result<()> {
        self.send_raw_deadline(route, bytes, Deadline::NEVER)
    }

    /// Sends bytes as they are, if there is room now.
    ///
    /// # Errors
    ///
    /// As [`send_raw`](Self::send_raw), and an error that [is busy](Error::is_busy) if there is none.
    pub fn try_send_raw(&self, route: Route, bytes: &[u8]) -> Result<()> {
        self.send_raw_deadline(route, bytes, Deadline::NOW)
    }

    fn send_raw_deadline(&self, route: Route, bytes: &[u8], deadline: Deadline) -> Result<()> {
        with_scratch(|message| {
            message.clear();
            message.set_message_type(route.message_type());
            message.extend_from_slice(bytes);
            Ok(self.queue.send_deadline(message, deadline)?)
        })
    }
}
