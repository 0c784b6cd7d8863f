//! The real code of the lock, of the rwlock's words, of waiting rooms, of the pool's words, of both rings' words and of the store, run under [loom] in every
//! interleaving with few preemptions: up to four, by the test.
//!
//! `attendance.rs`, `lock/`, `rwlock/{state,wait}.rs`, `waiting/{wait,room,entry,flag,interests,waiter}.rs`,
//! `pool/{spots,shortage,state,wait}.rs`, `barrier/{state,word}.rs`, `limiter/state.rs`, `once/state.rs`, `watch/{state,wait}.rs`, `role.rs`,
//! `waiting/batching.rs`, `ring/{patience,refusal}.rs`, `ring/spsc/state.rs`, `ring/mpmc/{word,control,state,ends}.rs`, `ring/broadcast/{word,state,wait}.rs` and `store/` of
//! the primitives are compiled here as they are. What they know of the world is replaced: atomics are loom's, and the kernel is
//! a model of it.
//!
//! | real | here |
//! | --- | --- |
//! | `sync` | loom's atomics. No waiter spins, since that only multiplies the interleavings |
//! | `layout::Mapped` | a value in an `Arc`, which handles of one memory share |
//! | `sizes` | a store of few words: a lane has two entries |
//! | `waiting::fence::Fence` | every process fences for itself: loom knows no `membarrier` |
//! | `waiting::spin` | no waiter spins |
//! | `waiting::desk` | each process has one thread |
//! | `clock` | it stands still, or each read finds a later time |
//! | `members::Members` | the kernel: doorbells that count and put to sleep, ALIVE by slot, and the obituary |
//!
//! Not here:
//!
//! - `members/` itself, which has registering, leaving, and the steps of a new member. `object/` and `layout.rs`.
//! - the ends of the rings, `{producer,consumer}.rs` with their cached indices and `waiter.rs`: the scenes do in few
//!   words what those do.
//! - `mutex/` with its guards, the handle and the guards of `rwlock/`, and `pool/mod.rs`.
//! - the bytes of long messages in the store, how a watch copies its value, and `channel/`.
//!
//! The models are in `tests/`. Loom doesn't model all that weak memory allows: see its own page.
#![allow(dead_code, unused_imports, reason = "what a handle shows, and how large an object is, are not run")]

mod atomics;
#[path = "../../../primitives/src/attendance.rs"]
mod attendance;
mod barrier;
pub mod broadcast;
pub mod conditions;
pub mod explore;
pub mod kernel;
#[path = "../../../primitives/src/limiter/state.rs"]
mod limiter_state;
#[path = "../../../primitives/src/lock/mod.rs"]
mod lock;
mod memory;
pub mod messages;
pub mod named;
#[path = "../../../primitives/src/once/state.rs"]
mod once_state;
mod ring;
pub mod rings;
#[path = "../../../primitives/src/role.rs"]
mod role;
pub mod rwlock;
pub mod scene;
#[path = "../../../primitives/src/pool/shortage.rs"]
mod shortage;
pub mod small;
#[path = "../../../primitives/src/pool/spots.rs"]
mod spots;
#[path = "../../../primitives/src/pool/state.rs"]
mod state;
#[path = "../../../primitives/src/pool/wait.rs"]
mod state_wait;
#[allow(clippy::modulo_one, reason = "there is one lane for several routes")]
#[path = "../../../primitives/src/store/mod.rs"]
mod store;
mod waiting;
pub mod watch;

/// The real code looks for its neighbours under these names.
mod sync {
    pub(crate) use crate::atomics::{AtomicU32, AtomicU64};
    pub(crate) use loom::sync::atomic::{Ordering, fence};

    /// Loom takes sequentially consistent operations for acquire and release, but knows fences.
    pub(crate) fn order_seq_cst() {
        fence(Ordering::SeqCst);
    }

    /// Hints decide nothing, and would multiply the interleavings.
    pub(crate) const HINTS: bool = false;
    pub(crate) const UNWINDS: bool = false;

    /// Time stands still.
    pub(crate) const PASS_TIME: Option<fn()> = None;

    /// To look again multiplies the interleavings as well.
    pub(crate) const LOOKS: u32 = 1;

    pub(crate) const SPINS: u32 = 1;

    /// So a reader that another writer forestalls goes by the lock.
    pub(crate) const TURNS: u32 = 1;
}

mod failure {
    pub(crate) use crate::kernel::Failure;

    pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;
}

/// It stands still, unless a scene lets it run. Then each look at it finds a later time.
///
/// Where it stands still, all waits begin at the same time, so the lower slot is taken for the one that has waited longer. No
/// offer expires.
mod clock {
    use std::cell::Cell;

    std::thread_local! {
        /// The time, and how much later each look finds it. All processes of a model are one thread of the test's.
        static NOW: Cell<(u64, u64)> = const { Cell::new((1, 0)) };
    }

    /// Begins anew, with so much between two looks.
    pub(crate) fn start(step: u64) {
        NOW.set((1, step));
    }

    pub(crate) fn monotonic() -> u64 {
        let (now, step) = NOW.get();
        NOW.set((now + step, step));
        now
    }

    pub(crate) fn coarse() -> u64 {
        monotonic()
    }
}

mod layout {
    pub(crate) use crate::memory::{Mapped, SharedMemory, room};
}

mod raw {
    pub(crate) use crate::{
        kernel::Deadline,
        memory::{Result, SharedMemory, SharedSafe},
    };

    pub(crate) mod process {
        /// Too many for a crowd.
        pub(crate) fn processors() -> usize {
            usize::MAX
        }
    }
}

/// A store of a few words.
mod sizes {
    use std::ops::Range;

    pub(crate) const INLINE: usize = 16;
    pub(crate) const MOST_ROUTES: u32 = 2;
    pub(crate) const SHARED_LANES: usize = 1;
    pub(crate) const CALLS: Range<u32> = 1..2;
    pub(crate) const CONTROLS: usize = 0;
    pub(crate) const ASIDE: Range<usize> = 0..1;
    pub(crate) const CAUSES: usize = 1;
    pub(crate) const RESPONSE_BLOCKS: usize = 1;
    /// So two versions disturb a reader, and it takes the lock soon.
    pub(crate) const BUFFERS: usize = 2;
    pub(crate) const ATTEMPTS: u32 = 1;

    /// An atomic of loom's has a history.
    pub(crate) const ATOMICS_ARE_PLAIN: bool = false;

    pub(crate) fn entries(_: usize) -> usize {
        2
    }
}

mod set_layout {
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct SlotBells {
        pub(crate) first: u16,
        pub(crate) stride: u16,
    }

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Bells(u16);

    impl Bells {
        pub(crate) const fn common(number: u16) -> Self {
            Self(number)
        }

        pub(crate) const fn and_each(self, number: u16) -> Self {
            Self(self.0 + number)
        }

        pub(crate) const fn of_room(self, room: u16) -> SlotBells {
            SlotBells { first: room, stride: self.0 }
        }
    }
}

mod members {
    pub(crate) use crate::kernel::{Members, Repair, Session};
}

pub use kernel::{Error, Failure};
pub use role::Role;
