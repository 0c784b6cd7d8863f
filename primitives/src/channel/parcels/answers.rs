//! Answers: how they come to who asked, and what who asked finds.

use super::{Held, Notice, Parcels, State};
use crate::{
    failure::Result,
    members::{Members, Session},
};

/// What a caller finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::channel) enum Found {
    Waiting,
    Answered,
    Lost,
}

impl Parcels {
    /// Hands the answer to the caller; returns its slot, or `None` if it has given up, and the parcel is free.
    pub(in crate::channel) fn answered(&self, held: &Held, members: &Members) -> Option<u32> {
        self.describe(held);
        let parcel = held.notice.parcel;
        let word = self.word(parcel);
        let caller = word.caller();
        if caller != 0 && self.change(parcel, word, word.with_state(State::Answered).with_holder(0)) {
            return Some(caller - 1);
        }
        self.free_all(parcel, self.word(parcel), members);
        None
    }

    /// Returns what has become of a call of this process.
    pub(in crate::channel) fn look(&self, notice: Notice) -> Found {
        let word = self.word(notice.parcel);
        match word.state() {
            _ if word.generation() != notice.generation => Found::Lost,
            Some(State::Answered) => Found::Answered,
            Some(State::Ready | State::Held) => Found::Waiting,
            _ => Found::Lost,
        }
    }

    /// Returns the answer that [`look`](Self::look) has found; [`done`](Self::done) frees it.
    pub(in crate::channel) fn respond(&self, notice: Notice, members: &Members) -> Result<Held> {
        self.open(notice).ok_or_else(|| members.damaged("an answer"))
    }

    /// Ends a call of this process, however far it is.
    pub(in crate::channel) fn settle(&self, notice: Notice, me: Session, members: &Members) {
        loop {
            let word = self.word(notice.parcel);
            if word.generation() != notice.generation || word.caller() != me.owner() {
                return;
            }
            match word.state() {
                Some(State::Answered | State::Lost) => return self.free_all(notice.parcel, word, members),
                Some(State::Ready) if self.take_back(notice, me, members) => return,
                Some(State::Held) if self.change(notice.parcel, word, word.with_caller(0)) => return,
                // It has moved on since.
                Some(State::Ready | State::Held) => {}
                _ => return,
            }
        }
    }
}
