//! Names mean nothing to the protocol: states that differ only in who is who are one.

use super::{At, MOST_PROCESSES, Slot, Stage, State};

impl State {
    /// Sorts the processes and numbers the slots by their first appearance.
    pub(super) fn rename(&mut self) {
        self.processes.sort_unstable();
        let names = self.names();
        let (alive, used) = (self.alive, self.used);
        for (old, new) in names.iter().enumerate() {
            (self.alive[usize::from(*new)], self.used[usize::from(*new)]) = (alive[old], used[old]);
        }
        let rename = |slot: Slot| names[usize::from(slot)];
        for place in &mut self.places {
            place.word.stage = match place.word.stage {
                Stage::Writing(slot) => Stage::Writing(rename(slot)),
                Stage::Reading(slot) => Stage::Reading(rename(slot)),
                stage => stage,
            };
        }
        for process in self.processes.iter_mut().filter(|process| process.at != At::Outside) {
            (process.slot, process.at) = (rename(process.slot), process.at.rename(rename));
        }
        self.processes.sort_unstable();
    }

    /// The new name of each slot: those of the living come first, then the owners of words, then those marked as used.
    fn names(&self) -> [Slot; MOST_PROCESSES as usize] {
        const NONE: Slot = Slot::MAX;
        let mut names = [NONE; MOST_PROCESSES as usize];
        let mut next = 0;
        let living = self.processes.iter().filter(|process| process.at != At::Outside).map(|process| process.slot);
        let owners = self.places.iter().filter_map(|place| place.word.stage.owner());
        let all = 0..MOST_PROCESSES;
        let marked = all.clone().filter(|slot| self.used[usize::from(*slot)]);
        // Slots beyond the processes are never used, and keep their names.
        for slot in living.chain(owners).chain(marked).chain(all) {
            let name = &mut names[usize::from(slot)];
            if *name == NONE {
                *name = next;
                next += 1;
            }
        }
        names
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
