//! Who pays for not losing a wake-up: by default the side that goes to sleep anyway.
//!
//! Both sides store, and then look at what the other stored: a publisher its word and then the
//! sleeper's flag, a sleeper its flag and then the word. A processor may let the look overtake the store,
//! and if both do, the sleeper sleeps on something that is there. A fence between the two on *both*
//! sides forbids it, and on x86-64 costs nine times what the rest of a push does.
//!
//! | this process | publishes with | its sleepers announce with |
//! | --- | --- | --- |
//! | [`Light`](Fence::Light) | a compiler fence | a fence in every process, `membarrier`, some microseconds |
//! | [`Strong`](Fence::Strong), because it can't join in | a fence of its own | the same |
//! | [`Strong`](Fence::Strong), because the object says so | a fence of its own | a fence of their own |
//!
//! - **F1** A process publishes lightly only after it joined the fences of others, and if the object lets it.
//! - **F2** A sleeper announces on *every* round before it looks, since the publisher clears the flag.
//! - **F3** If the fence can't be had (a sandbox took the call away), the sleeper sleeps no longer
//!   than [`NAP`] before it looks again. That is the one place where we poll, and `Options::light_fences`
//!   is there to avoid it.
//!
//! On other processors than x86 the strong form costs next to nothing, and is what objects say there.

use std::{
    sync::atomic::{
        AtomicU64,
        Ordering::{Release, SeqCst},
        compiler_fence, fence,
    },
    time::Duration,
};

use crate::raw::{Deadline, process};

/// How long to sleep without being sure to be woken.
const NAP: Duration = Duration::from_millis(10);

/// Whether publishers of new objects may leave the fence to the sleepers.
pub(crate) fn light_is_better() -> bool {
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "x86"))) && process::membarrier_register()
}

/// What this process does between a store and a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// Leaves it to the sleepers.
    Light,
    /// Fences for itself; the sleepers of this object do so as well if `everybody` does.
    Strong { everybody: bool },
}

impl Fence {
    /// Chooses before the first operation (F1).
    pub(crate) fn choose(everybody_is_strong: bool) -> Self {
        if !everybody_is_strong && process::membarrier_register() {
            Self::Light
        } else {
            Self::Strong { everybody: everybody_is_strong }
        }
    }

    /// Stores a word that a sleeper may wait for; a look at its flag may follow.
    #[inline]
    pub(crate) fn publish(self, word: &AtomicU64, value: u64) {
        // SYNC: Release hands on what was written before, to the Acquire load of this word.
        if self == Self::Light {
            word.store(value, Release);
            // SYNC: pairs with `membarrier` in `after_announcement`.
            compiler_fence(SeqCst);
        } else {
            // SYNC: pairs with the announcement before `after_announcement`, whose loads come later in the one order.
            word.store(value, SeqCst);
        }
    }

    /// Fences for all publishers after a waiter has announced itself. Returns until when the waiter may sleep (F3).
    pub(crate) fn after_announcement(self) -> Deadline {
        if self == (Self::Strong { everybody: true }) {
            // SYNC: pairs with the store in `publish`; the caller's loads of the word need only acquire.
            fence(SeqCst);
            return Deadline::NEVER;
        }
        if process::membarrier() { Deadline::NEVER } else { Deadline::after(NAP) }
    }
}
