//! The clauses of the pool's protocol.

/// Each boolean is one clause of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// R-sleep: the flag is set before the last try, not after it.
    pub announce_before_try: bool,
    /// R-sleep: who consumed a post sets the flag again before it tries.
    pub announce_after_token: bool,
    /// R-sleep: who consumed a post and got a permit posts again if more are free.
    pub pass_on: bool,
    /// R-sleep: dead and dirty slots are reaped before the last try.
    pub reap_before_sleep: bool,
    /// R-leave: who consumed a post gives up only after posting one.
    pub post_before_leaving: bool,
    /// R-leave, at the turnstile: what was taken from its doorbell is given back to that one.
    pub turnstile_gives_back: bool,
    /// The kernel posts the doorbells when a process dies.
    pub obituary_posts: bool,
    /// R-own: words of a dead owner are changed only by whoever holds its ALIVE.
    pub claim_before_reaping: bool,
    /// R-reap: who freed a slot's permits posts.
    pub reaping_posts: bool,
    /// R-reap: who freed the turnstile for a slot posts its doorbell.
    pub reaping_posts_turnstile: bool,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    pub newcomer_repairs: bool,
    /// Who leaves frees what it never gave back, before it marks its slot as unused.
    pub leaver_repairs: bool,
    /// R-one: the caller of many has a flag and a doorbell of its own.
    pub bell_of_its_own: bool,
    /// The caller of many that falls short gives back as a release does, with a wake.
    pub give_back_wakes: bool,
    /// Who drains the doorbell counts as one who consumed a post.
    pub drained_is_token: bool,
}

impl Rules {
    /// The complete protocol.
    pub const ALL: Self = Self {
        announce_before_try: true,
        announce_after_token: true,
        pass_on: true,
        reap_before_sleep: true,
        post_before_leaving: true,
        turnstile_gives_back: true,
        obituary_posts: true,
        claim_before_reaping: true,
        reaping_posts: true,
        reaping_posts_turnstile: true,
        newcomer_repairs: true,
        leaver_repairs: true,
        bell_of_its_own: true,
        give_back_wakes: true,
        drained_is_token: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}
