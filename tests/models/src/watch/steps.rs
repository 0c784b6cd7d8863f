//! The steps of setters, notifiers and readers.

use super::{At, BUFFERS, Entry, Part, Then, Watch, WatchState, bit, slot, tag};

impl Watch {
    fn begin(&self, state: &mut WatchState, index: usize) -> At {
        match self.parts[index] {
            Part::Sets(_) => {
                state.is_writer[index] = true;
                state.has_arrived = true;
                At::Take
            }
            Part::Waits(_) | Part::Detects(_) => self.come(state, index),
            Part::Reads => At::Read,
        }
    }

    /// A waiter comes: it calls for one that published, if that has not said that all were called.
    fn come(&self, state: &mut WatchState, index: usize) -> At {
        let is_told = state.told == state.published;
        let process = &mut state.processes[index];
        process.version = state.published;
        if is_told || !self.rules.comer_calls {
            process.came = state.published + 1;
            return self.check(false);
        }
        process.then = Then::Came;
        At::Notify
    }

    /// The lock names a dead setter. Whether its slot is to be repaired.
    fn is_repairable(state: &WatchState) -> bool {
        state.lock.is_some_and(|owner| state.is_dead(owner) && state.is_used[usize::from(owner)])
    }

    fn take(&self, state: &mut WatchState, index: usize) -> At {
        if let Some(owner) = state.lock.filter(|_| self.rules.takes_the_lock) {
            state.processes[index].wants_lock = true;
            return At::HelpFree(owner);
        }
        state.lock = Some(slot(index));
        let last = if self.rules.number_by_published { state.published } else { state.begun };
        state.processes[index].version = last + 1;
        match (self.rules.begun_before_bytes, self.rules.bytes_before_published) {
            (false, _) => At::First,
            (_, false) => At::Publish,
            _ => At::Begun,
        }
    }

    fn set(&self, state: &mut WatchState, index: usize, at: At) -> At {
        let version = state.processes[index].version;
        let place = if self.rules.another_buffer { version } else { version.saturating_sub(1) };
        match at {
            At::Take => self.take(state, index),
            At::Begun => {
                state.begun = version;
                if self.rules.begun_before_bytes { At::First } else { At::Publish }
            }
            At::First => {
                state.buffer(place)[0] = tag(version, index);
                At::Second
            }
            At::Second => {
                state.buffer(place)[1] = tag(version, index);
                match (self.rules.begun_before_bytes, self.rules.bytes_before_published) {
                    (false, _) => At::Begun,
                    (_, false) => At::Free,
                    _ if !self.rules.publishes_before_call => {
                        state.processes[index].then = Then::Publishes;
                        At::Notify
                    }
                    _ => At::Publish,
                }
            }
            At::Publish => {
                state.published = version;
                state.begun = state.begun.max(version);
                if !self.rules.says_when_called {
                    state.told = version;
                }
                if self.rules.bytes_before_published { At::Free } else { At::First }
            }
            At::Free => {
                if state.lock == Some(slot(index)) {
                    state.lock = None;
                }
                state.processes[index].then = Then::HasSet;
                let calls = self.rules.calls_when_set && self.rules.publishes_before_call;
                if calls { At::Notify } else { At::Told }
            }
            at => at,
        }
    }

    /// Where a notifier goes on.
    fn called(&self, state: &mut WatchState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.waiters, process.called) = (0, 0);
        match process.then {
            Then::HasSet | Then::Came => At::Told,
            Then::Publishes => At::Publish,
            Then::HasDetached => At::Done,
            Then::Helps(dead) => At::Clean(dead),
        }
    }

    fn told(&self, state: &mut WatchState, index: usize) -> At {
        let version = state.processes[index].version;
        state.told = version;
        let process = &mut state.processes[index];
        if process.then == Then::Came {
            process.came = version + 1;
            return self.check(false);
        }
        process.sets += 1;
        match self.parts[index] {
            Part::Sets(times) if process.sets < times => At::Take,
            _ => At::Detach,
        }
    }

    fn notify(&self, state: &mut WatchState, index: usize, at: At) -> At {
        let next = |slot: u8, more: fn(u8) -> At, end: At| {
            if usize::from(slot) + 1 < self.parts.len() { more(slot + 1) } else { end }
        };
        match at {
            At::Notify if !state.flag => self.called(state, index),
            At::Notify => {
                let process = &mut state.processes[index];
                (process.waiters, process.called, process.flag_is_same) = (0, 0, true);
                At::Scan(0)
            }
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
                for waiter in 0..self.parts.len() {
                    if state.processes[index].called & bit(waiter) != 0 {
                        state.posts[waiter] = (state.posts[waiter] + 1).min(3);
                        let is_same = state.processes[index].waiters & bit(waiter) != 0;
                        if is_same && state.entries[waiter] == Entry::Unposted {
                            state.entries[waiter] = Entry::Called;
                        }
                    }
                }
                At::Lower
            }
            At::Lower => {
                if state.processes[index].flag_is_same || !self.rules.flag_compares {
                    state.flag = false;
                    // The word is another one for those that read it.
                    state.processes.iter_mut().for_each(|process| process.flag_is_same = false);
                }
                self.called(state, index)
            }
            At::Told => self.told(state, index),
            At::Detach => {
                state.is_writer[index] = false;
                state.processes[index].then = Then::HasDetached;
                if self.rules.calls_when_detached { At::Notify } else { At::Done }
            }
            at => at,
        }
    }

    fn is_undisturbed(state: &WatchState, version: u8) -> bool {
        state.begun.wrapping_sub(version) < BUFFERS
    }

    fn read(&self, state: &mut WatchState, index: usize, at: At) -> At {
        let version = state.processes[index].version;
        match at {
            At::Read => {
                let published = state.published;
                let is_whole = Self::is_undisturbed(state, published);
                let process = &mut state.processes[index];
                // With a rule left out, it looks only now.
                (process.version, process.is_over) = (published, is_whole);
                At::CopyFirst
            }
            At::CopyFirst => {
                state.processes[index].copy[0] = state.buffer(version)[0];
                At::CopySecond
            }
            At::CopySecond => {
                state.processes[index].copy[1] = state.buffer(version)[1];
                At::ReadBegun
            }
            At::ReadBegun => {
                let process = state.processes[index];
                let is_whole = match self.rules.checks_after_copy {
                    true => Self::is_undisturbed(state, version),
                    false => process.is_over,
                };
                state.processes[index].is_over = false;
                if !is_whole && self.rules.reader_checks {
                    return At::Read;
                }
                let [first, second] = process.copy;
                state.is_torn |= first != second || !(tag(version, 0)..tag(version + 1, 0)).contains(&first);
                At::Done
            }
            at => at,
        }
    }

    pub(super) fn step(&self, state: &mut WatchState, index: usize) {
        let at = state.processes[index].at;
        let next = match at {
            At::Begin => self.begin(state, index),
            At::Take | At::Begun | At::First | At::Second | At::Publish | At::Free => self.set(state, index, at),
            At::Notify | At::Scan(_) | At::Call(_) | At::Post | At::Lower | At::Told | At::Detach => {
                self.notify(state, index, at)
            }
            At::End(_) | At::Version(_) | At::Checked(_) | At::Drain => self.wait(state, index, at),
            At::Announce | At::Raise | At::Sleep | At::Withdraw => self.wait(state, index, at),
            At::Enter(_) | At::HelpFree(_) | At::HelpDetach(_) | At::Clean(_) => self.help(state, index, at),
            At::Read | At::CopyFirst | At::CopySecond | At::ReadBegun => self.read(state, index, at),
            At::Done | At::Dead => at,
        };
        state.processes[index].at = next;
    }

    pub(super) fn may_step(&self, state: &WatchState, index: usize) -> bool {
        match state.processes[index].at {
            At::Done | At::Dead => false,
            At::Sleep => state.posts[index] > 0,
            At::Take => state.lock.is_none() || !self.rules.takes_the_lock || Self::is_repairable(state),
            _ => true,
        }
    }
}
