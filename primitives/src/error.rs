//! What can go wrong in the primitives.

use std::io;

use thiserror::Error;

use crate::{
    Fingerprint, ObjectName, Role, Route,
    options::{MOST_HANDLES, MOST_IN_CHANNEL},
    raw::{self, Key, Limit},
};

/// The part of a channel that holds short messages.
pub(crate) const QUEUE: &str = "queue";
/// The part of a channel that holds long messages and calls.
pub(crate) const MEMORY: &str = "memory for long messages and calls";

/// A specialised `Result` for the primitives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of every operation of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A System V call on something without a name failed; it says which, on what, and what to do.
    #[error(transparent)]
    Raw(#[from] raw::Error),
    /// A System V call on a named object failed; it says which, on what, and what to do.
    ///
    /// [`raw`](Self::raw) returns the system's error of this variant and of its neighbours.
    #[error("{object}: {error}{}", fewer_handles(error))]
    Failed {
        /// The object.
        object: ObjectName,
        /// What the system said.
        error: raw::Error,
    },
    /// A part of a new object can't be made: a limit is reached, or there is no memory for it. Nothing was made.
    #[error("can't create {object}, which needs {}: {error}{}", needed(*part, *size), smaller(object, *part, error))]
    NotCreated {
        /// The object.
        object: ObjectName,
        /// Which part of it.
        part: raw::ObjectKind,
        /// How many semaphores or bytes that part needs; 0 for a queue.
        size: usize,
        /// What the system said.
        error: Box<raw::Error>,
    },
    /// The value can't be turned into bytes, as its own `Serialize` says. Nothing was sent.
    #[error("can't encode a message of route {route} for {object}: {why}; nothing was sent")]
    Unencodable {
        /// The channel.
        object: ObjectName,
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
        "a message of {} bytes on route {route} of {object} is no such value: {why}; \
         it is off the queue, and its bytes are in this error", bytes.len()
    )]
    Undecodable {
        /// The channel.
        object: ObjectName,
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
    /// The object was closed.
    ///
    /// A sender or producer gets it at once. A receiver or consumer gets it when nothing that it asked for is left.
    #[error("{object} was closed, {}", closed_for(*role))]
    Closed {
        /// The object.
        object: ObjectName,
        /// At which end the caller is.
        role: Role,
    },
    /// Every handle of the other end has left or died, and the caller asked to be notified of that.
    #[error("{object}: every {role} has left or died; wait for another one with detect_disconnect(false)")]
    Disconnected {
        /// The object.
        object: ObjectName,
        /// The role of the handles that are gone.
        role: Role,
    },
    /// The channel is full, and the timeout elapsed or was zero. Nothing was sent.
    ///
    /// Such an error [is busy](Self::is_busy).
    #[error(
        "{object} is full: its {part} holds {messages} of at most {max_messages} messages and {bytes} of {max_bytes} bytes; \
         receive from it, or wait longer{}",
        larger_queue(part)
    )]
    ChannelFull {
        /// The channel.
        object: ObjectName,
        /// Which part of it: the queue of short messages, or the memory for long ones and calls.
        part: &'static str,
        /// How many messages it holds.
        messages: u64,
        /// How many messages it has room for, if all were short.
        max_messages: u64,
        /// How many bytes it holds.
        bytes: u64,
        /// How many bytes it has room for.
        max_bytes: u64,
    },
    /// The message is longer than the channel carries. Nothing was sent.
    #[error("a message of {bytes} bytes is longer than the limit of {object}, {limit} bytes; {}", longer(object, *is_raw))]
    TooLong {
        /// The channel.
        object: ObjectName,
        /// Whether it was sent as raw bytes, which always travel on the queue itself.
        is_raw: bool,
        /// How long it is, encoded.
        bytes: usize,
        /// The longest there may be.
        limit: usize,
    },
    /// A request was taken by a process that died, or gave it up, before it had answered.
    ///
    /// It may have worked on it. Ask again if that does no harm.
    #[error(
        "the process that took the request of route {route} from {object} died or gave it up, and may have worked on it; \
         ask again if that does no harm"
    )]
    NoResponse {
        /// The channel.
        object: ObjectName,
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
    #[error("{object} can't be made for {bytes} bytes; {}", smaller_size(object))]
    TooLarge {
        /// The object.
        object: ObjectName,
        /// How many bytes the items, or the largest message, would need.
        bytes: usize,
    },
    /// The type needs more alignment than the object can give its values.
    #[error("the type for {object} must be aligned to {align} bytes, and {most} is the most that a {} has", object.kind())]
    Overaligned {
        /// The object.
        object: ObjectName,
        /// The alignment of the type.
        align: usize,
        /// The largest that there can be.
        most: usize,
    },
    /// Another handle has the role, and lives.
    #[error(
        "process {pid} is the {role} of {object}, and there can be only one; \
         {role}_timeout waits until it leaves or dies"
    )]
    RoleTaken {
        /// The ring.
        object: ObjectName,
        /// The role.
        role: Role,
        /// The process that has it, by its own id.
        pid: u32,
    },
    /// A lock was refused because a former holder died or panicked; see
    /// [`LockError`](crate::LockError), from which this comes.
    #[error(
        "a process died or panicked while it held {object}, and its value may be half changed; \
         lock it through ignore_poison, mend the value and call clear_poison"
    )]
    Poisoned {
        /// The mutex.
        object: ObjectName,
    },
    /// More was asked for at once than there is, or may ever be.
    #[error("{wanted} permits of {object} are too many: there can be at most {limit} at once{}", resized(*limit, *capacity))]
    TooMany {
        /// The pool.
        object: ObjectName,
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
        /// The name of what is there.
        found: String,
        /// The key of both.
        key: Key,
    },
    /// The key belongs to a segment that this crate did not make.
    #[error("the key {key} of {object} belongs to another program's segment {segment}; choose another name")]
    Foreign {
        /// The object that was asked for.
        object: ObjectName,
        /// Its key.
        key: Key,
        /// The id of the segment.
        segment: i32,
    },
    /// The key belongs to a semaphore set that this crate did not make.
    #[error("the key {key} of {object} belongs to another program's semaphore set {set}; choose another name")]
    ForeignSet {
        /// The object that was asked for.
        object: ObjectName,
        /// Its key.
        key: Key,
        /// The id of the set.
        set: i32,
    },
    /// The key belongs to a message queue that is no channel's.
    #[error(
        "the key {key} of {object} belongs to message queue {queue}, which is another program's or lost its channel; \
         choose another name, or remove it"
    )]
    ForeignQueue {
        /// The object that was asked for.
        object: ObjectName,
        /// Its key.
        key: Key,
        /// The id of the queue.
        queue: i32,
    },
    /// The object was made by another version of this crate, with another layout.
    #[error(
        "{object} has layout version {found}, and this program knows version {wanted}; build both programs with the same \
         version of this crate, or remove the object and create it anew"
    )]
    WrongVersion {
        /// The object.
        object: ObjectName,
        /// The version of what is there.
        found: u32,
        /// The version of this crate.
        wanted: u32,
    },
    /// The object holds values of another type.
    #[error("{object} was made for {found}, and this program asks for {wanted}; {}", same_type(found))]
    WrongType {
        /// The object.
        object: ObjectName,
        /// The type of what is there.
        found: Box<Fingerprint>,
        /// The type that was asked for.
        wanted: Box<Fingerprint>,
    },
    /// The object was made with other options, and [`Options::exact`](crate::Options::exact) was asked for.
    #[error(
        "{object} has {option} {}, and {} was asked for; ask for what it has, take it as it is without Options::exact, or \
         remove it and create it anew", shown(option, *found), shown(option, *wanted)
    )]
    OtherOptions {
        /// The object.
        object: ObjectName,
        /// The option, by the name that it has here.
        option: &'static str,
        /// What the object has; 0 and 1 for what is off or on.
        found: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// The object belongs to a user whom this process has no reason to trust.
    #[error("{object} (id {id}) belongs to user {uid}; say Options::trust({uid}) if that is right")]
    Untrusted {
        /// The object.
        object: ObjectName,
        /// The id of its set or segment.
        id: i32,
        /// Its owner or creator.
        uid: u32,
    },
    /// As many handles are registered as the object was made for.
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
    /// Something overwrote the object, or part of it is gone while it is in use.
    #[error("{part} of {object} (id {id}) is damaged or gone; stop its users and remove it")]
    Damaged {
        /// The object.
        object: ObjectName,
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
            Self::Busy | Self::ChannelFull { .. } => true,
            Self::Raw(error) | Self::Failed { error, .. } => error.is_busy(),
            _ => false,
        }
    }

    /// Returns whether it is the end: closed, or abandoned by the other side.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Disconnected { .. })
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
            Self::Raw(error) | Self::Failed { error, .. } => error.is_gone(),
            _ => false,
        }
    }

    /// Returns what the system said, if it was a System V call that failed.
    ///
    /// ```
    /// # use sysv_primitives::{Mutex, raw};
    /// # let name = format!("error-raw-example-{}", std::process::id());
    /// let mutex = Mutex::create(&name, ())?;
    /// mutex.remove()?;
    /// let error = mutex.remove().unwrap_err();
    /// assert!(matches!(error.raw(), Some(raw::Error::Removed { .. })));
    /// assert!(error.to_string().contains(&name));
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn raw(&self) -> Option<&raw::Error> {
        match self {
            Self::Raw(error) | Self::Failed { error, .. } => Some(error),
            Self::NotCreated { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Names the object on which a call failed.
    pub(crate) fn on(self, object: &ObjectName) -> Self {
        match self {
            Self::Raw(error) => Self::Failed { object: object.clone(), error },
            other => other,
        }
    }
}

fn closed_for(role: Role) -> &'static str {
    match role {
        Role::Producer => {
            "and takes nothing more in; what is in it can still be taken out; to begin anew, remove it and create it again"
        }
        Role::Consumer => "and nothing that was asked for is left in it; to begin anew, remove it and create it again",
    }
}

/// Returns the advice for a call that looks at all handles at once.
fn fewer_handles(error: &raw::Error) -> &'static str {
    match error {
        raw::Error::LimitReached { limit: Limit::Semopm, .. } => {
            ", or create it with a smaller Options::max_handles: one operation must be able to test every handle"
        }
        _ => "",
    }
}

fn needed(part: raw::ObjectKind, size: usize) -> String {
    match part {
        raw::ObjectKind::Semaphores => format!("a set of {size} semaphores"),
        raw::ObjectKind::SharedMemory => format!("a segment of {size} bytes"),
        raw::ObjectKind::MessageQueue => "a message queue".to_owned(),
    }
}

/// Returns which option makes a part smaller, if its size is what was refused.
fn smaller(object: &ObjectName, part: raw::ObjectKind, error: &raw::Error) -> String {
    let is_size = match error {
        raw::Error::LimitReached { limit, .. } => {
            matches!(limit, Limit::Semmsl | Limit::Semmns | Limit::Shmmax | Limit::Shmall)
        }
        raw::Error::OutOfMemory { .. } => true,
        _ => false,
    };
    match part {
        _ if !is_size => String::new(),
        raw::ObjectKind::Semaphores => "; a smaller Options::max_handles needs fewer semaphores".to_owned(),
        raw::ObjectKind::SharedMemory => format!("; {}", smaller_size(object)),
        raw::ObjectKind::MessageQueue => String::new(),
    }
}

fn smaller_size(object: &ObjectName) -> &'static str {
    match object.kind() {
        "channel" => "ask for a smaller Options::max_message_size (4 GiB at most)",
        "pool" => "ask for fewer permits, or a smaller capacity",
        "mutex" => "use a smaller type",
        _ => "ask for a smaller capacity, or use a smaller type",
    }
}

fn larger_queue(part: &str) -> &'static str {
    if part == QUEUE { ", or raise the size of the queue with queue().set_max_size" } else { "" }
}

fn longer(object: &ObjectName, is_raw: bool) -> &'static str {
    match object.name() {
        Some(_) if !is_raw => "create it with a larger Options::max_message_size",
        Some(_) => {
            "send a typed message, which may be longer, or raise `sysctl kernel.msgmax` and the size of the queue"
        }
        None => {
            "open a channel by name, which carries longer ones, or raise `sysctl kernel.msgmax` and the size of the queue"
        }
    }
}

fn same_type(found: &Fingerprint) -> &'static str {
    if found.name_hash == 0 {
        "use the same schema, or another name"
    } else {
        "use the same type and schema, or another name; if both types are meant to be one, give them one name with \
         Options::type_name"
    }
}

fn shown(option: &str, value: u64) -> String {
    match option {
        "mode" => format!("{value:04o}"),
        "light_fences" => (value != 0).to_string(),
        _ => value.to_string(),
    }
}

fn most_handles(object: &ObjectName) -> u32 {
    if object.kind() == "channel" { MOST_IN_CHANNEL } else { MOST_HANDLES }
}

fn resized(limit: u32, capacity: u32) -> String {
    if capacity > limit { format!(", or {capacity} after a resize") } else { String::new() }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Raw(error) => return error.into(),
            Error::Failed { ref error, .. } => Self::from(error.clone()).kind(),
            Error::NotCreated { ref error, .. } => Self::from(raw::Error::clone(error)).kind(),
            Error::NoSuchName { .. } => io::ErrorKind::NotFound,
            Error::NameTaken { .. } | Error::NameCollision { .. } => io::ErrorKind::AlreadyExists,
            Error::Untrusted { .. } => io::ErrorKind::PermissionDenied,
            Error::Busy | Error::ChannelFull { .. } => io::ErrorKind::WouldBlock,
            Error::RoleTaken { .. } | Error::Wiped { .. } => io::ErrorKind::ResourceBusy,
            Error::TooManyHandles { .. } => io::ErrorKind::QuotaExceeded,
            Error::Closed { .. } | Error::Disconnected { .. } => io::ErrorKind::BrokenPipe,
            Error::NoResponse { .. } => io::ErrorKind::ConnectionAborted,
            Error::Undecodable { .. } | Error::Damaged { .. } => io::ErrorKind::InvalidData,
            Error::Poisoned { .. } => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ObjectName, Role, io, raw};

    fn on(kind: raw::ObjectKind) -> raw::ObjectId {
        raw::ObjectId { kind, key: None, id: Some(7) }
    }

    fn created(kind: &'static str, part: raw::ObjectKind, size: usize, error: raw::Error) -> String {
        Error::NotCreated { object: ObjectName::new(kind, "x"), part, size, error: error.into() }.to_string()
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
        let reached = |part, limit| raw::Error::LimitReached {
            call: "call",
            object: on(part),
            limit,
            value: Some(1),
            errno: raw::Errno::ENOSPC,
        };
        let set = raw::ObjectKind::Semaphores;
        assert!(created("pool", set, 69, reached(set, raw::Limit::Semmsl)).ends_with("needs fewer semaphores"));
        let text = created("pool", set, 69, reached(set, raw::Limit::Semmni));
        assert!(!text.contains("max_handles"), "their number is not what is short: {text}");
        let failed = |limit| Error::Failed { object: ObjectName::new("channel", "x"), error: reached(set, limit) };
        assert!(failed(raw::Limit::Semopm).to_string().contains("a smaller Options::max_handles"));
        assert!(!failed(raw::Limit::Semmni).to_string().contains("max_handles"));
    }

    /// The name comes along, and the kind is the system's.
    #[test]
    fn case_f8_an_io_error_keeps_the_name() {
        let error =
            raw::Error::Removed { call: "semop", object: on(raw::ObjectKind::Semaphores), errno: raw::Errno::EIDRM };
        let error = Error::from(error).on(&ObjectName::new("mutex", "x"));
        assert!(error.is_gone());
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with(r#"mutex "x": semop: semaphore set 7"#), "{error}");
    }

    #[test]
    fn case_f8_a_name_is_shown_as_text() {
        let object = ObjectName::new("pool", "a\x1b[2J\n");
        assert_eq!(object.to_string(), r#"pool "a\u{1b}[2J\n""#);
        let error = Error::Disconnected { object, role: Role::Producer };
        assert!(!error.to_string().contains(char::is_control));
    }

    /// It is returned by value on the paths that push and pop.
    #[test]
    fn an_error_is_small() {
        assert!(size_of::<Error>() <= 80, "{}", size_of::<Error>());
    }
}
