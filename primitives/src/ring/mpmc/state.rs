//! The shared state of an mpmc ring, and how a slot passes from process to process.
//!
//! Positions count for ever. An item's slot is its position modulo the capacity, and its lap is the quotient. Each slot
//! has one word that names its owner, in every lap. In these tables k and me are members:
//!
//! | word | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | EMPTY(l) | free for the item of lap l | WRITING(l, me) | a producer, by compare-and-swap |
//! | WRITING(l, k) | k writes it | FULL(l), or EMPTY(l+1) if k cancels | k, or a reaper of k, which cancels |
//! | FULL(l) | the item is committed | READING(l, me) | a consumer, or a producer that overwrites, by compare-and-swap |
//! | READING(l, k) | k has claimed it | EMPTY(l+1), or FULL(l) if k requeues it | k, or a reaper of k, which requeues it |
//!
//! | other word | meaning | changed by |
//! | --- | --- | --- |
//! | `tail` | no slot before it is EMPTY for its lap: where to try to push | any member, by compare-and-swap to the next position |
//! | `head` | no slot before it is FULL for the first time: where to try to pop | any member, likewise, and past several laps at once if all of them are finished |
//! | `dirty` | odd: an item may lie behind `head`. The other bits count how often it was raised | raised after requeueing, by addition; lowered after a search, by compare-and-swap from the value that was read before |
//! | `flags` of a side, its attachments, `arrivals`, `closed` | waiters and attachments of each role | see `ends` |
//!
//! - **MP1** A slot is touched by the owner of its WRITING or READING word alone. By R-own no other process changes
//!   such a word while the owner lives.
//! - **MP2** An item is committed by the store of FULL, and consumed by the store of EMPTY(l+1). In between it has one
//!   reader at a time. A reader that dies, or requeues it, leaves it FULL.
//! - **MP3** A process that finds the slot at `tail` or `head` used moves the index on. So no process waits for a
//!   process that was stopped after it stored the word and before it moved the index.
//! - **MP4** An item is requeued in this order: `head` is moved past it, by its consumer right after the claim, or by a helper of
//!   a dead one. Then its word becomes FULL, `dirty` is raised, and consumers are notified. So an item behind `head` is never
//!   unannounced for long: if a helper dies or is stopped on the way, the member's slot stays dead and marked as begun, and the
//!   next helper raises `dirty` again.
//! - **MP5** A consumer that has searched all slots lowers `dirty` only if it was not raised meanwhile.
//!
//! | the process dies | what is left | repaired by |
//! | --- | --- | --- |
//! | having WRITING | a slot that names a dead member; the item never was | a waiter, by the obituary; a process that finds the slot in its way |
//! | having FULL stored, before it posted | a committed item | a waiter, by the obituary |
//! | having READING | an item that names a dead member | the same; the next consumer gets the item |
//! | having EMPTY stored, before it posted | a free slot | a waiter, by the obituary |
//! | before it moved an index | an index that is behind | the next process that reads the index |
//!
//! Items come first in, first out, except those that were taken over. Such an item comes at most a lap late, since its
//! slot is needed again. A living process that is stopped while it writes holds up the consumers of the items after it.
//!
//! No process passes over a slot that is WRITING, since its writer commits by a plain store. The writer would not learn
//! that its item is behind `head` now, and must be announced like a requeued one. To learn it would take a locked
//! instruction in each push.

use crate::{
    attendance::Attachment,
    failure::Result,
    layout::Mapped,
    members::{Members, Repair, Session},
    ring::mpmc::{
        control::MpmcControl,
        word::{SlotState, SlotWord},
    },
    role::Role,
    sync::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence,
    },
    waiting::{fence::Fence, room::Room},
};

/// The ring's state in shared memory.
#[derive(Debug)]
pub(crate) struct MpmcState {
    pub(crate) control: Mapped<MpmcControl>,
    pub(crate) tail: Mapped<AtomicU64>,
    pub(crate) head: Mapped<AtomicU64>,
    pub(crate) attachments: Mapped<[Attachment]>,
    pub(crate) slots: Mapped<[AtomicU64]>,
    /// Where producers wait for room, and consumers for items.
    pub(crate) rooms: [Room; 2],
    /// By how many bits to shift a position for its lap: the capacity is a power of two.
    pub(crate) shift: u32,
    pub(crate) fence: Fence,
}

/// The position of a slot that this process has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) position: u64,
}

/// Each step that fails means that another process made progress. So many in a row, besides those for each slot, mean
/// that memory is corrupt.
const MOST_STEPS: u64 = 1 << 14;

impl MpmcState {
    #[inline]
    fn lap(&self, position: u64) -> u64 {
        position >> self.shift
    }

    #[inline]
    fn slot(&self, position: u64) -> &AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "masked with the number of slots")]
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// Returns a slot's word, and how many laps it is ahead of the position.
    #[inline]
    pub(crate) fn look(&self, position: u64) -> (SlotWord, i64) {
        // SYNC: pairs with the stores that hand slots on, in `finish_push`, `finish_pop` and `requeue`: what was
        // written there is complete.
        let word = SlotWord(self.slot(position).load(Acquire));
        (word, word.ahead_of(self.lap(position)))
    }

    #[inline]
    fn swap(&self, position: u64, from: SlotWord, to: SlotWord) -> bool {
        // SYNC: Acquire pairs as in `look`. Release pairs with the load in `look` of a helper or of the next user of
        // the slot.
        self.slot(position).compare_exchange(from.0, to.0, AcqRel, Relaxed).is_ok()
    }

    /// Moves an index past a position, unless another process has done so (MP3).
    #[inline]
    fn help(index: &AtomicU64, position: u64) {
        // SYNC: pairs with the Acquire loads of `tail` and `head`. A process that sees the index moved sees the slot's
        // word that moved it.
        let _ = index.compare_exchange(position, position.wrapping_add(1), AcqRel, Relaxed);
    }

    fn too_many_steps(&self, steps: &mut u64, members: &Members) -> Result<()> {
        *steps += 1;
        let most = MOST_STEPS + 4 * self.slots.len() as u64;
        if *steps < most { Ok(()) } else { Err(members.damaged("the state of the slots")) }
    }

    /// Claims the next free slot for an item. Returns `None` if the ring is full.
    #[inline]
    pub(crate) fn start_push(&self, me: Session, members: &Members) -> Result<Option<Claim>> {
        let mut steps = 0;
        loop {
            // SYNC: pairs with the change in `help`, as each load of an index.
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
                // SYNC: as above. The slot has an item of an earlier lap, and `tail` was not moved on meanwhile: the ring is full.
                return Ok(None);
            }
            self.too_many_steps(&mut steps, members)?;
        }
    }

    /// Commits the item of a claimed slot (MP2), and notifies consumers. Returns whether a failure was recorded.
    #[inline]
    #[must_use]
    pub(crate) fn finish_push(&self, claim: Claim, members: &Members) -> bool {
        let full = SlotWord::full(self.lap(claim.position));
        self.fence.publish(self.slot(claim.position), full.0);
        self.notify(Role::Consumer, claim.position, members)
    }

    /// Cancels a claim: this position never has an item. Returns whether a failure was recorded.
    #[cold]
    pub(crate) fn give_up_push(&self, claim: Claim, members: &Members) -> bool {
        self.control.skipped.fetch_add(1, Relaxed);
        let empty = SlotWord::empty(self.lap(claim.position).wrapping_add(1));
        // SYNC: pairs with the load in `look`.
        self.slot(claim.position).store(empty.0, SeqCst);
        // So that a ring with only cancelled slots is empty.
        Self::help(&self.head, claim.position);
        // SYNC: pairs with the fence of an announcement: either the waiter sees the word, or we see it announced.
        fence(SeqCst);
        // The slot is free for the next lap, and items behind it may have waited for this one (E3).
        let behind = members.record(self.notify_behind(Role::Consumer, claim.position, members));
        self.notify(Role::Producer, claim.position, members) || behind
    }

    /// Claims the oldest item. Returns `None` if none is available.
    #[inline]
    pub(crate) fn start_pop(&self, me: Session, members: &Members) -> Result<Option<Claim>> {
        // SYNC: pairs with the change in `raise_dirty`.
        if self.control.dirty.load(Acquire) & 1 != 0
            && let Some(claim) = self.take_over(me)
        {
            return Ok(Some(claim));
        }
        let mut steps = 0;
        loop {
            // SYNC: as in `start_push`.
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

    /// Moves `head` past a position with a slot that is so many laps ahead, and past all positions that are finished
    /// then. A slot that was claimed for a lap was free before, and so was every slot before it a lap earlier.
    #[cold]
    fn help_head_far(&self, position: u64, ahead: i64) {
        let laps = ahead.saturating_sub(2).max(0).cast_unsigned();
        let next = position.wrapping_add(laps << self.shift).wrapping_add(1);
        // SYNC: as in `help`.
        let _ = self.head.compare_exchange(position, next, AcqRel, Relaxed);
    }

    /// Claims the item in the way of the next push, which is the oldest. Returns `None` if there is none, or if it is
    /// claimed.
    #[cold]
    pub(crate) fn start_overwrite(&self, me: Session) -> Option<Claim> {
        // SYNC: as in `start_push`. The oldest item lies a capacity before the next push.
        let position = self.tail.load(Acquire).wrapping_sub(self.slots.len() as u64);
        let lap = self.lap(position);
        if !self.swap(position, SlotWord::full(lap), SlotWord::reading(lap, me.owner())) {
            return None;
        }
        Self::help(&self.head, position);
        Some(Claim { position })
    }

    /// Claims an item behind `head`, which was requeued. Returns `None` if there is none.
    #[cold]
    fn take_over(&self, me: Session) -> Option<Claim> {
        // SYNC: pairs with the change in `raise_dirty`. It is read before the slots, so MP5 can tell whether it was
        // raised since.
        let seen = self.control.dirty.load(SeqCst);
        let head = self.head.load(Acquire);
        for (index, slot) in (0..).zip(&*self.slots) {
            // SYNC: as in `look`.
            let word = SlotWord(slot.load(Acquire));
            let position = self.position(index, word, head);
            let is_behind = position.wrapping_sub(head).cast_signed() < 0;
            let lap = self.lap(position);
            if word == SlotWord::full(lap) && is_behind && self.swap(position, word, SlotWord::reading(lap, me.owner()))
            {
                return Some(Claim { position });
            }
        }
        // MP5.
        // SYNC: pairs with the change in `raise_dirty`: it fails if `dirty` was raised since it was read.
        let _ = self.control.dirty.compare_exchange(seen, seen & !1, SeqCst, Relaxed);
        None
    }

    /// Returns the position that a slot's word is about: among those of its lap, the nearest to `near`.
    fn position(&self, index: u64, word: SlotWord, near: u64) -> u64 {
        let lap = self.lap(near).wrapping_add_signed(word.ahead_of(self.lap(near)));
        lap << self.shift | index
    }

    /// Consumes the item of a claimed slot (MP2), and notifies producers. Returns whether a failure was recorded.
    #[inline]
    #[must_use]
    pub(crate) fn finish_pop(&self, claim: Claim, members: &Members) -> bool {
        let empty = SlotWord::empty(self.lap(claim.position).wrapping_add(1));
        self.fence.publish(self.slot(claim.position), empty.0);
        self.notify(Role::Producer, claim.position, members)
    }

    /// Requeues the item of a claimed slot, for the next consumer (MP4). Returns whether a failure was recorded.
    #[cold]
    pub(crate) fn requeue(&self, claim: Claim, members: &Members) -> bool {
        self.control.taken_over.fetch_add(1, Relaxed);
        // MP4: `head` has been past the item since it was claimed, so no late helper moves `head` past it afterwards.
        // SYNC: pairs with the loads in `look` and `take_over`.
        self.slot(claim.position).store(SlotWord::full(self.lap(claim.position)).0, Release);
        self.raise_dirty();
        // SYNC: as in `give_up_push`.
        fence(SeqCst);
        self.notify_one(Role::Consumer, members)
    }

    fn raise_dirty(&self) {
        let raise = |dirty: u64| Some(dirty.wrapping_add(2) | 1);
        // SYNC: pairs with the load of `dirty` in `start_pop` and `take_over`: the word of the requeued item is visible
        // there.
        let _ = self.control.dirty.fetch_update(SeqCst, Relaxed, raise);
    }

    /// Returns whether another endpoint of a role would find something.
    pub(crate) fn is_more_for(&self, role: Role) -> bool {
        // SYNC: as in `start_push` and `start_pop`. A waiter that passes a call on checks after it has withdrawn.
        match role {
            Role::Consumer => {
                let (word, ahead) = self.look(self.head.load(Acquire));
                let is_taken = matches!(word.state(), SlotState::Full | SlotState::Reading);
                self.control.dirty.load(Acquire) & 1 != 0 || ahead > 0 || (ahead == 0 && is_taken)
            }
            Role::Producer => self.look(self.tail.load(Acquire)).1 >= 0,
        }
    }

    /// Returns the owner of the slot in the way of a role, as the member's slot plus one. Returns 0 if no member owns
    /// it.
    pub(crate) fn in_the_way(&self, role: Role) -> u32 {
        let index = if role == Role::Consumer { &self.head } else { &self.tail };
        // SYNC: as in `start_push`.
        let (word, _) = self.look(index.load(Acquire));
        if matches!(word.state(), SlotState::Writing | SlotState::Reading) { word.owner() } else { 0 }
    }

    /// Moves `head` past a position that is READING, even if `head` is still at an earlier position that was skipped.
    fn help_head_past(&self, position: u64) {
        // More steps mean that memory is corrupt, as in `too_many_steps`.
        for _ in 0..MOST_STEPS + 4 * self.slots.len() as u64 {
            // SYNC: as in `start_push`.
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

    /// Takes a slot of the ring away from a member that is dead or leaves. Returns whether it was the member's.
    fn repair_slot(&self, index: u64, member: u32) -> bool {
        // SYNC: as in `start_push` and `look`. The position is derived from `head`, and any near one will do.
        let head = self.head.load(Acquire);
        let word = SlotWord(self.slot(index).load(Acquire));
        if word.owner() != member + 1 {
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
                // MP4. A late helper must not move `head` past the item once the item is FULL again. So `head` is moved
                // past it before the first helper makes it FULL.
                self.help_head_past(position);
                if self.swap(position, word, SlotWord::full(lap)) {
                    self.control.taken_over.fetch_add(1, Relaxed);
                }
            }
            // A word in these states has no owner. This one is corrupt, and the next user of the slot overwrites it.
            SlotState::Empty | SlotState::Full => return false,
        }
        true
    }
}

impl Repair for MpmcState {
    fn repair(&self, slot: u32, is_begun: bool, members: &Members) -> Result<()> {
        self.rooms.iter().for_each(|room| room.repair(slot));
        let slots = self.slots.len() as u64;
        let repaired = (0..slots).filter(|&index| self.repair_slot(index, slot)).count();
        let was_attached = self.control.arrivals.reap(&self.attachments[slot as usize]);
        let is_changed = was_attached || repaired > 0;
        // MP4: another helper may have requeued an item, and died before it raised `dirty`.
        if is_begun || is_changed {
            self.raise_dirty();
        }
        if is_changed { self.notify_all(members) } else { Ok(()) }
    }
}
