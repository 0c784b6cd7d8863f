//! The clauses of delayed messages.

crate::rules! {
    /// A message is DELAYED before `earliest` is lowered, not after it.
    delayed_before_lower,
    /// A process that lowers `earliest` changes its version, even if the time stays.
    version_changes,
    /// `earliest` is raised by compare-and-swap from what was read before the scan.
    raise_by_swap,
    /// A process that makes `earliest` earlier calls sleepers, so that they bound their sleep by it.
    calls_sleepers,
    /// It calls all sleepers, not only one.
    calls_all,
    /// It marks `earliest` as UNCALLED until it has called them. A process that finds the mark calls them too.
    others_call_too,
    /// The mark is taken away by compare-and-swap from what the process wrote.
    clear_by_swap,
    /// A process that raises `earliest` leaves the mark as it is.
    raise_keeps_mark,
    /// A sleeper bounds its sleep by `earliest`.
    sleep_is_bounded,
    /// It reads `earliest` after it has announced itself.
    bound_after_announcement,
    /// A process that promotes reads the word of a cell before the time.
    word_before_due,
    /// DELAYED becomes READY by compare-and-swap.
    promote_by_swap,
    /// If that fails, the process reads the same cell again.
    failed_is_read_again,
    /// READY names the process that promoted the message until its hint is pushed.
    promoter_is_named,
    /// A claimed message that is delayed has one attempt more.
    attempts_grow,
    /// A helper lowers `earliest` for the DELAYED message of a dead process.
    helper_lowers,
    /// It does so before it takes the name of the dead process away.
    helper_lowers_first,
    /// The kernel posts each doorbell when a process dies.
    obituary_posts,
    /// A waiter that was called for a message, and leaves while that can be taken, calls the next one.
    leaver_passes_on,
}
