//! Sending: what happens to a message for which there is no room, now or ever.

use std::time::Duration;

use nix::errno::Errno;

use super::{buffer::MessageBuffer, queue::MessageQueue};
use crate::{
    Deadline, Error, Result, limits, sys,
    wait::{self, Failure},
};

impl MessageQueue {
    /// Sets whether later sends wait for a queue that is too small.
    ///
    /// By default a message that is longer than the queue's `max_size` is refused at once, with
    /// [`Error::MessageExceedsQueue`]. The kernel would let the sender wait, and forever unless another process
    /// raises `max_size`. With `true` the kernel decides:
    ///
    /// - A send waits until the queue was [enlarged](Self::set_max_size) and has room.
    /// - The timed forms wait for that until their timeout elapses.
    /// - [`try_send`](Self::try_send) returns [`Error::WouldBlock`].
    ///
    /// The kernels of FreeBSD and macOS refuse such a message themselves, so the setting changes nothing there.
    ///
    /// See [`msgop(2)`](https://man7.org/linux/man-pages/man2/msgop.2.html).
    ///
    /// ```
    /// # if !cfg!(target_os = "linux") { return Ok(()) }
    /// use sysv_ipc::{Error, MessageBuffer, MessageQueueOptions, MessageType};
    ///
    /// let mut queue = MessageQueueOptions::new().open_random()?;
    /// queue.set_max_size(10)?;
    /// let message = MessageBuffer::new(MessageType::ONE, &[0; 11]);
    /// assert!(matches!(queue.try_send(&message), Err(Error::MessageExceedsQueue { .. })));
    /// queue.set_wait_for_resize(true);
    /// assert!(matches!(queue.try_send(&message), Err(Error::WouldBlock { .. })));
    /// queue.remove()?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set_wait_for_resize(&mut self, wait: bool) -> &mut Self {
        self.waits_for_resize = wait;
        self
    }

    /// Returns whether sends wait for a queue that is too small.
    ///
    /// ```
    /// # use sysv_ipc::MessageQueue;
    /// let mut queue = MessageQueue::from_raw_id(0);
    /// assert!(!queue.waits_for_resize());
    /// assert!(queue.set_wait_for_resize(true).waits_for_resize());
    /// ```
    #[must_use]
    pub fn waits_for_resize(&self) -> bool {
        self.waits_for_resize
    }

    /// Sends a message. Blocks while the queue is full.
    ///
    /// # Errors
    ///
    /// - [`Error::Removed`], also while waiting, [`Error::PermissionDenied`], and [`Error::OutOfMemory`].
    /// - [`Error::Interrupted`] after [`set_interruptible(true)`](Self::set_interruptible).
    /// - [`Error::MessageTooLong`] for this handle, [`Error::MessageExceedsMsgmax`] for any queue,
    ///   [`Error::MessageExceedsQueue`] for this queue as large as it is now. Nothing is sent.
    ///
    /// A message longer than the queue's `max_size` is refused at once, even if another process were to raise it.
    /// [`set_wait_for_resize(true)`](Self::set_wait_for_resize) waits for that. A queue that shrinks while a sender
    /// waits is not checked again: the sender goes on waiting.
    pub fn send(&self, message: &MessageBuffer) -> Result<()> {
        self.send_deadline(message, Deadline::NEVER)
    }

    /// Sends a message if there is room now (`IPC_NOWAIT`).
    ///
    /// # Errors
    ///
    /// [`Error::WouldBlock`] if there is none. Otherwise as [`send`](Self::send).
    pub fn try_send(&self, message: &MessageBuffer) -> Result<()> {
        self.send_deadline(message, Deadline::NOW)
    }

    /// Sends a message. Blocks while the queue is full, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`]. [`Error::LimitReached`] for [`Limit::Timers`](crate::Limit::Timers) if it must wait and can
    /// have no timer. Otherwise as [`send`](Self::send).
    pub fn send_timeout(&self, message: &MessageBuffer, timeout: Duration) -> Result<()> {
        self.send_deadline(message, Deadline::after(timeout))
    }

    /// Sends a message. Blocks while the queue is full, until `deadline` at most. The crate's page on time describes
    /// how, and what it costs.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout), and for [`Deadline::NOW`] as [`try_send`](Self::try_send).
    pub fn send_deadline(&self, message: &MessageBuffer, deadline: Deadline) -> Result<()> {
        let len = message.bytes().len();
        if len > self.max_message_size {
            return Err(Error::MessageTooLong { len, max_message_size: self.max_message_size });
        }
        let raw = message.raw();
        if self.waits_for_resize && deadline == Deadline::NEVER {
            let sent = wait::unlimited(self.interruptible, || sys::msgsnd(self.id, raw, 0));
            return sent.map_err(|failure| self.send_failure(len, failure));
        }
        let at_once = || match sys::msgsnd(self.id, raw, sys::IPC_NOWAIT) {
            // The kernel would wait for room that the queue can't have unless it is enlarged.
            Err(Errno::EAGAIN) if !self.waits_for_resize && self.holds_less_than(len) => Err(Errno::EFBIG),
            other => other,
        };
        wait::until(deadline, self.interruptible, at_once, || sys::msgsnd(self.id, raw, 0))
            .map_err(|failure| self.send_failure(len, failure))
    }

    #[cold]
    fn send_failure(&self, len: usize, failure: Failure) -> Error {
        match failure {
            Failure::Call(errno) => self.send_error(len, errno),
            Failure::Alarm(errno) => self.alarm_error(errno),
        }
    }

    /// Whether a message can't fit into the queue as large as it is now. A queue of size 0 takes not even an empty one.
    fn holds_less_than(&self, len: usize) -> bool {
        self.max_size().is_ok_and(|max_size| len as u64 > max_size || max_size == 0)
    }

    #[cold]
    fn send_error(&self, len: usize, errno: Errno) -> Error {
        const CALL: &str = "msgsnd";
        match errno {
            Errno::EFBIG => {
                let max_size = usize::try_from(self.max_size().unwrap_or(0)).unwrap_or(usize::MAX);
                Error::MessageExceedsQueue { object: self.object(), len, max_size }
            }
            // A type is positive by construction, so it is the length, or the queue was removed.
            Errno::EINVAL => match limits().map(|limits| limits.message_queues.max_message_size) {
                Ok(msgmax) if len as u64 > msgmax => {
                    Error::MessageExceedsMsgmax { len, msgmax: usize::try_from(msgmax).unwrap_or(usize::MAX) }
                }
                // On systems without that call, a message can be as long as a queue.
                Err(Error::Unsupported { .. }) if self.stat().is_ok() => self.send_error(len, Errno::EFBIG),
                _ => Error::Removed { call: CALL, object: self.object(), errno },
            },
            errno => self.wait_error(CALL, errno),
        }
    }
}
