//! How many permits must come back before a scan of all of them can serve the first waiter for several.
//!
//! To know whether that waiter finds enough, a process that frees a permit would have to count all free ones. In a
//! large pool that must not happen at each of thousands of releases. So the process that counted records how many were
//! missing, and the next count comes when so many were freed.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `freed` | how many permits were freed while there were waiters | each process that frees, before it reads `due` |
//! | `due`, lower half | at which value of `freed` to count again | a process that counted, by compare-and-swap from what it read before |
//! | `due`, upper half | a version | a waiter that announces itself: it also makes a count due at once |
//!
//! - **PS1** No count is put off for too long. Each permit that becomes free after a count is in `freed`. A permit that
//!   the count saw may be in `freed` as well, and then the next count is too early. A waiter that came during the count
//!   has changed the version.

use crate::sync::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

/// When to count the free permits.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Shortage {
    due: AtomicU64,
    freed: AtomicU32,
}

/// What `due` was before a count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BeforeCount {
    due: u64,
    freed: u32,
}

const DUE: u64 = 0xffff_ffff;

impl Shortage {
    /// A waiter announces itself: the next process that frees a permit counts.
    pub(crate) fn forget(&self) {
        // SYNC: `freed` and `due` are in the one order of all SeqCst operations. A process that frees adds to `freed`
        // before it reads `due`, so it either counts now, or its permits are in the number that is read here (PS1).
        let now = |due: u64| Some((due | DUE).wrapping_add(1) | u64::from(self.freed.load(SeqCst)));
        let _ = self.due.fetch_update(SeqCst, Relaxed, now);
    }

    /// Records that so many permits were freed.
    #[expect(clippy::cast_possible_truncation, reason = "it is compared modulo the number of values")]
    pub(crate) fn add(&self, freed: usize) {
        // SYNC: pairs with the loads of `freed` in `forget` and `before_count`.
        self.freed.fetch_add(freed as u32, SeqCst);
    }

    /// To be called before the free permits are counted.
    // SYNC: pairs with the changes in `forget`, `add` and `set`. Both are read before the permits are counted.
    pub(crate) fn before_count(&self) -> BeforeCount {
        BeforeCount { due: self.due.load(SeqCst), freed: self.freed.load(SeqCst) }
    }

    /// Records how many permits a count found missing.
    pub(crate) fn set(&self, before: BeforeCount, missing: u64) {
        // A count that comes too early is harmless, so a large number may be cut.
        let missing = u32::try_from(missing).unwrap_or(u32::MAX).min(u32::MAX / 4);
        let due = before.due & !DUE | u64::from(before.freed.wrapping_add(missing));
        // SYNC: pairs with the load in `before_count`. It fails if a waiter came since, which has changed the version.
        let _ = self.due.compare_exchange(before.due, due, SeqCst, Relaxed);
    }
}

impl BeforeCount {
    /// Returns whether enough were freed since the last count.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    pub(crate) fn is_due(self) -> bool {
        self.freed.wrapping_sub(self.due as u32).cast_signed() >= 0
    }
}

#[cfg(test)]
mod tests {
    use super::Shortage;

    #[test]
    fn a_count_is_due_when_as_many_were_freed_as_were_missing() {
        let shortage = Shortage::default();
        shortage.forget();
        let before = shortage.before_count();
        assert!(before.is_due(), "a waiter came");
        shortage.set(before, 2);
        shortage.add(1);
        assert!(!shortage.before_count().is_due());
        shortage.add(1);
        assert!(shortage.before_count().is_due());
    }

    #[test]
    fn a_waiter_that_comes_during_a_count_is_not_forgotten() {
        let shortage = Shortage::default();
        let before = shortage.before_count();
        shortage.forget();
        shortage.set(before, 5);
        assert!(shortage.before_count().is_due());
    }

    #[test]
    fn numbers_wrap() {
        let shortage = Shortage::default();
        shortage.add(u32::MAX as usize);
        shortage.forget();
        shortage.set(shortage.before_count(), 3);
        shortage.add(2);
        assert!(!shortage.before_count().is_due());
        shortage.add(1);
        assert!(shortage.before_count().is_due());
    }
}
