//! The code of waiting, with its neighbours under the names it looks for.

#[path = "../../../primitives/src/waiting/flag.rs"]
pub(crate) mod flag;
#[path = "../../../primitives/src/waiting/room.rs"]
pub(crate) mod room;
#[path = "../../../primitives/src/waiting/wait.rs"]
mod rounds;
#[path = "../../../primitives/src/waiting/seat.rs"]
pub(crate) mod seat;

pub(crate) use rounds::{Checked, Party, Round, Station, Turn, Withdrawn, wait};

/// Each process has one thread.
pub(crate) mod desk {
    use super::Turn;
    use crate::kernel::Deadline;

    #[derive(Debug)]
    pub(crate) struct Desk;

    pub(crate) struct Place<'a> {
        interest: u64,
        desk: &'a Desk,
    }

    impl Desk {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn ours(&self) -> &Self {
            self
        }

        pub(crate) fn join(&self, interest: u64, _: impl FnOnce(u64)) -> Place<'_> {
            Place { interest, desk: self }
        }
    }

    impl Place<'_> {
        pub(crate) fn turn(&self, _: Deadline) -> Turn {
            Turn::Lead
        }

        pub(crate) fn announce(&self, announce: impl FnOnce(u64)) {
            announce(self.interest);
        }

        pub(crate) fn compare_ends(&self, _: u32) {}

        pub(crate) fn rouse(&self) {}
    }
}
