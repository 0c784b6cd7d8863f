//! The clauses of the store's protocol.

crate::rules! {
    /// ST1: what a message says is written before READY, not after it.
    fields_before_ready,
    /// ST1: each life of a cell has another generation.
    generation_grows,
    /// ST2: a message is READY before its hint is pushed, not after it.
    ready_before_push,
    /// ST3: a sender that finds a place taken helps `tail` on.
    senders_help_tail,
    /// ST3: a sender that meets a hint of an older lap empties its place.
    make_way,
    /// ST3: before it does, it marks the message as returned.
    make_way_marks,
    /// ST3: it marks before it empties the place, not after it.
    mark_before_emptying,
    /// ST4: a receiver takes the cell before it empties the place, not after it.
    take_before_emptying,
    /// ST4: a receiver takes the message of the word that it read, and no other one.
    take_expects_word,
    /// ST4: the place of a message that is taken is emptied by any receiver that meets it.
    receivers_pass,
    /// ST4: a receiver that finds a hint of a later lap goes on behind it.
    catch_up,
    /// ST5: returned messages are looked at after the lanes, not before them.
    returned_after_lanes,
    /// ST5: the bit is set before `dirty`, not after it.
    bit_before_dirty,
    /// ST5: `dirty` is lowered only if no bit was set since the scan.
    dirty_counts,
    /// ST5: the holder clears the bit before it frees the cell, not after it.
    clear_before_free,
    /// ST5: a helper never clears the bit.
    helpers_leave_bits,
    /// ST5: a helper that finds a message of a dead sender marks it as returned.
    kept_is_marked,
    /// ST5: it marks the message before the word ceases to name the dead sender, not after it.
    mark_before_keeping,
    /// ST5: it marks a message that was claimed before also if there is a hint.
    marked_despite_hint,
    /// ST6: several lanes are looked at until the same message is found twice.
    look_twice,
    /// ST6: so are a lane and the returned messages.
    look_twice_for_returned,
    /// ST6: a sender marks its lane as used before it pushes, not after it.
    used_before_push,
    /// ST6: a receiver that searches the one lane that is used reads afterwards whether another one is.
    used_again,
    /// ST6: of several messages that fit the oldest one is taken.
    oldest_first,
    /// CK1: no two messages have one stamp.
    stamps_grow,
    /// A process that promotes a delayed message raises the latest stamp to the time at which that was due.
    promoted_raises_latest,
    /// CK2: a sender takes the stamp before it pushes, not after it.
    stamp_before_push,
    /// FC1: a sender that sets the bit of a taken cell looks at the cell once more.
    look_after_bit,
    /// FC1: a cell is FREE before its bit is cleared, not after it.
    free_before_bit,
    /// FC2: a helper clears the bits of the cells that are FREE.
    helper_shows_cells,
    /// A response is given by compare-and-swap, since the caller may cancel.
    answer_by_swap,
    /// A caller that cancels a request takes it by compare-and-swap, since a receiver may take it.
    take_back_by_swap,
    /// CL3: each return of a message counts as an attempt.
    attempts_grow,
    /// CL: a helper gives back what a dead process has claimed, and does not free it.
    claims_come_back,
    /// CL: what a living process requeues gets a new stamp.
    requeued_at_the_tail,
    /// A helper of a dead server tells the caller that there is no response, and does not free the cell.
    lost_for_caller,
    /// A helper of a dead caller takes its name from each request.
    caller_is_detached,
    /// A helper changes words by compare-and-swap.
    repair_by_swap,
    /// A helper counts itself in HELPERS, and no new member claims a slot with other helpers.
    helpers_are_counted,
    /// A helper clears `used` after every other word.
    used_is_last,
    /// A new member repairs the slot that it has entered before it claims it.
    new_member_repairs,
}
