//! Looking for a message, and taking it.

use super::{
    At, Candidate, CellState, Find, Held, Hint, Job, LOOKS, Place, Process, Selection, Set, Store, StoreState, Word,
    bit,
};

impl Store {
    pub(super) fn begin_find(&self, state: &mut StoreState, index: usize, selection: Selection) -> At {
        let there = self.waiting_for(state, selection);
        let process = &mut state.processes[index];
        (process.before, process.looks, process.there, process.came_back) = (None, 0, there, 0);
        process.is_thorough = false;
        self.begin_look(state, index)
    }

    fn begin_look(&self, state: &mut StoreState, index: usize) -> At {
        state.processes[index].best = None;
        if !self.rules.returned_after_lanes {
            return At::Find(Find::Dirty);
        }
        self.begin_lanes(state, index)
    }

    /// Searches until the same message is found twice.
    fn begin_thoroughly(&self, state: &mut StoreState, index: usize) -> At {
        state.processes[index].is_thorough = true;
        self.begin_look(state, index)
    }

    fn begin_lanes(&self, state: &mut StoreState, index: usize) -> At {
        let is_one = matches!(self.selection(index, &state.processes[index]), Selection::Only(_));
        if self.reads_used && !is_one {
            return At::Find(Find::Used);
        }
        state.processes[index].lane = match self.selection(index, &state.processes[index]) {
            Selection::Only(route) => self.lane_of(route),
            _ => 0,
        };
        At::Find(Find::Head)
    }

    pub(super) fn selection(&self, index: usize, process: &Process) -> Selection {
        match self.job(index, process) {
            Some(Job::Receive(selection) | Job::Claim(selection)) => selection,
            _ => Selection::Any,
        }
    }

    pub(super) fn find(&self, state: &mut StoreState, index: usize, step: Find) -> At {
        match step {
            Find::Used => self.read_used(state, index),
            Find::UsedAgain if state.used != state.processes[index].used => self.begin_thoroughly(state, index),
            Find::UsedAgain => At::Find(Find::Dirty),
            Find::Head => {
                let process = &mut state.processes[index];
                process.position = state.lanes[usize::from(process.lane)].head;
                At::Find(Find::Place)
            }
            Find::Place => self.look(state, index),
            Find::Word(hint) => {
                let word = state.word(hint.cell);
                let is_ready = word.state == CellState::Ready && word.generation == hint.generation;
                match (is_ready, self.rules.receivers_pass) {
                    (true, _) => At::Find(Find::Fields(hint, word)),
                    (false, true) => At::Find(Find::Pass(hint)),
                    (false, false) => go_on(state, index),
                }
            }
            Find::Fields(hint, word) => {
                let (lane, position) = (state.processes[index].lane, state.processes[index].position);
                let is_first = self.offer(state, index, hint, word, Some((lane, position)));
                if is_first { self.end_of_lane(state, index) } else { go_on(state, index) }
            }
            Find::Pass(hint) => {
                self.pass(state, index, hint);
                At::Find(Find::HelpHead)
            }
            Find::HelpHead => {
                self.help_head(state, index);
                go_on(state, index)
            }
            Find::CatchUp(ahead) => {
                let process = &mut state.processes[index];
                let next = process.position + (ahead - 1) * self.span + 1;
                let head = &mut state.lanes[usize::from(process.lane)].head;
                if *head == process.position {
                    *head = next;
                }
                process.position = next;
                At::Find(Find::Place)
            }
            Find::Dirty => {
                state.processes[index].dirty = state.dirty;
                if state.dirty % 2 == 1 && state.processes[index].is_lone {
                    return self.begin_thoroughly(state, index);
                }
                if state.dirty % 2 == 1 { At::Find(Find::Bits) } else { self.end_of_returned(state, index) }
            }
            Find::Bits => {
                let process = &mut state.processes[index];
                (process.seen, process.is_any) = (state.returned, state.returned != 0);
                self.next_returned(state, index)
            }
            Find::Returned(cell) => {
                state.processes[index].seen &= !bit(cell);
                let word = state.word(cell);
                if word.state != CellState::Ready {
                    return self.next_returned(state, index);
                }
                At::Find(Find::ReturnedFields(cell, word))
            }
            Find::ReturnedFields(cell, word) => {
                self.offer(state, index, Hint { cell, generation: word.generation }, word, None);
                self.next_returned(state, index)
            }
            Find::Lower => {
                if state.dirty == state.processes[index].dirty || !self.rules.dirty_counts {
                    state.dirty &= !1;
                }
                self.end_of_returned(state, index)
            }
            Find::Take => self.take(state, index),
            Find::PassTaken => {
                if let Some(Candidate { hint, place: Some((lane, position)), .. }) = state.processes[index].best {
                    (state.processes[index].lane, state.processes[index].position) = (lane, position);
                    self.pass(state, index, hint);
                }
                At::Find(Find::HelpTaken)
            }
            Find::HelpTaken => {
                self.help_head(state, index);
                if self.rules.take_before_emptying { self.before_holds() } else { At::Find(Find::Take) }
            }
        }
    }

    /// Reads the place at a position.
    fn look(&self, state: &mut StoreState, index: usize) -> At {
        let process = state.processes[index];
        let lap = process.position / self.span;
        let Place { lap: found, hint } = *self.place(state, process.lane, process.position);
        // Two laps more than the protocol ever has would be a fault of the model.
        match (found.checked_sub(lap), hint) {
            (Some(0), Some(hint)) => At::Find(Find::Word(hint)),
            (Some(1), None) => At::Find(Find::HelpHead),
            (Some(ahead @ 1..), Some(_)) if self.rules.catch_up => At::Find(Find::CatchUp(ahead)),
            (Some(ahead @ 2..), None) if self.rules.catch_up => At::Find(Find::CatchUp(ahead - 1)),
            _ => self.end_of_lane(state, index),
        }
    }

    /// Takes a message into account. Returns whether no later one of the same lane comes sooner.
    fn offer(&self, state: &mut StoreState, index: usize, hint: Hint, word: Word, place: Option<(u8, u8)>) -> bool {
        let selection = self.selection(index, &state.processes[index]);
        let cell = state.cells[usize::from(hint.cell)];
        if !selection.fits(cell.route) {
            return false;
        }
        let rank = if self.rules.oldest_first { selection.rank(cell.route, cell.stamp) } else { (0, 0) };
        let found = Candidate { hint, word, place, rank };
        let best = &mut state.processes[index].best;
        if best.is_none_or(|best| found.rank < best.rank || (place.is_none() && found.rank == best.rank)) {
            *best = Some(found);
        }
        !(self.shared && matches!(selection, Selection::UpTo(_)))
    }

    /// Reads which lanes are used, and begins with the first of those that fit.
    fn read_used(&self, state: &mut StoreState, index: usize) -> At {
        state.processes[index].used = state.used;
        let lanes = self.lanes_from(0, state, index);
        let process = &mut state.processes[index];
        process.is_lone = lanes.count_ones() == 1 && !process.is_thorough;
        self.next_lane(lanes, state, index)
    }

    /// The lanes that it searches, from a number on.
    fn lanes_from(&self, first: u8, state: &StoreState, index: usize) -> Set {
        let process = &state.processes[index];
        let selection = self.selection(index, process);
        let fits = |lane: &u8| self.shared || selection.fits(*lane + 1);
        let lanes = (first..u8::try_from(self.lanes).unwrap_or(u8::MAX)).filter(fits);
        lanes.fold(0, |set, lane| set | bit(lane)) & process.used
    }

    fn next_lane(&self, lanes: Set, state: &mut StoreState, index: usize) -> At {
        if lanes == 0 {
            return At::Find(Find::Dirty);
        }
        state.processes[index].lane = u8::try_from(lanes.trailing_zeros()).unwrap_or(u8::MAX);
        At::Find(Find::Head)
    }

    fn end_of_lane(&self, state: &mut StoreState, index: usize) -> At {
        let Process { is_lone, lane, .. } = state.processes[index];
        if is_lone {
            return At::Find(if self.rules.used_again { Find::UsedAgain } else { Find::Dirty });
        }
        let is_one = matches!(self.selection(index, &state.processes[index]), Selection::Only(_));
        if self.reads_used && !is_one {
            let lanes = self.lanes_from(lane + 1, state, index);
            return self.next_lane(lanes, state, index);
        }
        self.end_of_any_lane(state, index)
    }

    fn end_of_any_lane(&self, state: &mut StoreState, index: usize) -> At {
        let is_one = matches!(self.selection(index, &state.processes[index]), Selection::Only(_));
        let process = &mut state.processes[index];
        process.lane += 1;
        if !is_one && usize::from(process.lane) < self.lanes {
            return At::Find(Find::Head);
        }
        if self.rules.returned_after_lanes { At::Find(Find::Dirty) } else { self.end_of_look(state, index) }
    }

    fn next_returned(&self, state: &mut StoreState, index: usize) -> At {
        let process = &state.processes[index];
        match self.all_cells().find(|cell| process.seen & bit(*cell) != 0) {
            Some(cell) => At::Find(Find::Returned(cell)),
            None if process.is_any => self.end_of_returned(state, index),
            None => At::Find(Find::Lower),
        }
    }

    fn end_of_returned(&self, state: &mut StoreState, index: usize) -> At {
        if self.rules.returned_after_lanes { self.end_of_look(state, index) } else { self.begin_lanes(state, index) }
    }

    fn end_of_look(&self, state: &mut StoreState, index: usize) -> At {
        let is_one = matches!(self.selection(index, &state.processes[index]), Selection::Only(_));
        let process = &mut state.processes[index];
        let looks_once =
            (is_one || process.is_lone) && (process.dirty.is_multiple_of(2) || !self.rules.look_twice_for_returned);
        (process.seen, process.is_any, process.dirty, process.place) = (0, false, 0, Place::default());
        let is_same = process.before.map(|before| before.hint) == process.best.map(|best| best.hint);
        let ends = looks_once || process.best.is_none() || is_same || !self.rules.look_twice;
        if !ends && process.looks + 1 < LOOKS {
            (process.before, process.looks) = (process.best, process.looks + 1);
            return self.begin_look(state, index);
        }
        if process.best.is_none() {
            state.faults.overlooked |= process.there & state.waiting != 0;
            return At::Rest;
        }
        let has_place = process.best.is_some_and(|best| best.place.is_some());
        let empties_first = has_place && !self.rules.take_before_emptying;
        At::Find(if empties_first { Find::PassTaken } else { Find::Take })
    }

    /// READY becomes HELD.
    fn take(&self, state: &mut StoreState, index: usize) -> At {
        let process = state.processes[index];
        let selection = self.selection(index, &process);
        let Some(Candidate { hint, word: expected, place, .. }) = process.best else { return At::Rest };
        let word = state.word(hint.cell);
        let is_it = word == expected || (!self.rules.take_expects_word && word.state == CellState::Ready);
        if !is_it {
            return self.begin_find(state, index, selection);
        }
        // A request ends with its server.
        let claims = matches!(self.job(index, &process), Some(Job::Claim(_))) && word.caller.is_none();
        let held = word.with(if claims { CellState::Claimed } else { CellState::Held }, process.slot);
        state.cell(hint.cell).word = held;
        let process = &mut state.processes[index];
        process.held = Some(Held { cell: hint.cell, word: held });
        self.account(state, index, hint.cell, selection);
        if place.is_some() && self.rules.take_before_emptying { At::Find(Find::PassTaken) } else { self.before_holds() }
    }

    fn before_holds(&self) -> At {
        if self.rules.clear_before_free { At::Clear } else { At::Holds }
    }

    fn pass(&self, state: &mut StoreState, index: usize, hint: Hint) {
        let process = state.processes[index];
        let lap = process.position / self.span;
        let place = self.place(state, process.lane, process.position);
        if *place == (Place { lap, hint: Some(hint) }) {
            *place = Place::empty(lap + 1);
        }
    }

    fn help_head(&self, state: &mut StoreState, index: usize) {
        let process = state.processes[index];
        let head = &mut state.lanes[usize::from(process.lane)].head;
        if *head == process.position {
            *head += 1;
        }
    }
}

fn go_on(state: &mut StoreState, index: usize) -> At {
    state.processes[index].position += 1;
    At::Find(Find::Place)
}
