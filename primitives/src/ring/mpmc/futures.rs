//! What an endpoint keeps for its stream or sink.

use crate::waiting::clerk::HeldTicket;

/// What an endpoint keeps between the polls of its stream or sink.
#[derive(Debug, Default)]
pub(super) struct Futures {
    pub(super) held: HeldTicket,
    /// The stream has given its last item.
    pub(super) has_ended: bool,
}
