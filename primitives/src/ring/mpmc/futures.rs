//! What an endpoint keeps for its stream or sink.

use crate::waiting::clerk::Seat;

/// What an endpoint keeps between the polls of its stream or sink.
#[derive(Debug, Default)]
pub(super) struct Futures {
    pub(super) seat: Seat,
    /// The stream has given its last item.
    pub(super) has_ended: bool,
}
