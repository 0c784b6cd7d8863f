//! The futures that wait to write.
//!
//! A writer that waits for the readers has the lock, and the gate is shut. So its future holds something while it waits:
//!
//! | `holder` of the handle | meaning | next |
//! | --- | --- | --- |
//! | 0 | no future of the handle waits for the readers | the number of a future that has taken the lock, twice. Plus one if the lock was poisoned |
//! | not 0 | that future has the lock | 0, by the future that goes inside or is dropped, or by the clerk |
//!
//! - **RA1** At most one future of a handle holds the lock, since that has one owner.
//! - **RA2** A future that was woken and is not polled for 10 milliseconds gives the lock up (CK3): the clerk opens the gate,
//!   and sets `holder` to 0 while the list is locked. The future finds that in its next poll, since it goes through the list
//!   before. Then it touches neither `draining` nor the doorbell, which may be another writer's, and begins anew.
//! - **RA3** A future that is dropped ends the clerk before it opens the gate (AL1). One that goes inside was woken by the clerk,
//!   or has never waited. So the clerk does not sleep there then.

use std::sync::Arc;

use super::{
    state::{RwState, WRITER_BELL},
    wait::Writer,
};
use crate::{
    failure::Result,
    lock::Taken,
    members::{Members, Session},
    raw::Deadline,
    sync::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    },
    waiting::{
        Party, Station, Turn, Withdrawn,
        clerk::{GiveUp, Lone, LoneDesk, Withdrawal},
    },
};

impl RwState {
    /// Returns the same words again.
    fn view(&self) -> Self {
        Self {
            lock: self.lock.view(),
            control: self.control.clone(),
            flag: self.flag.clone(),
            readers: self.readers.view(),
            reading: self.reading.clone(),
            fence: self.fence,
        }
    }
}

/// What the writers among the futures of a handle share.
#[derive(Debug, Default)]
pub(crate) struct WriteFutures {
    pub(super) desk: LoneDesk,
    /// How many futures took the lock.
    numbers: AtomicU64,
    holder: Arc<AtomicU64>,
}

/// The lock of a future that waits for the readers.
pub(super) struct Held<'a> {
    writers: &'a WriteFutures,
    party: Party<'a, RwState>,
    /// What `holder` is as long as it has the lock.
    number: u64,
}

impl<'a> Held<'a> {
    pub(super) fn new(writers: &'a WriteFutures, party: Party<'a, RwState>, taken: Taken) -> Self {
        // Relaxed: the numbers only differ.
        let number = (writers.numbers.fetch_add(1, Relaxed) + 1) << 1 | u64::from(taken.poisoned);
        // SYNC: Release pairs with the swap in `let_go`.
        writers.holder.store(number, Release);
        Self { writers, party, number }
    }

    pub(super) fn station(&self) -> TaskWriter<'a> {
        TaskWriter { state: self.party.repair, holder: &self.writers.holder, number: self.number }
    }

    pub(super) fn is_held(&self) -> bool {
        self.station().is_held()
    }

    /// Goes inside, if the lock is still the future's (RA2).
    pub(super) fn go_inside(self) -> bool {
        let is_held = self.is_held();
        if is_held {
            // SYNC: as in `new`.
            self.writers.holder.store(0, Release);
            self.party.repair.go_inside(self.party.me);
        }
        is_held
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // In a child made by `fork` it is the parent's.
        if self.party.me.is_ours() && self.is_held() {
            let Self { writers, party, .. } = self;
            // RA3.
            writers.desk.dismiss_clerk(WRITER_BELL, party.members);
            let_go(&writers.holder, party.repair, party.me, party.members);
        }
    }
}

/// Opens the gate for the future that holds the lock, as after a timeout.
fn let_go(holder: &AtomicU64, state: &RwState, me: Session, members: &Members) {
    // SYNC: Acquire pairs with the store in `new`.
    let number = holder.swap(0, AcqRel);
    if number != 0 {
        state.open(me, members, state.is_still_poisoned(Taken { poisoned: number & 1 != 0 }));
    }
}

/// The owner of the lock, whose future waits for the readers. It is inert once it has given the lock up (RA2).
pub(super) struct TaskWriter<'a> {
    state: &'a RwState,
    holder: &'a Arc<AtomicU64>,
    number: u64,
}

impl TaskWriter<'_> {
    fn is_held(&self) -> bool {
        // SYNC: Acquire pairs with the swap in `let_go`. The lock of the list is between the two (RA2).
        self.holder.load(Acquire) == self.number
    }

    fn if_held(&self) -> Option<Writer<'_>> {
        self.is_held().then_some(Writer(self.state))
    }
}

impl Station for TaskWriter<'_> {
    fn turn(&self, _: Deadline) -> Turn {
        if self.is_held() { Turn::Lead } else { Turn::Check }
    }

    fn announce(&self) -> Deadline {
        self.if_held().map_or(Deadline::NEVER, |writer| writer.announce())
    }

    fn withdraw(&self) -> Withdrawn {
        self.if_held().map_or(Withdrawn::Uncalled, |writer| writer.withdraw())
    }

    fn bell(&self) -> u16 {
        WRITER_BELL
    }

    /// No other process waits for what it was called for.
    fn pass_on_used(&self, _: &Members) -> Result<()> {
        Ok(())
    }

    fn pass_on_unused(&self, _: &Members) -> Result<()> {
        Ok(())
    }
}

impl Lone for TaskWriter<'_> {
    fn withdrawal(&self) -> Withdrawal {
        let control = self.state.control.clone();
        Box::new(move || {
            // SYNC: as in the withdrawal of `Writer`.
            control.draining.swap(0, SeqCst);
            // Whatever woke it: others wait for it to be polled.
            Withdrawn::Chosen(0)
        })
    }

    fn giving_up(&self) -> Option<GiveUp> {
        let (state, holder) = (self.state.view(), Arc::clone(self.holder));
        Some(Box::new(move |members| {
            if let Some(me) = members.own_session() {
                let_go(&holder, &state, me, members);
            }
            // What failed was recorded in the clerk's members, and is to be recorded in the handle's.
            if members.has_recorded() { members.session(&state).map(drop) } else { Ok(()) }
        }))
    }
}
