//! The clauses of the protocol.

/// Each boolean is one clause of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A new holder loads both indices after it took the role, not before.
    pub reload_indices: bool,
    /// A producer says that it arrived after it took the role, not before.
    pub arrive_with_role: bool,
    /// Who frees a dead producer's role says first that one arrived, in case it had not come to that.
    pub reaper_says_arrived: bool,
    /// R-sleep: the flag is set before the last look, not after it.
    pub announce_before_look: bool,
    /// R-sleep: who consumed a post and finds nothing at once sets the flag again before its last look.
    pub announce_after_token: bool,
    /// Who asked to be told reaps the dead before it looks whether the role is free.
    pub watcher_reaps: bool,
    /// Who asked to be told reaps the dead even before it looks whether anybody arrived.
    pub reap_before_arrived: bool,
    /// Who waits looks for the end before it looks at the other's index, not after that.
    pub end_before_look: bool,
    /// A role that nobody ever had is no sign of the end.
    pub watcher_asks_arrived: bool,
    /// Who leaves a role looks at the other side's flag.
    pub leaving_wakes_other: bool,
    /// Who leaves a role that had waiters posts its doorbell.
    pub leaving_posts_role: bool,
    /// Whoever slept takes the role with WAITERS, because others may sleep as well.
    pub keep_waiters_after_sleep: bool,
    /// R-leave: who consumed a post of a role's doorbell gives up only after posting one.
    pub post_before_leaving: bool,
    /// Who drains a role's doorbell counts as one who slept.
    pub drained_is_slept: bool,
    /// Who wants a role asks whether its owner lives before it sleeps.
    pub standby_checks_owner: bool,
    /// Who closes posts the doorbells of both holders.
    pub closing_posts: bool,
    /// The kernel posts the doorbells of the holders when a process dies.
    pub obituary_posts_holders: bool,
    /// The kernel posts the doorbells of the roles when a process dies.
    pub obituary_posts_roles: bool,
    /// R-own: words of a dead owner are changed only by whoever holds its ALIVE.
    pub claim_before_reaping: bool,
    /// R-reap: who freed a role that had waiters posts its doorbell.
    pub reaping_posts_role: bool,
    /// R-reap: who freed a role posts the doorbell of the other side's holder.
    pub reaping_posts_other: bool,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    pub newcomer_repairs: bool,
    /// Who leaves frees a role that it never left, before it marks its slot as unused.
    pub leaver_repairs: bool,
    /// R-reap: `used` = 0 is stored after the words were repaired.
    pub repair_before_unused: bool,
}

impl Rules {
    /// The complete protocol.
    pub const ALL: Self = Self {
        reload_indices: true,
        arrive_with_role: true,
        reaper_says_arrived: true,
        announce_before_look: true,
        announce_after_token: true,
        watcher_reaps: true,
        reap_before_arrived: true,
        end_before_look: true,
        watcher_asks_arrived: true,
        leaving_wakes_other: true,
        leaving_posts_role: true,
        keep_waiters_after_sleep: true,
        post_before_leaving: true,
        drained_is_slept: true,
        standby_checks_owner: true,
        closing_posts: true,
        obituary_posts_holders: true,
        obituary_posts_roles: true,
        claim_before_reaping: true,
        reaping_posts_role: true,
        reaping_posts_other: true,
        newcomer_repairs: true,
        leaver_repairs: true,
        repair_before_unused: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}
