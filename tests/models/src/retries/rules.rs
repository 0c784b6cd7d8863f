//! The clauses of claimed requests.

crate::rules! {
    /// A response is written apart from its request, which stays whole until the response counts.
    response_apart,
    /// The blocks of a response have a name that says which claim they are of.
    response_is_named,
    /// That is the slot of the claimer, and not the number of the attempt.
    named_by_owner,
    /// What a response says of itself is written before the request is ANSWERED.
    fields_before_answered,
    /// A process that responds in place says so, since an attempt before may have said otherwise.
    says_in_place,
    /// The request becomes ANSWERED by compare-and-swap.
    answer_by_swap,
    /// A process reads the word again after its swap has failed, and frees what is HELD by it.
    failed_looks_again,
    /// A process that requeues a request frees the blocks of its response before.
    requeue_frees_response,
    /// A process that is done makes the request HELD before it frees its blocks.
    done_via_held,
    /// The attempts grow with each return, by a living process or a helper.
    attempts_grow,
    /// A request at its limit is set aside.
    limit_sets_aside,
    /// A living process that requeues is named in READY until it has pushed the hint.
    requeue_names_itself,
    /// A process that ends a request calls its caller.
    end_is_called,
    /// A helper that ends a request calls its caller.
    helper_calls,
    /// The kernel posts the doorbell of a caller when a process dies.
    obituary_posts,
    /// A caller announces itself before it looks.
    announce_before_look,
    /// A helper frees the blocks of the response of a dead claimer before the request comes back.
    helper_frees_response,
    /// It, or the claimer itself, does so also for a request that is HELD.
    held_frees_response,
    /// A helper changes a word by compare-and-swap from what it read.
    help_by_swap,
    /// A helper marks a request as returned before it is READY.
    mark_before_ready,
    /// A caller that takes its request back, or its helper, is named as the owner.
    taken_back_is_callers,
    /// A caller cancels by compare-and-swap.
    cancel_by_swap,
    /// A request that outlives its caller loses the caller's name, and comes back.
    outlives_is_kept,
    /// A request that its caller cancels while it is claimed is HELD, and does not come back.
    cancelled_is_held,
    /// A request that is set aside loses the name of a caller that learns it, cancels, or is dead.
    aside_forgets_caller,
}
