//! Where a process stands.

use super::Word;
use crate::members::Slot;

/// Where a process stands: the name of the step it takes next. Numbers are cells, unless they are slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Is dead.
    Outside,
    /// Does nothing.
    #[default]
    Rest,
    /// A step of sending, or of delaying a message.
    Send(Send),
    /// Calls a waiter for this message.
    Notify(u8),
    /// A step of promoting.
    Promote(Promote),
    /// A step of receiving.
    Wait(Wait),
    /// A step of repairing a dead slot.
    Help(Help),
}

/// A step of sending, or of delaying a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Send {
    /// Writes when the message is due.
    Due(u8),
    /// The message becomes DELAYED.
    Delay(u8),
    /// Lowers `earliest`.
    Lower(u8),
    /// Calls the sleeper of a slot.
    Call(u8, Slot),
    /// Takes the mark away that says that sleepers have not been called.
    Clear(u8),
    /// A message without delay becomes READY.
    Ready(u8),
    /// Pushes the hint of a READY message.
    Push(u8),
}

/// A step of promoting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Promote {
    /// Reads `earliest`, and the clock.
    Look,
    /// Reads the word of a cell.
    Word(u8),
    /// Reads when its DELAYED message is due.
    Due(u8, Word),
    /// Reads the word of a cell, if the time was read first.
    WordLast(u8),
    /// DELAYED becomes READY.
    Swap(u8, Word),
    /// Pushes the hint.
    Push(u8),
    /// Raises `earliest`.
    Raise,
}

/// A step of receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// Takes a message that can be taken.
    Lanes,
    /// Its entry becomes ANNOUNCED.
    Announce,
    /// Looks for a slot that is dead and dirty.
    Reap,
    /// Reads `earliest`, to bound its sleep.
    Bound,
    /// Sleeps until its doorbell is posted, or the time is there.
    Sleep,
    /// Its entry becomes AWAKE.
    Withdraw,
    /// Its entry becomes AWAKE, because it has a message or its timeout elapsed.
    Leave,
    /// Looks whether the message that it was called for can be taken still.
    PassOn(u8),
}

/// A step of repairing a dead slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Help {
    /// Reads the word of a cell.
    Cell(u8),
    /// Lowers `earliest` for a cell.
    Lower(u8, Word),
    /// Calls the sleeper of a slot.
    Call(u8, Word, Slot),
    /// Takes the mark away.
    Clear(u8, Word),
    /// Marks the message as returned.
    Mark(u8, Word),
    /// Changes the word.
    Swap(u8, Word),
}
