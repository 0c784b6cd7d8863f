//! States that differ only in the order of processes, slots and tickets count as one. So do those that differ in the order of
//! permits, if a check of all of them is one step.

use super::{Pool, PoolState, Process, bit};
use crate::members::{Slot, new_name};

impl Pool {
    /// Sorts the processes, and numbers slots, tickets and permits anew.
    pub(super) fn rename(&self, state: &mut PoolState) {
        state.rank_tickets();
        state.processes.sort_unstable();
        let order = state.order();
        state.places = order.iter().map(|slot| state.places[usize::from(*slot)]).collect();
        let rename = |slot| new_name(&order, slot);
        state.permits.iter_mut().for_each(|owner| *owner = owner.map(rename));
        state.turnstile = state.turnstile.map(rename);
        state.processes.iter_mut().for_each(|process| *process = process.renamed(rename));
        if !self.one_by_one {
            self.sort_permits(state);
        }
        state.processes.sort_unstable();
    }

    fn sort_permits(&self, state: &mut PoolState) {
        let mut order: Vec<usize> = (0..self.permits).collect();
        let holders =
            |permit: usize| state.processes.iter().fold(0_u32, |all, one| all << 1 | u32::from(one.has(permit)));
        order.sort_by_key(|&permit| (state.permits[permit], holders(permit)));
        let permits = order.iter().map(|&permit| state.permits[permit]).collect();
        state.permits = permits;
        for process in &mut state.processes {
            let holds = order.iter().enumerate().filter(|(_, old)| process.has(**old));
            process.holds = holds.fold(0, |set, (new, _)| set | 1 << new);
        }
    }
}

impl PoolState {
    fn rank_tickets(&mut self) {
        let all = self.tickets().fold(0_u32, |set, ticket| set | 1 << ticket);
        let rank = |ticket: u8| if ticket == 0 { 0 } else { (all & ((1 << ticket) - 2)).count_ones() + 1 };
        let rank = |ticket| u8::try_from(rank(ticket)).unwrap_or(u8::MAX);
        self.processes.iter_mut().for_each(|process| process.ticket = rank(process.ticket));
        self.places.iter_mut().for_each(|place| place.ticket = rank(place.ticket));
    }

    pub(super) fn tickets(&self) -> impl Iterator<Item = u8> {
        self.processes.iter().map(|process| process.ticket).chain(self.places.iter().map(|place| place.ticket))
    }

    fn order(&self) -> Vec<Slot> {
        let own = self.processes.iter().flat_map(|process| [process.slot, process.helps, process.target]);
        let named = own.chain(self.permits.iter().copied()).chain([self.turnstile]).flatten();
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
        let seen = (0..8).filter(|slot| self.seen & bit(*slot) != 0).fold(0, |set, slot| set | bit(rename(slot)));
        Self {
            slot: self.slot.map(&rename),
            helps: self.helps.map(&rename),
            target: self.target.map(&rename),
            seen,
            ..self
        }
    }
}
