//! The clauses of the pool's protocol.

crate::rules! {
    /// R-sleep: the flag is set before the last try, not after it.
    announce_before_try,
    /// R-sleep: who consumed a post sets the flag again before it tries.
    announce_after_token,
    /// R-sleep: who consumed a post and got a permit posts again if more are free.
    pass_on,
    /// R-sleep: dead and dirty slots are reaped before the last try.
    reap_before_sleep,
    /// R-leave: who consumed a post gives up only after posting one.
    post_before_leaving,
    /// R-leave, at the turnstile: what was taken from its doorbell is given back to that one.
    turnstile_gives_back,
    /// The kernel posts the doorbells when a process dies.
    obituary_posts,
    /// R-own: words of a dead owner are changed only by whoever holds its ALIVE.
    claim_before_reaping,
    /// R-reap: who freed a slot's permits posts.
    reaping_posts,
    /// R-reap: who freed the turnstile for a slot posts its doorbell.
    reaping_posts_turnstile,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    newcomer_repairs,
    /// Who leaves frees what it never gave back, before it marks its slot as unused.
    leaver_repairs,
    /// R-one: the caller of many has a flag and a doorbell of its own.
    bell_of_its_own,
    /// The caller of many that falls short gives back as a release does, with a wake.
    give_back_wakes,
    /// Who drains the doorbell counts as one who consumed a post.
    drained_is_token,
}
