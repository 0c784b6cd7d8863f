//! States that differ only in the order of processes count as one: it means nothing to the protocol.

use super::{MpmcState, Process, Set, Stage, bit};

impl MpmcState {
    /// Sorts the processes, each with its slot.
    pub(super) fn rename(&mut self) {
        let mut order: Vec<_> = (0..self.processes.len()).collect();
        order.sort_by_key(|index| (self.processes[*index], self.owned(*index)));
        if order.is_sorted() {
            return;
        }
        let mut names = vec![0; order.len()];
        for (new, old) in (0..).zip(&order) {
            names[*old] = new;
        }
        let rename = |slot: u8| names[usize::from(slot)];
        for place in &mut self.places {
            place.word.stage = match place.word.stage {
                Stage::Writing(slot) => Stage::Writing(rename(slot)),
                Stage::Reading(slot) => Stage::Reading(rename(slot)),
                stage => stage,
            };
        }
        self.processes = order.iter().map(|index| self.processes[*index].renamed(&names)).collect();
    }

    /// The places that a slot owns.
    fn owned(&self, index: usize) -> u8 {
        let owns = |stage: Stage| stage.owner().is_some_and(|slot| usize::from(slot) == index);
        self.places.iter().rev().fold(0, |held, place| held << 1 | u8::from(owns(place.word.stage)))
    }
}

impl Process {
    fn renamed(&self, names: &[u8]) -> Self {
        let set = |set: Set| {
            let named = (0..names.len()).filter(|slot| set & bit(*slot) != 0);
            named.fold(0, |set, slot| set | bit(usize::from(names[slot])))
        };
        Self {
            look: set(self.look),
            helps: self.helps.map(|slot| names[usize::from(slot)]),
            called: set(self.called),
            stale: set(self.stale),
            ..*self
        }
    }
}
