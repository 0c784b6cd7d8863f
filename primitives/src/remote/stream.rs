//! The streams of events of a channel: notices for receivers, and room for senders (RD7).

use std::time::Duration;

/// How long a process waits at most before it looks again, whatever it was told: an event may be lost with the server's last second, and
/// a notice with the receiver that had it. `common.lua` has the same.
pub(super) const LONGEST: Duration = Duration::from_secs(2);

/// Returns the key of the events of room, for a channel that keeps its state at a key.
pub(super) fn room_key(state: &str) -> String {
    format!("{}room", state.trim_end_matches('s'))
}

/// Returns the key of the notices of a reader: a connection, or the futures of a handle.
pub(super) fn notices_key(state: &str, reader: &str) -> String {
    format!("{}w:{reader}", state.trim_end_matches('s'))
}
