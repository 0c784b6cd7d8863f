//! The kernel objects that an object consists of.

use std::time::SystemTime;

use crate::raw::{Key, Permissions};

/// The kernel objects of an object, for operators and tools.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The key of set and segment.
    pub key: Key,
    /// The id of the semaphore set.
    pub set: i32,
    /// The id of the segment.
    pub segment: i32,
    /// Owner, creator and mode of the set.
    pub permissions: Permissions,
    /// How many semaphores the set has.
    pub semaphores: usize,
    /// How many bytes the segment has.
    pub bytes: usize,
    /// When it was made, in whole seconds.
    pub created: SystemTime,
    /// Whether it outlives its last handle. It does not where the system removes segments that no process has attached
    /// (`kernel.shm_rmid_forced`).
    pub lasts: bool,
}
