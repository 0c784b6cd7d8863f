//! The rings' code, with its neighbours under the names it looks for.

#[path = "../../../primitives/src/ring/linger.rs"]
pub(crate) mod linger;
#[path = "../../../primitives/src/ring/patience.rs"]
pub(crate) mod patience;
#[path = "../../../primitives/src/ring/refusal.rs"]
pub(crate) mod refusal;

#[path = "../../../primitives/src/ring/mpmc/control.rs"]
pub(crate) mod mpmc_control;
#[path = "../../../primitives/src/ring/mpmc/ends.rs"]
pub(crate) mod mpmc_ends;
#[path = "../../../primitives/src/ring/mpmc/state.rs"]
pub(crate) mod mpmc_state;
#[path = "../../../primitives/src/ring/mpmc/word.rs"]
pub(crate) mod mpmc_word;
#[path = "../../../primitives/src/ring/spsc/state.rs"]
pub(crate) mod spsc_state;

pub(crate) mod spsc {
    pub(crate) use super::spsc_state as state;
}

pub(crate) mod mpmc {
    pub(crate) use super::{mpmc_control as control, mpmc_state as state, mpmc_word as word};
}

/// Every process fences for itself.
pub(crate) mod fence {
    use crate::{
        kernel::Deadline,
        sync::{
            AtomicU64,
            Ordering::{Release, SeqCst},
            fence,
        },
    };

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Fence;

    impl Fence {
        pub(crate) fn publish(self, word: &AtomicU64, value: u64) {
            word.store(value, Release);
            fence(SeqCst);
        }

        pub(crate) fn after_announcement(self) -> Deadline {
            fence(SeqCst);
            Deadline::NEVER
        }
    }
}

/// No waiter spins: that only multiplies the interleavings.
pub(crate) mod spin {
    use crate::{ring::linger::Linger, role::Role, sync::AtomicU32};

    pub(crate) type Whereabouts = [AtomicU32; 2];

    #[derive(Debug)]
    pub(crate) struct Spin;

    impl Spin {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) const fn with_probes() -> Self {
            Self
        }

        pub(crate) fn until<T>(&self, _: Role, _: &Whereabouts, _: impl FnMut() -> Option<T>) -> Option<T> {
            None
        }

        pub(crate) fn until_gathered<T>(
            &self,
            _: &Linger,
            role: Role,
            whereabouts: &Whereabouts,
            look: impl FnMut() -> Option<T>,
        ) -> Option<T> {
            self.until(role, whereabouts, look)
        }
    }

    pub(crate) fn leave_word(_: Role, _: &Whereabouts) {}
}
