//! The clauses of a broadcast ring.

crate::rules! {
    /// BC1: an item is complete before the tail passes it.
    writes_before_publishing,
    /// BC1: a new producer scans the cursors before it writes.
    new_producer_scans,
    /// BC2: a cursor moves after its item was read.
    reads_before_moving,
    /// BC3: a joining subscriber loads the tail again after its cursor is there.
    join_loads_again,
    /// BC3: a scan counts cursors that are joining.
    scan_counts_joining,
    /// BC5: a subscriber that joined looks for the producer, which its first cursor may have held up.
    joining_wakes,
    /// BC4: the producer announces itself before its last scan.
    announces_before_scan,
    /// BC5: a subscriber moves its cursor before it looks for the producer.
    moves_before_looking,
    /// BC5: a subscriber that moved scans the others after it has moved.
    scans_after_moving,
    /// BC5: a subscriber that leaves does the same.
    leaving_wakes,
    /// BC6: an item is published before the flag is read.
    publishes_before_flag,
    /// BC6: a subscriber announces itself before its last look at the tail.
    announces_before_look,
    /// WF1: the flag is lowered by compare-and-swap from what was read before the scan of the room.
    lowers_by_compare,
    /// BC7: a helper frees a cursor by compare-and-swap from the dead owner's.
    frees_by_compare,
    /// BC7: a helper that freed a cursor looks for the producer.
    reaping_wakes,
    /// BC8: the window moves before an item is overwritten.
    window_before_write,
    /// BC8: a copy counts only if the window has not passed it afterwards.
    checks_after_copy,
    /// W5: a wake-up without a call is an obituary.
    uncalled_wake_suspects,
    /// The kernel posts each doorbell when a process dies.
    obituary_posts,
    /// W6: it posts twice.
    obituary_posts_twice,
}
