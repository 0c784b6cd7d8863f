//! The clauses of a watched value.

crate::rules! {
    /// WA1: one process at a time sets the value.
    takes_the_lock,
    /// WA1: a setter says which version it begins before it writes.
    begun_before_bytes,
    /// WA1: it publishes a version that is written.
    bytes_before_published,
    /// WA1: its version is the one after the published one.
    number_by_published,
    /// WA1: the buffer of a version is not that of the one before.
    another_buffer,
    /// WA2: a reader looks at which version was begun.
    reader_checks,
    /// WA2: it does so after it has copied.
    checks_after_copy,
    /// WA3: a helper frees the lock of a dead setter.
    helper_frees,
    /// WA3: a helper frees the lock only if it names the dead slot.
    helper_compares,
    /// WA4: a setter calls the waiters.
    calls_when_set,
    /// WA4: it publishes before it calls.
    publishes_before_call,
    /// WA4: a notifier calls each waiter, and not one of them.
    calls_all,
    /// WA4: a notifier lowers the flag only if none was announced since it read it.
    flag_compares,
    /// WA4: a waiter announces itself before it checks.
    announce_before_check,
    /// WA4: it raises the flag before it checks.
    raise_before_check,
    /// WA5: it is said that all were called after they were.
    says_when_called,
    /// WA5: a caller that comes calls all waiters, if that was not said.
    comer_calls,
    /// WA6: a waiter checks for the end before it checks the version.
    end_before_version,
    /// WA6: a writer that detaches calls the waiters.
    calls_when_detached,
    /// WA6: a helper takes a dead writer off.
    helper_detaches,
    /// WA6: it calls the waiters then.
    helper_calls,
    /// W5: a wake-up without a call is an obituary.
    uncalled_wake_suspects,
    /// The kernel posts each doorbell when a process dies.
    obituary_posts,
    /// W6: it posts twice.
    obituary_posts_twice,
}
