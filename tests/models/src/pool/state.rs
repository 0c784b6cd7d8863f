//! What a state consists of: what is shared, and what each process has of its own.

use super::at::{At, Check, Hall, Notify};
use crate::{members::Slot, room::Word};

/// What is shared of a slot. The words and the posts are those of each room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub(super) is_alive: bool,
    pub(super) is_used: bool,
    pub(super) helpers: u8,
    pub(super) words: [Word; 2],
    pub(super) posts: [u8; 2],
    /// In the room of callers for several.
    pub(super) ticket: u8,
    pub(super) interest: u8,
}

/// Which of its checks a process makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Round {
    /// Before it waits.
    #[default]
    First,
    /// W2.
    Announced,
    /// W4.
    Awake,
}

/// What a process notifies for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum After {
    /// It has released a permit.
    #[default]
    Release,
    /// It has given back a permit of too few.
    GiveBack,
    /// It has freed what a dead slot owned.
    Help,
    /// It has left the turnstile.
    LeftTurn,
    /// Its wait timed out.
    LeftRoom,
    /// It found what it called for while it was announced.
    PassOn,
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    pub(super) need: u8,
    pub(super) at: At,
    /// Its slot, if it holds ALIVE of one.
    pub(super) slot: Option<Slot>,
    /// The permits that it holds, one bit for each.
    pub(super) holds: u8,
    /// It has the turnstile.
    pub(super) turns: bool,
    pub(super) suspects: bool,
    pub(super) round: Round,
    /// When its wait began, if it calls for several.
    pub(super) ticket: u8,
    pub(super) woken: bool,
    /// It was called, and has not acted since.
    pub(super) called: bool,
    /// Its timeout has elapsed.
    pub(super) late: bool,
    pub(super) counted: u8,
    pub(super) pass: u8,
    pub(super) after: After,
    /// How many callers for one it has still to call.
    pub(super) pending: u8,
    /// How many permits it has freed.
    pub(super) owed: u8,
    /// The waiter that it has found, the ticket of which may have changed.
    pub(super) target: Option<Slot>,
    pub(super) is_stale: bool,
    pub(super) interest: u8,
    /// The waiters that it has posted for another notifier.
    pub(super) seen: u8,
    pub(super) flag_is_current: bool,
    pub(super) due_is_current: bool,
    /// How much was added to `freed` since it read that.
    pub(super) added: u8,
    /// The slot that it repairs.
    pub(super) helps: Option<Slot>,
    pub(super) joins: bool,
    pub(super) has_left: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PoolState {
    pub(super) permits: Vec<Option<Slot>>,
    pub(super) turnstile: Option<Slot>,
    pub(super) flag: bool,
    /// How many permits are to be freed until a count is due: `due` - `freed`, or 0.
    pub(super) due: i8,
    pub(super) places: Vec<Place>,
    pub(super) acquires: Option<u8>,
    pub(super) timeouts: Option<u8>,
    pub(super) deaths: u8,
    pub(super) processes: Vec<Process>,
}

pub(super) fn bit(slot: Slot) -> u8 {
    1 << slot
}

impl Process {
    pub(super) fn outside(need: u8) -> Self {
        Self { need, ..Self::default() }
    }

    pub(super) fn is_many(&self) -> bool {
        self.need > 1
    }

    pub(super) fn has(&self, permit: usize) -> bool {
        self.holds & 1 << permit != 0
    }

    /// Whether it holds as many as it calls for. A caller for several begins with none.
    pub(super) fn has_all(&self) -> bool {
        self.holds.count_ones() >= u32::from(self.need)
    }

    /// The number of the slot that it owns.
    pub(super) fn own(&self) -> Slot {
        self.slot.unwrap_or(Slot::MAX)
    }

    /// Forgets what is over, so that equal situations are equal states.
    pub(super) fn forget(&mut self) {
        match self.at {
            At::Outside => *self = Self::outside(self.need),
            At::Rest => {
                let Self { need, at, slot, holds, suspects, .. } = *self;
                *self = Self { need, at, slot, holds, suspects, ..Self::default() };
            }
            _ => {}
        }
        if !matches!(self.at, At::Notify(_)) {
            (self.target, self.is_stale, self.interest, self.seen) = (None, false, 0, 0);
            (self.flag_is_current, self.due_is_current, self.added) = (false, false, 0);
            (self.after, self.owed) = (After::Release, 0);
        }
        if !matches!(self.at, At::Notify(Notify::Oldest | Notify::Count(_) | Notify::Set(_))) {
            (self.due_is_current, self.added) = (false, 0);
        }
        if !matches!(self.at, At::Notify(Notify::Count(_)) | At::Check(Check::Count(_))) {
            self.counted = 0;
        }
        if !matches!(self.at, At::Check(Check::Claim(_))) {
            self.pass = 0;
        }
        if !matches!(self.at, At::Help(_) | At::Notify(_)) {
            (self.helps, self.joins, self.has_left, self.pending) = (None, false, false, 0);
        }
    }
}

/// More permits than a caller can miss: what was added beyond makes no difference.
pub(super) const MOST_ADDED: u8 = 8;

impl PoolState {
    pub(super) fn place(&mut self, slot: Slot) -> &mut Place {
        &mut self.places[usize::from(slot)]
    }

    pub(super) fn is_dirty(&self, slot: Slot) -> bool {
        let place = self.places[usize::from(slot)];
        place.is_used && !place.is_alive
    }

    pub(super) fn all(&self) -> std::ops::Range<Slot> {
        0..Slot::try_from(self.places.len()).unwrap_or(Slot::MAX)
    }

    pub(super) fn word(&self, slot: Slot, hall: Hall) -> Word {
        self.places[usize::from(slot)].words[hall as usize]
    }

    pub(super) fn post(&mut self, slot: Option<Slot>, room: usize, saturation: u8) {
        let posts = &mut self.place(slot.unwrap_or(Slot::MAX)).posts[room];
        *posts = saturation.min(*posts + 1);
    }

    /// The caller for several that has waited longest, of those that are announced.
    pub(super) fn oldest(&self) -> Option<Slot> {
        let announced = self.all().filter(|slot| self.word(*slot, Hall::Many) == Word::Announced);
        announced.min_by_key(|slot| self.places[usize::from(*slot)].ticket)
    }

    pub(super) fn next_ticket(&self) -> u8 {
        self.tickets().max().unwrap_or_default() + 1
    }

    /// Makes a count due at once, and changes the version.
    pub(super) fn forget(&mut self) {
        self.due = 0;
        self.outdate();
    }

    pub(super) fn outdate(&mut self) {
        self.processes.iter_mut().for_each(|process| process.due_is_current = false);
    }

    pub(super) fn add(&mut self, freed: u8) {
        self.due = (self.due - freed.cast_signed()).max(0);
        let add = |added: u8| (added + freed).min(MOST_ADDED);
        self.processes.iter_mut().for_each(|process| process.added = add(process.added));
    }

    /// Puts a count off until so many were freed, of which some were since.
    pub(super) fn set_due(&mut self, missing: u8, added: u8) {
        let due = (missing.cast_signed() - added.cast_signed()).max(0);
        if due != self.due || due == 0 {
            self.outdate();
        }
        self.due = due;
    }
}
