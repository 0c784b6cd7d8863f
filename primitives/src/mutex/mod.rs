//! A named mutex with a value. The death of its holder neither blocks the others nor goes unnoticed.
//!
//! The lock word and the value lie in the segment. The protocol is [`Lock`]'s. The value is touched only between taking
//! and freeing the word, so it has one user at a time (LK1). If the holder dies, the lock is poisoned, and only
//! [`Mutex::ignore_poison`] gives it out. So a half-changed value is never taken for a complete one.
//!
//! | the process dies | the value | the next caller of `lock` |
//! | --- | --- | --- |
//! | not holding the lock | whole | gets the guard |
//! | holding it | as far as it was changed | gets `Poisoned`, as every caller until `clear_poison` |
//! | after it got `Poisoned`, before it locks through `ignore_poison` | as before | the same |
//!
//! Not promised: an order among the waiters, unless the mutex is fair. Locking again in the same thread waits forever, as
//! `std`'s mutex may. After `exec` in place the lock stays held until the new program ends.

#[cfg(feature = "async")]
mod asynchronous;
mod error;
mod guard;
mod handle;
mod ignore_poison;
mod named;
mod owned;
pub(crate) mod report;
mod wait_while;

use std::{fmt, marker::PhantomData, time::Duration};

use bytemuck::Pod;

use self::named::KIND;
pub use self::{
    error::LockError, guard::MutexGuard, handle::Mutex, ignore_poison::IgnorePoison, owned::OwnedMutexGuard,
    wait_while::WaitTimeoutResult,
};
use crate::{
    Failure, Member, OpenError, Options, Status,
    first_value::copy,
    lock::{Holding, Lock, Taken},
    members::Session,
    object,
    raw::Deadline,
    waiting::Party,
};

impl<T: Pod> Mutex<T> {
    /// Returns the options to create or open a mutex with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a mutex with a first value.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str, value: T) -> Result<Self, OpenError> {
        Self::options().create_with(name, |first| copy(&value, first))
    }

    /// Creates a mutex, and writes its first value in place.
    ///
    /// The value is never on the stack, so it may be of any size. `write` is given the value in the new segment, all
    /// zeroes, before any other process can open the mutex. It is not called if the name is taken.
    ///
    /// Another opener waits for `write`, until its [`open_timeout`](Options::open_timeout) elapses. Then it takes the
    /// creation for stuck, and the creation starts again: `write` may be called again, with another new segment. If
    /// it panics, all that was made is removed before the panic goes on. If its process dies, the next opener removes it.
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("create-with-example-{}", std::process::id());
    /// let image = Mutex::create_with(&name, |pixels: &mut [[u8; 2048]; 2048]| pixels[0].fill(0xff))?;
    /// let pixels = image.lock()?;
    /// assert_eq!((pixels[0][2047], pixels[1][0]), (0xff, 0));
    /// image.remove()?;
    /// # drop(pixels);
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_with(name: &str, write: impl FnMut(&mut T)) -> Result<Self, OpenError> {
        Self::options().create_with(name, write)
    }

    /// Creates a mutex with a first value that is all zeroes.
    ///
    /// The value is never on the stack, so it may be of any size. Its pages take no memory before they are used.
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("create-zeroed-example-{}", std::process::id());
    /// let table = Mutex::<[u64; 1 << 20]>::create_zeroed(&name)?;
    /// table.lock()?[7] = 1;
    /// assert_eq!(Mutex::<[u64; 1 << 20]>::open(&name)?.lock()?[7], 1);
    /// table.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_zeroed(name: &str) -> Result<Self, OpenError> {
        Self::options().create_zeroed(name)
    }

    /// Opens a mutex that exists.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoSuchName`] if there is none. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a mutex, or creates it with a first value.
    ///
    /// Any number of processes may call it at once, and any of them may die: exactly one object is created, and no process
    /// sees it half made.
    ///
    /// A mutex outlives its processes, until it is removed or the system restarts. So an existing mutex keeps its
    /// value, perhaps that of an earlier run that crashed, and `value` is not used. To begin anew, [remove the
    /// name](Self::unlink) first, or write the value while holding the lock. It also keeps its mode and its number of
    /// handles, unless [`Options::exact`] insists on those that are given.
    ///
    /// # Errors
    ///
    /// - [`OpenError::BadName`], [`OpenError::NameCollision`], [`OpenError::Foreign`].
    /// - [`OpenError::WrongVersion`], [`OpenError::WrongType`], [`OpenError::Untrusted`], [`OpenError::Wiped`].
    ///   [`OpenError::Overaligned`] for a type that must be aligned to more than 128 bytes.
    /// - [`OpenError::OtherOptions`] if [`Options::exact`] was asked for, and it has others.
    /// - [`OpenError::NotCreated`] if a limit or the memory does not allow it.
    /// - [`OpenError::Failed`] if all slots are taken, the object is corrupt, or the system refuses something else.
    pub fn open_or_create(name: &str, value: T) -> Result<Self, OpenError> {
        Self::options().open_or_create_with(name, |first| copy(&value, first))
    }

    /// Removes a mutex by its name. A process that has it open gets an error when it would have to wait.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoSuchName`], also while it is being made: then it may appear a moment later.
    /// [`OpenError::NameCollision`], [`OpenError::Foreign`], [`OpenError::WrongVersion`] and [`OpenError::Failed`] if
    /// the existing object is not known to be this mutex, or the system refuses something. Nothing is removed then.
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        object::remove::by_name(name, KIND)
    }

    /// Locks. Blocks until the lock is free.
    ///
    /// # Errors
    ///
    /// - [`LockError::Poisoned`] if a holder died or panicked. The lock is free again and stays poisoned:
    ///   [`ignore_poison`](Self::ignore_poison) locks it all the same.
    /// - [`LockError::Failed`] if the mutex is corrupt, or was removed and the lock is not free. A removed mutex that is free
    ///   can still be locked: [`status`](Self::status) fails once it was removed.
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError> {
        let me = self.members.session(&self.lock)?;
        if self.lock.try_take(me) {
            return Ok(self.guard(me, false));
        }
        self.lock_contended(me, Deadline::NEVER)?.refuse_poisoned()
    }

    /// Locks if no living process holds the lock.
    ///
    /// # Errors
    ///
    /// [`LockError::WouldBlock`] if one does. Otherwise as [`lock`](Self::lock).
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, LockError> {
        self.try_lock_anyway()?.refuse_poisoned()
    }

    /// Locks. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] if the timeout elapses. Otherwise as [`lock`](Self::lock).
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>, LockError> {
        self.lock_deadline(Deadline::after(timeout))
    }

    /// Locks. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] if the deadline passes. Otherwise as [`lock`](Self::lock).
    pub fn lock_deadline(&self, deadline: Deadline) -> Result<MutexGuard<'_, T>, LockError> {
        self.lock_anyway(deadline)?.refuse_poisoned()
    }

    /// Returns a view of the mutex that locks it even if it is poisoned.
    ///
    /// Use it to check and repair a value that a dead process may have left half changed. Another process may have
    /// repaired it meanwhile: call [`is_poisoned`](Self::is_poisoned) while holding the guard, when its answer is
    /// exact.
    ///
    /// ```
    /// use sysv_primitives::{LockError, Mutex};
    ///
    /// # let name = format!("ignore-poison-example-{}", std::process::id());
    /// let pair = Mutex::open_or_create(&name, [1_u32, 1])?;
    /// # std::thread::scope(|scope| {
    /// #     let dying = scope.spawn(|| { let _guard = pair.lock(); panic!("while it holds the lock") });
    /// #     dying.join().unwrap_err();
    /// # });
    /// if let Err(LockError::Poisoned { .. }) = pair.lock() {
    ///     let mut guard = pair.ignore_poison().lock()?;
    ///     if pair.is_poisoned() {
    ///         guard[1] = guard[0];
    ///         pair.clear_poison();
    ///     }
    /// }
    /// assert_eq!(*pair.lock()?, [1, 1]);
    /// pair.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn ignore_poison(&self) -> IgnorePoison<'_, T> {
        IgnorePoison { mutex: self }
    }

    #[inline]
    fn try_lock_anyway(&self) -> Result<MutexGuard<'_, T>, LockError> {
        let me = self.members.session(&self.lock)?;
        if self.lock.try_take(me) {
            return Ok(self.guard(me, false));
        }
        match self.lock.try_take_slowly(self.party(me))? {
            Some(Taken { poisoned }) => Ok(self.guard(me, poisoned)),
            None => Err(LockError::WouldBlock),
        }
    }

    #[inline]
    fn lock_anyway(&self, deadline: Deadline) -> Result<MutexGuard<'_, T>, LockError> {
        let me = self.members.session(&self.lock)?;
        if self.lock.try_take(me) {
            return Ok(self.guard(me, false));
        }
        self.lock_contended(me, deadline)
    }

    #[cold]
    fn lock_contended(&self, me: Session, deadline: Deadline) -> Result<MutexGuard<'_, T>, LockError> {
        match self.lock.take_contended(self.party(me), deadline)? {
            Some(Taken { poisoned }) => Ok(self.guard(me, poisoned)),
            None => Err(LockError::TimedOut),
        }
    }

    pub(super) fn party(&self, me: Session) -> Party<'_, Lock> {
        Party { members: &self.members, repair: &self.lock, me }
    }

    #[inline]
    fn guard(&self, me: Session, poisoned: bool) -> MutexGuard<'_, T> {
        let held = Holding::new(me, Taken { poisoned });
        MutexGuard { mutex: self, held, is_changed: false, value: PhantomData }
    }

    /// Returns whether a holder died or panicked, and the poison was not cleared since.
    ///
    /// It shows the state before repair: it returns `false` after the holder died, until a call that takes the lock
    /// finds the holder dead. [`lock`](Self::lock), [`try_lock`](Self::try_lock) and their other forms repair it, also
    /// those of [`ignore_poison`](Self::ignore_poison). While the caller holds the lock, the answer is exact.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.is_poisoned()
    }

    /// Declares the value repaired. Call it while holding the lock, when the value is correct again.
    pub fn clear_poison(&self) {
        self.lock.clear_poison();
    }

    /// Returns the member that holds the lock, as of a moment ago.
    ///
    /// It shows the state before repair: a holder that died is returned until a call takes the lock, as with
    /// [`is_poisoned`](Self::is_poisoned).
    #[must_use]
    pub fn holder(&self) -> Option<Member> {
        let slot = self.members.slot_of(self.lock.holder()).ok()?;
        Some(self.members.member(slot))
    }

    /// Returns the members that have the mutex open. It takes no lock.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.members.list()
    }

    /// Returns the state of the kernel objects that the mutex consists of.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.object.status()
    }

    /// Removes the mutex, as `unlink` does a file: the name is free at once. A process that has it open may
    /// go on. A caller that waits, or would have to, gets an error. A process that opens the name afterwards gets a new
    /// mutex, which does not exclude the holders of this one.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed already, or the caller may not.
    pub fn remove(&self) -> Result<(), Failure> {
        self.object.remove()
    }
}

impl<T: Pod> Drop for Mutex<T> {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.lock.dismiss_clerks(&self.members);
        self.members.deregister(&self.lock);
        self.object.remove_if_asked();
    }
}

impl<T: Pod> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex")
            .field("name", &self.object.description().name)
            .field("holder", &self.holder())
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}
