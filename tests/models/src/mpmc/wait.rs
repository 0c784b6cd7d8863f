//! The rounds of a waiter, and the end.

use super::{
    At, Cause, Damage, Mpmc, MpmcState, Notify, Position, Repair, Role, Round, Wait, Wish, Word, bit,
    places::{PlaceWord, Stage},
};

impl Mpmc {
    pub(super) fn wait(&self, state: &mut MpmcState, index: usize, step: Wait) -> At {
        match step {
            Wait::Prepare => self.prepare(state, index),
            Wait::Announce => self.announce(state, index),
            Wait::Raise => {
                let role = state.processes[index].role;
                state.raise(role);
                let may_raise_other = self.may_end() && role == Role::Consumer && self.rules.raises_both_flags;
                if may_raise_other { At::Wait(Wait::RaiseOther) } else { self.announced(state, index) }
            }
            Wait::RaiseOther => {
                if state.ends_for_consumers() {
                    state.raise(Role::Producer);
                }
                self.announced(state, index)
            }
            Wait::End | Wait::EndHead | Wait::EndScan(_) => self.end(state, index, step),
            Wait::Sleep => {
                let process = &mut state.processes[index];
                process.entry.posts -= 1;
                process.is_woken = true;
                At::Wait(Wait::Withdraw)
            }
            Wait::Withdraw => self.withdraw(state, index),
            Wait::Found(_) | Wait::More(_) | Wait::MoreLook(..) => self.found(state, index, step),
            Wait::Ended => {
                let word = std::mem::take(&mut state.processes[index].entry.word);
                state.processes[index].is_called = is_call(word);
                self.leave_ended(state, index)
            }
            Wait::Look => At::Wait(step),
        }
    }

    /// W1.
    fn prepare(&self, state: &mut MpmcState, index: usize) -> At {
        let others = (0..state.processes.len()).filter(|other| *other != index).fold(0, |set, slot| set | bit(slot));
        // No check is needed once no process can die any more, and none is dead.
        let may_be_dead = state.deaths > 0 || state.some_is_dirty();
        let process = &mut state.processes[index];
        (process.is_woken, process.is_called, process.sees_end) = (false, false, false);
        if std::mem::take(&mut process.suspects) && self.rules.drain_before_announcement {
            process.entry.posts = 0;
            process.look = if may_be_dead && self.rules.suspicion_reaps { others } else { 0 };
        }
        self.look_on(state, index)
    }

    pub(super) fn look_at(&self, state: &mut MpmcState, index: usize, slot: usize) -> At {
        state.processes[index].look &= !bit(slot);
        if !state.is_dirty(slot) {
            return self.look_on(state, index);
        }
        state.processes[index].helps = u8::try_from(slot).ok();
        At::Repair(Repair::Enter)
    }

    pub(super) fn look_on(&self, state: &mut MpmcState, index: usize) -> At {
        if state.processes[index].look != 0 {
            return At::Wait(Wait::Look);
        }
        if self.rules.announce_before_check {
            return At::Wait(Wait::Announce);
        }
        state.processes[index].round = Round::Announced;
        self.check(state, index)
    }

    fn announce(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.entry.word = Word::Announced;
        process.round = Round::Announced;
        for process in &mut state.processes {
            process.stale |= process.called & bit(index);
        }
        At::Wait(Wait::Raise)
    }

    fn announced(&self, state: &mut MpmcState, index: usize) -> At {
        if !self.rules.drain_before_announcement {
            state.processes[index].entry.posts = 0;
        }
        if self.rules.announce_before_check { self.check(state, index) } else { At::Wait(Wait::Sleep) }
    }

    /// Checks for the end, and for an item or a free place.
    fn check(&self, state: &mut MpmcState, index: usize) -> At {
        state.processes[index].sees_end = false;
        if self.may_end() && self.rules.end_before_item { At::Wait(Wait::End) } else { start(state, index) }
    }

    fn end(&self, state: &mut MpmcState, index: usize, step: Wait) -> At {
        let role = state.processes[index].role;
        match step {
            Wait::End if !(state.closed || (self.detaches && state.is_disconnected(role.other()))) => {
                self.not_ended(state, index)
            }
            Wait::End if role == Role::Producer => self.ended(state, index),
            Wait::End if self.rules.end_sees_writing => At::Wait(Wait::EndScan(0)),
            Wait::EndHead => {
                let word = state.places[self.place(state.head)].word;
                let is_written = matches!(word.stage, Stage::Writing(_)) && word.lap == self.lap(state.head);
                if is_written { self.not_ended(state, index) } else { At::Wait(Wait::EndScan(0)) }
            }
            Wait::EndScan(place) => {
                let holds_up = match state.places[usize::from(place)].word.stage {
                    Stage::Empty => false,
                    Stage::Writing(_) => self.rules.end_sees_writing,
                    Stage::Full => self.rules.end_sees_full,
                    Stage::Reading(_) => self.rules.end_sees_reading,
                };
                match (holds_up, place + 1 < self.capacity) {
                    (true, _) => self.not_ended(state, index),
                    (false, true) => At::Wait(Wait::EndScan(place + 1)),
                    (false, false) => self.ended(state, index),
                }
            }
            _ => At::Wait(Wait::EndHead),
        }
    }

    fn ended(&self, state: &mut MpmcState, index: usize) -> At {
        state.processes[index].sees_end = true;
        if self.rules.end_before_item { start(state, index) } else { self.report_end(state, index) }
    }

    fn not_ended(&self, state: &mut MpmcState, index: usize) -> At {
        if self.rules.end_before_item { start(state, index) } else { self.nothing(state, index) }
    }

    fn report_end(&self, state: &mut MpmcState, index: usize) -> At {
        if state.processes[index].role == Role::Consumer && self.holds_up_end(state) {
            state.damage = Damage::Ended;
        }
        if state.processes[index].round == Round::Announced {
            At::Wait(Wait::Ended)
        } else {
            self.leave_ended(state, index)
        }
    }

    fn leave_ended(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        let role = process.role;
        give_item_back(state, index);
        if state.processes[index].is_called && self.rules.ended_passes_on {
            state.processes[index].cause = Cause::Ended;
            At::Notify(Notify::Call(role))
        } else {
            At::Idle
        }
    }

    /// Where it goes when it found nothing to claim.
    pub(super) fn fall_short(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &state.processes[index];
        match (process.wish, process.round) {
            (Wish::Overwrite, _) => At::OverLoad,
            (_, Round::First) => At::Wait(Wait::Prepare),
            _ if process.sees_end => self.report_end(state, index),
            _ if self.may_end() && !self.rules.end_before_item => At::Wait(Wait::End),
            _ => self.nothing(state, index),
        }
    }

    fn nothing(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &state.processes[index];
        match process.round {
            Round::Announced if self.rules.announce_before_check => At::Wait(Wait::Sleep),
            Round::Announced => At::Wait(Wait::Announce),
            Round::First => At::Wait(Wait::Prepare),
            Round::Awake if process.is_late && !process.is_woken => {
                give_item_back(state, index);
                At::Idle
            }
            Round::Awake => At::Wait(Wait::Prepare),
        }
    }

    fn withdraw(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.is_called = is_call(std::mem::take(&mut process.entry.word));
        process.suspects |= process.is_woken && !process.is_called && self.rules.uncalled_wake_suspects;
        process.round = Round::Awake;
        if process.is_late && !self.rules.timed_wait_checks {
            give_item_back(state, index);
            return At::Idle;
        }
        self.check(state, index)
    }

    /// Where it goes with a claimed place.
    pub(super) fn after_claim(&self, state: &MpmcState, index: usize, position: Position) -> At {
        let process = &state.processes[index];
        // A producer that overwrites claims an item to drop it, unless it has just claimed a free place.
        let writes = process.role == Role::Producer && !matches!(process.at, At::PassHead(_));
        match process.round {
            Round::Announced => At::Wait(Wait::Found(position)),
            _ if writes => At::Writing(position),
            _ => At::Reading(position),
        }
    }

    fn found(&self, state: &mut MpmcState, index: usize, step: Wait) -> At {
        let process = &mut state.processes[index];
        let role = process.role;
        match step {
            Wait::Found(position) => {
                let word = std::mem::take(&mut process.entry.word);
                if word == Word::Called {
                    process.entry.posts = process.entry.posts.saturating_sub(1);
                }
                let passes_on = is_call(word) && self.rules.found_announced_passes_on;
                if passes_on { At::Wait(Wait::More(position)) } else { holding(role, position) }
            }
            Wait::More(position) => {
                let end = if role == Role::Producer { state.tail } else { state.head };
                At::Wait(Wait::MoreLook(position, end))
            }
            Wait::MoreLook(position, end) => {
                let word = state.places[self.place(end)].word;
                let is_more = match role {
                    Role::Producer => self.may_be_room(word, end),
                    Role::Consumer => self.may_be_item(word, end) || (state.dirty && self.rules.pass_on_dirty),
                };
                if !is_more {
                    return holding(role, position);
                }
                state.processes[index].cause = Cause::PassOn(position);
                At::Notify(Notify::Call(role))
            }
            step => At::Wait(step),
        }
    }

    fn may_be_item(&self, word: PlaceWord, head: Position) -> bool {
        let is_item = word == PlaceWord { lap: self.lap(head), stage: Stage::Full };
        is_item || (self.has_gone(word, head) && self.rules.pass_on_gone)
    }

    fn may_be_room(&self, word: PlaceWord, tail: Position) -> bool {
        let is_room = word == PlaceWord { lap: self.lap(tail), stage: Stage::Empty };
        is_room || (self.ahead(word.lap, self.lap(tail)) >= 0 && self.rules.pass_on_gone)
    }
}

/// Where it stands when it has claimed a place.
pub(super) fn holding(role: Role, position: Position) -> At {
    if role == Role::Producer { At::Writing(position) } else { At::Reading(position) }
}

fn start(state: &MpmcState, index: usize) -> At {
    if state.processes[index].role == Role::Producer { At::LoadTail } else { At::LoadDirty }
}

fn give_item_back(state: &mut MpmcState, index: usize) {
    state.items += u8::from(state.processes[index].role == Role::Producer);
}

fn is_call(word: Word) -> bool {
    matches!(word, Word::Unposted | Word::Called)
}

pub(super) fn time_out(state: &mut MpmcState, index: usize) -> At {
    let process = &mut state.processes[index];
    if process.at == At::Wait(Wait::Sleep) {
        process.is_late = true;
        return At::Wait(Wait::Withdraw);
    }
    give_item_back(state, index);
    At::Idle
}

impl MpmcState {
    pub(super) fn change_flag(&mut self, role: Role, is_up: bool) {
        self.flags[role as usize] = is_up;
        let concerns = |process: &&mut super::Process| match process.at {
            At::Notify(Notify::Call(other) | Notify::Post(other)) => other == role,
            _ => false,
        };
        self.processes.iter_mut().filter(concerns).for_each(|process| process.flag_is_as_read = false);
    }

    fn raise(&mut self, role: Role) {
        self.change_flag(role, true);
    }

    pub(super) fn is_disconnected(&self, role: Role) -> bool {
        !self.processes.iter().any(|process| process.role == role && process.entry.is_attached)
    }

    /// Whether a consumer may be notified of the end, or wait for claims to be completed before.
    pub(super) fn ends_for_consumers(&self) -> bool {
        self.closed || self.is_disconnected(Role::Producer)
    }
}
