//! Waiting on the server, by events (RD7).

use std::time::Duration;

use super::{
    Remote,
    line::{Line, Trouble},
    stream::{LONGEST, Stream},
};
use crate::raw::Deadline;

impl Remote {
    /// Waits for an event after the last one, until something is due, or until the deadline.
    pub(super) fn wait_for_event(
        &self,
        line: &mut Line,
        stream: Stream,
        last: &str,
        due: i64,
        deadline: Deadline,
    ) -> Result<(), Trouble> {
        let due = u64::try_from(due).map_or(LONGEST, Duration::from_millis);
        let left = deadline.remaining().unwrap_or(LONGEST);
        line.wait_for(&[(&stream.key(&self.key), last)], LONGEST.min(due).min(left)).map(drop)
    }
}
