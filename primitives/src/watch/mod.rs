//! The latest value, for all processes: setting it tears no reader's copy, and each process may wait for the next one.
//!
//! The protocol is that of its [`WatchState`](state::WatchState). Here is what a user sees of it.
//!
//! | the process dies, or is stopped | the value | what others do |
//! | --- | --- | --- |
//! | reading or waiting | as it was | nothing |
//! | setting it, before it is published | as it was, whole | they read on. Dead: the next one sets it. Stopped: others that set it wait |
//! | having published it | the new one | they read it. Dead: waiters wake. Stopped: waiters wake when another one waits or sets |
//! | as the last writer | what it set last | a watcher that asked is notified, after it has seen that. Stopped: nothing |
//!
//! | module | what it has |
//! | --- | --- |
//! | `state` | the words, the protocol with its tables, reading, setting, repair |
//! | `wait` | waiting for a version, or for the end |
//! | `asynchronous`, `futures` | the same in a future, and the stream of a watcher |
//! | `words` | copies that others may disturb |
//! | `shared` | what all handles of one opening share |
//! | `handle`, `watcher`, `writer`, `named` | what a user has, and its options |
//!
//! Not promised: that a waiter sees each version. It sees the latest.

#[cfg(feature = "async")]
mod asynchronous;
mod error;
#[cfg(feature = "async")]
mod futures;
mod handle;
mod named;
pub(crate) mod report;
#[cfg(feature = "async")]
mod setting;
mod shared;
mod state;
mod wait;
mod watcher;
mod words;
mod writer;

pub use self::{error::WatchError, handle::Watch, watcher::Watcher, writer::WatchWriter};
