//! The clauses of named calls.

crate::rules! {
    /// A notifier calls only waiters with the lane of the message in their interest.
    calls_what_fits,
    /// A notifier looks at the flag of receivers of several lanes too.
    looks_at_wide,
    /// RM5: a flag stays up as long as another waiter keeps it.
    flag_is_kept,
    /// WF1: a flag is lowered only if no waiter raised it since the notifier read it.
    lower_by_version,
    /// W8: a waiter that leaves calls the next one for the message that it was called for.
    leaver_passes_on,
    /// W8: it does so also if it found another message while it was announced.
    finder_passes_on,
    /// W4: a waiter that withdrew checks once before it announces itself again.
    check_while_awake,
    /// W2: a waiter announces itself before its last check, not after it.
    announce_before_check,
    /// W2: a waiter announces itself before it raises the flag, not after it.
    word_before_flag,
    /// RM2: a notifier that finds no fitting waiter to call posts for those that may not have been posted for.
    posts_for_others,
    /// In a lane of several routes each fitting waiter is called, since an interest says no more than the lane.
    shared_calls_all,
    /// W5: a wake-up without a call is an obituary: the waiter looks for dead members.
    uncalled_wake_suspects,
    /// The kernel posts every doorbell when a process dies.
    obituary_posts,
    /// W6: it posts each doorbell twice, not once.
    obituary_posts_twice,
}
