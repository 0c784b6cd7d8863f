//! What an endpoint keeps for its stream or sink.

use crate::waiting::clerk::HeldTicket;

/// What an endpoint keeps between the polls of its stream or sink.
#[derive(Debug, Default)]
pub(crate) struct Futures {
    pub(crate) held: HeldTicket,
    /// The stream has given its last item.
    pub(crate) has_ended: bool,
}
