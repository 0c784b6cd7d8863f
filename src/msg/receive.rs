//! Receiving: how a message is chosen and waited for, and what happens to a message that is too long.

use std::time::Duration;

use libc::c_int;
use nix::errno::Errno;

use super::{buffer::MessageBuffer, queue::MessageQueue, selector::Selector};
use crate::{
    Deadline, Error, Result, sys,
    wait::{self, Failure},
};

impl MessageQueue {
    /// Receives a message. Blocks until one suits.
    ///
    /// # Errors
    ///
    /// - [`Error::Removed`], also while waiting, [`Error::PermissionDenied`], and [`Error::OutOfMemory`].
    /// - [`Error::Interrupted`] after [`set_interruptible(true)`](Self::set_interruptible).
    /// - [`Error::BufferTooSmall`] if the message is longer than
    ///   [`max_message_size`](Self::max_message_size). It stays on the queue.
    pub fn receive(&self, selector: Selector) -> Result<MessageBuffer> {
        self.receive_deadline(selector, Deadline::NEVER)
    }

    /// Receives a message that suits, if there is one now (`IPC_NOWAIT`).
    ///
    /// # Errors
    ///
    /// [`Error::WouldBlock`] if there is none. Otherwise as [`receive`](Self::receive).
    pub fn try_receive(&self, selector: Selector) -> Result<MessageBuffer> {
        self.receive_deadline(selector, Deadline::NOW)
    }

    /// Receives a message. Blocks until one suits, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`]. [`Error::LimitReached`] for [`Limit::Timers`](crate::Limit::Timers) if it must wait and can
    /// have no timer. Otherwise as [`receive`](Self::receive).
    pub fn receive_timeout(&self, selector: Selector, timeout: Duration) -> Result<MessageBuffer> {
        self.receive_deadline(selector, Deadline::after(timeout))
    }

    /// Receives a message. Blocks until one suits, until `deadline` at most. The crate's page on time describes how,
    /// and what it costs.
    ///
    /// # Errors
    ///
    /// As [`receive_timeout`](Self::receive_timeout). For [`Deadline::NOW`] as [`try_receive`](Self::try_receive).
    pub fn receive_deadline(&self, selector: Selector, deadline: Deadline) -> Result<MessageBuffer> {
        let mut message = MessageBuffer::default();
        self.receive_into_deadline(&mut message, selector, deadline)?;
        Ok(message)
    }

    /// Receives a message into an existing buffer. Blocks until one suits.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive). The buffer is unchanged then.
    pub fn receive_into(&self, message: &mut MessageBuffer, selector: Selector) -> Result<()> {
        self.receive_into_deadline(message, selector, Deadline::NEVER)
    }

    /// Receives a message that suits into a buffer, if there is one now (`IPC_NOWAIT`).
    ///
    /// # Errors
    ///
    /// As [`try_receive`](Self::try_receive). The buffer is unchanged then.
    pub fn try_receive_into(&self, message: &mut MessageBuffer, selector: Selector) -> Result<()> {
        self.receive_into_deadline(message, selector, Deadline::NOW)
    }

    /// Receives a message into a buffer. Blocks until one suits, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`receive_timeout`](Self::receive_timeout). The buffer is unchanged then.
    pub fn receive_into_timeout(
        &self,
        message: &mut MessageBuffer,
        selector: Selector,
        timeout: Duration,
    ) -> Result<()> {
        self.receive_into_deadline(message, selector, Deadline::after(timeout))
    }

    /// Receives a message into a buffer. Blocks until one suits, until `deadline` at most. The crate's page on time
    /// describes how, and what it costs.
    ///
    /// # Errors
    ///
    /// As [`receive_timeout`](Self::receive_timeout), and for [`Deadline::NOW`] as [`try_receive`](Self::try_receive).
    /// The buffer is unchanged then.
    pub fn receive_into_deadline(
        &self,
        message: &mut MessageBuffer,
        selector: Selector,
        deadline: Deadline,
    ) -> Result<()> {
        self.receive_flagged(message, selector, deadline, 0)
    }

    /// Receives a message and truncates it to the handle's [`max_message_size`](Self::max_message_size)
    /// (`MSG_NOERROR`). The rest of the message is lost.
    ///
    /// # Errors
    ///
    /// As [`receive_into_deadline`](Self::receive_into_deadline), but never [`Error::BufferTooSmall`].
    pub fn receive_truncating(
        &self,
        message: &mut MessageBuffer,
        selector: Selector,
        deadline: Deadline,
    ) -> Result<()> {
        self.receive_flagged(message, selector, deadline, sys::MSG_NOERROR)
    }

    /// Copies the message at `index` and leaves it on the queue (`MSG_COPY`). Index 0 is the oldest message.
    ///
    /// # Errors
    ///
    /// - [`Error::WouldBlock`] if there are not that many messages.
    /// - [`Error::Unsupported`] outside Linux, and on a kernel without `CONFIG_CHECKPOINT_RESTORE`.
    /// - Otherwise as [`receive`](Self::receive).
    pub fn peek(&self, index: usize) -> Result<MessageBuffer> {
        let mut message = MessageBuffer::default();
        let index = libc::c_long::try_from(index).unwrap_or(libc::c_long::MAX);
        sys::msgrcv_copy(self.id, message.raw_mut(), self.max_message_size, index)
            .map_err(|errno| self.receive_error(errno))?;
        Ok(message)
    }

    fn receive_flagged(
        &self,
        message: &mut MessageBuffer,
        selector: Selector,
        deadline: Deadline,
        flags: c_int,
    ) -> Result<()> {
        let (wanted, except) = selector.arguments()?;
        let (id, room, flags) = (self.id, self.max_message_size, flags | except);
        let buffer = std::cell::RefCell::new(message.raw_mut());
        let receive = |flags| sys::msgrcv(id, &mut buffer.borrow_mut(), room, wanted, flags);
        let received = if deadline == Deadline::NEVER {
            wait::unlimited(self.interruptible, || receive(flags))
        } else {
            wait::until(deadline, self.interruptible, || receive(flags | sys::IPC_NOWAIT), || receive(flags))
        };
        received.map_err(|failure| match failure {
            Failure::Call(errno) => self.receive_error(errno),
            Failure::Alarm(errno) => self.alarm_error(errno),
        })
    }

    #[cold]
    fn receive_error(&self, errno: Errno) -> Error {
        match errno {
            Errno::E2BIG => Error::BufferTooSmall { object: self.object(), buffer: self.max_message_size },
            errno => self.wait_error("msgrcv", errno),
        }
    }
}
