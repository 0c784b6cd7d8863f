//! The clauses of the notices of a channel on a server.

crate::rules! {
    /// WK1: a receiver looks and announces itself in one step.
    announces_in_one_step,
    /// WK1: a receiver that waits looks by itself after a time.
    looks_by_itself,
    /// WK2: the receiver that is notified fits the message.
    notice_fits,
    /// WK3: the announcement ends when a message is taken.
    take_ends,
    /// WK3: one that was notified and takes a message passes its notice on.
    taker_passes_on,
    /// WK3, WK4: a notice is passed on for every route that fits, and not only for the first one.
    passes_on_for_all,
    /// WK4: one that looks no more passes its notice on.
    leaver_passes_on,
}
