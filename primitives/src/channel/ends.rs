//! Handles that count: who sends, and who receives and hears of the end.

use std::{ops::Deref, sync::Arc};

use super::{Channel, shared::Shared};
use crate::{Failure, Role, members::Session};

/// Of what receiving hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listens {
    ToClosing,
    /// And when the last sender is gone.
    AndIsTold,
}

/// A place at one side, until it is dropped or its process dies.
#[derive(Debug)]
struct Seat {
    shared: Arc<Shared>,
    role: Role,
    session: Session,
}

impl Seat {
    fn take(shared: &Arc<Shared>, role: Role) -> Result<Self, Failure> {
        let session = shared.session()?;
        shared.words.attach(role, session);
        Ok(Self { shared: Arc::clone(shared), role, session })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // In a child made by `fork` it is the parent's.
        if self.session.is_ours() {
            self.shared.words.detach(self.role, self.session, &self.shared.members);
        }
    }
}

/// A channel of which others know that somebody here sends; it has all that a [`Channel`] has.
///
/// When the last one is dropped, or its process dies, each [`Receiver`] that
/// [asked](Receiver::detect_disconnect) is told. A child made by `fork` may go on sending with it, and does not count; let it take its own.
#[derive(Debug)]
#[must_use = "dropping it leaves the channel, perhaps as its last sender"]
pub struct Sender {
    channel: Channel,
    _seat: Seat,
}

/// A channel that hears of its end while it waits; it has all that a [`Channel`] has.
///
/// Its `recv`s return [`RecvError::Closed`](crate::RecvError::Closed) once the channel is closed and nothing that they
/// want is left. The price is that it sleeps on a semaphore, and not in the queue: three system calls more for a message
/// that it had to wait for, none for one that was there; and that it sleeps through what plain
/// `msgsnd` sends, as programs in C or Python use it, until something else wakes it.
///
/// ```
/// use std::{thread, time::Duration};
/// use sysv_primitives::{Channel, RecvError};
///
/// # let name = format!("receiver-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// let mut receiver = channel.receiver()?;
/// receiver.detect_disconnect(true);
/// thread::scope(|scope| {
///     scope.spawn(|| channel.close());
///     assert!(matches!(receiver.recv_any(), Err(RecvError::Closed { .. })));
/// });
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it leaves the channel"]
pub struct Receiver {
    channel: Channel,
    _seat: Seat,
}

impl Channel {
    /// Returns a handle that counts as a sender.
    ///
    /// # Errors
    ///
    /// [`Failure::NeedsName`] for a plain queue. [`Failure::System`] if the channel was removed.
    pub fn sender(&self) -> Result<Sender, Failure> {
        let seat = Seat::take(self.shared("count its senders")?, Role::Producer)?;
        Ok(Sender { channel: Self { listens: None, ..self.clone() }, _seat: seat })
    }

    /// Returns a handle that counts as a receiver, and hears of the end.
    ///
    /// # Errors
    ///
    /// As [`sender`](Self::sender).
    pub fn receiver(&self) -> Result<Receiver, Failure> {
        let seat = Seat::take(self.shared("tell its receivers of the end")?, Role::Consumer)?;
        Ok(Receiver { channel: Self { listens: Some(Listens::ToClosing), ..self.clone() }, _seat: seat })
    }
}

impl Receiver {
    /// Sets whether receiving ends with [`RecvError::Disconnected`](crate::RecvError::Disconnected) when no [`Sender`] is left on any
    /// other opened handle (clones share one); at first it does not.
    ///
    /// First comes everything that it wants and is there; and when another sender comes, it receives again. Before the
    /// first one has come none is missed. Handles that are no [`Sender`] don't count.
    pub fn detect_disconnect(&mut self, tell: bool) {
        self.channel.listens = Some(if tell { Listens::AndIsTold } else { Listens::ToClosing });
    }
}

impl Deref for Sender {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

impl Deref for Receiver {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}
