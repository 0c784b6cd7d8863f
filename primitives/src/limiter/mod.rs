//! A rate limiter for all processes of a machine, in one word of memory.
//!
//! The protocol is that of its [`RateState`]: the generic cell rate algorithm. Here is what a user sees of it.
//!
//! | the process dies, or is stopped | what others notice |
//! | --- | --- |
//! | anywhere | nothing. A permit that it took stays taken, and a waiter has taken none |
//!
//! Not promised: an order among the waiters. A caller that asks for many permits may wait as long as other callers keep taking few.

#[cfg(feature = "async")]
mod asynchronous;
mod named;
pub(crate) mod report;
mod state;

use std::{fmt, time::Duration};

use self::state::RateState;
use crate::{
    PoolError, TooManyPermits,
    members::{Members, Session},
    object::Object,
    raw::Deadline,
};

/// A named rate limit: all processes of a machine together get at most this many permits in each period.
///
/// A limiter of 100 permits a second has a new permit each 10 milliseconds. It saves up to 100 unused permits, or as many as
/// [`burst`](crate::Options::burst) says. Permits are not given back. In any span of time it gives out at most the burst, plus as
/// many as the rate allows in that span.
///
/// **When a process dies** or is stopped, the others notice nothing: a permit that it took stays taken, and a waiter has taken
/// none.
///
/// A waiter sleeps until its permits would be available if no other caller took any, and checks again then. The waiters have no
/// order. If many wait for one permit, all of them wake and one gets it.
///
/// Each handle takes one of the object's slots, however many threads share it. A child made by `fork` may go on using the
/// handle. The processes must have one clock, `CLOCK_MONOTONIC`, so they must be in one time namespace. That clock stops while the
/// machine is suspended.
///
/// ```
/// use std::time::Duration;
/// use sysv_primitives::RateLimiter;
///
/// # let name = format!("rate-limiter-example-{}", std::process::id());
/// // In any process, with the same name.
/// let limiter = RateLimiter::open_or_create(&name, 1_000, Duration::from_secs(1))?;
/// for request in 0..3 {
///     limiter.acquire(1)?;
///     println!("request {request}");
/// }
/// limiter.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct RateLimiter {
    object: Object,
    members: Members,
    state: RateState,
    permits: u32,
    per: Duration,
    #[cfg(feature = "async")]
    timer: crate::waiting::clerk::Timer,
}

impl RateLimiter {
    /// Takes this many permits, all at once. Blocks until they are available.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] for more than the burst. [`PoolError::Failed`] if it would have to wait, and the limiter was
    /// removed.
    pub fn acquire(&self, permits: u32) -> Result<(), PoolError> {
        self.acquire_deadline(permits, Deadline::NEVER)
    }

    /// Takes this many permits, all at once, if they are available.
    ///
    /// It reads the clock and changes one word, and does so again if another process changed the word at the same time. It makes
    /// no system call on systems where reading the clock makes none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sysv_primitives::{PoolError, RateLimiter};
    ///
    /// # let name = format!("try-acquire-example-{}", std::process::id());
    /// let limiter = RateLimiter::create(&name, 2, Duration::from_secs(3600))?;
    /// limiter.try_acquire(2)?;
    /// assert!(matches!(limiter.try_acquire(1), Err(PoolError::WouldBlock)));
    /// assert!(limiter.time_until(1)? > Duration::from_secs(1700));
    /// limiter.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PoolError::WouldBlock`] if they are not. Otherwise as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self, permits: u32) -> Result<(), PoolError> {
        self.members.session(&self.state)?;
        self.check(permits)?;
        self.state.try_take(permits).map_err(|_| PoolError::WouldBlock)
    }

    /// Takes this many permits. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PoolError::TimedOut`] if the timeout elapses: then none was taken. Otherwise as [`acquire`](Self::acquire).
    pub fn acquire_timeout(&self, permits: u32, timeout: Duration) -> Result<(), PoolError> {
        self.acquire_deadline(permits, Deadline::after(timeout))
    }

    /// Takes this many permits. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    pub fn acquire_deadline(&self, permits: u32, deadline: Deadline) -> Result<(), PoolError> {
        let me = self.members.session(&self.state)?;
        self.check(permits)?;
        match self.state.try_take(permits) {
            Ok(()) => Ok(()),
            Err(_) if deadline == Deadline::NOW => Err(PoolError::WouldBlock),
            Err(nanoseconds) => self.acquire_slowly(me, permits, nanoseconds, deadline),
        }
    }

    #[cold]
    fn acquire_slowly(&self, me: Session, permits: u32, first: u64, deadline: Deadline) -> Result<(), PoolError> {
        #[cfg(feature = "tracing")]
        let began = crate::events::wait_begins();
        let acquired = self.sleep_for(me, permits, first, deadline);
        #[cfg(feature = "tracing")]
        crate::events::wait_ends(
            self.object.name(),
            began,
            match &acquired {
                Ok(()) => Some(true),
                Err(error) => error.is_busy().then_some(false),
            },
        );
        acquired
    }

    fn sleep_for(&self, me: Session, permits: u32, first: u64, deadline: Deadline) -> Result<(), PoolError> {
        let mut missing = Err(first);
        while let Err(nanoseconds) = missing {
            if deadline.has_passed() {
                return Err(PoolError::TimedOut);
            }
            // RL4.
            let available = Deadline::after(Duration::from_nanos(nanoseconds));
            self.members.sleep_until(me, deadline.min(available))?;
            missing = self.state.try_take(permits);
        }
        Ok(())
    }

    #[inline]
    fn check(&self, wanted: u32) -> Result<(), PoolError> {
        if wanted <= self.state.rate.burst { Ok(()) } else { Err(self.too_many(wanted)) }
    }

    #[cold]
    fn too_many(&self, wanted: u32) -> PoolError {
        let burst = self.state.rate.burst;
        TooManyPermits { object: self.object.name().clone(), wanted, limit: burst, capacity: burst }.into()
    }

    /// Returns how many permits could be taken now.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.state.available()
    }

    /// Returns how long it takes until this many permits are available, if no other caller takes any.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] for more than the burst.
    pub fn time_until(&self, permits: u32) -> Result<Duration, PoolError> {
        self.check(permits)?;
        Ok(Duration::from_nanos(self.state.time_until(permits)))
    }

    /// Returns the rate: the permits, and the period in which they are given out.
    #[must_use]
    pub fn rate(&self) -> (u32, Duration) {
        (self.permits, self.per)
    }

    /// Returns the burst: how many unused permits it saves at most.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.state.rate.burst
    }
}

impl Drop for RateLimiter {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.timer.dismiss();
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("name", &self.object.description().name)
            .field("permits", &self.permits)
            .field("per", &self.per)
            .field("burst", &self.burst())
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}
