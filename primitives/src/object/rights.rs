//! Whether this process may remove an object. This is checked before anything is changed.

use std::sync::Arc;

use crate::raw::{self, Permissions, Segment, SemaphoreSet, SharedMemory, process};

/// Fails with the error that the removal of any part would have, and changes none.
pub(super) fn check(set: &SemaphoreSet, memory: &Arc<SharedMemory>) -> raw::Result<()> {
    check_set(set)?;
    // A part that was removed already needs no right.
    match memory.stat() {
        Err(error) if error.is_gone() => Ok(()),
        stat => check_part(stat?.permissions, |mode| memory.set_mode(mode)),
    }
}

/// As [`check`], of a set alone.
pub(crate) fn check_set(set: &SemaphoreSet) -> raw::Result<()> {
    check_part(set.stat()?.permissions, |mode| set.set_mode(mode))
}

/// As [`check`], of a segment alone.
pub(crate) fn check_segment(segment: &Segment) -> raw::Result<()> {
    check_part(segment.stat()?.permissions, |mode| segment.set_mode(mode))
}

/// `IPC_SET` and `IPC_RMID` need the same right: to be the owner, the creator or privileged. So where the ids don't
/// show it, the mode is set to what it is.
fn check_part(permissions: Permissions, set_mode: impl FnOnce(u32) -> raw::Result<()>) -> raw::Result<()> {
    let uid = process::effective_uid();
    if (permissions.uid == uid || permissions.cuid == uid) && process::is_one_user(uid) {
        return Ok(());
    }
    match set_mode(permissions.mode.bits()) {
        Err(error @ raw::Error::PermissionDenied { .. }) => Err(error),
        // An owner that has no id here can't be written back. The kernel returns that error only to a process that has
        // the right.
        _ => Ok(()),
    }
}
