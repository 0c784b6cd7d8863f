//! A wait: announcing, checking, sleeping and withdrawing.

use super::{At, Help, Room, RoomState, Wait, Wish, Word, bit};
use crate::members::Slot;

impl Room {
    pub(super) fn wait(&self, state: &mut RoomState, index: usize, step: Wait) -> At {
        match step {
            Wait::Try(thing) if take(state, index, thing) => At::Rest,
            Wait::Try(thing) if thing + 1 < self.things => At::Wait(Wait::Try(thing + 1)),
            Wait::Try(_) => self.after_try(state, index),
            Wait::Drain => {
                let own = state.processes[index].own();
                state.place(own).posts = 0;
                self.drained(state, index)
            }
            Wait::Announce => {
                self.announce(state, index);
                if self.rules.word_before_flag { At::Wait(Wait::SetFlag) } else { self.announced(state, index) }
            }
            Wait::SetFlag => {
                state.flag = true;
                outdate(state);
                if self.rules.word_before_flag { self.announced(state, index) } else { At::Wait(Wait::Announce) }
            }
            Wait::Check(thing) if take(state, index, thing) => {
                state.processes[index].is_called = false;
                At::Wait(Wait::Found)
            }
            Wait::Check(thing) if thing + 1 < self.things => At::Wait(Wait::Check(thing + 1)),
            Wait::Check(_) => {
                state.processes[index].is_called = false;
                if self.rules.reap_before_check { At::Wait(Wait::Sleep) } else { self.begin_look(state, index) }
            }
            Wait::Found => {
                let own = state.processes[index].own();
                let place = state.place(own);
                let old = std::mem::take(&mut place.word);
                // Another post may come before it takes this one, which makes no difference.
                let takes_post = old == Word::Called && self.rules.found_takes_post;
                place.posts = place.posts.saturating_sub(u8::from(takes_post));
                let passes_on = is_call(old) && self.rules.found_announced_passes_on;
                (state.processes[index].is_called, state.processes[index].is_woken) = (passes_on, takes_post);
                if passes_on { At::Wait(Wait::More(0)) } else { At::Rest }
            }
            Wait::More(thing) if state.things[thing].is_none() => self.pass_on(state, index),
            Wait::More(thing) if thing + 1 < self.things => At::Wait(Wait::More(thing + 1)),
            Wait::More(_) => At::Rest,
            Wait::Sleep => {
                let process = &mut state.processes[index];
                process.is_woken = true;
                let own = process.own();
                state.place(own).posts -= 1;
                At::Wait(Wait::Withdraw)
            }
            Wait::Withdraw => self.withdraw(state, index),
            Wait::Look => At::Wait(Wait::Look),
        }
    }

    fn after_try(&self, state: &mut RoomState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.is_called, process.is_woken) = (false, false);
        if process.wish == Wish::LastTry { At::Rest } else { self.begin_round(state, index) }
    }

    fn begin_round(&self, state: &mut RoomState, index: usize) -> At {
        if self.rules.drain_before_announcement {
            self.clear_suspicion(state, index)
        } else {
            self.begin_announcement()
        }
    }

    /// W1.
    fn clear_suspicion(&self, state: &mut RoomState, index: usize) -> At {
        match (state.processes[index].suspects, self.rules.drain_before_reap) {
            (false, _) => self.suspicion_cleared(),
            (true, true) => At::Wait(Wait::Drain),
            (true, false) => self.begin_look(state, index),
        }
    }

    fn drained(&self, state: &mut RoomState, index: usize) -> At {
        let reaps = self.rules.drain_before_reap && self.rules.reap_before_check;
        if reaps { self.begin_look(state, index) } else { self.suspicion_cleared() }
    }

    fn suspicion_cleared(&self) -> At {
        if self.rules.drain_before_announcement { self.begin_announcement() } else { At::Wait(Wait::Check(0)) }
    }

    fn begin_announcement(&self) -> At {
        At::Wait(if self.rules.word_before_flag { Wait::Announce } else { Wait::SetFlag })
    }

    fn announce(&self, state: &mut RoomState, index: usize) {
        let process = &mut state.processes[index];
        let own = process.own();
        let is_another_epoch = !process.has_announced || self.rules.epoch_of_its_own;
        process.has_announced = true;
        state.place(own).word = Word::Announced;
        if is_another_epoch {
            for memory in state.processes.iter_mut().map(|process| &mut process.memory) {
                memory.stale |= (memory.announced | memory.unposted) & bit(own);
            }
        }
    }

    fn announced(&self, state: &mut RoomState, index: usize) -> At {
        match (self.rules.announce_before_check, self.rules.drain_before_announcement) {
            (false, _) => At::Wait(Wait::Sleep),
            (true, true) => At::Wait(Wait::Check(0)),
            (true, false) => self.clear_suspicion(state, index),
        }
    }

    fn begin_look(&self, state: &mut RoomState, index: usize) -> At {
        // No check is needed once no process can die any more, and none is dead.
        let none_is_dead = state.deaths == 0 && !state.all().any(|slot| state.is_dirty(slot));
        let others = state.all().fold(0, |set, slot| set | bit(slot)) & !bit(state.processes[index].own());
        let process = &mut state.processes[index];
        let suspects = std::mem::take(&mut process.suspects);
        process.look = if suspects && !none_is_dead { others } else { 0 };
        self.look_on(state, index)
    }

    pub(super) fn look_at(&self, state: &mut RoomState, index: usize, slot: Slot) -> At {
        state.processes[index].look &= !bit(slot);
        if !state.is_dirty(slot) {
            return self.look_on(state, index);
        }
        state.processes[index].helps = Some(slot);
        At::Help(Help::Enter)
    }

    pub(super) fn look_on(&self, state: &RoomState, index: usize) -> At {
        let rules = &self.rules;
        match (state.processes[index].look, rules.reap_before_check, rules.drain_before_reap) {
            (0, true, true) => self.suspicion_cleared(),
            (0, true, false) => At::Wait(Wait::Drain),
            (0, false, _) => At::Wait(Wait::Sleep),
            _ => At::Wait(Wait::Look),
        }
    }

    fn withdraw(&self, state: &mut RoomState, index: usize) -> At {
        let own = state.processes[index].own();
        let old = std::mem::take(&mut state.place(own).word);
        let process = &mut state.processes[index];
        process.is_called = is_call(old);
        process.suspects |= process.is_woken && !process.is_called && self.rules.uncalled_wake_suspects;
        match process.wish {
            Wish::Cancel if process.is_called && self.rules.called_leaver_passes_on => self.pass_on(state, index),
            Wish::Cancel => At::Rest,
            Wish::LastTry if !self.rules.timed_wait_checks => At::Rest,
            Wish::Thing if !self.rules.check_while_awake => {
                state.processes[index].is_woken = false;
                self.begin_round(state, index)
            }
            _ => At::Wait(Wait::Try(0)),
        }
    }

    /// Calls another waiter, whatever the flag says, and leaves the flag alone.
    fn pass_on(&self, state: &mut RoomState, index: usize) -> At {
        state.processes[index].wish = Wish::Nothing;
        self.scan(state, index)
    }
}

/// A waiter has set the flag, or a notifier has cleared it.
pub(super) fn outdate(state: &mut RoomState) {
    state.processes.iter_mut().for_each(|process| process.memory.is_current = false);
}

fn is_call(old: Word) -> bool {
    matches!(old, Word::Unposted | Word::Called)
}

/// One compare-and-swap of a thing that is free.
fn take(state: &mut RoomState, index: usize, thing: usize) -> bool {
    let is_free = state.things[thing].is_none();
    if is_free {
        state.things[thing] = state.processes[index].slot;
        state.processes[index].holds[thing] = true;
    }
    is_free
}
