//! The clauses of setting messages aside.

crate::rules! {
    /// A message is ASIDE before a spare cell takes its place, not after it.
    aside_before_spare,
    /// Cells are counted, and spare cells given, by the holder of the lock alone.
    balance_under_lock,
    /// A message is retried or dropped by the holder of the lock alone.
    removed_under_lock,
    /// A holder of the lock that finds no spare cell drops the oldest message that is set aside.
    oldest_is_dropped,
    /// A sender that finds no free cell balances once before it says so.
    sender_balances,
    /// A process that retries a message makes a free cell spare before, and gives up if there is none.
    spare_before_retry,
    /// The cell of a message that is dropped becomes spare, and not free.
    dropped_is_spare,
    /// A helper frees the lock of a dead holder.
    lock_is_repaired,
}
