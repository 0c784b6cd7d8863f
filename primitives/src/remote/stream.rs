//! The streams of events of a channel (RD7).

use std::time::Duration;

/// How long a process waits at most before it looks again, whatever it was told: an event may be lost with the server's last second.
pub(super) const LONGEST: Duration = Duration::from_secs(2);

/// A stream of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Stream {
    /// There is a message to look for.
    Messages,
    /// There is room.
    Room,
}

impl Stream {
    #[cfg(feature = "async")]
    pub(super) const ALL: [Self; 2] = [Self::Messages, Self::Room];

    /// Returns the key of this stream, for a channel that keeps its state at a key.
    pub(super) fn key(self, state: &str) -> String {
        let name = match self {
            Self::Messages => "ev",
            Self::Room => "room",
        };
        format!("{}{name}", state.trim_end_matches('s'))
    }
}
