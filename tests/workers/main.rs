//! Worker pools: what users of other pools complain of, played with real processes.
//!
//! Each test runs this program again as its workers, which run the test up to the start of its pool.
#![cfg(target_os = "linux")]

mod deaths;
mod draining;
mod fleet;
#[cfg(feature = "async")]
mod futures;
mod jobs;
mod limits;
mod outside;
mod results;
mod storm;
