//! What a state consists of: what is shared, and what each process has of its own.

use super::{
    at::At,
    places::{Place, Position},
};
use crate::{members::Slot, room::Word};

/// A role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Pushes.
    #[default]
    Producer,
    /// Pops.
    Consumer,
}

impl Role {
    pub(super) fn other(self) -> Self {
        if self == Role::Producer { Role::Consumer } else { Role::Producer }
    }
}

/// What a process is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Nothing.
    #[default]
    Nothing,
    /// To enter.
    Join,
    /// To push, and to wait for room.
    Push,
    /// To push, and to overwrite what is oldest.
    Overwrite,
    /// To pop, and to wait for an item.
    Pop,
    /// To close the ring.
    Close,
    /// To leave.
    Leave,
}

/// Where a waiter is in its rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Round {
    /// It has not waited yet.
    #[default]
    First,
    /// It is announced.
    Announced,
    /// It has withdrawn.
    Awake,
}

/// What a process notifies for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Nothing.
    #[default]
    Nothing,
    /// It has committed the item of this position.
    Commit(Position),
    /// It has consumed the item of this position.
    Consume(Position),
    /// It has overwritten the item of this position, and will push.
    MakeRoom(Position),
    /// It has cancelled this position, and calls consumers.
    Cancel(Position),
    /// It has requeued an item.
    Requeue,
    /// It passes a call on, having claimed this position.
    PassOn(Position),
    /// It passes a call on, and leaves.
    Ended,
    /// It has closed the ring.
    Close,
    /// It has detached.
    Detach,
    /// It has repaired a slot.
    Repair,
}

/// A set of processes: one bit for each.
pub(super) type Set = u8;

pub(super) fn bit(index: usize) -> Set {
    1 << index
}

/// What is shared of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    pub(super) is_alive: bool,
    pub(super) is_used: bool,
    pub(super) is_attached: bool,
    pub(super) helpers: u8,
    pub(super) word: Word,
    pub(super) posts: u8,
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    pub(super) role: Role,
    pub(super) at: At,
    pub(super) wish: Wish,
    pub(super) entry: Entry,
    pub(super) round: Round,
    pub(super) suspects: bool,
    pub(super) is_woken: bool,
    pub(super) is_called: bool,
    /// Its timeout elapsed.
    pub(super) is_late: bool,
    /// It found that the ring ended, in this round.
    pub(super) sees_end: bool,
    /// The slots that are still to be checked for dead members.
    pub(super) look: Set,
    /// The slot that it repairs.
    pub(super) helps: Option<Slot>,
    pub(super) has_changed: bool,
    /// No process has changed `dirty` since this one read it.
    pub(super) dirty_is_as_read: bool,
    pub(super) cause: Cause,
    /// The waiters that it called, and those of them that have another ticket by now.
    pub(super) called: Set,
    pub(super) stale: Set,
    /// The flag has not changed since it was read.
    pub(super) flag_is_as_read: bool,
    pub(super) was_only: bool,
    /// How far behind it looks (E3).
    pub(super) distance: u8,
}

/// What went wrong, if the state does not show it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// Nothing.
    None,
    /// A producer committed an item where there was one.
    Lost,
    /// A consumer consumed an item that was not there.
    Twice,
    /// A consumer was notified of the end too early.
    Ended,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MpmcState {
    pub(super) places: [Place; MOST_PLACES],
    pub(super) tail: Position,
    pub(super) head: Position,
    pub(super) dirty: bool,
    pub(super) closed: bool,
    pub(super) flags: [bool; 2],
    pub(super) items: u8,
    pub(super) deaths: u8,
    pub(super) damage: Damage,
    pub(super) processes: Vec<Process>,
}

pub(super) const MOST_PLACES: usize = 4;

impl Process {
    /// Forgets what is over, so that equal situations are equal states.
    pub(super) fn forget(&mut self) {
        let Self { role, at, entry, suspects, .. } = *self;
        match at {
            At::Outside => *self = Self { role, at, entry, ..Self::default() },
            At::Idle | At::Detached => *self = Self { role, at, entry, suspects, ..Self::default() },
            At::Writing(_) | At::Reading(_) => {
                *self = Self { role, at, entry, suspects, wish: self.wish, ..Self::default() };
            }
            _ => {}
        }
        if !matches!(at, At::Notify(_)) {
            (self.called, self.stale, self.flag_is_as_read, self.was_only) = (0, 0, false, false);
            (self.cause, self.distance) = (Cause::Nothing, 0);
        }
        self.dirty_is_as_read &= matches!(at, At::ScanHead | At::Scan(..) | At::ScanTake(..) | At::ClearDirty);
    }
}

impl MpmcState {
    pub(super) fn post(&mut self, index: usize, saturation: u8) {
        let posts = &mut self.processes[index].entry.posts;
        *posts = saturation.min(*posts + 1);
    }

    pub(super) fn is_dirty(&self, index: usize) -> bool {
        let entry = &self.processes[index].entry;
        entry.is_used && !entry.is_alive
    }

    pub(super) fn some_is_dirty(&self) -> bool {
        (0..self.processes.len()).any(|index| self.is_dirty(index))
    }

    pub(super) fn announced(&self, role: Role) -> impl Iterator<Item = usize> {
        let is_announced = move |process: &Process| process.role == role && process.entry.word == Word::Announced;
        self.processes.iter().enumerate().filter(move |(_, process)| is_announced(process)).map(|(index, _)| index)
    }
}
