//! The clauses of the protocol.

/// Each boolean is one clause of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Laps are compared by the sign of their wrapping difference.
    pub laps_wrap: bool,
    /// A producer that would say "full" looks whether `tail` is still what it was.
    pub recheck_tail: bool,
    /// Who finds that an index's place has gone ahead helps the index on.
    pub help: bool,
    /// Who helps `head` over several laps stops two laps before the one that its place is in.
    pub far_is_finished: bool,
    /// Who puts an item back helps `head` past it before the item can be claimed again.
    pub head_before_full: bool,
    /// Who reaps raises `dirty` even if it found nothing to put back.
    pub always_raise_dirty: bool,
    /// `dirty` is cleared only if it is still what was read before the scan.
    pub compare_dirty: bool,
    /// R-sleep: the flag is set before the last try, not after it.
    pub announce_before_try: bool,
    /// R-sleep: who consumed a post sets the flag again before it tries.
    pub announce_after_token: bool,
    /// R-sleep: dead and dirty slots are reaped before the last try.
    pub reap_before_sleep: bool,
    /// R-sleep: a consumer that consumed a post and got an item posts again if there may be more.
    pub consumers_pass_on: bool,
    /// In passing on, a consumer counts `dirty`.
    pub pass_on_dirty: bool,
    /// In passing on, a consumer counts a place at `head` that somebody reads, or of a later lap.
    pub pass_on_gone: bool,
    /// R-sleep: a producer that consumed a post and got a place posts again if there may be more.
    pub producers_pass_on: bool,
    /// In passing on, a producer counts a place at `tail` that is not empty any more.
    pub pass_on_taken: bool,
    /// R-leave: who consumed a post gives up only after posting one.
    pub post_before_leaving: bool,
    /// Who drains the doorbell counts as one who consumed a post.
    pub drained_is_token: bool,
    /// The kernel posts the consumers' doorbell when a process dies.
    pub obituary_posts_not_empty: bool,
    /// The kernel posts the producers' doorbell when a process dies.
    pub obituary_posts_not_full: bool,
    /// R-own: words of a dead owner are changed only by whoever holds its ALIVE.
    pub claim_before_reaping: bool,
    /// R-reap: who repaired a slot's words posts the consumers' doorbell.
    pub reaping_posts_not_empty: bool,
    /// R-reap: who repaired a slot's words posts the producers' doorbell.
    pub reaping_posts_not_full: bool,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    pub newcomer_repairs: bool,
    /// Who leaves takes back what it has in hand, before it marks its slot as unused.
    pub leaver_repairs: bool,
    /// R-reap: `used` = 0 is stored after the words were repaired.
    pub repair_before_unused: bool,
    /// A producer that gives up its place wakes consumers: items behind it may have waited for it.
    pub give_up_wakes_consumers: bool,
    /// A producer that gives up its place wakes producers.
    pub give_up_wakes_producers: bool,
    /// A consumer that puts an item back wakes consumers.
    pub put_back_wakes: bool,
}

impl Rules {
    /// The complete protocol.
    pub const ALL: Self = Self {
        laps_wrap: true,
        recheck_tail: true,
        help: true,
        far_is_finished: true,
        head_before_full: true,
        always_raise_dirty: true,
        compare_dirty: true,
        announce_before_try: true,
        announce_after_token: true,
        reap_before_sleep: true,
        consumers_pass_on: true,
        pass_on_dirty: true,
        pass_on_gone: true,
        producers_pass_on: true,
        pass_on_taken: true,
        post_before_leaving: true,
        drained_is_token: true,
        obituary_posts_not_empty: true,
        obituary_posts_not_full: true,
        claim_before_reaping: true,
        reaping_posts_not_empty: true,
        reaping_posts_not_full: true,
        newcomer_repairs: true,
        leaver_repairs: true,
        repair_before_unused: true,
        give_up_wakes_consumers: true,
        give_up_wakes_producers: true,
        put_back_wakes: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}
