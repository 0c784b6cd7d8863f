//! Permits that own their pool's handle.

use std::{fmt, mem::ManuallyDrop, sync::Arc, time::Duration};

use super::{
    error::PoolError,
    handle::Pool,
    permits::{Permit, Permits},
    spots::Spot,
};
use crate::{members::Session, raw::Deadline};

/// A permit with a share of the handle: a [`Permit`] that borrows nothing. Dropping it releases the permit.
///
/// It may be kept in a struct, or go to a thread or task that outlives the caller. In a child made by `fork`, dropping a
/// permit of the parent's does nothing. From [`Pool::acquire_owned`].
#[must_use = "dropping the permit gives it back"]
pub struct OwnedPermit {
    pool: Arc<Pool>,
    spot: Spot,
    session: Session,
}

/// Several permits with a share of the handle: [`Permits`] that borrow nothing. Dropping them releases all of them.
///
/// From [`Pool::acquire_many_owned`].
#[must_use = "dropping the permits gives them back"]
pub struct OwnedPermits {
    pool: Arc<Pool>,
    indices: Vec<usize>,
    session: Session,
}

impl Pool {
    /// Acquires a permit that owns a share of the handle. Blocks until one is available.
    ///
    /// ```
    /// use std::{sync::Arc, thread};
    /// use sysv_primitives::Pool;
    ///
    /// # let name = format!("owned-permit-example-{}", std::process::id());
    /// let gpus = Arc::new(Pool::create(&name, 4)?);
    /// let (one, two) = (gpus.acquire_owned()?, gpus.acquire_many_owned(2)?);
    /// let worker = thread::spawn(move || one.index() + two.indices().len());
    /// assert_eq!(worker.join().expect("it does not panic"), 2);
    /// assert_eq!(gpus.available(), 4);
    /// gpus.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, PoolError> {
        self.acquire_owned_deadline(Deadline::NEVER)
    }

    /// Acquires a permit that owns a share of the handle, if one is free or held by a dead process.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, PoolError> {
        self.acquire_owned_deadline(Deadline::NOW)
    }

    /// Acquires a permit that owns a share of the handle. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    pub fn acquire_owned_timeout(self: &Arc<Self>, timeout: Duration) -> Result<OwnedPermit, PoolError> {
        self.acquire_owned_deadline(Deadline::after(timeout))
    }

    /// Acquires a permit that owns a share of the handle. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    pub fn acquire_owned_deadline(self: &Arc<Self>, deadline: Deadline) -> Result<OwnedPermit, PoolError> {
        Ok(OwnedPermit::new(self, self.acquire_deadline(deadline)?))
    }

    /// Acquires `count` permits, all or none, that own a share of the handle. Blocks until they are available.
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    pub fn acquire_many_owned(self: &Arc<Self>, count: u32) -> Result<OwnedPermits, PoolError> {
        self.acquire_many_owned_deadline(count, Deadline::NEVER)
    }

    /// Acquires `count` permits that own a share of the handle, if they are free or held by dead processes.
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    pub fn try_acquire_many_owned(self: &Arc<Self>, count: u32) -> Result<OwnedPermits, PoolError> {
        self.acquire_many_owned_deadline(count, Deadline::NOW)
    }

    /// Acquires `count` permits, all or none, that own a share of the handle. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`acquire_many_timeout`](Self::acquire_many_timeout).
    pub fn acquire_many_owned_timeout(
        self: &Arc<Self>,
        count: u32,
        timeout: Duration,
    ) -> Result<OwnedPermits, PoolError> {
        self.acquire_many_owned_deadline(count, Deadline::after(timeout))
    }

    /// Acquires `count` permits, all or none, that own a share of the handle. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_many_timeout`](Self::acquire_many_timeout).
    pub fn acquire_many_owned_deadline(
        self: &Arc<Self>,
        count: u32,
        deadline: Deadline,
    ) -> Result<OwnedPermits, PoolError> {
        Ok(OwnedPermits::new(self, self.acquire_many_deadline(count, deadline)?))
    }
}

impl OwnedPermit {
    /// Takes a permit over.
    pub(super) fn new(pool: &Arc<Pool>, permit: Permit<'_>) -> Self {
        let permit = ManuallyDrop::new(permit);
        Self { pool: Arc::clone(pool), spot: permit.spot, session: permit.session }
    }

    /// Returns which permit it is, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.spot.index as usize
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        drop(Permit { pool: &self.pool, spot: self.spot, session: self.session });
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedPermit({})", self.index())
    }
}

impl OwnedPermits {
    /// Takes permits over.
    pub(super) fn new(pool: &Arc<Pool>, mut permits: Permits<'_>) -> Self {
        // Without indices, its drop releases nothing.
        let (indices, session) = (std::mem::take(&mut permits.indices), permits.session);
        Self { pool: Arc::clone(pool), indices, session }
    }

    /// Returns which permits they are, in ascending order.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl Drop for OwnedPermits {
    fn drop(&mut self) {
        let indices = std::mem::take(&mut self.indices);
        drop(Permits { pool: &self.pool, indices, session: self.session });
    }
}

impl fmt::Debug for OwnedPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedPermits").field(&self.indices).finish()
    }
}
