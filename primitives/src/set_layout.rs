//! The meaning of each semaphore of an object's set.
//!
//! | semaphores, in this order | how many | what they are |
//! | --- | --- | --- |
//! | CREATOR | 1 | records the creator's pid, and marks a published set as ours |
//! | STATE | 1 | how far the object is: see `object`. While it is live, its identity |
//! | LIVING | 1 | how many members live: each adds 1 that the kernel takes back when its process dies |
//! | common bells | as many as the kind has | doorbells for waiters of every slot |
//! | bells of the slots | as many for each slot as the kind has waiting rooms | the doorbells of that slot's member |
//! | ALIVE | one for each slot | 1 while the slot's member lives: see `members` |
//! | HELPERS | one for each slot | how many processes repair what a dead member of the slot left: see `members` |
//!
//! A primitive counts its doorbells from 0: the common ones first, then those of the slots. Only this file knows where
//! they lie in the set.
//!
//! - **SL1** The bells of a kind and the number of slots give the size of the set, and the bells of a kind and the size
//!   give the number of slots: no two numbers of slots have the same size.
//! - **SL2** Every semaphore of a layout has a number of 16 bits. Both constructors see to it, so nothing is cut later.

use std::ops::Range;

use crate::raw::{Amount, SemOp};

/// Records the creator's pid. From its publishing on it marks a set as ours.
pub(crate) const CREATOR: u16 = 0;
/// 0 under construction, the identity of the object while it is live, and another number once it is condemned.
pub(crate) const STATE: u16 = 1;
/// The value of STATE in a condemned set. No object has it as its identity.
pub(crate) const CONDEMN: Amount = match Amount::new(0x5356) {
    Ok(number) => number,
    Err(_) => panic!("it is an amount"),
};
pub(crate) const CONDEMNED: u16 = CONDEMN.get();
/// How many members live.
pub(crate) const LIVING: u16 = 2;
const FIRST_BELL: u16 = 3;

/// Returns operations that test STATE to be `from`, and make it `to`: all or nothing, in one `semop`.
pub(crate) fn change_state(from: Amount, to: Amount) -> [SemOp; 3] {
    [SemOp::sub(STATE, from).no_wait(), SemOp::zero(STATE).no_wait(), SemOp::add(STATE, to).no_wait()]
}

/// Returns operations that test STATE, and leave it as it is.
pub(crate) fn test_state(state: Amount) -> [SemOp; 3] {
    change_state(state, state)
}

/// Which doorbells a kind of object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bells {
    common: u16,
    each: u16,
}

/// The doorbells of a room, one for each slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotBells {
    pub(crate) first: u16,
    pub(crate) stride: u16,
}

impl Bells {
    /// Returns so many doorbells for waiters of every slot.
    pub(crate) const fn common(number: u16) -> Self {
        Self { common: number, each: 0 }
    }

    /// Adds so many doorbells for each slot.
    pub(crate) const fn and_each(self, number: u16) -> Self {
        Self { each: number, ..self }
    }

    /// Returns the doorbells of a kind's waiting room: one of each slot's.
    pub(crate) const fn of_room(self, room: u16) -> SlotBells {
        debug_assert!(room < self.each);
        SlotBells { first: self.common + room, stride: self.each }
    }

    /// Returns how many semaphores a set has besides those of its slots.
    const fn fixed(self) -> u16 {
        FIRST_BELL + self.common
    }

    /// Returns how many semaphores each slot has.
    const fn for_each_slot(self) -> u16 {
        self.each + 2
    }
}

/// Where the semaphores of one object lie in its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetLayout {
    bells: Bells,
    max_handles: u16,
}

impl SetLayout {
    /// Returns the layout of a new set. More slots than a set can have semaphores for are cut to that number.
    pub(crate) fn new(bells: Bells, max_handles: u32) -> Self {
        let most = (u16::MAX - bells.fixed()) / bells.for_each_slot();
        Self { bells, max_handles: u16::try_from(max_handles).map_or(most, |slots| slots.min(most)) }
    }

    /// Returns for how many slots a set of at most this size has room.
    pub(crate) fn most_handles(bells: Bells, semaphores: usize) -> u32 {
        let of_slots = semaphores.min(u16::MAX.into()).saturating_sub(bells.fixed().into());
        u32::try_from(of_slots / usize::from(bells.for_each_slot())).unwrap_or(u32::MAX)
    }

    /// Returns the layout of a set of this size (SL1). Returns `None` if no layout of the kind has it.
    pub(crate) fn of_size(bells: Bells, semaphores: usize) -> Option<Self> {
        let of_slots = u16::try_from(semaphores).ok()?.checked_sub(bells.fixed())?;
        let is_whole = of_slots > 0 && of_slots.is_multiple_of(bells.for_each_slot());
        is_whole.then(|| Self { bells, max_handles: of_slots / bells.for_each_slot() })
    }

    /// Returns whether a set of this size has a STATE: a smaller one is not ours.
    pub(crate) fn has_state(semaphores: usize) -> bool {
        semaphores > usize::from(STATE)
    }

    /// Returns how many slots there are.
    pub(crate) fn max_handles(self) -> u32 {
        self.max_handles.into()
    }

    /// Returns how many semaphores the set has.
    pub(crate) fn semaphores(self) -> u16 {
        self.all_helpers().end
    }

    /// Returns the semaphore of a doorbell, which is counted from 0.
    pub(crate) fn bell(self, bell: u16) -> u16 {
        FIRST_BELL + bell
    }

    /// Returns the semaphores of all doorbells.
    pub(crate) fn all_bells(self) -> Range<u16> {
        FIRST_BELL..self.bells.fixed() + self.max_handles * self.bells.each
    }

    /// Returns the semaphores of the doorbells for waiters of every slot.
    pub(crate) fn common_bells(self) -> Range<u16> {
        FIRST_BELL..self.bells.fixed()
    }

    /// Returns the semaphores of a slot's own doorbells.
    #[expect(clippy::cast_possible_truncation, reason = "by SL2 a slot has a number of 16 bits")]
    pub(crate) fn bells_of(self, slot: u32) -> Range<u16> {
        let first = self.bells.fixed() + slot as u16 * self.bells.each;
        first..first + self.bells.each
    }

    /// Returns how many doorbells there are, those of the slots among them.
    pub(crate) fn doorbells(self) -> u32 {
        u32::from(self.all_bells().end - FIRST_BELL)
    }

    /// Returns the semaphore of a slot's ALIVE.
    #[expect(clippy::cast_possible_truncation, reason = "by SL2 a slot has a number of 16 bits")]
    pub(crate) fn alive(self, slot: u32) -> u16 {
        self.all_bells().end + slot as u16
    }

    /// Returns the semaphores of every slot's ALIVE.
    pub(crate) fn all_alive(self) -> Range<u16> {
        let first = self.all_bells().end;
        first..first + self.max_handles
    }

    /// Returns the semaphore that counts the helpers of a slot.
    #[expect(clippy::cast_possible_truncation, reason = "by SL2 a slot has a number of 16 bits")]
    pub(crate) fn helpers(self, slot: u32) -> u16 {
        self.all_alive().end + slot as u16
    }

    /// Returns the semaphores that count the helpers of every slot.
    pub(crate) fn all_helpers(self) -> Range<u16> {
        let first = self.all_alive().end;
        first..first + self.max_handles
    }
}

#[cfg(test)]
mod tests {
    use super::{Bells, CREATOR, LIVING, STATE, SetLayout};

    const COMMON: Bells = Bells::common(3);
    const EACH: Bells = Bells::common(4).and_each(2);

    /// Programs of different versions must agree on it. A change needs a new version of the layout.
    #[test]
    fn the_order_never_changes() {
        assert_eq!((CREATOR, STATE, LIVING), (0, 1, 2));
        let layout = SetLayout::new(COMMON, 64);
        assert_eq!((layout.all_bells(), layout.all_alive(), layout.semaphores()), (3..6, 6..70, 134));
        assert_eq!((layout.bell(0), layout.bell(2), layout.alive(0), layout.alive(63)), (3, 5, 6, 69));
        let layout = SetLayout::new(EACH, 10);
        assert_eq!((layout.all_bells(), layout.all_alive(), layout.semaphores()), (3..27, 27..37, 47));
        let bells = [(0, 0), (0, 1), (1, 0), (9, 1)].map(|(slot, room)| {
            let bells = EACH.of_room(room);
            layout.bell(bells.first + slot * bells.stride)
        });
        assert_eq!((bells, layout.alive(0), layout.helpers(0)), ([7, 8, 9, 26], 27, 37));
    }

    #[test]
    fn every_semaphore_is_one_thing() {
        for (bells, slots) in [(COMMON, 1), (COMMON, 256), (EACH, 1), (EACH, 240)] {
            let layout = SetLayout::new(bells, slots);
            let all = [CREATOR, STATE, LIVING].into_iter().chain(layout.all_bells());
            let all = all.chain(layout.all_alive()).chain(layout.all_helpers());
            assert!(all.eq(0..layout.semaphores()), "{layout:?}");
            assert!((0..slots).map(|slot| layout.alive(slot)).eq(layout.all_alive()), "{layout:?}");
            assert!((0..slots).map(|slot| layout.helpers(slot)).eq(layout.all_helpers()), "{layout:?}");
            assert_eq!(layout.doorbells() as usize, layout.all_bells().len());
            let bells = layout.common_bells().chain((0..slots).flat_map(|slot| layout.bells_of(slot)));
            assert!(bells.eq(layout.all_bells()), "{layout:?}");
        }
    }

    #[test]
    fn the_size_tells_the_slots() {
        for bells in [COMMON, EACH] {
            for slots in 1..=256 {
                let layout = SetLayout::new(bells, slots);
                assert_eq!(layout.max_handles(), slots);
                assert_eq!(SetLayout::of_size(bells, layout.semaphores().into()), Some(layout));
            }
        }
    }

    #[test]
    fn other_sizes_are_refused() {
        let is_possible = |bells, semaphores| SetLayout::of_size(bells, semaphores).is_some();
        assert!((0..=7).all(|semaphores| !is_possible(COMMON, semaphores)), "no slot fits");
        assert!((0..=10).all(|semaphores| !is_possible(EACH, semaphores)), "no slot fits");
        assert!(is_possible(EACH, 11) && (12..15).all(|semaphores| !is_possible(EACH, semaphores)), "a slot has four");
        assert!(is_possible(COMMON, 65_534) && !is_possible(COMMON, 65_536), "numbers have 16 bits");
        assert_eq!([0, 1, 2].map(SetLayout::has_state), [false, false, true]);
    }

    #[test]
    fn more_than_a_set_can_have_are_cut() {
        for bells in [COMMON, EACH] {
            let layout = SetLayout::new(bells, u32::MAX);
            assert_eq!(SetLayout::new(bells, layout.max_handles()), layout);
            assert_eq!(SetLayout::of_size(bells, layout.semaphores().into()), Some(layout));
            assert!(layout.semaphores() > u16::MAX - bells.for_each_slot());
        }
    }
}
