//! What the dead had, and the notices that they took with them.

use super::{Notice, Parcels, State};
use crate::{failure::Result, members::Members, raw::MessageType, sync::Ordering::Relaxed};

impl Parcels {
    /// Takes everything away from a slot whose only helper the caller is, or that it leaves; `lost` is told of slots that wait for its answer.
    pub(in crate::channel) fn repair(&self, slot: u32, members: &Members, mut lost: impl FnMut(u32)) -> Result<()> {
        self.turnstiles.iter().try_for_each(|turnstile| turnstile.repair(slot, members))?;
        let dead = slot + 1;
        for parcel in 0..self.words.len() {
            loop {
                let word = self.word(parcel);
                let (state, is_holder, is_caller) = (word.state(), word.holder() == dead, word.caller() == dead);
                match state {
                    None | Some(State::Free) => {}
                    _ if !is_holder && !is_caller => {}
                    Some(State::Filling) => self.free_all(parcel, word, members),
                    // Nobody can receive it once it is taken back, and only we may free it then.
                    Some(State::Ready) => {
                        let taken = word.with_state(State::Filling).with_holder(dead).with_caller(0);
                        if !self.change(parcel, word, taken) {
                            continue;
                        }
                        self.free_all(parcel, taken, members);
                    }
                    Some(State::Held) if is_holder && (is_caller || word.caller() == 0) => {
                        self.free_all(parcel, word, members);
                    }
                    Some(State::Held) if is_holder => {
                        if !self.change(parcel, word, word.with_state(State::Lost).with_holder(0)) {
                            continue;
                        }
                        lost(word.caller() - 1);
                    }
                    Some(State::Held) => {
                        if !self.change(parcel, word, word.with_caller(0)) {
                            continue;
                        }
                    }
                    Some(State::Answered | State::Lost) => self.free_all(parcel, word, members),
                }
                break;
            }
        }
        Ok(())
    }

    /// Returns every complete parcel that nobody has received: its notice may have died with a receiver.
    pub(in crate::channel) fn unclaimed(&self) -> impl Iterator<Item = (MessageType, Notice)> {
        (0..self.words.len()).filter_map(|parcel| self.unclaimed_one(parcel))
    }

    /// Returns a parcel's route and notice, if it is complete and nobody has received it.
    pub(in crate::channel) fn unclaimed_one(&self, parcel: usize) -> Option<(MessageType, Notice)> {
        let word = self.word(parcel);
        let route = self.words[parcel].route.load(Relaxed).try_into().ok()?;
        let route = MessageType::new(route).ok()?;
        let notice = Notice { parcel, generation: word.generation() };
        (word.state() == Some(State::Ready)).then_some((route, notice))
    }
}
