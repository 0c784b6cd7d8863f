//! The clauses of the pool's protocol.

crate::rules! {
    /// W2: a waiter announces itself before its last check, not after it.
    announce_before_check,
    /// W2: a waiter sets its word before it raises the flag.
    word_before_flag,
    /// PS1: a caller for several raises the flag before it makes a count due, not after that.
    raise_before_forget,
    /// W5: a waiter that was woken without a call checks for dead members.
    uncalled_wake_suspects,
    /// W4: a wait that timed out checks once more.
    timed_wait_checks,
    /// W7: a caller for one that found a permit while it was announced, and was called, calls another one.
    found_passes_on,
    /// W7: a caller for several that was served while it was announced looks at the oldest one behind it.
    found_looks,
    /// W6: an obituary posts each doorbell.
    obituary_posts,
    /// W6: an obituary posts each doorbell twice.
    obituary_posts_twice,
    /// PL2: callers for several wait in a room of their own.
    room_of_its_own,
    /// PL3: a process that frees a permit calls a caller for one.
    free_calls_single,
    /// PL3: a process that frees a permit looks at the oldest caller for several.
    free_looks_at_many,
    /// PL4: several permits are claimed in the turnstile.
    turnstile,
    /// PL4: a caller for several gives back what it claimed if that is too little.
    gives_back,
    /// PL4: it notifies when it gives back.
    give_back_notifies,
    /// PL5: a process that leaves the turnstile looks at the oldest caller for several.
    leaving_turnstile_looks,
    /// PL5: a caller for several that times out looks at the oldest one behind it.
    timed_out_looks,
    /// PL5: a process that does so makes a count due first, which changes the version.
    leaver_forgets,
    /// PS1: a caller for several makes a count due when it announces itself.
    waiter_forgets,
    /// PS1: a count is written only if `due` has not changed since.
    due_has_version,
    /// PS1: a process that frees adds to `freed` before it reads `due`.
    add_before_due,
    /// RM1: a notifier that can't call the waiter it found looks for another.
    choose_again,
    /// RM1: a notifier marks a waiter as CALLED once it has posted its doorbell.
    mark_called,
    /// RM2: a notifier that finds no ANNOUNCED waiter posts for the UNPOSTED ones.
    others_post,
    /// RM2: a notifier posts for the UNPOSTED callers for several also if too few permits are free for the oldest.
    others_post_if_short,
    /// WF1: the flag is lowered only if no waiter has raised it since it was read.
    lower_by_version,
    /// WF1: the flag is lowered only if no caller for several is announced either.
    lower_asks_both_rooms,
    /// WF1: the flag stays up while a waiter is UNPOSTED.
    unposted_keep_flag,
    /// A helper frees the turnstile of a dead slot.
    helper_frees_turnstile,
    /// A helper notifies for what it freed.
    helper_notifies,
    /// A helper clears the words of a dead slot in both rooms.
    words_are_reset,
    /// Any number of helpers may repair a slot at once.
    several_help,
}
