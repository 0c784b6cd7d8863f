//! The clauses of the pool's protocol.

crate::rules! {
    /// R-sleep: the flag is set before the last try, not after it.
    announce_before_try,
    /// R-sleep: a waiter that consumed a post sets the flag again before it tries.
    announce_after_token,
    /// R-sleep: a waiter that consumed a post and got a permit posts again if more are free.
    pass_on,
    /// R-sleep: dead and dirty slots are reaped before the last try.
    reap_before_sleep,
    /// R-leave: a waiter that consumed a post times out only after posting one.
    post_before_leaving,
    /// R-leave, at the turnstile: a post that was taken from its doorbell is posted there again.
    turnstile_gives_back,
    /// The kernel posts the doorbells when a process dies.
    obituary_posts,
    /// R-own: words of a dead owner are changed only by the process that holds its ALIVE.
    claim_before_reaping,
    /// R-reap: a reaper that freed a slot's permits posts.
    reaping_posts,
    /// R-reap: a reaper that freed the turnstile posts its doorbell.
    reaping_posts_turnstile,
    /// A new member repairs the words that its slot owns before it uses the slot.
    new_member_repairs,
    /// A process that leaves frees the permits that it never released, before it marks its slot as unused.
    leaver_repairs,
    /// R-one: the caller of many has a flag and a doorbell of its own.
    bell_of_its_own,
    /// A caller of many that falls short frees its permits as a release does, with a wake.
    give_back_wakes,
    /// A waiter that drains the doorbell counts as one that consumed a post.
    drained_is_token,
}
