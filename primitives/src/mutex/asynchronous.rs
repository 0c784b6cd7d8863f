//! Locking in a future.

use std::{
    future::Future,
    mem::ManuallyDrop,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytemuck::Pod;

use super::{error::LockError, guard::MutexGuard, handle::Mutex, ignore_poison::IgnorePoison, owned::OwnedMutexGuard};
use crate::{Failure, lock::Taken, members::Session};

impl<T: Pod> Mutex<T> {
    /// Locks. Waits until the lock is free, without blocking the thread.
    ///
    /// It needs no particular runtime. A thread of this process sleeps for all futures that wait for the handle, and is
    /// made when the first one waits.
    ///
    /// **Cancel safety.** A future that is dropped has not taken the lock. If it was just offered the lock, the next waiter
    /// is called. A future that was called and is not polled within 10 ms loses its turn, so it holds up no other process
    /// for longer.
    ///
    /// A timeout is the runtime's, such as `tokio::time::timeout`. In a child made by `fork`, a future of the parent's fails
    /// with [`Failure::Inherited`](crate::Failure::Inherited).
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("lock-async-example-{}", std::process::id());
    /// let counter = Mutex::create(&name, 0_u64)?;
    /// pollster::block_on(async {
    ///     *counter.lock_async().await? += 1;
    ///     Ok::<(), sysv_primitives::Error>(())
    /// })?;
    /// assert_eq!(*counter.lock()?, 1);
    /// counter.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock). [`LockError::Failed`] with [`Failure::NoThread`](crate::Failure::NoThread) if the system
    /// refuses the thread.
    #[inline]
    pub fn lock_async(&self) -> impl Future<Output = Result<MutexGuard<'_, T>, LockError>> {
        self.locking(MutexGuard::refuse_poisoned)
    }

    /// Locks, and returns a guard that owns a share of the handle, for tasks that borrow nothing.
    ///
    /// **Cancel safety.** As [`lock_async`](Self::lock_async).
    ///
    /// # Errors
    ///
    /// As [`lock_async`](Self::lock_async).
    pub async fn lock_owned_async(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, LockError> {
        let guard = self.lock_async().await?;
        Ok(OwnedMutexGuard::new(&self, guard))
    }

    #[inline]
    fn locking<'a, F>(&'a self, finish: F) -> impl Future<Output = Result<MutexGuard<'a, T>, LockError>> + 'a
    where
        F: Fn(MutexGuard<'a, T>) -> Result<MutexGuard<'a, T>, LockError> + 'a,
    {
        Locking { mutex: self, begin: |me| self.lock.take_async(self.party(me)), wait: None, finish }
    }
}

/// A future that locks. A lock that is free at once is taken as by `try_lock`, and nothing is made for a wait.
struct Locking<'a, T: Pod, B, W, F> {
    mutex: &'a Mutex<T>,
    begin: B,
    /// Since the first poll that found the lock taken.
    wait: Option<(W, Session)>,
    finish: F,
}

impl<T: Pod, B, W, F> Unpin for Locking<'_, T, B, W, F> {}

impl<'a, T: Pod, B, W, F> Locking<'a, T, B, W, F>
where
    B: Fn(Session) -> W,
    W: Future<Output = Result<Taken, Failure>> + Unpin,
    F: Fn(MutexGuard<'a, T>) -> Result<MutexGuard<'a, T>, LockError>,
{
    /// The lock was taken, or something was in the way.
    #[inline(never)]
    fn poll_slowly(&mut self, context: &mut Context<'_>) -> Poll<Result<MutexGuard<'a, T>, LockError>> {
        let Self { mutex, begin, wait, finish } = self;
        let (wait, me) = match wait {
            Some(wait) => wait,
            None => {
                let me = mutex.members.session(&mutex.lock)?;
                wait.insert((begin(me), me))
            }
        };
        let taken = ready!(Pin::new(wait).poll(context))?;
        Poll::Ready(finish(mutex.guard(*me, taken.poisoned)))
    }
}

impl<'a, T: Pod, B, W, F> Future for Locking<'a, T, B, W, F>
where
    B: Fn(Session) -> W,
    W: Future<Output = Result<Taken, Failure>> + Unpin,
    F: Fn(MutexGuard<'a, T>) -> Result<MutexGuard<'a, T>, LockError>,
{
    type Output = Result<MutexGuard<'a, T>, LockError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.wait.is_none()
            && let Some(me) = self.mutex.members.session_at_once()
            && self.mutex.lock.try_take(me)
        {
            return Poll::Ready(Ok(self.mutex.guard(me, false)));
        }
        self.poll_slowly(context)
    }
}

impl<T: Pod> MutexGuard<'_, T> {
    /// Gives the lock back, and waits as long as a condition holds on the value, without blocking the thread. Then it has the lock
    /// again.
    ///
    /// It is [`wait_while`](Self::wait_while) for tasks. The condition is checked in polls, with the lock held. Between two polls
    /// the lock is free.
    ///
    /// **Cancel safety.** A future that is dropped has given the lock back, and changed nothing since.
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("wait-while-async-example-{}", std::process::id());
    /// let jobs = Mutex::create(&name, 1_u32)?;
    /// pollster::block_on(async {
    ///     let mut waiting = jobs.lock_async().await?.wait_while_async(|&jobs| jobs == 0).await?;
    ///     *waiting -= 1;
    ///     Ok::<(), sysv_primitives::Error>(())
    /// })?;
    /// jobs.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait_while`](Self::wait_while).
    pub async fn wait_while_async(self, mut condition: impl FnMut(&T) -> bool) -> Result<Self, LockError> {
        let mut guard = self;
        loop {
            let holds = condition(&guard);
            if !guard.held.me.is_ours() {
                return Err(guard.mutex.members.membership_lost().into());
            }
            if !holds {
                return Ok(guard);
            }
            guard = guard.changed_async().await?;
        }
    }

    /// Gives the lock back, and has it again after a change of the value, or sooner.
    async fn changed_async(self) -> Result<Self, LockError> {
        // The wait gives the lock back, and not this guard.
        let this = ManuallyDrop::new(self);
        let (mutex, party, is_changed) = (this.mutex, this.mutex.party(this.held.me), this.is_changed);
        let taken = Taken { poisoned: this.poisons() };
        mutex.lock.wait_for_change_async(party, taken, is_changed).await?;
        let guard = mutex.ignore_poison().lock_async().await?;
        // A guard that ignores poison comes back with it.
        if taken.poisoned { Ok(guard) } else { guard.refuse_poisoned() }
    }
}

impl<'a, T: Pod> IgnorePoison<'a, T> {
    /// Locks. Waits until the lock is free, without blocking the thread.
    ///
    /// **Cancel safety.** As [`Mutex::lock_async`].
    ///
    /// # Errors
    ///
    /// [`LockError::Failed`] if the object was removed or is corrupt.
    pub fn lock_async(&self) -> impl Future<Output = Result<MutexGuard<'a, T>, LockError>> {
        self.mutex.locking(Ok)
    }
}
