//! Where a process stands.

use super::Cell;

/// Where a process stands. Numbers are cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Does nothing.
    #[default]
    Rest,
    /// Has this cell in use.
    Uses(usize),
    /// A step of setting a message aside.
    SetAside(SetAside),
    /// A step of balancing.
    Balance(Balance),
    /// A step of removing a message that is set aside.
    Remove(Remove),
    /// Frees the lock.
    Unlock,
    /// Looks for a free cell once more.
    Again,
    /// A step of repairing what a dead process had.
    Help(Help),
    /// Is dead.
    Dead,
}

/// A step of setting a message aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetAside {
    /// Raises `unbalanced`.
    Raise(usize),
    /// A spare cell becomes free, before the message is ASIDE.
    Early(usize),
    /// The message is ASIDE.
    Word(usize),
}

/// A step of balancing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Balance {
    /// Takes the lock.
    Lock,
    /// Reads `unbalanced`.
    Read,
    /// Counts, as far as this cell.
    Count(usize),
    /// A spare cell becomes free, or the oldest message is looked for.
    Less,
    /// The oldest message is named as one that this process drops.
    Own(usize, Cell),
    /// Frees its blocks.
    Blocks(usize),
    /// Its cell becomes free.
    Free(usize),
    /// Lowers `unbalanced`.
    Lower,
}

/// A step of removing a message that is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remove {
    /// Takes the lock, to retry the message if that is true, or to drop it.
    Lock(usize, bool),
    /// A free cell becomes spare.
    Spare(usize),
    /// The message can be taken.
    Retry(usize, Cell),
    /// The message is named as one that this process drops.
    Own(usize, Cell),
    /// Frees its blocks.
    Blocks(usize),
    /// Its cell becomes spare.
    Drop(usize),
}

/// A step of repairing what a dead process had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Help {
    /// Frees the lock.
    Lock,
    /// Looks at a cell.
    Cell(usize),
    /// A message is ASIDE.
    Word(usize),
    /// Frees the blocks of a message that was being dropped.
    Blocks(usize),
    /// Its cell becomes spare.
    Spare(usize),
    /// Raises `unbalanced`.
    Raise,
    /// The process may come back.
    End,
}
