//! Typed primitives between processes, built on System V IPC.
//!
//! | you want | take |
//! | --- | --- |
//! | a value that one process at a time may change | [`Mutex`] |
//! | to wait until that value fulfils a condition | [`MutexGuard::wait_while`] |
//! | a value that many processes read and few change | [`RwLock`] |
//! | a value that one process computes, and all others read | [`OnceLock`] |
//! | the latest version of a value, and to wait for the next one: a configuration, an event, progress | [`Watch`] |
//! | to let at most N holders in at a time, each with an index of its own | [`Pool`] |
//! | to limit a rate: at most N permits in each period, for all processes together | [`RateLimiter`] |
//! | to wait until all participants have come | [`Barrier`] |
//! | to stream items from one process to another, as fast as the cache allows | [`spsc::Ring`] |
//! | to pass items between any number of processes, each item to one | [`mpmc::Ring`] |
//! | to pass items from one process to all others, each item to every one | [`broadcast::Ring`] |
//! | to send values of several types, and to receive by type | [`Channel`] |
//! | to send a request to another process, and to get its response | [`Channel::call`] |
//! | to have worker processes do jobs, of which none is lost | [`WorkerPool`] |
//! | channels and workers on several machines | [`Channel::connect`], with the feature `redis` |
//! | to exchange messages with programs in C or Python | [`TypedQueue`] |
//! | to see which objects exist, which processes hold them or wait for them, and which can be removed | [`inspect`] |
//!
//! Everything here is built on the public API of [`raw`], the `sysv-ipc` crate. It is re-exported, so a program needs only one
//! dependency.
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
//!     channel.remove()?;
//!     Ok(())
//! }
//! ```
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `async` | [futures](#futures), streams and sinks, in any runtime |
//! | `redis` | channels and worker pools on a Redis server: see [`Channel::connect`] |
//! | `postcard` | the codec `Postcard` for `messages!` |
//! | `tracing` | [events](#events) on slow paths |
//! | `serde` | `Serialize` for the reports of [`inspect`] |
//! | `cli` | the operator's tool `sysv` |
//!
//! # Futures
//!
//! With the feature `async`, each wait has a form that can be awaited, with the suffix `_async`: `lock_async`, `acquire_async`,
//! `recv_async`, `call_async` and so on. A [`PendingResponse`] and a [`Job`](workers::Job) are futures. Consumers, subscribers, channels and watchers give a `Stream`,
//! mapped jobs as well. Producers and channels give a `Sink`. Three kinds of calls have no such form: those of a [`TypedQueue`],
//! which waits in the kernel, [`Router::run`], which calls handlers that block, and the calls of a [`WorkerPool`] that concern its
//! workers. Channels on a Redis server have none either.
//!
//! - They need no particular runtime: tokio, smol and a `block_on` by hand drive them alike. Processes with and without
//!   futures may use the same object.
//! - One thread of the process sleeps for all futures that wait for the same thing of a handle. It is started when the first future
//!   waits. It ends after 10 seconds without a future, or when the handle is dropped.
//! - Each future can be dropped at any time. Then nothing was taken, sent or lost. Each method says so under **Cancel safety**. For
//!   a timeout, use that of the runtime.
//! - A future that is not polled after its waker was called delays the event for other processes by 10 ms, and no longer.
//! - Guards and permits may go to other threads, except the guard of [`RwLock::read`]. [`Mutex::lock_owned`],
//!   [`RwLock::read_owned`] and [`Pool::acquire_owned`] return forms that borrow nothing, for tasks.
//! - In a child made by `fork`, a future of the parent's fails with [`Failure::Inherited`].
//!
//! # Errors
//!
//! Each family of operations has an error of its own, which lists what can happen there. Each of them converts into [`Error`], so
//! `?` works.
//!
//! | operation | `try_` form | `_timeout` and `_deadline` | closed or disconnected | other causes | error |
//! | --- | --- | --- | --- | --- | --- |
//! | `create`, `open`, `open_or_create`, `unlink` | | | | `NameTaken`, `NoSuchName`, `WrongType` … | [`OpenError`] |
//! | `Mutex::lock` | `WouldBlock` | `TimedOut` | | `Poisoned` | [`LockError`] |
//! | `MutexGuard::wait_while` | | in the result, with the guard | | `Poisoned` | [`LockError`] |
//! | `OnceLock::set`, `get_or_init`, `get_or_try_init`, `wait` | `WouldBlock` | `TimedOut` | | `AlreadySet` | [`OnceError`] |
//! | `Watch::set`, `update`, `wait_for`, `Watcher::changed` | `WouldBlock` | `TimedOut` | `Disconnected` | | [`WatchError`] |
//! | `RwLock::read`, `write` | `WouldBlock` | `TimedOut` | | `Poisoned` | [`LockError`] |
//! | `Pool::acquire`, `acquire_many`, `resize` | `WouldBlock` | `TimedOut` | | `TooMany` | [`PoolError`] |
//! | `RateLimiter::acquire` | `WouldBlock` | `TimedOut` | | `TooMany` | [`PoolError`] |
//! | `Barrier::wait` | `WouldBlock` | `TimedOut` | | `Broken` with the member | [`BarrierError`] |
//! | `spsc::Ring::producer`, `consumer`, `broadcast::Ring::producer` | `Taken` | `TimedOut` | | | [`RoleError`] |
//! | `Producer::push` | `Full(item)` | `TimedOut(item)` | `Closed { item, .. }`, `Disconnected { item, .. }` | | [`PushError<T>`](PushError) |
//! | `Producer::reserve`, `push_slice` | `Full(())` | `TimedOut(())` | the same, without an item | | [`PushError<()>`](PushError) |
//! | `Consumer::pop`, `claim`, `peek`, `pop_slice` | `Empty` | `TimedOut` | `Closed`, `Disconnected` | | [`PopError`] |
//! | `broadcast::Subscriber::pop`, `peek`, `pop_slice` | `Empty` | `TimedOut` | `Closed`, `Disconnected` | `Lagged` with the number of missed items | [`PopError`] |
//! | `Channel::send`, `send_raw`, `request`, `respond` | `Full(counts)` | `TimedOut(counts)` | `Closed` | `TooLong`, `Unencodable`, `NoServer`, `MaybeSent` | [`SendError`] |
//! | `Channel::recv` in all selections, `recv_request` | `Empty` | `TimedOut` | `Closed`, `Disconnected`, `Stopped` | `Undecodable` with the bytes | [`RecvError`] |
//! | `Channel::call`, `PendingResponse::wait` | `try_wait`: `WouldBlock` | `TimedOut` | `NotSent(Closed)` | `NoResponse`, `Undecodable` | [`CallError`] |
//! | `WorkerPool::start`, `scale`, `drain` | | | | `CrashLoop`, `Drained` | [`WorkersError`](workers::WorkersError) |
//! | `WorkerPool::submit`, `Job::wait` | `NotSubmitted(Full)`, `WouldBlock` | `NotSubmitted(TimedOut)`, `TimedOut` | `Ended` | `Panicked`, `SetAside`, `Lost` | [`JobError`](workers::JobError) |
//! | `remove`, `close`, `members`, `status`, `mpmc::Ring::producer`, `consumer`, `broadcast::Ring::subscriber` | | | | | [`Failure`] |
//!
//! - Every error of the table has `Failed` with a [`Failure`]: the system refused a call, for example because the object was
//!   removed, or the object is corrupt.
//! - `Deadline::NOW` makes a `_deadline` form the `try_` form.
//! - Nothing is lost on an error. An item that was not pushed is in the error, and a value that was not sent was only
//!   borrowed. The bytes of a message that can't be decoded are in the error.
//! - An unlock, a release, a push or a pop takes effect even if it fails to notify a waiter, for example because the
//!   process dropped its rights. The next call on the handle then returns that failure as `Failed`, once. Nothing is
//!   lost by it: the next process that unlocks, releases, pushes or pops notifies the waiter.
//! - [`is_busy`](Error::is_busy), [`is_end`](Error::is_end) and [`is_gone`](Error::is_gone) tell whether waiting longer
//!   could have helped, whether the object is closed or disconnected, and whether it was removed.
//!
//! ```
//! use sysv_primitives::{Error, PopError, PushError, spsc};
//!
//! # let name = format!("errors-example-{}", std::process::id());
//! let ring = spsc::Ring::create(&name, 1)?;
//! let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
//! assert!(matches!(consumer.try_pop(), Err(PopError::Empty)));
//! producer.push(b'1')?;
//! match producer.try_push(b'2') {
//!     Err(PushError::Full(item)) => println!("{item} comes back"),
//!     other => other?,
//! }
//! ring.remove()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # Events
//!
//! With the feature `tracing`, slow paths are reported to a subscriber of the crate [`tracing`](https://docs.rs/tracing): a member that was reaped, a
//! lock that is poisoned, a half-made object that was repaired, a wait of more than a second, a refused post, a message that was
//! set aside. The module `events` lists them. No subscriber runs inside an operation: a separate thread emits the events, so no
//! lock is held meanwhile.
//!
//! # Glossary
//!
//! A named object is a semaphore set and a segment under one key:
//!
#![doc = include_str!("../pictures/object.svg")]
//!
//! | word | what it is |
//! | --- | --- |
//! | handle | a value of this crate that has an object open, such as a [`Mutex`] |
//! | member | a handle that is registered with an object. It has a slot |
//! | slot | a member's number in an object, or one of a ring's items in memory |
//! | ALIVE | a semaphore for each slot, 1 while its member lives: the kernel takes it back when the process dies |
//! | to reap | to repair every word that names the slot of a dead member, as one of the slot's helpers |
//! | HELPERS | a semaphore for each slot, which counts the processes that repair what a dead member left there |
//! | doorbell | a semaphore on which waiters sleep, and which a notifier posts |
//! | obituary | the posts of each doorbell that the kernel does for a process that dies |
//! | waiting room | where the waiters for one kind of thing are announced, each with a doorbell of its own |
//! | to call (a waiter) | to choose one announced waiter, and to post its doorbell |
//! | offer | a lock that is free for one waiter alone, for a millisecond |
//! | turnstile | a word that lets in one member at a time, for a moment |
//! | gate | what a writer of an rwlock shuts, so that no new reader comes in |
//! | to condemn | to mark an object, so that every process treats it as removed |
//! | cell | a message's memory, with a word that says how far it is and which process has it |
//! | cursor | the word of a broadcast ring's subscriber: its owner, and the position of the next item that it pops |
//! | route | a number that a message carries, one for each type. Receivers choose by it |
//! | lane | the messages of a route, in the order of sending, as hints to their cells |
//! | call (of a channel) | a request, and its response to the caller |
//! | server (of requests) | a member that receives requests and responds. The server of `Channel::connect` is called the Redis server |
//! | claim | an item or message that a process works on. It comes back unless it is completed with `done()` |
//! | attempt | one claim of a message |
//! | set aside | kept apart in the channel after the last attempt, with the cause of each |
//! | to poison | to mark a value that its writer may have left half changed |
//! | role | which side of a ring or channel a handle is on: producer or consumer |
//!
//! # The rules of every protocol
//!
//! Each module has its own numbered rules, with a prefix of its own. These hold everywhere:
//!
//! - **R-own** A word that is owned by a slot is changed by the slot's member, or by a helper of the slot. A slot with
//!   helpers has no member.
//! - **R-reap** A helper counts itself in HELPERS of a slot that has ALIVE 0, repairs every word of the slot, posts,
//!   sets `used` to 0, and leaves HELPERS. Any number of helpers may do so at once, each by compare-and-swap: a helper
//!   that is stopped holds up no other. A new member does the same before it claims ALIVE of its slot.
//! - **R-one** Only one member sleeps on a doorbell. A notifier calls one waiter for one event, and the next one as well if
//!   that is stopped in its sleep. So a process that is stopped, throttled or starved after it was woken withholds that event
//!   from other waiters, and no other event.
//! - **R-sleep** A waiter reaps if it suspects a death, announces itself, then checks whether it can go on, and only
//!   then sleeps. It does so on every round. When it wakes, it withdraws the announcement and checks again. A wake-up
//!   without a call is an obituary.
//! - **R-wake** A process that makes something available checks for announced waiters afterwards, and calls one. A
//!   fence orders the two, on one side or on both. If the kernel refuses the post, the process announces the waiter again
//!   for the next notifier, and returns or records the failure. So a member needs the right to post, which is write
//!   permission and `semop`, as long as it lives.
//! - **R-leave** A waiter that was called for a thing passes the call on before it leaves, unless it took the thing or
//!   found it taken. If it dies instead, its obituary is posted.

// The rooms. A file uses its own room and lower ones, and `tests/rooms` of the repository keeps it so.
//
// | lowest | names, options, numbers: `name`, `options`, `set_layout`, `role`, `failure`, `fingerprint`, `background`, `events` … |
// | | `layout`: bytes into typed views |
// | | `members`: slots and liveness. `attendance`: which handles are attached to which side |
// | | `object`: creating, opening, removing. `waiting`: rooms of waiters, and the one sleep loop |
// | | `lock`: the word of a lock |
// | | one room for each primitive, and `store`: messages in shared memory |
// | | `remote`: messages on a Redis server |
// | | `channel`: typed values over the store. Its `typed` knows no channel. `Envelope` is not in there, as it may hold a message |
// | | `workers`: processes over a channel |
// | highest | `error`: above the errors of all of them |
//
// In each primitive `named` has creating, opening, removing and the members, and `state` has the protocol.
mod attendance;
mod background;
mod barrier;
#[cfg_attr(
    not(feature = "redis"),
    allow(clippy::infallible_destructuring_match, reason = "there is one transport then")
)]
mod channel;
mod clock;
mod error;
#[cfg(feature = "tracing")]
pub mod events;
mod failure;
mod fingerprint;
mod first_value;
pub mod inspect;
mod iter;
mod layout;
mod limiter;
mod lock;
#[cfg(feature = "async")]
mod lock_async;
mod member;
mod members;
mod mutex;
mod name;
mod object;
mod object_name;
mod once;
mod options;
mod pool;
#[cfg(feature = "redis")]
mod remote;
mod report;
mod ring;
mod role;
mod rwlock;
mod set_layout;
mod sizes;
mod store;
mod sync;
mod waiting;
mod watch;
pub mod workers;

/// The crate with the trait [`Pod`](bytemuck::Pod) of the types in a mutex or a ring, re-exported so that versions
/// agree.
///
/// Its derives look for a dependency of that name. `#[bytemuck(crate = "sysv_primitives::bytemuck")]` on the type makes
/// them use this one.
pub use bytemuck;
pub use sysv_ipc as raw;

pub use self::channel::codec;
#[cfg(feature = "async")]
pub use self::channel::{MessageSink, MessageStream};

pub use self::{
    barrier::{Barrier, BarrierError, BarrierWaitResult},
    channel::{
        ActiveClaim, Attempt, CallError, Cause, Channel, ChannelFull, Claimed, Delivery, Depth, Envelope,
        IncomingRequest, Message, PendingResponse, Queued, Receiver, RecvError, Request, Route, RouteTaken, Router,
        SendError, Sender, SetAside, Stop, TypedQueue, Undecodable, Unhandled,
    },
    error::{Error, Result},
    failure::Failure,
    fingerprint::Fingerprint,
    limiter::RateLimiter,
    member::Member,
    mutex::{IgnorePoison, LockError, Mutex, MutexGuard, OwnedMutexGuard, WaitTimeoutResult},
    object::{OpenError, Status, TooManyPermits},
    object_name::ObjectName,
    once::{OnceError, OnceLock},
    options::Options,
    pool::{OwnedPermit, OwnedPermits, Permit, Permits, Pool, PoolError},
    ring::{PopError, PushError, RoleError, broadcast, mpmc, spsc},
    role::Role,
    rwlock::{
        IgnoreRwLockPoison, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockSendReadGuard,
        RwLockWriteGuard,
    },
    watch::{Watch, WatchError, WatchWriter, Watcher},
    workers::WorkerPool,
};
