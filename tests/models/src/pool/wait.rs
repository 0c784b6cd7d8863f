//! One permit: taking it, waiting for it, releasing it.

use super::{At, Bell, PERMITS, Pool, PoolState, Process, Wish};
use crate::members::{Look, Slot};

impl Pool {
    /// The doorbell that this process sleeps on.
    pub(super) fn bell(&self, process: &Process) -> Bell {
        match process.wish {
            Wish::All if process.is_before_turnstile() => Bell::Turnstile,
            Wish::All if self.rules.bell_of_its_own => Bell::Many,
            _ => Bell::Single,
        }
    }

    pub(super) fn has_post(&self, state: &PoolState, process: &Process) -> bool {
        state.bells.has_post(self.bell(process) as usize)
    }

    pub(super) fn can_wake(&self, state: &PoolState, process: &Process) -> bool {
        matches!(process.at, At::Sleep | At::TurnSleep) && self.has_post(state, process)
    }

    /// Consumes a post.
    pub(super) fn take_post(&self, state: &mut PoolState, index: usize) {
        let process = &mut state.processes[index];
        state.bells.take(self.bell(process) as usize);
        process.has_token = true;
    }

    pub(super) fn drain(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        state.bells.drain(self.bell(process) as usize);
        process.has_token |= self.rules.drained_is_token;
        process.at
    }

    /// R-leave.
    pub(super) fn give_up(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.look = Look::default();
        match (process.has_token && self.rules.post_before_leaving, process.holds_turnstile) {
            (true, _) => At::PostLeave,
            (false, true) => At::TurnDrop,
            (false, false) => At::Idle,
        }
    }

    /// R-sleep.
    pub(super) fn wait(&self, state: &mut PoolState, index: usize, at: At) -> At {
        let Process { wish, .. } = state.processes[index];
        match at {
            At::Scan(permit) if take(state, index, permit) => At::Holding,
            At::Scan(permit) if permit + 1 < PERMITS => At::Scan(permit + 1),
            At::Scan(_) => self.before_sleep(state, index),
            At::Announce => {
                state.flags[self.bell(&state.processes[index]) as usize] = true;
                if self.rules.announce_before_try { self.look_for_the_dead(state, index) } else { At::Sleep }
            }
            At::Retry(permit) if take(state, index, permit) => self.after_success(state, index),
            At::Retry(permit) if permit + 1 < PERMITS => At::Retry(permit + 1),
            At::Retry(_) => self.short(state, index),
            _ => {
                self.take_post(state, index);
                if self.rules.announce_after_token { self.before_sleep(state, index) } else { retry(wish) }
            }
        }
    }

    fn before_sleep(&self, state: &mut PoolState, index: usize) -> At {
        if self.rules.announce_before_try { At::Announce } else { self.look_for_the_dead(state, index) }
    }

    fn look_for_the_dead(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        if self.rules.reap_before_sleep {
            process.look = Look::at_others(&state.slots, process.member.slot, state.deaths);
        }
        self.look_on(state, index)
    }

    pub(super) fn look_at(&self, state: &mut PoolState, index: usize, slot: Slot) -> At {
        state.processes[index].look.see(slot);
        if state.slots.is_dirty(slot) { self.begin_reaping(state, index, slot) } else { self.look_on(state, index) }
    }

    /// Goes on with the check, until a check of all slots finds no dead member. Then tries once more.
    pub(super) fn look_on(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        match (process.look.is_over(), process.look.must_repeat()) {
            (false, _) => At::Snapshot,
            (true, true) => self.look_for_the_dead(state, index),
            (true, false) => {
                process.is_last_try = true;
                retry(process.wish)
            }
        }
    }

    /// Where it goes after a try failed.
    pub(super) fn short(&self, state: &mut PoolState, index: usize) -> At {
        match (state.processes[index].is_last_try, self.rules.announce_before_try) {
            (false, _) => self.before_sleep(state, index),
            (true, true) => At::Sleep,
            (true, false) => At::Announce,
        }
    }

    fn after_success(&self, state: &PoolState, index: usize) -> At {
        let must_look = state.processes[index].has_token && self.rules.pass_on;
        if must_look { At::PassOn(0) } else { At::Holding }
    }

    /// Passes a post on that was consumed, if another waiter may need it.
    pub(super) fn settle(&self, state: &mut PoolState, index: usize, at: At) -> At {
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
    pub(super) fn release(&self, state: &mut PoolState, index: usize, at: At) -> At {
        match at {
            At::Free(permit) => {
                state.processes[index].holds[permit] = false;
                state.permits[permit] = None;
                let gives_back = state.processes[index].wish == Wish::All;
                let is_silent = gives_back && !self.rules.give_back_wakes;
                if is_silent { self.after_wake(state, index) } else { At::LoadFlags }
            }
            At::LoadFlags if state.flags == [false; 2] => self.after_wake(state, index),
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

    fn after_bell(&self, state: &mut PoolState, index: usize, bell: Bell) -> At {
        if bell == Bell::Single { At::Wake(Bell::Many) } else { self.after_wake(state, index) }
    }

    fn after_wake(&self, state: &mut PoolState, index: usize) -> At {
        let process = &state.processes[index];
        match (process.first_held(), process.wish) {
            (Some(permit), _) => At::Free(permit),
            (None, Wish::All) => self.short(state, index),
            (None, _) => At::Idle,
        }
    }
}

fn retry(wish: Wish) -> At {
    if wish == Wish::All { At::ManyLook(0) } else { At::Retry(0) }
}

/// One compare-and-swap of a free permit.
pub(super) fn take(state: &mut PoolState, index: usize, permit: usize) -> bool {
    let is_free = state.permits[permit].is_none();
    if is_free {
        state.permits[permit] = Some(state.processes[index].member.slot);
        state.processes[index].holds[permit] = true;
    }
    is_free
}
