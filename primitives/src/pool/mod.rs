//! A counting pool of permits that have identity, and come back exactly when their holder dies.
//!
//! The protocol is in [`PoolState`]. Here is its public interface.

#[cfg(feature = "async")]
mod asynchronous;
mod error;
mod handle;
mod named;
mod owned;
mod permits;
pub(crate) mod report;
mod shortage;
mod spots;
mod state;
mod wait;

use std::time::Duration;

pub use self::{
    error::PoolError,
    handle::Pool,
    owned::{OwnedPermit, OwnedPermits},
    permits::{Permit, Permits},
};
use self::{spots::Spot, state::PoolState};
use crate::{
    Member, TooManyPermits,
    members::Session,
    raw::Deadline,
    sync::{
        Ordering::{Relaxed, SeqCst},
        fence,
    },
    waiting::Party,
};

impl Pool {
    /// Acquires a permit. Blocks until one is available.
    ///
    /// # Errors
    ///
    /// [`PoolError::Failed`] if the pool was removed or is corrupt.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>, PoolError> {
        self.acquire_deadline(Deadline::NEVER)
    }

    /// Acquires a permit if one is free, or held by a dead process.
    ///
    /// # Errors
    ///
    /// [`PoolError::WouldBlock`] if none is. Otherwise as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, PoolError> {
        self.acquire_deadline(Deadline::NOW)
    }

    /// Acquires a permit. Blocks until one is available, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PoolError::TimedOut`] if the timeout elapses. Otherwise as [`acquire`](Self::acquire).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, PoolError> {
        self.acquire_deadline(Deadline::after(timeout))
    }

    /// Acquires a permit. Blocks until one is available, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    #[inline]
    pub fn acquire_deadline(&self, deadline: Deadline) -> Result<Permit<'_>, PoolError> {
        let me = self.members.session(&self.state)?;
        // Relaxed: a hint of this handle's. Any permit will do, and the one that it freed last is probably in its
        // cache.
        let hint = Spot::from_bits(self.hint.load(Relaxed));
        if self.state.claim(hint, me) {
            return Ok(Permit { pool: self, spot: hint, session: me });
        }
        self.acquire_slowly(me, deadline)
    }

    /// Acquires a permit if the one that this handle freed last is taken.
    #[cold]
    fn acquire_slowly(&self, me: Session, deadline: Deadline) -> Result<Permit<'_>, PoolError> {
        let index = match self.state.scan(me) {
            Some(index) => index,
            // No permit is free. Without waiting, only those of dead members can become free.
            None if deadline == Deadline::NOW => {
                self.state.take_from_the_dead(self.party(me))?.ok_or(PoolError::WouldBlock)?
            }
            None => self.state.wait_for_one(self.party(me), deadline)?.ok_or(PoolError::TimedOut)?,
        };
        Ok(Permit { pool: self, spot: self.state.permits.spot(index), session: me })
    }

    /// Acquires `count` permits, all or none. Blocks until they are available.
    ///
    /// Callers that come all the time, for one permit or for several, can starve a caller that waits for more.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] if the pool could never give that many. Otherwise as [`acquire`](Self::acquire).
    pub fn acquire_many(&self, count: u32) -> Result<Permits<'_>, PoolError> {
        self.acquire_many_deadline(count, Deadline::NEVER)
    }

    /// Acquires `count` permits if they are free, or held by dead processes.
    ///
    /// # Errors
    ///
    /// [`PoolError::WouldBlock`] if not, or if a process was stopped while it acquires several. Otherwise as
    /// [`acquire_many`](Self::acquire_many).
    pub fn try_acquire_many(&self, count: u32) -> Result<Permits<'_>, PoolError> {
        self.acquire_many_deadline(count, Deadline::NOW)
    }

    /// Acquires `count` permits, all or none. Blocks until they are available, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PoolError::TimedOut`] if the timeout elapses. Otherwise as [`acquire_many`](Self::acquire_many).
    pub fn acquire_many_timeout(&self, count: u32, timeout: Duration) -> Result<Permits<'_>, PoolError> {
        self.acquire_many_deadline(count, Deadline::after(timeout))
    }

    /// Acquires `count` permits, all or none. Blocks until they are available, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_many_timeout`](Self::acquire_many_timeout).
    pub fn acquire_many_deadline(&self, count: u32, deadline: Deadline) -> Result<Permits<'_>, PoolError> {
        let me = self.members.session(&self.state)?;
        if count as usize > self.state.limit() {
            return Err(self.too_many(count).into());
        }
        let Some(mut indices) = self.state.take_many(self.party(me), count as usize, deadline)? else {
            return Err(if deadline == Deadline::NOW { PoolError::WouldBlock } else { PoolError::TimedOut });
        };
        indices.sort_unstable();
        Ok(Permits { pool: self, indices, session: me })
    }

    fn party(&self, me: Session) -> Party<'_, PoolState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    fn too_many(&self, wanted: u32) -> TooManyPermits {
        let cut = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let object = self.object.name().clone();
        TooManyPermits { object, wanted, limit: cut(self.state.limit()), capacity: cut(self.state.permits.capacity()) }
    }

    /// Returns how many permits are free, as of a moment ago.
    ///
    /// It shows the state before repair: permits of a process that died count as held. They come back when a waiter
    /// waits, or a call finds too few free permits, also a `try_` form. [`acquire`](Self::acquire) of a permit that is free
    /// repairs nothing.
    ///
    /// ```
    /// use sysv_primitives::Pool;
    ///
    /// # let name = format!("available-example-{}", std::process::id());
    /// let pool = Pool::create(&name, 4)?;
    /// // All permits are wanted, so those of the dead come back, if there are any.
    /// drop(pool.try_acquire_many(4));
    /// assert_eq!(pool.available(), 4);
    /// pool.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn available(&self) -> usize {
        self.state.available()
    }

    /// Returns how many permits the pool gives out.
    #[must_use]
    pub fn permits(&self) -> usize {
        self.state.limit()
    }

    /// Returns how many permits it may be resized to.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.state.permits.capacity()
    }

    /// Returns which member holds which permit, as of a moment ago.
    ///
    /// It shows the state before repair: a dead process is listed until its permits come back, as with
    /// [`available`](Self::available).
    #[must_use]
    pub fn holders(&self) -> Vec<(usize, Member)> {
        let holder = |index: usize| {
            let permit = self.state.permits.get(self.state.permits.spot(index));
            // Relaxed: a report, as it was a moment ago.
            let slot = self.members.slot_of(permit.load(Relaxed)).ok()?;
            Some((index, self.members.member(slot)))
        };
        (0..self.capacity()).filter_map(holder).collect()
    }

    /// Makes the pool give out more or fewer permits, up to its capacity.
    ///
    /// The capacity was fixed when the pool was created. By default there is room for the first permits alone:
    /// [`Options::capacity`](crate::Options::capacity) makes room for growth.
    ///
    /// No permit is taken from its holder. Permits above the new limit that are held now are not given out again once
    /// they come back.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] above the capacity it was created with. [`PoolError::Failed`] if it has the new size, but a
    /// waiter could not be notified.
    pub fn resize(&self, permits: u32) -> Result<(), PoolError> {
        if permits as usize > self.state.permits.capacity() {
            return Err(self.too_many(permits).into());
        }
        // SYNC: pairs with the load in `limit`, through the fences of this process and of the waiter.
        self.state.limit.store(permits, SeqCst);
        // SYNC: pairs with the fence of a waiter's announcement: either it sees the limit, or we see the flag.
        fence(SeqCst);
        // One waiter for each permit that may have been added. A waiter too many checks in vain.
        self.state.notify(permits as usize, &self.members)?;
        Ok(())
    }
}
