//! The clauses of a barrier.

crate::rules! {
    /// BR1: an arrival changes the word by compare-and-swap.
    arrives_by_compare,
    /// BR2: the last one changes the generation before it calls.
    changes_before_calling,
    /// BR2: the last one calls all that wait.
    calls_when_complete,
    /// BR3: a break forgets the arrivals.
    break_forgets,
    /// BR3: the helpers of a slot agree on the generation that they break.
    agrees_on_generation,
    /// BR3: if that is complete meanwhile, they break a later one.
    breaks_a_later_one,
    /// BR3: a helper that broke a generation calls all that wait.
    calls_when_broken,
    /// BR4: a member that did not wait in a generation that broke is notified at its next wait.
    tells_later,
    /// BR4: the dead member is named before the generation breaks.
    names_first,
    /// BR4: the first name stays.
    names_once,
    /// BR6: the last one checks for dead members before it ends the generation.
    last_one_checks,
    /// BR5: a wait that timed out leaves only if its generation is the current one.
    leaves_its_own,
    /// W2: a waiter announces itself before it checks.
    announce_before_check,
    /// W5: a wake-up without a call is an obituary.
    uncalled_wake_suspects,
    /// The kernel posts each doorbell when a process dies.
    obituary_posts,
    /// W6: it posts twice.
    obituary_posts_twice,
}
