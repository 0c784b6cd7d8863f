//! The clauses of a value that is set once.

crate::rules! {
    /// OL1: an initialiser takes the word by compare-and-swap.
    takes_by_compare,
    /// OL2: the value is written before the word says that it is set.
    value_before_word,
    /// OL3: a helper changes the word only if it names the dead slot.
    helper_compares,
    /// OL3: a helper gives the word back.
    helper_frees,
    /// OL4: an initialiser that has set the value calls all waiters.
    calls_when_set,
    /// OL5: the word says that all were called after they were.
    says_when_called,
    /// OL4: one that failed calls all waiters.
    calls_when_failed,
    /// OL4: a helper that gave the word back calls all waiters.
    calls_when_freed,
    /// OL4: a failed initialiser calls each waiter, and not one of them.
    calls_all,
    /// W2: a waiter announces itself before it checks.
    announce_before_check,
    /// W5: a wake-up without a call is an obituary.
    uncalled_wake_suspects,
    /// The kernel posts each doorbell when a process dies.
    obituary_posts,
    /// W6: it posts twice.
    obituary_posts_twice,
}
