//! One suite for both transports of a channel, and what concerns the server alone: its deaths, and the connections to it.
//!
//! The server is Debian's `redis-server`, or another one that is called so. Each test starts one of its own, on a port of the
//! loopback, in a private directory, and stops it.
#![cfg(target_os = "linux")]

mod broken;
#[cfg(feature = "async")]
#[allow(dead_code, reason = "the tests of futures in memory use the rest")]
#[path = "../asynchronous/by_hand.rs"]
mod by_hand;
mod calls;
mod conformance;
mod differences;
#[cfg(feature = "async")]
mod futures;
mod kept;
mod model;
#[cfg(feature = "cli")]
mod operator;
mod pool;
mod proxy;
mod refused;
#[cfg(feature = "cli")]
#[path = "../cli/schema.rs"]
mod schema;
mod server;
#[cfg(feature = "redis-tls")]
mod tls;
#[cfg(feature = "cli")]
#[allow(dead_code, reason = "the tests of the tool use the rest")]
#[path = "../cli/tool.rs"]
mod tool;
mod wakeups;
