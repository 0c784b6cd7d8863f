//! The clauses of waiting for a condition.

crate::rules! {
    /// CW1: a waiter is announced before it frees the word.
    announce_before_free,
    /// CW1: a waiter sets the bit as it frees the word.
    sets_the_bit,
    /// CW2: a holder that changed the value chooses the waiters before it frees the word.
    choose_before_free,
    /// CW2: it chooses all of them.
    chooses_all,
    /// CW2: a waiter that changed the value before it waits does so too.
    waiter_chooses,
    /// CW3: the bit stays as long as a waiter is announced.
    bit_stays_for_announced,
    /// CW3: the bit stays as long as a waiter is not posted.
    bit_stays_for_unposted,
    /// CW3: each unlock posts for the waiters that were chosen, and not posted.
    unlock_posts_unposted,
    /// CW4: a waiter that wakes checks, with the lock held.
    checks_when_woken,
    /// CW4: also if its timeout elapsed.
    checks_when_late,
    /// CW5: an unlock without a change chooses none.
    only_changes_choose,
    /// CW6: an unlock that poisons chooses, as a change does.
    poison_chooses,
    /// CW6: a member that leaves with the lock calls all.
    leaver_calls,
    /// The kernel posts each doorbell when a process dies.
    obituary_posts,
}
