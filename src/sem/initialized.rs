//! Creation without the initialisation race: the `sem_otime` recipe.
//!
//! States of the semaphore, by what the kernel shows of it:
//!
//! | state | `sem_otime` | may be used by | next step |
//! | --- | --- | --- | --- |
//! | absent | – | no process | a process creates it exclusively |
//! | made | 0 | no process | its creator performs the first `semop` ever |
//! | live | not 0 | every process | – |
//!
//! - **SI1** Only the creator, which is the process with the successful exclusive `semget`, performs the first `semop`.
//! - **SI2** That `semop` sets the value and `sem_otime` in one step, and asserts that the value is 0.
//! - **SI3** No other process operates on the semaphore before it has seen a non-zero `sem_otime`.
//!
//! | the creator dies | what is left | noticed by |
//! | --- | --- | --- |
//! | before `semget` | nothing | – |
//! | between `semget` and `semop` | a semaphore that is never live | every opener, when its timeout elapses |
//! | after `semop` | a live semaphore | no action is needed |
//!
//! If the semaphore is removed while an opener waits, it starts again.
//!
//! Not promised: that an opener can tell a dead creator from a slow one. `SETVAL` records the creator's pid, so that
//! [`Error::Uninitialized`] can name it.

use std::{thread, time::Duration};

use super::{get::get, set::SemaphoreSet};
use crate::{Amount, Deadline, Error, Key, Mode, Result, SemOp, open::Requested, sys};

pub(super) fn open(key: Key, mode: Mode, access: Requested, value: u16, deadline: Deadline) -> Result<SemaphoreSet> {
    loop {
        match create(key, mode, value) {
            Err(Error::AlreadyExists { .. }) => {}
            // It was removed before it was live.
            Err(error) if error.is_gone() && !deadline.has_passed() => continue,
            other => return other,
        }
        match get(key, 0, access.flags()).and_then(|id| wait_until_live(SemaphoreSet::new(Some(key), id), deadline)) {
            Err(error) if error.is_gone() && !deadline.has_passed() => {}
            other => return other,
        }
    }
}

/// Creates a semaphore and makes it live. If that fails, what it created is removed.
pub(super) fn create(key: Key, mode: Mode, value: u16) -> Result<SemaphoreSet> {
    let id = get(key, 1, sys::IPC_CREAT | sys::IPC_EXCL | mode.flags())?;
    let set = SemaphoreSet::new(Some(key), id);
    match publish(&set, value) {
        Ok(()) => Ok(set),
        Err(error) => {
            // The set is ours. The first error is the one to report.
            let _ = set.remove();
            Err(error)
        }
    }
}

fn publish(set: &SemaphoreSet, value: u16) -> Result<()> {
    set.set_value(0, 0)?;
    let assert_zero = SemOp::zero(0).no_wait();
    match Amount::new(value) {
        Ok(amount) => set.op(&[assert_zero, SemOp::add(0, amount)]),
        Err(_zero) => set.op(&[assert_zero]),
    }
}

/// Polls, from 20 microseconds in doubling steps up to a few milliseconds. The kernel has no event for a change of
/// `sem_otime`, and a `semop` of the opener would change it itself.
fn wait_until_live(set: SemaphoreSet, deadline: Deadline) -> Result<SemaphoreSet> {
    let mut pause = Duration::from_micros(20);
    while set.stat()?.o_time.is_none() {
        let left = deadline.remaining().unwrap_or(Duration::MAX);
        if left.is_zero() {
            return Err(Error::Uninitialized { object: set.object(), creator: set.last_pid(0)? });
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(5));
    }
    Ok(set)
}
