//! The code of waiting, with its neighbours under the names it looks for.

#[path = "."]
pub(crate) mod clerk {
    #[path = "../../../primitives/src/waiting/clerk/alone.rs"]
    mod alone;
    #[path = "../../../primitives/src/waiting/clerk/stand.rs"]
    mod stand;
    #[path = "../../../primitives/src/waiting/clerk/task.rs"]
    pub(super) mod task;
    #[path = "../../../primitives/src/waiting/clerk/turns.rs"]
    mod turns;
    #[path = "../../../primitives/src/waiting/clerk/wait.rs"]
    mod wait;
    #[path = "../../../primitives/src/waiting/clerk/work.rs"]
    mod work;

    pub(crate) use self::{
        alone::{Lone, LoneDesk},
        stand::{GiveUp, IsBeside, PassOn, Stand, Withdrawal},
        wait::{HeldTicket, TaskGate, TaskStation, cancel, poll_wait, wait_async},
    };

    mod start {
        use crate::{
            failure::Result,
            kernel::Object,
            thread::{Thread, spawn},
        };

        pub(super) fn start(_: &Object, work: impl FnOnce() + Send + 'static) -> Result<Thread> {
            Ok(spawn(work))
        }
    }
}
#[path = "../../../primitives/src/waiting/desk.rs"]
pub(crate) mod desk;
#[path = "../../../primitives/src/waiting/entry.rs"]
pub(crate) mod entry;
#[path = "../../../primitives/src/waiting/flag.rs"]
pub(crate) mod flag;
#[path = "../../../primitives/src/waiting/interests.rs"]
mod interests;
#[path = "../../../primitives/src/waiting/list.rs"]
mod list;
#[path = "../../../primitives/src/waiting/room.rs"]
pub(crate) mod room;
#[path = "../../../primitives/src/waiting/wait.rs"]
mod wait;
#[path = "../../../primitives/src/waiting/waiter.rs"]
pub(crate) mod waiter;

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

pub(crate) use self::wait::{Checked, Party, Round, Station, Turn, Withdrawn, wait};

use crate::{
    kernel::{Members, SLOTS},
    layout::{Mapped, SharedMemory},
    set_layout::SlotBells,
};

impl room::Room {
    /// Returns the room that all processes find, as one of them has it: with a desk of its own.
    pub(crate) fn of_process(memory: &std::sync::Arc<SharedMemory>) -> Self {
        Self::at_of_process(memory, 0, 0, 1)
    }

    /// The same for one of several rooms, which lies there.
    pub(crate) fn at_of_process(memory: &std::sync::Arc<SharedMemory>, at: usize, first: u16, stride: u16) -> Self {
        let mapped = "everything lies in this memory";
        let control = Mapped::at(memory, at).expect(mapped);
        let entries = Mapped::slice(memory, at + 1, SLOTS).expect(mapped);
        Self::new(control, entries, SlotBells { first, stride })
    }

    /// Ends the clerk of this process, as a handle does that is dropped.
    pub(crate) fn end_clerk(&self, slot: usize, members: &Members) {
        self.desk.dismiss_clerk(self.bell(slot), members);
    }
}
