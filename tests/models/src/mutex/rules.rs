//! The clauses of the lock's protocol.

crate::rules! {
    /// A waiter announces itself in the room before it looks at the word.
    announce_before_look,
    /// A waiter sets WAITERS in the word that it has seen, by compare-and-swap, before it sleeps.
    set_waiters_before_sleep,
    /// A holder that unlocks clears WAITERS before it scans, not when it frees the word.
    clear_before_scan,
    /// A holder that found no waiter frees the word only if WAITERS is still clear.
    announcement_stops_freeing,
    /// An unlock that offers or calls keeps WAITERS.
    keep_waiters_at_call,
    /// A process that takes the word keeps WAITERS.
    keep_waiters_at_take,
    /// A woken waiter is AWAKE in the room before it looks again.
    awake_before_look,
    /// A waiter that was woken and not called reaps.
    uncalled_wake_reaps,
    /// An obituary posts each doorbell twice, not once.
    obituary_posts_twice,
    /// A waiter that takes the word while its entry is CALLED takes the post of that call.
    taker_takes_post,
    /// A new member reaps in its first wait.
    suspects_at_first,
    /// A notifier retracts its offer if no call could follow.
    failed_call_retracts,
    /// A notifier that retracted an offer calls another waiter.
    retract_calls_another,
    /// A notifier that freed the word and could not call calls another waiter.
    failed_call_calls_another,
    /// A waiter checks once more after its timeout elapsed.
    timed_out_looks_again,
    /// An offer that is older than 1 ms may be taken by any process.
    offers_expire,
    /// A waiter that saw an offer to another sleeps for at most 1 ms.
    watch_offers,
    /// The process that takes its offer clears OFFERED.
    confirm_clears_offered,
    /// The reaper frees a word that is offered to the dead slot.
    reaper_frees_offer,
    /// The reaper does not poison a word that was only offered.
    reaper_spares_offer,
    /// The reaper keeps WAITERS.
    reaper_keeps_waiters,
    /// The reaper that freed the word calls a waiter.
    reaper_notifies,
    /// A process that takes a poisoned word keeps POISONED.
    keep_poison,
    /// A notifier that finds no announced waiter posts for those that are called and perhaps not posted.
    post_for_others,
    /// A holder that found no announced waiter posts for the others before it frees the word, not after it.
    post_before_freeing,
    /// A notifier stores CALLED after its post.
    mark_called,
    /// Each round of a wait has a ticket of its own, so that no compare-and-swap of an earlier round succeeds.
    rounds_differ,
    /// A compare-and-swap in the room names the ticket that was seen.
    calls_name_ticket,
    /// The reaper makes the room's word of the dead slot AWAKE.
    reaper_clears_room,
    /// The reaper repairs the room's word before the lock's word.
    room_before_word,
    /// The kernel posts every doorbell when a member dies.
    obituary_posts,
    /// The kernel posts every doorbell when a new member dies that has no slot yet.
    helper_obituary,
    /// A new member claims ALIVE only if it is the only helper of the slot.
    claim_waits_for_helpers,
    /// A new member repairs the slot that it has entered before it claims it.
    new_member_repairs,
    /// `used` = 0 is stored after the words were repaired.
    unused_last,
}
