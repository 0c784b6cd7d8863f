//! States that differ only in the order of processes and slots count as one: it means nothing to the protocol.

use super::{
    At, Notify, Process, RoomState, bit, members,
    state::{Memory, Set},
};
use crate::members::{Slot, new_name};

impl RoomState {
    /// Sorts the processes and numbers the slots by their first appearance.
    pub(super) fn rename(&mut self) {
        self.processes.sort_unstable();
        let order = self.order();
        self.places = order.iter().map(|slot| self.places[usize::from(*slot)]).collect();
        let rename = |slot| new_name(&order, slot);
        self.things = self.things.map(|owner| owner.map(rename));
        self.processes.iter_mut().for_each(|process| *process = process.renamed(rename));
        self.processes.sort_unstable();
    }

    fn order(&self) -> Vec<Slot> {
        let named =
            self.processes.iter().flat_map(|process| [process.slot, process.helps]).chain(self.things).flatten();
        let mut rest: Vec<_> = self.all().collect();
        rest.sort_by_key(|slot| self.places[usize::from(*slot)]);
        let mut order = Vec::with_capacity(self.places.len());
        for slot in named.chain(rest) {
            if !order.contains(&slot) {
                order.push(slot);
            }
        }
        order
    }
}

impl Process {
    fn renamed(self, rename: impl Fn(Slot) -> Slot) -> Self {
        let memory = self.memory;
        let set = |set: Set| members(set).fold(0, |set, slot| set | bit(rename(slot)));
        Self {
            at: match self.at {
                At::Notify(Notify::Post(slot)) => At::Notify(Notify::Post(rename(slot))),
                At::Notify(Notify::Mark(slot)) => At::Notify(Notify::Mark(rename(slot))),
                At::Notify(Notify::MarkOther(slot)) => At::Notify(Notify::MarkOther(rename(slot))),
                at => at,
            },
            slot: self.slot.map(&rename),
            helps: self.helps.map(&rename),
            look: set(self.look),
            memory: Memory {
                unseen: set(memory.unseen),
                announced: set(memory.announced),
                unposted: set(memory.unposted),
                stale: set(memory.stale),
                last: memory.last.map(&rename),
                ..memory
            },
            ..self
        }
    }
}
