//! Where a process of the pool stands.

use super::Bell;

/// Where a process stands: the name of the step it takes next. Numbers are permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Not registered, or dead: it may come back as a new member.
    Outside,
    /// Stores `used` = 1.
    MarkUsed,
    /// Has registered, does nothing and holds nothing.
    Idle,
    /// Tries this permit, before it prepares to sleep.
    Scan(usize),
    /// Sets its flag.
    Announce,
    /// Reads ALIVE and `used` of one slot after another.
    Snapshot,
    /// Tries this permit once more.
    Retry(usize),
    /// Sleeps until its doorbell is posted.
    Sleep,
    /// Checks whether this permit is free for another waiter.
    PassOn(usize),
    /// Posts, because a permit is free.
    PostOn,
    /// Posts before it returns without a permit, because it consumed a post.
    PostLeave,
    /// Holds what it called for.
    Holding,
    /// Frees this permit.
    Free(usize),
    /// Checks whether any flag is up.
    LoadFlags,
    /// Takes the flag down.
    Wake(Bell),
    /// Posts, because the flag was up.
    Post(Bell),
    /// Takes the turnstile, or adds WAITERS to it.
    TurnTake,
    /// Sleeps until the turnstile's doorbell is posted.
    TurnSleep,
    /// Frees the turnstile.
    TurnDrop,
    /// Posts, because the turnstile had waiters.
    TurnPost,
    /// Counts this permit if it is free.
    ManyLook(usize),
    /// Takes this permit, one of all.
    ManyTake(usize),
    /// Repairs the words of a slot: another member's, or its own when it enters or leaves.
    Reap(Reap),
}

/// A step of reaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reap {
    /// Asks whether the turnstile's owner lives.
    Check,
    /// Claims a dead owner's slot.
    Claim,
    /// Frees the turnstile, which the slot owns.
    FreeTurn,
    /// Posts the turnstile's doorbell, because it had waiters.
    PostTurn,
    /// Frees this permit, which the slot owns.
    Free(usize),
    /// Takes both flags down, because it freed a permit.
    ClearFlags,
    /// Posts this doorbell, because it freed a permit.
    Post(Bell),
    /// Stores `used` = 0 for the slot.
    MarkUnused,
    /// Gives back ALIVE of the slot.
    GiveBack,
}
