//! Where a process of the ring stands.

use super::Side;

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Dead, or left: it may come back as a new member.
    Outside,
    /// Stores `used` = 1.
    MarkUsed,
    /// Has no role, and waits for none.
    Idle,
    /// Stores `arrived` = 1.
    Arrive,
    /// Takes the role if it is free, or sets WAITERS.
    TakeRole,
    /// Sleeps until the role's doorbell is posted.
    RoleSleep,
    /// Posts the role's doorbell before it returns without the role, because it consumed a post.
    RoleLeave,
    /// Loads both indices.
    Reload,
    /// Has the role, and nothing to do.
    Ready,
    /// Loads the other's index.
    Look,
    /// Loads the other's index after it was woken. It goes on without an announcement if the index has moved.
    EarlyLook,
    /// Sets its flag.
    Announce,
    /// Loads `closed`.
    LoadClosed,
    /// Loads `arrived`.
    LoadArrived,
    /// Reads ALIVE and `used` of one slot after another.
    Snapshot,
    /// Loads the other's role.
    LoadRole,
    /// Loads the other's index once more.
    LastLook,
    /// Sleeps until its doorbell is posted.
    Sleep,
    /// Takes its own flag down, because it does not sleep.
    Withdraw,
    /// Writes the item, or copies it.
    Touch,
    /// Stores its own index.
    Publish,
    /// Takes the other's flag down.
    Wake,
    /// Posts the other's doorbell, because the flag was up.
    Post,
    /// Frees its role.
    FreeRole,
    /// Posts the role's doorbell, because it had waiters.
    PostRole,
    /// Takes the other's flag down, having left.
    WakeLeft,
    /// Posts the other's doorbell, because the flag was up.
    PostLeft,
    /// Stores `closed` = 1.
    Close,
    /// Posts the doorbell of a side's holder, having closed.
    PostClose(Side),
    /// Repairs the words of a slot: another member's, or its own when it enters or leaves.
    Reap(Reap),
}

/// A step of reaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reap {
    /// Asks whether the role's owner lives.
    Check,
    /// Claims a dead owner's slot.
    Claim,
    /// Frees the role of this side, which the slot owns. Before that, stores `arrived` = 1 if that is missing.
    Free(Side),
    /// Posts the doorbell of this side's role, because it had waiters.
    PostRole(Side),
    /// Posts the doorbell of the holder on the side opposite to this one, which may have asked to be notified.
    PostOther(Side),
    /// Stores `used` = 0 for the slot.
    MarkUnused,
    /// Gives back ALIVE of the slot.
    GiveBack,
}
