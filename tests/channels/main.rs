//! The channel: plain ones, named ones, calls.

mod aside;
#[cfg(target_os = "linux")]
mod attack;
mod calls;
mod cells;
mod claimed_requests;
mod claims;
mod delays;
#[cfg(target_os = "linux")]
mod few_wakes;
mod half_written;
#[cfg(target_os = "linux")]
mod hostile_attempts;
mod hostile_bytes;
#[cfg(target_os = "linux")]
mod hostile_memory;
#[cfg(target_os = "linux")]
mod largest;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod model;
mod named;
#[cfg(feature = "postcard")]
mod postcard;
mod queue;
mod routes;
mod stopped;
#[cfg(target_os = "linux")]
mod stopped_sleepers;
#[cfg(target_os = "linux")]
mod wraps;
