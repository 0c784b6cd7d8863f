//! Parcels: what is too long for the kernel's queue, and every call, travels in blocks of the segment.
//!
//! A parcel is one word, and blocks that name it. On the queue stands a notice of it alone. The word is
//! (state, caller, holder, generation); the holder is who may touch the blocks, the caller who waits for an answer.
//!
//! | state | meaning | next | moved on by |
//! | --- | --- | --- | --- |
//! | FREE(g) | nobody's | FILLING(me) | a sender, by compare-and-swap |
//! | FILLING(s) | s takes blocks and writes | READY; FREE(g+1) if it gives up | s; who reaps s gives up for it |
//! | READY(s), READY(0) | complete; s has not yet sent the notice for certain, or has | HELD(r) | who received a notice of this generation; at the channel's end, anybody |
//! | the same | | FILLING(k), to be freed | s, or the caller, that gives up; who reaps them |
//! | HELD(r), no caller | r reads | FREE(g+1) | r; who reaps r: the message is lost with its receiver |
//! | HELD(r), caller c | r reads the request, works, writes the answer | ANSWERED(c); LOST(c) if r dies or gives up | r; who reaps r |
//! | the same | | HELD(r), no caller | c, that gives up; who reaps c |
//! | ANSWERED(c), LOST(c) | c may read the answer, or learns that there is none | FREE(g+1) | c; who reaps c |
//!
//! - **PC1** Blocks of a parcel are touched by one process: the holder in FILLING and HELD, the caller in ANSWERED
//!   and LOST. By R-own these words change by that process, or by the only helper of its slot.
//! - **PC2** A block belongs to the parcel whose number plus one is its word. It is taken from 0 by compare-and-swap
//!   for a parcel that the taker holds, and all blocks of a parcel are 0 before its word becomes FREE.
//! - **PC3** Which blocks, in which order: ascending. So a chain needs no links that could be wrong.
//! - **PC4** A notice may be repeated at any time: READY of its generation becomes HELD once. A receiver that
//!   finds another state goes on to the next message. One that only loses a compare-and-swap looks again: the sender may
//!   have marked the parcel as sent in between, and the notice may be the only one.
//! - **PC5** One caller at a time takes blocks for messages (the turnstile), another one for answers, from
//!   blocks of which some are theirs alone. So an answer never waits for a request to be worked on.
//!
//! | the process dies | what is left | who notices, and what becomes of the message |
//! | --- | --- | --- |
//! | FILLING, or READY before `send` returned | a parcel that names a dead slot | who needs blocks, or sleeps: freed, the message never was, unless it was received already |
//! | having taken the notice from the queue | a READY parcel of which nobody knows | who reaps a receiver has its notice sent again (see `lost`) |
//! | HELD, without caller | a parcel that names a dead slot | as the first: freed, the message is lost with its receiver |
//! | HELD, with caller | the same | the caller, by the obituary, at once: LOST |
//! | caller, waiting | the same | who reaps it: freed, or its request is one without caller |
//! | while it frees | some blocks are free already | who reaps it frees the rest |

mod answers;
mod chain;
mod repair;
mod room;
mod word;

use std::{ops::Range, sync::Arc};

pub(super) use self::{
    answers::Found,
    room::{BELLS, Use},
};
use self::{
    chain::Chain,
    word::{State, Word},
};
use super::{notice::Notice, plan::Plan};
use crate::{
    channel::lock::Lock,
    layout::Mapped,
    members::{Members, Session},
    raw::{self, MessageType, SharedMemory, SharedSafe},
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    },
};

/// A parcel, as it lies in memory.
#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Parcel {
    word: AtomicU64,
    route: AtomicU64,
    /// How many bytes are in its blocks; and how many blocks, from which on. Any of it may say anything.
    len: AtomicU64,
    blocks: AtomicU32,
    first: AtomicU32,
}

/// The words of parcels and blocks.
#[derive(Debug)]
pub(super) struct Parcels {
    pub(super) plan: Plan,
    pub(super) memory: Arc<SharedMemory>,
    /// Where the bytes of blocks begin in the segment.
    pub(super) bytes: usize,
    pub(super) flags: Mapped<AtomicU32>,
    pub(super) turnstiles: [Lock; 2],
    pub(super) words: Mapped<[Parcel]>,
    pub(super) blocks: Mapped<[AtomicU32]>,
}

/// Which parcel a process holds, and in which life.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) notice: Notice,
    pub(super) len: usize,
    pub(super) chain: Chain,
}

/// What came of a notice.
pub(super) enum ParcelClaim {
    /// The parcel was taken before, or taken back.
    ByAnother,
    /// It is the caller's, who is told whether somebody waits for its answer.
    Whole(Held, bool),
    /// What memory says of it can't be; whoever waits for its answer is in this slot, and must be told.
    Damaged(Option<u32>),
}

/// Returns the number of a message type, as wide as the widest system has it.
pub(super) fn number_of(message_type: MessageType) -> u64 {
    // It is positive.
    u64::try_from(message_type.get()).unwrap_or(0)
}

impl Parcels {
    fn word(&self, parcel: usize) -> Word {
        // SYNC: pairs with the compare-and-swap in `change`.
        Word::from_bits(self.words[parcel].word.load(Acquire))
    }

    /// Moves a parcel on, if it is as it was; returns whether it was.
    fn change(&self, parcel: usize, from: Word, to: Word) -> bool {
        // SYNC: it releases what we did to the blocks, and acquires what the one before did.
        self.words[parcel].word.compare_exchange(from.bits(), to.bits(), AcqRel, Acquire).is_ok()
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are far fewer parcels")]
    fn name(parcel: usize) -> u32 {
        parcel as u32 + 1
    }

    fn describe(&self, held: &Held) {
        let parcel = &self.words[held.notice.parcel];
        parcel.len.store(held.len as u64, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "there are far fewer blocks")]
        parcel.blocks.store(held.chain.blocks() as u32, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "as said")]
        parcel.first.store(held.chain.first() as u32, Relaxed);
    }

    /// Says that a parcel is complete; its notice is to be sent next.
    pub(super) fn ready(&self, held: &Held, route: MessageType, me: Session, is_call: bool) {
        self.describe(held);
        let parcel = held.notice.parcel;
        self.words[parcel].route.store(number_of(route), Relaxed);
        let word = self.word(parcel);
        let caller = if is_call { me.owner() } else { 0 };
        self.change(parcel, word, word.with_state(State::Ready).with_caller(caller));
    }

    /// Says that the notice was sent for certain.
    pub(super) fn sent(&self, notice: Notice, me: Session) {
        let word = self.word(notice.parcel);
        if word.generation() == notice.generation && word.state() == Some(State::Ready) && word.holder() == me.owner() {
            // Otherwise it was received meanwhile.
            self.change(notice.parcel, word, word.with_holder(0));
        }
    }

    /// Takes a complete parcel back that nobody has received; returns whether nobody had.
    pub(super) fn take_back(&self, notice: Notice, me: Session, members: &Members) -> bool {
        loop {
            let word = self.word(notice.parcel);
            if word.generation() != notice.generation || word.state() != Some(State::Ready) {
                return false;
            }
            let mine = word.with_state(State::Filling).with_holder(me.owner()).with_caller(0);
            if self.change(notice.parcel, word, mine) {
                self.free_all(notice.parcel, mine, members);
                return true;
            }
        }
    }

    /// Takes the parcel that a notice tells of (PC4).
    pub(super) fn claim(&self, notice: Notice, me: Session, members: &Members) -> ParcelClaim {
        if notice.parcel >= self.words.len() {
            return ParcelClaim::ByAnother;
        }
        let word = loop {
            let word = self.word(notice.parcel);
            if word.generation() != notice.generation || word.state() != Some(State::Ready) {
                return ParcelClaim::ByAnother;
            }
            if self.change(notice.parcel, word, word.with_state(State::Held).with_holder(me.owner())) {
                break word;
            }
            // Its sender may have changed the word between the two, to say that the notice was sent. The parcel is
            // READY all the same, and this may be its only notice.
        };
        match self.open(notice) {
            Some(held) => ParcelClaim::Whole(held, word.caller() != 0),
            None => ParcelClaim::Damaged(self.lose(notice.parcel, members)),
        }
    }

    /// Finds a parcel's blocks; `None` if what memory says can't be.
    fn open(&self, notice: Notice) -> Option<Held> {
        let parcel = &self.words[notice.parcel];
        // Read once, checked, and then used.
        let len = usize::try_from(parcel.len.load(Relaxed)).ok()?;
        let (first, count) = (parcel.first.load(Relaxed) as usize, parcel.blocks.load(Relaxed) as usize);
        if len > self.plan.largest || count < self.plan.blocks_for(len) {
            return None;
        }
        let name = Self::name(notice.parcel);
        let mut chain = Chain::default();
        for (index, block) in self.blocks.iter().enumerate().skip(first) {
            if chain.blocks() == count {
                break;
            }
            if block.load(Relaxed) == name {
                chain.add(index);
            }
        }
        (chain.blocks() == count).then_some(Held { notice, len, chain })
    }

    /// Frees what this process holds: a message or an answer that was read, or a parcel that it won't fill. Returns
    /// the slot of who waited for an answer, and must be told.
    pub(super) fn done(&self, held: &Held, members: &Members) -> Option<u32> {
        let word = self.word(held.notice.parcel);
        if word.caller() != 0 && word.state() == Some(State::Held) {
            return self.lose(held.notice.parcel, members);
        }
        held.chain.indices().for_each(|index| self.blocks[index].store(0, Release));
        self.free_word(held.notice.parcel, word);
        self.wake(members);
        None
    }

    /// What this process holds won't be answered, or even read: returns the slot of its caller, or frees it if it has
    /// none any more.
    fn lose(&self, parcel: usize, members: &Members) -> Option<u32> {
        loop {
            let word = self.word(parcel);
            let Some(caller) = word.caller().checked_sub(1) else {
                self.free_all(parcel, word, members);
                return None;
            };
            // Otherwise the caller has given up meanwhile.
            if self.change(parcel, word, word.with_state(State::Lost).with_holder(0)) {
                return Some(caller);
            }
        }
    }

    /// Frees a parcel and every block that names it. By PC1 the caller of this alone may.
    fn free_all(&self, parcel: usize, word: Word, members: &Members) {
        let name = Self::name(parcel);
        let blocks = self.blocks.iter().filter(|block| block.load(Relaxed) == name);
        blocks.for_each(|block| block.store(0, Release));
        self.free_word(parcel, word);
        self.wake(members);
    }

    fn free_word(&self, parcel: usize, word: Word) {
        // SYNC: Release: whoever takes the parcel next finds it ours no more.
        self.words[parcel].word.store(word.freed().bits(), SeqCst);
    }

    /// Returns how many bytes a notice stands for, if it still stands for any.
    pub(super) fn len_of(&self, notice: Notice) -> Option<u64> {
        let parcel = self.words.get(notice.parcel)?;
        let word = self.word(notice.parcel);
        let is_current = word.generation() == notice.generation && word.state() == Some(State::Ready);
        is_current.then(|| parcel.len.load(Relaxed).min(self.plan.largest as u64))
    }

    /// Returns how many parcels and blocks are taken, as it was a moment ago.
    pub(super) fn taken(&self) -> (usize, usize) {
        let parcels = (0..self.words.len()).filter(|&parcel| self.word(parcel).state() != Some(State::Free));
        let blocks = self.blocks.iter().filter(|block| block.load(Relaxed) != 0);
        (parcels.count(), blocks.count())
    }

    /// Returns how many blocks of some ranges are taken, as it was a moment ago, and how many there are.
    pub(super) fn taken_of(&self, ranges: &[Range<usize>]) -> (usize, usize) {
        let blocks = || ranges.iter().cloned().flatten();
        (blocks().filter(|&index| self.blocks[index].load(Relaxed) != 0).count(), blocks().count())
    }

    // The bytes of blocks: by PC1 nobody else touches them meanwhile.

    /// Writes bytes into a chain of the caller's, from a position on.
    pub(super) fn write(&self, chain: &Chain, at: usize, bytes: &[u8]) -> raw::Result<()> {
        let mut rest = bytes;
        for (offset, len) in chain.pieces(at, bytes.len(), self.plan.block) {
            let (now, later) = rest.split_at(len);
            self.memory.write(now, self.bytes + offset)?;
            rest = later;
        }
        Ok(())
    }

    /// Reads bytes from a chain of the caller's, from a position on.
    pub(super) fn read(&self, chain: &Chain, at: usize, bytes: &mut [u8]) -> raw::Result<()> {
        let len = bytes.len();
        let mut rest = bytes;
        for (offset, len) in chain.pieces(at, len, self.plan.block) {
            let (now, later) = rest.split_at_mut(len);
            self.memory.read_at(now, self.bytes + offset)?;
            rest = later;
        }
        Ok(())
    }

    /// Copies all bytes of a parcel of the caller's.
    pub(super) fn read_all(&self, held: &Held) -> raw::Result<Vec<u8>> {
        let mut bytes = vec![0; held.len];
        self.read(&held.chain, 0, &mut bytes)?;
        Ok(bytes)
    }
}

// SAFETY: it consists of atomic integers alone, laid out by C's rules.
#[allow(unsafe_code, reason = "a promise of its layout")]
unsafe impl SharedSafe for Parcel {}
