//! Where a process stands.

use crate::members::Slot;

/// Where a process stands: the name of the step it takes next. Numbers are things, or slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// Not registered, or dead: it may come back as a new member.
    #[default]
    Outside,
    /// Is a member and does nothing, with the things that it holds.
    Rest,
    /// A step of a wait.
    Wait(Wait),
    /// Frees this thing.
    Free(usize),
    /// A step of notifying.
    Notify(Notify),
    /// A step of entering or leaving.
    Member(Member),
    /// A step of repairing a dead slot.
    Help(Help),
}

/// A step of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// W4, and the first try: takes this thing if it is free, while AWAKE.
    Try(usize),
    /// W1: takes all posts of its doorbell, because it suspects a death.
    Drain,
    /// W1: checks one slot after another.
    Look,
    /// W2: its word becomes ANNOUNCED.
    Announce,
    /// W2: sets the flag and changes its version.
    SetFlag,
    /// W2: takes this thing if it is free, while announced.
    Check(usize),
    /// W2: its word becomes AWAKE, because it has found a thing.
    Found,
    /// W7: checks whether this thing is free for another waiter.
    More(usize),
    /// W3: sleeps until its doorbell is posted.
    Sleep,
    /// W3: its word becomes AWAKE.
    Withdraw,
}

/// A step of notifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notify {
    /// N1: reads the flag.
    LoadFlag,
    /// N2: reads one word after another.
    Scan,
    /// N2: calls one of the waiters that the scan saw ANNOUNCED.
    Call,
    /// N3: posts the doorbell of the waiter that it called.
    Post(Slot),
    /// N4: marks this waiter as CALLED.
    Mark(Slot),
    /// N5: posts the doorbell of one of the waiters that the scan saw UNPOSTED.
    PostOther,
    /// N5: marks this waiter as CALLED.
    MarkOther(Slot),
    /// N6: checks whether the waiter that it called last has taken its post.
    Look,
    /// N5: clears the flag.
    ClearFlag,
}

/// A step of entering or leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// Exchanges its part of HELPERS for ALIVE, if it is the only helper.
    Claim,
    /// Stores `used` = 1.
    MarkUsed,
    /// Stores `used` = 0, to leave.
    MarkUnused,
    /// Gives back ALIVE of its slot, to leave.
    Leave,
}

/// A step of repairing a dead slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Help {
    /// Increments HELPERS unless ALIVE is set.
    Enter,
    /// Frees this thing if the slot owns it.
    Free(usize),
    /// The slot's word in the room becomes AWAKE.
    ResetWord,
    /// Stores `used` = 0.
    MarkUnused,
    /// Decrements HELPERS.
    Exit,
}
