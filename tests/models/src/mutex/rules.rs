//! The clauses of the mutex's protocol.

crate::rules! {
    /// R-own: the word of a dead owner is changed only by whoever holds its ALIVE.
    claim_before_reaping,
    /// Whoever slept takes the word with WAITERS, because others may sleep as well.
    keep_waiters_after_sleep,
    /// The kernel posts the doorbell when a process dies.
    obituary_posts,
    /// R-leave: who consumed a post gives up only after posting one.
    post_before_leaving,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    newcomer_repairs,
    /// A waiter asks whether the owner lives before it sleeps.
    check_owner_before_sleep,
    /// WAITERS is set before the waiter sleeps.
    set_waiters_before_sleep,
    /// A newcomer that frees a word with WAITERS posts the doorbell.
    newcomer_posts,
    /// A waiter that frees a dead owner's word with WAITERS posts the doorbell.
    reaper_posts,
    /// Whoever takes a poisoned word keeps POISONED.
    keep_poison,
    /// Who drains the doorbell counts as one who slept.
    drained_is_slept,
    /// Who leaves frees a word that it never unlocked, before it marks its slot as unused.
    leaver_repairs,
    /// R-reap: `used` = 0 is stored after the word was repaired.
    repair_before_unused,
}
