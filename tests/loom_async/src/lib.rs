//! The real code of futures at a desk and of their clerk, run under [loom] in every interleaving with few preemptions.
//!
//! All files of `waiting/clerk/` but `start.rs`, and `waiting/{desk,list,wait,waiter,room,entry,flag,interests}.rs` of the
//! primitives, are compiled here as they are. So are `lock/`, `lock_async.rs` and `rwlock/{state,wait,wait_async,futures}.rs`. What they know of the world is replaced as in `sysv-loom`, with its own model
//! of the kernel. A process has several threads here, so the desk is the real one, and:
//!
//! | real | here |
//! | --- | --- |
//! | `sync::{Mutex, Condvar, thread}` | loom's |
//! | `clerk::start` | a thread of loom's |
//! | `sync::thread::park` | `thread`: loom's own wakes a thread that waits for a mutex |
//! | `sync::Instant`, `sync::thread::park_timeout` | `time`: 10 milliseconds are over when no thread has anything else to do. 10 seconds never are |
//! | `Members` | every thread has a suspicion of its own. No process dies here |
//! | `waiting::fence::Fence` | every process fences for itself: loom knows no `membarrier` |
//! | `clock` | it stands still |
//!
//! Not here: what each other primitive does in its polls. The scenes have a number of interchangeable things, and two calls with
//! their responses, in their place.
#![allow(dead_code, unused_imports, reason = "what a handle shows, and how large an object is, are not run")]
#![allow(clippy::clone_on_copy, reason = "what is copied here is cloned in the real code")]

#[path = "../../loom/src/atomics.rs"]
mod atomics;
pub mod calls;
#[path = "../../loom/src/explore.rs"]
pub mod explore;
#[path = "../../loom/src/kernel/mod.rs"]
pub mod kernel;
#[path = "../../../primitives/src/lock/mod.rs"]
mod lock;
#[path = "../../../primitives/src/lock_async.rs"]
mod lock_async;
#[path = "../../loom/src/memory.rs"]
mod memory;
pub mod rwlock;
pub mod scene;
mod thread;
mod time;
mod waiting;

/// The real code looks for its neighbours under these names.
mod sync {
    pub(crate) use loom::sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{Ordering, fence},
    };

    pub(crate) use crate::{
        atomics::{AtomicU32, AtomicU64},
        time::Instant,
    };

    pub(crate) use crate::thread;

    pub(crate) const UNWINDS: bool = false;

    /// What makes time go on by one step.
    pub(crate) const PASS_TIME: Option<fn()> = Some(crate::time::pass);

    /// To look again multiplies the interleavings.
    pub(crate) const SPINS: u32 = 1;

    /// So a reader that another writer forestalls goes by the lock.
    pub(crate) const TURNS: u32 = 1;

    /// Loom takes sequentially consistent operations for acquire and release, but knows fences.
    pub(crate) fn order_seq_cst() {
        fence(Ordering::SeqCst);
    }
}

mod background {
    /// No waker panics here.
    pub(crate) fn wake_all(wakers: impl IntoIterator<Item = std::task::Waker>) {
        wakers.into_iter().for_each(std::task::Waker::wake);
    }
}

mod failure {
    pub(crate) use crate::kernel::Failure;

    pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;
}

/// All waits begin at the same time.
mod clock {
    pub(crate) fn monotonic() -> u64 {
        1
    }
}

mod layout {
    pub(crate) use crate::memory::{Mapped, SharedMemory};
}

mod raw {
    pub(crate) use crate::{
        kernel::{Deadline, Errno},
        memory::{Result, SharedMemory, SharedSafe},
    };

    /// No process forks.
    pub(crate) mod process {
        pub(crate) fn fork_generation() -> u32 {
            1
        }

        pub(crate) fn is_generation(generation: u32) -> bool {
            generation == fork_generation()
        }
    }
}

#[path = "."]
mod ring {
    #[path = "../../../primitives/src/ring/refusal.rs"]
    pub(crate) mod refusal;
}

mod set_layout {
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct SlotBells {
        pub(crate) first: u16,
        pub(crate) stride: u16,
    }
}

mod members {
    pub(crate) use crate::kernel::{Members, Repair, Session};
}
