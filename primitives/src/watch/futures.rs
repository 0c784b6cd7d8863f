//! What a watcher keeps for its stream.

use crate::waiting::clerk::HeldTicket;

/// What a watcher keeps between the polls of its stream.
#[derive(Debug, Default)]
pub(super) struct Futures {
    pub(super) held: HeldTicket,
    /// The number of the wait (WA4).
    pub(super) number: u64,
    /// The stream has given its last item.
    pub(super) has_ended: bool,
}
