//! Acquiring with a guard, which releases.

use std::time::Duration;

use super::semaphore::Semaphore;
use crate::{Deadline, Result, process};

impl Semaphore {
    /// Acquires one, and returns a guard that releases it when dropped, also by a panic.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// ```
    /// # let semaphore = sysv_ipc::SemaphoreOptions::new().initial_value(1).open_random()?;
    /// let guard = semaphore.acquire_guard()?;
    /// assert_eq!(semaphore.value()?, 0);
    /// drop(guard);
    /// assert_eq!(semaphore.value()?, 1);
    /// # semaphore.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn acquire_guard(&self) -> Result<SemaphoreGuard<'_>> {
        self.acquire_guard_deadline(Deadline::NEVER)
    }

    /// Acquires one if that is possible at once, and returns a guard.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_guard(&self) -> Result<SemaphoreGuard<'_>> {
        self.acquire_guard_deadline(Deadline::NOW)
    }

    /// Acquires one, and returns a guard. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    pub fn acquire_guard_timeout(&self, timeout: Duration) -> Result<SemaphoreGuard<'_>> {
        self.acquire_guard_deadline(Deadline::after(timeout))
    }

    /// Acquires one, and returns a guard. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_deadline`](Self::acquire_deadline).
    pub fn acquire_guard_deadline(&self, deadline: Deadline) -> Result<SemaphoreGuard<'_>> {
        process::watch_forks();
        self.acquire_deadline(deadline)?;
        Ok(SemaphoreGuard { semaphore: self, generation: process::fork_generation() })
    }
}

/// Releases one to the semaphore when it is dropped. Made by [`Semaphore::acquire_guard`].
///
/// If the process dies first, the kernel releases it only after [`set_undo(true)`](Semaphore::set_undo). In a child
/// made by `fork`, dropping a guard of the parent's does nothing: only the parent may release what it acquired.
#[derive(Debug)]
#[must_use = "dropping the guard releases the semaphore"]
pub struct SemaphoreGuard<'a> {
    semaphore: &'a Semaphore,
    /// The fork generation of the process that took it.
    generation: u32,
}

impl Drop for SemaphoreGuard<'_> {
    fn drop(&mut self) {
        if !process::is_generation(self.generation) {
            return;
        }
        // If the semaphore was removed, there is nothing to release. A drop can't report an error.
        let _ = self.semaphore.release();
    }
}
