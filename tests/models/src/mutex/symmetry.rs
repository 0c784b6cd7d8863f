//! The order of processes, the numbers of slots, and tickets: they mean nothing to the protocol but for their order.

use super::{MOST, MutexState, NO_SLOT, Slot, Ticket};

impl MutexState {
    fn tickets(&self) -> u32 {
        let entries = self.entries.iter().map(|entry| entry.ticket());
        let own = self.processes.iter().flat_map(|process| [process.ticket, process.target_ticket]);
        let unposted = self.processes.iter().flat_map(|process| process.unposted);
        entries.chain(own).chain(unposted).fold(0, |all, ticket| all | 1 << ticket) & !1
    }

    /// A ticket that is later than all others.
    pub(super) fn next_ticket(&self) -> Ticket {
        (u32::BITS - self.tickets().leading_zeros()).max(1) as Ticket
    }

    /// A ticket right after the present one of the waiter, which it replaces.
    pub(super) fn new_round(&mut self, index: usize) {
        let present = self.processes[index].ticket;
        self.map_tickets(|ticket| if ticket > present { ticket + 1 } else { ticket });
        self.processes[index].ticket = present + 1;
    }

    fn map_tickets(&mut self, map: impl Fn(Ticket) -> Ticket) {
        for entry in &mut self.entries {
            *entry = entry.with_ticket(map(entry.ticket()));
        }
        for process in &mut self.processes {
            process.ticket = map(process.ticket);
            process.target_ticket = map(process.target_ticket);
            process.unposted = process.unposted.map(&map);
        }
    }

    /// Sorts the processes, numbers the slots by their first appearance, and the tickets by their order.
    pub(super) fn rename(&mut self) {
        let tickets = self.tickets();
        if (tickets >> 1) & ((tickets >> 1) + 1) != 0 {
            self.map_tickets(|ticket| {
                let below = tickets & ((1 << ticket) - 1);
                if ticket == 0 { 0 } else { below.count_ones() as Ticket + 1 }
            });
        }
        self.processes.sort_unstable();
        self.rename_slots();
        self.processes.sort_unstable();
    }

    fn rename_slots(&mut self) {
        let mut order: [Slot; MOST] = [NO_SLOT; MOST];
        let mut count = 0;
        let mut add = |slot: Slot| {
            if slot != NO_SLOT && !order[..count].contains(&slot) {
                order[count] = slot;
                count += 1;
            }
        };
        self.processes.iter().for_each(|process| add(process.slot));
        self.processes.iter().for_each(|process| [process.helped, process.target].into_iter().for_each(&mut add));
        add(self.word.owner);
        let rank =
            |slot: Slot| (self.used[usize::from(slot)], self.entries[usize::from(slot)], self.bells[usize::from(slot)]);
        let mut rest: [Slot; MOST] = std::array::from_fn(|slot| slot as Slot);
        rest.sort_by_key(|slot| std::cmp::Reverse(rank(*slot)));
        rest.into_iter().for_each(&mut add);
        if order.iter().enumerate().all(|(new, old)| new == usize::from(*old)) {
            return;
        }
        let mut names: [Slot; MOST] = [0; MOST];
        order.iter().enumerate().for_each(|(new, old)| names[usize::from(*old)] = new as Slot);
        let rename = |slot: Slot| if slot == NO_SLOT { slot } else { names[usize::from(slot)] };
        self.word.owner = rename(self.word.owner);
        self.entries = order.map(|old| self.entries[usize::from(old)]);
        self.bells = order.map(|old| self.bells[usize::from(old)]);
        self.used = order.map(|old| self.used[usize::from(old)]);
        for process in &mut self.processes {
            process.slot = rename(process.slot);
            process.helped = rename(process.helped);
            process.target = rename(process.target);
            process.unposted = order.map(|old| process.unposted[usize::from(old)]);
            let unseen = process.unseen;
            process.unseen = (0..MOST).fold(0, |seen, old| seen | (unseen >> old & 1) << names[old]);
        }
    }
}
