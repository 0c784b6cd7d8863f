//! The words of an mpmc ring, and how a place goes from hand to hand.
//!
//! Positions count for ever; an item's place is its position modulo the capacity, its lap the quotient. Each place
//! has one word that says whose it is, in every lap:
//!
//! | word | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | EMPTY(l) | free for the item of lap l | WRITING(l, me) | a producer, by compare-and-swap |
//! | WRITING(l, k) | k writes it | FULL(l), or EMPTY(l+1) if it gives up | k; who reaps k gives up for it |
//! | FULL(l) | the item is committed | READING(l, me) | a consumer, or a producer that overwrites, by compare-and-swap |
//! | READING(l, k) | k has it | EMPTY(l+1), or FULL(l) if it puts it back | k; who reaps k puts it back |
//!
//! | other word | meaning | changed by |
//! | --- | --- | --- |
//! | `tail` | no place before it is EMPTY for its lap: where to try to push | everybody, by compare-and-swap to the next position |
//! | `head` | no place before it is FULL for the first time: where to try to pop | everybody, likewise; past several laps at once if all of them are finished |
//! | `dirty` | odd: an item may lie behind `head`; the rest counts how often that was said | who puts back, adding; who has looked, by compare-and-swap from what it read before |
//! | `flags` of a side, its attachments, `arrivals`, `closed` | waiters and attachments of each role | see `ends` |
//!
//! - **MP1** A place is touched by the owner of its WRITING or READING word alone; by R-own nobody else changes
//!   such a word while that process lives.
//! - **MP2** An item is committed by the store of FULL, and consumed by the store of EMPTY(l+1). In between it has
//!   one reader at a time; one that dies, or puts it back, leaves it FULL.
//! - **MP3** `tail` and `head` are helped on by whoever finds that their place has gone ahead, so nobody
//!   waits for a process that was stopped between its word and the index.
//! - **MP4** An item is put back in this order: `head` is helped past it, its word becomes FULL, `dirty` is
//!   raised, consumers are woken. So an item behind `head` is never unannounced for long: a
//!   helper that dies or is stopped on the way left a slot dead and dirty, and the next helper raises `dirty` again.
//! - **MP5** Who has looked through all places lowers `dirty` only if nobody has raised it meanwhile.
//!
//! | the process dies | what is left | who notices |
//! | --- | --- | --- |
//! | having WRITING | a place that names a dead slot; the item never was | who sleeps, by the obituary; who finds it in its way |
//! | having FULL stored, before it posted | a committed item | the sleepers, by the obituary |
//! | having READING | an item that names a dead slot | the same; the next consumer gets it |
//! | having EMPTY stored, before it posted | a free place | the sleepers, by the obituary |
//! | before it helped an index | an index that is behind | who next comes there |
//!
//! First in, first out, but for items that were taken over: such a one comes a lap late at most, since
//! its place is needed again. A living process that is stopped while it writes holds up the consumers of what comes after it.
//!
//! Why no process passes over a slot that is WRITING: its writer commits by a plain store, so it could not be told that its item
//! is behind `head` now, and must be announced like a requeued one. That would take a locked instruction in each push.

use crate::{
    attendance::Attachment,
    failure::Result,
    layout::Mapped,
    members::{Members, Repair, Session},
    ring::{
        fence::Fence,
        mpmc::{
            control::MpmcControl,
            word::{SlotState, SlotWord},
        },
        role::Role,
    },
    sync::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence,
    },
    waiting::room::Room,
};

/// The ring's words in shared memory.
#[derive(Debug)]
pub(crate) struct MpmcState {
    pub(crate) control: Mapped<MpmcControl>,
    pub(crate) tail: Mapped<AtomicU64>,
    pub(crate) head: Mapped<AtomicU64>,
    pub(crate) attachments: Mapped<[Attachment]>,
    pub(crate) places: Mapped<[AtomicU64]>,
    /// Where producers wait for room, and consumers for items.
    pub(crate) rooms: [Room; 2],
    /// How far to shift a position for its lap: the capacity is a power of two.
    pub(crate) shift: u32,
    pub(crate) fence: Fence,
}

/// The position whose place this process has made its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) position: u64,
}

/// Each step that fails means that others got on. So many in a row, besides one for each place, mean damage.
const MOST_STEPS: u64 = 1 << 14;

impl MpmcState {
    #[inline]
    fn lap(&self, position: u64) -> u64 {
        position >> self.shift
    }

    #[inline]
    fn place(&self, position: u64) -> &AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "masked with the number of places")]
        &self.places[position as usize & (self.places.len() - 1)]
    }

    /// Returns a place's word, and how many laps it is ahead of the position.
    #[inline]
    pub(crate) fn look(&self, position: u64) -> (SlotWord, i64) {
        // SYNC: pairs with the stores that hand places on: what was written there is whole.
        let word = SlotWord(self.place(position).load(Acquire));
        (word, word.ahead_of(self.lap(position)))
    }

    #[inline]
    fn swap(&self, position: u64, from: SlotWord, to: SlotWord) -> bool {
        // SYNC: Acquire as in `look`; Release keeps the claim behind what was done before.
        self.place(position).compare_exchange(from.0, to.0, AcqRel, Relaxed).is_ok()
    }

    /// Moves an index past a position, unless somebody has (MP3).
    #[inline]
    fn help(index: &AtomicU64, position: u64) {
        // SYNC: Release and Acquire keep the index behind the words that it is derived from.
        let _ = index.compare_exchange(position, position.wrapping_add(1), AcqRel, Relaxed);
    }

    fn too_many_steps(&self, steps: &mut u64, members: &Members) -> Result<()> {
        *steps += 1;
        let most = MOST_STEPS + 4 * self.places.len() as u64;
        if *steps < most { Ok(()) } else { Err(members.damaged("the state of the places")) }
    }

    /// Claims the next free place for an item; `None` if the ring is full.
    #[inline]
    pub(crate) fn start_push(&self, me: Session, members: &Members) -> Result<Option<Claim>> {
        let mut steps = 0;
        loop {
            let position = self.tail.load(Acquire);
            let (word, ahead) = self.look(position);
            let lap = self.lap(position);
            if word == SlotWord::empty(lap) {
                if self.swap(position, word, SlotWord::writing(lap, me.owner())) {
                    Self::help(&self.tail, position);
                    return Ok(Some(Claim { position }));
                }
            } else if ahead >= 0 {
                Self::help(&self.tail, position);
            } else if self.tail.load(Acquire) == position {
                return Ok(None);
            }
            self.too_many_steps(&mut steps, members)?;
        }
    }

    /// Commits the item of a claimed place (MP2), and notifies consumers. Returns whether a failure was recorded.
    #[inline]
    #[must_use]
    pub(crate) fn finish_push(&self, claim: Claim, members: &Members) -> bool {
        let full = SlotWord::full(self.lap(claim.position));
        self.fence.publish(self.place(claim.position), full.0);
        self.notify(Role::Consumer, claim.position, members)
    }

    /// Gives a claimed place up: this position never has an item. Returns whether a failure was recorded.
    #[cold]
    pub(crate) fn give_up_push(&self, claim: Claim, members: &Members) -> bool {
        self.control.skipped.fetch_add(1, Relaxed);
        let empty = SlotWord::empty(self.lap(claim.position).wrapping_add(1));
        self.place(claim.position).store(empty.0, SeqCst);
        // So that a ring with nothing but such places is empty.
        Self::help(&self.head, claim.position);
        // SYNC: pairs with the fence of an announcement: either the waiter sees the word, or we see it announced.
        fence(SeqCst);
        // There is room for the next lap, and items behind it may have waited for this one (E3).
        let behind = members.record(self.notify_behind(Role::Consumer, claim.position, members));
        self.notify(Role::Producer, claim.position, members) || behind
    }

    /// Claims the oldest item; `None` if there is none to be had.
    #[inline]
    pub(crate) fn start_pop(&self, me: Session, members: &Members) -> Result<Option<Claim>> {
        if self.control.dirty.load(Acquire) & 1 != 0
            && let Some(claim) = self.take_over(me)
        {
            return Ok(Some(claim));
        }
        let mut steps = 0;
        loop {
            let position = self.head.load(Acquire);
            let (word, ahead) = self.look(position);
            let lap = self.lap(position);
            if word == SlotWord::full(lap) {
                if self.swap(position, word, SlotWord::reading(lap, me.owner())) {
                    Self::help(&self.head, position);
                    return Ok(Some(Claim { position }));
                }
            } else if ahead > 0 {
                self.help_head_far(position, ahead);
            } else if ahead == 0 && word.state() == SlotState::Reading {
                Self::help(&self.head, position);
            } else {
                return Ok(None);
            }
            self.too_many_steps(&mut steps, members)?;
        }
    }

    /// Moves `head` past a position whose place is so many laps ahead, and past all that is finished with it: a place
    /// that was given out for a lap was free before, and so was every place before it a lap earlier.
    #[cold]
    fn help_head_far(&self, position: u64, ahead: i64) {
        let laps = ahead.saturating_sub(2).max(0).cast_unsigned();
        let next = position.wrapping_add(laps << self.shift).wrapping_add(1);
        let _ = self.head.compare_exchange(position, next, AcqRel, Relaxed);
    }

    /// Claims the item that stands in the way of the next push, which is the oldest; `None` if there is none, or
    /// somebody has it in hand.
    #[cold]
    pub(crate) fn start_overwrite(&self, me: Session) -> Option<Claim> {
        let position = self.tail.load(Acquire).wrapping_sub(self.places.len() as u64);
        let lap = self.lap(position);
        if !self.swap(position, SlotWord::full(lap), SlotWord::reading(lap, me.owner())) {
            return None;
        }
        Self::help(&self.head, position);
        Some(Claim { position })
    }

    /// Looks for an item behind `head`, which was put back.
    #[cold]
    fn take_over(&self, me: Session) -> Option<Claim> {
        let seen = self.control.dirty.load(SeqCst);
        let head = self.head.load(Acquire);
        for (index, place) in (0..).zip(&*self.places) {
            let word = SlotWord(place.load(Acquire));
            let position = self.position(index, word, head);
            let is_behind = position.wrapping_sub(head).cast_signed() < 0;
            let lap = self.lap(position);
            if word == SlotWord::full(lap) && is_behind && self.swap(position, word, SlotWord::reading(lap, me.owner()))
            {
                return Some(Claim { position });
            }
        }
        // MP5.
        let _ = self.control.dirty.compare_exchange(seen, seen & !1, SeqCst, Relaxed);
        None
    }

    /// Returns the position that a place's word speaks of: the one of its lap that is nearest to `near`.
    fn position(&self, index: u64, word: SlotWord, near: u64) -> u64 {
        let lap = self.lap(near).wrapping_add_signed(word.ahead_of(self.lap(near)));
        lap << self.shift | index
    }

    /// Consumes the item of a claimed place (MP2), and notifies producers. Returns whether a failure was recorded.
    #[inline]
    #[must_use]
    pub(crate) fn finish_pop(&self, claim: Claim, members: &Members) -> bool {
        let empty = SlotWord::empty(self.lap(claim.position).wrapping_add(1));
        self.fence.publish(self.place(claim.position), empty.0);
        self.notify(Role::Producer, claim.position, members)
    }

    /// Puts the item of a claimed place back, for the next consumer (MP4). Returns whether a failure was recorded.
    #[cold]
    pub(crate) fn requeue(&self, claim: Claim, members: &Members) -> bool {
        self.control.taken_over.fetch_add(1, Relaxed);
        Self::help(&self.head, claim.position);
        self.place(claim.position).store(SlotWord::full(self.lap(claim.position)).0, Release);
        self.raise_dirty();
        // SYNC: as in `give_up_push`.
        fence(SeqCst);
        self.notify_one(Role::Consumer, members)
    }

    fn raise_dirty(&self) {
        let raise = |dirty: u64| Some(dirty.wrapping_add(2) | 1);
        // SYNC: Release hands on the words that were put back before.
        let _ = self.control.dirty.fetch_update(SeqCst, Relaxed, raise);
    }

    /// Returns whether another endpoint of a role would find something.
    pub(crate) fn is_more_for(&self, role: Role) -> bool {
        match role {
            Role::Consumer => {
                let (word, ahead) = self.look(self.head.load(Acquire));
                let is_taken = matches!(word.state(), SlotState::Full | SlotState::Reading);
                self.control.dirty.load(Acquire) & 1 != 0 || ahead > 0 || (ahead == 0 && is_taken)
            }
            Role::Producer => self.look(self.tail.load(Acquire)).1 >= 0,
        }
    }

    /// Returns whose place stands in the way of a side, as a slot plus one; 0 if nobody's does.
    pub(crate) fn in_the_way(&self, role: Role) -> u32 {
        let index = if role == Role::Consumer { &self.head } else { &self.tail };
        let (word, _) = self.look(index.load(Acquire));
        if matches!(word.state(), SlotState::Writing | SlotState::Reading) { word.owner() } else { 0 }
    }

    /// Moves `head` past a position that is READING, also if `head` is still at one that was skipped before it.
    fn help_head_past(&self, position: u64) {
        // So many steps besides one for each place mean damage.
        for _ in 0..MOST_STEPS + 4 * self.places.len() as u64 {
            let head = self.head.load(Acquire);
            if position.wrapping_sub(head).cast_signed() < 0 {
                return;
            }
            let (word, ahead) = self.look(head);
            match (ahead, word.state()) {
                (1.., _) => self.help_head_far(head, ahead),
                (0, SlotState::Reading) => Self::help(&self.head, head),
                // Another helper has put the item back, after it moved `head`: it was read before that.
                _ => return,
            }
        }
    }

    /// Takes its place away from a dead slot, or from one that leaves.
    fn repair_place(&self, index: u64, slot: u32) -> bool {
        let head = self.head.load(Acquire);
        let word = SlotWord(self.place(index).load(Acquire));
        if word.owner() != slot + 1 {
            return false;
        }
        let position = self.position(index, word, head);
        let lap = self.lap(position);
        match word.state() {
            SlotState::Writing => {
                if self.swap(position, word, SlotWord::empty(lap.wrapping_add(1))) {
                    self.control.skipped.fetch_add(1, Relaxed);
                }
            }
            SlotState::Reading => {
                // MP4. A helper that comes late must not move `head` past the item once it is FULL again: so `head` is past it
                // before the first helper makes it so.
                self.help_head_past(position);
                if self.swap(position, word, SlotWord::full(lap)) {
                    self.control.taken_over.fetch_add(1, Relaxed);
                }
            }
            // Others' words have no owner: this one is damaged, and its next user overwrites it.
            SlotState::Empty | SlotState::Full => return false,
        }
        true
    }
}

impl Repair for MpmcState {
    fn repair(&self, slot: u32, is_begun: bool, members: &Members) -> Result<()> {
        self.rooms.iter().for_each(|room| room.repair(slot));
        let places = self.places.len() as u64;
        let repaired = (0..places).filter(|&index| self.repair_place(index, slot)).count();
        let was_attached = self.control.arrivals.reap(&self.attachments[slot as usize]);
        let is_changed = was_attached || repaired > 0;
        if is_begun || is_changed {
            self.raise_dirty();
        }
        if is_changed { self.notify_all(members) } else { Ok(()) }
    }
}
