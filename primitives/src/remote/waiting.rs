//! Waiting on the server: receivers for a notice, senders for room (RD7).
//!
//! A message notifies one receiver that it fits. No receiver looks in vain because of a message that another one takes.
//!
//! | state of a receiver | on the server | next | changed by |
//! | --- | --- | --- | --- |
//! | awake | nothing | announced | `take`, if it finds nothing |
//! | announced, until a time | `waiting`, by that time: its selection, and where its notices are read | notified | the script that lists a message which fits |
//! | | | awake | `take`, if it finds a message; `withdraw` |
//! | notified | an entry of `w:<reader>` | awake | its next `take`, or `withdraw` |
//!
//! The reader is a connection, or the listener of the futures of a handle. Each future has a number there.
//!
//! - **WK1** A receiver looks and announces itself in one step. It looks again when it has a notice, when something is due, and after two
//!   seconds in any case. The announcement ends at the earlier one of these times.
//! - **WK2** A script that lists a message withdraws one announcement that fits and has not ended, and writes the notice for it. It chooses the one that ends last:
//!   that receiver has looked last, so it is the least likely to be dead.
//! - **WK3** A receiver that takes a message takes one alone, and its announcement ends in the same step. If that was withdrawn, it was
//!   notified, perhaps of another message: then one receiver is notified for each route that it fits and that has a message still. Where
//!   several messages come at once, a receiver more may look in vain.
//! - **WK4** A receiver that was notified and does not look any more (a future that is dropped, a receiver that is stopped) passes the
//!   notice on in the same way.
//! - **WK5** What concerns all receivers notifies all: a channel that is closed or removed, a stop, the death of a process that a supervisor
//!   has seen, and a delay that ends before a receiver would look by itself.
//! - **WK6** A notice is read without being taken away, so a broken connection loses none.
//!
//! | dies, or is stopped by a signal | what is left | what goes on, and when |
//! | --- | --- | --- |
//! | a receiver that is announced | the announcement, until its time | a notice for it is lost, as in the next line |
//! | a receiver that is notified | the notice | each other receiver that the message fits, when it looks by itself: within two seconds. In a pool the supervisor notifies all |
//! | the server, with its last second | notices that were not read | each receiver that has lost its connection, at once |
//!
//! Senders that wait for room wait for an event in the stream `room`, all for the same one: how much room each of them needs is not known.

use std::time::Duration;

use super::{
    Remote,
    line::{Line, Trouble},
    script::Script,
    stream::{LONGEST, room_key},
};
use crate::{raw::Deadline, store::Selection};

/// How a message is taken, by the numbers that the script has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum How {
    Receive = 0,
    Claim = 1,
    /// To be received, once it is known that it is wanted still.
    #[cfg_attr(not(feature = "async"), expect(dead_code, reason = "futures alone do"))]
    ClaimToReceive = 2,
}

/// A receiver, as the server knows it.
pub(super) struct Receiver {
    pub(super) selection: Selection,
    pub(super) how: How,
    /// The number of the future, or 0, and where its notices are read.
    pub(super) name: String,
    /// Whether its last look announced it, or may have.
    pub(super) is_announced: bool,
}

impl Receiver {
    pub(super) fn new(selection: Selection, how: How, future: u64, reader: &str) -> Self {
        Self { selection, how, name: format!("{future} {reader}"), is_announced: false }
    }

    /// Returns its selection, as the scripts know it.
    pub(super) fn selected(&self) -> (&'static [u8], String) {
        let (kind, route): (&[u8], u32) = match self.selection {
            Selection::Only(route) => (b"only", route),
            Selection::Any => (b"any", 0),
            Selection::UpTo(route) => (b"upto", route),
            Selection::Except(route) => (b"except", route),
        };
        (kind, route.to_string())
    }
}

/// Returns how long a wait is before the next look.
pub(super) fn bound(due: i64, deadline: Deadline) -> Duration {
    let due = u64::try_from(due).map_or(LONGEST, Duration::from_millis);
    LONGEST.min(due).min(deadline.remaining().unwrap_or(LONGEST))
}

impl Remote {
    /// Waits for a notice, until something is due, or until the deadline.
    pub(super) fn wait_for_notice(&self, line: &mut Line, due: i64, deadline: Deadline) -> Result<(), Trouble> {
        line.wait_for_notice(&self.key, bound(due, deadline))
    }

    /// Waits for room after the last event, until something is due, or until the deadline.
    pub(super) fn wait_for_room(
        &self,
        line: &mut Line,
        last: &str,
        due: i64,
        deadline: Deadline,
    ) -> Result<(), Trouble> {
        line.wait_for(&[(&room_key(&self.key), last)], bound(due, deadline)).map(drop)
    }

    /// Ends the announcement of a receiver that does not look again (WK4). If the server is away the announcement ends by itself.
    pub(super) fn withdraw(&self, line: &mut Line, receiver: &Receiver) {
        let (kind, route) = receiver.selected();
        let words = [kind, route.as_bytes(), receiver.name.as_bytes()];
        let _ = line.run(Script::Withdraw, &self.key, &words, Deadline::NOW);
    }
}
