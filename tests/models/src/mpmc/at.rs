//! Where a process of the ring stands.

use super::{Position, Role};

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Dead, or left: it may come back as a new member of its slot.
    #[default]
    Outside,
    /// Is a helper of the slot that it wants: reads `used`.
    Join,
    /// Exchanges its part of HELPERS for ALIVE.
    Claim,
    /// Stores `used`, and attaches its endpoint.
    MarkUsed,
    /// Does nothing, and has claimed nothing.
    Idle,
    /// Has detached its endpoint, and does nothing any more.
    Detached,
    /// Loads `tail`.
    LoadTail,
    /// Loads the word of the tail's place, and claims the place if it is empty.
    LookTail(Position),
    /// Helps `tail` past another process's place.
    HelpTail(Position),
    /// Helps `tail` past the place that it claimed.
    PassTail(Position),
    /// Writes, for as long as it likes.
    Writing(Position),
    /// Steps back from a place that it claimed, having stored EMPTY: helps `head` past it.
    UndoHead(Position),
    /// Loads `tail`, to overwrite what stands in its way.
    OverLoad,
    /// Claims the item of this position, to overwrite it.
    OverTake(Position),
    /// Loads `dirty`.
    LoadDirty,
    /// Loads `head`, to know what is behind it.
    ScanHead,
    /// Checks whether there is an item behind `head`, the position, in this place.
    Scan(Position, u8),
    /// Claims the item of the second position, which lies behind `head`, the first.
    ScanTake(Position, Position),
    /// Clears the low bit of `dirty`.
    ClearDirty,
    /// Loads `head`.
    LoadHead,
    /// Loads the word of the head's place, and claims the place if it is full.
    LookHead(Position),
    /// Helps `head` past another process's place, and past so many laps before that.
    HelpHead(Position, u8),
    /// Helps `head` past the place that it claimed.
    PassHead(Position),
    /// Reads, for as long as it likes.
    Reading(Position),
    /// Helps `head` past the place that it requeues.
    PutHead(Position),
    /// Stores FULL in the place that it requeues.
    PutFull(Position),
    /// Raises `dirty` after it requeued.
    PutDirty,
    /// A step of a wait.
    Wait(Wait),
    /// A step of notifying.
    Notify(Notify),
    /// A step of repairing a slot.
    Repair(Repair),
    /// Stores `closed`.
    Close,
    /// Detaches its endpoint.
    Detach,
}

/// A step of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// W1: takes all posts if it suspects a death.
    Prepare,
    /// W1: checks one slot after another.
    Look,
    /// W2: its word becomes ANNOUNCED.
    Announce,
    /// W2: raises the flag of its role.
    Raise,
    /// E4: raises the producers' flag if the ring ends.
    RaiseOther,
    /// E1: checks whether the ring ends.
    End,
    /// E4: checks whether the place at `head` is being written, if only that one counts.
    EndHead,
    /// E4: checks whether this place holds up the end.
    EndScan(u8),
    /// W3: sleeps until its doorbell is posted.
    Sleep,
    /// W3: its word becomes AWAKE.
    Withdraw,
    /// Its word becomes AWAKE, because it has claimed this position.
    Found(Position),
    /// W7: loads the index for another waiter, having claimed this position.
    More(Position),
    /// W7: looks at the index's place for another waiter, having claimed the first position.
    MoreLook(Position, Position),
    /// Its word becomes AWAKE, because the ring ended.
    Ended,
}

/// A step of notifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notify {
    /// E2: loads the flag of a role.
    Flag(Role),
    /// Calls a waiter of a role.
    Call(Role),
    /// Posts the doorbell of the waiter that it called, and marks it as CALLED.
    Post(Role),
    /// E3: checks whether the place that is so far behind the position is ready.
    Behind(Role, Position, u8),
    /// E4: checks whether the ring ends.
    Ends,
    /// Loads the flag of a role before it calls every waiter.
    FlagOfAll(Role),
    /// Calls every waiter of a role.
    All(Role),
    /// Posts the doorbells of those that it called.
    PostAll(Role),
}

/// A step of repairing a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Repair {
    /// Enters the slot as a helper, unless a member lives there.
    Enter,
    /// Takes away this place, which is being written, or turns to its position.
    Free(u8),
    /// Helps `head` past a position that is being read.
    Head(Position),
    /// Stores FULL in the place of this position, by compare-and-swap.
    Full(Position),
    /// Detaches what the slot had attached.
    Detach,
    /// Raises `dirty`.
    Dirty,
    /// The slot's word in the room becomes AWAKE.
    Word,
    /// Stores `used` = 0.
    MarkUnused,
    /// Is no helper any more, or gives ALIVE back if it leaves.
    Exit,
}
