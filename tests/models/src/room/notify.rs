//! Notifying: calling one waiter.

use super::{At, Notify, Room, RoomState, Wish, Word, bit, state::Memory, wait::outdate};
use crate::members::Slot;

impl Room {
    pub(super) fn notify(&self, state: &mut RoomState, index: usize, step: Notify) -> At {
        match step {
            Notify::LoadFlag if !state.flag => self.notified(state, index),
            Notify::LoadFlag => {
                state.processes[index].memory.is_current = true;
                self.scan(state, index)
            }
            Notify::Post(slot) => {
                state.post(slot, 1, self.saturation);
                if self.rules.mark_called { At::Notify(Notify::Mark(slot)) } else { self.called(state, index, slot) }
            }
            Notify::Mark(slot) => {
                mark(state, index, slot);
                self.called(state, index, slot)
            }
            Notify::MarkOther(slot) => {
                if self.rules.mark_called {
                    mark(state, index, slot);
                }
                state.processes[index].memory.unposted &= !bit(slot);
                self.post_others(state, index)
            }
            Notify::Look => {
                let memory = state.processes[index].memory;
                let is_taken = memory.last.is_none_or(|slot| state.places[usize::from(slot)].posts == 0);
                match (is_taken, memory.announced) {
                    (true, _) => self.settled(state, index),
                    (false, 1..) => At::Notify(Notify::Call),
                    (false, 0) => At::Notify(Notify::PostOther),
                }
            }
            Notify::ClearFlag => {
                if state.processes[index].memory.is_current || !self.rules.clear_by_version {
                    state.flag = false;
                    outdate(state);
                }
                self.cleared(state, index)
            }
            step @ (Notify::Scan | Notify::Call | Notify::PostOther) => At::Notify(step),
        }
    }

    /// Reads every word but its own, which is AWAKE.
    pub(super) fn scan(&self, state: &mut RoomState, index: usize) -> At {
        let all = state.all().fold(0, |set, slot| set | bit(slot));
        let process = &mut state.processes[index];
        let unseen = all & !process.slot.map_or(0, bit);
        let Memory { is_current, clears, last, .. } = process.memory;
        let clears = if last.is_some() { clears } else { is_current };
        process.memory = Memory { unseen, is_current, clears, last, ..Memory::default() };
        At::Notify(Notify::Scan)
    }

    pub(super) fn notify_with(&self, state: &mut RoomState, index: usize, step: Notify, slot: Slot) -> At {
        match step {
            Notify::Scan => self.see(state, index, slot),
            Notify::Call => {
                let memory = &mut state.processes[index].memory;
                let is_stale = memory.stale & bit(slot) != 0;
                (memory.announced, memory.stale) = (bit(slot), 0);
                let word = &mut state.place(slot).word;
                match (*word == Word::Announced && !is_stale, self.rules.scan_again) {
                    (true, _) => {
                        *word = Word::Unposted;
                        At::Notify(Notify::Post(slot))
                    }
                    (false, true) => self.scan(state, index),
                    (false, false) => self.notified(state, index),
                }
            }
            _ => {
                state.post(slot, 1, self.saturation);
                At::Notify(Notify::MarkOther(slot))
            }
        }
    }

    fn see(&self, state: &mut RoomState, index: usize, slot: Slot) -> At {
        let word = state.places[usize::from(slot)].word;
        let memory = &mut state.processes[index].memory;
        memory.unseen &= !bit(slot);
        match word {
            Word::Announced => {
                memory.clears &= memory.announced == 0 || memory.last.is_some();
                memory.announced |= bit(slot);
            }
            Word::Unposted => {
                let has_called = memory.last.is_some();
                memory.clears &= !self.rules.unposted_keep_flag || has_called;
                let posts = if has_called { self.rules.others_post_after_call } else { self.rules.others_post };
                memory.unposted |= if posts { bit(slot) } else { 0 };
            }
            Word::Awake | Word::Called => {}
        }
        if memory.announced != 0 {
            memory.unposted = 0;
            memory.stale &= memory.announced;
        }
        match memory {
            Memory { unseen: 1.., .. } => At::Notify(Notify::Scan),
            Memory { last: Some(_), announced: 0, unposted: 0, .. } => self.settled(state, index),
            Memory { last: Some(_), .. } => At::Notify(Notify::Look),
            Memory { announced: 1.., .. } => At::Notify(Notify::Call),
            _ if self.rules.post_before_clearing => self.post_others(state, index),
            _ => At::Notify(Notify::ClearFlag),
        }
    }

    fn post_others(&self, state: &mut RoomState, index: usize) -> At {
        let memory = &mut state.processes[index].memory;
        memory.stale &= memory.unposted;
        match (memory.unposted, self.rules.post_before_clearing) {
            (1.., _) => At::Notify(Notify::PostOther),
            (0, _) if memory.last.is_some() => self.settled(state, index),
            (0, true) => At::Notify(Notify::ClearFlag),
            (0, false) => self.notified(state, index),
        }
    }

    /// N6: checks for other waiters, in case that the one which it called does not run.
    fn called(&self, state: &mut RoomState, index: usize, slot: Slot) -> At {
        if !self.rules.look_after_call {
            return self.settled(state, index);
        }
        state.processes[index].memory.last = Some(slot);
        self.scan(state, index)
    }

    /// If the waiter that it called first was the only one, the flag is cleared.
    fn settled(&self, state: &RoomState, index: usize) -> At {
        let memory = &state.processes[index].memory;
        if memory.clears { At::Notify(Notify::ClearFlag) } else { self.notified(state, index) }
    }

    fn cleared(&self, state: &mut RoomState, index: usize) -> At {
        if self.rules.post_before_clearing { self.notified(state, index) } else { self.post_others(state, index) }
    }

    fn notified(&self, state: &RoomState, index: usize) -> At {
        match state.processes[index].wish {
            Wish::Nothing | Wish::LastTry | Wish::Cancel => At::Rest,
            Wish::Join | Wish::Thing => self.before_unused(state, index),
        }
    }
}

/// The compare-and-swap from UNPOSTED to CALLED, with the epoch that the notifier remembers.
fn mark(state: &mut RoomState, index: usize, slot: Slot) {
    let is_stale = state.processes[index].memory.stale & bit(slot) != 0;
    let word = &mut state.place(slot).word;
    if *word == Word::Unposted && !is_stale {
        *word = Word::Called;
    }
}
