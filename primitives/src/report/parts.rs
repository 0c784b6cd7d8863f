//! The kernel objects that an object consists of, as reports show them.

/// The semaphore set of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SetPart {
    /// Its id.
    pub id: i32,
    /// Its owner, its creator and its mode.
    pub access: Access,
    /// How many semaphores it has.
    pub semaphores: usize,
    /// How many threads sleep in it, as far as this process may read that.
    pub sleepers: Option<usize>,
}

/// The segment of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SegmentPart {
    /// Its id.
    pub id: i32,
    /// Its owner, its creator and its mode.
    pub access: Access,
    /// Its size in bytes.
    pub bytes: usize,
    /// How many times it is attached, without this report.
    pub attached: u64,
    /// Whether it was removed, and exists until its last detach.
    pub is_removed: bool,
    /// The process that made it.
    pub creator_pid: Option<u32>,
    /// The process that last attached or detached it. It may be that of an earlier report.
    pub last_pid: Option<u32>,
}

/// A message queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct QueuePart {
    /// Its id.
    pub id: i32,
    /// Its owner, its creator and its mode.
    pub access: Access,
    /// How many messages are on it.
    pub messages: u64,
    /// How many bytes they have, where the system tells.
    pub bytes: Option<u64>,
    /// How many bytes it has room for.
    pub max_bytes: u64,
    /// The process that last sent.
    pub last_send_pid: Option<u32>,
    /// The process that last received.
    pub last_receive_pid: Option<u32>,
}

/// Owner, creator and mode of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Access {
    /// The owner's user id.
    pub uid: u32,
    /// The owner's group id.
    pub gid: u32,
    /// The creator's user id.
    pub cuid: u32,
    /// The creator's group id.
    pub cgid: u32,
    /// The mode.
    pub mode: u32,
}
