//! Entering, waiting and taking the word.

use super::{Action, At, Entry, Event, Mutex, MutexState, NO_SLOT, Process, Slot};

impl Mutex {
    pub(super) fn apply(&self, state: &mut MutexState, index: usize, action: Action) -> At {
        match action {
            Action::Enter(_, slot) => self.enter(state, index, slot),
            Action::Take(_) => {
                state.begin_lock();
                self.take(state, index);
                At::Critical
            }
            Action::Wait(_) => {
                state.begin_lock();
                state.processes[index].ticket = state.next_ticket();
                self.begin_round(state, index)
            }
            Action::Step(..) => self.step(state, index),
            Action::See(_, At::Scan, slot) => self.scan(state, index, slot),
            Action::See(_, _, slot) => self.check_dead(state, index, slot),
            Action::Expire(_, at) => {
                state.event = Event::Expired;
                self.take(state, index);
                self.taken(at)
            }
            Action::Elapse(_) => self.wake(),
            Action::TimeOut(_, at) => {
                state.timeouts -= 1;
                state.processes[index].timed_out = true;
                if at == At::LookAgain { self.look_again(state, index) } else { self.wake() }
            }
            Action::Offer(_) => self.release(state, index, true),
            Action::Free(_) => self.release(state, index, false),
            Action::Mend(_) => {
                (state.word.poisoned, state.tainted) = (false, false);
                At::Critical
            }
            Action::Die(_) => self.die(state, index),
            Action::Stop(_) => {
                state.stops -= 1;
                state.processes[index].stopped = true;
                state.processes[index].at
            }
        }
    }

    /// Clears what the process holds of ALIVE and HELPERS, then posts every doorbell: its undo account.
    fn die(&self, state: &mut MutexState, index: usize) -> At {
        let process = state.processes[index];
        let is_offeree = process.is_member() && state.word.offered && state.word.owner == process.slot;
        if is_offeree {
            state.event = Event::OffereeDied;
        }
        state.tainted |= process.holds();
        state.deaths -= 1;
        if self.rules.obituary_posts && (process.is_member() || self.rules.helper_obituary) {
            let posts = if self.rules.obituary_posts_twice { 2 } else { 1 };
            self.all().for_each(|slot| self.post(state, slot, posts));
        }
        state.processes[index].stopped = false;
        At::Outside
    }

    pub(super) fn post(&self, state: &mut MutexState, slot: Slot, posts: u8) {
        let bell = &mut state.bells[usize::from(slot)];
        *bell = self.saturation.min(*bell + posts);
    }

    fn step(&self, state: &mut MutexState, index: usize) -> At {
        let process = state.processes[index];
        let Process { at, slot, ticket, .. } = process;
        match at {
            At::Outside | At::Idle | At::CheckDead | At::Scan | At::Release => at,
            At::Claim => self.claim(state, index),
            At::Drain => {
                state.bells[usize::from(slot)] = 0;
                state.processes[index].suspects = false;
                self.begin_check(state, index)
            }
            At::Announce => {
                state.entries[usize::from(slot)] = Entry::Announced(ticket);
                if self.rules.announce_before_look { At::Look } else { At::Sleep }
            }
            At::RepairRoom | At::RepairWord | At::LeaveSlot => self.repair(state, index),
            At::Look => self.look(state, index),
            At::Sleep => {
                state.bells[usize::from(slot)] -= 1;
                state.processes[index].woken = true;
                self.wake()
            }
            At::Awake => self.be_awake(state, index),
            At::LookAgain => self.look_again(state, index),
            At::Withdraw => {
                let old = std::mem::take(&mut state.entries[usize::from(slot)]);
                // Another post may come before it takes this one, which makes no difference.
                let takes_post = matches!(old, Entry::Called(_)) && self.rules.taker_takes_post;
                let bell = &mut state.bells[usize::from(slot)];
                *bell = bell.saturating_sub(u8::from(takes_post));
                At::Critical
            }
            At::Critical => self.unlock(state, index),
            At::Call
            | At::Post
            | At::MarkCalled
            | At::Retract
            | At::PostOther
            | At::MarkOther
            | At::FreeUnlessWaited => self.notify(state, index),
        }
    }

    /// W1.
    pub(super) fn begin_round(&self, state: &mut MutexState, index: usize) -> At {
        if state.processes[index].suspects { At::Drain } else { self.begin_announcement() }
    }

    /// W2.
    pub(super) fn begin_announcement(&self) -> At {
        if self.rules.announce_before_look { At::Announce } else { At::Look }
    }

    /// Takes the word, whatever it is.
    fn take(&self, state: &mut MutexState, index: usize) {
        let word = &mut state.word;
        let confirms = word.offered && word.owner == state.processes[index].slot;
        if confirms {
            let is_late = state.processes[index].timed_out;
            state.event = if is_late { Event::LateConfirmed } else { Event::Confirmed };
        }
        word.owner = state.processes[index].slot;
        word.offered &= confirms && !self.rules.confirm_clears_offered;
        word.waiters &= self.rules.keep_waiters_at_take;
        word.poisoned &= self.rules.keep_poison;
    }

    fn may_take(state: &MutexState, index: usize) -> bool {
        let Process { slot, .. } = state.processes[index];
        state.word.owner == NO_SLOT || (state.word.offered && state.word.owner == slot)
    }

    /// Where a waiter goes that took the word.
    fn taken(&self, at: At) -> At {
        let is_announced = at == At::Look && self.rules.announce_before_look;
        if is_announced || !self.rules.awake_before_look { At::Withdraw } else { At::Critical }
    }

    /// W2.
    fn look(&self, state: &mut MutexState, index: usize) -> At {
        if Self::may_take(state, index) {
            self.take(state, index);
            return self.taken(At::Look);
        }
        let rules = &self.rules;
        state.word.waiters |= rules.set_waiters_before_sleep;
        state.processes[index].watches = rules.watch_offers && state.word.offered;
        if rules.announce_before_look { At::Sleep } else { At::Announce }
    }

    /// W3.
    fn wake(&self) -> At {
        if self.rules.awake_before_look { At::Awake } else { At::LookAgain }
    }

    /// W5.
    fn be_awake(&self, state: &mut MutexState, index: usize) -> At {
        let process = &mut state.processes[index];
        let old = std::mem::take(&mut state.entries[usize::from(process.slot)]);
        process.called = old.is_called();
        process.suspects |= process.woken && !process.called && self.rules.uncalled_wake_reaps;
        match (self.rules.awake_before_look, process.timed_out) {
            (_, true) if !self.rules.timed_out_looks_again => At::Idle,
            (true, _) => At::LookAgain,
            (false, true) => At::Idle,
            (false, false) => self.begin_round(state, index),
        }
    }

    /// W4.
    fn look_again(&self, state: &mut MutexState, index: usize) -> At {
        if Self::may_take(state, index) {
            self.take(state, index);
            return self.taken(At::LookAgain);
        }
        if !self.rules.awake_before_look {
            return At::Awake;
        }
        if state.processes[index].timed_out {
            return At::Idle;
        }
        if self.rules.rounds_differ {
            state.new_round(index);
        }
        self.begin_round(state, index)
    }
}

impl MutexState {
    fn begin_lock(&mut self) {
        if self.locks != super::FOR_EVER {
            self.locks -= 1;
        }
    }
}
