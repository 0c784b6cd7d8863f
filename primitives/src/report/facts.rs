//! What a report consists of.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::{
    kind::{Kind, State},
    parts::{QueuePart, SegmentPart, SetPart},
};
use crate::{Fingerprint, Role};

/// A report on one object, as of a moment ago.
///
/// The parts are read one after another, while the members go on. So some numbers may be slightly older than others.
///
/// With the feature `serde` it can be serialised. Its names stay the same. Times are seconds since 1970, and durations are
/// seconds.
///
/// ```
/// use sysv_primitives::{Pool, inspect};
///
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// # let name = format!("report-example-{}", std::process::id());
/// let pool = Pool::create(&name, 4)?;
/// let permit = pool.acquire()?;
/// let report = &inspect::named(&name)?[0];
/// let fill = report.fill.expect("a pool has permits");
/// println!("{} {}: {} of {} permits", report.kind, report.state, fill.used, fill.capacity);
/// for holder in &report.holders {
///     println!("process {} has {:?} {}", holder.pid, holder.what, holder.count);
/// }
/// assert_eq!((fill.used, fill.capacity), (1, 4));
/// drop(permit);
/// pool.remove()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report {
    /// What kind of object it is.
    pub kind: Kind,
    /// Its name, if it has one and it could be read.
    pub name: Option<String>,
    /// Its state: whether it is complete, and whether any member uses it.
    pub state: State,
    /// Why it has this state, where that is not obvious.
    pub why: Option<String>,
    /// The version of the layout, of an object of this crate.
    pub version: Option<u32>,
    /// The key of its parts. 0 if no key finds them.
    pub key: i32,
    /// Its semaphore set, if it has one.
    pub set: Option<SetPart>,
    /// Its segment, if it has one.
    pub segment: Option<SegmentPart>,
    /// The message queue, if it is one.
    pub queue: Option<QueuePart>,
    /// The type of its values, if its kind has one.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub fingerprint: Option<Fingerprint>,
    /// The options that it was made with, by their names.
    pub options: BTreeMap<&'static str, Value>,
    /// When it was made.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::report::serial::since_1970"))]
    pub created: Option<SystemTime>,
    /// When it was last used: when the last `semop`, or the last message, was.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::report::serial::since_1970"))]
    pub last_used: Option<SystemTime>,
    /// The members that live, by their slots.
    pub members: Vec<Member>,
    /// The members that died and are not repaired yet, by their slots.
    pub dead: Vec<Member>,
    /// The members that hold something, or have reserved it.
    pub holders: Vec<Holder>,
    /// Which members wait, the longest wait first.
    pub waiters: Vec<Waiter>,
    /// How much of it is in use: items, permits, messages.
    pub fill: Option<Fill>,
    /// The queued messages of a channel or a queue, by route.
    pub routes: Vec<Route>,
    /// The messages that members of a channel work on.
    pub jobs: Vec<Job>,
    /// The subscribers of a broadcast ring.
    pub subscribers: Vec<Subscriber>,
    /// How many messages of a channel are set aside.
    pub set_aside: Option<u64>,
    /// Its counters and positions, by their names.
    pub counters: BTreeMap<&'static str, u64>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(kind: Kind, state: State, key: i32) -> Self {
        Self {
            kind,
            name: None,
            state,
            why: None,
            version: None,
            key,
            set: None,
            segment: None,
            queue: None,
            fingerprint: None,
            options: BTreeMap::new(),
            created: None,
            last_used: None,
            members: Vec::new(),
            dead: Vec::new(),
            holders: Vec::new(),
            waiters: Vec::new(),
            fill: None,
            routes: Vec::new(),
            jobs: Vec::new(),
            subscribers: Vec::new(),
            set_aside: None,
            counters: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    pub(crate) fn option(&mut self, name: &'static str, value: u64) {
        self.options.insert(name, Value::Number(value));
    }

    /// Adds a message of a queue to its type.
    pub(crate) fn message(&mut self, kind: i64, bytes: u64) {
        if let Some(route) = self.routes.iter_mut().find(|route| route.route == kind) {
            route.messages += 1;
            route.bytes += bytes;
        } else {
            self.routes.push(Route { route: kind, messages: 1, bytes, oldest: None });
        }
    }

    /// Returns whether it is an object of this crate, as far as that is known.
    ///
    /// ```
    /// # if !cfg!(target_os = "linux") { return Ok(()) }
    /// use sysv_primitives::inspect;
    ///
    /// let ours = inspect::objects()?.into_iter().filter(|report| report.is_ours()).count();
    /// println!("{ours} objects of this crate");
    /// # Ok::<(), sysv_primitives::raw::Error>(())
    /// ```
    #[must_use]
    pub fn is_ours(&self) -> bool {
        !matches!(self.kind, Kind::SemaphoreSet | Kind::SharedMemory | Kind::MessageQueue)
    }
}

/// The value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
#[non_exhaustive]
pub enum Value {
    /// A number.
    Number(u64),
    /// Off or on.
    Flag(bool),
}

/// A slot that a handle has, or had when it died.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Member {
    /// Its slot.
    pub slot: u32,
    /// The id of its process in that process's own PID namespace.
    pub pid: u32,
    /// When the process started, in clock ticks since boot. 0 if that is not known.
    pub start_time: u64,
    /// How long ago the process started, if that is known.
    #[cfg_attr(feature = "serde", serde(rename = "age_seconds", serialize_with = "crate::report::serial::or_null"))]
    pub age: Option<Duration>,
    /// Whether the kernel counts it as alive.
    pub is_alive: bool,
    /// How many processes are repairing what it left.
    pub helpers: u16,
    /// The machine of its process, of a channel on a server: a number that differs from those of others. `None` if it is this machine,
    /// or not known.
    pub host: Option<String>,
}

/// A member that holds something.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Holder {
    /// The member's slot.
    pub slot: u32,
    /// The id of its process. 0 if the slot names none.
    pub pid: u32,
    /// Whether the kernel counts the member as alive.
    pub is_alive: bool,
    /// What it holds.
    pub what: Hold,
    /// How many of them.
    pub count: u64,
}

/// What a member can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Hold {
    /// The lock of a mutex, or of a watch: it sets the value.
    Lock,
    /// An offer of a lock, which it has not confirmed yet.
    Offer,
    /// An rwlock, for writing.
    Write,
    /// An rwlock, for reading.
    Read,
    /// Permits of a pool.
    Permits,
    /// The turnstile of the callers for several permits.
    Turnstile,
    /// The role of a producer or sender, or the mark of a writer: it is attached as one.
    Producer,
    /// The role of a consumer, receiver or subscriber: it is attached as one.
    Consumer,
    /// Slots of a ring, or cells of a channel, that it is writing.
    Writing,
    /// Items of a ring, or messages of a channel, that it has taken and not finished.
    Claim,
    /// The initialisation of a value.
    Initialisation,
    /// Participation in a barrier: the others wait for it.
    Participation,
    /// An arrival in the current generation of a barrier: it waits for the others.
    Arrival,
    /// The lock of the blocks of a channel.
    BlockLock,
    /// Calls of a channel for which it waits for a response.
    Call,
    /// The routes of which it has received requests.
    Service,
}

/// A member that waits.
///
/// Threads of one process that wait for the same kind of thing through one handle are one waiter.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Waiter {
    /// The member's slot.
    pub slot: u32,
    /// The id of its process.
    pub pid: u32,
    /// Whether the kernel counts the member as alive.
    pub is_alive: bool,
    /// What it waits for.
    pub interest: Interest,
    /// How long it has waited, if its kind records that.
    #[cfg_attr(feature = "serde", serde(rename = "waited_seconds", serialize_with = "crate::report::serial::or_null"))]
    pub waited: Option<Duration>,
    /// Whether it was called, and has not continued yet.
    pub is_called: bool,
}

/// What a member waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case", tag = "for"))]
#[non_exhaustive]
pub enum Interest {
    /// The lock of a mutex, or of a watch: to set the value.
    Lock,
    /// An rwlock, for writing.
    Write,
    /// That the readers of an rwlock leave. It has shut the gate for new readers.
    Readers,
    /// An rwlock, for reading.
    Read,
    /// Permits of a pool.
    Permits {
        /// How many.
        count: u64,
    },
    /// A role of a ring that has one holder.
    Role {
        /// Which.
        role: Role,
    },
    /// Room for an item or a message.
    Room,
    /// An item.
    Items,
    /// A message.
    Messages {
        /// The routes that its interest is known to name. Empty if it is for several that share a lane, or for any.
        routes: Vec<u32>,
    },
    /// A response to its call.
    Response,
    /// The lock of the blocks of a channel.
    BlockLock,
    /// A value that is being initialised.
    Value,
    /// That all participants of a barrier arrive.
    Barrier,
    /// A change of the value of a watch or a mutex, or the end of the last writer of a watch.
    Change,
}

/// How much of an object is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Fill {
    /// How many are in use.
    pub used: u64,
    /// How many there are.
    pub capacity: u64,
}

/// What waits on one route.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Route {
    /// The route, or the message type of a queue.
    pub route: i64,
    /// How many messages.
    pub messages: u64,
    /// How many bytes they have together, as they are encoded.
    pub bytes: u64,
    /// How long the oldest one has waited. A queue does not record that.
    #[cfg_attr(feature = "serde", serde(rename = "oldest_seconds", serialize_with = "crate::report::serial::or_null"))]
    pub oldest: Option<Duration>,
}

/// A message that a member of a channel works on.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Job {
    /// The slot of the member.
    pub slot: u32,
    /// The id of its process.
    pub pid: u32,
    /// Whether the kernel counts the member as alive.
    pub is_alive: bool,
    /// The route of the message.
    pub route: u32,
    /// How long ago it was claimed. Only claims record that.
    #[cfg_attr(feature = "serde", serde(rename = "age_seconds", serialize_with = "crate::report::serial::or_null"))]
    pub age: Option<Duration>,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    /// Whether it is a claim, and comes back unless it is completed.
    pub is_claim: bool,
    /// The process of the caller that waits for a response, if there is one.
    pub caller_pid: Option<u32>,
}

/// A subscriber of a broadcast ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Subscriber {
    /// The slot of the member.
    pub slot: u32,
    /// The id of its process.
    pub pid: u32,
    /// Whether the kernel counts the member as alive.
    pub is_alive: bool,
    /// How many items it has not popped yet. In a lossless ring, a subscriber that is a whole ring behind blocks the producer.
    pub lag: u64,
    /// How many items were overwritten before it popped them, and not reported to it yet.
    pub missed: u64,
    /// Whether it has not begun yet. Then it begins with the item that is pushed next.
    pub is_joining: bool,
}

/// What is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A short name that stays the same.
    pub code: &'static str,
    /// What was found.
    pub text: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Severity {
    /// For information. The library handles it by itself.
    Note,
    /// An operator may have to act.
    Warning,
    /// The memory has a value that no member of this version writes.
    Damage,
}
