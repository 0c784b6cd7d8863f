//! The channel: plain ones, named ones, calls.

mod calls;
#[cfg(target_os = "linux")]
mod few_wakes;
mod hostile_bytes;
mod named;
#[cfg(feature = "postcard")]
mod postcard;
mod queue;
mod routes;
mod stopped;
