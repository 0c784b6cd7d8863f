//! The clock by which processes compare how long they have waited.

use nix::time::{ClockId, clock_gettime};

/// Returns the time of `CLOCK_MONOTONIC` in nanoseconds, or 0 if the system has none.
///
/// It is the same clock in all processes of one time namespace. Only the order and the fairness of waiters depend on it.
pub(crate) fn monotonic() -> u64 {
    in_nanoseconds(ClockId::CLOCK_MONOTONIC)
}

#[inline]
fn in_nanoseconds(clock: ClockId) -> u64 {
    let Ok(now) = clock_gettime(clock) else { return 0 };
    let seconds = u64::try_from(now.tv_sec()).unwrap_or(0);
    seconds.wrapping_mul(1_000_000_000).wrapping_add(u64::try_from(now.tv_nsec()).unwrap_or(0))
}

/// Returns the time of `CLOCK_MONOTONIC` in nanoseconds, to a few milliseconds: it takes a tenth of the time.
#[inline]
pub(crate) fn coarse() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC_COARSE;
    #[cfg(target_os = "freebsd")]
    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC_FAST;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;
    in_nanoseconds(CLOCK)
}
