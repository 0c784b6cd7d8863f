//! A wait, and the checks for one permit or for several.

use super::{After, At, Check, Help, Notify, Pool, PoolState, Process, Round, Wait, Word};

impl Pool {
    /// In which room the process waits.
    pub(super) fn room(&self, process: &Process) -> usize {
        usize::from(process.is_many() && self.rules.room_of_its_own)
    }

    /// W4, W2, or the first try.
    pub(super) fn begin_check(&self, state: &mut PoolState, index: usize, round: Round) -> At {
        let process = &mut state.processes[index];
        (process.round, process.counted, process.pass) = (round, 0, 0);
        At::Check(if process.is_many() { Check::Count(0) } else { Check::Scan(0) })
    }

    pub(super) fn check(&self, state: &mut PoolState, index: usize, step: Check) -> At {
        let process = state.processes[index];
        match step {
            Check::Scan(permit) => match self.take(state, index, permit) {
                true => self.found(state, index),
                false if self.has_next(permit) => At::Check(Check::Scan(permit + 1)),
                false => self.short(state, index),
            },
            Check::Count(permit) => {
                let counted = process.counted + self.count(state, permit);
                state.processes[index].counted = counted;
                match self.has_next(permit) {
                    true => At::Check(Check::Count(permit + 1)),
                    false if counted < process.need => self.short(state, index),
                    false if self.rules.turnstile => At::Check(Check::Turn),
                    false => At::Check(Check::Claim(0)),
                }
            }
            Check::Turn if state.turnstile.is_none() => {
                (state.turnstile, state.processes[index].turns) = (process.slot, true);
                At::Check(Check::Claim(0))
            }
            Check::Turn => self.short(state, index),
            Check::Claim(permit) => {
                let taken = self.take(state, index, permit);
                match taken {
                    _ if state.processes[index].has_all() => At::Check(Check::LeaveTurn),
                    true if !self.one_by_one => At::Check(Check::Claim(0)),
                    _ if self.has_next(permit) => At::Check(Check::Claim(permit + 1)),
                    _ if self.one_by_one && process.pass == 0 => {
                        state.processes[index].pass = 1;
                        At::Check(Check::Claim(0))
                    }
                    _ => self.fell_short(state, index),
                }
            }
            Check::GiveBack => {
                let first = (0..self.permits).find(|permit| process.has(*permit)).unwrap_or_default();
                self.free(state, index, first, After::GiveBack)
            }
            Check::LeaveTurn => {
                if state.turnstile == process.slot {
                    state.turnstile = None;
                }
                let process = &mut state.processes[index];
                (process.turns, process.after) = (false, After::LeftTurn);
                if self.rules.leaving_turnstile_looks {
                    At::Notify(Notify::LoadFlagForMany)
                } else {
                    self.notified(state, index)
                }
            }
        }
    }

    /// PL4.
    pub(super) fn fell_short(&self, state: &PoolState, index: usize) -> At {
        let must_give_back = state.processes[index].holds != 0 && self.rules.gives_back;
        At::Check(if must_give_back { Check::GiveBack } else { Check::LeaveTurn })
    }

    /// Frees a permit that the process holds.
    pub(super) fn free(&self, state: &mut PoolState, index: usize, permit: usize, after: After) -> At {
        let process = &mut state.processes[index];
        process.holds &= !(1 << permit);
        if state.permits[permit] == process.slot {
            state.permits[permit] = None;
        }
        (process.after, process.pending) = (after, 1);
        if after == After::GiveBack && !self.rules.give_back_notifies {
            return self.notified(state, index);
        }
        At::Notify(Notify::LoadFlag)
    }

    pub(super) fn has_next(&self, permit: usize) -> bool {
        self.one_by_one && permit + 1 < self.permits
    }

    /// One compare-and-swap of this permit if it is free, or of any that is free.
    fn take(&self, state: &mut PoolState, index: usize, permit: usize) -> bool {
        let from_here = permit..if self.one_by_one { permit + 1 } else { self.permits };
        let free = from_here.into_iter().find(|permit| state.permits[*permit].is_none());
        if let Some(free) = free {
            state.permits[free] = state.processes[index].slot;
            state.processes[index].holds |= 1 << free;
        }
        free.is_some()
    }

    /// 1 if this permit is free, or the number of all that are.
    pub(super) fn count(&self, state: &PoolState, permit: usize) -> u8 {
        let here = permit..if self.one_by_one { permit + 1 } else { self.permits };
        here.fold(0, |count, permit| count + u8::from(state.permits[permit].is_none()))
    }

    /// The check has found what the process calls for.
    pub(super) fn found(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        let is_announced = process.round == Round::Announced && self.rules.announce_before_check;
        if is_announced { At::Wait(Wait::Found) } else { At::Rest }
    }

    /// The check has not found it.
    pub(super) fn short(&self, state: &mut PoolState, index: usize) -> At {
        let next = state.next_ticket();
        let process = &mut state.processes[index];
        process.called = false;
        match process.round {
            Round::First => {
                if process.is_many() {
                    process.ticket = next;
                }
                self.begin_round(state, index)
            }
            Round::Announced if self.rules.announce_before_check => At::Wait(Wait::Sleep),
            Round::Announced => self.begin_announcing(),
            Round::Awake if process.late => self.timed_out(state, index),
            Round::Awake => self.begin_round(state, index),
        }
    }

    fn timed_out(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        if !process.is_many() || !self.rules.timed_out_looks {
            return At::Rest;
        }
        process.after = After::LeftRoom;
        At::Notify(Notify::LoadFlagForMany)
    }

    fn begin_round(&self, state: &mut PoolState, index: usize) -> At {
        if state.processes[index].suspects {
            return At::Wait(Wait::Drain);
        }
        self.after_reaping(state, index)
    }

    fn after_reaping(&self, state: &mut PoolState, index: usize) -> At {
        if self.rules.announce_before_check {
            self.begin_announcing()
        } else {
            self.begin_check(state, index, Round::Announced)
        }
    }

    pub(super) fn begin_announcing(&self) -> At {
        At::Wait(if self.rules.word_before_flag { Wait::Announce } else { Wait::Raise })
    }

    fn next_of_announcing(&self, state: &mut PoolState, index: usize, step: Wait) -> At {
        let forgets = state.processes[index].is_many() && self.rules.waiter_forgets;
        let order = match (self.rules.word_before_flag, self.rules.raise_before_forget) {
            (true, true) => [Wait::Announce, Wait::Raise, Wait::Forget],
            (true, false) => [Wait::Announce, Wait::Forget, Wait::Raise],
            (false, _) => [Wait::Raise, Wait::Announce, Wait::Forget],
        };
        let rest = order.into_iter().skip_while(|other| *other != step).skip(1);
        match rest.into_iter().find(|next| *next != Wait::Forget || forgets) {
            Some(next) => At::Wait(next),
            None => self.announced(state, index),
        }
    }

    fn announced(&self, state: &mut PoolState, index: usize) -> At {
        if self.rules.announce_before_check {
            self.begin_check(state, index, Round::Announced)
        } else {
            At::Wait(Wait::Sleep)
        }
    }

    pub(super) fn wait(&self, state: &mut PoolState, index: usize, step: Wait) -> At {
        let process = state.processes[index];
        let (own, room) = (process.own(), self.room(&process));
        match step {
            Wait::Drain => {
                state.place(own).posts[room] = 0;
                state.processes[index].suspects = false;
                At::Wait(Wait::Reap)
            }
            Wait::Reap => {
                let dirty = state.all().find(|slot| state.is_dirty(*slot));
                state.processes[index].helps = dirty;
                if dirty.is_some() { At::Help(Help::Enter) } else { self.after_reaping(state, index) }
            }
            Wait::Announce => {
                self.announce(state, index);
                self.next_of_announcing(state, index, step)
            }
            Wait::Forget => {
                state.forget();
                self.next_of_announcing(state, index, step)
            }
            Wait::Raise => {
                state.flag = true;
                state.processes.iter_mut().for_each(|process| process.flag_is_current = false);
                self.next_of_announcing(state, index, step)
            }
            Wait::Found => self.withdraw_found(state, index),
            Wait::More(permit) if self.count(state, permit) > 0 => {
                (state.processes[index].after, state.processes[index].pending) = (After::PassOn, 1);
                At::Notify(Notify::Single)
            }
            Wait::More(permit) if self.has_next(permit) => At::Wait(Wait::More(permit + 1)),
            Wait::More(_) => At::Rest,
            Wait::Sleep => {
                state.place(own).posts[room] -= 1;
                state.processes[index].woken = true;
                At::Wait(Wait::Withdraw)
            }
            Wait::Withdraw => self.withdraw(state, index),
        }
    }

    fn announce(&self, state: &mut PoolState, index: usize) {
        let process = state.processes[index];
        let (own, room) = (process.own(), self.room(&process));
        let place = state.place(own);
        place.words[room] = Word::Announced;
        if room == 1 {
            (place.ticket, place.interest) = (process.ticket, process.need);
        }
        // Each announcement has a ticket of its own.
        state.processes.iter_mut().for_each(|process| process.is_stale |= process.target == Some(own));
    }

    fn withdraw_found(&self, state: &mut PoolState, index: usize) -> At {
        let process = state.processes[index];
        let (own, room) = (process.own(), self.room(&process));
        let old = state.awake(own, room);
        if old == Word::Called {
            let posts = &mut state.place(own).posts[room];
            *posts = posts.saturating_sub(1);
        }
        let passes_on = is_call(old) && self.rules.found_passes_on;
        state.processes[index].called = passes_on;
        match process.is_many() {
            true if passes_on || self.rules.found_looks => {
                state.processes[index].after = After::PassOn;
                At::Notify(Notify::LoadFlagForMany)
            }
            false if passes_on => At::Wait(Wait::More(0)),
            _ => At::Rest,
        }
    }

    fn withdraw(&self, state: &mut PoolState, index: usize) -> At {
        let process = state.processes[index];
        let old = state.awake(process.own(), self.room(&process));
        let process = &mut state.processes[index];
        process.called = is_call(old);
        process.suspects |= process.woken && !process.called && self.rules.uncalled_wake_suspects;
        process.woken = false;
        if process.late && !self.rules.timed_wait_checks {
            return self.timed_out(state, index);
        }
        self.begin_check(state, index, Round::Awake)
    }
}

fn is_call(old: Word) -> bool {
    matches!(old, Word::Unposted | Word::Called)
}
