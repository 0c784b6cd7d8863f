//! Reading, and waiting to read.

use super::{Action, At, BUFFER, Entry, Goal, RwLock, RwLockState, Slot, bit};

impl RwLock {
    pub(super) fn step(&self, state: &mut RwLockState, index: usize, at: At) -> At {
        if !at.is_light() {
            state.fence(index);
        }
        match at {
            At::Count => {
                state.store_count(index, 1);
                if self.rules.count_before_look && self.rules.look_after_count {
                    At::Look
                } else {
                    self.counted(state, index)
                }
            }
            At::Look => self.look(state, index),
            At::Reading => At::Uncount,
            At::Uncount => {
                state.store_count(index, 0);
                self.after_uncount(state, index)
            }
            At::LookForWriter | At::CallWriter | At::PostWriter => self.call_writer(state, index, at),
            At::Empty => {
                state.places[state.processes[index].slot()].bell = 0;
                self.begin_check(state, index)
            }
            At::Announce | At::RaiseFlag | At::Peek | At::Sleep | At::Withdraw => self.wait(state, index, at),
            At::LookAtFlag | At::PostAll | At::Mark | At::ClearFlag => self.notify(state, index, at),
            At::RepairEntry
            | At::RepairCount
            | At::ReadInside
            | At::RepairWord
            | At::RepairInside
            | At::MarkUnused
            | At::LeaveSlot
            | At::Claim => self.help(state, index, at),
            _ => self.write(state, index, at),
        }
    }

    /// RW1.
    fn look(&self, state: &mut RwLockState, index: usize) -> At {
        let is_open = state.owner.is_none();
        match (is_open, self.rules.count_before_look) {
            (true, true) => self.counted(state, index),
            (true, false) => At::Count,
            (false, true) => At::Uncount,
            (false, false) => self.next_round(state, index),
        }
    }

    /// The reader is in.
    fn counted(&self, state: &mut RwLockState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.goal = Goal::Nothing;
        if process.is_announced { At::Withdraw } else { At::Reading }
    }

    /// RW3.
    fn after_uncount(&self, state: &mut RwLockState, index: usize) -> At {
        let is_refused = state.processes[index].goal == Goal::Read;
        let looks = if is_refused { self.rules.refused_looks } else { self.rules.leaver_looks };
        if looks { At::LookForWriter } else { self.after_call(state, index) }
    }

    fn call_writer(&self, state: &mut RwLockState, index: usize, at: At) -> At {
        match at {
            At::LookForWriter if !state.draining => self.after_call(state, index),
            At::LookForWriter => {
                if self.rules.leaver_fences {
                    state.fence(index);
                }
                state.processes[index].unseen = self.all_slots();
                if self.rules.last_leaver_posts { At::ScanAsLeaver } else { At::CallWriter }
            }
            At::CallWriter => match std::mem::take(&mut state.draining) {
                true => At::PostWriter,
                false => self.after_call(state, index),
            },
            _ => {
                self.post(&mut state.bell, 1);
                self.after_call(state, index)
            }
        }
    }

    pub(super) fn scan_as_leaver(&self, state: &mut RwLockState, index: usize, slot: Slot) -> At {
        // Its own store is seen before it reaches memory.
        let process = &state.processes[index];
        let own = if process.slot == Some(slot) { process.buffer.iter().take(BUFFER).flatten().last() } else { None };
        let count = own.copied().unwrap_or(state.places[usize::from(slot)].count);
        if count > 0 {
            return self.after_call(state, index);
        }
        if state.processes[index].unseen == 0 { At::CallWriter } else { At::ScanAsLeaver }
    }

    fn after_call(&self, state: &mut RwLockState, index: usize) -> At {
        state.processes[index].unseen = 0;
        let process = state.processes[index];
        match (process.helps, process.goal) {
            (Some(_), _) if process.has_freed && self.rules.helper_notifies => At::LookAtFlag,
            (Some(_), _) => self.repaired(),
            // It looks at the gate again.
            (None, Goal::Read) if process.is_announced => At::Peek,
            (None, Goal::Read) => self.next_round(state, index),
            (None, _) => At::Idle,
        }
    }

    /// W1.
    pub(super) fn next_round(&self, state: &mut RwLockState, index: usize) -> At {
        let process = &mut state.processes[index];
        if process.is_late {
            return At::Idle;
        }
        process.is_woken = false;
        if process.suspects { At::Empty } else { self.begin_announcement() }
    }

    /// W2.
    pub(super) fn begin_announcement(&self) -> At {
        if self.rules.announce_before_look { At::Announce } else { At::Peek }
    }

    fn wait(&self, state: &mut RwLockState, index: usize, at: At) -> At {
        let slot = state.processes[index].slot();
        match at {
            At::Announce => {
                state.places[slot].entry = Entry::Announced;
                state.processes[index].is_announced = true;
                At::RaiseFlag
            }
            At::RaiseFlag => {
                state.flag = true;
                state.processes.iter_mut().for_each(|process| process.is_current = false);
                if self.rules.announce_before_look { At::Peek } else { At::Sleep }
            }
            At::Peek => match (state.owner.is_none(), state.processes[index].is_announced) {
                (true, _) if self.rules.count_before_look => At::Count,
                (true, _) => At::Look,
                (false, true) => At::Sleep,
                (false, false) if self.rules.announce_before_look => self.next_round(state, index),
                (false, false) => At::Announce,
            },
            At::Sleep => {
                state.places[slot].bell -= 1;
                state.processes[index].is_woken = true;
                At::Withdraw
            }
            _ => {
                let is_in = state.processes[index].goal == Goal::Nothing;
                self.withdraw(state, index);
                if is_in { At::Reading } else { At::Peek }
            }
        }
    }

    /// The entry becomes AWAKE. A waiter that slept, and was not called, suspects a death (W5).
    pub(super) fn withdraw(&self, state: &mut RwLockState, index: usize) {
        state.fence(index);
        let slot = state.processes[index].slot();
        let was = std::mem::take(&mut state.places[slot].entry);
        // A mark that comes later finds another epoch.
        state.processes.iter_mut().for_each(|process| process.fresh &= !bit(slot as Slot));
        if was == Entry::Called && !state.processes[index].is_woken {
            // Found while it was announced: the post would wake the next wait in vain.
            let bell = &mut state.places[slot].bell;
            *bell = bell.saturating_sub(1);
        }
        let process = &mut state.processes[index];
        let is_called = matches!(was, Entry::Unposted | Entry::Called);
        process.suspects |= process.is_woken && !is_called && self.rules.uncalled_wake_suspects;
        process.is_announced = false;
    }

    /// W3.
    pub(super) fn wake(&self, state: &RwLockState, index: usize) -> At {
        if state.processes[index].at == At::Sleep { At::Withdraw } else { At::WithdrawWriter }
    }

    /// Clears what the process holds of ALIVE and HELPERS, then posts every doorbell: its undo account.
    pub(super) fn die(&self, state: &mut RwLockState, index: usize) -> At {
        state.fence(index);
        let process = state.processes[index];
        if let Some(slot) = process.helps {
            state.place(slot).helpers -= 1;
        }
        if let Some(slot) = process.slot {
            state.place(slot).is_alive = false;
        }
        // A member that dies has all its doorbells posted, and so has a helper.
        if self.rules.obituary_posts {
            let posts = if self.rules.obituary_posts_twice { 2 } else { 1 };
            self.post(&mut state.bell, posts);
            for slot in self.all() {
                let mut bell = state.places[usize::from(slot)].bell;
                self.post(&mut bell, posts);
                state.place(slot).bell = bell;
            }
        }
        let is_inside = state.owns(&process) && state.inside == process.slot;
        state.tainted |= process.at == At::Writing || is_inside;
        state.deaths -= 1;
        At::Outside
    }
}

impl Action {
    /// Whether only a clock, or a bound of the model, brings it about.
    pub(super) fn is_own_step(self) -> bool {
        matches!(self, Self::Step(..) | Self::See(..))
    }
}
