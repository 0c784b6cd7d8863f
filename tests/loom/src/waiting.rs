//! The code of waiting, with its neighbours under the names it looks for.

#[path = "../../../primitives/src/waiting/batching.rs"]
pub(crate) mod batching;
#[path = "../../../primitives/src/waiting/entry.rs"]
pub(crate) mod entry;
#[path = "../../../primitives/src/waiting/flag.rs"]
pub(crate) mod flag;
#[path = "../../../primitives/src/waiting/interests.rs"]
pub(crate) mod interests;
#[path = "../../../primitives/src/waiting/room.rs"]
pub(crate) mod room;
#[path = "../../../primitives/src/waiting/wait.rs"]
mod rounds;
#[path = "../../../primitives/src/waiting/waiter.rs"]
pub(crate) mod waiter;

pub(crate) use rounds::{Checked, Party, Round, Station, Turn, Withdrawn, wait};

/// Where a room lies in the memory of an object. Parts of the memory differ by where they begin, and overlap nowhere.
mod at {
    use std::sync::Arc;

    use super::room::Room;
    use crate::{
        layout::{Mapped, SharedMemory},
        raw,
        set_layout::SlotBells,
    };

    const LINES: usize = 128;

    impl Room {
        pub(crate) const fn bytes(_: u32) -> usize {
            2 * LINES
        }

        pub(crate) fn at(
            memory: &Arc<SharedMemory>,
            at: usize,
            max_handles: u32,
            bells: SlotBells,
        ) -> raw::Result<Self> {
            let (control, entries) =
                (Mapped::at(memory, at)?, Mapped::slice(memory, at + LINES, max_handles as usize)?);
            Ok(Self::new(control, entries, bells))
        }
    }
}

/// Each process has one thread. So what is announced is what it waits for, and it remembers one thing after another.
pub(crate) mod desk {
    use std::sync::Mutex;

    use super::{Turn, Withdrawn, interests::Interests};
    use crate::kernel::Deadline;

    /// One for all processes of a model: only what a [`Ticket`] has is a process's own.
    #[derive(Debug)]
    pub(crate) struct Desk;

    pub(crate) struct Ticket<'a> {
        interest: u64,
        desk: &'a Desk,
        called_for: Mutex<Vec<u32>>,
    }

    impl Desk {
        pub(crate) fn new(_: Interests) -> Self {
            Self
        }

        pub(crate) fn ours(&self) -> &Self {
            self
        }

        pub(crate) fn join(&self, interest: u64, _: Option<u64>) -> Ticket<'_> {
            Ticket { interest, desk: self, called_for: Mutex::default() }
        }

        pub(crate) fn rouse_all(&self) -> bool {
            true
        }
    }

    impl Ticket<'_> {
        pub(crate) fn turn(&self, _: Deadline, _: impl Fn(u64)) -> Turn {
            Turn::Lead
        }

        pub(crate) fn leads(&self) -> bool {
            true
        }

        pub(crate) fn announce(&self, announce: impl FnOnce(u64) -> Withdrawn) -> u64 {
            // Its process has one thread, which withdrew.
            assert_eq!(announce(self.interest), Withdrawn::Uncalled);
            self.interest
        }

        pub(crate) fn announced(&self, _: u32, _: impl Fn(Option<u64>) -> bool) {}

        pub(crate) fn had_company(&self) -> bool {
            false
        }

        pub(crate) fn withdraw(&self, withdraw: impl FnOnce() -> Withdrawn) -> Withdrawn {
            let withdrawn = withdraw();
            if let Withdrawn::Chosen(what) | Withdrawn::Posted(what) = withdrawn {
                self.called_for.lock().expect("no code panics here").push(what);
            }
            withdrawn
        }

        pub(crate) fn excess(&self) -> Vec<u32> {
            Vec::new()
        }

        pub(crate) fn rouse(&self) {}

        pub(crate) fn leave(&self) -> Vec<u32> {
            std::mem::take(&mut self.called_for.lock().expect("no code panics here"))
        }
    }
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
    use crate::{role::Role, sync::AtomicU32, waiting::batching::BatchingDelay};

    pub(crate) type LastCpus = [AtomicU32; 2];

    #[derive(Debug)]
    pub(crate) struct Spin;

    impl Spin {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) const fn with_probes() -> Self {
            Self
        }

        pub(crate) fn until<T>(&self, _: Role, _: &LastCpus, _: impl FnMut() -> Option<T>) -> Option<T> {
            None
        }

        pub(crate) fn after_others<T>(&self, _: &BatchingDelay, _: impl FnOnce() -> Option<T>) -> Option<T> {
            None
        }

        pub(crate) fn until_gathered<T>(
            &self,
            _: &BatchingDelay,
            role: Role,
            last_cpus: &LastCpus,
            look: impl FnMut() -> Option<T>,
        ) -> Option<T> {
            self.until(role, last_cpus, look)
        }
    }

    pub(crate) fn record_cpu(_: Role, _: &LastCpus) {}
}
