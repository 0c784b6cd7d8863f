//! The message queue of an object that has one: made, found and removed with its segment.
//!
//! A queue can't say whose it is. So:
//!
//! - **Q1** It is made exclusively once the segment names the set, and its id noted in the header; then the
//!   object is published.
//! - **Q2** The queue that is noted and has the key is the object's. Whoever removes the segment removes that
//!   queue first.
//! - **Q3** A queue in a creator's way, of which no segment tells, is removed if it was never used, is empty and
//!   of the caller's own user: a creator died before it had noted it. Any other is foreign. It is looked at before the
//!   creator's own set, so it can't be that of a later object under the same name.

use super::{Entrance, Outcome, error::Result, ignore_gone};
use crate::{
    layout::{Header, Mapped},
    raw::{self, Key, MessageQueue, MessageQueueOptions, SemaphoreSet, SharedMemory, process},
};
use std::sync::Arc;

/// Returns the queue under a key.
fn under(key: Key) -> Result<Option<MessageQueue>> {
    match MessageQueueOptions::new().open(key) {
        Ok(queue) => Ok(Some(queue)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a queue looks as on its first day, and is this user's.
fn is_unused(queue: &MessageQueue) -> Result<bool> {
    match queue.stat() {
        Ok(stat) => Ok(stat.messages == 0
            && stat.send_time.is_none()
            && stat.receive_time.is_none()
            && stat.permissions.cuid == process::effective_uid()),
        Err(raw::Error::PermissionDenied { .. }) => Ok(false),
        Err(error) if error.is_gone() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes the queue that a header notes, if it still has the key (Q2).
pub(super) fn remove_noted(key: Key, header: &Header) -> Result<()> {
    let Some(noted) = header.queue() else { return Ok(()) };
    if let Some(queue) = under(key)?.filter(|queue| queue.id() == noted) {
        ignore_gone(queue.remove())?;
    }
    Ok(())
}

impl Entrance<'_> {
    /// Makes the queue, if the object is to have one, and notes it (Q1).
    pub(super) fn make_queue(&self, set: &SemaphoreSet, header: &Header) -> Result<Outcome<Option<MessageQueue>>> {
        if !self.blueprint.kind.has_queue {
            return Ok(Outcome::Done(None));
        }
        let mut options = MessageQueueOptions::new();
        options.create(true).exclusive(true).mode(self.blueprint.options.mode.bits());
        loop {
            match options.open(self.key) {
                Ok(queue) => {
                    header.set_queue(queue.id());
                    return Ok(Outcome::Done(Some(queue)));
                }
                Err(raw::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(self.not_created(raw::ObjectKind::MessageQueue, 0, error)),
            }
            let Some(queue) = under(self.key)? else { continue };
            // Q3: only while our set is there, the key has no other owner.
            or_start_again!(set.stat());
            if is_unused(&queue)? {
                ignore_gone(queue.remove())?;
            } else if under(self.key)?.is_some_and(|now| now.id() == queue.id()) {
                return Err(self.foreign(raw::ObjectKind::MessageQueue, queue.id()));
            }
        }
    }

    /// Returns the queue that a live object's header notes, if it is there.
    pub(super) fn queue_of(&self, header: &Header) -> Result<Option<MessageQueue>> {
        let Some(noted) = header.queue() else { return Ok(None) };
        Ok(under(self.key)?.filter(|queue| queue.id() == noted))
    }

    /// Removes the queue of a segment that is about to be removed (Q2), or one that was made for it and not noted (Q3).
    pub(super) fn remove_queue(&self, memory: &Arc<SharedMemory>, set: &SemaphoreSet) -> Result<()> {
        let Ok(header) = Mapped::<Header>::at(memory, 0) else { return Ok(()) };
        if !header.is_ours() {
            return Ok(());
        }
        remove_noted(self.key, &header)?;
        if !self.blueprint.kind.has_queue || header.queue().is_some() {
            return Ok(());
        }
        let Some(queue) = under(self.key)? else { return Ok(()) };
        // The set that the segment names, seen after the queue: no later object can have made that.
        let is_still_ours = set.stat().is_ok();
        if is_still_ours && is_unused(&queue)? {
            ignore_gone(queue.remove())?;
        }
        Ok(())
    }
}
