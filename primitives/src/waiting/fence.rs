//! How wake-ups are not lost: by default the side that goes to sleep anyway pays for the fence.
//!
//! Both sides store, and then load what the other side stored: a publisher stores its word and loads the sleeper's
//! flag, and a sleeper stores its flag and loads the word. A processor may let the load overtake the store. If both do,
//! the sleeper misses something that is there. A fence between the two on *both* sides forbids it. On x86-64 such a
//! fence costs nine times as much as the rest of a push.
//!
//! | this process | publishes with | its sleepers announce with |
//! | --- | --- | --- |
//! | [`Light`](Fence::Light) | a compiler fence | a fence in every process, `membarrier`, some microseconds |
//! | [`Strong`](Fence::Strong), because it can't join in | a fence of its own | the same |
//! | [`Strong`](Fence::Strong), because the object says so | a fence of its own | a fence of their own |
//!
//! - **F1** A process publishes lightly only after it registered for the fences of other processes, and if the object
//!   permits it.
//! - **F2** A sleeper announces itself on *every* round before it checks, since the publisher clears the flag.
//! - **F3** If the system call of the fence fails, as in a sandbox, the sleeper sleeps no longer than [`NAP`] before it
//!   checks again. Only here does a waiter poll, and `Options::light_fences` avoids it.
//!
//! On other processors than x86 the strong form costs next to nothing, and new objects demand it there.

use std::{
    sync::atomic::{
        AtomicU64,
        Ordering::{Release, SeqCst},
        compiler_fence, fence,
    },
    time::Duration,
};

use crate::raw::{Deadline, process};

/// How long to sleep without the certainty of a wake-up.
const NAP: Duration = Duration::from_millis(10);

/// Whether publishers of new objects may leave the fence to the sleepers.
pub(crate) fn light_is_better() -> bool {
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "x86"))) && process::membarrier_register()
}

/// What this process does between its store and its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// Leaves it to the sleepers.
    Light,
    /// Fences for itself. The sleepers of this object do so as well if `every_process` does.
    Strong { every_process: bool },
}

impl Fence {
    /// Chooses before the first operation (F1).
    pub(crate) fn choose(every_process_is_strong: bool) -> Self {
        if !every_process_is_strong && process::membarrier_register() {
            Self::Light
        } else {
            Self::Strong { every_process: every_process_is_strong }
        }
    }

    /// Stores a word that a sleeper may wait for. A load of the sleeper's flag may follow.
    #[inline]
    pub(crate) fn publish(self, word: &AtomicU64, value: u64) {
        // SYNC: Release hands on what was written before, to the Acquire load of this word.
        if self == Self::Light {
            word.store(value, Release);
            // SYNC: pairs with `membarrier` in `after_announcement`.
            compiler_fence(SeqCst);
        } else {
            // SYNC: pairs with the announcement before `after_announcement`. The loads that follow it come later in the
            // one order.
            word.store(value, SeqCst);
        }
    }

    /// Fences for all publishers after a waiter has announced itself. Returns until when the waiter may sleep (F3).
    pub(crate) fn after_announcement(self) -> Deadline {
        if self == (Self::Strong { every_process: true }) {
            // SYNC: pairs with the store in `publish`. The caller's loads of the word need only acquire.
            fence(SeqCst);
            return Deadline::NEVER;
        }
        if process::membarrier() { Deadline::NEVER } else { Deadline::after(NAP) }
    }
}
