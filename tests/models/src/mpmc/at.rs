//! Where a process of the ring stands.

use super::{Bell, Position};

/// Where a process stands: the name of the step it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Dead: it may come in as a newcomer.
    Outside,
    /// Stores `used` = 1.
    MarkUsed,
    /// Wants nothing, and holds nothing.
    Idle,
    /// Loads `tail`.
    LoadTail,
    /// Looks at the tail's place, and claims it if it is empty.
    LookTail(Position),
    /// Helps `tail` past somebody else's place.
    HelpTail(Position),
    /// Looks whether `tail` is still there, before it says that the ring is full.
    RecheckTail(Position),
    /// Helps `tail` past the place that it claimed.
    PassTail(Position),
    /// Writes; may take as long as it likes.
    Writing(Position),
    /// Steps back from a place that it claimed, having stored EMPTY: helps `head` past it.
    UndoHead(Position),
    /// Loads `tail`, to overwrite what stands in its way.
    OverLoad,
    /// Claims the item of this position, to overwrite it.
    OverTake(Position),
    /// Looks whether `dirty` is raised.
    LoadDirty,
    /// Loads `dirty`, to know what to compare it with.
    SeeDirty,
    /// Loads `head`, to know what is behind it.
    ScanHead,
    /// Looks whether there is an item behind `head` in this place; the first number is `head`.
    Scan(Position, u8),
    /// Claims the item of the second position, which lies behind `head`, the first.
    ScanTake(Position, Position),
    /// Clears the low bit of `dirty`.
    ClearDirty,
    /// Loads `head`.
    LoadHead,
    /// Looks at the head's place, and claims it if it is full.
    LookHead(Position),
    /// Helps `head` past somebody else's place, and past so many laps before that.
    HelpHead(Position, u8),
    /// Helps `head` past the place that it claimed.
    PassHead(Position),
    /// Reads; may take as long as it likes.
    Reading(Position),
    /// Helps `head` past the place that it puts back.
    PutHead(Position),
    /// Stores FULL in the place that it puts back.
    PutFull(Position),
    /// Raises `dirty`, having put back.
    PutDirty,
    /// Sets its flag.
    Announce,
    /// Reads ALIVE and `used` of one slot after another.
    Snapshot,
    /// Sleeps until its doorbell is posted.
    Sleep,
    /// Looks at `dirty` for somebody else, holding this place.
    OnDirty(Position),
    /// Loads its index for somebody else, holding this place.
    OnIndex(Position),
    /// Looks at the index's place for somebody else, holding the first place.
    OnLook(Position, Position),
    /// Posts for somebody else, holding this place.
    OnPost(Position),
    /// Posts before it gives up, because it consumed a post.
    PostLeave,
    /// Takes the flag down; and then the other one.
    Wake(Bell, bool),
    /// Posts, because the flag was up; and then looks at the other flag.
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
