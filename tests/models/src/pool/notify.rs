//! Notifying: calling a caller for one, and the oldest caller for several if it finds enough.

use super::{After, At, Check, Hall, Help, Notify, Pool, PoolState, Process, Word, bit};
use crate::members::Slot;

impl Process {
    /// Whether it has freed permits, and so looks at both rooms.
    pub(super) fn has_freed(&self) -> bool {
        matches!(self.after, After::Release | After::GiveBack | After::Help)
    }
}

impl Pool {
    pub(super) fn notify(&self, state: &mut PoolState, index: usize, step: Notify) -> At {
        let process = state.processes[index];
        match step {
            Notify::LoadFlag | Notify::LoadFlagForMany if !state.flag => self.notified(state, index),
            Notify::LoadFlag => {
                let process = &mut state.processes[index];
                (process.flag_is_current, process.owed) = (true, process.pending);
                if self.rules.add_before_due { At::Notify(Notify::Add) } else { self.begin_singles() }
            }
            Notify::Add => {
                state.add(process.owed);
                if self.rules.add_before_due { self.begin_singles() } else { At::Notify(Notify::LookAround) }
            }
            Notify::Single if process.pending == 0 => self.after_singles(&process),
            Notify::Single => self.post_other(state, index, Hall::Singles),
            Notify::LoadFlagForMany if self.rules.leaver_forgets => At::Notify(Notify::Forget),
            Notify::LoadFlagForMany => At::Notify(Notify::BeforeCount),
            Notify::Forget => {
                state.forget();
                At::Notify(Notify::BeforeCount)
            }
            Notify::BeforeCount => {
                let is_due = state.due <= 0;
                let process = &mut state.processes[index];
                (process.due_is_current, process.added) = (true, 0);
                let looks = if process.has_freed() { is_due && self.rules.free_looks_at_many } else { true };
                if looks { At::Notify(Notify::Oldest) } else { self.after_many(state, index) }
            }
            Notify::Oldest => {
                let oldest = state.oldest();
                let interest = oldest.map_or(0, |slot| state.place(slot).interest);
                let process = &mut state.processes[index];
                (process.target, process.is_stale, process.counted) = (oldest, false, 0);
                process.interest = interest;
                if oldest.is_some() { At::Notify(Notify::Count(0)) } else { self.post_other(state, index, Hall::Many) }
            }
            Notify::Count(permit) => {
                let counted = process.counted + self.count(state, permit);
                state.processes[index].counted = counted;
                let missing = process.interest.saturating_sub(counted);
                match missing {
                    _ if self.has_next(permit) => At::Notify(Notify::Count(permit + 1)),
                    0 => At::Notify(Notify::Choose(Hall::Many)),
                    _ => At::Notify(Notify::Set(missing)),
                }
            }
            Notify::Set(missing) => {
                if process.due_is_current || !self.rules.due_has_version {
                    state.set_due(missing, process.added);
                }
                if self.rules.others_post_if_short {
                    self.post_other(state, index, Hall::Many)
                } else {
                    self.after_many(state, index)
                }
            }
            Notify::Choose(hall) => self.choose(state, index, hall),
            Notify::Post(hall) => {
                state.post(process.target, hall as usize, self.saturation);
                if self.rules.mark_called { At::Notify(Notify::Mark(hall)) } else { self.called(state, index, hall) }
            }
            Notify::Mark(hall) => {
                mark(state, index, hall);
                self.called(state, index, hall)
            }
            Notify::PostOther(hall) => self.post_other(state, index, hall),
            Notify::MarkOther(hall) => {
                if self.rules.mark_called {
                    mark(state, index, hall);
                }
                At::Notify(Notify::PostOther(hall))
            }
            Notify::LookAround if self.has_waiters(state) => self.notified(state, index),
            Notify::LookAround => At::Notify(Notify::Lower),
            Notify::Lower => {
                if process.flag_is_current || !self.rules.lower_by_version {
                    state.flag = false;
                    state.processes.iter_mut().for_each(|process| process.flag_is_current = false);
                }
                self.notified(state, index)
            }
        }
    }

    fn begin_singles(&self) -> At {
        At::Notify(if self.rules.free_calls_single { Notify::Single } else { Notify::BeforeCount })
    }

    /// It has found this caller for one announced.
    pub(super) fn find_single(&self, state: &mut PoolState, index: usize, slot: Slot) -> At {
        (state.processes[index].target, state.processes[index].is_stale) = (Some(slot), false);
        At::Notify(Notify::Choose(Hall::Singles))
    }

    fn choose(&self, state: &mut PoolState, index: usize, hall: Hall) -> At {
        let Process { target, is_stale, .. } = state.processes[index];
        let word = &mut state.place(target.unwrap_or(Slot::MAX)).words[hall as usize];
        match (*word == Word::Announced && !is_stale, self.rules.choose_again, hall) {
            (true, ..) => {
                *word = Word::Unposted;
                At::Notify(Notify::Post(hall))
            }
            (false, true, Hall::Singles) => At::Notify(Notify::Single),
            (false, true, Hall::Many) => At::Notify(Notify::Oldest),
            (false, false, _) => self.called(state, index, hall),
        }
    }

    /// It has called a waiter.
    fn called(&self, state: &mut PoolState, index: usize, hall: Hall) -> At {
        let process = &mut state.processes[index];
        process.target = None;
        if hall == Hall::Many {
            return self.after_many(state, index);
        }
        process.pending -= 1;
        if process.pending > 0 { At::Notify(Notify::Single) } else { self.after_singles(&state.processes[index]) }
    }

    fn post_other(&self, state: &mut PoolState, index: usize, hall: Hall) -> At {
        let seen = state.processes[index].seen;
        let is_wanted = |slot: &Slot| seen & bit(*slot) == 0 && state.word(*slot, hall) == Word::Unposted;
        let other = state.all().find(is_wanted).filter(|_| self.rules.others_post);
        let process = &mut state.processes[index];
        if let Some(other) = other {
            (process.target, process.is_stale) = (Some(other), false);
            process.seen |= bit(other);
            state.post(Some(other), hall as usize, self.saturation);
            return At::Notify(Notify::MarkOther(hall));
        }
        (process.target, process.seen) = (None, 0);
        if hall == Hall::Many {
            return self.after_many(state, index);
        }
        process.pending = 0;
        self.after_singles(&state.processes[index])
    }

    fn after_singles(&self, process: &Process) -> At {
        if process.has_freed() { At::Notify(Notify::BeforeCount) } else { At::Rest }
    }

    fn after_many(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.target = None;
        match (process.has_freed(), self.rules.add_before_due) {
            (true, true) => At::Notify(Notify::LookAround),
            (true, false) => At::Notify(Notify::Add),
            (false, _) => self.notified(state, index),
        }
    }

    fn has_waiters(&self, state: &PoolState) -> bool {
        let is_waiter = |word: Word| match word {
            Word::Announced => true,
            Word::Unposted => self.rules.unposted_keep_flag,
            Word::Awake | Word::Called => false,
        };
        let both = self.rules.lower_asks_both_rooms;
        state.places.iter().any(|place| is_waiter(place.words[0]) || (both && is_waiter(place.words[1])))
    }

    /// The process goes back to what it did.
    pub(super) fn notified(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.pending, process.has_left) = (0, false);
        match process.after {
            After::Release | After::LeftRoom | After::PassOn => At::Rest,
            After::GiveBack if process.holds != 0 => At::Check(Check::GiveBack),
            After::GiveBack => At::Check(Check::LeaveTurn),
            After::LeftTurn if process.has_all() => self.found(state, index),
            After::LeftTurn => self.short(state, index),
            After::Help => At::Help(Help::ResetWords),
        }
    }
}

/// The compare-and-swap from UNPOSTED to CALLED, with the ticket that the notifier remembers.
fn mark(state: &mut PoolState, index: usize, hall: Hall) {
    let Process { target, is_stale, .. } = state.processes[index];
    let word = &mut state.place(target.unwrap_or(Slot::MAX)).words[hall as usize];
    if *word == Word::Unposted && !is_stale {
        *word = Word::Called;
    }
}
