//! The clauses of the protocol.

crate::rules! {
    /// Laps are compared by the sign of their wrapping difference.
    laps_wrap,
    /// A producer that would say "full" looks whether `tail` is still what it was.
    recheck_tail,
    /// Who finds that an index's place has gone ahead helps the index on.
    help,
    /// Who helps `head` over several laps stops two laps before the one that its place is in.
    far_is_finished,
    /// Who puts an item back helps `head` past it before the item can be claimed again.
    head_before_full,
    /// Who reaps raises `dirty` even if it found nothing to put back.
    always_raise_dirty,
    /// `dirty` is cleared only if it is still what was read before the scan.
    compare_dirty,
    /// R-sleep: the flag is set before the last try, not after it.
    announce_before_try,
    /// R-sleep: who consumed a post sets the flag again before it tries.
    announce_after_token,
    /// R-sleep: dead and dirty slots are reaped before the last try.
    reap_before_sleep,
    /// R-sleep: a consumer that consumed a post and got an item posts again if there may be more.
    consumers_pass_on,
    /// In passing on, a consumer counts `dirty`.
    pass_on_dirty,
    /// In passing on, a consumer counts a place at `head` that somebody reads, or of a later lap.
    pass_on_gone,
    /// R-sleep: a producer that consumed a post and got a place posts again if there may be more.
    producers_pass_on,
    /// In passing on, a producer counts a place at `tail` that is not empty any more.
    pass_on_taken,
    /// R-leave: who consumed a post gives up only after posting one.
    post_before_leaving,
    /// Who drains the doorbell counts as one who consumed a post.
    drained_is_token,
    /// The kernel posts the consumers' doorbell when a process dies.
    obituary_posts_not_empty,
    /// The kernel posts the producers' doorbell when a process dies.
    obituary_posts_not_full,
    /// R-own: words of a dead owner are changed only by whoever holds its ALIVE.
    claim_before_reaping,
    /// R-reap: who repaired a slot's words posts the consumers' doorbell.
    reaping_posts_not_empty,
    /// R-reap: who repaired a slot's words posts the producers' doorbell.
    reaping_posts_not_full,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    newcomer_repairs,
    /// Who leaves takes back what it has in hand, before it marks its slot as unused.
    leaver_repairs,
    /// R-reap: `used` = 0 is stored after the words were repaired.
    repair_before_unused,
    /// A producer that gives up its place wakes consumers: items behind it may have waited for it.
    give_up_wakes_consumers,
    /// A producer that gives up its place wakes producers.
    give_up_wakes_producers,
    /// A consumer that puts an item back wakes consumers.
    put_back_wakes,
}
