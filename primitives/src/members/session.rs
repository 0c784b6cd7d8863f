//! A registration, as this process and its words know it.

use crate::raw::process;

/// Which slot of which generation holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session(u64);

impl Session {
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
    pub(crate) fn slot(self) -> usize {
        self.owner() as usize - 1
    }

    /// Returns the fork generation of the process that registered it.
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

    /// Returns whether this process registered it, and not its parent.
    #[inline]
    pub(crate) fn is_ours(self) -> bool {
        self.0 >> 32 == u64::from(process::fork_generation()) && self.owner() != 0
    }
}
