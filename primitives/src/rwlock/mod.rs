//! A named lock for many readers or one writer, with a value. A dead reader keeps no writer out, and a dead writer poisons the lock.
//!
//! The words and the value lie in the segment. The protocol is that of [`RwState`](state). The value is changed only
//! by the owner of the lock after it found every count of readers at 0, and read only by a process that is counted (RW1, RW2). A
//! lock is poisoned if its writer died inside. Then only [`RwLock::ignore_poison`] locks it.
//!
//! | the process dies | the value | the next caller |
//! | --- | --- | --- |
//! | while it reads, or waits to | whole | gets the guard, to read and to write |
//! | while it waits for the lock, or for the readers to leave | whole | the same |
//! | while it writes | perhaps half changed | gets `Poisoned`, as every caller until `clear_poison` |
//!
//! | module | what it has |
//! | --- | --- |
//! | `state` | the words, the protocol with its tables, fast paths, repair |
//! | `wait` | waiting to read and to write |
//! | `handle`, `guard`, `ignore_poison` | the handle and its guards |
//! | `enter` | how a caller gets its guard, whether or not the lock is poisoned |
//! | `owned` | guards that may go to another thread, and guards that own the handle |
//! | `asynchronous`, `wait_async`, `futures` | locking in a future, how it waits, and a writer among futures (feature `async`) |
//! | `named` | creating, opening, removing, and the options |
//!
//! Not promised: an order among writers or readers. Whether a waiting writer or the waiting readers come first when a writer leaves.
//! A `try_` form may meet a writer that waits, or a reader that has the lock for a moment (RW7). Then it fails although no process
//! writes.

#[cfg(feature = "async")]
mod asynchronous;
mod enter;
#[cfg(feature = "async")]
mod futures;
mod guard;
mod handle;
mod ignore_poison;
mod named;
mod owned;
pub(crate) mod report;
pub(crate) mod state;
pub(crate) mod wait;
#[cfg(feature = "async")]
mod wait_async;

use std::{fmt, time::Duration};

use bytemuck::Pod;

use self::enter::HowToRead;
pub use self::{
    guard::{RwLockReadGuard, RwLockWriteGuard},
    handle::RwLock,
    ignore_poison::IgnoreRwLockPoison,
    owned::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockSendReadGuard},
};
use crate::{LockError, Member, raw::Deadline};

impl<T: Pod> RwLock<T> {
    /// Locks for reading. Blocks while a living process writes, or waits to.
    ///
    /// # Errors
    ///
    /// - [`LockError::Poisoned`] if a writer died or panicked inside. [`ignore_poison`](Self::ignore_poison) reads all the same.
    /// - [`LockError::Failed`] if the lock is corrupt, or was removed and the call would have to wait.
    #[inline]
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, LockError> {
        self.read_as(HowToRead::UNTIL_POSSIBLE)
    }

    /// Locks for reading if no living process writes, or waits to.
    ///
    /// # Errors
    ///
    /// [`LockError::WouldBlock`] if a living process writes or waits to, and perhaps for a moment afterwards. Otherwise as
    /// [`read`](Self::read).
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, LockError> {
        self.read_as(HowToRead::AT_ONCE)
    }

    /// Locks for reading. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] if the timeout elapses. Otherwise as [`read`](Self::read).
    pub fn read_timeout(&self, timeout: Duration) -> Result<RwLockReadGuard<'_, T>, LockError> {
        self.read_deadline(Deadline::after(timeout))
    }

    /// Locks for reading. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] if the deadline passes. Otherwise as [`read`](Self::read).
    pub fn read_deadline(&self, deadline: Deadline) -> Result<RwLockReadGuard<'_, T>, LockError> {
        self.read_as(HowToRead { deadline: Some(deadline), ..HowToRead::AT_ONCE })
    }

    /// Locks for writing. Blocks until no living process reads or writes.
    ///
    /// Once this caller is first among the writers, it keeps new readers out.
    ///
    /// # Errors
    ///
    /// - [`LockError::Poisoned`] if a writer died or panicked inside. [`ignore_poison`](Self::ignore_poison) locks all the same.
    /// - [`LockError::Failed`] if the lock is corrupt, or was removed and the call would have to wait. Also if this process has no
    ///   `membarrier`, and the lock needs it: see [`Options::light_fences`](crate::Options::light_fences).
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        self.write_deadline(Deadline::NEVER)
    }

    /// Locks for writing if no living process reads or writes. Otherwise it keeps no reader out.
    ///
    /// # Errors
    ///
    /// [`LockError::WouldBlock`] if a living process reads or writes. Otherwise as [`write`](Self::write).
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        self.try_write_anyway()?.refuse_poisoned()
    }

    /// Locks for writing. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] if the timeout elapses. Otherwise as [`write`](Self::write).
    pub fn write_timeout(&self, timeout: Duration) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        self.write_deadline(Deadline::after(timeout))
    }

    /// Locks for writing. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] if the deadline passes. Otherwise as [`write`](Self::write).
    pub fn write_deadline(&self, deadline: Deadline) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        self.write_anyway(deadline, LockError::TimedOut)?.refuse_poisoned()
    }

    /// Returns a view of the lock with methods that lock it even if it is poisoned.
    ///
    /// Use it to check and repair a value that a dead writer may have left half changed, as with
    /// [`Mutex::ignore_poison`](crate::Mutex::ignore_poison).
    ///
    /// ```
    /// use sysv_primitives::{LockError, RwLock};
    ///
    /// # let name = format!("rwlock-poison-example-{}", std::process::id());
    /// let pair = RwLock::open_or_create(&name, [1_u32, 1])?;
    /// # std::thread::scope(|scope| {
    /// #     let dying = scope.spawn(|| { let _guard = pair.write(); panic!("while it writes") });
    /// #     dying.join().unwrap_err();
    /// # });
    /// if let Err(LockError::Poisoned { .. }) = pair.read() {
    ///     let mut guard = pair.ignore_poison().write()?;
    ///     if pair.is_poisoned() {
    ///         guard[1] = guard[0];
    ///         pair.clear_poison();
    ///     }
    /// }
    /// assert_eq!(*pair.read()?, [1, 1]);
    /// pair.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn ignore_poison(&self) -> IgnoreRwLockPoison<'_, T> {
        IgnoreRwLockPoison { lock: self }
    }

    /// Returns whether a writer died or panicked inside, and the poison was not cleared since.
    ///
    /// It shows the state before repair: it returns `false` after the writer died, until a call that takes the lock finds the
    /// writer dead. While the caller has a guard, the answer is exact.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.state.lock.is_poisoned()
    }

    /// Declares the value repaired. Call it while holding the lock for writing, when the value is correct again.
    pub fn clear_poison(&self) {
        self.state.lock.clear_poison();
    }

    /// Returns the member that writes, or waits for readers to leave, as of a moment ago.
    ///
    /// It shows the state before repair: a writer that died is returned until a call takes the lock.
    #[must_use]
    pub fn writer(&self) -> Option<Member> {
        let slot = self.members.slot_of(self.state.lock.holder()).ok()?;
        Some(self.members.member(slot))
    }

    /// Returns the members that read, as they were a moment ago. It takes no lock.
    ///
    /// It shows the state before repair: a reader that died is listed until a writer takes the lock.
    ///
    /// ```
    /// use sysv_primitives::RwLock;
    ///
    /// # let name = format!("rwlock-readers-example-{}", std::process::id());
    /// let lock = RwLock::create(&name, 0_u64)?;
    /// let reading = lock.read()?;
    /// assert_eq!(lock.readers()[0].pid, std::process::id());
    /// drop(reading);
    /// assert!(lock.readers().is_empty());
    /// lock.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn readers(&self) -> Vec<Member> {
        self.state.reading_slots().map(|slot| self.members.member(slot)).collect()
    }
}

impl<T: Pod> Drop for RwLock<T> {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.dismiss_clerks();
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}

impl<T: Pod> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock")
            .field("name", &self.object.description().name)
            .field("writer", &self.writer())
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}
