//! The real code of the lock, of waiting rooms, of the pool's words and of both rings' words, run under [loom] in every
//! interleaving with few preemptions: up to four, by the test.
//!
//! `attendance.rs`, `lock.rs`, `waiting/{wait,room,entry,flag,seat}.rs`, `pool/{places,shortage,state,wait}.rs`,
//! `ring/{linger,patience,refusal,role}.rs`, `ring/spsc/state.rs` and `ring/mpmc/{word,control,state,ends}.rs` of the
//! primitives are compiled here as they are. What they know of the world is replaced: atomics are loom's, and the kernel is
//! a model of it.
//!
//! | real | here |
//! | --- | --- |
//! | `sync` | loom's atomics; nobody spins, since that only multiplies the interleavings |
//! | `layout::Mapped` | a value in an `Arc` |
//! | `ring::fence::Fence` | every process fences for itself: loom knows no `membarrier` |
//! | `ring::spin` | nobody spins |
//! | `waiting::desk` | each process has one thread |
//! | `clock` | it stands still |
//! | `members::Members` | the kernel: doorbells that count and put to sleep, ALIVE by slot, and the obituary |
//!
//! Not here:
//!
//! - `members/` itself: registering, leaving, and the steps of a newcomer; `object/` and `layout.rs`;
//! - the ends of the rings, `{producer,consumer}.rs` with their cached indices and `seat.rs`: the scenes do in few
//!   words what those do;
//! - `mutex/` with the poison of a holder that panics, and `pool/mod.rs`;
//! - `channel/`.
//!
//! The models are in `tests/`. Loom doesn't model all that weak memory allows: see its own page.
#![allow(dead_code, reason = "the poison that a mutex shows and the hint of a pool's handle are not run")]

#[path = "../../../primitives/src/attendance.rs"]
mod attendance;
pub mod explore;
pub mod kernel;
#[path = "../../../primitives/src/lock.rs"]
mod lock;
pub mod named;
#[path = "../../../primitives/src/pool/places.rs"]
mod places;
mod ring;
pub mod rings;
pub mod scene;
#[path = "../../../primitives/src/pool/shortage.rs"]
mod shortage;
#[path = "../../../primitives/src/pool/state.rs"]
mod state;
#[path = "../../../primitives/src/pool/wait.rs"]
mod state_wait;
mod waiting;

/// The real code looks for its neighbours under these names.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

    /// Loom takes sequentially consistent operations for acquire and release, but knows fences.
    pub(crate) fn order_seq_cst() {
        fence(Ordering::SeqCst);
    }

    /// Hints decide nothing, and would multiply the interleavings.
    pub(crate) const HINTS: bool = false;

    /// To look again multiplies the interleavings as well.
    pub(crate) const LOOKS: u32 = 1;

    pub(crate) const SPINS: u32 = 1;
}

mod failure {
    pub(crate) use crate::kernel::Failure;

    pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;
}

/// All waits begin at the same time, so the lower slot is taken for the one that has waited longer. No offer expires.
mod clock {
    pub(crate) fn monotonic() -> u64 {
        1
    }
}

mod layout {
    pub(crate) type Mapped<T> = std::sync::Arc<T>;
}

mod raw {
    pub(crate) use crate::kernel::Deadline;
}

mod members {
    pub(crate) use crate::kernel::{Members, Repair, Session};
}

pub use kernel::{Error, Failure};
pub use ring::role::Role;
