//! Sending (ST2).

use std::time::Duration;

use super::{
    Held, Refusal, Store, Until,
    blocks::{Chain, Run},
    geometry::Class,
    space::Share,
    wishes::Wishes,
    word::Hint,
};
use crate::{
    failure::Result,
    members::{Members, Repair, Session},
    sizes::INLINE,
    sync::Ordering::Relaxed,
    waiting::Party,
};

/// What a message says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) route: u32,
    pub(crate) codec: u32,
    pub(crate) schema: u32,
    pub(crate) class: Class,
    pub(crate) wishes: Wishes,
    /// How long it is before it can be received.
    pub(crate) delay: Duration,
}

/// A message that is being written: FILLING, and its blocks. It is freed when it is dropped.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    store: &'a Store,
    members: &'a Members,
    me: Session,
    pub(super) held: Held,
}

impl Store {
    /// Sends a message that fits into a cell. Returns which cell it is in.
    #[inline]
    pub(crate) fn send_short(
        &self,
        about: About,
        bytes: &[u8],
        party: Party<'_, impl Repair>,
        until: Until<'_>,
    ) -> Result<Held, Refusal> {
        debug_assert!(bytes.len() <= INLINE);
        let held = self.start(about.class, party, until)?;
        self.fill_short(held, about, bytes, party)
    }

    /// Writes a message into its cell, and sends it.
    #[inline]
    pub(super) fn fill_short(
        &self,
        held: Held,
        about: About,
        bytes: &[u8],
        party: Party<'_, impl Repair>,
    ) -> Result<Held, Refusal> {
        let cell = self.held(held);
        cell.write(bytes);
        cell.first_block.store(0, Relaxed);
        self.finish(held, about, bytes.len(), party.me, party.members)
    }

    /// Takes a cell for a message.
    #[inline]
    fn start(&self, class: Class, party: Party<'_, impl Repair>, until: Until<'_>) -> Result<Held, Refusal> {
        // Before a cell is taken. A message that is written when the channel is closed is sent.
        if self.is_closed() {
            return Err(self.closed(party.members));
        }
        let (cell, word) = match self.take_cell(class, party.me) {
            Some(taken) => taken,
            None => self.wait_for_cell(class, party, until)?,
        };
        Ok(Held { cell, word })
    }

    /// Makes a message that is written one that can be received.
    #[inline]
    fn finish(&self, held: Held, about: About, len: usize, me: Session, members: &Members) -> Result<Held, Refusal> {
        let cell = self.held(held);
        cell.route.store(about.route, Relaxed);
        cell.codec.store(about.codec, Relaxed);
        cell.schema.store(about.schema, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the caller has checked it against the largest message")]
        cell.len.store(len as u32, Relaxed);
        cell.wishes.store(about.wishes.0, Relaxed);
        let lane = self.lane_of(about.route);
        let caller = if about.class == Class::Call { me.owner() } else { 0 };
        if !about.delay.is_zero() {
            return self.finish_later(held, about.delay, me.owner(), caller, members);
        }
        // CK2: the stamp is taken before the hint is pushed.
        cell.sent_at.store(self.stamp(), Relaxed);
        let ready = held.word.ready(me.owner(), caller);
        // ST1: FILLING is ours, so a store is enough.
        cell.set(ready);
        let hint = Hint::of(held.cell, ready);
        self.lane(lane).push(hint, members)?;
        // The message is sent, so what fails is recorded for the next call.
        members.record(self.notify_message(hint, lane, members));
        Ok(Held { cell: held.cell, word: ready })
    }

    /// Makes a message that is written one that can be received later.
    #[cold]
    fn finish_later(
        &self,
        held: Held,
        delay: Duration,
        owner: u32,
        caller: u32,
        members: &Members,
    ) -> Result<Held, Refusal> {
        let cell = self.held(held);
        Self::set_due(cell, delay);
        // From the next line on the cell is not ours.
        let due = cell.due.load(Relaxed);
        let delayed = held.word.delayed(owner, caller);
        // SYNC: as in `finish`. The change in `lower` comes after it, so DL1 has an owner to rely on.
        cell.set(delayed);
        members.record(self.show_delay(due, members));
        Ok(Held { cell: held.cell, word: delayed })
    }

    /// Starts a message that does not fit into a cell: takes a cell and blocks.
    pub(crate) fn draft<'a>(
        &'a self,
        class: Class,
        len: usize,
        party: Party<'a, impl Repair>,
        until: Until<'_>,
    ) -> Result<Draft<'a>, Refusal> {
        if len > self.geometry.max_message_size {
            return Err(Refusal::TooLong);
        }
        let draft = self.draft_in(self.start(class, party, until)?, len, party);
        let chain = self.take_blocks(Self::name(draft.held), len, Share::Messages, party, until)?;
        Ok(draft.with(chain))
    }

    /// Begins a message in a cell. Dropping the draft frees the cell, also if there are no blocks.
    pub(super) fn draft_in<'a>(&'a self, held: Held, len: usize, party: Party<'a, impl Repair>) -> Draft<'a> {
        let cell = self.held(held);
        // What an earlier message left there is not this one's.
        cell.first_block.store(0, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the caller has checked it against the largest message")]
        cell.len.store(len as u32, Relaxed);
        Draft { store: self, members: party.members, me: party.me, held }
    }
}

impl Draft<'_> {
    /// Gives it the blocks that were taken for it.
    pub(super) fn with(self, chain: Chain) -> Self {
        self.store.held(self.held).first_block.store(chain.first(), Relaxed);
        self
    }

    /// Returns where the bytes go.
    pub(crate) fn run(&mut self) -> Run<'_> {
        self.store.blocks.run(self.store.chain(self.held))
    }

    /// Sends it. Returns which cell it is in.
    pub(crate) fn send(self, about: About) -> Result<Held, Refusal> {
        let len = self.store.chain(self.held).len();
        // It is sent instead of being dropped.
        let this = std::mem::ManuallyDrop::new(self);
        this.store.finish(this.held, about, len, this.me, this.members)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // In a child made by `fork` it is the parent's.
        if self.me.is_ours() {
            self.members.record(self.store.release(self.held, self.members));
        }
    }
}
