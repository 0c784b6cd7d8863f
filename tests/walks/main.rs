//! Processes killed, or stopped, at each machine instruction of an operation.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod attempts;
mod barrier;
mod channel;
#[cfg(feature = "async")]
mod clerk;
#[cfg(feature = "async")]
mod futures;
mod held_up;
mod held_up_attempts;
mod held_up_broadcast;
mod held_up_channel;
mod held_up_rwlock;
mod helping;
mod limiter;
mod locks;
mod once;
mod rings;
mod rwlock;
mod stopped;
mod wait_while;
mod watch;
