//! Processes killed and stopped at random moments, by the thousand.

mod channel;
mod locks;
mod rings;
