//! Operations on a set that happen as one, and why they are refused.

use std::time::Duration;

use nix::errno::Errno;

use super::set::SemaphoreSet;
use crate::{
    Deadline, Error, Limit, Result, SemOp, alarm,
    limit::SEMAPHORE_VALUE_MAX,
    wait::{self, Failure},
};

impl SemaphoreSet {
    /// Performs all operations as one: all of them, or none.
    ///
    /// Blocks until all can be performed. Several operations on one semaphore add up in order. There is no queue: a
    /// caller that needs less overtakes a caller that waits for more.
    ///
    /// # Errors
    ///
    /// - [`Error::WouldBlock`] if an operation with [`no_wait`](SemOp::no_wait) could not be done.
    /// - [`Error::Removed`] if the set is or was removed, also while waiting.
    /// - [`Error::ValueOutOfRange`] if a value would exceed 32,767. Nothing is changed then.
    /// - [`Error::LimitReached`] for `SEMAEM` if the operations [with undo](SemOp::undo) of this process would add up to
    ///   more than 32,767 on one semaphore. The value may be in range then. Nothing is changed.
    /// - [`Error::NoSuchSemaphore`], [`Error::NoOperations`], [`Error::PermissionDenied`].
    /// - [`Error::Interrupted`] after [`set_interruptible(true)`](Self::set_interruptible).
    /// - [`Error::LimitReached`] for more operations than `SEMOPM`.
    #[inline]
    pub fn op(&self, ops: &[SemOp]) -> Result<()> {
        self.op_deadline(ops, Deadline::NEVER)
    }

    /// Performs all operations as one if that can be done at once.
    ///
    /// # Errors
    ///
    /// [`Error::WouldBlock`] if it can't. Otherwise as [`op`](Self::op).
    #[inline]
    pub fn try_op(&self, ops: &[SemOp]) -> Result<()> {
        self.op_deadline(ops, Deadline::NOW)
    }

    /// Performs all operations as one. Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`op`](Self::op), and [`Error::TimedOut`].
    pub fn op_timeout(&self, ops: &[SemOp], timeout: Duration) -> Result<()> {
        self.op_deadline(ops, Deadline::after(timeout))
    }

    /// Performs all operations as one. Blocks until `deadline` at most (`semtimedop`).
    ///
    /// Where the system has no `semtimedop`, a signal ends the wait: see the crate's page on time.
    ///
    /// # Errors
    ///
    /// As [`op`](Self::op), and [`Error::TimedOut`], or for [`Deadline::NOW`] [`Error::WouldBlock`].
    #[inline]
    pub fn op_deadline(&self, ops: &[SemOp], deadline: Deadline) -> Result<()> {
        if ops.is_empty() {
            return Err(Error::NoOperations);
        }
        wait::semop(self.id, ops, deadline, self.interruptible).map_err(|failure| self.op_error(ops, deadline, failure))
    }

    #[cold]
    fn op_error(&self, ops: &[SemOp], deadline: Deadline, failure: Failure) -> Error {
        const CALL: &str = "semop";
        let object = self.object();
        let errno = match failure {
            Failure::Call(errno) => errno,
            Failure::Alarm(errno) => return alarm::refused(object, errno),
        };
        match errno {
            Errno::ETIMEDOUT => Error::TimedOut { call: CALL, object },
            Errno::EAGAIN if deadline != Deadline::NOW && deadline.has_passed() => {
                Error::TimedOut { call: CALL, object }
            }
            Errno::EAGAIN => Error::WouldBlock { call: CALL, object, errno },
            Errno::ERANGE if self.leave_the_values_in_range(ops) => Limit::Semaem.reached(CALL, object, errno),
            Errno::ERANGE => Error::ValueOutOfRange { call: CALL, object },
            Errno::E2BIG => Limit::Semopm.reached(CALL, object, errno),
            Errno::EFBIG => {
                let index = ops.iter().map(SemOp::index).max().unwrap_or_default();
                Error::NoSuchSemaphore { call: CALL, object, index: index.into() }
            }
            errno => Error::on_id(CALL, object, errno),
        }
    }

    /// Returns whether an undo account, and not a value, was the reason why operations were refused with `ERANGE`.
    ///
    /// The kernel doesn't tell them apart. Without any undo it was a value. Otherwise this reads the values a moment
    /// later, and if another process changes them meanwhile, the error may name the other reason.
    #[cold]
    fn leave_the_values_in_range(&self, ops: &[SemOp]) -> bool {
        if !ops.iter().any(SemOp::is_undone) {
            return false;
        }
        // Without permission to read, operations that only subtract decide it all the same.
        let values = self.values().unwrap_or_default();
        let mut values: Vec<i64> = values.into_iter().map(i64::from).collect();
        ops.iter().all(|op| match values.get_mut(usize::from(op.index())) {
            Some(value) => {
                *value += op.change();
                *value <= SEMAPHORE_VALUE_MAX.into()
            }
            None => op.change() <= 0,
        })
    }
}
