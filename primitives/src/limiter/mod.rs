//! A rate limiter for all processes of a machine, in one word of memory.
//!
//! The protocol is that of its [`RateState`]: the generic cell rate algorithm. Here is what a user sees of it.
//!
//! | the process dies, or is stopped | what others notice |
//! | --- | --- |
//! | anywhere | nothing: a permit that was taken was taken, and no other thing was |
//!
//! Not promised: an order among the waiters. A caller for many permits may wait for as long as others take few ones all the time.

mod state;

use std::{fmt, sync::Arc, time::Duration};

use self::state::{Rate, RateState};
use crate::{
    Failure, Member, ObjectName, OpenError, Options, PoolError, Status, TooManyPermits,
    fingerprint::Fingerprint,
    layout::Mapped,
    members::Members,
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::Settings,
    raw::{self, Deadline, SharedMemory},
    set_layout::Bells,
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

/// A waiter sleeps until a time, and on no doorbell.
const KIND: Kind = Kind::new("rate limiter", 10, Bells::common(0));

// Where the words lie in the body. The first one is alone on its cache line.
const WORD: usize = 0;
const NANOSECONDS: usize = 128;
const PERMITS: usize = 136;
const BURST: usize = 140;
const BODY: u64 = 256;

/// A named limit of how many permits are given out in what time, in all processes of a machine together.
///
/// A limiter of 100 permits a second gives one out each 10 milliseconds, and saves up to 100 unused ones, or as many as
/// [`burst`](Options::burst) says. Permits are not given back. In any time t it gives out at most the burst, and as many
/// as the rate allows in t.
///
/// **When a process dies** or is stopped, that costs the others nothing, whatever it was about. A waiter has taken nothing.
///
/// Waiters sleep until their permits are available if no other caller takes any, and look again then. There is no order
/// among them. If many wait for one permit, all of them wake and one gets it.
///
/// Each handle takes one of the object's slots, however many threads share it. A child made by `fork` may go on using the
/// handle. The processes must have one clock, `CLOCK_MONOTONIC`, so they must be in one time namespace. It stands still while
/// the machine is suspended.
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
}

/// What a limiter is made with.
#[derive(Clone, Copy)]
struct Plan {
    permits: u32,
    nanoseconds: u64,
    burst: u32,
}

impl Plan {
    fn new(options: &Settings, permits: u32, per: Duration) -> Self {
        let burst = if options.burst == 0 { permits } else { options.burst };
        Self { permits, nanoseconds: u64::try_from(per.as_nanos()).unwrap_or(u64::MAX), burst }
    }

    fn rate(self) -> Option<Rate> {
        Rate::new(self.permits, self.nanoseconds, self.burst)
    }

    fn write(self, memory: &Arc<SharedMemory>, body: usize) -> raw::Result<()> {
        Mapped::<AtomicU64>::at(memory, body + NANOSECONDS)?.store(self.nanoseconds, Relaxed);
        Mapped::<AtomicU32>::at(memory, body + PERMITS)?.store(self.permits, Relaxed);
        Mapped::<AtomicU32>::at(memory, body + BURST)?.store(self.burst, Relaxed);
        Ok(())
    }

    /// Reads what a limiter was made with; it may say anything.
    fn read(memory: &Arc<SharedMemory>, body: usize) -> raw::Result<Self> {
        Ok(Self {
            nanoseconds: Mapped::<AtomicU64>::at(memory, body + NANOSECONDS)?.load(Relaxed),
            permits: Mapped::<AtomicU32>::at(memory, body + PERMITS)?.load(Relaxed),
            burst: Mapped::<AtomicU32>::at(memory, body + BURST)?.load(Relaxed),
        })
    }
}

impl RateLimiter {
    /// Returns the options to create or open a limiter with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a limiter of this many permits in a time.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str, permits: u32, per: Duration) -> Result<Self, OpenError> {
        Self::options().create(name, permits, per)
    }

    /// Opens a limiter that exists.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open`](crate::Mutex::open).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a limiter, or creates one of this many permits in a time.
    ///
    /// One that exists keeps its rate, unless [`Options::exact`] insists on the one that is given. A limiter outlives its
    /// processes, until it is removed or the system restarts.
    ///
    /// The time that pays for one permit is rounded up to whole nanoseconds.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create), and [`OpenError::BadRate`] for no permits, for no time, and
    /// for a burst that takes more than 73 years.
    pub fn open_or_create(name: &str, permits: u32, per: Duration) -> Result<Self, OpenError> {
        Self::options().open_or_create(name, permits, per)
    }

    /// Removes a limiter by its name. A process that has it open gets an error when it would have to wait.
    ///
    /// # Errors
    ///
    /// As [`Mutex::unlink`](crate::Mutex::unlink).
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        object::remove::by_name(name, KIND)
    }

    fn enter(
        options: &Settings,
        name: &str,
        plan: Option<(u32, Duration)>,
        disposition: Disposition,
    ) -> Result<Self, OpenError> {
        let plan = plan.map(|(permits, per)| Plan::new(options, permits, per));
        if let Some(plan) = plan.filter(|plan| plan.rate().is_none()) {
            let object = ObjectName::new(KIND.name, name);
            let (permits, per, burst) = (plan.permits, Duration::from_nanos(plan.nanoseconds), plan.burst);
            return Err(OpenError::BadRate { object, permits, per, burst });
        }
        let name = Name::new(name)?;
        let fill = |memory: &_, body: usize| plan.map_or(Ok(()), |plan| plan.write(memory, body));
        let blueprint = Blueprint {
            kind: KIND,
            name: &name,
            options,
            max_handles: KIND.max_handles(options, disposition),
            capacity: 0,
            fingerprint: Fingerprint::without_type(options),
            body: BODY,
            fill: &fill,
        };
        let (object, (members, state, found)) = Object::enter(&blueprint, disposition, &|object| {
            let failed = |error| object.failed(error);
            let members = object.members()?;
            let found = Plan::read(object.memory(), object.body()).map_err(failed)?;
            let rate = found.rate().ok_or_else(|| object.damaged("the rate"))?;
            let state = RateState { word: Mapped::at(object.memory(), object.body() + WORD).map_err(failed)?, rate };
            if let Some(plan) = plan {
                object.check_option("permits", found.permits.into(), plan.permits.into())?;
                object.check_option("nanoseconds", found.nanoseconds, plan.nanoseconds)?;
                object.check_option("burst", found.burst.into(), plan.burst.into())?;
            }
            let registration = object.register(&members, &state)?;
            Ok(((members, state, found), registration))
        })?;
        let (permits, per) = (found.permits, Duration::from_nanos(found.nanoseconds));
        Ok(Self { object, members, state, permits, per })
    }

    /// Takes so many permits, all at once. Blocks until they are available.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] for more than the burst. [`PoolError::Failed`] if it would have to wait, and the limiter was
    /// removed.
    pub fn acquire(&self, permits: u32) -> Result<(), PoolError> {
        self.acquire_deadline(permits, Deadline::NEVER)
    }

    /// Takes so many permits, all at once, if they are available.
    ///
    /// It reads the clock once and changes one word, unless another process changes it at the same time. It makes no system
    /// call, where reading the clock is none.
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

    /// Takes so many permits. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PoolError::TimedOut`] if the timeout elapses: then none was taken. Otherwise as [`acquire`](Self::acquire).
    pub fn acquire_timeout(&self, permits: u32, timeout: Duration) -> Result<(), PoolError> {
        self.acquire_deadline(permits, Deadline::after(timeout))
    }

    /// Takes so many permits. Blocks until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    pub fn acquire_deadline(&self, permits: u32, deadline: Deadline) -> Result<(), PoolError> {
        let me = self.members.session(&self.state)?;
        self.check(permits)?;
        while let Err(nanoseconds) = self.state.try_take(permits) {
            if deadline == Deadline::NOW {
                return Err(PoolError::WouldBlock);
            }
            if deadline.has_passed() {
                return Err(PoolError::TimedOut);
            }
            // RL4.
            let available = Deadline::after(Duration::from_nanos(nanoseconds));
            self.members.sleep_until(me, deadline.min(available))?;
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

    /// Returns after what time so many permits are available, if no other caller takes any until then.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] for more than the burst.
    pub fn time_until(&self, permits: u32) -> Result<Duration, PoolError> {
        self.check(permits)?;
        Ok(Duration::from_nanos(self.state.time_until(permits)))
    }

    /// Returns how many permits it gives out in what time.
    #[must_use]
    pub fn rate(&self) -> (u32, Duration) {
        (self.permits, self.per)
    }

    /// Returns how many permits it gives out at once, after a time without callers.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.state.rate.burst
    }

    /// Returns the members that have the limiter open.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.members.list()
    }

    /// Returns what the limiter is made of.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.object.status()
    }

    /// Removes the limiter, as `unlink` does a file. See [`Mutex::remove`](crate::Mutex::remove).
    ///
    /// # Errors
    ///
    /// As [`Mutex::remove`](crate::Mutex::remove).
    pub fn remove(&self) -> Result<(), Failure> {
        self.object.remove()
    }
}

impl Options<RateLimiter> {
    /// Sets how many permits are given out at once, after a time without callers. By default those of the whole time.
    ///
    /// It is fixed when the limiter is created. With 1, permits are given out evenly, one after another.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sysv_primitives::RateLimiter;
    ///
    /// # let name = format!("burst-example-{}", std::process::id());
    /// let evenly = RateLimiter::options().burst(1).create(&name, 100, Duration::from_secs(3600))?;
    /// evenly.acquire(1)?;
    /// assert!(evenly.try_acquire(1).is_err());
    /// evenly.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn burst(mut self, permits: u32) -> Self {
        self.settings.burst = permits;
        self
    }

    /// Creates a [`RateLimiter`] of this many permits in a time.
    ///
    /// # Errors
    ///
    /// As [`RateLimiter::create`].
    pub fn create(&self, name: &str, permits: u32, per: Duration) -> Result<RateLimiter, OpenError> {
        RateLimiter::enter(&self.settings, name, Some((permits, per)), Disposition::Create)
    }

    /// Opens a [`RateLimiter`] that exists.
    ///
    /// # Errors
    ///
    /// As [`RateLimiter::open`].
    pub fn open(&self, name: &str) -> Result<RateLimiter, OpenError> {
        RateLimiter::enter(&self.settings, name, None, Disposition::Open)
    }

    /// Opens a [`RateLimiter`], or creates one of this many permits in a time.
    ///
    /// # Errors
    ///
    /// As [`RateLimiter::open_or_create`].
    pub fn open_or_create(&self, name: &str, permits: u32, per: Duration) -> Result<RateLimiter, OpenError> {
        RateLimiter::enter(&self.settings, name, Some((permits, per)), Disposition::OpenOrCreate)
    }
}

impl Drop for RateLimiter {
    fn drop(&mut self) {
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
