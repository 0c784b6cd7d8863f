//! Writing: shutting the gate, waiting for the readers, and opening it.

use super::{At, Goal, RwLock, RwLockState, Slot};

impl RwLock {
    pub(super) fn write(&self, state: &mut RwLockState, index: usize, at: At) -> At {
        let slot = state.processes[index].slot;
        match at {
            At::Queue => self.take(state, index),
            At::EmptyWriters => {
                state.bell = 0;
                self.begin_check(state, index)
            }
            At::AnnounceWriter => {
                state.draining = true;
                state.processes[index].is_announced = true;
                if self.rules.fence_every_round {
                    self.begin_fence(state, index)
                } else {
                    self.begin_scan(state, index)
                }
            }
            At::SleepForReaders => {
                state.bell -= 1;
                state.processes[index].is_woken = true;
                At::WithdrawWriter
            }
            At::WithdrawWriter => {
                self.withdraw_writer(state, index);
                self.begin_scan(state, index)
            }
            At::GoInside => {
                state.inside = slot;
                At::Writing
            }
            At::Writing => self.leave_inside(),
            At::CountInside => {
                // A downgrade that counts last has opened the gate, and notified.
                let process = &mut state.processes[index];
                process.is_announced = false;
                state.place(slot.unwrap_or(Slot::MAX)).count = 1;
                match state.processes[index].goal {
                    Goal::Downgrade if self.rules.downgrade_counts_first => self.leave_inside(),
                    Goal::ReadByLock if self.rules.by_lock_counts_first => At::Free,
                    _ => self.end_notified(state, index),
                }
            }
            At::GoOutside => {
                state.inside = None;
                if self.rules.outside_before_free { At::Free } else { self.opened(state, index) }
            }
            _ => self.free(state, index),
        }
    }

    fn take(&self, state: &mut RwLockState, index: usize) -> At {
        if let Some(owner) = state.owner {
            return self.begin_help(state, index, owner);
        }
        state.owner = state.processes[index].slot;
        match state.processes[index].goal {
            Goal::ReadByLock if self.rules.by_lock_counts_first => At::CountInside,
            Goal::ReadByLock => At::Free,
            _ if self.rules.fence_before_scan => self.begin_fence(state, index),
            _ => self.begin_scan(state, index),
        }
    }

    /// RW2.
    fn begin_fence(&self, state: &mut RwLockState, index: usize) -> At {
        state.processes[index].unseen = self.all_processes();
        At::Fence
    }

    pub(super) fn fence_for(&self, state: &mut RwLockState, index: usize, other: Slot) -> At {
        state.fence(usize::from(other));
        if state.processes[index].unseen == 0 { self.begin_scan(state, index) } else { At::Fence }
    }

    fn begin_scan(&self, state: &mut RwLockState, index: usize) -> At {
        if !self.rules.scan_before_inside {
            return At::GoInside;
        }
        let process = &mut state.processes[index];
        (process.unseen, process.saw_count) = (self.all_slots(), false);
        At::Scan
    }

    pub(super) fn scan(&self, state: &mut RwLockState, index: usize, slot: Slot) -> At {
        let has_count = state.places[usize::from(slot)].count > 0;
        let process = &mut state.processes[index];
        process.saw_count |= has_count;
        if process.unseen != 0 {
            return At::Scan;
        }
        let saw_count = std::mem::take(&mut process.saw_count);
        match (saw_count, process.is_announced) {
            (false, is_announced) => {
                if is_announced {
                    self.withdraw_writer(state, index);
                }
                if self.rules.inside_before_change { At::GoInside } else { At::Writing }
            }
            (true, true) => At::SleepForReaders,
            (true, false) if process.is_late => At::Free,
            (true, false) => self.next_writers_round(state, index),
        }
    }

    /// W1.
    fn next_writers_round(&self, state: &mut RwLockState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.is_woken = false;
        if process.suspects { At::EmptyWriters } else { At::AnnounceWriter }
    }

    fn withdraw_writer(&self, state: &mut RwLockState, index: usize) {
        let is_called = !std::mem::take(&mut state.draining);
        let process = &mut state.processes[index];
        process.suspects |= process.is_woken && !is_called && self.rules.uncalled_wake_suspects;
        process.is_announced = false;
    }

    /// RW6.
    pub(super) fn leave_inside(&self) -> At {
        if self.rules.outside_before_free { At::GoOutside } else { At::Free }
    }

    /// RW5.
    fn free(&self, state: &mut RwLockState, index: usize) -> At {
        // The readers were notified while the gate was shut.
        let is_second = !self.rules.open_before_notify && state.processes[index].has_freed;
        if !self.rules.open_before_notify && !is_second {
            state.processes[index].has_freed = true;
            return At::LookAtFlag;
        }
        if state.owns(&state.processes[index]) {
            state.owner = None;
        }
        if is_second {
            state.processes[index].has_freed = false;
            return self.end(state, index);
        }
        let was_inside = state.inside.is_some() && state.inside == state.processes[index].slot;
        if was_inside { At::GoOutside } else { self.opened(state, index) }
    }

    /// The gate is open.
    fn opened(&self, state: &mut RwLockState, index: usize) -> At {
        let notifies = match state.processes[index] {
            process if process.is_late => self.rules.late_writer_notifies,
            process if process.goal == Goal::ReadByLock => self.rules.by_lock_notifies,
            _ => self.rules.writer_notifies,
        };
        if notifies { At::LookAtFlag } else { self.end(state, index) }
    }

    /// The readers were notified, as far as that is to be.
    pub(super) fn end(&self, state: &mut RwLockState, index: usize) -> At {
        match state.processes[index].goal {
            Goal::Downgrade if !self.rules.downgrade_counts_first => At::CountInside,
            Goal::ReadByLock if !self.rules.by_lock_counts_first => At::CountInside,
            _ => self.end_notified(state, index),
        }
    }

    fn end_notified(&self, state: &mut RwLockState, index: usize) -> At {
        let goal = std::mem::take(&mut state.processes[index].goal);
        if matches!(goal, Goal::Downgrade | Goal::ReadByLock) { At::Reading } else { At::Idle }
    }
}
