//! Setting a value in a future.

use bytemuck::{CheckedBitPattern, NoUninit};

use super::{Watch, WatchError};

impl<T: CheckedBitPattern + NoUninit> Watch<T> {
    /// Sets the value: makes a new version of it, and wakes those that wait for one. Waits while another process or thread sets it,
    /// without blocking the thread.
    ///
    /// A setter seldom waits, and not for long: [`set`](Self::set) blocks as long as another one copies its value.
    ///
    /// **Cancel safety.** The value is set only in the poll that returns `Ok`. A future that is dropped has set nothing.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub async fn set_async(&self, value: T) -> Result<(), WatchError> {
        self.shared.set_async(&value).await
    }

    /// Changes the value by a closure, and returns what that returns. Waits while another process or thread sets the value, without
    /// blocking the thread.
    ///
    /// `update` runs in the poll that returns, as in [`update`](Self::update), and blocks the thread as long as it takes.
    ///
    /// **Cancel safety.** As [`set_async`](Self::set_async).
    ///
    /// ```
    /// use sysv_primitives::Watch;
    ///
    /// # let name = format!("watch-update-async-example-{}", std::process::id());
    /// let done = Watch::create(&name, 0_u64)?;
    /// pollster::block_on(async {
    ///     done.set_async(7).await?;
    ///     done.update_async(|done| *done += 1).await
    /// })?;
    /// assert_eq!(done.get()?, 8);
    /// done.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update).
    pub async fn update_async<R>(&self, update: impl FnOnce(&mut T) -> R) -> Result<R, WatchError> {
        self.shared.update_async(update).await
    }
}
