//! Waiting: what `EINTR` means, and how a wait ends on time.
//!
//! `semtimedop` has a timeout of its own. For the rest (queues everywhere, semaphores where there
//! is no `semtimedop`), [`Alarm`] makes the call return `EINTR` once the deadline has passed.

use libc::c_int;
use nix::errno::Errno;

use crate::{Deadline, SemOp, alarm::Alarm, sys};

/// Repeats a call that signals interrupt, with the time that is left.
///
/// An interruption after the deadline counts as the deadline: `ETIMEDOUT`.
#[inline]
fn retry<T>(
    deadline: Deadline,
    interruptible: bool,
    mut call: impl FnMut(Deadline) -> Result<T, Errno>,
) -> Result<T, Errno> {
    loop {
        match call(deadline) {
            Err(Errno::EINTR) if deadline.has_passed() => return Err(Errno::ETIMEDOUT),
            Err(Errno::EINTR) if !interruptible => {}
            other => return other,
        }
    }
}

/// Performs `semop`, until the deadline.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn semop(id: c_int, ops: &[SemOp], deadline: Deadline, interruptible: bool) -> Result<(), Failure> {
    let done = retry(deadline, interruptible, |deadline| match deadline.remaining() {
        None => sys::semop(id, ops),
        Some(left) => sys::semop_timeout(id, ops, left),
    });
    done.map_err(Failure::Call)
}

/// Performs `semop`, until the deadline, where `semtimedop` doesn't exist.
#[cfg(not(target_os = "linux"))]
pub(crate) fn semop(id: c_int, ops: &[SemOp], deadline: Deadline, interruptible: bool) -> Result<(), Failure> {
    semop_with_alarm(id, ops, deadline, interruptible)
}

/// The same by a signal, which its test tries on every system.
#[cfg(any(test, not(target_os = "linux")))]
fn semop_with_alarm(id: c_int, ops: &[SemOp], deadline: Deadline, interruptible: bool) -> Result<(), Failure> {
    if deadline == Deadline::NEVER {
        return unlimited(interruptible, || sys::semop(id, ops));
    }
    let at_once: Vec<SemOp> = ops.iter().map(|op| op.no_wait()).collect();
    until(deadline, interruptible, || sys::semop(id, &at_once), || sys::semop(id, ops))
}

/// Makes a call that waits as long as it takes.
#[inline]
pub(crate) fn unlimited<T>(interruptible: bool, mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Failure> {
    retry(Deadline::NEVER, interruptible, |_| call()).map_err(Failure::Call)
}

/// Why a wait ended without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The call failed.
    Call(Errno),
    /// The alarm that was to end the wait can't be set, so nothing was waited for.
    Alarm(Errno),
}

/// Makes a call that has no timeout of its own: once without waiting, then with an alarm.
///
/// `at_once` fails with `EAGAIN` or `ENOMSG` if it would have to wait.
pub(crate) fn until<T>(
    deadline: Deadline,
    interruptible: bool,
    mut at_once: impl FnMut() -> Result<T, Errno>,
    mut waiting: impl FnMut() -> Result<T, Errno>,
) -> Result<T, Failure> {
    match at_once() {
        Err(errno @ (Errno::EAGAIN | Errno::ENOMSG)) if deadline == Deadline::NOW => Err(Failure::Call(errno)),
        Err(Errno::EAGAIN | Errno::ENOMSG) if deadline.has_passed() => Err(Failure::Call(Errno::ETIMEDOUT)),
        Err(Errno::EAGAIN | Errno::ENOMSG) => {
            let _alarm = deadline.remaining().map(Alarm::set).transpose().map_err(Failure::Alarm)?;
            retry(deadline, interruptible, |_| waiting()).map_err(Failure::Call)
        }
        done => done.map_err(Failure::Call),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::errno::Errno;

    use super::{Failure, semop_with_alarm};
    use crate::{Amount, Deadline, SemOp, SemaphoreOptions};

    #[test]
    fn semop_ends_on_time_without_semtimedop() {
        let semaphore = SemaphoreOptions::new().initial_value(1).open_random().expect("a semaphore can be made");
        let take = [SemOp::sub(0, Amount::ONE)];
        let soon = || Deadline::after(Duration::from_millis(20));
        let taken = semop_with_alarm(semaphore.id(), &take, soon(), false);
        let deadline = soon();
        let timed_out = semop_with_alarm(semaphore.id(), &take, deadline, false);
        let refused = semop_with_alarm(semaphore.id(), &take, Deadline::NOW, false);
        let passed = deadline.has_passed();
        semaphore.remove().expect("it is ours");
        assert_eq!(taken, Ok(()));
        assert_eq!(timed_out, Err(Failure::Call(Errno::ETIMEDOUT)));
        assert!(passed, "it ended early");
        assert_eq!(refused, Err(Failure::Call(Errno::EAGAIN)));
    }
}
