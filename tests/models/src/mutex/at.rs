//! Where a process stands.

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Not registered, or dead.
    Outside,
    /// Exchanges its part of HELPERS for ALIVE, if it is the only helper, and stores `used`.
    Claim,
    /// Has registered, and does nothing.
    Idle,
    /// Takes all posts of its doorbell, because it suspects a death.
    Drain,
    /// Checks the slots of others, and claims HELPERS of one that is dead and dirty.
    CheckDead,
    /// Stores ANNOUNCED.
    Announce,
    /// Makes the dead slot's word in the room AWAKE.
    RepairRoom,
    /// Frees the word, if it names the dead slot.
    RepairWord,
    /// Stores `used` = 0, and a waiter gives HELPERS back.
    LeaveSlot,
    /// Looks at the word while announced: takes it, or sets WAITERS.
    Look,
    /// Sleeps on its doorbell.
    Sleep,
    /// Stores AWAKE after it slept.
    Awake,
    /// Looks at the word while awake: takes it or returns to the next round.
    LookAgain,
    /// Has taken the word, and stores AWAKE.
    Withdraw,
    /// Holds the lock, and unlocks.
    Critical,
    /// Loads the words of the room.
    Scan,
    /// Holds the lock, and offers it or frees it.
    Release,
    /// Stores UNPOSTED for the waiter that was chosen.
    Call,
    /// Posts for this waiter.
    Post,
    /// Stores CALLED for this waiter.
    MarkCalled,
    /// Takes an offer back.
    Retract,
    /// Posts for a waiter that another notifier called.
    PostOther,
    /// Stores CALLED for this waiter.
    MarkOther,
    /// Frees the word, unless a waiter has set WAITERS.
    FreeUnlessWaited,
}
