//! The steps of waiters, of the clerk and of the other process.

use super::{Action, At, Clerk, Clerks, ClerksState, Entry, Kind};

/// The process with the desk.
const OURS: usize = 0;
/// The other one.
const OTHER: usize = 1;
/// A process that does not die in the model.
const IMMORTAL: usize = 1;

impl ClerksState {
    fn is_chosen(&self, slot: usize) -> bool {
        matches!(self.entries[slot], Entry::Unposted | Entry::Called)
    }

    /// Withdraws an announcement, and returns whether it was chosen.
    fn withdraw(&mut self, slot: usize) -> bool {
        let is_chosen = self.is_chosen(slot);
        self.entries[slot] = Entry::Awake;
        is_chosen
    }

    fn take(&mut self) -> bool {
        let found = self.things > 0;
        self.things -= u8::from(found);
        found
    }

    /// Whether a waiter sleeps that takes what there is, and is not withheld.
    pub(super) fn one_sleeps(&self) -> bool {
        self.other == At::Asleep || self.waiters.iter().any(|waiter| matches!(waiter.at, At::Waiting | At::Asleep))
    }

    fn rouse(&mut self, index: usize) {
        let waiter = &mut self.waiters[index];
        match waiter.at {
            At::Waiting => waiter.at = At::Roused,
            At::Begin | At::Check | At::Park | At::Awake => waiter.must_check = true,
            _ => {}
        }
    }

    fn rouse_all_but(&mut self, index: usize) {
        let others: Vec<usize> = self.list.iter().copied().filter(|&other| other != index).collect();
        others.into_iter().for_each(|other| self.rouse(other));
    }
}

impl Clerks {
    pub(super) fn is_future(&self, index: usize) -> bool {
        self.waiters[index] == Kind::Future
    }

    /// Lists the steps that are taken sooner or later.
    pub(super) fn steps(&self, state: &ClerksState, actions: &mut Vec<Action>) {
        for (index, waiter) in state.waiters.iter().enumerate() {
            let runs = match waiter.at {
                At::Waiting | At::Withheld | At::Gone => false,
                At::Asleep => state.bells[OURS] > 0,
                _ => true,
            };
            if runs {
                actions.push(Action::Step(index));
            }
        }
        let clerk_runs = match state.clerk {
            Clerk::Parked => self.clerk_is_wanted(state),
            Clerk::Asleep => state.bells[OURS] > 0,
            Clerk::Woken => true,
        };
        if clerk_runs {
            actions.push(Action::Clerk);
        }
        if !matches!(state.other, At::Gone) && (state.other != At::Asleep || state.bells[OTHER] > 0) {
            actions.push(Action::Other);
        }
        for mortal in 0..2 {
            if state.tokens[mortal] > 0 {
                let announced = |slot: &usize| state.entries[*slot] == Entry::Announced;
                let before = actions.len();
                actions.extend((0..2).filter(announced).map(|slot| Action::Notify(mortal, slot)));
                if actions.len() == before {
                    actions.push(Action::Notify(mortal, OURS));
                }
            }
            actions.extend((0..2).filter(|&slot| state.posts[slot][mortal] > 0).map(|slot| Action::Post(slot, mortal)));
        }
        if self.can_revoke(state) {
            actions.push(Action::Revoke);
        }
    }

    /// Whether nothing happens any more by itself.
    pub(super) fn is_at_rest(&self, state: &ClerksState) -> bool {
        let mut actions = Vec::new();
        self.steps(state, &mut actions);
        actions.is_empty()
    }

    fn clerk_is_wanted(&self, state: &ClerksState) -> bool {
        state.list.first().is_some_and(|&front| self.is_future(front) && state.waiters[front].at == At::Waiting)
    }

    pub(super) fn step(&self, state: &mut ClerksState, index: usize) {
        let at = state.waiters[index].at;
        let next = match at {
            At::Out => {
                state.list.push(index);
                At::Begin
            }
            At::Begin => {
                if state.list[0] == index && self.rules.announces_before_check {
                    state.entries[OURS] = Entry::Announced;
                }
                At::Check
            }
            At::Check if state.take() => At::Leave { found: true },
            At::Check => At::Park,
            At::Park => self.park(state, index),
            At::Asleep => {
                state.bells[OURS] -= 1;
                At::Woken
            }
            At::Woken => {
                if !state.withdraw(OURS) && self.rules.obituary_rouses_all {
                    state.rouse_all_but(index);
                }
                At::Awake
            }
            At::Roused => {
                state.waiters[index].must_check = false;
                At::Awake
            }
            At::Awake => {
                // The call is spent, whether it finds a thing or not (W7).
                state.waiters[index].is_called = false;
                if state.take() { At::Leave { found: true } } else { At::Begin }
            }
            At::Leave { found } => self.leave(state, index, found),
            At::Waiting | At::Withheld | At::Gone => at,
        };
        state.waiters[index].at = next;
    }

    fn park(&self, state: &mut ClerksState, index: usize) -> At {
        let leads = state.list[0] == index;
        if !self.rules.announces_before_check && leads && !state.waiters[index].must_check {
            state.entries[OURS] = Entry::Announced;
        }
        if !self.is_future(index) && leads {
            // A thread that is to lead sleeps only if it is announced.
            return if state.entries[OURS] == Entry::Awake { At::Begin } else { At::Asleep };
        }
        let waiter = &mut state.waiters[index];
        if self.rules.park_sees_rouse && (waiter.must_check || waiter.is_called) {
            waiter.must_check = false;
            return At::Awake;
        }
        waiter.must_check = false;
        At::Waiting
    }

    fn leave(&self, state: &mut ClerksState, index: usize, found: bool) -> At {
        let was_front = state.list[0] == index;
        state.list.retain(|&other| other != index);
        let waiter = &mut state.waiters[index];
        let mut is_called = std::mem::take(&mut waiter.is_called) && (found || self.rules.drop_passes_on);
        if was_front && (found || self.rules.drop_withdraws) {
            is_called |= state.withdraw(OURS);
        }
        let passes_on = is_called && (!found || (state.things > 0 && self.rules.found_passes_on));
        state.tokens[IMMORTAL] += u8::from(passes_on);
        if was_front
            && self.rules.leaver_rouses_next
            && let Some(&next) = state.list.first()
        {
            state.rouse(next);
        }
        At::Gone
    }

    pub(super) fn clerk(&self, state: &mut ClerksState) {
        match state.clerk {
            Clerk::Parked => state.clerk = Clerk::Asleep,
            Clerk::Asleep => {
                state.bells[OURS] -= 1;
                state.clerk = Clerk::Woken;
            }
            Clerk::Woken => {
                state.clerk = Clerk::Parked;
                self.clerk_woke(state);
            }
        }
    }

    fn clerk_woke(&self, state: &mut ClerksState) {
        let Some(&front) = state.list.first() else { return };
        if !self.is_future(front) {
            if self.rules.stale_clerk_posts_again {
                state.bells[OURS] += 1;
                state.has_posted_again = true;
            }
            return;
        }
        let is_idle = matches!(state.waiters[front].at, At::Roused | At::Withheld);
        let is_called = !is_idle && state.withdraw(OURS);
        let is_waiting = state.waiters[front].at == At::Waiting;
        state.rouse(front);
        if is_called && (is_waiting || self.rules.call_reaches_acting) {
            state.waiters[front].is_called = true;
        }
        if !is_called && self.rules.obituary_rouses_all {
            state.rouse_all_but(front);
        }
    }

    /// Whether the front was roused, and others depend on it.
    fn can_revoke(&self, state: &ClerksState) -> bool {
        let Some(&front) = state.list.first() else { return false };
        let waiter = &state.waiters[front];
        let is_idle = self.is_future(front) && matches!(waiter.at, At::Roused | At::Withheld);
        let others_wait = state.list.iter().any(|&other| state.waiters[other].at == At::Waiting);
        is_idle && (waiter.is_called || others_wait)
    }

    pub(super) fn revoke(&self, state: &mut ClerksState) {
        let front = state.list.remove(0);
        state.list.push(front);
        state.has_revoked = true;
        let is_called = std::mem::take(&mut state.waiters[front].is_called);
        state.tokens[IMMORTAL] += u8::from(is_called && self.rules.revoke_passes_on);
        if self.rules.revoke_rouses_others {
            state.rouse_all_but(front);
        }
    }

    /// A thread of another process, alone at its desk.
    pub(super) fn other(&self, state: &mut ClerksState) {
        let at = state.other;
        state.other = match at {
            At::Out | At::Begin => {
                state.entries[OTHER] = Entry::Announced;
                At::Check
            }
            At::Check if state.take() => At::Leave { found: true },
            At::Check => At::Asleep,
            At::Asleep => {
                state.bells[OTHER] -= 1;
                state.withdraw(OTHER);
                At::Awake
            }
            At::Awake if state.take() => At::Gone,
            At::Awake => At::Begin,
            _ => {
                let passes_on = state.withdraw(OTHER) && state.things > 0;
                state.tokens[IMMORTAL] += u8::from(passes_on);
                At::Gone
            }
        };
    }
}
