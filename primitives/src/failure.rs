//! Failures that any operation on an object can return: a refusal by the system, or a corrupt object.

use thiserror::Error;

use crate::{
    ObjectName,
    options::{MOST_HANDLES, MOST_IN_CHANNEL},
    raw::{self, Limit},
};

/// The result of an operation on an object that can fail in no other way.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why an operation on an object could not be carried out at all.
///
/// Each family of errors has it as `Failed`. [`Error::failure`](crate::Error::failure) finds it in any of them.
///
/// ```
/// use sysv_primitives::{Failure, Mutex, raw};
///
/// # let name = format!("failure-example-{}", std::process::id());
/// let mutex = Mutex::create(&name, ())?;
/// mutex.remove()?;
/// let failure = mutex.remove().unwrap_err();
/// assert!(failure.is_gone());
/// assert!(matches!(failure, Failure::System { error: raw::Error::Removed { .. }, .. }));
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// A System V call failed. The error says which, on what, and what to do.
    ///
    /// After a removal, an operation that has to enter the kernel returns this: see [`is_gone`](Self::is_gone).
    #[error("{object}: {error}{}", advice(error))]
    System {
        /// The object.
        object: ObjectName,
        /// What the system said.
        error: raw::Error,
    },
    /// Something overwrote the object, or part of it vanished while it was in use.
    #[error("{part} of {object} (id {id}) is damaged or gone; stop its users and remove it")]
    Damaged {
        /// The object.
        object: ObjectName,
        /// What is damaged.
        part: &'static str,
        /// The id of the set or segment.
        id: i32,
    },
    /// The object already has as many handles as it was created for.
    ///
    /// Opening returns it, and so does the first operation in a child made by `fork`, which needs a slot of its own.
    #[error(
        "all {max_handles} slots of {object} are taken; drop handles, or remove it and create it anew with a larger \
         Options::max_handles (at most {})",
        most_handles(object)
    )]
    TooManyHandles {
        /// The object.
        object: ObjectName,
        /// How many there are.
        max_handles: u32,
    },
    /// This process is a child made by `fork`, and tried to use something that belongs to its parent.
    #[error("the {what} of {object} belongs to the parent of this process; a child made by fork takes its own")]
    Inherited {
        /// The object.
        object: ObjectName,
        /// What belongs to the parent: a role of a ring, a request, or a claim.
        what: &'static str,
    },
    /// The system refused a thread: one that sleeps for the futures of this handle, or one that waits for the responses of a Redis
    /// server. Nothing was sent.
    ///
    /// Futures that wait for other handles are not affected. Neither are blocking calls, except those on a Redis server.
    #[cfg(any(feature = "async", feature = "redis"))]
    #[error("no thread could be started to wait for {object}: {errno}; end some threads, or raise RLIMIT_NPROC")]
    NoThread {
        /// The object.
        object: ObjectName,
        /// What the system said.
        errno: raw::Errno,
    },
    /// The Redis server of a channel could not be reached in time. The operation may have been carried out.
    ///
    /// An operation that waits without a deadline does not return this. It waits until the server is back.
    #[error("can't reach the server of {object}: {why}; see that it runs and can be reached, or wait longer")]
    Unreachable {
        /// The channel.
        object: ObjectName,
        /// What the system said.
        why: Box<str>,
    },
    /// The Redis server of a channel refused the operation.
    #[error("the server of {object} refuses: {why}")]
    Refused {
        /// The channel.
        object: ObjectName,
        /// What it said.
        why: Box<str>,
    },
    /// The channel on a Redis server was removed.
    #[error("{object} was removed")]
    Removed {
        /// The channel.
        object: ObjectName,
    },
    /// The lease of a claim has ended, and the message has gone to another process or will do so.
    ///
    /// This happens only on a Redis server: this process was stopped, or could not reach the server, for longer than the lease. Its
    /// work on the message may be done a second time.
    #[error(
        "the lease of a claim on {object} has ended, and the message goes to another process; see why this process stood still, or create the channel with a longer Options::lease"
    )]
    LeaseLost {
        /// The channel.
        object: ObjectName,
    },
    /// A channel on a Redis server does not support this operation.
    #[error("{object} is on a server, which has no {operation}; {instead}")]
    Unsupported {
        /// The channel.
        object: ObjectName,
        /// The operation.
        operation: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// This process is no longer a member. What it held may have been given to other members, and is left alone.
    ///
    /// It left the IPC namespace (`unshare`, `setns`) or its undo operations (`CLONE_SYSVSEM`), which the kernel treats as its
    /// death, or its slot was overwritten. Open the object again.
    #[error(
        "this process is no longer a member of {object}: it left the IPC namespace or its list of undo operations, or its slot \
         was damaged; open it again"
    )]
    MembershipLost {
        /// The object.
        object: ObjectName,
    },
}

impl Failure {
    /// Returns whether the object was removed. See [`raw::Error::is_gone`].
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Removed { .. }) || self.raw().is_some_and(raw::Error::is_gone)
    }

    /// Returns whether a signal ended the wait. See [`Options::interruptible`](crate::Options::interruptible).
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self.raw(), Some(raw::Error::Interrupted { .. }))
    }

    /// Returns what the system said, if a System V call failed.
    #[must_use]
    pub fn raw(&self) -> Option<&raw::Error> {
        match self {
            Self::System { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Returns the advice for a call that tests all handles at once, and for a refusal that can't come from the kernel
/// itself.
fn advice(error: &raw::Error) -> &'static str {
    match error {
        raw::Error::LimitReached { limit: Limit::Semopm, .. } => {
            ", or create it with a smaller Options::max_handles: one operation must be able to test every handle"
        }
        raw::Error::Unsupported { call: "membarrier" } => {
            "; allow it in the sandbox, or create the object with Options::light_fences(false)"
        }
        raw::Error::PermissionDenied { call: "semop", errno: raw::Errno::EPERM, .. } => {
            "; but it was a sandbox that refused, since the kernel says EACCES: allow semop and semtimedop there"
        }
        _ => "",
    }
}

fn most_handles(object: &ObjectName) -> u32 {
    if object.kind() == "channel" { MOST_IN_CHANNEL } else { MOST_HANDLES }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_f8_the_option_is_said_where_it_helps() {
        let failed = |limit| {
            let object = raw::ObjectId { kind: raw::ObjectKind::Semaphores, key: None, id: Some(7) };
            let error =
                raw::Error::LimitReached { call: "call", object, limit, value: Some(1), errno: raw::Errno::ENOSPC };
            Failure::System { object: ObjectName::new("channel", "x"), error }.to_string()
        };
        assert!(failed(Limit::Semopm).contains("a smaller Options::max_handles"));
        assert!(!failed(Limit::Semmni).contains("max_handles"));
    }

    #[test]
    fn case_c3_a_sandbox_is_named() {
        let failed = |errno| {
            let object = raw::ObjectId { kind: raw::ObjectKind::Semaphores, key: None, id: Some(7) };
            let error = raw::Error::PermissionDenied { call: "semop", object, errno };
            Failure::System { object: ObjectName::new("mutex", "x"), error }.to_string()
        };
        assert!(failed(raw::Errno::EPERM).contains("sandbox"));
        assert!(!failed(raw::Errno::EACCES).contains("sandbox"));
    }
}
