//! Typed primitives between processes, built on System V IPC.
//!
//! | you want | take |
//! | --- | --- |
//! | one value that one process at a time may change | [`Mutex`] |
//! | to let at most N in at a time, and to know which index each has | [`Pool`] |
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
//!
//! # Glossary
//!
//! | word | what it is |
//! | --- | --- |
//! | member | a handle that is registered with an object; it has a slot |
//! | slot | a member's number in an object, or one of a ring's items in memory |
//! | ALIVE | a semaphore for each slot, 1 while its member lives: the kernel takes it back when the process dies |
//! | to reap | to take over the slot of a dead member, and to repair every word that names it |
//! | doorbell | a semaphore on which waiters sleep, and which a notifier posts |
//! | obituary | the post of each doorbell that the kernel does for a process that dies |
//! | turnstile | a lock that waiters of one kind hold in turn |
//! | to condemn | to mark an object, so that every process treats it as removed |
//! | to poison | to mark a value that its writer may have left half changed |
//! | role | the end of a ring or channel that a handle is: producer or consumer |
//!
//! # The rules of every protocol
//!
//! Each module has its own numbered rules, with a prefix of its own. These hold everywhere:
//!
//! - **R-own** A word that is owned by a slot is changed by its member, or by the process that holds the slot's ALIVE.
//! - **R-reap** A reaper claims ALIVE, repairs every word of the slot, posts, sets `used` to 0, and gives ALIVE back. A
//!   new member does the same to its own slot before it operates.
//! - **R-one** A doorbell serves waiters of one interest: a post for one is never taken by a waiter that cannot use it.
//! - **R-sleep** A waiter announces itself, then checks for dead members, then checks whether it can go on, and only then
//!   sleeps. It does so on every round.
//! - **R-wake** A process that makes something available checks for announced waiters afterwards, and posts for them. A
//!   fence orders the two, on one side or on both.
//! - **R-leave** A waiter that has taken a post and does not use it posts again before it leaves. If it dies instead, its
//!   obituary is posted.

mod attendance;
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
mod object_name;
mod options;
mod pool;
mod ring;
mod set_layout;
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
    object::Status,
    object_name::ObjectName,
    options::Options,
    pool::{Permit, Permits, Pool},
    ring::{PushError, Role, mpmc, spsc},
};
