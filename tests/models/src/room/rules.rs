//! The clauses of the room's protocol.

crate::rules! {
    /// W1: a waiter that suspects a death drains its doorbell before it announces itself.
    drain_before_announcement,
    /// W1: a waiter drains its doorbell before it checks for dead members, not after it.
    drain_before_reap,
    /// W1: dead slots are repaired before the last check, not after it.
    reap_before_check,
    /// W2: a waiter announces itself before its last check, not after it.
    announce_before_check,
    /// W2: a waiter sets its word before the flag.
    word_before_flag,
    /// W2: each announcement has an epoch that the slot never had before, also within one wait.
    epoch_of_its_own,
    /// W2: a waiter that finds a thing while its word is CALLED takes the post of that call.
    found_takes_post,
    /// W4: a waiter that withdrew checks once before it announces itself again.
    check_while_awake,
    /// W4: a wait that timed out checks once more.
    timed_wait_checks,
    /// W5: a new member checks for dead members before it sleeps for the first time.
    suspects_at_first,
    /// W5: a waiter that was woken, and that no notifier has called, checks for dead members.
    uncalled_wake_suspects,
    /// W6: an obituary posts each doorbell twice, not once.
    obituary_posts_twice,
    /// W7: a waiter that finds a thing while it is announced, and was called meanwhile, calls another one.
    found_announced_passes_on,
    /// W7: a waiter that leaves without a check, and was called, calls another one.
    called_leaver_passes_on,
    /// N2: a notifier that can't call the waiter it chose scans again.
    scan_again,
    /// N4: a notifier marks a waiter as CALLED once it has posted its doorbell.
    mark_called,
    /// N5: a notifier that finds no ANNOUNCED waiter posts the doorbells of the UNPOSTED ones.
    others_post,
    /// N5: a notifier posts the doorbells of the UNPOSTED waiters before it clears the flag, not after it.
    post_before_clearing,
    /// N5: a notifier that called the only ANNOUNCED waiter clears the flag only if it saw no UNPOSTED one.
    unposted_keep_flag,
    /// N5: the flag is cleared only if no waiter announced itself since the notifier read it.
    clear_by_version,
    /// N6: if the waiter has not taken its post, the notifier calls another one.
    look_after_call,
    /// N6: if there is no other ANNOUNCED waiter, it posts the doorbells of the UNPOSTED ones.
    others_post_after_call,
    /// The kernel posts every doorbell when a process dies.
    obituary_posts,
    /// Any number of helpers may repair a slot at once.
    several_help,
    /// A helper counts itself in HELPERS, and no new member claims a slot with other helpers.
    helpers_are_counted,
    /// A helper resets the word of the dead slot.
    word_is_reset,
    /// A helper clears `used` after every other word.
    used_is_last,
    /// A helper notifies for the things that it freed.
    helper_notifies,
    /// A new member repairs the slot that it has entered before it claims it.
    new_member_repairs,
}
