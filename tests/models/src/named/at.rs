//! Where a process stands.

use crate::members::Slot;

/// Where a process stands: the name of the step it takes next. Numbers are messages, or flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Is dead.
    Outside,
    /// Does nothing.
    #[default]
    Rest,
    /// Makes its message one that can be taken.
    Push,
    /// A step of notifying.
    Notify(Notify),
    /// A step of receiving.
    Wait(Wait),
}

/// A step of notifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notify {
    /// Loads the flag of the lane.
    IsLaneUp,
    /// Loads the flag of receivers of several lanes.
    IsWideUp,
    /// Looks whether the message can be taken still.
    IsThere,
    /// Reads a flag, for lowering it.
    Seen(usize),
    /// Reads one word after another.
    Scan(usize),
    /// Calls one of the waiters that the scan saw ANNOUNCED.
    Call(usize),
    /// Posts the doorbell of the waiter that it called.
    Post(usize, Slot),
    /// Marks this waiter as CALLED.
    Mark(usize, Slot),
    /// Posts the doorbell of one of the waiters that the scan saw UNPOSTED.
    PostOther(usize),
    /// Marks this waiter as CALLED.
    MarkOther(usize, Slot),
    /// Lowers a flag.
    Lower(usize),
}

/// A step of receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// Takes this message if it can, while AWAKE.
    Try(usize),
    /// Takes all posts of its doorbell, because it suspects a death.
    Drain,
    /// Repairs the words of the dead.
    Reap,
    /// Its word becomes ANNOUNCED.
    Announce,
    /// Raises its flag.
    Raise,
    /// Takes this message if it can, while announced.
    Check(usize),
    /// Its word becomes AWAKE, because it has a message.
    Found,
    /// Sleeps until its doorbell is posted.
    Sleep,
    /// Its word becomes AWAKE.
    Withdraw,
    /// Looks whether the message that it was called for can be taken still.
    Leave,
}
