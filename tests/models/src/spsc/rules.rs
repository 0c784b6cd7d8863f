//! The clauses of the protocol.

crate::rules! {
    /// A new holder loads both indices after it took the role, not before.
    reload_indices,
    /// A producer says that it arrived after it took the role, not before.
    arrive_with_role,
    /// Who frees a dead producer's role says first that one arrived, in case it had not come to that.
    reaper_says_arrived,
    /// R-sleep: the flag is set before the last look, not after it.
    announce_before_look,
    /// R-sleep: who consumed a post and finds nothing at once sets the flag again before its last look.
    announce_after_token,
    /// Who asked to be told reaps the dead before it looks whether the role is free.
    watcher_reaps,
    /// Who asked to be told reaps the dead even before it looks whether anybody arrived.
    reap_before_arrived,
    /// Who waits looks for the end before it looks at the other's index, not after that.
    end_before_look,
    /// A role that nobody ever had is no sign of the end.
    watcher_asks_arrived,
    /// Who leaves a role looks at the other side's flag.
    leaving_wakes_other,
    /// Who leaves a role that had waiters posts its doorbell.
    leaving_posts_role,
    /// Whoever slept takes the role with WAITERS, because others may sleep as well.
    keep_waiters_after_sleep,
    /// R-leave: who consumed a post of a role's doorbell gives up only after posting one.
    post_before_leaving,
    /// Who drains a role's doorbell counts as one who slept.
    drained_is_slept,
    /// Who wants a role asks whether its owner lives before it sleeps.
    standby_checks_owner,
    /// Who closes posts the doorbells of both holders.
    closing_posts,
    /// The kernel posts the doorbells of the holders when a process dies.
    obituary_posts_holders,
    /// The kernel posts the doorbells of the roles when a process dies.
    obituary_posts_roles,
    /// R-own: words of a dead owner are changed only by whoever holds its ALIVE.
    claim_before_reaping,
    /// R-reap: who freed a role that had waiters posts its doorbell.
    reaping_posts_role,
    /// R-reap: who freed a role posts the doorbell of the other side's holder.
    reaping_posts_other,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    newcomer_repairs,
    /// Who leaves frees a role that it never left, before it marks its slot as unused.
    leaver_repairs,
    /// R-reap: `used` = 0 is stored after the words were repaired.
    repair_before_unused,
}
