//! The code of waiting, with its neighbours under the names it looks for.

#[path = "."]
pub(crate) mod clerk {
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
        stand::{IsBeside, PassOn, Stand},
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

pub(crate) use self::wait::{Checked, Party, Round, Station, Turn, Withdrawn, wait};

use crate::{
    kernel::{Members, SLOTS},
    layout::{Mapped, SharedMemory},
    set_layout::SlotBells,
};

impl room::Room {
    /// Returns the room that all processes find, as one of them has it: with a desk of its own.
    pub(crate) fn of_process(memory: &std::sync::Arc<SharedMemory>) -> Self {
        let mapped = "everything lies in this memory";
        let control = Mapped::at(memory, 0).expect(mapped);
        let entries = Mapped::slice(memory, 1, SLOTS).expect(mapped);
        Self::new(control, entries, SlotBells { first: 0, stride: 1 })
    }

    /// Ends the clerk of this process, as a handle does that is dropped.
    pub(crate) fn end_clerk(&self, slot: usize, members: &Members) {
        self.desk.dismiss_clerk(self.bell(slot), members);
    }
}
