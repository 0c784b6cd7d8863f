//! Names mean nothing to the protocol: states that differ only in who is who are one.

use super::{At, Stage, State};
use crate::members::{Slot, new_name, order};

impl State {
    /// Sorts the processes and numbers the slots by their first appearance.
    pub(super) fn rename(&mut self) {
        self.processes.sort_unstable();
        let living = self.processes.iter().filter(|process| process.at != At::Outside).map(|process| process.slot);
        let owners = self.places.iter().filter_map(|place| place.word.stage.owner());
        let order = order(&self.slots, living.chain(owners));
        self.slots = self.slots.reordered(&order);
        let rename = |slot| new_name(&order, slot);
        for place in &mut self.places {
            place.word.stage = match place.word.stage {
                Stage::Writing(slot) => Stage::Writing(rename(slot)),
                Stage::Reading(slot) => Stage::Reading(rename(slot)),
                stage => stage,
            };
        }
        for process in self.processes.iter_mut().filter(|process| process.at != At::Outside) {
            (process.slot, process.at) = (rename(process.slot), process.at.rename(rename));
            process.look = process.look.renamed(rename);
        }
        self.processes.sort_unstable();
    }
}

impl At {
    fn rename(self, rename: impl Fn(Slot) -> Slot) -> Self {
        match self {
            At::Claim(slot) => At::Claim(rename(slot)),
            At::Repair(slot, place) => At::Repair(rename(slot), place),
            At::RepairFull(slot, place) => At::RepairFull(rename(slot), place),
            At::RepairHead(slot, position) => At::RepairHead(rename(slot), position),
            At::RaiseDirty(slot) => At::RaiseDirty(rename(slot)),
            At::PostRepair(slot, bell) => At::PostRepair(rename(slot), bell),
            At::MarkUnused(slot) => At::MarkUnused(rename(slot)),
            At::GiveBack(slot) => At::GiveBack(rename(slot)),
            other => other,
        }
    }
}
