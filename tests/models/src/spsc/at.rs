//! Where a process of the ring stands.

use super::Side;
use crate::members::Slot;

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Dead: it may come in as a newcomer.
    Outside,
    /// Stores `used` = 1.
    MarkUsed,
    /// Has no role, and wants none.
    Idle,
    /// Stores `arrived` = 1.
    Arrive,
    /// Takes the role if it is free, or sets WAITERS.
    TakeRole,
    /// Asks whether the role's owner lives.
    CheckRole(Slot),
    /// Sleeps until the role's doorbell is posted.
    RoleSleep,
    /// Posts the role's doorbell before it gives up, because it consumed a post.
    RoleLeave,
    /// Loads both indices.
    Reload,
    /// Has the role, and nothing to do.
    Ready,
    /// Loads the other's index.
    Look,
    /// Loads the other's index, having been woken: what it finds at once needs no announcement.
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
    /// Takes its own flag down, because it need not sleep.
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
    /// Claims a dead owner's slot.
    Claim(Slot),
    /// Frees the role of this side, which the slot owns; before that, stores `arrived` = 1 if that is missing.
    Repair(Slot, Side),
    /// Posts the role's doorbell, because it had waiters.
    RepairRole(Slot, Side),
    /// Posts the doorbell of the other side's holder: it may want to be told.
    RepairOther(Slot, Side),
    /// Stores `used` = 0 for the slot that it reaped, or for its own.
    MarkUnused(Slot),
    /// Gives back ALIVE of that slot.
    GiveBack(Slot),
}
