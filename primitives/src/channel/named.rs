//! Channels that have a name: how they are opened and closed, and who is there.

use std::sync::Arc;

use super::{
    Channel,
    shared::{KIND, Shared},
    words::CLOSED,
};
use crate::{
    Failure, Member, OpenError, Options, Role, Status,
    object::{self, Want},
    options::Settings,
};

impl Channel {
    /// Returns the options to create or open a channel with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a channel.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one; otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str) -> Result<Self, OpenError> {
        Self::options().create(name)
    }

    /// Opens a channel that exists, however large its messages may be.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoSuchName`] if there is none; otherwise as [`open_or_create`](Self::open_or_create).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a channel, or creates it.
    ///
    /// However many processes do it at once, and whichever of them die meanwhile: one channel comes
    /// of it, and nobody sees half of it.
    ///
    /// A channel outlives its processes, until it is removed or the system restarts. So one that exists keeps what is on
    /// it, perhaps messages and requests of an earlier run that crashed, and it may be closed already. To begin anew,
    /// [remove the name](Self::unlink) first. It also keeps its largest message, its mode and its number of handles,
    /// unless [`Options::exact`] insists on those that are given.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create), and [`OpenError::Foreign`] if another program's
    /// queue has the key.
    pub fn open_or_create(name: &str) -> Result<Self, OpenError> {
        Self::options().open_or_create(name)
    }

    /// Removes a channel by its name, with what is on it; whoever waits on it wakes.
    ///
    /// # Errors
    ///
    /// As [`Mutex::unlink`](crate::Mutex::unlink).
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        object::remove::by_name(name, KIND)
    }

    fn enter(options: &Settings, name: &str, want: Want) -> Result<Self, OpenError> {
        loop {
            let shared = Shared::enter(options, name, want)?;
            let object = shared.object.name().clone();
            match Self::over(shared.words.queue.clone(), Some(shared)) {
                // It was removed meanwhile.
                Err(error) if error.is_gone() => {}
                over => return over.map_err(|error| Failure::System { object, error }.into()),
            }
        }
    }

    /// Returns what a named channel shares, for something that only those can.
    pub(super) fn shared(&self, what: &'static str) -> Result<&Arc<Shared>, Failure> {
        self.shared.as_ref().ok_or(Failure::NeedsName { what })
    }

    /// Returns the longest message that it carries, in encoded bytes.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        self.shared.as_ref().map_or(self.longest, |shared| shared.words.parcels.plan.largest.max(self.longest))
    }

    /// Closes the channel for good: nothing more is sent, and what is on it can be received.
    ///
    /// Every [`Receiver`](super::Receiver) that waits is woken, and returns [`RecvError::Closed`](crate::RecvError::Closed) once
    /// nothing that it wants is left. A `recv` that sleeps on another handle sleeps on: that one is the kernel's, which knows of no closing.
    /// A message whose sending began before may come after.
    ///
    /// ```
    /// use sysv_primitives::{Channel, RecvError, Route, SendError};
    ///
    /// # let name = format!("channel-close-example-{}", std::process::id());
    /// let channel = Channel::create(&name)?;
    /// let receiver = channel.receiver()?;
    /// channel.send_raw(Route::new(1), b"the last one")?;
    /// channel.close()?;
    /// assert!(matches!(channel.send_raw(Route::new(1), b"too late"), Err(SendError::Closed { .. })));
    /// assert_eq!(receiver.recv_raw(Route::new(1))?, b"the last one");
    /// assert!(matches!(receiver.recv_any(), Err(RecvError::Closed { .. })));
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Failure::NeedsName`] for a plain queue.
    pub fn close(&self) -> Result<(), Failure> {
        let shared = self.shared("be closed")?;
        // Whoever dies before it has woken all must have an obituary.
        shared.session()?;
        shared.words.close(&shared.members);
        Ok(())
    }

    /// Returns whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.words.state() & CLOSED != 0)
    }

    /// Returns what the channel is made of.
    ///
    /// # Errors
    ///
    /// [`Failure::NeedsName`] for a plain queue. [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.shared("tell what it is made of")?.object.status()
    }

    /// Returns who has the channel open, without disturbing anybody.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.shared("tell who uses it")?.members.list()
    }

    /// Returns in which processes there is a [`Sender`](super::Sender).
    ///
    /// The kernel says which members live, so one that died is not listed, also before the channel is repaired. While
    /// another process repairs it, it may be listed for a moment.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn senders(&self) -> Result<Vec<Member>, Failure> {
        self.shared("tell who sends")?.seated(Role::Producer)
    }

    /// Returns in which processes there is a [`Receiver`](super::Receiver), as [`senders`](Self::senders) does.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn receivers(&self) -> Result<Vec<Member>, Failure> {
        self.shared("tell who receives")?.seated(Role::Consumer)
    }
}

impl Options<Channel> {
    /// Sets the largest message that a new channel carries, in bytes. By default 1 MiB, and 4 GiB at most.
    ///
    /// The channel's segment has room for one such message to be sent and one to be answered at a time, or 1,024
    /// smaller ones. Linux takes the memory when it is first used.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.settings.max_message_size = bytes;
        self
    }

    /// Creates a [`Channel`], with this [`max_message_size`](Self::max_message_size) and at most 256
    /// [`max_handles`](Self::max_handles).
    ///
    /// Systems with small limits, as macOS has them, need smaller ones: it takes 6 semaphores and two for each process,
    /// and a segment of about 5 MiB for the default of 1 MiB; twice the largest message from 64 MiB on, and never less
    /// than 1 MiB.
    ///
    /// ```
    /// use sysv_primitives::Channel;
    ///
    /// # let name = format!("channel-options-example-{}", std::process::id());
    /// let options = Channel::options().max_message_size(64 << 20).remove_on_drop(true);
    /// let channel = options.create(&name)?;
    /// assert_eq!(channel.max_message_size(), 64 << 20);
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Channel::create`]; [`OpenError::TooLarge`] for messages of more than 4 GiB.
    pub fn create(&self, name: &str) -> Result<Channel, OpenError> {
        Channel::enter(&self.settings, name, Want::Create)
    }

    /// Opens a [`Channel`] that exists.
    ///
    /// # Errors
    ///
    /// As [`Channel::open`].
    pub fn open(&self, name: &str) -> Result<Channel, OpenError> {
        Channel::enter(&self.settings, name, Want::Open)
    }

    /// Opens a [`Channel`], or creates it.
    ///
    /// # Errors
    ///
    /// As [`Channel::open_or_create`]; [`OpenError::TooLarge`] for messages of more than 4 GiB.
    pub fn open_or_create(&self, name: &str) -> Result<Channel, OpenError> {
        Channel::enter(&self.settings, name, Want::OpenOrCreate)
    }
}
