//! The clauses of the mutex's protocol.

crate::rules! {
    /// R-own: the word of a dead owner is changed only by the process that holds its ALIVE.
    claim_before_reaping,
    /// A waiter that slept takes the word with WAITERS, because others may sleep as well.
    keep_waiters_after_sleep,
    /// The kernel posts the doorbell when a process dies.
    obituary_posts,
    /// R-leave: a waiter that consumed a post times out only after posting one.
    post_before_leaving,
    /// A new member repairs the words that its slot owns before it uses the slot.
    new_member_repairs,
    /// A waiter asks whether the owner lives before it sleeps.
    check_owner_before_sleep,
    /// WAITERS is set before the waiter sleeps.
    set_waiters_before_sleep,
    /// A new member that frees a word with WAITERS posts the doorbell.
    new_member_posts,
    /// A waiter that frees a dead owner's word with WAITERS posts the doorbell.
    reaper_posts,
    /// A process that takes a poisoned word keeps POISONED.
    keep_poison,
    /// A waiter that drains the doorbell counts as one that slept.
    drained_is_slept,
    /// A process that leaves frees a word that it never unlocked, before it marks its slot as unused.
    leaver_repairs,
    /// R-reap: `used` = 0 is stored after the word was repaired.
    repair_before_unused,
}
