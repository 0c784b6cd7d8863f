//! How a clerk passes on the calls of a channel's futures.

use std::sync::Arc;

use super::shared::Shared;
use crate::{
    Failure,
    members::Members,
    store::{Passes, Store},
    waiting::clerk::PassOn,
};

/// How a call that was for this process is passed on.
pub(super) type Pass = fn(&Store, u32, &Members) -> Result<(), Failure>;

/// Makes what passes on calls without keeping the handle.
pub(super) fn passing(shared: &Arc<Shared>, pass: Pass) -> impl Passes {
    let shared = Arc::downgrade(shared);
    move || -> PassOn {
        let shared = shared.clone();
        // A handle that is being dropped withdraws, and passes on by itself.
        Box::new(move |what, members| shared.upgrade().map_or(Ok(()), |shared| pass(&shared.store, what, members)))
    }
}
