//! How long ago a process started.

use std::time::Duration;

use nix::{
    time::{ClockId, clock_gettime},
    unistd::{SysconfVar, sysconf},
};

/// The time since boot, and in what ticks the kernel counts when processes started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    since_boot: Duration,
    ticks_per_second: u64,
}

impl Clock {
    pub(super) fn now() -> Self {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok());
        let since_boot = clock_gettime(CLOCK).map_or(Duration::ZERO, Duration::from);
        Self { since_boot, ticks_per_second: ticks.unwrap_or(100).max(1) }
    }

    /// Returns how long ago a process started. Returns `None` if that is not known, or would be in the future.
    pub(super) fn age(self, start_time: u64) -> Option<Duration> {
        let seconds = start_time / self.ticks_per_second;
        let rest = start_time % self.ticks_per_second;
        let nanoseconds = rest.saturating_mul(1_000_000_000) / self.ticks_per_second;
        let started = Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanoseconds))?;
        if start_time == 0 { None } else { self.since_boot.checked_sub(started) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Duration};

    #[test]
    fn ages_are_the_time_since_the_start() {
        let clock = Clock { since_boot: Duration::from_secs(100), ticks_per_second: 100 };
        assert_eq!(clock.age(9_950), Some(Duration::from_millis(500)));
        assert_eq!((clock.age(0), clock.age(10_001), clock.age(u64::MAX)), (None, None, None));
    }
}
