//! The clauses of the protocol.

crate::rules! {
    /// A helper enters a slot only if ALIVE is 0, in the same `semop`.
    helper_tests_alive,
    /// A helper counts itself in HELPERS.
    helper_is_counted,
    /// A new member claims ALIVE only if there is no other helper, in the same `semop`.
    member_tests_helpers,
    /// Words are taken away by compare-and-swap from the dead slot, not by a store.
    compare_and_swap,
    /// Any number of helpers may enter one slot.
    any_number,
    /// A helper clears `used` after it has repaired every word.
    used_cleared_last,
    /// A helper gives HELPERS back after it has cleared `used`.
    helper_leaves_last,
    /// A new member repairs the slot that it has entered.
    member_repairs,
    /// A new member is a helper of the slot until it has found that to be clean. Then it claims ALIVE.
    member_helps_first,
    /// A new member marks its slot as used before it takes a word.
    member_marks_used,
    /// A process that leaves takes its words back before it marks its slot as unused.
    leaver_repairs,
    /// A process that leaves marks its slot as unused before it gives ALIVE back.
    leaver_clears_first,
}
