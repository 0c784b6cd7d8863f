//! A session: the registration of a handle, as this process and the words of the object name it.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

use crate::raw::process;

/// Set in a kept session if its handle has a failure to report (see `recorded`).
///
/// It belongs to the generation, so the session looks like that of another process, and the next call takes its slow path.
/// No process has as many ancestors as would set it.
const MARK: u64 = 1 << 63;

/// Which slot of which generation holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session(u64);

impl Session {
    /// What a handle keeps as long as it has none. It is no process's.
    pub(super) const NONE: Self = Self(MARK);

    pub(super) fn new(slot: u32) -> Self {
        Self(u64::from(process::fork_generation()) << 32 | u64::from(slot + 1))
    }

    /// Returns the slot's number plus one, which is how words name their owners.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    pub(crate) fn owner(self) -> u32 {
        self.0 as u32
    }

    /// Returns the slot's number.
    #[inline]
    pub(crate) fn slot(self) -> usize {
        self.owner() as usize - 1
    }

    /// Returns the fork generation of the process that registered it.
    #[inline]
    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Returns it as a number, to be kept in an atomic.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the session that a handle keeps, whether it is marked or not.
    pub(crate) fn kept(bits: u64) -> Self {
        Self(bits & !MARK)
    }

    /// Returns whether a kept session is marked.
    pub(crate) fn is_marked(self) -> bool {
        self.0 & MARK != 0
    }

    /// Marks a kept session: the next call on its handle takes the slow path.
    #[cold]
    pub(crate) fn mark(kept: &AtomicU64) {
        // SYNC: Release pairs with `unmark`: what was recorded before is there.
        kept.fetch_or(MARK, Release);
    }

    /// Takes the mark off a kept session.
    pub(crate) fn unmark(kept: &AtomicU64) {
        // SYNC: Acquire pairs with `mark`.
        kept.fetch_and(!MARK, Acquire);
    }

    /// Returns the generation of a kept session, marked: it differs from every process's.
    pub(crate) fn marked_generation(self) -> u32 {
        self.generation() | (MARK >> 32) as u32
    }

    /// Returns whether this process registered it, and not its parent. A marked session is no process's.
    #[inline]
    pub(crate) fn is_ours(self) -> bool {
        self.is_current() && self.owner() != 0
    }

    /// Does the same for a session that was ours once, or that a handle keeps.
    #[inline]
    pub(crate) fn is_current(self) -> bool {
        process::is_generation(self.generation())
    }
}
