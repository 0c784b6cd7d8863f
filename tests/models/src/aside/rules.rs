//! The clauses of setting messages aside.

crate::rules! {
    /// A message is ASIDE before a spare cell takes its place, not after it.
    aside_before_spare,
    /// `unbalanced` is raised after a message is ASIDE, not before.
    raised_after_aside,
    /// A helper raises it once before it is done with a dead process.
    repair_raises,
    /// A process that raises it counts in it, even if it is up.
    raise_counts,
    /// It is read before the cells are counted.
    read_before_count,
    /// It is lowered by compare-and-swap from what was read.
    lower_by_swap,
    /// Cells are counted, and spare cells given, by the holder of the lock alone.
    balance_under_lock,
    /// A message is retried or dropped by the holder of the lock alone.
    removed_under_lock,
    /// A holder of the lock that finds no spare cell drops the oldest message that is set aside.
    oldest_is_dropped,
    /// A process checks again if its swap fails because the caller has left.
    failed_looks_again,
    /// A sender that finds no free cell balances once before it says so.
    sender_balances,
    /// A process that retries a message makes a free cell spare before, and fails if there is none.
    spare_before_retry,
    /// The cell of a message that is dropped becomes spare, and not free.
    dropped_is_spare,
    /// ASIDE names the process that drops the message before its blocks are freed.
    own_before_blocks,
    /// What another process drops is passed over.
    owned_is_passed_over,
    /// A helper frees the lock of a dead holder.
    lock_is_repaired,
    /// A helper goes on with what a dead process was dropping: its blocks are freed, and the cell is spare.
    drop_is_repaired,
}
