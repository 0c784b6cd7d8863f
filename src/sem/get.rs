//! `semget`, with what its errno means.

use nix::errno::Errno;

use crate::{Error, Key, Limit, ObjectId, ObjectKind, Result, limits, sys};

/// Linux checks the count before it searches for the key.
fn exceeds_semmsl(count: u16) -> bool {
    crate::limits().is_ok_and(|limits| u64::from(count) > limits.semaphores.max_per_set)
}

/// `semget`, with what its errno means.
pub(super) fn get(key: Key, count: u16, flags: libc::c_int) -> Result<libc::c_int> {
    const CALL: &str = "semget";
    let object = ObjectId::with_key(ObjectKind::Semaphores, key);
    sys::semget(key.get(), count.into(), flags).map_err(|errno| {
        let full = |limit: Limit| limit.reached(CALL, object, errno);
        let creating = flags & sys::IPC_CREAT != 0 || key.is_private();
        match errno {
            Errno::ENOSPC if limits::sets_are_full() => full(Limit::Semmni),
            Errno::ENOSPC => full(Limit::Semmns),
            Errno::EINVAL if creating && count == 0 => Error::SizeZero { kind: ObjectKind::Semaphores },
            Errno::EINVAL if creating || exceeds_semmsl(count) => full(Limit::Semmsl),
            Errno::EINVAL => Error::SizeMismatch { call: CALL, object, requested: count.into() },
            errno => Error::from_errno(CALL, object, errno),
        }
    })
}
