//! Futures of the primitives, in any runtime, beside processes that block.

#[cfg(target_os = "linux")]
mod beside;
mod broadcast;
mod by_hand;
mod cancelled;
mod channel;
mod ending;
mod forms;
mod kinds;
mod limiter;
mod lock_kinds;
mod other_kinds;
mod runtimes;
mod rwlock;
mod stopped_sleepers;
mod streams;
mod together;
mod wakers;
mod withheld;
