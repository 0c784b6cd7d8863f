//! States that differ only in the order of processes and slots count as one: it means nothing to the protocol.

use super::{At, MpmcState, Stage};
use crate::members::{new_name, order};

impl MpmcState {
    /// Sorts the processes and numbers the slots by their first appearance.
    pub(super) fn rename(&mut self) {
        self.processes.sort_unstable();
        let living = self.processes.iter().filter(|process| process.at != At::Outside);
        let living = living.map(|process| process.member.slot);
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
            process.member = process.member.renamed(rename);
            process.look = process.look.renamed(rename);
        }
        self.processes.sort_unstable();
    }
}
