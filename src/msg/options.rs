//! How message queues are created and opened.

use libc::c_int;
use nix::errno::Errno;

use super::queue::MessageQueue;
use crate::{
    Error, Key, Limit, Mode, ObjectId, ObjectKind, Result,
    open::{Disposition, Requested, open_or_create, with_random_key},
    sys,
};

/// Creates and opens message queues, as [`std::fs::OpenOptions`] does files.
///
/// Without [`create`](Self::create), an existing queue is opened and nothing of it is changed.
///
/// See [`msgget(2)`](https://man7.org/linux/man-pages/man2/msgget.2.html).
///
/// ```
/// use sysv_ipc::MessageQueueOptions;
///
/// # let other = MessageQueueOptions::new().open_random()?;
/// # let key = other.key().expect("it was opened by a key");
/// # other.remove()?;
/// let queue = MessageQueueOptions::new().create(true).mode(0o660).open(key)?;
/// assert_eq!(queue.stat()?.messages, 0);
/// queue.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MessageQueueOptions {
    disposition: Disposition,
    mode: Mode,
    access: Requested,
    max_message_size: usize,
}

impl Default for MessageQueueOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl MessageQueueOptions {
    /// Returns options that open an existing queue: mode 0600, messages of up to 2,048 bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            disposition: Disposition { create: false, exclusive: false },
            mode: Mode::PRIVATE,
            access: Requested::NONE,
            max_message_size: 2048,
        }
    }

    crate::open::open_options_methods!();

    /// Sets the longest message that this *handle* sends, and the room it receives with. 2,048 bytes by default.
    ///
    /// It is not passed to the kernel, which has limits of its own: `MSGMAX` for one message, and
    /// [`max_size`](super::MessageQueueStat::max_size) for all messages on the queue.
    pub const fn max_message_size(&mut self, bytes: usize) -> &mut Self {
        self.max_message_size = bytes;
        self
    }

    /// Opens or creates a queue.
    ///
    /// # Errors
    ///
    /// - [`Error::NotFound`] without `create`, if there is none.
    /// - [`Error::AlreadyExists`] with `exclusive`, if there is one.
    /// - [`Error::PermissionDenied`] if the access asked for is not granted.
    /// - [`Error::LimitReached`] for `MSGMNI`, and [`Error::OutOfMemory`].
    /// - [`Error::ExclusiveWithoutCreate`], before any system call.
    pub fn open(&self, key: Key) -> Result<MessageQueue> {
        self.disposition.check()?;
        let (id, _created) = open_or_create(
            self.disposition,
            key,
            |flags| get(key, self.access.flags() | flags),
            |flags| get(key, self.mode.flags() | flags),
        )?;
        Ok(MessageQueue::new(Some(key), id, self.max_message_size))
    }

    /// Creates a queue under a random unused key. [`MessageQueue::key`] returns the key.
    ///
    /// # Errors
    ///
    /// As an exclusive [`open`](Self::open), and [`Error::NoFreeKey`] after a bounded number of tries.
    pub fn open_random(&self) -> Result<MessageQueue> {
        let exclusive = Self { disposition: Disposition::EXCLUSIVE, ..*self };
        with_random_key(ObjectKind::MessageQueue, |key| exclusive.open(key))
    }
}

/// `msgget`, with what its errno means.
fn get(key: Key, flags: c_int) -> Result<c_int> {
    const CALL: &str = "msgget";
    let object = ObjectId::with_key(ObjectKind::MessageQueue, key);
    sys::msgget(key.get(), flags).map_err(|errno| match errno {
        Errno::ENOSPC => Limit::Msgmni.reached(CALL, object, errno),
        errno => Error::from_errno(CALL, object, errno),
    })
}
