//! The code of waiting, with its neighbours under the names it looks for.

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
#[path = "../../../primitives/src/waiting/seat.rs"]
pub(crate) mod seat;

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

    /// One for all processes of a model: only what a [`Place`] has is a process's own.
    #[derive(Debug)]
    pub(crate) struct Desk;

    pub(crate) struct Place<'a> {
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

        pub(crate) fn join(&self, interest: u64, _: Option<u64>) -> Place<'_> {
            Place { interest, desk: self, called_for: Mutex::default() }
        }

        pub(crate) fn rouse_all(&self) -> bool {
            true
        }
    }

    impl Place<'_> {
        pub(crate) fn turn(&self, _: Deadline, _: impl Fn(u64)) -> Turn {
            Turn::Lead
        }

        pub(crate) fn announce(&self, announce: impl FnOnce(u64)) -> u64 {
            announce(self.interest);
            self.interest
        }

        pub(crate) fn announced(&self, _: u32) {}

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
