//! The clauses of the protocol.

crate::rules! {
    /// Laps are compared by the sign of their wrapping difference.
    laps_wrap,
    /// A producer that would return "full" checks whether `tail` is still what it was.
    recheck_tail,
    /// A process that finds an index's place ahead of it helps the index on.
    help,
    /// A process that helps `head` over several laps stops two laps before the one that its place is in.
    far_is_finished,
    /// A process that requeues an item helps `head` past it before the item can be claimed again.
    head_before_full,
    /// A reaper raises `dirty` even if it found nothing to requeue.
    always_raise_dirty,
    /// `dirty` is cleared only if it is still what was read before the scan.
    compare_dirty,
    /// R-sleep: the flag is set before the last try, not after it.
    announce_before_try,
    /// R-sleep: a waiter that consumed a post sets the flag again before it tries.
    announce_after_token,
    /// R-sleep: dead and dirty slots are reaped before the last try.
    reap_before_sleep,
    /// R-sleep: a consumer that consumed a post and got an item posts again if there may be more.
    consumers_pass_on,
    /// In passing on, a consumer counts `dirty`.
    pass_on_dirty,
    /// In passing on, a consumer counts a place at `head` that is being read, or of a later lap.
    pass_on_gone,
    /// R-sleep: a producer that consumed a post and got a place posts again if there may be more.
    producers_pass_on,
    /// In passing on, a producer counts a place at `tail` that is not empty any more.
    pass_on_taken,
    /// R-leave: a waiter that consumed a post times out only after posting one.
    post_before_leaving,
    /// A waiter that drains the doorbell counts as one that consumed a post.
    drained_is_token,
    /// The kernel posts the consumers' doorbell when a process dies.
    obituary_posts_not_empty,
    /// The kernel posts the producers' doorbell when a process dies.
    obituary_posts_not_full,
    /// R-own: words of a dead owner are changed only by the process that holds its ALIVE.
    claim_before_reaping,
    /// R-reap: a reaper that repaired a slot's words posts the consumers' doorbell.
    reaping_posts_not_empty,
    /// R-reap: a reaper that repaired a slot's words posts the producers' doorbell.
    reaping_posts_not_full,
    /// A new member repairs the words that its slot owns before it uses the slot.
    new_member_repairs,
    /// A process that leaves takes back its claims, before it marks its slot as unused.
    leaver_repairs,
    /// R-reap: `used` = 0 is stored after the words were repaired.
    repair_before_unused,
    /// A producer that cancels its claim wakes consumers: items behind the place may have waited for it.
    give_up_wakes_consumers,
    /// A producer that cancels its claim wakes producers.
    give_up_wakes_producers,
    /// A consumer that requeues an item wakes consumers.
    put_back_wakes,
}
