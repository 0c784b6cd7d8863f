//! What a state consists of: what is shared, and what each process has of its own.

use super::at::{At, Member, Wait};
use crate::members::Slot;

pub(super) const MOST_THINGS: usize = 3;

/// The word of a slot in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// No waiter.
    #[default]
    Awake,
    /// A waiter that no notifier has called.
    Announced,
    /// A waiter that was called, and may not have been posted.
    Unposted,
    /// A waiter that was posted.
    Called,
}

/// What is shared of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub(super) is_alive: bool,
    pub(super) is_used: bool,
    pub(super) helpers: u8,
    pub(super) word: Word,
    pub(super) posts: u8,
}

/// What a process is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Nothing, or to release.
    #[default]
    Nothing,
    /// To enter.
    Join,
    /// A thing.
    Thing,
    /// A thing, but the timeout has elapsed.
    LastTry,
    /// To stop waiting without a check.
    Cancel,
}

/// A set of slots: one bit for each.
pub(super) type Set = u8;

/// What a notifier remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Memory {
    /// The words that are still to be read.
    pub(super) unseen: Set,
    /// The words that were ANNOUNCED, or the one that it called.
    pub(super) announced: Set,
    /// The words that were UNPOSTED.
    pub(super) unposted: Set,
    /// Of these, the words that have another epoch by now.
    pub(super) stale: Set,
    /// The flag has not changed since it was read.
    pub(super) is_current: bool,
    /// It clears the flag after its call.
    pub(super) clears: bool,
    /// The waiter that it called last.
    pub(super) last: Option<Slot>,
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    pub(super) at: At,
    pub(super) wish: Wish,
    /// Its slot, if it holds ALIVE of one.
    pub(super) slot: Option<Slot>,
    pub(super) holds: [bool; MOST_THINGS],
    pub(super) suspects: bool,
    /// It took a post, and has not acted since.
    pub(super) is_woken: bool,
    /// It was called, and has not acted since.
    pub(super) is_called: bool,
    /// It has announced itself before, in this wait.
    pub(super) has_announced: bool,
    /// The slots that are still to be checked for dead members.
    pub(super) look: Set,
    pub(super) memory: Memory,
    /// The slot that it repairs.
    pub(super) helps: Option<Slot>,
    pub(super) has_freed: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomState {
    pub(super) things: [Option<Slot>; MOST_THINGS],
    pub(super) flag: bool,
    pub(super) places: Vec<Place>,
    pub(super) deaths: u8,
    pub(super) acquires: Option<u8>,
    pub(super) processes: Vec<Process>,
}

pub(super) fn bit(slot: Slot) -> Set {
    1 << slot
}

/// The slots of a set.
pub(super) fn members(set: Set) -> impl Iterator<Item = Slot> {
    (0..8).filter(move |slot| set & bit(*slot) != 0)
}

impl Process {
    pub(super) fn outside() -> Self {
        Self::default()
    }

    pub(super) fn held(&self) -> usize {
        self.holds.iter().filter(|holds| **holds).count()
    }

    /// The number of the slot that it owns.
    pub(super) fn own(&self) -> Slot {
        self.slot.unwrap_or(Slot::MAX)
    }

    /// Forgets what is over, so that equal situations are equal states.
    pub(super) fn forget(&mut self) {
        match self.at {
            At::Outside => *self = Self::outside(),
            At::Rest => {
                (self.wish, self.is_called, self.is_woken, self.has_announced) = (Wish::Nothing, false, false, false);
                self.look = 0;
            }
            _ => {}
        }
        if !matches!(self.at, At::Notify(_)) {
            self.memory = Memory::default();
        }
        let repairs = match self.at {
            At::Help(_) | At::Member(Member::Claim) => true,
            At::Notify(_) => matches!(self.wish, Wish::Join | Wish::Thing),
            _ => false,
        };
        if !repairs {
            (self.helps, self.has_freed) = (None, false);
        }
    }
}

impl RoomState {
    pub(super) fn place(&mut self, slot: Slot) -> &mut Place {
        &mut self.places[usize::from(slot)]
    }

    pub(super) fn is_dirty(&self, slot: Slot) -> bool {
        let place = self.places[usize::from(slot)];
        place.is_used && !place.is_alive
    }

    pub(super) fn post(&mut self, slot: Slot, posts: u8, saturation: u8) {
        let place = self.place(slot);
        place.posts = saturation.min(place.posts + posts);
    }

    pub(super) fn all(&self) -> std::ops::Range<Slot> {
        0..Slot::try_from(self.places.len()).unwrap_or(Slot::MAX)
    }

    /// Whether the process sleeps and nothing wakes it.
    pub(super) fn sleeps(&self, process: &Process) -> bool {
        process.at == At::Wait(Wait::Sleep) && self.places[usize::from(process.own())].posts == 0
    }
}
