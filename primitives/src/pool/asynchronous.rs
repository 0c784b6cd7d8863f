//! Acquiring permits in a future.

use std::sync::Arc;

use super::{
    error::PoolError,
    handle::Pool,
    owned::{OwnedPermit, OwnedPermits},
    permits::{Permit, Permits},
    spots::Spot,
    state::{Attempt, PoolState},
    wait::{ForOne, ForSeveral},
};
use crate::{
    failure::Result,
    sync::Ordering::Relaxed,
    waiting::{
        Party,
        clerk::{HeldTicket, PassOn, TaskGate, wait_async},
        waiter::Waiter,
    },
};

impl Pool {
    /// Acquires a permit. Waits until one is available, without blocking the thread.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async).
    ///
    /// **Cancel safety.** A future that is dropped has acquired nothing. If it was called for a permit, the next waiter is.
    /// A future that was called and is not polled within 10 ms loses its turn.
    ///
    /// ```
    /// use sysv_primitives::Pool;
    ///
    /// # let name = format!("acquire-async-example-{}", std::process::id());
    /// let gpus = Pool::create(&name, 4)?;
    /// pollster::block_on(async {
    ///     let (one, two) = (gpus.acquire_async().await?, gpus.acquire_many_async(2).await?);
    ///     assert_eq!((one.index(), two.indices(), gpus.available()), (0, &[1, 2][..], 1));
    ///     Ok::<(), sysv_primitives::Error>(())
    /// })?;
    /// gpus.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_async(&self) -> Result<Permit<'_>, PoolError> {
        let me = self.members.session(&self.state)?;
        // As in `acquire_deadline`.
        let hint = Spot::from_bits(self.hint.load(Relaxed));
        if self.state.claim(hint, me) {
            return Ok(Permit { pool: self, spot: hint, session: me });
        }
        let index = match self.state.scan(me) {
            Some(index) => index,
            None => self.state.take_one_async(self.party(me)).await?,
        };
        Ok(Permit { pool: self, spot: self.state.permits.spot(index), session: me })
    }

    /// Acquires `count` permits, all or none. Waits until they are available, without blocking the thread.
    ///
    /// **Cancel safety.** As [`acquire_async`](Self::acquire_async).
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    pub async fn acquire_many_async(&self, count: u32) -> Result<Permits<'_>, PoolError> {
        let me = self.members.session(&self.state)?;
        if count as usize > self.state.limit() {
            return Err(self.too_many(count).into());
        }
        let mut indices = self.state.take_many_async(self.party(me), count as usize).await?;
        indices.sort_unstable();
        Ok(Permits { pool: self, indices, session: me })
    }

    /// Acquires a permit that owns a share of the handle, for tasks that borrow nothing.
    ///
    /// **Cancel safety.** As [`acquire_async`](Self::acquire_async).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_owned_async(self: Arc<Self>) -> Result<OwnedPermit, PoolError> {
        let permit = self.acquire_async().await?;
        Ok(OwnedPermit::new(&self, permit))
    }

    /// Acquires `count` permits, all or none, that own a share of the handle.
    ///
    /// **Cancel safety.** As [`acquire_async`](Self::acquire_async).
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    pub async fn acquire_many_owned_async(self: Arc<Self>, count: u32) -> Result<OwnedPermits, PoolError> {
        let permits = self.acquire_many_async(count).await?;
        Ok(OwnedPermits::new(&self, permits))
    }
}

impl PoolState {
    async fn take_one_async(&self, party: Party<'_, Self>) -> Result<usize> {
        let station = |held: &HeldTicket| Waiter::of_task(&self.singles, ForOne(self), party.me, 0, held);
        wait_async(party, station, |_| Ok(self.check_for_one(party))).await
    }

    async fn take_many_async(&self, party: Party<'_, Self>, count: usize) -> Result<Vec<usize>> {
        match self.claim_many(party, count) {
            Attempt::Claimed(indices) => return Ok(indices),
            // One permit needs no turnstile.
            _ if count == 1 => return self.take_one_async(party).await.map(|index| vec![index]),
            Attempt::TooFew | Attempt::Occupied => {}
        }
        // It is dropped after the wait, also if that is cancelled.
        let _leaves = LeavesLine(party);
        let station = |held: &HeldTicket| Waiter::of_task(&self.many, ForSeveral(self), party.me, count as u64, held);
        wait_async(party, station, |_| Ok(self.check_for_many(party, count))).await
    }

    /// Returns the same words again.
    fn view(&self) -> Self {
        Self {
            flag: self.flag.clone(),
            turnstile: self.turnstile.clone(),
            limit: self.limit.clone(),
            recent: self.recent.clone(),
            permits: self.permits.clone(),
            singles: self.singles.view(),
            many: self.many.view(),
            shortage: self.shortage.clone(),
        }
    }
}

/// A waiter for several permits, which was perhaps the first in line (PL5).
struct LeavesLine<'a>(Party<'a, PoolState>);

impl Drop for LeavesLine<'_> {
    fn drop(&mut self) {
        let Party { members, repair, me } = self.0;
        if me.is_ours() {
            // The caller has a result already, or none takes one.
            members.record(repair.notify_many(members));
        }
    }
}

impl TaskGate for ForOne<'_> {
    fn pass_on(&self) -> PassOn {
        let room = self.0.singles.view();
        Box::new(move |_, members| room.call_oldest(members).map(drop))
    }
}

impl TaskGate for ForSeveral<'_> {
    fn pass_on(&self) -> PassOn {
        let state = self.0.view();
        Box::new(move |_, members| state.notify_many(members))
    }
}
