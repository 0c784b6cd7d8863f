//! Stopping the receiving of one process, without closing the channel.

use std::sync::{
    Arc,
    atomic::{
        AtomicBool,
        Ordering::{Acquire, SeqCst},
    },
};

use super::{Channel, transport::Transport};
use crate::Failure;

/// Stops receiving on one handle of a channel. The channel and its other handles are not affected.
///
/// It may be cloned, and used from any thread of the process.
///
/// ```
/// use std::thread;
/// use sysv_primitives::{Channel, RecvError};
///
/// # let name = format!("stop-example-{}", std::process::id());
/// let (channel, stop) = Channel::create(&name)?.stoppable();
/// thread::scope(|scope| {
///     scope.spawn(|| stop.stop());
///     assert!(matches!(channel.recv_any(), Err(RecvError::Stopped)));
/// });
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stop {
    transport: Transport,
    is_stopped: Arc<AtomicBool>,
}

impl Channel {
    /// Returns a handle on which receiving can be stopped, and the [`Stop`] that stops it.
    ///
    /// Clones of the handle are stopped as well. A [`Router`](super::Router) that runs on it returns.
    #[must_use]
    pub fn stoppable(&self) -> (Self, Stop) {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stop = Stop { transport: self.transport.clone(), is_stopped: Arc::clone(&is_stopped) };
        (Self { stop: Some(is_stopped), ..self.clone() }, stop)
    }
}

impl Stop {
    /// Stops receiving for good: calls that wait, and later ones, return [`RecvError::Stopped`](crate::RecvError::Stopped) once no
    /// message for them is queued.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if the channel was removed, or the system refuses to wake the threads. They stop when they wake.
    pub fn stop(&self) -> Result<(), Failure> {
        // SYNC: SeqCst pairs with the fence of a waiter's announcement.
        self.is_stopped.store(true, SeqCst);
        match &self.transport {
            Transport::Memory(shared) => shared.store.rouse(shared.session()?.slot(), &shared.members),
            #[cfg(feature = "redis")]
            Transport::Server(remote) => remote.rouse(),
        }
    }

    /// Returns whether it was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        // SYNC: pairs with the store in `stop`.
        self.is_stopped.load(Acquire)
    }
}
