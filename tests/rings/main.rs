//! The rings of both shapes.

#[cfg(target_os = "linux")]
mod behind;
mod broadcast;
mod end_waits_for_claims;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod fences;
#[cfg(target_os = "linux")]
mod few_wakes;
mod mpmc;
mod mpmc_ends;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod reaper_dies;
mod refused;
mod spsc;
#[cfg(target_os = "linux")]
mod stopped_sleepers;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod stopped_waiters;
mod threads;
mod whole;

/// What the code of the fences looks for here, as in its own crate.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use sysv_primitives::raw;
