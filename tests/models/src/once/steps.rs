//! What a step does.

use super::{At, Entry, Once, OnceState, Process, Word, bit, slot};

impl Once {
    pub(super) fn finds(&self, state: &OnceState, index: usize) -> bool {
        match state.word {
            Word::Untold | Word::Set => true,
            Word::Unset => self.initialises[index],
            Word::Init(_) => false,
        }
    }

    /// Takes what the process waits for, if it is there.
    fn take(&self, state: &mut OnceState, index: usize) -> Option<At> {
        match state.word {
            // It calls those that the one before may have left.
            Word::Untold => {
                state.processes[index].tells = true;
                Some(self.call_all(true, state, index))
            }
            Word::Set => Some(At::Done),
            Word::Unset if self.initialises[index] => {
                if !self.rules.takes_by_compare {
                    return Some(At::Seen);
                }
                state.word = Word::Init(slot(index));
                Some(At::Write)
            }
            _ => None,
        }
    }

    fn begin_round(&self, state: &OnceState, index: usize) -> At {
        match (state.processes[index].suspects, self.rules.announce_before_check) {
            (true, _) => At::Drain,
            (false, true) => At::Announce,
            (false, false) => At::Check,
        }
    }

    fn after_reaping(&self) -> At {
        if self.rules.announce_before_check { At::Announce } else { At::Check }
    }

    fn enter(&self, from: u8) -> At {
        if usize::from(from) < self.initialises.len() { At::Enter(from) } else { self.after_reaping() }
    }

    pub(super) fn call_all(&self, is_due: bool, state: &mut OnceState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.waiters, process.called) = (0, 0);
        if is_due { At::Scan(0) } else { Self::called(process) }
    }

    /// Where a notifier goes on.
    fn called(process: &mut Process) -> At {
        (process.waiters, process.called) = (0, 0);
        match process.helps.take() {
            Some(dead) => At::Clean(dead),
            // It has set the value, or has failed and returns.
            None => At::Done,
        }
    }

    fn wait(&self, state: &mut OnceState, index: usize, at: At) -> At {
        match at {
            At::Look => self.take(state, index).unwrap_or_else(|| self.begin_round(state, index)),
            At::Seen => {
                state.word = Word::Init(slot(index));
                At::Write
            }
            At::Drain => {
                state.posts[index] = 0;
                self.enter(0)
            }
            At::Announce => {
                state.set_entry(index, Entry::Announced);
                if self.rules.announce_before_check { At::Check } else { At::Sleep }
            }
            At::Check => match self.take(state, index) {
                Some(next) => {
                    state.set_entry(index, Entry::Awake);
                    next
                }
                None if self.rules.announce_before_check => At::Sleep,
                None => At::Announce,
            },
            At::Sleep => {
                state.posts[index] -= 1;
                At::Withdraw
            }
            At::Withdraw => {
                let is_called = state.entries[index] != Entry::Announced;
                state.set_entry(index, Entry::Awake);
                let process = &mut state.processes[index];
                process.suspects |= !is_called && self.rules.uncalled_wake_suspects;
                At::Look
            }
            at => at,
        }
    }

    fn help(&self, state: &mut OnceState, index: usize, at: At) -> At {
        match at {
            At::Enter(dead) if state.is_dead(dead) && state.is_used[usize::from(dead)] => At::Free(dead),
            At::Enter(dead) => {
                let next = self.enter(dead + 1);
                if next == self.after_reaping() {
                    state.processes[index].suspects = false;
                }
                next
            }
            At::Free(dead) => {
                state.entries[usize::from(dead)] = Entry::Awake;
                let is_named = state.word == Word::Init(dead);
                let is_freed = self.rules.helper_frees && (is_named || !self.rules.helper_compares);
                if is_freed {
                    state.word = Word::Unset;
                }
                state.processes[index].helps = Some(dead);
                self.call_all(is_freed && self.rules.calls_when_freed, state, index)
            }
            At::Clean(dead) => {
                state.is_used[usize::from(dead)] = false;
                let next = self.enter(dead + 1);
                if next == self.after_reaping() {
                    state.processes[index].suspects = false;
                }
                next
            }
            at => at,
        }
    }

    fn set(&self, state: &mut OnceState, index: usize, at: At) -> At {
        let last = if self.rules.value_before_word { At::Finish } else { At::Done };
        match at {
            At::Write if !self.rules.value_before_word => {
                state.word = Word::Set;
                At::Half
            }
            At::Write => {
                state.is_whole = false;
                At::Half
            }
            At::Half => {
                state.is_whole = true;
                last
            }
            At::Finish => {
                if state.word == Word::Init(slot(index)) {
                    state.word = if self.rules.says_when_called { Word::Untold } else { Word::Set };
                    state.was_set = true;
                }
                state.processes[index].tells = self.rules.calls_when_set;
                self.call_all(self.rules.calls_when_set, state, index)
            }
            at => at,
        }
    }

    fn notify(&self, state: &mut OnceState, index: usize, at: At) -> At {
        let next = |slot: u8, more: fn(u8) -> At, end: At| {
            if usize::from(slot) + 1 < self.initialises.len() { more(slot + 1) } else { end }
        };
        match at {
            At::Scan(read) => {
                let is_waiter = matches!(state.entries[usize::from(read)], Entry::Announced | Entry::Unposted);
                state.processes[index].waiters |= u8::from(is_waiter) << read;
                next(read, At::Scan, At::Call(0))
            }
            At::Call(chosen) => {
                let (waiter, mask) = (usize::from(chosen), bit(chosen.into()));
                let is_known = state.processes[index].waiters & mask != 0;
                let is_enough = !self.rules.calls_all && state.processes[index].called != 0;
                match state.entries[waiter] {
                    Entry::Announced if is_known && !is_enough => {
                        state.entries[waiter] = Entry::Unposted;
                        state.processes[index].called |= mask;
                    }
                    Entry::Unposted if is_known => state.processes[index].called |= mask,
                    _ => {}
                }
                next(chosen, At::Call, At::Post)
            }
            At::Post => {
                for waiter in 0..self.initialises.len() {
                    if state.processes[index].called & bit(waiter) != 0 {
                        state.posts[waiter] = (state.posts[waiter] + 1).min(3);
                        if state.entries[waiter] == Entry::Unposted {
                            state.entries[waiter] = Entry::Called;
                        }
                    }
                }
                let next = Self::called(&mut state.processes[index]);
                if std::mem::take(&mut state.processes[index].tells) { At::Told } else { next }
            }
            At::Told => {
                if state.word == Word::Untold {
                    state.word = Word::Set;
                }
                At::Done
            }
            at => at,
        }
    }

    pub(super) fn step(&self, state: &mut OnceState, index: usize) {
        let at = state.processes[index].at;
        let next = match at {
            At::Look | At::Seen | At::Drain | At::Announce | At::Check | At::Sleep | At::Withdraw => {
                self.wait(state, index, at)
            }
            At::Enter(_) | At::Free(_) | At::Clean(_) => self.help(state, index, at),
            At::Write | At::Half | At::Finish => self.set(state, index, at),
            At::Scan(_) | At::Call(_) | At::Post | At::Told => self.notify(state, index, at),
            At::Done | At::Dead => at,
        };
        state.processes[index].at = next;
    }

    pub(super) fn may_step(&self, state: &OnceState, index: usize) -> bool {
        match state.processes[index].at {
            At::Done | At::Dead => false,
            At::Sleep => state.posts[index] > 0,
            _ => true,
        }
    }
}
