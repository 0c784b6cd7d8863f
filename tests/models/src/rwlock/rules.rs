//! The clauses of the protocol of `RwLock`.

crate::rules! {
    /// RW1: a reader is counted before it looks at the gate.
    count_before_look,
    /// RW1: the reader looks at the gate after it was counted, and not only before.
    look_after_count,
    /// RW2: a writer fences for all readers between shutting the gate and its first look at their counts.
    fence_before_scan,
    /// RW2: a writer looks at every count before it goes in.
    scan_before_inside,
    /// RW3: a writer that announces itself fences for all readers on every round.
    fence_every_round,
    /// RW3: a reader that leaves looks for a writer that waits.
    leaver_looks,
    /// RW3: a reader that was counted and finds the gate shut looks for it as well.
    refused_looks,
    /// RW3: a leaver fences between taking its count back and its look at the other counts.
    leaver_fences,
    /// RW3: a leaver posts for the writer only if it finds all counts 0.
    last_leaver_posts,
    /// W5: a waiter that was woken, and that was not called, suspects a death.
    uncalled_wake_suspects,
    /// RW5: a writer opens the gate before it notifies the readers that wait, not after it.
    open_before_notify,
    /// RW5: a writer that leaves notifies them.
    writer_notifies,
    /// RW5: so does a writer that times out.
    late_writer_notifies,
    /// RW5: so does a reader that came in by the lock.
    by_lock_notifies,
    /// W2: a reader announces itself before its last look at the gate, not after it.
    announce_before_look,
    /// WF1: the flag is cleared only if no reader announced itself since the notifier read it.
    clear_by_version,
    /// RW6: only a writer that was inside poisons.
    inside_poisons,
    /// RW6: a writer says that it is inside before it changes the value.
    inside_before_change,
    /// RW6: a writer says that it is inside no more before it frees the lock, not after it.
    outside_before_free,
    /// RW6: a helper reads `inside` before it takes the word away, not after it.
    inside_before_word,
    /// RW6: a helper clears `inside` after it took the word away, not before it.
    inside_cleared_last,
    /// RW6: a helper clears `inside` of the dead slot.
    inside_is_cleared,
    /// RW7: a writer that becomes a reader is counted before it opens the gate.
    downgrade_counts_first,
    /// RW7: a reader that came in by the lock is counted before it opens the gate.
    by_lock_counts_first,
    /// RW8: a helper clears the count of the dead slot.
    count_is_cleared,
    /// RW8: a helper makes the dead reader AWAKE.
    seat_is_cleared,
    /// RW8: a helper posts for a writer that waits.
    helper_posts_writer,
    /// RW8: a helper that opened the gate notifies the readers that wait.
    helper_notifies,
    /// The kernel posts every doorbell when a process dies.
    obituary_posts,
    /// It posts each of them twice.
    obituary_posts_twice,
    /// A new member repairs the slot that it has entered before it claims it.
    new_member_repairs,
    /// A new member claims a slot only if it has no other helper.
    claim_waits_for_helpers,
    /// A helper marks the slot as clean after it has repaired all of it.
    unused_last,
}
