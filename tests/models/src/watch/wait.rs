//! The steps of waiters, and of helpers.

use super::{At, Entry, Part, Then, Watch, WatchState};

impl Watch {
    /// Whether it is told of the end, as far as the attachments go.
    fn sees_end(&self, state: &WatchState, index: usize) -> bool {
        matches!(self.parts[index], Part::Detects(_)) && state.has_arrived && !state.is_writer.contains(&true)
    }

    /// The first of its two checks.
    pub(super) fn check(&self, is_announced: bool) -> At {
        if self.rules.end_before_version { At::End(is_announced) } else { At::Version(is_announced) }
    }

    fn begin_round(&self, state: &WatchState, index: usize) -> At {
        if state.processes[index].suspects { At::Drain } else { self.after_reaping() }
    }

    fn after_reaping(&self) -> At {
        if self.rules.announce_before_check { At::Announce } else { self.check(true) }
    }

    /// After the announcement, or after the check if that comes first.
    fn after_raising(&self) -> At {
        let checks = self.rules.announce_before_check && self.rules.raise_before_check;
        if checks { self.check(true) } else { At::Sleep }
    }

    fn enter(&self, state: &mut WatchState, index: usize, from: u8) -> At {
        let process = &mut state.processes[index];
        if process.wants_lock {
            process.wants_lock = false;
            return At::Take;
        }
        if usize::from(from) < self.parts.len() {
            return At::Enter(from);
        }
        process.suspects = false;
        self.after_reaping()
    }

    fn checked(&self, state: &mut WatchState, index: usize, is_announced: bool) -> At {
        let process = state.processes[index];
        let wanted = match self.parts[index] {
            Part::Waits(wanted) | Part::Detects(wanted) => wanted,
            Part::Sets(_) | Part::Reads => 0,
        };
        let is_found = process.version >= wanted;
        if is_found || process.is_over {
            let published_then = process.copy[0];
            state.is_missed |= !is_found && published_then > process.version;
            if is_announced {
                state.set_entry(index, Entry::Awake);
            }
            return At::Done;
        }
        match is_announced {
            // With a rule left out, it is announced only now, or raises the flag.
            true if !self.rules.announce_before_check => At::Announce,
            true if !self.rules.raise_before_check => At::Raise,
            true => At::Sleep,
            false => self.begin_round(state, index),
        }
    }

    pub(super) fn wait(&self, state: &mut WatchState, index: usize, at: At) -> At {
        match at {
            At::End(is_announced) => {
                let is_over = self.sees_end(state, index);
                let published = state.published;
                let process = &mut state.processes[index];
                (process.is_over, process.copy[0]) = (is_over, published);
                match self.rules.end_before_version {
                    true => At::Version(is_announced),
                    false => At::Checked(is_announced),
                }
            }
            At::Version(is_announced) => {
                state.processes[index].version = state.published;
                match self.rules.end_before_version {
                    true => self.checked(state, index, is_announced),
                    false => At::End(is_announced),
                }
            }
            At::Checked(is_announced) => self.checked(state, index, is_announced),
            At::Drain => {
                state.posts[index] = 0;
                self.enter(state, index, 0)
            }
            At::Announce => {
                state.set_entry(index, Entry::Announced);
                match self.rules.raise_before_check || !self.rules.announce_before_check {
                    true => At::Raise,
                    false => self.check(true),
                }
            }
            At::Raise => {
                state.flag = true;
                state.processes.iter_mut().for_each(|process| process.flag_is_same = false);
                self.after_raising()
            }
            At::Sleep => {
                state.posts[index] -= 1;
                At::Withdraw
            }
            At::Withdraw => {
                let is_called = state.entries[index] != Entry::Announced;
                state.set_entry(index, Entry::Awake);
                state.processes[index].suspects |= !is_called && self.rules.uncalled_wake_suspects;
                self.check(false)
            }
            at => at,
        }
    }

    pub(super) fn help(&self, state: &mut WatchState, index: usize, at: At) -> At {
        match at {
            At::Enter(dead) if state.is_dead(dead) && state.is_used[usize::from(dead)] => At::HelpFree(dead),
            At::Enter(dead) => self.enter(state, index, dead + 1),
            At::HelpFree(dead) => {
                state.entries[usize::from(dead)] = Entry::Awake;
                let is_its = state.lock == Some(dead) || !self.rules.helper_compares;
                if self.rules.helper_frees && is_its {
                    state.lock = None;
                }
                At::HelpDetach(dead)
            }
            At::HelpDetach(dead) => {
                let was = state.is_writer[usize::from(dead)];
                if self.rules.helper_detaches {
                    state.is_writer[usize::from(dead)] = false;
                }
                if was && self.rules.helper_calls {
                    state.processes[index].then = Then::Helps(dead);
                    return At::Notify;
                }
                At::Clean(dead)
            }
            At::Clean(dead) => {
                state.is_used[usize::from(dead)] = false;
                self.enter(state, index, dead + 1)
            }
            at => at,
        }
    }
}
