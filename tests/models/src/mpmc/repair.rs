//! New members, members that leave, the dead, and the helpers that repair what the dead leave behind.

use super::{
    At, Cause, Mpmc, MpmcState, Notify, Position, Repair, Role, Wish, Word,
    places::{Place, Stage, next_lap},
    steps::own,
};

impl Mpmc {
    /// Clears what the process holds of ALIVE and HELPERS, then posts: its undo account.
    pub(super) fn die(&self, state: &mut MpmcState, index: usize) -> At {
        let Some(process) = state.processes.get(index).copied() else { return At::Outside };
        let is_counted = process.at != At::Repair(Repair::Enter) && process.wish != Wish::Leave;
        if let Some(slot) = process.helps.filter(|_| is_counted) {
            state.processes[usize::from(slot)].entry.helpers -= 1;
        }
        if process.entry.is_alive {
            state.processes[index].entry.is_alive = false;
            for _ in 0..if self.rules.obituary_posts_twice { 2 } else { 1 } {
                (0..state.processes.len()).for_each(|slot| state.post(slot, self.saturation));
            }
        }
        state.deaths -= 1;
        At::Outside
    }

    /// MB4.
    pub(super) fn enter(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.wish, process.helps) = (Wish::Join, Some(own(index)));
        process.entry.helpers += 1;
        At::Join
    }

    pub(super) fn join(&self, state: &mut MpmcState, index: usize, at: At) -> At {
        let entry = &mut state.processes[index].entry;
        match at {
            At::Join if entry.is_used && self.rules.new_member_repairs => At::Repair(Repair::Free(0)),
            At::Join => At::Claim,
            At::Claim if entry.helpers > 1 => At::Repair(Repair::Exit),
            At::Claim => {
                (entry.helpers, entry.is_alive) = (0, true);
                state.processes[index].helps = None;
                At::MarkUsed
            }
            _ => {
                (entry.is_used, entry.is_attached) = (true, true);
                state.processes[index].suspects = self.rules.suspects_at_first;
                At::Idle
            }
        }
    }

    /// A place that it has claimed is forgotten: the word still names its slot.
    pub(super) fn leave(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        (process.wish, process.helps, process.has_changed) = (Wish::Leave, Some(own(index)), false);
        match (self.rules.leaver_repairs, self.rules.used_is_last) {
            (false, _) => At::Repair(Repair::Detach),
            (true, true) => At::Repair(Repair::Free(0)),
            (true, false) => At::Repair(Repair::MarkUnused),
        }
    }

    /// R-reap, for the slot of a dead member or for the process's own.
    pub(super) fn repair(&self, state: &mut MpmcState, index: usize, step: Repair) -> At {
        let Some(slot) = state.processes[index].helps else { return At::Idle };
        match step {
            Repair::Enter => {
                let entry = &mut state.processes[usize::from(slot)].entry;
                if entry.is_alive {
                    return self.after_repair(state, index);
                }
                entry.helpers += 1;
                state.processes[index].has_changed = false;
                At::Repair(if self.rules.used_is_last { Repair::Free(0) } else { Repair::MarkUnused })
            }
            Repair::Free(place) => self.free(state, index, slot, place),
            Repair::Head(position) => self.help_head_past(state, position),
            Repair::Full(position) => {
                let word = &mut state.places[self.place(position)].word;
                if word.stage == Stage::Reading(slot) && word.lap == self.lap(position) {
                    word.stage = Stage::Full;
                }
                if self.rules.head_before_full {
                    self.free_next(state, index, position % self.capacity)
                } else {
                    state.pass_head(self, position);
                    self.free_next(state, index, position % self.capacity)
                }
            }
            Repair::Detach => {
                let was_attached = std::mem::take(&mut state.processes[usize::from(slot)].entry.is_attached);
                let process = &mut state.processes[index];
                process.has_changed |= was_attached;
                let is_begun = process.wish != Wish::Leave && self.rules.always_raise_dirty;
                if is_begun || process.has_changed { At::Repair(Repair::Dirty) } else { At::Repair(Repair::Word) }
            }
            Repair::Dirty => {
                state.raise_dirty();
                let process = &mut state.processes[index];
                process.cause = Cause::Repair;
                let notifies = process.has_changed && self.rules.repair_notifies;
                if notifies { At::Notify(Notify::All(Role::Producer)) } else { At::Repair(Repair::Word) }
            }
            Repair::Word => {
                if self.rules.word_is_reset {
                    state.processes[usize::from(slot)].entry.word = Word::Awake;
                }
                if self.rules.used_is_last { At::Repair(Repair::MarkUnused) } else { self.repaired(state, index) }
            }
            Repair::MarkUnused => {
                state.processes[usize::from(slot)].entry.is_used = false;
                if self.rules.used_is_last { self.repaired(state, index) } else { At::Repair(Repair::Free(0)) }
            }
            Repair::Exit => {
                let leaves = state.processes[index].wish == Wish::Leave;
                let entry = &mut state.processes[usize::from(slot)].entry;
                if leaves {
                    entry.is_alive = false;
                    return At::Outside;
                }
                entry.helpers -= 1;
                self.after_repair(state, index)
            }
        }
    }

    fn repaired(&self, state: &MpmcState, index: usize) -> At {
        if state.processes[index].wish == Wish::Join { At::Claim } else { At::Repair(Repair::Exit) }
    }

    fn after_repair(&self, state: &mut MpmcState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.helps = None;
        process.has_changed = false;
        if process.wish == Wish::Join { At::Outside } else { self.look_on(state, index) }
    }

    /// The places that the slot does not own are passed over: no other process comes to change that (MB5).
    fn free(&self, state: &mut MpmcState, index: usize, slot: u8, place: u8) -> At {
        let entry = &mut state.places[usize::from(place)];
        match entry.word.stage {
            Stage::Writing(owner) if owner == slot => {
                *entry = Place::new(next_lap(entry.word.lap));
                state.processes[index].has_changed = true;
                self.free_next(state, index, place)
            }
            Stage::Reading(owner) if owner == slot => {
                let position = self.at(entry.word.lap, place);
                state.processes[index].has_changed = true;
                At::Repair(if self.rules.head_before_full { Repair::Head(position) } else { Repair::Full(position) })
            }
            _ => self.free_next(state, index, place),
        }
    }

    fn free_next(&self, state: &MpmcState, index: usize, place: u8) -> At {
        let Some(slot) = state.processes[index].helps else { return At::Idle };
        let owns = |place: &u8| state.places[usize::from(*place)].word.stage.owner() == Some(slot);
        (place + 1..self.capacity)
            .find(owns)
            .map_or(At::Repair(Repair::Detach), |place| At::Repair(Repair::Free(place)))
    }

    /// One round of `help_head_past`.
    fn help_head_past(&self, state: &mut MpmcState, position: Position) -> At {
        let head = state.head;
        if self.is_behind(position, head) {
            return At::Repair(Repair::Full(position));
        }
        let word = state.places[self.place(head)].word;
        let ahead = self.ahead(word.lap, self.lap(head));
        match (ahead, word.stage) {
            (1.., _) => state.head = self.after_laps(head, self.finished_laps(word, head)),
            (0, Stage::Reading(_)) => state.pass_head(self, head),
            _ => return At::Repair(Repair::Full(position)),
        }
        At::Repair(Repair::Head(position))
    }
}
