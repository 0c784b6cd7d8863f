//! System V semaphores, shared memory and message queues: safe, complete, typed.
//!
//! Every System V call is here, under its usual name. Objects are created and opened as files are, by [`SemaphoreOptions`],
//! [`SharedMemoryOptions`] and [`MessageQueueOptions`]. They have a kernel-wide name, a [`Key`], and outlive the process that
//! created them until a process removes them.
//!
#![doc = include_str!("../docs/pictures/layers.svg")]
//!
//! | you want | take |
//! | --- | --- |
//! | a counter to wait for, which the kernel restores when a process dies | [`Semaphore`] |
//! | several semaphores changed as one | [`SemaphoreSet`] |
//! | memory that several processes see | [`SharedMemory`] |
//! | a segment without mapping it | [`Segment`] |
//! | messages of bytes, received by type | [`MessageQueue`] |
//! | the kernel's limits, and how much of them is in use | [`limits()`] |
//! | every object of this IPC namespace | [`inventory()`] |
//! | facts about processes | [`process`] |
//! | a mutex, a pool, a ring, a typed channel | the `sysv-primitives` crate |
//!
//! ```
//! use sysv_ipc::{MessageBuffer, MessageQueueOptions, MessageType, Selector};
//!
//! fn main() -> sysv_ipc::Result<()> {
//!     let queue = MessageQueueOptions::new().open_random()?;
//!     queue.send(&MessageBuffer::new(MessageType::ONE, b"hello"))?;
//!     assert_eq!(queue.receive(Selector::Any)?.bytes(), b"hello");
//!     queue.remove()
//! }
//! ```
//!
//! # Examples
//!
//! A semaphore that the kernel gives back when its holder dies:
//!
//! ```
//! use std::time::Duration;
//! use sysv_ipc::{Key, SemaphoreOptions};
//!
//! fn main() -> sysv_ipc::Result<()> {
//!     let mut semaphore = SemaphoreOptions::new().create(true).initial_value(1).open(Key::PRIVATE)?;
//!     semaphore.set_undo(true);
//!     {
//!         let _guard = semaphore.acquire_guard()?;
//!         assert!(semaphore.acquire_timeout(Duration::from_millis(5)).unwrap_err().is_busy());
//!     }
//!     semaphore.try_acquire()?;
//!     semaphore.remove()
//! }
//! ```
//!
//! Several semaphores, changed in one step:
//!
//! ```
//! use sysv_ipc::{Amount, Key, SemOp, SemaphoreOptions};
//!
//! fn main() -> sysv_ipc::Result<()> {
//!     let set = SemaphoreOptions::new().create(true).initial_value(5).open_set(Key::PRIVATE, 3)?;
//!     set.op(&[SemOp::sub(0, Amount::ONE).undo(), SemOp::add(2, Amount::new(2)?)])?;
//!     assert_eq!(set.values()?, [4, 5, 7]);
//!     set.remove()
//! }
//! ```
//!
//! Shared memory, as copies and as an atomic:
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use sysv_ipc::SharedMemoryOptions;
//!
//! fn main() -> sysv_ipc::Result<()> {
//!     let memory = SharedMemoryOptions::new().size(4096).mode(0o640).open_random()?;
//!     println!("other processes open {}", memory.key().expect("it was drawn"));
//!     memory.write(b"a copy in", 0)?;
//!     assert_eq!(memory.read(6, 2)?, b"copy i");
//!     let counter: &AtomicU64 = memory.view(64)?; // the memory itself
//!     counter.fetch_add(1, Ordering::Relaxed);
//!     let reader = memory.segment().attach_read_only()?; // writing through it does not compile
//!     assert_eq!(reader.view::<AtomicU64>(64)?.load(Ordering::Relaxed), 1);
//!     memory.remove()
//! }
//! ```
//!
//! Messages, chosen by type:
//!
//! ```
//! use std::time::Duration;
//! use sysv_ipc::{MessageBuffer, MessageQueueOptions, MessageType, Selector};
//!
//! fn main() -> sysv_ipc::Result<()> {
//!     let queue = MessageQueueOptions::new().open_random()?;
//!     queue.send(&MessageBuffer::new(MessageType::new(7)?, b"later"))?;
//!     queue.send(&MessageBuffer::new(MessageType::new(1)?, b"first"))?;
//!     let message = queue.receive_timeout(Selector::LowestUpTo(MessageType::new(5)?), Duration::from_secs(1))?;
//!     assert_eq!(message.bytes(), b"first");
//!     queue.remove()
//! }
//! ```
//!
//! The kernel's limits, and what is left over (Linux):
//!
//! ```
//! fn main() -> sysv_ipc::Result<()> {
//!     for entry in sysv_ipc::inventory()?.shared_memory {
//!         println!("{} {} {} bytes", entry.key, entry.id, entry.stat.size);
//!     }
//!     let limits = sysv_ipc::limits()?.semaphores;
//!     println!("{} of {} sets are in use", limits.used_sets, limits.max_sets);
//!     Ok(())
//! }
//! ```
//!
//! # Opening
//!
//! The options of each kind open in the same forms: by a given key, by [`Key::PRIVATE`], or by a key that is drawn at
//! random. A form with a key creates the object if [`create`](SharedMemoryOptions::create) is set, and always with `Key::PRIVATE`.
//! A form with a random key always creates. The key is then in the handle.
//!
//! | handle | by key | by a random key | by id |
//! | --- | --- | --- | --- |
//! | [`Semaphore`] | [`open`](SemaphoreOptions::open) | [`open_random`](SemaphoreOptions::open_random) | [`from_id`](Semaphore::from_id) |
//! | the same, initialised for all | [`open_initialized`](SemaphoreOptions::open_initialized) | [`open_random_initialized`](SemaphoreOptions::open_random_initialized) | |
//! | [`SemaphoreSet`] | [`open_set`](SemaphoreOptions::open_set) | [`open_random_set`](SemaphoreOptions::open_random_set) | [`from_id`](SemaphoreSet::from_id) |
//! | [`SharedMemory`] | [`open`](SharedMemoryOptions::open) | [`open_random`](SharedMemoryOptions::open_random) | [`Segment::attach`] |
//! | [`SharedMemory<ReadOnly>`] | [`open_read_only`](SharedMemoryOptions::open_read_only) | [`open_random_read_only`](SharedMemoryOptions::open_random_read_only) | [`Segment::attach_read_only`] |
//! | [`SharedMemory<AnyAccess>`], with an [`Access`] | [`open_as`](SharedMemoryOptions::open_as) | [`open_random_as`](SharedMemoryOptions::open_random_as) | [`Segment::attach_as`] |
//! | [`Segment`], not attached | [`open_segment`](SharedMemoryOptions::open_segment) | [`open_random_segment`](SharedMemoryOptions::open_random_segment) | [`from_id`](Segment::from_id) |
//! | [`MessageQueue`] | [`open`](MessageQueueOptions::open) | [`open_random`](MessageQueueOptions::open_random) | [`from_id`](MessageQueue::from_id) |
//!
//! Each kind has `from_id`, which checks by one system call that the object exists, and `from_raw_id`, which makes no system call.
//!
//! # Handles, and what outlives them
//!
//! A handle of a semaphore or a queue is a number: it may be cloned and sent to threads, and dropping it changes
//! nothing. A [`SharedMemory`] is one mapping: dropping it detaches. **Nothing is removed unless a process calls `remove`**, even
//! if all processes die. `ipcs` lists the objects that are left over, and `ipcrm` removes them.
//!
//! # Time
//!
//! Most waits come in four forms: without limit, `try_` (not at all), `_timeout` (a duration) and `_deadline` (an
//! instant, see [`Deadline`]). A signal handler that runs meanwhile does not end the wait, and does not prolong it
//! either. With `set_interruptible(true)` it ends the wait with [`Error::Interrupted`].
//!
//! **An interruptible wait on a semaphore also ends when the process was stopped and is continued** (`SIGSTOP` or Ctrl-Z,
//! then `SIGCONT`, as by a debugger), although no handler ran. Linux returns `EINTR` for both, and nothing tells them
//! apart. So treat [`Error::Interrupted`] as "check what your handlers set, and wait again". Queues go on waiting.
//!
//! Semaphores wait by `semtimedop`, where the system has it ([`SEMAPHORE_TIMEOUT_SUPPORTED`]). **Message queues have no
//! timed call on any system.** A timed call of this crate first tries without waiting, which costs nothing more than
//! the call. Only if it must wait does it arm a timer. The timer sends `SIGURG` to the waiting thread alone when the
//! timeout elapses, and again each millisecond until the call has returned, so a signal that arrives just before the
//! call is not lost. On Linux each timed wait that really waits costs eight more system calls: seven for the alarm, and
//! the first try. `SIGURG` is ignored by default, so it affects nothing else. If the program has no handler for it, a
//! handler that does nothing is installed. A program that keeps the signal blocked to read it by `signalfd` or
//! `sigwait` can miss a signal that arrives during a timed wait. Receivers in other processes are not affected. Timers
//! count as queued signals of the user: where `RLIMIT_SIGPENDING` (`ulimit -i`) is reached, a timed wait fails with
//! [`Error::LimitReached`] for [`Limit::Timers`]. It doesn't say "would block", so that no caller tries again at once.
//!
//! # Fork, exec, threads
//!
//! After `fork` the child's handles work, and guards stay the parent's. Mappings are inherited (and counted). Undo accounts, which
//! hold what the kernel reverses when the process ends, are not. `exec` drops mappings and keeps the undo account. The account
//! belongs to the process: a thread that ends gives nothing back. Since Linux
//! 4.14 the same holds for children made by `_Fork` and by the `clone` system
//! call. A child that shares its parent's memory (`vfork`, `CLONE_VM`) must use and drop none of its parent's handles
//! or guards.
//!
//! # What to trust
//!
//! A process that may write an object can write anything to it: check what comes out of a segment or a queue. Keys are
//! public: any process may create an object with your key first. So check the
//! [`permissions`](SemaphoreSet::permissions) before relying on an object that another user could have made.
//!
//! # Systems
//!
//! Linux is the main platform, with glibc or musl. The crate is compiled for macOS and FreeBSD, and not tested there. Other BSDs
//! are not supported until their C layouts have been checked. These things differ:
//!
//! - macOS and FreeBSD have no `semtimedop`. Waits on semaphores are timed as those on queues are.
//! - A semaphore's value runs to 65,535 on macOS and then wraps to 0.
//! - `last_pid` of a semaphore is set by `semop` alone on FreeBSD, also by `SETVAL` and by what is
//!   undone at exit on Linux and macOS.
//! - FreeBSD and macOS accept an increase of a queue's `max_size` and ignore it. The default there is 2,048 bytes for
//!   the whole queue. Ids may be negative on macOS.
//! - [`Selector::LowestUpTo`] takes the lowest type on Linux and in POSIX. BSD kernels take the *first* message with a
//!   type of at most n.
//! - Segment sizes are rounded up to pages on macOS. Attaching to a removed segment works on Linux and newer FreeBSD
//!   only.
//! - [`Selector::Except`], [`MessageQueue::peek`], [`inventory()`] and [`limits()`] are
//!   [`Error::Unsupported`] outside Linux.
//! - How much a queue holds differs widely: 64 KiB on OpenSolaris, 16 KiB on Linux, 2,048 bytes in all
//!   on macOS and the BSDs.
//! - gVisor, Gramine and CRIU don't support undo. Android is not supported.
#![doc(html_root_url = "https://docs.rs/sysv-ipc/0.1.0")]

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd")))]
compile_error!(
    "sysv-ipc knows the C layouts of Linux, macOS and FreeBSD; see src/sys/abi.rs for what another system needs"
);

mod alarm;
mod deadline;
mod errno;
mod error;
mod fork;
mod inventory;
mod key;
mod key_from;
mod limit;
mod limits;
mod mode;
mod msg;
mod object;
mod open;
mod perm;
pub mod process;
mod sem;
mod shm;
mod sys;
mod users;
mod wait;

pub use self::{
    deadline::Deadline,
    error::{Errno, Error, Result},
    inventory::{Entry, Inventory, inventory},
    key::Key,
    limit::{Limit, SEMAPHORE_VALUE_MAX},
    limits::{Limits, MessageQueueLimits, SemaphoreLimits, SharedMemoryLimits, limits, page_size, semaphore_limits},
    mode::Mode,
    msg::{
        MessageBuffer, MessageQueue, MessageQueueOptions, MessageQueueStat, MessageType, Selector, remove_message_queue,
    },
    object::{ObjectId, ObjectKind},
    perm::Permissions,
    sem::{Semaphore, SemaphoreGuard, SemaphoreOptions, SemaphoreSet, SemaphoreStat, remove_semaphore},
    shm::{
        Access, AnyAccess, AttachOptions, LoadOnly, Protection, ReadOnly, ReadWrite, Segment, SegmentStat,
        SharedMemory, SharedMemoryOptions, SharedSafe, remove_shared_memory,
    },
    sys::{Amount, SemOp},
};

/// Whether the system itself times waits on semaphores (`semtimedop`).
///
/// Where it doesn't, timeouts work too: see [Time](crate#time).
pub const SEMAPHORE_TIMEOUT_SUPPORTED: bool = cfg!(target_os = "linux");

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
