//! Where a process stands.

use super::{Hint, Word};
use crate::members::Slot;

/// Where a process stands: the name of the step it takes next. Numbers are cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Not registered, or dead: it may come back as a new member.
    #[default]
    Outside,
    /// Is a member and does nothing.
    Rest,
    /// A step of sending.
    Send(Send),
    /// A step of marking a message as returned.
    Mark(Mark),
    /// A step of looking for a message and taking it.
    Find(Find),
    /// Has received a message.
    Holds,
    /// Has claimed a message.
    Claims,
    /// Clears the returned bit of the cell that it holds.
    Clear,
    /// A step of freeing the cell that it owns.
    Free(Free),
    /// Gives the response to the request that it holds.
    Answer,
    /// Waits for a response.
    Await,
    /// A step of cancelling a request.
    Cancel(Cancel),
    /// A step of repairing a dead slot.
    Help(Help),
    /// A step of entering.
    Member(Member),
}

/// A step of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Send {
    /// Reads the bits of the cells that are taken for long.
    Bits,
    /// FREE becomes FILLING, if it is.
    Take(u8),
    /// Sets the bit of a cell that is taken.
    SetBit(u8),
    /// Looks at that cell once more.
    LookAgain(u8),
    /// Takes a stamp.
    Stamp,
    /// Writes what the message says.
    Fields,
    /// FILLING, or CLAIMED, becomes READY.
    Ready,
    /// Marks its lane as used.
    Use,
    /// Reads `tail`.
    Tail,
    /// The place at `tail` gets the hint, if it is EMPTY.
    Push,
    /// Helps `tail` on, behind the place of another sender.
    HelpTail,
    /// Looks at the message of an old hint.
    Old(Hint),
    /// Empties the place of an old hint.
    Empty,
    /// Helps `tail` on, behind its own place.
    Pushed,
}

/// A step of marking a message as returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Sets the bit of the cell.
    Bit(u8),
    /// Counts in `dirty`, and makes it odd.
    Dirty(u8),
}

/// A step of looking for a message and taking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Find {
    /// Reads which lanes are used.
    Used,
    /// Reads it once more, after the one lane that was used.
    UsedAgain,
    /// Reads `head`.
    Head,
    /// Reads the place at a position.
    Place,
    /// Reads the word of the cell of a hint.
    Word(Hint),
    /// Reads what the message says.
    Fields(Hint, Word),
    /// Empties the place of a message that is taken.
    Pass(Hint),
    /// Helps `head` on.
    HelpHead,
    /// Moves `head` behind a hint of so many laps later.
    CatchUp(u8),
    /// Reads `dirty`.
    Dirty,
    /// Reads the returned bits.
    Bits,
    /// Reads the word of a cell with its bit set.
    Returned(u8),
    /// Reads what its message says.
    ReturnedFields(u8, Word),
    /// Lowers `dirty`, because no bit was set.
    Lower,
    /// READY becomes HELD.
    Take,
    /// Empties the place of the message that it takes.
    PassTaken,
    /// Helps `head` on behind it.
    HelpTaken,
}

/// A step of freeing a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Free {
    /// The word becomes FREE.
    Word,
    /// Clears the bit of the cell, if it is set.
    Show,
}

/// A step of cancelling a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cancel {
    /// Reads the word.
    Look,
    /// READY becomes FILLING: the caller takes it back.
    TakeBack(Word),
    /// HELD by a server, with a caller, becomes HELD without one.
    Detach(Word),
}

/// A step of repairing a dead slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Help {
    /// Increments HELPERS unless ALIVE is set.
    Enter,
    /// Reads the word of a cell.
    Cell(u8),
    /// Looks for a hint to the message of a dead sender.
    Has(u8, Word),
    /// Changes the word of a cell.
    Change(u8, Word, Word),
    /// Clears the returned bit of a cell, which no helper should.
    Clear(u8),
    /// Clears the bit of a cell if it is FREE.
    Show(u8),
    /// Stores `used` = 0.
    Unused,
    /// Decrements HELPERS.
    Exit,
}

/// A step of entering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    /// Exchanges its part of HELPERS for ALIVE, if it is the only helper of this slot.
    Claim(Slot),
    /// Stores `used` = 1.
    MarkUsed,
}
