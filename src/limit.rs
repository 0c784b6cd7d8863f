//! The limits of the kernel by name, and how each is raised.

use std::fmt;

/// The largest value of a semaphore (`SEMVMX`).
pub const SEMAPHORE_VALUE_MAX: u16 = 32_767;

/// A limit of the kernel on System V objects.
///
/// [`limits`](crate::limits) reads them all.
///
/// ```
/// use sysv_ipc::Limit;
/// assert_eq!(Limit::Msgmax.to_string(), "MSGMAX (bytes in one message)");
/// assert!(Limit::Msgmax.advice().contains("kernel.msgmax"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Semaphore sets in this IPC namespace.
    Semmni,
    /// Semaphores in all sets of this IPC namespace.
    Semmns,
    /// Semaphores in one set.
    Semmsl,
    /// Operations in one `semop`.
    Semopm,
    /// What a process's operations with undo may add up to on one semaphore, in either direction.
    Semaem,
    /// Segments in this IPC namespace.
    Shmmni,
    /// Bytes in one segment.
    Shmmax,
    /// Pages in all segments of this IPC namespace.
    Shmall,
    /// Segments attached to one process.
    Shmseg,
    /// Message queues in this IPC namespace.
    Msgmni,
    /// Bytes in one message.
    Msgmax,
    /// Bytes a queue may be given without privilege.
    Msgmnb,
    /// Timed waits on queues at one time. On Linux each takes a timer, and timers count as queued signals of the user
    /// (`RLIMIT_SIGPENDING`). Elsewhere each takes a thread.
    Timers,
}

impl Limit {
    /// Returns how the limit is raised on this system.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Semaem => "do an operation and its reverse both with undo, or both without",
            Self::Timers if cfg!(target_os = "linux") => {
                "raise `ulimit -i` (RLIMIT_SIGPENDING), or wait without a timeout"
            }
            Self::Timers => "raise `ulimit -u`, or wait without a timeout",
            _ if cfg!(not(target_os = "linux")) => "see the kern.sysv or kern.ipc entries of sysctl",
            Self::Semmsl => "raise the 1st number of `sysctl kernel.sem`",
            Self::Semmns => "raise the 2nd number of `sysctl kernel.sem`",
            Self::Semopm => "raise the 3rd number of `sysctl kernel.sem`",
            Self::Semmni => "remove leftovers (`ipcs -s`, `ipcrm -s`) or raise the 4th number of `sysctl kernel.sem`",
            Self::Shmmni => "remove leftovers (`ipcs -m`, `ipcrm -m`) or raise `sysctl kernel.shmmni`",
            Self::Shmmax => "raise `sysctl kernel.shmmax`",
            Self::Shmall => "remove leftovers (`ipcs -m`, `ipcrm -m`) or raise `sysctl kernel.shmall`",
            Self::Shmseg => "detach segments that are no longer needed",
            Self::Msgmni => "remove leftovers (`ipcs -q`, `ipcrm -q`) or raise `sysctl kernel.msgmni`",
            Self::Msgmax => "send less at once or raise `sysctl kernel.msgmax`",
            Self::Msgmnb => "raise `sysctl kernel.msgmnb`, or run with CAP_SYS_RESOURCE",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Semmni => "SEMMNI (semaphore sets)",
            Self::Semmns => "SEMMNS (semaphores in all sets)",
            Self::Semmsl => "SEMMSL (semaphores in one set)",
            Self::Semopm => "SEMOPM (operations in one semop)",
            Self::Semaem => "SEMAEM (the undo account of this process)",
            Self::Shmmni => "SHMMNI (segments)",
            Self::Shmmax => "SHMMAX (bytes in one segment)",
            Self::Shmall => "SHMALL (pages in all segments)",
            Self::Shmseg => "SHMSEG (segments attached to one process)",
            Self::Msgmni => "MSGMNI (message queues)",
            Self::Msgmax => "MSGMAX (bytes in one message)",
            Self::Msgmnb => "MSGMNB (bytes on one queue)",
            Self::Timers => "the limit of timed waits on queues (timers of this user)",
        })
    }
}
