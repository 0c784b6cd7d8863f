//! Receiving: checking, announcing, sleeping and leaving.

use super::{At, Message, Named, NamedState, WIDE, Wait, Word, bit, notify::outdate};
use crate::members::Slot;

impl Named {
    pub(super) fn wait(&self, state: &mut NamedState, index: usize, step: Wait) -> At {
        match step {
            Wait::Try(message) if self.take(state, index, message) => At::Wait(Wait::Leave),
            Wait::Try(message) if message + 1 < self.messages() => At::Wait(Wait::Try(message + 1)),
            Wait::Try(_) if state.processes[index].gives_up => At::Wait(Wait::Leave),
            Wait::Try(_) => {
                // What it was called for was taken by another one, since it checked and found nothing.
                state.processes[index].called_for = None;
                self.begin_round(state, index)
            }
            Wait::Drain => {
                state.posts[index] = 0;
                At::Wait(Wait::Reap)
            }
            Wait::Reap => {
                let dead = |(slot, process): (usize, &super::Process)| (process.at == At::Outside).then_some(slot);
                let dead: Vec<_> = state.processes.iter().enumerate().filter_map(dead).collect();
                dead.into_iter().for_each(|slot| state.words[slot] = Word::Awake);
                state.processes[index].suspects = false;
                self.begin_announcement()
            }
            Wait::Announce => {
                state.words[index] = Word::Announced;
                for memory in state.processes.iter_mut().map(|process| &mut process.memory) {
                    memory.stale |= (memory.announced | memory.unposted) & bit(index);
                }
                if self.rules.word_before_flag { At::Wait(Wait::Raise) } else { self.announced() }
            }
            Wait::Raise => {
                self.raise(state, index);
                if self.rules.word_before_flag { self.announced() } else { At::Wait(Wait::Announce) }
            }
            Wait::Check(message) if self.take(state, index, message) => At::Wait(Wait::Found),
            Wait::Check(message) if message + 1 < self.messages() => At::Wait(Wait::Check(message + 1)),
            Wait::Check(_) if self.rules.announce_before_check => At::Wait(Wait::Sleep),
            Wait::Check(_) => self.begin_announcement(),
            Wait::Found => {
                self.withdraw(state, index);
                if self.rules.finder_passes_on { At::Wait(Wait::Leave) } else { At::Rest }
            }
            Wait::Sleep => {
                state.posts[index] -= 1;
                state.processes[index].is_woken = true;
                At::Wait(Wait::Withdraw)
            }
            Wait::Withdraw => {
                self.withdraw(state, index);
                let process = &mut state.processes[index];
                let is_woken = std::mem::take(&mut process.is_woken);
                let suspects = is_woken && process.called_for.is_none() && self.rules.uncalled_wake_suspects;
                process.suspects |= suspects;
                if self.rules.check_while_awake { At::Wait(Wait::Try(0)) } else { self.begin_round(state, index) }
            }
            Wait::Leave => match state.processes[index].called_for.take() {
                Some(message) if state.messages[message] == Message::There && self.rules.leaver_passes_on => {
                    self.pass_on(state, index, message)
                }
                _ => At::Rest,
            },
        }
    }

    fn begin_round(&self, state: &NamedState, index: usize) -> At {
        match (state.processes[index].suspects, self.rules.announce_before_check) {
            (true, _) => At::Wait(Wait::Drain),
            (false, true) => self.begin_announcement(),
            (false, false) => At::Wait(Wait::Check(0)),
        }
    }

    fn begin_announcement(&self) -> At {
        At::Wait(if self.rules.word_before_flag { Wait::Announce } else { Wait::Raise })
    }

    fn announced(&self) -> At {
        At::Wait(if self.rules.announce_before_check { Wait::Check(0) } else { Wait::Sleep })
    }

    /// A receiver of one lane raises its flag, and one of several lanes raises the one for those.
    fn raise(&self, state: &mut NamedState, index: usize) {
        let slot = Slot::try_from(index).unwrap_or(Slot::MAX);
        let interest = self.interest(state, slot);
        let flag = if self.is_wide(state, slot) { WIDE } else { interest.trailing_zeros() as usize };
        state.flags[flag] = true;
        outdate(state, flag);
    }

    fn withdraw(&self, state: &mut NamedState, index: usize) {
        let old = std::mem::take(&mut state.words[index]);
        let process = &mut state.processes[index];
        match old {
            Word::Unposted(message) | Word::Called(message) => process.called_for = Some(message),
            Word::Awake | Word::Announced => {}
        }
    }

    /// Takes a message if it can be taken, and fits.
    fn take(&self, state: &mut NamedState, index: usize, message: usize) -> bool {
        let wanted = self.wants(index, &state.processes[index]);
        let fits = message < self.messages() && wanted & bit(self.route(message)) != 0;
        let takes = fits && state.messages[message] == Message::There;
        if takes {
            state.messages[message] = Message::Taken;
        }
        takes
    }
}
