//! The turnstile: the mutex's protocol.

use super::{At, Bell, Pool, PoolState, Process, Reap};

impl Pool {
    pub(super) fn turn(&self, state: &mut PoolState, index: usize, at: At) -> At {
        match at {
            At::TurnTake => self.take_turn(state, index),
            At::TurnSleep => {
                self.take_post(state, index);
                At::TurnTake
            }
            At::TurnDrop => {
                state.processes[index].holds_turnstile = false;
                let had_waiters = state.turnstile.free();
                if had_waiters { At::TurnPost } else { after_turn(&state.processes[index]) }
            }
            _ => {
                state.bells.post(Bell::Turnstile as usize);
                after_turn(&state.processes[index])
            }
        }
    }

    fn take_turn(&self, state: &mut PoolState, index: usize) -> At {
        let process = &mut state.processes[index];
        if !state.turnstile.take(process.member.slot, process.has_token) {
            let Some(owner) = state.turnstile.mark() else { return At::TurnTake };
            process.member.suspect(owner);
            return At::Reap(Reap::Check);
        }
        // A holder that died held nothing that is not repaired.
        state.turnstile.poisoned = false;
        process.holds_turnstile = true;
        process.has_token = false;
        At::ManyLook(0)
    }
}

fn after_turn(process: &Process) -> At {
    if process.first_held().is_some() { At::Holding } else { At::Idle }
}
