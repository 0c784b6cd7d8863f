//! Where a room lies in the body of an object.

use std::sync::Arc;

use super::{
    entry::Entry,
    flag::Flag,
    room::{Room, RoomControl},
};
use crate::{
    layout::Mapped,
    raw::{self, SharedMemory, SharedSafe},
    set_layout::SlotBells,
};

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for Entry {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: as above.
unsafe impl SharedSafe for RoomControl {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it is an atomic integer.
unsafe impl SharedSafe for Flag {}

/// Two cache lines, since processors fetch them in pairs.
const LINES: usize = 128;

const _: () = assert!(size_of::<RoomControl>() <= LINES);

impl Room {
    /// Where the entries lie in a room.
    pub(super) const ENTRIES: usize = LINES;

    /// Returns how many bytes a room takes. It begins on a cache line of its own, and ends on one.
    pub(crate) const fn bytes(max_handles: u32) -> usize {
        LINES + (max_handles as usize * size_of::<Entry>()).next_multiple_of(LINES)
    }

    /// Finds a room in the memory of an object.
    pub(crate) fn at(memory: &Arc<SharedMemory>, at: usize, max_handles: u32, bells: SlotBells) -> raw::Result<Self> {
        let control = Mapped::at(memory, at)?;
        let entries = Mapped::slice(memory, at + LINES, max_handles as usize)?;
        Ok(Self::new(control, entries, bells))
    }
}
