//! Processes killed and stopped at random moments, by the thousand.

mod attempts;
mod broadcast;
mod channel;
mod claims;
mod locks;
mod rings;
mod rwlock;
mod small;
mod wait_while;
