//! A watcher: it remembers which version it has seen.

use std::{fmt, sync::Arc, time::Duration};

use bytemuck::{CheckedBitPattern, NoUninit, Pod};

#[cfg(feature = "async")]
use super::futures::Futures;
use super::{WatchError, shared::Shared};
use crate::raw::Deadline;

/// A view of a [`Watch`](crate::Watch) that remembers which version it has seen.
///
/// [`changed`](Self::changed) waits for a version that it has not seen. It skips versions: if the value was set three times
/// meanwhile,
/// it returns once. A new watcher has seen the value that was there when it was made.
///
/// It takes no slot of its own, and holds up no setter. It may be cloned and sent to other threads, and a child made by `fork` may go
/// on using its copy.
///
/// ```
/// use sysv_primitives::Watch;
///
/// # let name = format!("watcher-example-{}", std::process::id());
/// let progress = Watch::create(&name, 0_u32)?;
/// let mut watcher = progress.watcher();
/// assert!(!watcher.has_changed());
/// progress.set(50)?; // in any process
/// watcher.changed()?;
/// assert_eq!((watcher.get()?, watcher.has_changed()), (50, false));
/// progress.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Watcher<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) seen: u64,
    pub(super) detects_end: bool,
    #[cfg(feature = "async")]
    pub(super) futures: Futures,
}

impl<T> Watcher<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>) -> Self {
        Self {
            shared: Arc::clone(shared),
            seen: shared.state.version(),
            detects_end: false,
            #[cfg(feature = "async")]
            futures: Futures::default(),
        }
    }

    /// Sets whether a wait fails with [`WatchError::Disconnected`] when the last writer is disconnected, instead of waiting for the
    /// next version. Off by default.
    ///
    /// Writers are processes that have a [`WatchWriter`](crate::WatchWriter). The last writer is disconnected when its mark was
    /// dropped, or its process died. Before the first writer has come, nothing is reported. The last version is seen first:
    /// [`changed`](Self::changed) returns for it, and fails at the next call. If another writer comes, the watcher waits again.
    ///
    /// [`get`](Self::get) never fails with this error: the value stays.
    ///
    /// ```
    /// use sysv_primitives::{Watch, WatchError};
    ///
    /// # let name = format!("watch-end-example-{}", std::process::id());
    /// let progress = Watch::create(&name, 0_u32)?;
    /// let mut watcher = progress.watcher();
    /// watcher.detect_disconnect(true);
    /// let writer = progress.writer()?; // in the process that sets it
    /// progress.set(100)?;
    /// drop(writer); // or the process dies
    /// watcher.changed()?;
    /// assert_eq!(watcher.get()?, 100);
    /// assert!(matches!(watcher.changed(), Err(WatchError::Disconnected { .. })));
    /// progress.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    pub fn detect_disconnect(&mut self, detect: bool) {
        self.detects_end = detect;
    }

    /// Returns the version that it has seen last.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns whether there is a version that it has not seen. It never waits, and marks nothing as seen.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.shared.state.version() != self.seen
    }
}

impl<T: Pod> Watcher<T> {
    /// Copies the latest value into `value`, and marks its version as seen.
    ///
    /// # Errors
    ///
    /// As [`Watch::get_into`](crate::Watch::get_into).
    pub fn get_into(&mut self, value: &mut T) -> Result<(), WatchError> {
        self.seen = self.shared.read_into(value)?;
        Ok(())
    }
}

impl<T: CheckedBitPattern + NoUninit> Watcher<T> {
    /// Returns the latest value, and marks its version as seen.
    ///
    /// # Errors
    ///
    /// As [`Watch::get`](crate::Watch::get).
    pub fn get(&mut self) -> Result<T, WatchError> {
        let (value, version) = self.shared.read()?;
        self.seen = version;
        Ok(value)
    }

    /// Blocks until there is a version that it has not seen, and marks it as seen.
    ///
    /// # Errors
    ///
    /// - [`WatchError::Disconnected`] if the last writer is disconnected, there is no new version, and the watcher [detects
    ///   that](Self::detect_disconnect).
    /// - [`WatchError::Failed`] if it would have to wait, and the watch was removed.
    pub fn changed(&mut self) -> Result<(), WatchError> {
        self.changed_deadline(Deadline::NEVER)
    }

    /// Marks the latest version as seen, if it is new.
    ///
    /// # Errors
    ///
    /// [`WatchError::WouldBlock`] if there is none. Otherwise as [`changed`](Self::changed).
    pub fn try_changed(&mut self) -> Result<(), WatchError> {
        self.changed_deadline(Deadline::NOW)
    }

    /// Blocks for at most `timeout` until there is a version that it has not seen.
    ///
    /// # Errors
    ///
    /// [`WatchError::TimedOut`] if the timeout elapses. Otherwise as [`changed`](Self::changed).
    pub fn changed_timeout(&mut self, timeout: Duration) -> Result<(), WatchError> {
        self.changed_deadline(Deadline::after(timeout))
    }

    /// Blocks until there is a version that it has not seen, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`changed_timeout`](Self::changed_timeout). [`WatchError::WouldBlock`] for [`Deadline::NOW`].
    pub fn changed_deadline(&mut self, deadline: Deadline) -> Result<(), WatchError> {
        self.seen = self.shared.find(self.detects_end, deadline, self.shared.look_past(self.seen))?;
        Ok(())
    }

    /// Blocks until the value fulfils a condition, marks that version as seen, and returns the value.
    ///
    /// The condition is checked first for the current value, whether or not it was seen. See
    /// [`Watch::wait_for`](crate::Watch::wait_for).
    ///
    /// # Errors
    ///
    /// As [`changed`](Self::changed).
    pub fn wait_for(&mut self, is_met: impl FnMut(&T) -> bool) -> Result<T, WatchError> {
        self.wait_for_deadline(Deadline::NEVER, is_met)
    }

    /// Blocks for at most `timeout` until the value fulfils a condition.
    ///
    /// # Errors
    ///
    /// As [`changed_timeout`](Self::changed_timeout).
    pub fn wait_for_timeout(&mut self, timeout: Duration, is_met: impl FnMut(&T) -> bool) -> Result<T, WatchError> {
        self.wait_for_deadline(Deadline::after(timeout), is_met)
    }

    /// Blocks until the value fulfils a condition, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`changed_deadline`](Self::changed_deadline).
    pub fn wait_for_deadline(&mut self, deadline: Deadline, is_met: impl FnMut(&T) -> bool) -> Result<T, WatchError> {
        let (value, version) = self.shared.wait_for(self.detects_end, deadline, is_met)?;
        self.seen = version;
        Ok(value)
    }
}

impl<T> Clone for Watcher<T> {
    /// The copy has seen what this one has.
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            seen: self.seen,
            detects_end: self.detects_end,
            #[cfg(feature = "async")]
            futures: Futures::default(),
        }
    }
}

impl<T> fmt::Debug for Watcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("of", self.shared.object.name())
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
