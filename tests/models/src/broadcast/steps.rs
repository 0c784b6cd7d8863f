//! What a step does.

use super::{At, Broadcast, BroadcastState, Cursor, Entry, Place, Process, Round, Then, slot};

impl Broadcast {
    fn is_producer(&self, index: usize) -> bool {
        index < self.producers
    }

    pub(super) fn may_step(&self, state: &BroadcastState, index: usize) -> bool {
        match state.processes[index].at {
            At::Done | At::Dead => false,
            At::Sleep => state.posts[index] > 0,
            At::Outside if self.is_producer(index) => index == 0 || matches!(state.processes[index - 1].at, At::Dead),
            _ => true,
        }
    }

    pub(super) fn die(&self, state: &mut BroadcastState, index: usize) {
        state.deaths += 1;
        let process = &mut state.processes[index];
        *process = Process { at: At::Dead, suspects: false, called: 0, flag: 0, least: 0, popped: 0, ..*process };
        if self.rules.obituary_posts {
            let posts = if self.rules.obituary_posts_twice { 2 } else { 1 };
            state.posts.iter_mut().for_each(|bell| *bell = (*bell + posts).min(3));
        }
    }

    pub(super) fn step(&self, state: &mut BroadcastState, index: usize) {
        let at = state.processes[index].at;
        let next = match at {
            At::Drain | At::Help(..) | At::FreeLate(..) | At::Clean(_) => self.help(state, index, at),
            At::Look(_) | At::LookAtOthers(..) | At::Wake(_) | At::PostProducer(_) => {
                self.look_for_producer(state, index, at)
            }
            At::Flag | At::Call | At::Post | At::Lower => self.notify(state, index, at),
            _ if self.is_producer(index) => self.produce(state, index, at),
            _ => self.subscribe(state, index, at),
        };
        state.processes[index].at = next;
        if matches!(next, At::Ready | At::Done) {
            let process = &mut state.processes[index];
            (process.called, process.flag, process.least) = (0, 0, 0);
        }
    }

    fn produce(&self, state: &mut BroadcastState, index: usize, at: At) -> At {
        match at {
            At::Outside => {
                let process = &mut state.processes[index];
                process.index = state.tail;
                process.seen = state.tail + if self.rules.new_producer_scans { 0 } else { self.capacity };
                At::Ready
            }
            At::Ready => self.begin_push(state, index),
            At::Scan(cursor, round) => self.scan(state, index, cursor, round),
            At::Window => {
                state.window = state.window.max(state.processes[index].index + 1);
                if self.rules.window_before_write { At::Half } else { self.after_write() }
            }
            At::Half => {
                let place = self.place(state.processes[index].index);
                state.places[place] = Place::Torn;
                At::Write
            }
            At::Write => {
                let position = state.processes[index].index;
                state.places[self.place(position)] = Place::Item(position);
                match (self.is_lagging && !self.rules.window_before_write, self.rules.writes_before_publishing) {
                    (true, _) => At::Window,
                    (false, true) => self.after_write(),
                    (false, false) => self.pushed(state, index),
                }
            }
            At::Publish => {
                state.tail = state.processes[index].index + 1;
                match (self.rules.writes_before_publishing, self.rules.publishes_before_flag) {
                    (false, _) => At::Write,
                    (true, true) => At::Flag,
                    (true, false) => self.pushed(state, index),
                }
            }
            At::Announce => {
                state.awaited = Some(state.processes[index].index - self.capacity);
                if self.rules.announces_before_scan {
                    self.begin_scan(state, index, Round::Announced)
                } else {
                    At::Sleep
                }
            }
            At::Sleep => {
                state.posts[index] -= 1;
                At::Withdraw(Round::Awake)
            }
            At::Withdraw(round) => {
                let was_called = state.awaited.take().is_none();
                if round == Round::Announced {
                    return self.begin_write();
                }
                state.processes[index].suspects |= !was_called && self.rules.uncalled_wake_suspects;
                self.begin_scan(state, index, Round::Awake)
            }
            at => at,
        }
    }

    /// What follows an item that is complete.
    fn after_write(&self) -> At {
        if self.rules.publishes_before_flag { At::Publish } else { At::Flag }
    }

    fn begin_write(&self) -> At {
        match (self.is_lagging, self.rules.window_before_write, self.rules.writes_before_publishing) {
            (true, true, _) => At::Window,
            (true, false, _) => At::Half,
            (false, _, true) => At::Write,
            (false, _, false) => At::Publish,
        }
    }

    fn pushed(&self, state: &mut BroadcastState, index: usize) -> At {
        let process = &mut state.processes[index];
        process.index += 1;
        (process.called, process.flag) = (0, 0);
        At::Ready
    }

    fn begin_push(&self, state: &mut BroadcastState, index: usize) -> At {
        let process = &state.processes[index];
        if process.index == self.items {
            At::Done
        } else if self.is_lagging || process.index != process.seen {
            self.begin_write()
        } else {
            self.begin_scan(state, index, Round::First)
        }
    }

    fn begin_scan(&self, state: &mut BroadcastState, index: usize, round: Round) -> At {
        let process = &mut state.processes[index];
        process.least = process.index;
        At::Scan(0, round)
    }

    fn scan(&self, state: &mut BroadcastState, index: usize, cursor: u8, round: Round) -> At {
        let process = &mut state.processes[index];
        process.least = match state.cursors[usize::from(cursor)] {
            // It may have seen a tail of long ago.
            Cursor::Joining(_, at) if self.rules.scan_counts_joining => {
                process.least.min(at.max(process.index.saturating_sub(self.capacity)))
            }
            Cursor::At(_, at) => process.least.min(at),
            Cursor::Free | Cursor::Joining(..) => process.least,
        };
        if usize::from(cursor) + 1 < self.cursors {
            return At::Scan(cursor + 1, round);
        }
        process.seen = process.least + self.capacity;
        match (process.index != process.seen, round) {
            (true, Round::Announced) => At::Withdraw(Round::Announced),
            (true, _) => self.begin_write(),
            (false, Round::Announced) => At::Sleep,
            (false, _) if process.suspects => At::Drain,
            (false, _) => At::Announce,
        }
    }

    fn subscribe(&self, state: &mut BroadcastState, index: usize, at: At) -> At {
        let me = slot(index);
        match at {
            At::Outside => At::Claim(state.tail),
            At::Claim(tail) => {
                let free = state.cursors[..self.cursors].iter().position(|cursor| *cursor == Cursor::Free);
                let Some(free) = free else { return At::Drain };
                state.cursors[free] = Cursor::Joining(me, tail);
                let process = &mut state.processes[index];
                (process.cursor, process.index) = (slot(free), tail);
                if self.rules.join_loads_again { At::LoadAgain } else { At::SetCursor }
            }
            At::LoadAgain => {
                state.processes[index].index = state.tail;
                At::SetCursor
            }
            At::SetCursor => {
                let process = &mut state.processes[index];
                process.seen = process.index;
                state.cursors[usize::from(process.cursor)] = Cursor::At(me, process.index);
                if self.rules.joining_wakes { At::Look(Then::Joined) } else { At::Ready }
            }
            At::Ready if state.processes[index].popped == self.pops => At::Leave,
            At::Ready => self.tail(state, index, Round::First),
            At::Tail(round) => self.tail(state, index, round),
            At::Read => {
                let found = state.places[self.place(state.processes[index].index)];
                if self.is_lagging { At::Check(found) } else { self.found(state, index, found) }
            }
            At::Check(found) => self.check(state, index, found),
            At::Move => self.move_cursor(state, index),
            At::Announce => {
                state.entries[index] = Entry::Announced;
                state.is_flag_up = true;
                state.announcements += 1;
                if self.rules.announces_before_look { At::Tail(Round::Announced) } else { At::Sleep }
            }
            At::Sleep => {
                state.posts[index] -= 1;
                At::Withdraw(Round::Awake)
            }
            At::Withdraw(round) => {
                let was_called = state.entries[index] == Entry::Called;
                state.entries[index] = Entry::Awake;
                if round == Round::Announced {
                    return self.begin_read();
                }
                state.processes[index].suspects |= !was_called && self.rules.uncalled_wake_suspects;
                At::Tail(Round::Awake)
            }
            At::Leave => {
                state.cursors[usize::from(state.processes[index].cursor)] = Cursor::Free;
                state.is_used[index] = false;
                if self.rules.leaving_wakes { At::Look(Then::Left) } else { At::Done }
            }
            at => at,
        }
    }

    fn tail(&self, state: &mut BroadcastState, index: usize, round: Round) -> At {
        let process = &mut state.processes[index];
        process.seen = state.tail;
        match (process.seen > process.index, round) {
            (true, Round::Announced) => At::Withdraw(Round::Announced),
            (true, _) => self.begin_read(),
            (false, Round::Announced) => At::Sleep,
            (false, _) if process.suspects => At::Drain,
            (false, _) => At::Announce,
        }
    }

    fn begin_read(&self) -> At {
        if self.rules.reads_before_moving { At::Read } else { At::Move }
    }

    /// It has an item of a lossless ring, or a copy that counts.
    fn found(&self, state: &mut BroadcastState, index: usize, found: Place) -> At {
        let process = &mut state.processes[index];
        state.is_torn |= found != Place::Item(process.index);
        if !self.rules.reads_before_moving {
            process.index += 1;
            process.popped += 1;
            return At::Ready;
        }
        if self.rules.moves_before_looking { At::Move } else { At::Look(Then::Moves) }
    }

    fn check(&self, state: &mut BroadcastState, index: usize, found: Place) -> At {
        let oldest = state.window.saturating_sub(self.capacity);
        let process = &mut state.processes[index];
        if process.index < oldest && self.rules.checks_after_copy {
            state.has_lagged = true;
            // What was missed counts as popped, so that it comes to an end.
            process.popped = (process.popped + oldest - process.index).min(self.pops);
            process.index = oldest;
            return At::Ready;
        }
        self.found(state, index, found)
    }

    fn move_cursor(&self, state: &mut BroadcastState, index: usize) -> At {
        let process = &mut state.processes[index];
        state.cursors[usize::from(process.cursor)] = Cursor::At(slot(index), process.index + 1);
        if !self.rules.reads_before_moving {
            return At::Look(Then::Reads);
        }
        process.index += 1;
        process.popped += 1;
        if self.rules.moves_before_looking { At::Look(Then::Moved) } else { At::Ready }
    }

    fn after_look(&self, state: &mut BroadcastState, index: usize, then: Then) -> At {
        match then {
            Then::Moved | Then::Joined => At::Ready,
            Then::Reads => At::Read,
            Then::Moves => At::Move,
            Then::Left => At::Done,
            Then::Helped(dead) => self.next_cursor(state, index, dead, state.processes[index].least),
        }
    }

    /// A cursor was moved or freed.
    fn look_for_producer(&self, state: &mut BroadcastState, index: usize, at: At) -> At {
        match at {
            At::Look(then) => match state.awaited {
                None => self.after_look(state, index, then),
                // Another position than the one that was left.
                Some(awaited) if then == Then::Moved && state.processes[index].index != awaited + 1 => {
                    self.after_look(state, index, then)
                }
                Some(_) if self.rules.scans_after_moving => At::LookAtOthers(0, then),
                // With the rule left out, the first that moves is taken for the last one.
                Some(_) => self.look_at_first(state, index, then),
            },
            At::LookAtOthers(cursor, then) => {
                let Some(awaited) = state.awaited else { return self.after_look(state, index, then) };
                if state.cursors[usize::from(cursor)].holds(awaited, &self.rules) {
                    return self.after_look(state, index, then);
                }
                if usize::from(cursor) + 1 < self.cursors {
                    return At::LookAtOthers(cursor + 1, then);
                }
                At::Wake(then)
            }
            At::Wake(then) => {
                let is_taken = state.awaited.take().is_some();
                if is_taken { At::PostProducer(then) } else { self.after_look(state, index, then) }
            }
            At::PostProducer(then) => {
                // The last one that began has the role.
                let mut begun = (0..self.producers).filter(|&it| state.processes[it].at != At::Outside);
                let producer = begun.next_back().unwrap_or(0);
                state.posts[producer] = (state.posts[producer] + 1).min(3);
                self.after_look(state, index, then)
            }
            at => at,
        }
    }

    /// With the rule left out, only the subscriber with the first cursor posts.
    fn look_at_first(&self, state: &mut BroadcastState, index: usize, then: Then) -> At {
        if state.processes[index].cursor == 0 { At::Wake(then) } else { self.after_look(state, index, then) }
    }

    fn notify(&self, state: &mut BroadcastState, index: usize, at: At) -> At {
        let over = if self.rules.publishes_before_flag { None } else { Some(At::Publish) };
        match at {
            At::Flag if state.is_flag_up => {
                state.processes[index].flag = state.announcements;
                At::Call
            }
            At::Flag => over.unwrap_or_else(|| self.pushed(state, index)),
            At::Call => {
                for (waiter, entry) in state.entries.iter_mut().enumerate() {
                    if *entry == Entry::Announced {
                        *entry = Entry::Called;
                        state.processes[index].called |= 1 << waiter;
                    }
                }
                At::Post
            }
            At::Post => {
                let called = state.processes[index].called;
                for (waiter, bell) in state.posts.iter_mut().enumerate() {
                    *bell = (*bell + (called >> waiter & 1)).min(3);
                }
                At::Lower
            }
            _ => {
                if state.processes[index].flag == state.announcements || !self.rules.lowers_by_compare {
                    state.is_flag_up = false;
                }
                over.unwrap_or_else(|| self.pushed(state, index))
            }
        }
    }

    fn is_dirty(state: &BroadcastState, dead: u8) -> bool {
        state.processes[usize::from(dead)].at == At::Dead && state.is_used[usize::from(dead)]
    }

    fn help(&self, state: &mut BroadcastState, index: usize, at: At) -> At {
        match at {
            At::Drain => {
                state.posts[index] = 0;
                self.next_slot(state, index, 0)
            }
            At::Help(dead, cursor) => {
                let is_owned = state.cursors[usize::from(cursor)].owner() == Some(dead);
                match (is_owned, self.rules.frees_by_compare) {
                    (false, _) => self.next_cursor(state, index, dead, cursor),
                    (true, false) => At::FreeLate(dead, cursor),
                    (true, true) => self.free(state, index, dead, cursor),
                }
            }
            At::FreeLate(dead, cursor) => self.free(state, index, dead, cursor),
            At::Clean(dead) => {
                state.is_used[usize::from(dead)] = false;
                self.next_slot(state, index, dead + 1)
            }
            at => at,
        }
    }

    fn free(&self, state: &mut BroadcastState, index: usize, dead: u8, cursor: u8) -> At {
        state.cursors[usize::from(cursor)] = Cursor::Free;
        // Where it goes on after it looked for the producer.
        state.processes[index].least = cursor;
        if self.rules.reaping_wakes {
            At::Look(Then::Helped(dead))
        } else {
            self.next_cursor(state, index, dead, cursor)
        }
    }

    fn next_cursor(&self, _: &BroadcastState, _: usize, dead: u8, cursor: u8) -> At {
        if usize::from(cursor) + 1 < self.cursors { At::Help(dead, cursor + 1) } else { At::Clean(dead) }
    }

    fn next_slot(&self, state: &mut BroadcastState, index: usize, from: u8) -> At {
        let slots = slot(state.processes.len());
        if let Some(dead) = (from..slots).find(|&dead| Self::is_dirty(state, dead)) {
            return At::Help(dead, 0);
        }
        let process = &mut state.processes[index];
        process.suspects = false;
        if process.popped == 0 && !self.is_producer(index) && !self.has_joined(state, index) {
            return At::Outside;
        }
        if self.rules.announces_before_scan || !self.is_producer(index) {
            At::Announce
        } else {
            self.begin_scan(state, index, Round::First)
        }
    }

    fn has_joined(&self, state: &BroadcastState, index: usize) -> bool {
        state.cursors.iter().any(|cursor| cursor.owner() == Some(slot(index)))
    }
}
