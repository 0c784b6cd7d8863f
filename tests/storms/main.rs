//! Processes killed and stopped at random moments, by the thousand.

mod attempts;
mod broadcast;
mod channel;
mod claims;
#[cfg(feature = "async")]
mod futures;
mod locks;
mod rings;
mod rwlock;
mod small;
mod wait_while;
