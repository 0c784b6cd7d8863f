//! The clauses of the clerk's protocol.

crate::rules! {
    /// W2: a future that leads announces its process before it checks.
    announces_before_check,
    /// DK2: a waiter that leaves the front makes the next one lead.
    leaver_rouses_next,
    /// CK2: a future that is dropped with a call passes it on.
    drop_passes_on,
    /// CK2: a future that is dropped at the front withdraws, and passes on what that finds.
    drop_withdraws,
    /// CK3: a call with a future that is not polled is passed on.
    revoke_passes_on,
    /// CK3: when a call is revoked, or the front is not polled, the other waiters of the process check.
    revoke_rouses_others,
    /// CK4: a clerk that took a post while a thread leads posts again.
    stale_clerk_posts_again,
    /// CK1: a clerk that wakes while the front future is being polled leaves it the call.
    call_reaches_acting,
    /// CK1: a front future parks only if it was not roused meanwhile.
    park_sees_rouse,
    /// DK4: after an obituary every waiter of the process checks.
    obituary_rouses_all,
    /// W7: a future that took a thing while it was announced passes a call on.
    found_passes_on,
}
