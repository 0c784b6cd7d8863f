//! The table of members and the doorbells, as every model but the handshake's and the fences' has them.
//!
//! Each model says which process takes which step, and when. This module says what a step does. The states of a slot
//! are those of the table in `members/mod.rs` of the primitives.

/// The number of a slot in the table of members.
pub type Slot = u8;

const MOST_SLOTS: usize = 4;

/// `ALIVE_k` and `used[k]` of every slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slots {
    count: Slot,
    alive: [bool; MOST_SLOTS],
    used: [bool; MOST_SLOTS],
}

impl Slots {
    /// Returns so many slots that never had an owner.
    pub(crate) fn empty(count: usize) -> Self {
        assert!(count <= MOST_SLOTS);
        let count = Slot::try_from(count).unwrap_or(Slot::MAX);
        Self { count, alive: [false; MOST_SLOTS], used: [false; MOST_SLOTS] }
    }

    /// Returns so many slots, each with a living owner.
    pub(crate) fn inhabited(count: usize) -> Self {
        let mut slots = Self::empty(count);
        slots.alive[..count].fill(true);
        slots.used[..count].fill(true);
        slots
    }

    pub(crate) fn all(&self) -> std::ops::Range<Slot> {
        0..self.count
    }

    /// Returns the slots that a new member may claim.
    pub(crate) fn free(&self) -> impl Iterator<Item = Slot> {
        self.all().filter(|slot| !self.is_alive(*slot))
    }

    /// Returns a slot that is dead and dirty.
    pub(crate) fn dirty(&self) -> Option<Slot> {
        self.all().find(|slot| self.is_dirty(*slot))
    }

    pub(crate) fn is_alive(&self, slot: Slot) -> bool {
        self.alive[usize::from(slot)]
    }

    pub(crate) fn is_used(&self, slot: Slot) -> bool {
        self.used[usize::from(slot)]
    }

    pub(crate) fn is_dirty(&self, slot: Slot) -> bool {
        !self.is_alive(slot) && self.is_used(slot)
    }

    /// Claims ALIVE of a slot, with undo. Returns whether it was free.
    pub(crate) fn claim(&mut self, slot: Slot) -> bool {
        !std::mem::replace(&mut self.alive[usize::from(slot)], true)
    }

    pub(crate) fn mark_used(&mut self, slot: Slot) {
        self.used[usize::from(slot)] = true;
    }

    pub(crate) fn mark_unused(&mut self, slot: Slot) {
        self.used[usize::from(slot)] = false;
    }

    /// Gives ALIVE back: after reaping, or to leave.
    pub(crate) fn give_back(&mut self, slot: Slot) {
        self.alive[usize::from(slot)] = false;
    }

    /// The kernel clears what a dead process held of ALIVE: its own slot, and the one that it was reaping.
    pub(crate) fn bury(&mut self, dead: Member) {
        self.give_back(dead.slot);
        if dead.holds_repaired() {
            self.give_back(dead.repaired());
        }
    }
}

/// A process as a member: its own slot, and the slot of another member that it reaps.
///
/// A process that enters or leaves repairs its own slot, and so reaps none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    pub(crate) slot: Slot,
    reaps: Option<Reaped>,
}

/// The slot of another member that may be dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Reaped {
    slot: Slot,
    /// The reaper holds ALIVE of the slot.
    is_claimed: bool,
}

impl Member {
    pub(crate) const fn new(slot: Slot) -> Self {
        Self { slot, reaps: None }
    }

    /// Turns to the slot of another member, which may be dead.
    pub(crate) fn suspect(&mut self, slot: Slot) {
        self.reaps = Some(Reaped { slot, is_claimed: false });
    }

    /// Claims ALIVE of that slot, with undo. Returns whether it was free.
    pub(crate) fn claim(&mut self, slots: &mut Slots) -> bool {
        let claim = |reaped: &mut Reaped| {
            reaped.is_claimed = slots.claim(reaped.slot);
            reaped.is_claimed
        };
        self.reaps.as_mut().is_some_and(claim)
    }

    pub(crate) fn stop_reaping(&mut self) {
        self.reaps = None;
    }

    pub(crate) fn is_reaping(self) -> bool {
        self.reaps.is_some()
    }

    /// The slot that it repairs.
    pub(crate) fn repaired(self) -> Slot {
        self.reaps.map_or(self.slot, |reaped| reaped.slot)
    }

    /// Whether it holds ALIVE of the slot that it repairs.
    pub(crate) fn holds_repaired(self) -> bool {
        self.reaps.is_none_or(|reaped| reaped.is_claimed)
    }
}

/// A check for dead members: of the slots of all others, one after another, each at its own instant.
///
/// The code loads `used` and asks for ALIVE, of one slot by itself or of all at once. It finds the state that the slot
/// had at one of these moments. A slot that its owner has left is an exception: it may be reaped in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Look {
    /// One bit for each slot that is still to be checked.
    unseen: u8,
    has_reaped: bool,
}

impl Look {
    /// No check is needed once no process can die any more, and none is dead.
    pub(crate) fn at_others(slots: &Slots, own: Slot, deaths: u8) -> Self {
        if deaths == 0 && slots.dirty().is_none() {
            return Self::default();
        }
        let unseen = slots.all().filter(|slot| *slot != own).fold(0, |unseen, slot| unseen | 1 << slot);
        Self { unseen, has_reaped: false }
    }

    pub(crate) fn unseen(self) -> impl Iterator<Item = Slot> {
        (0..).take(MOST_SLOTS).filter(move |slot| self.unseen & 1 << slot != 0)
    }

    pub(crate) fn see(&mut self, slot: Slot) {
        self.unseen &= !(1 << slot);
    }

    pub(crate) fn say_reaped(&mut self) {
        self.has_reaped = true;
    }

    /// Whether all slots were checked.
    pub(crate) fn is_over(self) -> bool {
        self.unseen == 0
    }

    /// Whether another check must follow, because this one found a dead member.
    pub(crate) fn must_repeat(self) -> bool {
        self.has_reaped
    }
}

/// The new number of a slot, after they were reordered.
pub(crate) fn new_name(order: &[Slot], slot: Slot) -> Slot {
    (0..).zip(order).find(|(_, old)| **old == slot).map_or(slot, |(new, _)| new)
}

/// Doorbells: how many posts are on each, as many as it can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bells<const N: usize> {
    posts: [u8; N],
    saturation: u8,
}

impl<const N: usize> Bells<N> {
    pub(crate) fn silent(saturation: u8) -> Self {
        Self { posts: [0; N], saturation }
    }

    pub(crate) fn post(&mut self, bell: usize) {
        self.posts[bell] = self.saturation.min(self.posts[bell] + 1);
    }

    pub(crate) fn has_post(&self, bell: usize) -> bool {
        self.posts[bell] > 0
    }

    /// Takes one post, which must be there: a sleeper takes no step before.
    pub(crate) fn take(&mut self, bell: usize) {
        self.posts[bell] -= 1;
    }

    /// Takes every post that is there.
    pub(crate) fn drain(&mut self, bell: usize) {
        self.posts[bell] = 0;
    }
}
