//! The kinds of object, and the states of an object.

use std::fmt;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Kind {
    /// A [`Mutex`](crate::Mutex).
    Mutex,
    /// A [`Pool`](crate::Pool).
    Pool,
    /// A [`spsc::Ring`](crate::spsc::Ring).
    SpscRing,
    /// A [`mpmc::Ring`](crate::mpmc::Ring).
    MpmcRing,
    /// A [`Channel`](crate::Channel).
    Channel,
    /// An [`RwLock`](crate::RwLock).
    #[cfg_attr(feature = "serde", serde(rename = "rwlock"))]
    RwLock,
    /// A [`OnceLock`](crate::OnceLock).
    OnceLock,
    /// A [`Barrier`](crate::Barrier).
    Barrier,
    /// A [`RateLimiter`](crate::RateLimiter).
    RateLimiter,
    /// A [`Watch`](crate::Watch).
    Watch,
    /// A [`broadcast::Ring`](crate::broadcast::Ring).
    BroadcastRing,
    /// An object of this crate, of a kind that this version does not know.
    Unknown,
    /// A semaphore set that is no part of an object of this crate.
    SemaphoreSet,
    /// A segment that is no part of an object of this crate.
    SharedMemory,
    /// A message queue: a [`TypedQueue`](crate::TypedQueue), or another program's. Nothing in the kernel tells them apart.
    MessageQueue,
}

impl Kind {
    /// Returns the name of the kind, as errors and keys have it: `"mutex"`, `"spsc ring"` …
    ///
    /// ```
    /// use sysv_primitives::inspect::Kind;
    ///
    /// assert_eq!((Kind::SpscRing.name(), Kind::OnceLock.to_string().as_str()), ("spsc ring", "once lock"));
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mutex => "mutex",
            Self::Pool => "pool",
            Self::SpscRing => "spsc ring",
            Self::MpmcRing => "mpmc ring",
            Self::Channel => "channel",
            Self::RwLock => "rwlock",
            Self::OnceLock => "once lock",
            Self::Barrier => "barrier",
            Self::RateLimiter => "rate limiter",
            Self::Watch => "watch",
            Self::BroadcastRing => "broadcast ring",
            Self::Unknown => "unknown",
            Self::SemaphoreSet => "semaphore set",
            Self::SharedMemory => "shared memory",
            Self::MessageQueue => "message queue",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The state of an object: whether it is complete, and whether any member uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum State {
    /// A member lives.
    Live,
    /// No member lives. It can be opened.
    Idle,
    /// Its creator has not finished, or died before it had. The next process that opens it repairs it.
    Unfinished,
    /// Its removal was not completed. The next process that opens or unlinks it completes it.
    Condemned,
    /// It lost its set or its segment, by `ipcrm` or by systemd's `RemoveIPC`.
    Wiped,
    /// It was removed, and processes still have its segment attached.
    RemovedButAttached,
    /// Its header has values that no object can have.
    Damaged,
    /// It was made by another version of this crate, with another layout.
    OtherVersion,
    /// It is no object of this crate.
    Foreign,
    /// This process may not read it. What the kernel tells every process is in the report.
    Hidden,
}

impl State {
    /// Returns the name of the state: `"live"`, `"removed but attached"` …
    ///
    /// ```
    /// use sysv_primitives::inspect::State;
    ///
    /// assert_eq!(State::OtherVersion.name(), "other version");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Idle => "idle",
            Self::Unfinished => "unfinished",
            Self::Condemned => "condemned",
            Self::Wiped => "wiped",
            Self::RemovedButAttached => "removed but attached",
            Self::Damaged => "damaged",
            Self::OtherVersion => "other version",
            Self::Foreign => "foreign",
            Self::Hidden => "hidden",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
