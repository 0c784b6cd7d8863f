//! The clauses of the mutex's protocol.

/// Each boolean is one clause of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// R-own: the word of a dead owner is changed only by whoever holds its ALIVE.
    pub claim_before_reaping: bool,
    /// Whoever slept takes the word with WAITERS, because others may sleep as well.
    pub keep_waiters_after_sleep: bool,
    /// The kernel posts the doorbell when a process dies.
    pub obituary_posts: bool,
    /// R-leave: who consumed a post gives up only after posting one.
    pub post_before_leaving: bool,
    /// A newcomer repairs the words that its slot owns before it uses the slot.
    pub newcomer_repairs: bool,
    /// A waiter asks whether the owner lives before it sleeps.
    pub check_owner_before_sleep: bool,
    /// WAITERS is set before the waiter sleeps.
    pub set_waiters_before_sleep: bool,
    /// A newcomer that frees a word with WAITERS posts the doorbell.
    pub newcomer_posts: bool,
    /// A waiter that frees a dead owner's word with WAITERS posts the doorbell.
    pub reaper_posts: bool,
    /// Whoever takes a poisoned word keeps POISONED.
    pub keep_poison: bool,
    /// Who drains the doorbell counts as one who slept.
    pub drained_is_slept: bool,
    /// Who leaves frees a word that it never unlocked, before it marks its slot as unused.
    pub leaver_repairs: bool,
    /// R-reap: `used` = 0 is stored after the word was repaired.
    pub repair_before_unused: bool,
}

impl Rules {
    /// The complete protocol.
    pub const ALL: Self = Self {
        claim_before_reaping: true,
        keep_waiters_after_sleep: true,
        obituary_posts: true,
        post_before_leaving: true,
        newcomer_repairs: true,
        check_owner_before_sleep: true,
        set_waiters_before_sleep: true,
        newcomer_posts: true,
        reaper_posts: true,
        keep_poison: true,
        drained_is_slept: true,
        leaver_repairs: true,
        repair_before_unused: true,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}
