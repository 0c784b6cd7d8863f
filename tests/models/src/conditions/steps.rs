//! What a step does.

use super::{At, Conditions, ConditionsState, Entry, Process, Task, bit, slot};

impl Conditions {
    pub(super) fn may_step(&self, state: &ConditionsState, index: usize) -> bool {
        match state.processes[index].at {
            At::Done | At::Dead => false,
            At::Sleep => state.posts[index] > 0,
            At::Lock => state.holder.is_none_or(|holder| state.is_dead(holder)),
            _ => true,
        }
    }

    pub(super) fn step(&self, state: &mut ConditionsState, index: usize) {
        let at = state.processes[index].at;
        let next = match at {
            At::Lock => self.lock(state, index),
            At::Change => {
                state.value += 1;
                let process = &mut state.processes[index];
                (process.has_changed, process.is_changed) = (true, true);
                if self.tasks[index] == Task::Change { At::Unlock } else { At::Check }
            }
            At::Check => self.check(state, index),
            At::Unlock => self.unlock(state, index),
            At::Choose => self.choose(state, index),
            At::Scan => self.scan(state, index),
            At::Announce => {
                state.entries[index] = Entry::Announced;
                // Another epoch.
                state.processes.iter_mut().for_each(|process| process.gathered &= !bit(index));
                if self.rules.announce_before_free { At::Free } else { At::Sleep }
            }
            At::Free => self.free(state, index),
            At::Freed => {
                let is_due = state.processes[index].is_changed || state.processes[index].poisons;
                if is_due { At::Choose } else { At::Gather }
            }
            At::Gather | At::Post | At::Mark => self.post(state, index, at),
            At::Sleep => {
                state.posts[index] -= 1;
                At::Withdraw
            }
            At::Withdraw => {
                state.entries[index] = Entry::Awake;
                let process = state.processes[index];
                let checks = if process.is_late { self.rules.checks_when_late } else { self.rules.checks_when_woken };
                if checks {
                    At::Lock
                } else {
                    let is_right = if process.is_late { !self.finds(state, index) } else { self.finds(state, index) };
                    state.has_returned_wrongly |= !is_right;
                    At::Done
                }
            }
            At::Done | At::Dead => at,
        };
        state.processes[index].at = next;
        if next == At::Done {
            // It remembers nothing.
            state.processes[index] = Process { at: At::Done, ..Process::default() };
        }
    }

    fn lock(&self, state: &mut ConditionsState, index: usize) -> At {
        if state.holder.take().is_some() {
            // Its holder is dead. The obituary has called the waiters.
            state.is_poisoned = true;
            return At::Lock;
        }
        state.holder = Some(slot(index));
        match self.tasks[index] {
            Task::ChangeAndWait(_) | Task::Change if !state.processes[index].has_changed => At::Change,
            Task::Wait(_) | Task::ChangeAndWait(_) => At::Check,
            Task::Change | Task::Read => At::Unlock,
        }
    }

    fn check(&self, state: &mut ConditionsState, index: usize) -> At {
        let finds = self.finds(state, index);
        let process = &mut state.processes[index];
        if finds || process.is_late {
            return At::Unlock;
        }
        process.waits = true;
        match process.is_changed && state.bit && self.rules.waiter_chooses {
            true => At::Choose,
            false => self.announce(),
        }
    }

    fn announce(&self) -> At {
        if self.rules.announce_before_free { At::Announce } else { At::Free }
    }

    fn unlock(&self, state: &mut ConditionsState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.waits, process.has_found) = (false, false);
        let is_due = process.is_changed || (process.poisons && self.rules.poison_chooses);
        let chooses = (is_due && self.rules.choose_before_free) || !self.rules.only_changes_choose;
        match (state.bit, chooses) {
            (false, _) => At::Free,
            (true, true) => At::Choose,
            (true, false) => At::Scan,
        }
    }

    /// Chooses the waiters.
    fn choose(&self, state: &mut ConditionsState, index: usize) -> At {
        let most = if self.rules.chooses_all { self.tasks.len() } else { 1 };
        let announced = (0..self.tasks.len()).filter(|&of| state.entries[of] == Entry::Announced);
        for of in announced.take(most).collect::<Vec<_>>() {
            state.entries[of] = Entry::Unposted;
            state.calls[of] += 1;
        }
        let process = &mut state.processes[index];
        process.is_changed = false;
        match (state.holder == Some(slot(index)), process.waits) {
            (false, _) => At::Gather,
            (true, true) => self.announce(),
            (true, false) => At::Scan,
        }
    }

    /// Looks which waiters are left.
    fn scan(&self, state: &mut ConditionsState, index: usize) -> At {
        let keeps = |entry: &Entry| match entry {
            Entry::Announced => self.rules.bit_stays_for_announced,
            Entry::Unposted => self.rules.bit_stays_for_unposted,
            Entry::Awake | Entry::Called => false,
        };
        state.processes[index].has_found = state.entries.iter().any(keeps);
        At::Free
    }

    fn free(&self, state: &mut ConditionsState, index: usize) -> At {
        let process = &mut state.processes[index];
        let had_bit = state.bit;
        state.holder = None;
        state.bit = match (process.waits, process.leaves) {
            (true, _) => state.bit || self.rules.sets_the_bit,
            (false, true) => state.bit,
            (false, false) => process.has_found,
        };
        state.is_poisoned |= process.poisons;
        let publishes = process.poisons || (process.has_changed && !process.is_published);
        state.is_freed_since = !publishes;
        process.is_published |= process.has_changed;
        match (process.leaves, had_bit) {
            (true, _) if self.rules.leaver_calls => At::Gather,
            (true, _) => At::Done,
            (false, true) if !self.rules.choose_before_free => At::Freed,
            (false, true) => At::Gather,
            (false, false) => self.after_posts(state, index),
        }
    }

    fn after_posts(&self, state: &ConditionsState, index: usize) -> At {
        match (state.processes[index].waits, self.rules.announce_before_free) {
            (true, true) => At::Sleep,
            (true, false) => At::Announce,
            (false, _) => At::Done,
        }
    }

    fn post(&self, state: &mut ConditionsState, index: usize, at: At) -> At {
        match at {
            At::Gather => {
                let is_mine = state.processes[index].has_changed || state.processes[index].poisons;
                let posts = is_mine || self.rules.unlock_posts_unposted;
                let unposted = (0..self.tasks.len()).filter(|&of| state.entries[of] == Entry::Unposted && posts);
                state.processes[index].gathered = unposted.map(bit).sum();
                At::Post
            }
            At::Post => {
                let gathered = state.processes[index].gathered;
                let due = (0..self.tasks.len()).filter(|&of| gathered & bit(of) != 0);
                due.for_each(|of| state.posts[of] = (state.posts[of] + 1).min(2));
                At::Mark
            }
            _ => {
                let gathered = std::mem::take(&mut state.processes[index].gathered);
                for of in (0..self.tasks.len()).filter(|&of| gathered & bit(of) != 0) {
                    if state.entries[of] == Entry::Unposted {
                        state.entries[of] = Entry::Called;
                    }
                }
                self.after_posts(state, index)
            }
        }
    }
}
