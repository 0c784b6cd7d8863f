//! What can go wrong in the primitives.

use std::io;

use thiserror::Error;

use crate::{Fingerprint, Route, Side, raw, raw::Key};

/// A specialised `Result` for the primitives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of every operation of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A System V call failed; it says which, on what, and what to do.
    #[error(transparent)]
    Raw(#[from] raw::Error),
    /// The value can't be turned into bytes, as its own `Serialize` says. Nothing was sent.
    #[error("can't encode a message of route {route}: {why}")]
    Unencodable {
        /// The route of the type.
        route: Route,
        /// What the codec said.
        why: String,
    },
    /// Another type of message has this route.
    #[error("another type of message has route {route}; give each type a route of its own")]
    RouteTaken {
        /// The route of both.
        route: Route,
    },
    /// A message was received that is no value of the type; here are its bytes.
    ///
    /// Another program or version may have sent it. It is off the queue, and the channel goes on.
    #[error(
        "a message of {} bytes on route {route} is no such value: {why}; \
         it is off the queue, and its bytes are in this error", bytes.len()
    )]
    Undecodable {
        /// The route it came on.
        route: Route,
        /// The message as it was.
        bytes: Vec<u8>,
        /// What the codec said.
        why: String,
    },
    /// It is not available, and the caller's time is over or was none.
    #[error("not available in the time that was given")]
    Busy,
    /// It was closed: nothing is taken in any more, and everything that was is taken out.
    #[error("it was closed, and nothing is left in it")]
    Closed,
    /// Nobody is at the other end any more, and the caller asked to be told of that.
    #[error("every {0} is gone, by its own will or by death")]
    Abandoned(Side),
    /// The message is longer than the channel carries. Nothing was sent.
    #[error(
        "a message of {bytes} bytes is longer than this channel's limit of {limit}; create it with a larger largest_message"
    )]
    TooLong {
        /// How long it is, encoded.
        bytes: usize,
        /// The longest there may be.
        limit: usize,
    },
    /// A request was taken by a process that died, or gave it up, before it had answered.
    ///
    /// It may have worked on it. Ask again if that does no harm.
    #[error(
        "the process that took the request of route {route} died or gave it up, and may have worked on it; \
         ask again if that does no harm"
    )]
    Unanswered {
        /// The route of the request.
        route: Route,
    },
    /// A channel over a plain queue has no name and no memory of its own.
    #[error("a channel over a plain message queue can't {what}; open a channel by name for that")]
    NeedsName {
        /// What it can't.
        what: &'static str,
    },
    /// A ring of this capacity, or a channel for messages of this size, can't be made.
    #[error("{bytes} bytes are more than it can be made for; ask for a smaller capacity or largest_message")]
    TooLarge {
        /// How many bytes the items, or the largest message, would need.
        bytes: usize,
    },
    /// The type needs more alignment than the object can give its values.
    #[error("the type must be aligned to {align} bytes, and {most} is the most that can be had here")]
    Overaligned {
        /// The alignment of the type.
        align: usize,
        /// The largest that there can be.
        most: usize,
    },
    /// Another handle has the role, and lives.
    #[error("process {pid} is the {role}, and there can be only one; wait until it leaves or dies")]
    RoleTaken {
        /// The role.
        role: Side,
        /// The process that has it, by its own id.
        pid: u32,
    },
    /// A lock was refused because a former holder died or panicked; see
    /// [`LockError`](crate::LockError), from which this comes.
    #[error(
        "a process died or panicked while it held mutex {name:?}, and its value may be half changed; \
         lock it through ignore_poison, mend the value and call clear_poison"
    )]
    Poisoned {
        /// The name of the mutex.
        name: String,
    },
    /// More was asked for at once than there is, or may ever be.
    #[error("{wanted} permits are too many: there can be at most {limit} at once{}", resized(*limit, *capacity))]
    TooMany {
        /// How many were asked for.
        wanted: u32,
        /// How many the pool gives out, or the most that any pool may have.
        limit: u32,
        /// How many it may be resized to.
        capacity: u32,
    },
    /// A name must have 1 to 255 bytes and no NUL.
    #[error("{name:?} is no name: it must have 1 to 255 bytes and no NUL")]
    BadName {
        /// The name.
        name: String,
    },
    /// Nothing has this name.
    #[error(
        "there is no {kind} named {name:?} here; it was never created, was removed, or is in another IPC namespace"
    )]
    NoSuchName {
        /// The name.
        name: String,
        /// The kind of object.
        kind: &'static str,
    },
    /// `create` found the name taken.
    #[error("there is a {kind} named {name:?} already; open it, or choose another name")]
    NameTaken {
        /// The name.
        name: String,
        /// The kind of object.
        kind: &'static str,
    },
    /// Another name has the same key: 31 bits are not many.
    #[error("the name {name:?} and the existing name {found:?} have the same key {key}; choose another name")]
    NameCollision {
        /// The name that was asked for.
        name: String,
        /// The name of what is there.
        found: String,
        /// The key of both.
        key: Key,
    },
    /// The key belongs to a segment that this crate did not make.
    #[error("the key {key} of {name:?} belongs to another program's segment {segment}; choose another name")]
    Foreign {
        /// The name that was asked for.
        name: String,
        /// Its key.
        key: Key,
        /// The id of the segment.
        segment: i32,
    },
    /// The key belongs to a semaphore set that this crate did not make.
    #[error("the key {key} of {name:?} belongs to another program's semaphore set {set}; choose another name")]
    ForeignSet {
        /// The name that was asked for.
        name: String,
        /// Its key.
        key: Key,
        /// The id of the set.
        set: i32,
    },
    /// The key belongs to a message queue that is no channel's.
    #[error(
        "the key {key} of {name:?} belongs to message queue {queue}, which is another program's or lost its channel; \
         choose another name, or remove it"
    )]
    ForeignQueue {
        /// The name that was asked for.
        name: String,
        /// Its key.
        key: Key,
        /// The id of the queue.
        queue: i32,
    },
    /// The object was made by another version of this crate, with another layout.
    #[error("{name:?} has layout version {found}, this program knows {wanted}; build both from the same version")]
    WrongVersion {
        /// The name.
        name: String,
        /// The version of what is there.
        found: u32,
        /// The version of this crate.
        wanted: u32,
    },
    /// The object holds values of another type.
    #[error(
        "{name:?} holds values of {} bytes, alignment {}, schema {}, not of {} bytes, alignment {}, schema {}; \
         use the same type and schema, or another name",
        found.size, found.align, found.schema, wanted.size, wanted.align, wanted.schema
    )]
    WrongType {
        /// The name.
        name: String,
        /// The type of what is there.
        found: Fingerprint,
        /// The type that was asked for.
        wanted: Fingerprint,
    },
    /// The object belongs to a user whom this process has no reason to trust.
    #[error("{name:?} (id {id}) belongs to user {uid}; say Options::trust({uid}) if that is right")]
    Untrusted {
        /// The name.
        name: String,
        /// The id of its set or segment.
        id: i32,
        /// Its owner or creator.
        uid: u32,
    },
    /// As many handles are registered as the object was made for.
    #[error("all {max_processes} slots are taken; drop handles, or create the object with a larger max_processes")]
    Full {
        /// How many there are.
        max_processes: u32,
    },
    /// Something overwrote the object, or part of it is gone while it is in use.
    #[error("{part} of object {id} is damaged or gone; stop its users and remove it")]
    Damaged {
        /// What is damaged.
        part: &'static str,
        /// The id of the set or segment.
        id: i32,
    },
    /// The semaphores were removed from outside while others still use the memory.
    ///
    /// `ipcrm` or systemd's `RemoveIPC` did it. A new object beside the old one would give two
    /// processes the same lock, so none is made before those users have ended.
    #[error(
        "the semaphores of {name:?} were removed from outside while segment {segment} still has {users} users; \
         stop them first (systemd's RemoveIPC may be the cause)"
    )]
    Wiped {
        /// The name.
        name: String,
        /// The id of the segment that is still used.
        segment: i32,
        /// How many have it attached.
        users: u64,
    },
}

impl Error {
    /// Returns whether waiting longer could have helped; see [`raw::Error::is_busy`].
    ///
    /// ```
    /// # use sysv_primitives::{Channel, raw::MessageQueueOptions};
    /// let channel = Channel::new(MessageQueueOptions::new().open_random()?)?;
    /// assert!(channel.try_recv_any().unwrap_err().is_busy());
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Raw(error) => error.is_busy(),
            _ => false,
        }
    }

    /// Returns whether it is the end: closed, or abandoned by the other side.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Closed | Self::Abandoned(_))
    }

    /// Returns whether the object is gone, or was never there; see [`raw::Error::is_gone`].
    ///
    /// ```
    /// # use sysv_primitives::Pool;
    /// assert!(Pool::open("no pool has this name").unwrap_err().is_gone());
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::NoSuchName { .. } => true,
            Self::Raw(error) => error.is_gone(),
            _ => false,
        }
    }
}

fn resized(limit: u32, capacity: u32) -> String {
    if capacity > limit { format!(", or {capacity} after a resize") } else { String::new() }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Raw(error) => return error.into(),
            Error::NoSuchName { .. } => io::ErrorKind::NotFound,
            Error::NameTaken { .. } | Error::NameCollision { .. } => io::ErrorKind::AlreadyExists,
            Error::Untrusted { .. } => io::ErrorKind::PermissionDenied,
            Error::Busy => io::ErrorKind::WouldBlock,
            Error::RoleTaken { .. } | Error::Wiped { .. } => io::ErrorKind::ResourceBusy,
            Error::Full { .. } => io::ErrorKind::QuotaExceeded,
            Error::Closed | Error::Abandoned(_) => io::ErrorKind::BrokenPipe,
            Error::Unanswered { .. } => io::ErrorKind::ConnectionAborted,
            Error::Undecodable { .. } | Error::Damaged { .. } => io::ErrorKind::InvalidData,
            Error::Poisoned { .. } => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
