//! Typed primitives between processes, built on System V IPC.
//!
//! | you want | take |
//! | --- | --- |
//! | one value that one process at a time may change | [`Mutex`] |
//! | to let at most N in at a time, and to know which place each has | [`Pool`] |
//! | to stream items from one process to another, as fast as the cache allows | [`spsc::Ring`] |
//! | the same between any number of them, each item to one | [`mpmc::Ring`] |
//! | to send values of several types, and to choose what to receive | [`Channel`] |
//! | to ask another process, and to have its answer | [`Channel::call`] |
//!
//! Everything here is built on the public API of [`raw`], the `sysv-ipc` crate, which is
//! re-exported so that a program needs to name one dependency only.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use sysv_primitives::{Channel, messages};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Job {
//!     number: u32,
//! }
//! messages! { 1 => Job }
//!
//! fn main() -> sysv_primitives::Result<()> {
//!     let channel = Channel::open_or_create("jobs")?; // in any process, with the same name
//!     channel.send(&Job { number: 7 })?;
//!     println!("job {}", channel.recv::<Job>()?.number);
//!     channel.remove()
//! }
//! ```

mod channel;
mod doorbell;
mod error;
mod fingerprint;
mod iter;
mod layout;
mod lock;
mod member;
mod members;
mod mutex;
mod name;
mod object;
mod options;
mod pool;
mod ring;
mod sync;

/// The crate with the trait [`Pod`](bytemuck::Pod) of the types in a mutex or a ring; re-exported so that versions agree.
///
/// Its derives look for a dependency of that name; `#[bytemuck(crate = "sysv_primitives::bytemuck")]` on the type
/// leads them here.
pub use bytemuck;
pub use sysv_ipc as raw;

pub use self::{
    channel::{
        Channel, Envelope, IncomingRequest, Message, PendingResponse, Queued, Receiver, Request, Route, Router, Sender,
        Unhandled, Usage,
    },
    error::{Error, Result},
    fingerprint::Fingerprint,
    member::Member,
    mutex::{IgnorePoison, LockError, Mutex, MutexGuard},
    name::ObjectName,
    object::Status,
    options::Options,
    pool::{Permit, Permits, Pool},
    ring::{PushError, Role, mpmc, spsc},
};
