//! One suite for both transports of a channel, and what concerns the server alone: its deaths, and the connections to it.
//!
//! The server is Debian's `redis-server`, or another one that is called so. Each test starts one of its own, on a port of the
//! loopback, in a private directory, and stops it.
#![cfg(target_os = "linux")]

mod broken;
mod calls;
mod conformance;
mod differences;
mod model;
mod pool;
mod proxy;
mod server;
