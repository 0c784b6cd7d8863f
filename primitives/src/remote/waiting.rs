//! Waiting on the server, by events (RD7).

use std::time::Duration;

use super::{
    Remote,
    line::{Line, Trouble},
};
use crate::raw::Deadline;

/// How long a process waits at most before it looks again, whatever it was told: an event may be lost with the server's last second.
const LONGEST: Duration = Duration::from_secs(2);

impl Remote {
    /// Waits for an event after the last one, until something is due, or until the deadline.
    pub(super) fn wait_for_event(
        &self,
        line: &mut Line,
        stream: &str,
        last: &str,
        due: i64,
        deadline: Deadline,
    ) -> Result<(), Trouble> {
        let due = u64::try_from(due).map_or(LONGEST, Duration::from_millis);
        let left = deadline.remaining().unwrap_or(LONGEST);
        let stream = format!("{}{stream}", self.key.trim_end_matches('s'));
        line.wait_for(&stream, last, LONGEST.min(due).min(left)).map(drop)
    }
}
