//! The clauses of the protocol.

crate::rules! {
    /// Laps are compared by the sign of their wrapping difference.
    laps_wrap,
    /// A process that finds an index's place ahead of it helps the index on.
    help,
    /// A process that helps `head` over several laps stops two laps before the one that its place is in.
    far_is_finished,
    /// A process that requeues an item helps `head` past it before the item can be claimed again.
    head_before_full,
    /// A helper raises `dirty` even if it found nothing to requeue.
    always_raise_dirty,
    /// `dirty` is cleared only if it is still what was read before the scan.
    compare_dirty,
    /// W1: a waiter that suspects a death repairs before it checks and sleeps.
    suspicion_reaps,
    /// W1: a waiter takes posts before it announces itself, not afterwards.
    drain_before_announcement,
    /// W2: a waiter announces itself before its last check, not after it.
    announce_before_check,
    /// W4: a waiter checks once more after its timeout elapsed.
    timed_wait_checks,
    /// W5: a waiter that was woken, and that no notifier has called, suspects a death.
    uncalled_wake_suspects,
    /// W5: a new member suspects a death.
    suspects_at_first,
    /// W6: an obituary posts each doorbell twice.
    obituary_posts_twice,
    /// W7: a waiter that found a place while it was announced, and was called, passes the call on if there may be more.
    found_announced_passes_on,
    /// W7: in passing on, a consumer counts `dirty`.
    pass_on_dirty,
    /// W7: in passing on, a process counts a place at its index that is claimed, or of a later lap.
    pass_on_gone,
    /// W7: a waiter that was called and leaves because of the end passes the call on.
    ended_passes_on,
    /// WF1: the flag is cleared only if no waiter was announced since it was read.
    clear_by_version,
    /// E1: a waiter checks for the end before it checks for an item.
    end_before_item,
    /// E3: a producer calls consumers for the items right behind its own.
    behind_calls_consumers,
    /// E3: a consumer calls producers for the free places right behind its own.
    behind_calls_producers,
    /// E3: places that are claimed or done already are passed over, not the end of those right behind.
    behind_passes_over,
    /// E3: a producer that cancels calls consumers for the items right behind.
    give_up_calls_consumers,
    /// A producer that cancels its claim calls a producer.
    give_up_calls_producers,
    /// A consumer that requeues an item calls a consumer.
    requeue_calls,
    /// E4: the end is not reported while an item is being read.
    end_sees_reading,
    /// E4: the end is not reported while there is an item, even if it can't be claimed yet.
    end_sees_full,
    /// E4: the end is not reported while any place is being written, not only the one at `head`.
    end_sees_writing,
    /// E4: a consumer that waits while the ring ends raises the producers' flag too.
    raises_both_flags,
    /// E4: a process that completes a claim while the ring ends calls every consumer.
    completion_calls_all,
    /// Closing calls every waiter.
    close_calls,
    /// Detaching calls every waiter of the other role.
    detach_calls,
    /// A process that changed anything in a repair, of its own slot or another, calls every waiter.
    repair_notifies,
    /// RM4: a helper makes the room's word of the slot AWAKE.
    word_is_reset,
    /// A new member repairs a dirty slot before it lives there.
    new_member_repairs,
    /// A process that leaves takes back its claims.
    leaver_repairs,
    /// MB6: `used` = 0 is stored after the words were repaired.
    used_is_last,
}
