//! How channels are opened and closed, and which members there are.

use std::time::Duration;

use super::{
    Channel,
    shared::{KIND, Shared},
    transport::Transport,
    typed::Message,
};
#[cfg(feature = "redis")]
use crate::remote::{Manner, Remote};
use crate::{
    Failure, Member, OpenError, Options, Role, Status,
    object::{self, Disposition},
    options::Settings,
};

/// How long a worker waits at its start for a server that is away.
const AWAY: Duration = Duration::from_secs(30);

/// What to do on a server, which knows no members.
pub(super) const MEMBERS: &str =
    "ask the server's operator for `CLIENT LIST`, or let the programs say in messages that they live";

impl Channel {
    /// Returns the options to create or open a channel with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a channel. The name may be an [address](Self::connect), as that of `open` and `open_or_create`.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str) -> Result<Self, OpenError> {
        Self::options().create(name)
    }

    /// Opens a channel that exists, however large its messages may be.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoSuchName`] if there is none. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a channel, or creates it.
    ///
    /// Any number of processes may call it at once, and any of them may die: exactly one channel is created, and no
    /// process sees it half made.
    ///
    /// A channel outlives its processes, until it is removed or the system restarts. So an existing channel keeps its
    /// messages and requests, perhaps those of an earlier run that crashed, and it may be closed already. To begin
    /// anew, [remove the name](Self::unlink) first. It also keeps its options, unless [`Options::exact`] insists on
    /// those that are given.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create).
    pub fn open_or_create(name: &str) -> Result<Self, OpenError> {
        Self::options().open_or_create(name)
    }

    /// Removes a channel by its name, with its messages. Its waiters wake. Other handles find it removed when they
    /// would next have to wait. The name may be an [address](Self::connect).
    ///
    /// # Errors
    ///
    /// As [`Mutex::unlink`](crate::Mutex::unlink).
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        #[cfg(feature = "redis")]
        if Remote::is_address(name) {
            return Ok(Self::open_at(name)?.remove()?);
        }
        object::remove::by_name(name, KIND)
    }

    /// Connects to the channel at an address, or creates it there.
    ///
    /// | address | channel |
    /// | --- | --- |
    /// | `jobs`, without `://` | in shared memory, as [`open_or_create`](Self::open_or_create) |
    /// | `redis://[user:password@]host[:port]/[database/]jobs` | on a *Redis server*: Redis 7.0 or later, or another server that speaks its protocol. With the feature `redis` |
    /// | `rediss://` and the same | over TLS. The server's certificate must be for the host, and signed by an authority of this system, or by the one in the file of `?ca=/path/ca.pem`. With the feature `redis-tls` |
    ///
    /// The same program runs on both. On a Redis server these things differ:
    ///
    /// - **A process dies.** Its claims come back when their [lease](Options::lease) has ended. The lease is extended while the
    ///   process lives. A process that was stopped for longer learns from [`done`](crate::Claimed::done) that the [lease is
    ///   lost](Failure::LeaseLost).
    /// - **The connection breaks.** It is made again. A call that waits without a deadline waits until the server is back. Any
    ///   other call fails after a time with [`Failure::Unreachable`], or [`SendError::MaybeSent`](crate::SendError::MaybeSent).
    /// - **Some operations do not exist there** and fail with [`Failure::Unsupported`], which says what to do instead:
    ///   counted senders and receivers, lists of members and of claims (see [`inspect::on_server`](crate::inspect::on_server)), and [`require_server`](Self::require_server). [`PendingResponse::taken_by`](crate::PendingResponse::taken_by) is `None`.
    /// - **A future is dropped.** It has received nothing, as in memory: its message goes back to its place, without an attempt. A future that
    ///   sends may have sent its message by then. If the process dies within a moment after `recv_async` has returned a message,
    ///   that comes again when the lease has ended. No poll waits for the server, but [`done`](crate::Claimed::done) and the drop of a claim
    ///   block the thread for a round trip.
    /// - **A fork.** In a child made by `fork` each operation fails with [`Failure::Inherited`]. The child must connect again.
    ///
    /// A server that loses messages when it is restarted is refused, unless the address ends in `?volatile=true`. A server that
    /// drops messages when its memory is short is always refused.
    ///
    /// # Errors
    ///
    /// As [`open_or_create`](Self::open_or_create), and for a Redis server:
    ///
    /// - [`OpenError::BadAddress`], which quotes no part of the address.
    /// - [`OpenError::BadServer`], with the setting and the line that changes it.
    /// - [`Failure::Unreachable`] and [`Failure::Refused`] in [`OpenError::Failed`].
    pub fn connect(address: &str) -> Result<Self, OpenError> {
        Self::options().connect(address)
    }

    /// Opens a channel that exists, at an address of whichever kind. A server that is being restarted is waited for.
    pub(crate) fn open_at(address: &str) -> Result<Self, OpenError> {
        let options = Self::options();
        let options = if address.contains("://") { options.open_timeout(AWAY) } else { options };
        Self::at(&options.settings, address, Disposition::Open)
    }

    /// Opens or creates a channel at an address of whichever kind.
    #[cfg(feature = "redis")]
    pub(crate) fn at(options: &Settings, address: &str, disposition: Disposition) -> Result<Self, OpenError> {
        if !Remote::is_address(address) {
            return Self::enter(options, address, disposition);
        }
        let manner = Manner {
            creates: !matches!(disposition, Disposition::Open),
            opens: !matches!(disposition, Disposition::Create),
        };
        Remote::connect(address, options, manner).map(|remote| Self::new(Transport::Server(remote)))
    }

    /// Opens or creates a channel at an address. Without the feature `redis` all are in shared memory.
    #[cfg(not(feature = "redis"))]
    pub(crate) fn at(options: &Settings, address: &str, disposition: Disposition) -> Result<Self, OpenError> {
        if address.contains("://") {
            return Err(OpenError::BadAddress { why: "this program was built without the feature `redis`" });
        }
        Self::enter(options, address, disposition)
    }

    fn enter(options: &Settings, name: &str, disposition: Disposition) -> Result<Self, OpenError> {
        Shared::enter(options, name, disposition).map(|shared| Self::new(Transport::Memory(shared)))
    }

    /// Returns the longest message that it carries, in encoded bytes.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        match &self.transport {
            Transport::Memory(shared) => shared.store.geometry.max_message_size,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => remote.geometry.max_message_size,
        }
    }

    /// Closes the channel for good: nothing more is sent, and what is on it can be received.
    ///
    /// Every call that waits is woken: senders get [`SendError::Closed`](crate::SendError::Closed), and receivers
    /// [`RecvError::Closed`](crate::RecvError::Closed) once nothing that they want is left. A request that no process
    /// has taken is taken back, and its caller gets `Closed` too. A request that was taken gets its response. A message
    /// may still come afterwards if its sending began before.
    ///
    /// ```
    /// use sysv_primitives::{Channel, RecvError, Route, SendError};
    ///
    /// # let name = format!("channel-close-example-{}", std::process::id());
    /// let channel = Channel::create(&name)?;
    /// channel.send_raw(Route::new(1), b"the last one")?;
    /// channel.close()?;
    /// assert!(matches!(channel.send_raw(Route::new(1), b"too late"), Err(SendError::Closed { .. })));
    /// assert_eq!(channel.recv_raw(Route::new(1))?, b"the last one");
    /// assert!(matches!(channel.recv_any(), Err(RecvError::Closed { .. })));
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the channel was removed, or the system refuses to notify a waiter.
    pub fn close(&self) -> Result<(), Failure> {
        match &self.transport {
            Transport::Memory(shared) => {
                // A process that dies before it has notified all of them must have an obituary.
                shared.session()?;
                shared.store.close(&shared.members)
            }
            #[cfg(feature = "redis")]
            Transport::Server(remote) => remote.close(),
        }
    }

    /// Returns whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.transport {
            Transport::Memory(shared) => shared.store.is_closed(),
            #[cfg(feature = "redis")]
            Transport::Server(remote) => remote.is_closed(),
        }
    }

    /// Returns the state of the kernel objects that the channel consists of.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.memory("status of kernel objects", "read `depth`")?.object.status()
    }

    /// Returns the members that have the channel open, without disturbing any of them.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.memory("list of members", MEMBERS)?.members.list()
    }

    /// Returns the members that have a [`Sender`](super::Sender) of a type.
    ///
    /// The kernel says which members live, so one that died is not listed, also before the channel is repaired.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn senders<T: Message>(&self) -> Result<Vec<Member>, Failure> {
        self.attached::<T>(Role::Producer)
    }

    /// Returns the members that have a [`Receiver`](super::Receiver) of a type, as [`senders`](Self::senders) does.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn receivers<T: Message>(&self) -> Result<Vec<Member>, Failure> {
        self.attached::<T>(Role::Consumer)
    }

    fn attached<T: Message>(&self, role: Role) -> Result<Vec<Member>, Failure> {
        let shared = self.memory("list of senders and receivers", MEMBERS)?;
        let store = &shared.store;
        shared.members_in(store.attached(store.lane_of(T::ROUTE.number()), role))
    }

    /// Removes the channel. Waiters wake, and calls on every handle fail, with an error that [is gone](Failure::is_gone).
    ///
    /// # Errors
    ///
    /// [`Failure::System`] for what the system refuses.
    pub fn remove(&self) -> Result<(), Failure> {
        match &self.transport {
            Transport::Memory(shared) => {
                shared.object.remove()?;
                // After the removal: handles that would not enter the kernel learn of it from memory.
                shared.store.mark_removed();
                Ok(())
            }
            #[cfg(feature = "redis")]
            Transport::Server(remote) => remote.remove(),
        }
    }
}

impl Options<Channel> {
    /// Sets how many ordinary messages a new channel has room for. By default 1,024, and at most 64,000.
    ///
    /// Each takes 256 bytes, and 16 bytes for each route with a lane of its own. In addition there is room for as many calls, from
    /// 16 to 1,024, and for 16 control messages. Linux takes the memory when it is first used.
    #[must_use]
    pub fn capacity(mut self, messages: u32) -> Self {
        self.settings.messages = messages;
        self
    }

    /// Sets how many routes have a lane of their own in a new channel. By default 32, and at most 48.
    ///
    /// The first routes that are used get them. Further routes share 8 lanes, where a receiver skips messages of other routes. Each
    /// lane takes 8 bytes for each of at least 1,024 entries, and twice the cells.
    #[must_use]
    pub fn max_routes(mut self, routes: u32) -> Self {
        self.settings.max_routes = routes;
        self
    }

    /// Sets the largest message that a new channel carries, in bytes. By default 1 MiB, and 4 GiB at most.
    ///
    /// Messages of up to 192 bytes lie in their cell. In addition, the channel's segment has room for two messages of the largest
    /// size, or for one block for each message, and for a response of the largest size. Linux takes the memory when it is first
    /// used.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.settings.max_message_size = bytes;
        self
    }

    /// Sets after how many [attempts](Channel::claim) a message of a new channel is [set aside](Channel::set_aside), unless its
    /// [type](Message::ATTEMPTS) or its [delivery](crate::Delivery::attempts) says otherwise. By default 0, which is never.
    #[must_use]
    pub fn attempts(mut self, limit: u8) -> Self {
        self.settings.attempts = limit;
        self
    }

    /// Sets the lease of claims and calls of a new channel on a Redis server. By default 10 seconds, from 100 milliseconds to a
    /// day.
    ///
    /// It is extended at a third of its time, as long as the process lives and reaches the server. So it limits how long the death
    /// of a process goes unnoticed, and not how long a job may take. Channels in memory have no lease: a death is noticed at once.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Connects to the [`Channel`] at an address, or creates it there.
    ///
    /// # Errors
    ///
    /// As [`Channel::connect`].
    pub fn connect(&self, address: &str) -> Result<Channel, OpenError> {
        Channel::at(&self.settings, address, Disposition::OpenOrCreate)
    }

    /// Creates a [`Channel`].
    ///
    /// Systems with small limits, as macOS has them, need smaller options: it takes 3 semaphores and 6 for each handle, and
    /// a segment of about 6 MiB by default.
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
    /// As [`Channel::create`], and [`OpenError::TooLarge`] for options beyond their limits.
    pub fn create(&self, name: &str) -> Result<Channel, OpenError> {
        Channel::at(&self.settings, name, Disposition::Create)
    }

    /// Opens a [`Channel`] that exists.
    ///
    /// # Errors
    ///
    /// As [`Channel::open`].
    pub fn open(&self, name: &str) -> Result<Channel, OpenError> {
        Channel::at(&self.settings, name, Disposition::Open)
    }

    /// Opens a [`Channel`], or creates it.
    ///
    /// # Errors
    ///
    /// As [`Channel::open_or_create`], and [`OpenError::TooLarge`] for options beyond their limits.
    pub fn open_or_create(&self, name: &str) -> Result<Channel, OpenError> {
        Channel::at(&self.settings, name, Disposition::OpenOrCreate)
    }
}
