//! Typed ends that are counted: a receiver may detect that the last sender of its type has left or died.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use super::{Channel, claimed::Claimed, shared::Shared, typed::Message};
use crate::{Failure, RecvError, Role, SendError, members::Session, raw::Deadline};

const COUNTED: &str = "send and receive with the methods of the channel, and close it when all is sent";

/// One endpoint of a role, until it is dropped or its process dies.
#[derive(Debug)]
struct Endpoint {
    shared: Arc<Shared>,
    role: Role,
    lane: usize,
    me: Session,
}

impl Endpoint {
    fn attach<T: Message>(channel: &Channel, role: Role) -> Result<Self, Failure> {
        let shared = Arc::clone(channel.memory("count of senders and receivers", COUNTED)?);
        let (me, lane) = (shared.session()?, shared.store.lane_of(T::ROUTE.number()));
        shared.store.attach(lane, role, me);
        Ok(Self { shared, role, lane, me })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // In a child made by `fork` it is the parent's.
        if self.me.is_ours() {
            let Shared { store, members, .. } = &*self.shared;
            members.record(store.detach(self.lane, self.role, self.me, members));
        }
    }
}

/// The sending end of a channel for one type of message, which is counted.
///
/// When the last sender of a route is dropped, or its process dies, each [`Receiver`] of the route that
/// [detects](Receiver::detect_disconnect) it is notified. A child made by `fork` may go on sending with it, and is not counted as a
/// sender.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, RecvError, messages};
///
/// #[derive(Serialize, Deserialize)]
/// struct Line(String);
/// messages! { 1 => Line }
///
/// # let name = format!("sender-example-{}", std::process::id());
/// let channel = Channel::create(&name)?; // one process
/// let sender = channel.sender::<Line>()?;
/// let other = Channel::open(&name)?; // another process
/// let mut receiver = other.receiver::<Line>()?;
/// receiver.detect_disconnect(true);
/// sender.send(&Line("the only one".into()))?;
/// drop(sender);
/// assert_eq!(receiver.recv()?.0, "the only one");
/// assert!(matches!(receiver.recv(), Err(RecvError::Disconnected { .. })));
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it leaves the channel, perhaps as its last sender"]
pub struct Sender<T: Message> {
    pub(super) channel: Channel,
    _endpoint: Endpoint,
    message: PhantomData<fn(T)>,
}

/// The receiving end of a channel for one type of message, which is counted.
///
/// See [`Sender`] for an example.
#[derive(Debug)]
#[must_use = "dropping it leaves the channel"]
pub struct Receiver<T: Message> {
    pub(super) channel: Channel,
    _endpoint: Endpoint,
    message: PhantomData<fn() -> T>,
}

impl Channel {
    /// Returns a sender of messages of one type, which is counted.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the channel was removed.
    pub fn sender<T: Message>(&self) -> Result<Sender<T>, Failure> {
        let endpoint = Endpoint::attach::<T>(self, Role::Producer)?;
        Ok(Sender { channel: self.clone(), _endpoint: endpoint, message: PhantomData })
    }

    /// Returns a receiver of messages of one type, which is counted.
    ///
    /// # Errors
    ///
    /// As [`sender`](Self::sender).
    pub fn receiver<T: Message>(&self) -> Result<Receiver<T>, Failure> {
        let endpoint = Endpoint::attach::<T>(self, Role::Consumer)?;
        Ok(Receiver { channel: self.clone(), _endpoint: endpoint, message: PhantomData })
    }
}

impl<T: Message> Sender<T> {
    /// Sends a value. Blocks while the channel is full.
    ///
    /// # Errors
    ///
    /// As [`Channel::send`].
    #[inline]
    pub fn send(&self, value: &T) -> Result<(), SendError> {
        self.channel.send(value)
    }

    /// Sends a value if there is room now.
    ///
    /// # Errors
    ///
    /// As [`Channel::try_send`].
    #[inline]
    pub fn try_send(&self, value: &T) -> Result<(), SendError> {
        self.channel.try_send(value)
    }

    /// Sends a value. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Channel::send_timeout`].
    pub fn send_timeout(&self, value: &T, timeout: Duration) -> Result<(), SendError> {
        self.channel.send_timeout(value, timeout)
    }

    /// Sends a value. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`Channel::send_deadline`].
    pub fn send_deadline(&self, value: &T, deadline: Deadline) -> Result<(), SendError> {
        self.channel.send_deadline(value, deadline)
    }

    /// Returns the channel.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.channel
    }
}

impl<T: Message> Receiver<T> {
    /// Receives the oldest value. Blocks until there is one.
    ///
    /// # Errors
    ///
    /// As [`Channel::recv`].
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.channel.recv()
    }

    /// Receives the oldest value, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`Channel::try_recv`].
    #[inline]
    pub fn try_recv(&self) -> Result<T, RecvError> {
        self.channel.try_recv()
    }

    /// Receives the oldest value. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Channel::recv_timeout`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvError> {
        self.channel.recv_timeout(timeout)
    }

    /// Receives the oldest value. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`Channel::recv_deadline`].
    pub fn recv_deadline(&self, deadline: Deadline) -> Result<T, RecvError> {
        self.channel.recv_deadline(deadline)
    }

    /// Claims the oldest value. Blocks until there is one.
    ///
    /// # Errors
    ///
    /// As [`Channel::claim`].
    pub fn claim(&self) -> Result<Claimed<T>, RecvError> {
        self.channel.claim()
    }

    /// Claims the oldest value, if there is one now.
    ///
    /// # Errors
    ///
    /// As [`Channel::try_claim`].
    pub fn try_claim(&self) -> Result<Claimed<T>, RecvError> {
        self.channel.try_claim()
    }

    /// Claims the oldest value. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Channel::claim_timeout`].
    pub fn claim_timeout(&self, timeout: Duration) -> Result<Claimed<T>, RecvError> {
        self.channel.claim_timeout(timeout)
    }

    /// Claims the oldest value. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`Channel::claim_deadline`].
    pub fn claim_deadline(&self, deadline: Deadline) -> Result<Claimed<T>, RecvError> {
        self.channel.claim_deadline(deadline)
    }

    /// Returns an iterator over the values that come, as [`Channel::iter`].
    pub fn iter(&self) -> impl Iterator<Item = Result<T, RecvError>> {
        self.channel.iter()
    }

    /// Returns an iterator over the values that are there, as [`Channel::try_iter`].
    pub fn try_iter(&self) -> impl Iterator<Item = Result<T, RecvError>> {
        self.channel.try_iter()
    }

    /// Sets whether receiving ends when no sender is left, as [`Channel::detect_disconnect`].
    pub fn detect_disconnect(&mut self, detect: bool) -> &mut Self {
        self.channel.detect_disconnect(detect);
        self
    }

    /// Returns the channel.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.channel
    }
}
