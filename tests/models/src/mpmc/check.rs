//! The invariants.

use super::{
    At, Damage, Mpmc, MpmcState, Position, Process, Repair, Role, Wait, Wish,
    places::{Place, PlaceWord, Stage, next_lap},
    steps::own,
};

impl Process {
    /// The position of the place that it has claimed, and what it does there.
    fn holds(&self, index: usize) -> Option<(Position, Stage)> {
        let position = match self.at {
            At::PassTail(position) | At::Writing(position) => return Some((position, Stage::Writing(own(index)))),
            At::PassHead(position) | At::Reading(position) => return Some((position, Stage::Reading(own(index)))),
            At::PutHead(position) | At::PutFull(position) => return Some((position, Stage::Reading(own(index)))),
            At::Wait(Wait::Found(position) | Wait::More(position) | Wait::MoreLook(position, _)) => position,
            _ => return None,
        };
        let stage = if self.role == Role::Producer { Stage::Writing(own(index)) } else { Stage::Reading(own(index)) };
        Some((position, stage))
    }
}

impl MpmcState {
    /// Whether a word's owner, if it has one, is dead and will be reaped.
    fn will_be_reaped(&self, word: PlaceWord) -> bool {
        word.stage.owner().is_some_and(|slot| self.is_dirty(usize::from(slot)))
    }

    pub(super) fn owners_are_marked(&self) -> bool {
        self.places
            .iter()
            .filter_map(|place| place.word.stage.owner())
            .all(|slot| self.processes[usize::from(slot)].entry.is_used)
    }

    pub(super) fn one_is_taking_over(&self) -> bool {
        self.processes.iter().any(|process| matches!(process.at, At::ScanTake(..)))
    }

    pub(super) fn one_overwrites(&self) -> bool {
        self.processes.iter().any(|process| process.wish == Wish::Overwrite && matches!(process.at, At::Reading(_)))
    }

    pub(super) fn one_helps_far(&self) -> bool {
        self.processes.iter().any(|process| matches!(process.at, At::HelpHead(_, laps) if laps > 0))
    }

    pub(super) fn two_help(&self) -> bool {
        let repairs = |process: &&Process| matches!(process.at, At::Repair(step) if step != Repair::Enter);
        let mut helped = self.processes.iter().filter(repairs).map(|process| process.helps);
        let first = helped.next();
        first.is_some_and(|slot| helped.any(|other| other == slot))
    }

    fn held(&self) -> impl Iterator<Item = (Position, Stage)> {
        self.processes.iter().enumerate().filter_map(|(index, process)| process.holds(index))
    }

    fn sleeps(&self, role: Role) -> bool {
        let sleeps = |process: &Process| process.role == role && process.at == At::Wait(Wait::Sleep);
        self.processes.iter().any(sleeps)
    }

    /// Whether no endpoint of a living member is attached.
    fn has_none(&self, role: Role) -> bool {
        let is_attached = |process: &Process| process.entry.is_attached && process.entry.is_alive;
        !self.processes.iter().any(|process| process.role == role && is_attached(process))
    }
}

impl Mpmc {
    fn places<'a>(&self, state: &'a MpmcState) -> &'a [Place] {
        &state.places[..usize::from(self.capacity)]
    }

    /// Whether no process has a step to take until one begins something new, goes on with its claim, or dies.
    fn is_quiet(&self, state: &MpmcState) -> bool {
        state.processes.iter().all(|process| match process.at {
            At::Outside | At::Idle | At::Detached | At::Writing(_) | At::Reading(_) => true,
            At::Wait(Wait::Sleep) => process.entry.posts == 0,
            _ => false,
        })
    }

    pub(super) fn items_are_there(&self, state: &MpmcState) -> bool {
        let is_there = |place: &Place| {
            let is_occupied = matches!(place.word.stage, Stage::Full | Stage::Reading(_));
            place.item.is_none_or(|position| place.word.lap == self.lap(position) && is_occupied)
        };
        state.damage != Damage::Lost && self.places(state).iter().all(is_there)
    }

    pub(super) fn holders_are_alone(&self, state: &MpmcState) -> bool {
        let mut held = [false; super::MOST_PLACES];
        state.held().all(|(position, stage)| {
            let place = self.place(position);
            let is_own = state.places[place].word == PlaceWord { lap: self.lap(position), stage };
            is_own && !std::mem::replace(&mut held[place], true)
        })
    }

    pub(super) fn nothing_is_forgotten(&self, state: &MpmcState) -> bool {
        if !self.is_quiet(state) {
            return true;
        }
        let is_held =
            |word: PlaceWord, place: u8| state.held().any(|held| held == (self.at(word.lap, place), word.stage));
        let is_known = |(place, &Place { word, .. }): (u8, &Place)| {
            let is_announced = state.dirty || state.some_is_dirty();
            let is_orphan = word.stage == Stage::Full && self.precedes(self.at(word.lap, place), state.head);
            let has_owner = word.stage.owner().is_some();
            (!is_orphan || is_announced) && (!has_owner || state.will_be_reaped(word) || is_held(word, place))
        };
        (0..).zip(self.places(state)).all(is_known)
    }

    /// The word of a place as it will be when dead members are reaped.
    fn reaped(&self, state: &MpmcState, position: Position) -> PlaceWord {
        let word = state.places[self.place(position)].word;
        match word.stage {
            Stage::Writing(_) if state.will_be_reaped(word) => {
                PlaceWord { lap: next_lap(word.lap), stage: Stage::Empty }
            }
            Stage::Reading(_) if state.will_be_reaped(word) => PlaceWord { lap: word.lap, stage: Stage::Full },
            _ => word,
        }
    }

    /// The first position from `tail` on that no process has claimed yet.
    fn true_tail(&self, state: &MpmcState) -> Position {
        let mut tail = state.tail;
        for _ in 0..self.capacity {
            let word = self.reaped(state, tail);
            let ahead = self.truly_ahead(word, tail);
            if ahead < 0 || (ahead == 0 && word.stage == Stage::Empty) {
                break;
            }
            tail = self.after(tail);
        }
        tail
    }

    /// Whether there is an item that no living process has claimed, or holds up by writing before it.
    fn has_item(&self, state: &MpmcState) -> bool {
        (0..self.capacity).any(|place| {
            let word = self.reaped(state, place);
            let position = self.at(word.lap, place);
            word.stage == Stage::Full && !self.is_held_up(state, position)
        })
    }

    fn is_held_up(&self, state: &MpmcState, item: Position) -> bool {
        (0..self.capacity).any(|place| {
            let word = self.reaped(state, place);
            let position = self.at(word.lap, place);
            let is_written = matches!(word.stage, Stage::Writing(_));
            is_written && self.precedes(position, item) && !self.precedes(position, state.head)
        })
    }

    fn has_room(&self, state: &MpmcState) -> bool {
        let tail = self.true_tail(state);
        self.reaped(state, tail) == PlaceWord { lap: self.lap(tail), stage: Stage::Empty }
    }

    pub(super) fn consumers_are_served(&self, state: &MpmcState) -> bool {
        !(state.sleeps(Role::Consumer) && self.is_quiet(state) && self.has_item(state))
    }

    pub(super) fn producers_are_served(&self, state: &MpmcState) -> bool {
        !(state.sleeps(Role::Producer) && self.is_quiet(state) && self.has_room(state))
    }

    pub(super) fn places_are_usable(&self, state: &MpmcState) -> bool {
        let is_held = state.held().next().is_some();
        let has_items = self.places(state).iter().any(|place| place.item.is_some());
        if !self.is_quiet(state) || is_held || has_items {
            return true;
        }
        let mut position = self.true_tail(state);
        (0..self.capacity).all(|_| {
            let is_empty = self.reaped(state, position) == PlaceWord { lap: self.lap(position), stage: Stage::Empty };
            position = self.after(position);
            is_empty
        })
    }

    /// Whether a place forbids to notify consumers of the end (I9).
    pub(super) fn holds_up_end(&self, state: &MpmcState) -> bool {
        self.places(state).iter().any(|place| match place.word.stage {
            Stage::Empty => false,
            Stage::Writing(slot) => !place.is_late && state.processes[usize::from(slot)].entry.is_alive,
            Stage::Full | Stage::Reading(_) => !place.is_late,
        })
    }

    fn has_ended(&self, state: &MpmcState, role: Role) -> bool {
        state.closed || (self.detaches && state.has_none(role.other()))
    }

    pub(super) fn end_is_reported(&self, state: &MpmcState) -> bool {
        if !self.is_quiet(state) {
            return true;
        }
        let is_open = (0..self.capacity).any(|place| self.reaped(state, place).stage != Stage::Empty);
        let consumer_waits = state.sleeps(Role::Consumer) && self.has_ended(state, Role::Consumer) && !is_open;
        let producer_waits = state.sleeps(Role::Producer) && self.has_ended(state, Role::Producer);
        !consumer_waits && !producer_waits
    }

    pub(super) fn one_waits_for_the_end(&self, state: &MpmcState) -> bool {
        self.is_quiet(state) && state.sleeps(Role::Consumer) && self.has_ended(state, Role::Consumer)
    }
}
