//! The mark of a process that is going to set a value.

use std::{fmt, sync::Arc};

use super::shared::Shared;
use crate::{failure::Result, members::Session};

/// Marks this process as a writer of a [`Watch`](crate::Watch) until it is dropped, or the process dies.
///
/// It is no lock: any number of processes may have any number of marks, and setting the value needs none. A
/// [`Watcher`](crate::Watcher) that detects it is notified when the last writer is disconnected: see
/// [`detect_disconnect`](crate::Watcher::detect_disconnect).
///
/// A child made by `fork` is not a writer by its parent's mark, and dropping the mark in the child does nothing. The child takes a
/// mark of its own.
///
/// ```
/// use sysv_primitives::Watch;
///
/// # let name = format!("watch-writer-example-{}", std::process::id());
/// let progress = Watch::create(&name, 0_u32)?;
/// let writer = progress.writer()?;
/// progress.set(100)?;
/// assert_eq!(progress.writers().len(), 1);
/// drop(writer);
/// assert!(progress.writers().is_empty());
/// progress.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[must_use = "this process is a writer as long as it lives"]
pub struct WatchWriter<T> {
    shared: Arc<Shared<T>>,
    session: Session,
}

impl<T> WatchWriter<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>) -> Result<Self> {
        let session = shared.members.session(&shared.state)?;
        shared.state.attach(session);
        Ok(Self { shared: Arc::clone(shared), session })
    }
}

impl<T> Drop for WatchWriter<T> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            self.shared.state.detach(self.session, &self.shared.members);
        }
    }
}

impl<T> fmt::Debug for WatchWriter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchWriter of {}", self.shared.object.name())
    }
}
