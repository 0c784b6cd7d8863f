//! Why an object could not be created, opened or unlinked.

use std::time::Duration;

use thiserror::Error;

use super::advice::{described, needed, same_type, shown, smaller, smaller_size, why_too_many};
use crate::{
    Failure, Fingerprint, ObjectName,
    name::BadName,
    raw::{self, Key},
};

/// Why an object could not be created, opened, or unlinked by its name.
///
/// Nothing is left behind: parts that were already created are removed.
///
/// ```
/// use sysv_primitives::{Mutex, OpenError};
///
/// let Err(OpenError::NoSuchName { object }) = Mutex::<u64>::open("no mutex has this name") else { panic!("it exists") };
/// assert_eq!(object.name(), Some("no mutex has this name"));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A name must have 1 to 255 bytes and no NUL.
    #[error("{name:?} is no name: it must have 1 to 255 bytes and no NUL")]
    BadName {
        /// The name.
        name: String,
    },
    /// The mode does not let its owner read and write, which every member must.
    #[error("mode {mode:04o} of {object} does not let its owner read and write; add 0600 to it")]
    BadMode {
        /// The object.
        object: ObjectName,
        /// The mode that was asked for.
        mode: u32,
    },
    /// No object has this name.
    #[error(
        "there is no {object} here; it was never created, was removed, or is in another IPC namespace; create it first, \
         or say open_or_create"
    )]
    NoSuchName {
        /// The object.
        object: ObjectName,
    },
    /// `create` found the name taken.
    #[error("{object} exists already; open it, or choose another name")]
    NameTaken {
        /// The object.
        object: ObjectName,
    },
    /// Another name has the same key: 31 bits are not many.
    #[error("{object} and the existing name {found:?} have the same key {key}; choose another name")]
    NameCollision {
        /// The object that was asked for.
        object: ObjectName,
        /// The name of the existing object.
        found: String,
        /// The key of both.
        key: Key,
    },
    /// The key belongs to a set, a segment or a queue that this crate did not make, or that lost its object.
    #[error(
        "the key {key} of {object} belongs to {} {id}, which is another program's or lost its object; \
         choose another name, or remove it",
        described(*part)
    )]
    Foreign {
        /// The object that was asked for.
        object: ObjectName,
        /// Its key.
        key: Key,
        /// The kind of kernel object that has the key.
        part: raw::ObjectKind,
        /// Its id.
        id: i32,
    },
    /// The object was created by another version of this crate, with another layout.
    #[error(
        "{object} has layout version {found}, and this program knows version {wanted}; build both programs with the same \
         version of this crate, or remove the object and create it anew"
    )]
    WrongVersion {
        /// The object.
        object: ObjectName,
        /// The version of the existing object.
        found: u32,
        /// The version of this crate.
        wanted: u32,
    },
    /// The object holds values of another type.
    #[error("{object} was made for {found}, and this program asks for {wanted}; {}", same_type(found))]
    WrongType {
        /// The object.
        object: ObjectName,
        /// The type of the existing object.
        found: Box<Fingerprint>,
        /// The type that was asked for.
        wanted: Box<Fingerprint>,
    },
    /// The object was created with other options, and [`Options::exact`](crate::Options::exact) was asked for.
    #[error(
        "{object} has {option} {}, and {} was asked for; ask for what it has, take it as it is without Options::exact, or \
         remove it and create it anew", shown(option, *found), shown(option, *wanted)
    )]
    OtherOptions {
        /// The object.
        object: ObjectName,
        /// The option, by the name that it has here.
        option: &'static str,
        /// The value that the object has. 0 and 1 stand for off and on.
        found: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// The object belongs to a user that this process does not trust.
    #[error("{object} (id {id}) belongs to user {uid}; say Options::trust({uid}) if that is right")]
    Untrusted {
        /// The object.
        object: ObjectName,
        /// The id of its set or segment.
        id: i32,
        /// Its owner or creator.
        uid: u32,
    },
    /// A creator died, or its object was removed, half-way, and this process may not finish or remove what is left.
    ///
    /// Its owner or root repairs it by opening the name.
    #[error(
        "{object} (set {id}) is half made or half removed, and belongs to user {uid}; that user or root mends it by \
         opening it"
    )]
    Unfinished {
        /// The object.
        object: ObjectName,
        /// The id of its set.
        id: i32,
        /// Its owner.
        uid: u32,
    },
    /// A part of a new object can't be created: a limit is reached, or there is no memory for it.
    #[error(
        "can't create {object}, which needs {}: {error}{}",
        needed(*part, *size), smaller(object, *part, error, *most_handles)
    )]
    NotCreated {
        /// The object.
        object: ObjectName,
        /// Which part of it.
        part: raw::ObjectKind,
        /// How many semaphores or bytes that part needs. 0 for a queue.
        size: usize,
        /// For how many handles one set has room on this system.
        most_handles: u32,
        /// What the system said.
        error: Box<raw::Error>,
    },
    /// A ring of this capacity, or a channel for messages of this size, can't be made.
    #[error("{object} can't be made for {bytes} bytes; {}", smaller_size(object))]
    TooLarge {
        /// The object.
        object: ObjectName,
        /// How many bytes the items, or the largest message, would need.
        bytes: usize,
    },
    /// A pool can't have this many permits.
    #[error(transparent)]
    TooMany(#[from] TooManyPermits),
    /// A rate limiter can't have such a rate.
    #[error(
        "{permits} permits in {per:?}, {burst} of them at once, is no rate for {object}: it needs at least one permit, some \
         time, and a burst that takes less than 73 years"
    )]
    BadRate {
        /// The object.
        object: ObjectName,
        /// How many permits were asked for.
        permits: u32,
        /// In which period.
        per: Duration,
        /// The burst.
        burst: u32,
    },
    /// The type needs more alignment than the object can give its values.
    #[error("the type for {object} must be aligned to {align} bytes, and {most} is the most that a {} has", object.kind())]
    Overaligned {
        /// The object.
        object: ObjectName,
        /// The alignment of the type.
        align: usize,
        /// The largest possible alignment.
        most: usize,
    },
    /// The semaphores were removed from outside while other processes still use the memory.
    ///
    /// By `ipcrm` or systemd's `RemoveIPC`. With a new object beside the old one, two processes could hold the same lock. So none
    /// is created before those processes have ended.
    #[error(
        "the semaphores of {object} were removed from outside while segment {segment} still has {users} users; \
         stop them first (systemd's RemoveIPC may be the cause)"
    )]
    Wiped {
        /// The object.
        object: ObjectName,
        /// The id of the segment that is still used.
        segment: i32,
        /// How many have it attached.
        users: u64,
    },
    /// A channel can't be connected to this address. The text quotes no part of the address, which may have a password.
    #[error("this is no address of a channel: {why}")]
    BadAddress {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The settings or the version of the Redis server do not keep messages safe.
    #[error("the server of {object} can't be used: {why}")]
    BadServer {
        /// The channel.
        object: ObjectName,
        /// What is wrong with it, and what changes it.
        why: String,
    },
    /// The system refused a call, the object is corrupt, or has no free slot.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl OpenError {
    /// Returns whether the object was removed, or never existed.
    ///
    /// ```
    /// # use sysv_primitives::Pool;
    /// assert!(Pool::open("no pool has this name").unwrap_err().is_gone());
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::NoSuchName { .. } => true,
            Self::Failed(failure) => failure.is_gone(),
            _ => false,
        }
    }

    /// Returns what the system said, if a System V call failed.
    #[must_use]
    pub fn raw(&self) -> Option<&raw::Error> {
        match self {
            Self::NotCreated { error, .. } => Some(error),
            Self::Failed(failure) => failure.raw(),
            _ => None,
        }
    }
}

impl From<BadName> for OpenError {
    fn from(BadName(name): BadName) -> Self {
        Self::BadName { name }
    }
}

/// More permits were asked for than a pool has, or may ever have.
#[derive(Clone, Debug, Error)]
#[error("{wanted} permits of {object} are too many: {}", why_too_many(object, *wanted, *limit, *capacity))]
#[non_exhaustive]
pub struct TooManyPermits {
    /// The pool or rate limiter.
    pub object: ObjectName,
    /// How many were asked for.
    pub wanted: u32,
    /// How many the pool gives out, or the most that any pool may have.
    pub limit: u32,
    /// How many it may be resized to: fixed when it was created.
    pub capacity: u32,
}

/// What the steps of an entrance return.
pub(super) type Result<T, E = EntryError> = std::result::Result<T, E>;

/// An [`OpenError`], or what the system said before it is known of which object.
#[derive(Debug)]
pub(super) enum EntryError {
    Raw(raw::Error),
    Known(OpenError),
}

impl EntryError {
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Raw(error) => error.is_gone(),
            Self::Known(error) => error.is_gone(),
        }
    }

    /// Names the object.
    pub(super) fn on(self, object: &ObjectName) -> OpenError {
        match self {
            Self::Raw(error) => Failure::System { object: object.clone(), error }.into(),
            Self::Known(error) => error,
        }
    }
}

impl From<raw::Error> for EntryError {
    fn from(error: raw::Error) -> Self {
        Self::Raw(error)
    }
}

impl From<OpenError> for EntryError {
    fn from(error: OpenError) -> Self {
        Self::Known(error)
    }
}

impl From<Failure> for EntryError {
    fn from(failure: Failure) -> Self {
        Self::Known(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::Limit;

    fn on(kind: raw::ObjectKind) -> raw::ObjectId {
        raw::ObjectId { kind, key: None, id: Some(7) }
    }

    fn created(kind: &'static str, part: raw::ObjectKind, size: usize, error: raw::Error) -> String {
        let object = ObjectName::new(kind, "x");
        OpenError::NotCreated { object, part, size, most_handles: 17, error: error.into() }.to_string()
    }

    #[test]
    fn case_f8_not_enough_memory_comes_with_the_size() {
        let part = raw::ObjectKind::SharedMemory;
        let none = raw::Error::OutOfMemory { call: "shmget", object: on(part) };
        let text = created("mpmc ring", part, 1 << 40, none);
        assert!(
            text.starts_with(r#"can't create mpmc ring "x", which needs a segment of 1099511627776 bytes: "#),
            "{text}"
        );
        assert!(
            text.contains("not enough memory") && text.ends_with("a smaller capacity, or use a smaller type"),
            "{text}"
        );
    }

    #[test]
    fn case_f8_the_option_is_said_where_it_helps() {
        let reached = |limit| raw::Error::LimitReached {
            call: "call",
            object: on(raw::ObjectKind::Semaphores),
            limit,
            value: Some(1),
            errno: raw::Errno::ENOSPC,
        };
        let set = raw::ObjectKind::Semaphores;
        assert!(created("pool", set, 69, reached(Limit::Semmsl)).ends_with("17 is the most that fits one set here"));
        let text = created("pool", set, 69, reached(Limit::Semmni));
        assert!(!text.contains("max_handles"), "their number is not what is short: {text}");
    }
}
