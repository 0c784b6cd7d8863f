//! What the holder of a role does: pushing, popping, sleeping, closing.

use super::{At, Bell, Damage, End, Process, Side, Spsc, SpscState};
use crate::members::{Look, Slot};

impl Spsc {
    pub(super) fn step(&self, state: &mut SpscState, index: usize) -> At {
        match state.processes[index].at {
            at @ (At::Outside | At::Idle | At::Ready | At::Snapshot) => at,
            At::MarkUsed => {
                state.slots.mark_used(state.processes[index].member.slot);
                At::Idle
            }
            at @ (At::Arrive | At::TakeRole | At::RoleSleep | At::RoleLeave | At::Reload) => {
                self.role(state, index, at)
            }
            at @ (At::FreeRole | At::PostRole) => self.role(state, index, at),
            At::Look => {
                self.load_seen(state, index);
                self.after_look(&state.processes[index])
            }
            at @ (At::EarlyLook | At::Announce | At::Sleep | At::Withdraw | At::LastLook) => {
                self.wait(state, index, at)
            }
            at @ (At::LoadClosed | At::LoadArrived | At::LoadRole) => self.watch(state, index, at),
            At::Touch => self.touch(state, index),
            At::Publish => self.publish(state, index),
            at @ (At::Wake | At::Post | At::WakeLeft | At::PostLeft) => self.wake(state, index, at),
            at @ (At::Close | At::PostClose(_)) => self.close(state, at),
            At::Reap(step) => self.reap(state, index, step),
        }
    }

    /// Whether there is room, or an item, as far as it knows.
    pub(super) fn can_go_on(&self, process: &Process) -> bool {
        match process.side {
            Side::Producer => process.index - process.seen < self.capacity,
            Side::Consumer => process.index < process.seen,
        }
    }

    fn load_seen(&self, state: &mut SpscState, index: usize) {
        let process = &mut state.processes[index];
        process.seen = state.indices[process.side.other() as usize];
    }

    fn after_look(&self, process: &Process) -> At {
        if self.can_go_on(process) { At::Touch } else { self.before_sleep() }
    }

    fn before_sleep(&self) -> At {
        if self.rules.announce_before_look { At::Announce } else { self.first_look() }
    }

    fn first_look(&self) -> At {
        if self.rules.end_before_look { At::LoadClosed } else { At::LastLook }
    }

    /// R-sleep.
    fn wait(&self, state: &mut SpscState, index: usize, at: At) -> At {
        let side = state.processes[index].side;
        match at {
            At::Announce => {
                state.flags[side as usize] = true;
                if self.rules.announce_before_look { self.first_look() } else { At::Sleep }
            }
            At::LastLook => {
                self.load_seen(state, index);
                let process = &state.processes[index];
                match (self.can_go_on(process), process.end) {
                    (true, _) => At::Withdraw,
                    (false, _) if !self.rules.end_before_look => At::LoadClosed,
                    (false, End::None) => self.after_last_look(),
                    (false, end) => tell(state, index, end),
                }
            }
            At::Sleep => {
                self.take_post(state, index);
                At::EarlyLook
            }
            At::EarlyLook => {
                self.load_seen(state, index);
                match (self.can_go_on(&state.processes[index]), self.rules.announce_after_token) {
                    (true, _) => At::Touch,
                    (false, true) => self.before_sleep(),
                    (false, false) => self.first_look(),
                }
            }
            _ => {
                state.flags[side as usize] = false;
                At::Touch
            }
        }
    }

    fn after_last_look(&self) -> At {
        if self.rules.announce_before_look { At::Sleep } else { At::Announce }
    }

    /// Checks whether the ring is closed, or the other side disconnected.
    fn watch(&self, state: &mut SpscState, index: usize, at: At) -> At {
        let side = state.processes[index].side;
        match at {
            At::LoadClosed if state.closed => self.end(state, index),
            At::LoadClosed if !self.watches || side == Side::Producer => self.no_end(),
            At::LoadClosed if self.rules.reap_before_arrived => self.look_for_the_dead(state, index),
            At::LoadClosed => self.ask_arrived(state, index),
            At::LoadArrived if !state.arrived => self.no_end(),
            At::LoadArrived if self.rules.reap_before_arrived => At::LoadRole,
            At::LoadArrived => self.look_for_the_dead(state, index),
            At::LoadRole if state.roles[side.other() as usize].owner.is_some() => self.no_end(),
            _ => self.end(state, index),
        }
    }

    fn ask_arrived(&self, state: &mut SpscState, index: usize) -> At {
        match (self.rules.watcher_asks_arrived, self.rules.reap_before_arrived) {
            (true, _) => At::LoadArrived,
            (false, true) => At::LoadRole,
            (false, false) => self.look_for_the_dead(state, index),
        }
    }

    fn look_for_the_dead(&self, state: &mut SpscState, index: usize) -> At {
        let process = &mut state.processes[index];
        if self.rules.watcher_reaps {
            process.look = Look::at_others(&state.slots, process.member.slot, state.deaths);
        }
        self.look_on(state, index)
    }

    pub(super) fn look_at(&self, state: &mut SpscState, index: usize, slot: Slot) -> At {
        state.processes[index].look.see(slot);
        let is_dirty = state.slots.is_dirty(slot);
        if is_dirty { self.begin_reaping(state, index, slot) } else { self.look_on(state, index) }
    }

    /// Goes on with the check, until a check of all slots finds no dead member.
    pub(super) fn look_on(&self, state: &mut SpscState, index: usize) -> At {
        let look = state.processes[index].look;
        match (look.is_over(), look.must_repeat()) {
            (false, _) => At::Snapshot,
            (true, true) => self.look_for_the_dead(state, index),
            (true, false) if self.rules.reap_before_arrived => self.ask_arrived(state, index),
            (true, false) => At::LoadRole,
        }
    }

    fn no_end(&self) -> At {
        if self.rules.end_before_look { At::LastLook } else { self.after_last_look() }
    }

    fn end(&self, state: &mut SpscState, index: usize) -> At {
        let is_true = state.closed || state.has_begun;
        let committed = state.indices[Side::Producer as usize];
        let end = if is_true { End::Found(committed) } else { End::FoundTooEarly };
        if !self.rules.end_before_look {
            return tell(state, index, end);
        }
        state.processes[index].end = end;
        At::LastLook
    }

    /// Writes at its own index, or reads there. A dead holder may have left anything there.
    fn touch(&self, state: &mut SpscState, index: usize) -> At {
        let process = &state.processes[index];
        let place = &mut state.places[usize::from(process.index % self.capacity)];
        match process.side {
            Side::Producer => *place = Some(process.index),
            Side::Consumer if *place != Some(process.index) => state.damage = Damage::Items,
            Side::Consumer => {}
        }
        At::Publish
    }

    fn publish(&self, state: &mut SpscState, index: usize) -> At {
        let process = &mut state.processes[index];
        let published = &mut state.indices[process.side as usize];
        // A store of anything but the next position takes items back, or skips them.
        if *published != process.index {
            state.damage = Damage::Items;
        }
        process.index += 1;
        *published = process.index;
        let [committed, consumed] = state.indices;
        if committed < consumed || committed - consumed > self.capacity {
            state.damage = Damage::Items;
        }
        At::Wake
    }

    /// R-wake.
    fn wake(&self, state: &mut SpscState, index: usize, at: At) -> At {
        let other = state.processes[index].side.other();
        match at {
            At::Wake if std::mem::take(&mut state.flags[other as usize]) => At::Post,
            At::WakeLeft if std::mem::take(&mut state.flags[other as usize]) => At::PostLeft,
            At::Wake => At::Ready,
            At::WakeLeft => At::Idle,
            at => {
                state.bells.post(Bell::Holder(other).number());
                if at == At::Post { At::Ready } else { At::Idle }
            }
        }
    }

    fn close(&self, state: &mut SpscState, at: At) -> At {
        match at {
            At::Close => {
                state.closed = true;
                if self.rules.closing_posts { At::PostClose(Side::Producer) } else { At::Ready }
            }
            At::PostClose(side) => {
                state.bells.post(Bell::Holder(side).number());
                if side == Side::Producer { At::PostClose(Side::Consumer) } else { At::Ready }
            }
            at => at,
        }
    }
}

/// Notifies the caller of the end that was found.
fn tell(state: &mut SpscState, index: usize, end: End) -> At {
    let process = &state.processes[index];
    let is_true = match end {
        End::Found(committed) => process.side == Side::Producer || process.index >= committed,
        End::FoundTooEarly | End::None => false,
    };
    if !is_true {
        state.damage = Damage::ToldWrongly;
    }
    At::Ready
}
