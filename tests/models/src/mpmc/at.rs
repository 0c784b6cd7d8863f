//! Where a process of the ring stands.

use super::{Bell, Position};

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Dead, or left: it may come back as a new member.
    Outside,
    /// Stores `used` = 1.
    MarkUsed,
    /// Does nothing, and has claimed nothing.
    Idle,
    /// Loads `tail`.
    LoadTail,
    /// Loads the word of the tail's place, and claims the place if it is empty.
    LookTail(Position),
    /// Helps `tail` past another process's place.
    HelpTail(Position),
    /// Checks whether `tail` is still there, before it returns that the ring is full.
    RecheckTail(Position),
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
    /// Checks whether `dirty` is raised.
    LoadDirty,
    /// Loads `dirty`, to know what to compare it with.
    SeeDirty,
    /// Loads `head`, to know what is behind it.
    ScanHead,
    /// Checks whether there is an item behind `head` in this place. The first number is `head`.
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
    /// Sets its flag.
    Announce,
    /// Reads ALIVE and `used` of one slot after another.
    Snapshot,
    /// Sleeps until its doorbell is posted.
    Sleep,
    /// Loads `dirty` for another waiter, having claimed this place.
    OnDirty(Position),
    /// Loads its index for another waiter, having claimed this place.
    OnIndex(Position),
    /// Loads the word of the index's place for another waiter, having claimed the first place.
    OnLook(Position, Position),
    /// Posts for another waiter, having claimed this place.
    OnPost(Position),
    /// Posts before it returns without a place, because it consumed a post.
    PostLeave,
    /// Takes the flag down. Then the other one, if the boolean is true.
    Wake(Bell, bool),
    /// Posts, because the flag was up. Then takes the other flag down, if the boolean is true.
    Post(Bell, bool),
    /// Repairs the words of a slot: another member's, or its own when it enters or leaves.
    Reap(Reap),
}

/// A step of reaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reap {
    /// Claims a dead owner's slot.
    Claim,
    /// Takes away a place, which the slot owns, beginning with `head` if it was being read.
    Free(u8),
    /// Stores FULL in a place whose reader is dead.
    StoreFull(u8),
    /// Helps `head` past the position, if that does not come first.
    HelpHead(Position),
    /// Raises `dirty`.
    RaiseDirty,
    /// Posts a doorbell for what it repaired.
    Post(Bell),
    /// Stores `used` = 0 for the slot.
    MarkUnused,
    /// Gives back ALIVE of the slot.
    GiveBack,
}
