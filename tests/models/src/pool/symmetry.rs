//! States that differ only in the order of processes and slots count as one: it means nothing to the protocol.

use super::{At, PoolState};
use crate::members::{new_name, order};

impl PoolState {
    /// Sorts the processes and numbers the slots by their first appearance.
    pub(super) fn rename(&mut self) {
        self.processes.sort_unstable();
        let living = self.processes.iter().filter(|process| process.at != At::Outside);
        let living = living.map(|process| process.member.slot);
        let owners = self.permits.into_iter().flatten().chain(self.turnstile.owner);
        let order = order(&self.slots, living.chain(owners));
        self.slots = self.slots.reordered(&order);
        let rename = |slot| new_name(&order, slot);
        self.permits = self.permits.map(|owner| owner.map(rename));
        self.turnstile.owner = self.turnstile.owner.map(rename);
        for process in self.processes.iter_mut().filter(|process| process.at != At::Outside) {
            process.member = process.member.renamed(rename);
            process.look = process.look.renamed(rename);
        }
        self.processes.sort_unstable();
    }
}
