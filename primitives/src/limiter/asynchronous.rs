//! Taking permits in a future.

use std::time::Duration;

use super::RateLimiter;
use crate::{Failure, PoolError, members::Session};

/// After what time a waiting future checks whether the limiter was removed.
const CHECK: Duration = Duration::from_secs(1);

impl RateLimiter {
    /// Takes so many permits, all at once. Waits until they are available, without blocking the thread.
    ///
    /// It needs no particular runtime. A limiter has no doorbell: a future waits for the time at which its permits would be
    /// available if no other caller took any, as a blocked thread does. One thread of the handle wakes all its futures. So a
    /// removal is noticed after a second at the latest, and not at once.
    ///
    /// **Cancel safety.** Permits are taken only in the poll that returns `Ok`. A future that is dropped has taken none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sysv_primitives::RateLimiter;
    ///
    /// # let name = format!("limiter-async-example-{}", std::process::id());
    /// let limiter = RateLimiter::create(&name, 1_000, Duration::from_secs(1))?;
    /// pollster::block_on(limiter.acquire_async(1))?;
    /// limiter.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire). [`PoolError::Failed`] with [`Failure::NoThread`] if the system refuses the thread.
    pub async fn acquire_async(&self, permits: u32) -> Result<(), PoolError> {
        let me = self.members.session(&self.state)?;
        self.check(permits)?;
        let Err(first) = self.state.try_take(permits) else { return Ok(()) };
        #[cfg(feature = "tracing")]
        let began = crate::events::wait_begins();
        let acquired = self.wait_async(me, permits, first).await;
        // A future has no timeout of its own.
        #[cfg(feature = "tracing")]
        crate::events::wait_ends(self.object.name(), began, acquired.as_ref().ok().map(|()| true));
        acquired
    }

    async fn wait_async(&self, me: Session, permits: u32, first: u64) -> Result<(), PoolError> {
        let mut missing = Err(first);
        while let Err(nanoseconds) = missing {
            // As before a sleep: the wait is that of a member.
            self.members.check_membership()?;
            let object = self.object.name();
            self.timer.sleep(Duration::from_nanos(nanoseconds).min(CHECK), object).await?;
            if !me.is_ours() {
                return Err(Failure::Inherited { object: object.clone(), what: "wait" }.into());
            }
            missing = self.state.try_take(permits);
        }
        Ok(())
    }
}
