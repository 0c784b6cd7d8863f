//! The clauses of the protocol.

crate::rules! {
    /// A new holder loads both indices after it took the role, not before.
    reload_indices,
    /// A producer stores `arrived` after it took the role, not before.
    arrive_with_role,
    /// A reaper that frees a dead producer's role stores `arrived` first, in case the producer had not.
    reaper_says_arrived,
    /// R-sleep: the flag is set before the last load of the index, not after it.
    announce_before_look,
    /// R-sleep: a waiter that consumed a post and finds nothing sets the flag again before the last load.
    announce_after_token,
    /// A consumer that asked for the notice reaps dead members before it checks whether the role is free.
    watcher_reaps,
    /// Such a consumer reaps dead members even before it checks whether a producer ever arrived.
    reap_before_arrived,
    /// A waiter checks for the end before it loads the other's index, not after that.
    end_before_look,
    /// A role that no process ever had is no sign of the end.
    watcher_asks_arrived,
    /// A holder that leaves its role checks the other side's flag.
    leaving_wakes_other,
    /// A holder that leaves a role with waiters posts its doorbell.
    leaving_posts_role,
    /// A standby that slept takes the role with WAITERS, because others may sleep as well.
    keep_waiters_after_sleep,
    /// R-leave: a standby that consumed a post of the role's doorbell times out only after posting one.
    post_before_leaving,
    /// A standby that drains the role's doorbell counts as one that slept.
    drained_is_slept,
    /// A standby asks whether the owner of the role lives before it sleeps.
    standby_checks_owner,
    /// A holder that closes the ring posts the doorbells of both holders.
    closing_posts,
    /// The kernel posts the doorbells of the holders when a process dies.
    obituary_posts_holders,
    /// The kernel posts the doorbells of the roles when a process dies.
    obituary_posts_roles,
    /// R-own: words of a dead owner are changed only by the process that holds its ALIVE.
    claim_before_reaping,
    /// R-reap: a reaper that freed a role with waiters posts its doorbell.
    reaping_posts_role,
    /// R-reap: a reaper that freed a role posts the doorbell of the other side's holder.
    reaping_posts_other,
    /// A new member repairs the words that its slot owns before it uses the slot.
    new_member_repairs,
    /// A process that leaves frees a role that it never left, before it marks its slot as unused.
    leaver_repairs,
    /// R-reap: `used` = 0 is stored after the words were repaired.
    repair_before_unused,
}
