//! One permit: taking it, waiting for it, giving it back.

use super::{At, Bell, PERMITS, Pool, Process, State, Wish};

impl Pool {
    /// The doorbell that this process sleeps on.
    pub(super) fn bell(&self, process: &Process) -> Bell {
        match process.wish {
            Wish::All if process.is_before_turnstile() => Bell::Turnstile,
            Wish::All if self.rules.bell_of_its_own => Bell::Many,
            _ => Bell::Single,
        }
    }

    pub(super) fn has_post(&self, state: &State, process: &Process) -> bool {
        state.bells.has_post(self.bell(process) as usize)
    }

    pub(super) fn can_wake(&self, state: &State, process: &Process) -> bool {
        matches!(process.at, At::Sleep | At::TurnSleep) && self.has_post(state, process)
    }

    /// Consumes a post.
    pub(super) fn take_post(&self, state: &mut State, index: usize) {
        let process = &mut state.processes[index];
        state.bells.take(self.bell(process) as usize);
        process.has_token = true;
    }

    pub(super) fn drain(&self, state: &mut State, index: usize) -> At {
        let process = &mut state.processes[index];
        state.bells.drain(self.bell(process) as usize);
        process.has_token |= self.rules.drained_is_token;
        process.at
    }

    /// R-leave.
    pub(super) fn give_up(&self, state: &State, index: usize) -> At {
        let process = state.processes[index];
        match (process.has_token && self.rules.post_before_leaving, process.holds_turnstile) {
            (true, _) => At::PostLeave,
            (false, true) => At::TurnDrop,
            (false, false) => At::Idle,
        }
    }

    /// R-sleep.
    pub(super) fn wait(&self, state: &mut State, index: usize, at: At) -> At {
        let Process { wish, .. } = state.processes[index];
        match at {
            At::Scan(permit) if take(state, index, permit) => At::Holding,
            At::Scan(permit) if permit + 1 < PERMITS => At::Scan(permit + 1),
            At::Scan(_) => self.before_sleep(),
            At::Announce => {
                state.flags[self.bell(&state.processes[index]) as usize] = true;
                if self.rules.announce_before_try { At::Snapshot } else { At::Sleep }
            }
            At::Snapshot => match state.slots.dirty().filter(|_| self.rules.reap_before_sleep) {
                Some(slot) => self.begin_reaping(state, slot),
                None => {
                    state.processes[index].is_last_try = true;
                    retry(wish)
                }
            },
            At::Retry(permit) if take(state, index, permit) => self.after_success(state, index),
            At::Retry(permit) if permit + 1 < PERMITS => At::Retry(permit + 1),
            At::Retry(_) => self.short(&state.processes[index]),
            _ => {
                self.take_post(state, index);
                if self.rules.announce_after_token { self.before_sleep() } else { retry(wish) }
            }
        }
    }

    fn before_sleep(&self) -> At {
        if self.rules.announce_before_try { At::Announce } else { At::Snapshot }
    }

    /// Where it goes after a try failed.
    pub(super) fn short(&self, process: &Process) -> At {
        match (process.is_last_try, self.rules.announce_before_try) {
            (false, _) => self.before_sleep(),
            (true, true) => At::Sleep,
            (true, false) => At::Announce,
        }
    }

    fn after_success(&self, state: &State, index: usize) -> At {
        let must_look = state.processes[index].has_token && self.rules.pass_on;
        if must_look { At::PassOn(0) } else { At::Holding }
    }

    /// What is left to do about a post that was consumed.
    pub(super) fn settle(&self, state: &mut State, index: usize, at: At) -> At {
        let process = state.processes[index];
        match at {
            At::PassOn(permit) if state.permits[permit].is_none() => At::PostOn,
            At::PassOn(permit) if permit + 1 < PERMITS => At::PassOn(permit + 1),
            At::PassOn(_) => At::Holding,
            At::PostOn => {
                state.bells.post(Bell::Single as usize);
                At::Holding
            }
            _ => {
                let is_elsewhere = process.is_before_turnstile() && !self.rules.turnstile_gives_back;
                let bell = if is_elsewhere { Bell::Many } else { self.bell(&process) };
                state.bells.post(bell as usize);
                if process.holds_turnstile { At::TurnDrop } else { At::Idle }
            }
        }
    }

    /// R-wake: frees one permit after another, and wakes after each.
    pub(super) fn release(&self, state: &mut State, index: usize, at: At) -> At {
        match at {
            At::Free(permit) => {
                state.processes[index].holds[permit] = false;
                state.permits[permit] = None;
                let gives_back = state.processes[index].wish == Wish::All;
                let is_silent = gives_back && !self.rules.give_back_wakes;
                if is_silent { self.after_wake(&state.processes[index]) } else { At::LoadFlags }
            }
            At::LoadFlags if state.flags == [false; 2] => self.after_wake(&state.processes[index]),
            At::LoadFlags => At::Wake(Bell::Single),
            At::Wake(bell) if std::mem::take(&mut state.flags[bell as usize]) => At::Post(bell),
            At::Post(bell) => {
                state.bells.post(bell as usize);
                self.after_bell(state, index, bell)
            }
            At::Wake(bell) => self.after_bell(state, index, bell),
            at => at,
        }
    }

    fn after_bell(&self, state: &State, index: usize, bell: Bell) -> At {
        if bell == Bell::Single { At::Wake(Bell::Many) } else { self.after_wake(&state.processes[index]) }
    }

    fn after_wake(&self, process: &Process) -> At {
        match (process.first_held(), process.wish) {
            (Some(permit), _) => At::Free(permit),
            (None, Wish::All) => self.short(process),
            (None, _) => At::Idle,
        }
    }
}

fn retry(wish: Wish) -> At {
    if wish == Wish::All { At::ManyLook(0) } else { At::Retry(0) }
}

/// One compare-and-swap of a free permit.
pub(super) fn take(state: &mut State, index: usize, permit: usize) -> bool {
    let is_free = state.permits[permit].is_none();
    if is_free {
        state.permits[permit] = Some(state.processes[index].slot);
        state.processes[index].holds[permit] = true;
    }
    is_free
}
