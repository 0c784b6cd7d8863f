//! What a step does.

use super::{At, Barrier, BarrierState, Entry, Here, Outcome, Process, bit, slot};

impl Barrier {
    /// A wait is over, in its generation.
    fn over(&self, state: &mut BarrierState, index: usize, outcome: Outcome) -> At {
        let generation = state.processes[index].next;
        let process = &mut state.processes[index];
        process.has_arrived = false;
        process.next += 1;
        match outcome {
            Outcome::Complete => {
                process.calls -= 1;
                At::Rest
            }
            Outcome::Broken => {
                state.tell(index, generation);
                self.told(state, index)
            }
        }
    }

    fn told(&self, state: &mut BarrierState, index: usize) -> At {
        if self.goes_on { At::Rest } else { self.leave_object(state, index) }
    }

    fn leave_object(&self, state: &mut BarrierState, index: usize) -> At {
        state.here[index] = Here::Absent;
        state.is_used[index] = false;
        At::Done
    }

    /// Begins a wait, or tells of a generation that broke without it.
    fn begin(&self, state: &mut BarrierState, index: usize) -> At {
        if state.processes[index].calls == 0 {
            return self.leave_object(state, index);
        }
        let next = state.processes[index].next;
        if next != state.generation {
            state.processes[index].next = state.generation;
            let broken: Vec<u8> =
                (next..state.generation).filter(|&passed| state.outcome(passed) == Some(Outcome::Broken)).collect();
            if !broken.is_empty() && self.rules.tells_later {
                broken.into_iter().for_each(|passed| state.tell(index, passed));
                state.processes[index].has_checked = false;
                return self.told(state, index);
            }
        }
        if !state.processes[index].has_checked {
            state.processes[index].dead = self.dead(state);
            let may_know = state.processes[index].suspects || state.posts[index] > 0;
            if state.count + 1 >= self.parties && may_know && self.rules.last_one_checks {
                state.processes[index].has_checked = true;
                return self.enter(state, index, 0);
            }
        }
        if !self.rules.arrives_by_compare {
            return At::Read(state.count);
        }
        let count = state.count;
        self.arrive(state, index, count)
    }

    /// The dead members that none has repaired.
    fn dead(&self, state: &BarrierState) -> u8 {
        let dead = (0..slot(self.processes)).filter(|&it| state.is_dead(it) && state.is_used[usize::from(it)]);
        dead.map(bit).fold(0, |all, it| all | it)
    }

    fn arrive(&self, state: &mut BarrierState, index: usize, count: u8) -> At {
        state.processes[index].has_checked = false;
        if count + 1 < self.parties {
            state.count = count + 1;
            state.processes[index].has_arrived = true;
            return At::Look;
        }
        if self.rules.changes_before_calling { self.complete(state, index) } else { At::Scan(0, state.generation) }
    }

    fn complete(&self, state: &mut BarrierState, index: usize) -> At {
        let generation = state.generation;
        let arrived = |(other, process): (usize, &Process)| {
            // A dead one may have arrived before.
            other == index || process.has_arrived && process.next == generation
        };
        let all = state.processes.iter().enumerate().filter(|&it| arrived(it)).count();
        if all != usize::from(self.parties) {
            state.wrong = Some("N2");
        }
        if state.processes[index].dead & self.dead(state) != 0 {
            state.wrong = Some("N5");
        }
        state.count = 0;
        state.end_generation(Outcome::Complete);
        let process = &mut state.processes[index];
        process.next = generation + 1;
        process.calls -= 1;
        if self.rules.calls_when_complete && self.rules.changes_before_calling {
            At::Scan(0, generation)
        } else {
            At::Rest
        }
    }

    fn begin_round(&self, state: &BarrierState, index: usize) -> At {
        match (state.processes[index].suspects, self.rules.announce_before_check) {
            (true, _) => At::Drain,
            (false, true) => At::Announce,
            (false, false) => At::Check,
        }
    }

    fn enter(&self, state: &mut BarrierState, index: usize, from: u8) -> At {
        if usize::from(from) < self.processes {
            return At::Enter(from);
        }
        if state.processes[index].has_checked {
            return At::Rest;
        }
        state.processes[index].suspects = false;
        if self.rules.announce_before_check { At::Announce } else { At::Check }
    }

    fn found(&self, state: &BarrierState, index: usize) -> Option<Outcome> {
        state.outcome(state.processes[index].next)
    }

    fn wait(&self, state: &mut BarrierState, index: usize, at: At) -> At {
        match at {
            At::Rest => self.begin(state, index),
            At::Read(count) => self.arrive(state, index, count),
            At::Look => match self.found(state, index) {
                Some(outcome) => self.over(state, index, outcome),
                None => self.begin_round(state, index),
            },
            At::Drain => {
                state.posts[index] = 0;
                self.enter(state, index, 0)
            }
            At::Announce => {
                let generation = state.processes[index].next;
                state.set_entry(index, Entry::Announced(generation));
                if self.rules.announce_before_check { At::Check } else { At::Sleep }
            }
            At::Check => match self.found(state, index) {
                Some(outcome) => {
                    state.set_entry(index, Entry::Awake);
                    self.over(state, index, outcome)
                }
                None if self.rules.announce_before_check => At::Sleep,
                None => At::Announce,
            },
            At::Sleep => {
                state.posts[index] -= 1;
                At::Withdraw
            }
            At::Withdraw => {
                let is_called = !matches!(state.entries[index], Entry::Announced(_));
                state.set_entry(index, Entry::Awake);
                state.processes[index].suspects |= !is_called && self.rules.uncalled_wake_suspects;
                At::Look
            }
            At::Leave => {
                state.set_entry(index, Entry::Awake);
                match self.found(state, index).filter(|_| self.rules.leaves_its_own) {
                    Some(outcome) => self.over(state, index, outcome),
                    None => {
                        state.count = state.count.saturating_sub(1);
                        state.processes[index].has_arrived = false;
                        At::Rest
                    }
                }
            }
            at => at,
        }
    }

    fn help(&self, state: &mut BarrierState, index: usize, at: At) -> At {
        match at {
            At::Enter(dead) if state.is_dead(dead) && state.is_used[usize::from(dead)] => {
                state.entries[usize::from(dead)] = Entry::Awake;
                At::Choose(dead)
            }
            At::Enter(dead) => self.enter(state, index, dead + 1),
            At::Choose(dead) => match state.here[usize::from(dead)] {
                Here::Absent => At::Clean(dead),
                Here::Present if self.rules.agrees_on_generation => {
                    state.here[usize::from(dead)] = Here::Breaks(state.generation);
                    At::Choose(dead)
                }
                Here::Present => self.name_or_break(dead, state.generation),
                Here::Breaks(generation) => match state.outcome(generation) {
                    None => self.name_or_break(dead, generation),
                    Some(_) => At::Settle(dead, generation),
                },
            },
            At::Name(dead, generation) => {
                let name = &mut state.names[usize::from(generation)];
                if name.is_none() || !self.rules.names_once {
                    *name = Some(dead);
                }
                At::Break(dead, generation)
            }
            At::Break(dead, generation) => {
                if state.generation != generation {
                    return At::Choose(dead);
                }
                state.end_generation(Outcome::Broken);
                if self.rules.break_forgets {
                    state.count = 0;
                }
                if !self.rules.names_first {
                    return At::NameLate(dead, generation);
                }
                self.has_broken(state, index, dead, generation)
            }
            At::NameLate(dead, generation) => {
                state.names[usize::from(generation)].get_or_insert(dead);
                self.has_broken(state, index, dead, generation)
            }
            At::Settle(dead, generation) => {
                let is_broken = state.outcome(generation) == Some(Outcome::Broken);
                let is_told = is_broken || !self.rules.breaks_a_later_one;
                let here = &mut state.here[usize::from(dead)];
                if *here == Here::Breaks(generation) || !self.rules.agrees_on_generation {
                    *here = if is_told { Here::Absent } else { Here::Breaks(state.generation) };
                }
                At::Choose(dead)
            }
            At::Clean(dead) => {
                state.is_used[usize::from(dead)] = false;
                self.enter(state, index, dead + 1)
            }
            at => at,
        }
    }

    fn name_or_break(&self, dead: u8, generation: u8) -> At {
        if self.rules.names_first { At::Name(dead, generation) } else { At::Break(dead, generation) }
    }

    fn has_broken(&self, state: &mut BarrierState, index: usize, dead: u8, generation: u8) -> At {
        if !self.rules.calls_when_broken {
            return At::Settle(dead, generation);
        }
        state.processes[index].helps = Some(dead);
        state.processes[index].waiters = 0;
        At::Scan(0, generation)
    }

    fn notify(&self, state: &mut BarrierState, index: usize, at: At) -> At {
        let is_more = |slot: u8| usize::from(slot) + 1 < self.processes;
        match at {
            At::Scan(read, upto) => {
                let fits = |entry| matches!(entry, Entry::Announced(of) | Entry::Unposted(of) if of <= upto);
                let waiter = fits(state.entries[usize::from(read)]);
                state.processes[index].waiters |= u8::from(waiter) << read;
                if is_more(read) { At::Scan(read + 1, upto) } else { At::Call(0) }
            }
            At::Call(chosen) => {
                let mask = bit(chosen);
                let is_known = state.processes[index].waiters & mask != 0;
                match state.entries[usize::from(chosen)] {
                    Entry::Announced(of) if is_known => {
                        state.entries[usize::from(chosen)] = Entry::Unposted(of);
                        state.processes[index].called |= mask;
                    }
                    Entry::Unposted(_) if is_known => state.processes[index].called |= mask,
                    _ => {}
                }
                if is_more(chosen) { At::Call(chosen + 1) } else { At::Post }
            }
            At::Post => {
                for waiter in 0..self.processes {
                    if state.processes[index].called & bit(slot(waiter)) != 0 {
                        state.posts[waiter] = (state.posts[waiter] + 1).min(3);
                        if let Entry::Unposted(_) = state.entries[waiter] {
                            state.entries[waiter] = Entry::Called;
                        }
                    }
                }
                let process = &mut state.processes[index];
                (process.waiters, process.called) = (0, 0);
                match process.helps.take() {
                    Some(dead) => At::Choose(dead),
                    None if self.rules.changes_before_calling => At::Rest,
                    None => At::Complete,
                }
            }
            At::Complete => self.complete(state, index),
            at => at,
        }
    }

    pub(super) fn step(&self, state: &mut BarrierState, index: usize) {
        let at = state.processes[index].at;
        let next = match at {
            At::Enter(_)
            | At::Choose(_)
            | At::Name(..)
            | At::Break(..)
            | At::NameLate(..)
            | At::Settle(..)
            | At::Clean(_) => self.help(state, index, at),
            At::Scan(..) | At::Call(_) | At::Post | At::Complete => self.notify(state, index, at),
            _ => self.wait(state, index, at),
        };
        state.processes[index].at = next;
    }

    pub(super) fn may_step(&self, state: &BarrierState, index: usize) -> bool {
        match state.processes[index].at {
            At::Done | At::Dead => false,
            At::Sleep => state.posts[index] > 0,
            _ => true,
        }
    }

    pub(super) fn die(&self, state: &mut BarrierState, index: usize) {
        state.deaths += 1;
        let process = &mut state.processes[index];
        *process = Process { at: At::Dead, next: process.next, has_arrived: process.has_arrived, ..Process::default() };
        if self.rules.obituary_posts {
            let posts = if self.rules.obituary_posts_twice { 2 } else { 1 };
            state.posts.iter_mut().for_each(|bell| *bell = (*bell + posts).min(3));
        }
    }
}
