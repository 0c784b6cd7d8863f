//! The real code of the lock, of the pool's words and of both rings' words, run under [loom] in every interleaving
//! with few preemptions: two to four, by the test.
//!
//! `attendance.rs`, `lock.rs`, `doorbell.rs`, `pool/{places,state}.rs`, `ring/{linger,patience,refusal,role}.rs`, `ring/spsc/state.rs` and
//! `ring/mpmc/{word,control,state,ends}.rs` of the primitives are compiled here as they are; what they know of the world is
//! replaced: atomics are loom's, and the kernel is a model of it.
//!
//! | real | here |
//! | --- | --- |
//! | `sync` | loom's atomics; nobody spins, since that only multiplies the interleavings |
//! | `layout::Mapped` | a value in an `Arc` |
//! | `ring::fence::Fence` | every process fences for itself: loom knows no `membarrier` |
//! | `ring::spin` | nobody spins |
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
#[path = "../../../primitives/src/doorbell.rs"]
mod doorbell;
pub mod explore;
pub mod kernel;
#[path = "../../../primitives/src/lock.rs"]
mod lock;
#[path = "../../../primitives/src/pool/places.rs"]
mod places;
mod ring;
pub mod rings;
pub mod scene;
#[path = "../../../primitives/src/pool/state.rs"]
mod state;

/// The real code looks for its neighbours under these names.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

    /// Loom takes sequentially consistent operations for acquire and release, but knows fences.
    pub(crate) fn order_seq_cst() {
        fence(Ordering::SeqCst);
    }

    /// Hints decide nothing, and would multiply the interleavings.
    pub(crate) const HINTS: bool = false;

    /// Gives up at once.
    pub(crate) struct Backoff;

    impl Backoff {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn is_completed(&self) -> bool {
            true
        }

        pub(crate) fn snooze(&self) {}
    }
}

mod failure {
    pub(crate) use crate::kernel::Failure;

    pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;
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
