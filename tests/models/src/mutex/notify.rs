//! Unlocking, and calling a waiter.

use super::{At, Entry, Event, Mutex, MutexState, NO_SLOT, Process, Slot, Ticket};

impl Mutex {
    pub(super) fn unlock(&self, state: &mut MutexState, index: usize) -> At {
        if !state.word.waiters && !state.word.poisoned {
            (state.word.owner, state.word.offered) = (NO_SLOT, false);
            return At::Idle;
        }
        state.processes[index].unlocks = true;
        self.clear_waiters(state, index)
    }

    /// LK2: the owner clears WAITERS, and begins to scan.
    fn clear_waiters(&self, state: &mut MutexState, index: usize) -> At {
        state.word.waiters &= !self.rules.clear_before_scan;
        self.begin_scan(state, index)
    }

    pub(super) fn begin_scan(&self, state: &mut MutexState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.target, process.target_ticket, process.unposted) = (NO_SLOT, 0, [0; super::MOST]);
        let own = process.slot;
        let own_entry = state.entries.get(usize::from(own)).copied().unwrap_or_default();
        let skips_own = own_entry == Entry::Awake;
        let seen = self.reached(state).filter(|slot| *slot != own || !skips_own).fold(0, |seen, slot| seen | 1 << slot);
        state.processes[index].unseen = seen;
        if seen == 0 { self.scanned(state, index) } else { At::Scan }
    }

    pub(super) fn scan(&self, state: &mut MutexState, index: usize, slot: Slot) -> At {
        let process = &mut state.processes[index];
        process.unseen &= !(1 << slot);
        match state.entries[usize::from(slot)] {
            Entry::Announced(ticket) if process.target == NO_SLOT || ticket < process.target_ticket => {
                (process.target, process.target_ticket) = (slot, ticket);
            }
            Entry::Unposted(ticket) if self.rules.post_for_others => process.unposted[usize::from(slot)] = ticket,
            _ => {}
        }
        if process.unseen == 0 { self.scanned(state, index) } else { At::Scan }
    }

    fn scanned(&self, state: &mut MutexState, index: usize) -> At {
        let process = &mut state.processes[index];
        if process.target == NO_SLOT {
            let frees_first = process.unlocks && !self.rules.post_before_freeing;
            return if frees_first { At::FreeUnlessWaited } else { self.next_other(state, index) };
        }
        process.unposted = [0; super::MOST];
        if process.unlocks { At::Release } else { At::Call }
    }

    /// N5.
    fn next_other(&self, state: &mut MutexState, index: usize) -> At {
        let process = &mut state.processes[index];
        let other = self.all().find(|slot| process.unposted[usize::from(*slot)] != 0);
        process.target = other.unwrap_or(NO_SLOT);
        match other {
            Some(_) => At::PostOther,
            None if process.unlocks => At::FreeUnlessWaited,
            None => self.notified(state, index),
        }
    }

    /// The scan found a waiter: the word is offered to it, or freed.
    pub(super) fn release(&self, state: &mut MutexState, index: usize, offers: bool) -> At {
        let process = &mut state.processes[index];
        (process.unlocks, process.offers) = (false, offers);
        state.word.owner = if offers { process.target } else { NO_SLOT };
        state.word.offered = offers;
        state.word.waiters = self.rules.keep_waiters_at_call;
        At::Call
    }

    pub(super) fn notify(&self, state: &mut MutexState, index: usize) -> At {
        let process = state.processes[index];
        let Process { target, target_ticket, offers, .. } = process;
        match process.at {
            At::Call if self.swap_entry(state, target, Entry::Announced(target_ticket), Entry::Unposted) => At::Post,
            At::Call => self.call_failed(state, index, offers),
            At::Post => {
                self.post(state, target, 1);
                if self.rules.mark_called { At::MarkCalled } else { self.notified(state, index) }
            }
            At::MarkCalled => {
                self.swap_entry(state, target, Entry::Unposted(target_ticket), Entry::Called);
                self.notified(state, index)
            }
            At::Retract => {
                if !(state.word.offered && state.word.owner == target) {
                    return self.notified(state, index);
                }
                (state.word.owner, state.word.offered) = (NO_SLOT, false);
                state.event = Event::Retracted;
                state.processes[index].offers = false;
                if self.rules.retract_calls_another {
                    self.begin_scan(state, index)
                } else {
                    self.notified(state, index)
                }
            }
            At::PostOther => {
                self.post(state, target, 1);
                At::MarkOther
            }
            At::MarkOther => {
                let ticket = std::mem::take(&mut state.processes[index].unposted[usize::from(target)]);
                if self.rules.mark_called {
                    self.swap_entry(state, target, Entry::Unposted(ticket), Entry::Called);
                }
                self.next_other(state, index)
            }
            _ => self.free_unless_waited(state, index),
        }
    }

    fn call_failed(&self, state: &mut MutexState, index: usize, offers: bool) -> At {
        match offers {
            true if self.rules.failed_call_retracts => At::Retract,
            false if self.rules.failed_call_calls_another => self.begin_scan(state, index),
            _ => self.notified(state, index),
        }
    }

    /// A compare-and-swap of an entry. Returns whether it succeeded.
    fn swap_entry(&self, state: &mut MutexState, slot: Slot, from: Entry, to: fn(Ticket) -> Entry) -> bool {
        let entry = &mut state.entries[usize::from(slot)];
        let names = if self.rules.calls_name_ticket { from } else { from.with_ticket(entry.ticket()) };
        let is_equal = *entry == names;
        if is_equal {
            *entry = to(entry.ticket());
        }
        is_equal
    }

    /// No waiter was found.
    fn free_unless_waited(&self, state: &mut MutexState, index: usize) -> At {
        let word = &mut state.word;
        if word.waiters && self.rules.clear_before_scan && self.rules.announcement_stops_freeing {
            state.event = Event::FreeingFailed;
            return self.clear_waiters(state, index);
        }
        (word.owner, word.offered, word.waiters) = (NO_SLOT, false, false);
        state.processes[index].unlocks = false;
        self.next_other(state, index)
    }

    /// The notifier goes back to what it did.
    fn notified(&self, state: &mut MutexState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.target, process.target_ticket, process.offers) = (NO_SLOT, 0, false);
        process.unposted = [0; super::MOST];
        let helped = process.helped;
        if helped == NO_SLOT { At::Idle } else { self.after_word(state, helped) }
    }
}
