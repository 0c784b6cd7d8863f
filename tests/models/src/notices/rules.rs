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
    /// WK3: a receiver that takes a message of another route than that of its notice notifies the next one.
    other_route_passes_on,
    /// WK4: one that takes a message, and has not read its notice, passes that on.
    unread_passes_on,
    /// WK4: one that looks no more passes its notice on.
    leaver_passes_on,
}
