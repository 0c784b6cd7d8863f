//! Notifying: calling one waiter, those of the places right behind, and all.

use super::{At, Cause, Mpmc, MpmcState, Notify, Position, Repair, Role, Word, bit, places::Stage, wait::holding};

impl Mpmc {
    pub(super) fn notify(&self, state: &mut MpmcState, index: usize, step: Notify) -> At {
        match step {
            Notify::Flag(role) if !state.flags[role as usize] => self.flag_is_down(state, index),
            Notify::Flag(role) => {
                state.processes[index].flag_is_as_read = true;
                At::Notify(Notify::Call(role))
            }
            // There is none. A waiter that leaves passes a call on without the flag.
            Notify::Call(role) => {
                if !matches!(state.processes[index].cause, Cause::PassOn(_) | Cause::Ended) {
                    state.change_flag(role, false);
                }
                self.called(state, index, role, false)
            }
            Notify::Post(role) => {
                self.post_called(state, index);
                let process = &state.processes[index];
                let may_clear = process.flag_is_as_read || !self.rules.clear_by_version;
                if process.was_only && may_clear && !matches!(process.cause, Cause::PassOn(_) | Cause::Ended) {
                    state.change_flag(role, false);
                }
                self.called(state, index, role, true)
            }
            Notify::Behind(role, position, distance) => self.look_behind(state, index, role, position, distance),
            Notify::Ends if state.ends_for_consumers() && self.rules.completion_calls_all => {
                At::Notify(Notify::All(Role::Consumer))
            }
            Notify::Ends => self.completed(state, index),
            Notify::FlagOfAll(role) if state.flags[role as usize] => At::Notify(Notify::All(role)),
            Notify::FlagOfAll(role) => self.all_called(state, index, role),
            Notify::All(role) => {
                let process = |process: &super::Process| {
                    process.role == role && matches!(process.entry.word, Word::Announced | Word::Unposted)
                };
                let called: Vec<_> =
                    (0..state.processes.len()).filter(|slot| process(&state.processes[*slot])).collect();
                called.iter().for_each(|slot| state.processes[*slot].entry.word = Word::Unposted);
                if called.is_empty() {
                    return self.all_called(state, index, role);
                }
                state.processes[index].called = called.iter().fold(0, |set, slot| set | bit(*slot));
                At::Notify(Notify::PostAll(role))
            }
            Notify::PostAll(role) => {
                self.post_called(state, index);
                self.all_called(state, index, role)
            }
        }
    }

    fn post_called(&self, state: &mut MpmcState, index: usize) {
        let process = &mut state.processes[index];
        let (called, stale) = (std::mem::take(&mut process.called), std::mem::take(&mut process.stale));
        for slot in (0..state.processes.len()).filter(|slot| called & bit(*slot) != 0) {
            state.post(slot, self.saturation);
            let word = &mut state.processes[slot].entry.word;
            if *word == Word::Unposted && stale & bit(slot) == 0 {
                *word = Word::Called;
            }
        }
    }

    fn flag_is_down(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &state.processes[index];
        match (process.cause, process.distance) {
            // E4: the end is looked at only after the flag was seen.
            (Cause::Consume(_) | Cause::MakeRoom(_), 0) => self.completed(state, index),
            _ => self.behind_done(state, index),
        }
    }

    /// A waiter was called, or there was none.
    fn called(&self, state: &mut MpmcState, index: usize, role: Role, is_called: bool) -> At {
        let process = &mut state.processes[index];
        process.was_only = false;
        let next = process.distance + 1;
        let calls_behind = match role {
            Role::Consumer => self.rules.behind_calls_consumers,
            Role::Producer => self.rules.behind_calls_producers,
        };
        match process.cause {
            Cause::Commit(at) | Cause::Consume(at) | Cause::MakeRoom(at) | Cause::Cancel(at)
                if is_called && calls_behind =>
            {
                self.go_behind(state, index, role, at, next)
            }
            _ => self.behind_done(state, index),
        }
    }

    pub(super) fn go_behind(&self, state: &mut MpmcState, index: usize, role: Role, at: Position, distance: u8) -> At {
        state.processes[index].distance = distance;
        if distance <= self.capacity {
            At::Notify(Notify::Behind(role, at, distance))
        } else {
            self.behind_done(state, index)
        }
    }

    fn look_behind(&self, state: &mut MpmcState, index: usize, role: Role, at: Position, distance: u8) -> At {
        let position = (0..distance).fold(at, |position, _| self.after(position));
        let word = state.places[self.place(position)].word;
        let ahead = self.ahead(word.lap, self.lap(position));
        let is_ready = match role {
            Role::Consumer => ahead == 0 && word.stage == Stage::Full,
            Role::Producer => ahead == 1 && word.stage == Stage::Empty,
        };
        let is_past = match role {
            Role::Consumer => ahead > 0 || matches!((ahead, word.stage), (0, Stage::Reading(_))),
            Role::Producer => ahead > 0,
        };
        match (is_ready, is_past && self.rules.behind_passes_over) {
            (true, _) => At::Notify(Notify::Flag(role)),
            (false, true) => self.go_behind(state, index, role, at, distance + 1),
            (false, false) => self.behind_done(state, index),
        }
    }

    /// It has called the waiters of one role.
    pub(super) fn behind_done(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.distance = 0;
        match process.cause {
            // The consumers come first, then the producers.
            Cause::Cancel(position) if self.rules.give_up_calls_producers => {
                process.cause = Cause::Consume(position);
                At::Notify(Notify::Flag(Role::Producer))
            }
            Cause::Consume(_) | Cause::MakeRoom(_) if self.may_end() => At::Notify(Notify::Ends),
            Cause::PassOn(position) => holding(process.role, position),
            _ => self.completed(state, index),
        }
    }

    fn completed(&self, state: &MpmcState, index: usize) -> At {
        // The room that it has made is its own.
        if matches!(state.processes[index].cause, Cause::MakeRoom(_)) { At::LoadTail } else { At::Idle }
    }

    /// Every waiter of a role was called.
    fn all_called(&self, state: &mut MpmcState, index: usize, role: Role) -> At {
        match (state.processes[index].cause, role) {
            (Cause::Close | Cause::Repair, Role::Producer) => At::Notify(Notify::All(Role::Consumer)),
            (Cause::Repair, _) => self.after_notice(),
            (Cause::Detach, _) => At::Detached,
            _ => self.completed(state, index),
        }
    }

    pub(super) fn after_notice(&self) -> At {
        At::Repair(Repair::Word)
    }
}

pub(super) fn call(state: &mut MpmcState, index: usize, slot: usize) -> At {
    let role = state.processes[slot].role;
    let is_only = state.announced(role).count() == 1;
    state.processes[slot].entry.word = Word::Unposted;
    let process = &mut state.processes[index];
    (process.called, process.stale, process.was_only) = (bit(slot), 0, is_only);
    At::Notify(Notify::Post(role))
}
