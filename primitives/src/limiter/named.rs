//! How a rate limiter is created, opened and removed, and which members there are.

use std::{sync::Arc, time::Duration};

use super::{
    RateLimiter,
    state::{Rate, RateState},
};
use crate::{
    Failure, Member, ObjectName, OpenError, Options, Status,
    fingerprint::Fingerprint,
    layout::Mapped,
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::Settings,
    raw::{self, SharedMemory},
    set_layout::Bells,
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

/// A waiter sleeps until a time, and on no doorbell.
pub(super) const KIND: Kind = Kind::new("rate limiter", 10, Bells::common(0));

// Where the words lie in the body. The first one is alone on its cache line.
pub(super) const WORD: usize = 0;
pub(super) const NANOSECONDS: usize = 128;
pub(super) const PERMITS: usize = 136;
pub(super) const BURST: usize = 140;
const BODY: u64 = 256;

/// What a limiter is made with.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) permits: u32,
    pub(super) nanoseconds: u64,
    pub(super) burst: u32,
}

impl Plan {
    fn new(options: &Settings, permits: u32, per: Duration) -> Self {
        let burst = if options.burst == 0 { permits } else { options.burst };
        Self { permits, nanoseconds: u64::try_from(per.as_nanos()).unwrap_or(u64::MAX), burst }
    }

    pub(super) fn rate(self) -> Option<Rate> {
        Rate::new(self.permits, self.nanoseconds, self.burst)
    }

    fn write(self, memory: &Arc<SharedMemory>, body: usize) -> raw::Result<()> {
        Mapped::<AtomicU64>::at(memory, body + NANOSECONDS)?.store(self.nanoseconds, Relaxed);
        Mapped::<AtomicU32>::at(memory, body + PERMITS)?.store(self.permits, Relaxed);
        Mapped::<AtomicU32>::at(memory, body + BURST)?.store(self.burst, Relaxed);
        Ok(())
    }

    /// Reads what a limiter was made with. The memory may say anything, and the caller checks it.
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

    /// Creates a limiter of `permits` in each period `per`.
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

    /// Opens a limiter, or creates one of `permits` in each period `per`.
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
        // Before anything is made: a rate that is no rate could give out nothing, or everything.
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
            // The numbers come from memory, and are divided by.
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
        Ok(Self {
            object,
            members,
            state,
            permits,
            per,
            #[cfg(feature = "async")]
            timer: Default::default(),
        })
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
    /// Sets the burst: how many unused permits are saved at most. By default the permits of one period.
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

    /// Creates a [`RateLimiter`] of `permits` in each period `per`.
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

    /// Opens a [`RateLimiter`], or creates one of `permits` in each period `per`.
    ///
    /// # Errors
    ///
    /// As [`RateLimiter::open_or_create`].
    pub fn open_or_create(&self, name: &str, permits: u32, per: Duration) -> Result<RateLimiter, OpenError> {
        RateLimiter::enter(&self.settings, name, Some((permits, per)), Disposition::OpenOrCreate)
    }
}
