//! How attempts on a message ended.

use std::{fmt, os::unix::process::ExitStatusExt, process::ExitStatus};

use crate::store::{CauseNumber, DIED, Ending};

/// Why an attempt on a message ended without `done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Its process died.
    Died,
    /// The claim was [requeued](crate::Claimed::requeue) or dropped.
    Requeued,
    /// The thread that had the claim panicked.
    Panicked,
    /// A supervisor killed its process since it took too long.
    TimedOut,
    /// Its process died because it could not allocate memory, as far as its supervisor could tell.
    OutOfMemory,
    /// The lease of its claim ended: its process died, was stopped, or lost its connection. Only on a Redis server.
    LeaseExpired,
    /// Not known: the attempt was more than eight attempts ago, or the report was lost.
    Unknown,
}

/// The number of a death of which the status is known.
const EXPLAINED: CauseNumber = 6;

const LEASE_EXPIRED: CauseNumber = 7;

impl Cause {
    pub(super) fn number(self) -> CauseNumber {
        match self {
            Self::Unknown => 0,
            Self::Died => DIED,
            Self::Requeued => 2,
            Self::Panicked => 3,
            Self::TimedOut => 4,
            Self::OutOfMemory => 5,
            Self::LeaseExpired => LEASE_EXPIRED,
        }
    }

    /// Returns the number under which a supervisor explains a death.
    pub(super) fn explained(self) -> CauseNumber {
        // A death has a second number, which says that its wait status was noted as well.
        if self == Self::Died { EXPLAINED } else { self.number() }
    }

    fn of_number(number: CauseNumber) -> Self {
        match number {
            DIED | EXPLAINED => Self::Died,
            2 => Self::Requeued,
            3 => Self::Panicked,
            4 => Self::TimedOut,
            5 => Self::OutOfMemory,
            LEASE_EXPIRED => Self::LeaseExpired,
            // A number of a later version, or of memory that is corrupt, is no error: it only explains.
            _ => Self::Unknown,
        }
    }
}

/// How one attempt on a message ended.
///
/// ```
/// use sysv_primitives::{Cause, Channel, Route};
///
/// # let name = format!("attempt-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// channel.send_raw(Route::new(1), b"a job")?;
/// channel.claim_any()?.requeue()?;
/// let job = channel.claim_any()?;
/// let attempts = job.attempts();
/// assert_eq!((attempts[0].number, attempts[0].cause), (1, Cause::Requeued));
/// assert_eq!(attempts[0].pid, Some(std::process::id()));
/// job.done()?;
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The number of the attempt, from 1 on.
    pub number: u32,
    /// Why it ended.
    pub cause: Cause,
    /// The process that had the claim, by its own id.
    pub pid: Option<u32>,
    /// How that process ended, if it died and its supervisor has reported it.
    pub status: Option<ExitStatus>,
}

impl Attempt {
    pub(super) fn list(endings: &[(u32, Ending)]) -> Vec<Self> {
        endings.iter().map(|&(number, ending)| Self::of(number, ending)).collect()
    }

    fn of(number: u32, ending: Ending) -> Self {
        let Ending { cause, status, pid } = ending;
        // Only the supervisor, which gives these causes, knows the wait status. Elsewhere the field is 0, which would
        // read as a successful exit.
        let is_told = matches!(cause, 4..=EXPLAINED);
        Self {
            number,
            cause: Cause::of_number(cause),
            // 0 is no process: the pid was not noted, or was overwritten by a later attempt.
            pid: (pid != 0).then_some(pid),
            status: is_told.then(|| ExitStatus::from_raw(i32::from(status))),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}: ", self.number)?;
        match self.pid {
            Some(pid) => write!(f, "process {pid} ")?,
            None => f.write_str("its process ")?,
        }
        match (self.cause, self.status) {
            (Cause::Died, None) => f.write_str("died"),
            (Cause::Died, Some(status)) => write!(f, "died ({status})"),
            (Cause::Requeued, _) => f.write_str("requeued it"),
            (Cause::Panicked, _) => f.write_str("panicked"),
            (Cause::TimedOut, _) => f.write_str("was killed, since it took too long"),
            (Cause::OutOfMemory, Some(status)) => write!(f, "had no memory left ({status})"),
            (Cause::OutOfMemory, None) => f.write_str("had no memory left"),
            (Cause::LeaseExpired, _) => f.write_str("let its lease end"),
            (Cause::Unknown, _) => f.write_str("ended in a way that is not known"),
        }
    }
}

/// Attempts, as an error lists them.
pub(super) struct Listed<'a>(pub(super) &'a [Attempt]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, attempt)| {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{attempt}")
        })
    }
}
