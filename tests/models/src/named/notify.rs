//! Notifying: calling one waiter for a message.

use super::{At, Memory, Message, Named, NamedState, Notify, WIDE, Word, bit};
use crate::members::Slot;

impl Named {
    pub(super) fn notify(&self, state: &mut NamedState, index: usize, step: Notify) -> At {
        let lane = self.lane_of(self.route(state.processes[index].memory.message));
        match step {
            Notify::IsLaneUp if state.flags[lane] => At::Notify(Notify::IsThere),
            Notify::IsLaneUp if self.rules.looks_at_wide => At::Notify(Notify::IsWideUp),
            Notify::IsWideUp if state.flags[WIDE] => At::Notify(Notify::IsThere),
            Notify::IsLaneUp | Notify::IsWideUp => At::Rest,
            Notify::IsThere => {
                let message = state.processes[index].memory.message;
                match state.messages[message] {
                    Message::There => At::Notify(Notify::Seen(lane)),
                    _ => self.notified(state, index),
                }
            }
            Notify::Seen(flag) if state.flags[flag] => {
                let memory = &mut state.processes[index].memory;
                memory.current |= bit(flag);
                self.scan(state, index, flag)
            }
            Notify::Seen(flag) => self.next_flag(state, index, flag),
            Notify::Post(flag, slot) => {
                state.post(usize::from(slot), 1);
                At::Notify(Notify::Mark(flag, slot))
            }
            Notify::Mark(flag, slot) => {
                mark(state, index, slot);
                let memory = &mut state.processes[index].memory;
                memory.keepers &= !bit(usize::from(slot));
                memory.is_called = true;
                self.lower_unless_kept(state, index, flag)
            }
            Notify::MarkOther(flag, slot) => {
                mark(state, index, slot);
                state.processes[index].memory.unposted &= !bit(usize::from(slot));
                self.post_others(state, index, flag)
            }
            Notify::Lower(flag) => {
                let is_current = state.processes[index].memory.current & bit(flag) != 0;
                if is_current || !self.rules.lower_by_version {
                    state.flags[flag] = false;
                    outdate(state, flag);
                }
                self.next_flag(state, index, flag)
            }
            step @ (Notify::Scan(_) | Notify::Call(_) | Notify::PostOther(_)) => At::Notify(step),
        }
    }

    /// Reads every word but its own.
    pub(super) fn scan(&self, state: &mut NamedState, index: usize, flag: usize) -> At {
        let all = (0..self.jobs.len()).fold(0, |set, slot| set | bit(slot)) & !bit(index);
        let memory = &mut state.processes[index].memory;
        *memory = Memory {
            message: memory.message,
            passes_on: memory.passes_on,
            current: memory.current,
            ..Memory::default()
        };
        memory.unseen = all;
        At::Notify(Notify::Scan(flag))
    }

    pub(super) fn notify_with(&self, state: &mut NamedState, index: usize, step: Notify, slot: Slot) -> At {
        match step {
            Notify::Scan(flag) => self.see(state, index, flag, slot),
            Notify::Call(flag) => {
                let memory = &mut state.processes[index].memory;
                let (message, is_stale) = (memory.message, memory.stale & bit(usize::from(slot)) != 0);
                (memory.announced, memory.stale) = (0, 0);
                let word = &mut state.words[usize::from(slot)];
                if *word != Word::Announced || is_stale {
                    return self.scan(state, index, flag);
                }
                *word = Word::Unposted(message);
                At::Notify(Notify::Post(flag, slot))
            }
            Notify::PostOther(flag) => {
                state.post(usize::from(slot), 1);
                At::Notify(Notify::MarkOther(flag, slot))
            }
            step => At::Notify(step),
        }
    }

    fn see(&self, state: &mut NamedState, index: usize, flag: usize, slot: Slot) -> At {
        let lane = self.lane_of(self.route(state.processes[index].memory.message));
        let word = state.words[usize::from(slot)];
        let fits = self.interest(state, slot) & bit(lane) != 0 || !self.rules.calls_what_fits;
        let keeps = if flag == WIDE { self.is_wide(state, slot) } else { fits };
        let memory = &mut state.processes[index].memory;
        memory.unseen &= !bit(usize::from(slot));
        match word {
            Word::Announced => {
                memory.keepers |= if keeps { bit(usize::from(slot)) } else { 0 };
                memory.announced |= if fits { bit(usize::from(slot)) } else { 0 };
            }
            Word::Unposted(_) => {
                memory.keepers |= if keeps { bit(usize::from(slot)) } else { 0 };
                memory.unposted |= if fits && self.rules.posts_for_others { bit(usize::from(slot)) } else { 0 };
            }
            Word::Awake | Word::Called(_) => {}
        }
        match *memory {
            Memory { unseen: 1.., .. } => At::Notify(Notify::Scan(flag)),
            Memory { announced: 1.., .. } => {
                memory.unposted = 0;
                At::Notify(Notify::Call(flag))
            }
            _ => {
                // The UNPOSTED ones that fit don't keep the flag once they are posted for.
                memory.keepers &= !memory.unposted;
                self.post_others(state, index, flag)
            }
        }
    }

    fn post_others(&self, state: &mut NamedState, index: usize, flag: usize) -> At {
        match state.processes[index].memory.unposted {
            0 => self.lower_unless_kept(state, index, flag),
            _ => At::Notify(Notify::PostOther(flag)),
        }
    }

    fn lower_unless_kept(&self, state: &mut NamedState, index: usize, flag: usize) -> At {
        let is_kept = state.processes[index].memory.keepers != 0 && self.rules.flag_is_kept;
        if is_kept { self.next_flag(state, index, flag) } else { At::Notify(Notify::Lower(flag)) }
    }

    fn next_flag(&self, state: &mut NamedState, index: usize, flag: usize) -> At {
        let calls_more = self.shared && self.rules.shared_calls_all;
        let is_called = std::mem::take(&mut state.processes[index].memory.is_called);
        match (is_called, calls_more, flag) {
            (true, true, _) => {
                let message = state.processes[index].memory.message;
                At::Notify(Notify::Seen(self.lane_of(self.route(message))))
            }
            (false, _, 0..WIDE) if self.rules.looks_at_wide => At::Notify(Notify::Seen(WIDE)),
            _ => self.notified(state, index),
        }
    }

    fn notified(&self, _: &NamedState, _: usize) -> At {
        At::Rest
    }

    /// W8: calls another waiter for this message, if it can be taken still.
    pub(super) fn pass_on(&self, state: &mut NamedState, index: usize, message: usize) -> At {
        state.processes[index].memory = Memory { message, passes_on: true, ..Memory::default() };
        At::Notify(Notify::IsLaneUp)
    }
}

/// A waiter has raised a flag, or a notifier has lowered it.
pub(super) fn outdate(state: &mut NamedState, flag: usize) {
    state.processes.iter_mut().for_each(|process| process.memory.current &= !bit(flag));
}

/// The compare-and-swap from UNPOSTED to CALLED.
fn mark(state: &mut NamedState, index: usize, slot: Slot) {
    let is_stale = state.processes[index].memory.stale & bit(usize::from(slot)) != 0;
    let word = &mut state.words[usize::from(slot)];
    if let (Word::Unposted(message), false) = (*word, is_stale) {
        *word = Word::Called(message);
    }
}
