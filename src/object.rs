//! What a call was about: the kind of an object, and as much of its identity as is known.

use std::fmt;

use crate::Key;

/// The three kinds of System V object.
///
/// Each kind has a key space of its own: a semaphore set and a segment may have the same key.
///
/// ```
/// use sysv_ipc::ObjectKind;
/// assert_eq!(ObjectKind::MessageQueue.to_string(), "message queue");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A set of semaphores.
    Semaphores,
    /// A segment of shared memory.
    SharedMemory,
    /// A message queue.
    MessageQueue,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Semaphores => "semaphore set",
            Self::SharedMemory => "shared memory segment",
            Self::MessageQueue => "message queue",
        })
    }
}

/// The object a call was about, as far as the caller had named it.
///
/// ```
/// use sysv_ipc::{Key, ObjectKind, ObjectId};
/// let object = ObjectId { kind: ObjectKind::SharedMemory, key: Some(Key::new(42)?), id: Some(7) };
/// assert_eq!(object.to_string(), "shared memory segment 7 (key 0x0000002a)");
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectId {
    /// What kind of object it is.
    pub kind: ObjectKind,
    /// Its key, if the caller knew it.
    pub key: Option<Key>,
    /// Its kernel id, if the caller knew it.
    pub id: Option<i32>,
}

impl ObjectId {
    pub(crate) fn with_key(kind: ObjectKind, key: Key) -> Self {
        Self { kind, key: Some(key), id: None }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match (self.id, self.key) {
            (Some(id), Some(key)) => write!(f, " {id} (key {key})"),
            (Some(id), None) => write!(f, " {id}"),
            (None, Some(key)) => write!(f, " with key {key}"),
            (None, None) => Ok(()),
        }
    }
}
