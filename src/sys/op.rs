//! The operations of `semop`: safe types around the kernel's `sembuf`.

use std::fmt;

use libc::{c_int, c_short};

use super::abi::{IPC_NOWAIT, SEM_UNDO};
use crate::{Error, Result};

/// How much to acquire or release: 1 to 32,767.
///
/// Zero is not an amount: the kernel's operation 0 waits for zero, which is
/// [`SemOp::zero`]. There are no signs, so a release can't turn into an acquire.
///
/// ```
/// use sysv_ipc::Amount;
///
/// assert_eq!(Amount::new(3)?.get(), 3);
/// assert!(Amount::new(0).is_err());
/// assert!(Amount::try_from(-32_768_i64).is_err());
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(c_short);

impl Amount {
    /// One, the usual amount.
    pub const ONE: Self = Self(1);

    /// The largest amount that one operation can carry.
    pub const MAX: Self = Self(c_short::MAX);

    /// Makes an amount of a number.
    ///
    /// # Errors
    ///
    /// [`Error::AmountOutOfRange`] for 0 and above 32,767.
    #[expect(clippy::cast_possible_wrap, reason = "the match keeps what fits")]
    pub const fn new(amount: u16) -> Result<Self> {
        match amount {
            1..=0x7fff => Ok(Self(amount as c_short)),
            _ => Err(Error::AmountOutOfRange { amount: amount as i64 }),
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.unsigned_abs()
    }
}

impl TryFrom<i64> for Amount {
    type Error = Error;

    fn try_from(amount: i64) -> Result<Self> {
        u16::try_from(amount).map_err(|_| Error::AmountOutOfRange { amount }).and_then(Self::new)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One operation on one semaphore of a set. [`SemaphoreSet::op`](crate::SemaphoreSet::op) performs several as one.
///
/// See [`semop(2)`](https://man7.org/linux/man-pages/man2/semop.2.html).
///
/// ```
/// use sysv_ipc::{Amount, SemOp};
///
/// // Lock and unlock by one semaphore: wait for zero, then make it one, undone at exit.
/// let lock = [SemOp::zero(0), SemOp::add(0, Amount::ONE).undo()];
/// let unlock = [SemOp::sub(0, Amount::ONE).undo().no_wait()];
/// # let _ = (lock, unlock);
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct SemOp(libc::sembuf);

impl SemOp {
    const fn new(index: u16, change: c_short) -> Self {
        Self(libc::sembuf { sem_num: index, sem_op: change, sem_flg: 0 })
    }

    /// Adds to the value. Never blocks.
    #[must_use]
    pub const fn add(index: u16, amount: Amount) -> Self {
        Self::new(index, amount.0)
    }

    /// Subtracts from the value. Blocks until the value is large enough.
    #[must_use]
    pub const fn sub(index: u16, amount: Amount) -> Self {
        Self::new(index, -amount.0)
    }

    /// Blocks until the value is zero. Read permission is enough.
    #[must_use]
    pub const fn zero(index: u16) -> Self {
        Self::new(index, 0)
    }

    /// Has the kernel reverse the operation when this process ends, however it ends (`SEM_UNDO`).
    ///
    /// The account belongs to the process, not to the thread. It survives `exec` and is not inherited by `fork`. A
    /// reversal that would leave 0..=32,767 is clamped on Linux. Elsewhere it may differ. gVisor and CRIU don't support
    /// it.
    ///
    /// Use it for both acquire and release, or for neither. Otherwise the account grows by each operation. At 32,767
    /// the next one fails, with [`Error::LimitReached`] for [`Limit::Semaem`](crate::Limit::Semaem), whatever the value
    /// is.
    #[must_use]
    pub const fn undo(self) -> Self {
        self.with(SEM_UNDO)
    }

    /// Fails with [`Error::WouldBlock`] instead of waiting (`IPC_NOWAIT`).
    #[must_use]
    pub const fn no_wait(self) -> Self {
        self.with(IPC_NOWAIT)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the flags fit, as the kernel's struct says")]
    const fn with(mut self, flag: c_int) -> Self {
        self.0.sem_flg |= flag as c_short;
        self
    }

    /// Returns what it adds to the value, which is negative if it subtracts.
    pub(crate) fn change(&self) -> i64 {
        self.0.sem_op.into()
    }

    pub(crate) fn is_undone(&self) -> bool {
        c_int::from(self.0.sem_flg) & SEM_UNDO != 0
    }

    pub(crate) const fn with_if(self, condition: bool, flag: c_int) -> Self {
        if condition { self.with(flag) } else { self }
    }

    /// Returns the number of the semaphore within its set.
    #[must_use]
    pub const fn index(&self) -> u16 {
        self.0.sem_num
    }
}

impl fmt::Debug for SemOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = c_int::from(self.0.sem_flg);
        let undo = if flags & SEM_UNDO != 0 { ", undo" } else { "" };
        let no_wait = if flags & IPC_NOWAIT != 0 { ", no_wait" } else { "" };
        write!(f, "SemOp({}: {:+}{undo}{no_wait})", self.0.sem_num, self.0.sem_op)
    }
}
