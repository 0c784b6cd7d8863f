//! Names mean nothing to the protocol: states that differ only in who is who count as one.

use super::{At, State};
use crate::members::{Slot, new_name, order};

impl State {
    /// Sorts the processes and numbers the slots by their first appearance.
    pub(super) fn rename(&mut self) {
        self.processes.sort_unstable();
        let living = self.processes.iter().filter(|process| process.at != At::Outside).map(|process| process.slot);
        let owners = self.permits.into_iter().flatten().chain(self.turnstile.owner);
        let order = order(&self.slots, living.chain(owners));
        self.slots = self.slots.reordered(&order);
        let rename = |slot| new_name(&order, slot);
        self.permits = self.permits.map(|owner| owner.map(rename));
        self.turnstile.owner = self.turnstile.owner.map(rename);
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
            At::TurnCheck(slot) => At::TurnCheck(rename(slot)),
            At::Claim(slot) => At::Claim(rename(slot)),
            At::RepairTurn(slot) => At::RepairTurn(rename(slot)),
            At::PostRepairTurn(slot) => At::PostRepairTurn(rename(slot)),
            At::Repair(slot, permit) => At::Repair(rename(slot), permit),
            At::ClearFlags(slot) => At::ClearFlags(rename(slot)),
            At::PostRepair(slot, bell) => At::PostRepair(rename(slot), bell),
            At::MarkUnused(slot) => At::MarkUnused(rename(slot)),
            At::GiveBack(slot) => At::GiveBack(rename(slot)),
            other => other,
        }
    }
}
