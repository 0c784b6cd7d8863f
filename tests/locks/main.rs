//! The mutex, the rwlock, the pool, and the other objects with one value.

mod barrier;
mod before_repair;
#[cfg(target_os = "linux")]
mod fair;
mod few_wakes;
mod large_values;
mod limiter;
mod mutex;
mod once;
mod pool;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod reaper_dies;
mod refused;
mod rwlock;
#[cfg(target_os = "linux")]
mod stopped_sleepers;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod stopped_waiters;
mod threads;
mod wait_while;
mod watch;
