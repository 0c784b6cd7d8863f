//! Parcels: what is too long for the kernel's queue, and every call, travels in blocks of the segment.
//!
//! A parcel is one word, and blocks that name it. On the queue stands a notice of it alone. The word is
//! (state, caller, holder, generation); the holder is who may touch the blocks, the caller who waits for an answer.
//!
//! | state | meaning | next | moved on by |
//! | --- | --- | --- | --- |
//! | FREE(g) | nobody's | FILLING(me) | a sender, by compare-and-swap |
//! | FILLING(s) | s takes blocks and writes | READY; FREE(g+1) if it gives up | s; who reaps s gives up for it |
//! | READY(s), READY(0) | complete; s has not yet sent the notice for certain, or has | HELD(r) | who received a notice of this generation |
//! | the same | | FILLING(k), to be freed | s, or the caller, that gives up; who reaps them |
//! | HELD(r), no caller | r reads | FREE(g+1) | r; who reaps r: the message is lost with its receiver |
//! | HELD(r), caller c | r reads the request, works, writes the answer | ANSWERED(c); LOST(c) if r dies or gives up | r; who reaps r |
//! | the same | | HELD(r), no caller | c, that gives up; who reaps c |
//! | ANSWERED(c), LOST(c) | c may read the answer, or learns that there is none | FREE(g+1) | c; who reaps c |
//!
//! - **I1** Blocks of a parcel are touched by one process: the holder in FILLING and HELD, the caller in ANSWERED
//!   and LOST. By R-own these words change by that process, or by who holds its ALIVE.
//! - **I2** A block belongs to the parcel whose number plus one is its word. It is taken from 0 by compare-and-swap
//!   for a parcel that the taker holds, and all blocks of a parcel are 0 before its word becomes FREE.
//! - **I3** Which blocks, in which order: ascending. So a chain needs no links that could be wrong.
//! - **I4** A notice may be repeated at any time: READY of its generation becomes HELD once, and who finds it
//!   otherwise goes on to the next message.
//! - **I5** One caller at a time takes blocks for messages (the turnstile), another one for answers, from
//!   blocks of which some are theirs alone. So an answer never waits for a request to be worked on.
//!
//! | the process dies | what is left | who notices, and what becomes of the message |
//! | --- | --- | --- |
//! | FILLING, or READY before `send` returned | a parcel that names a dead slot | who needs blocks, or sleeps: freed, the message never was |
//! | having taken the notice from the queue | a READY parcel of which nobody knows | who reaps a receiver repeats the notices of all READY parcels |
//! | HELD, without caller | a parcel that names a dead slot | as the first: freed, the message is lost with its receiver |
//! | HELD, with caller | the same | the caller, by the obituary, at once: LOST |
//! | caller, waiting | the same | who reaps it: freed, or its request is one without caller |
//! | while it frees | some blocks are free already | who reaps it frees the rest |

use std::{ops::Range, sync::Arc};

use super::{
    chain::Chain,
    notice::Notice,
    parcel::{State, Word},
    plan::Plan,
};
use crate::{
    Error, Result,
    doorbell::Token,
    layout::Mapped,
    lock::Lock,
    members::{Members, Repair, Session},
    raw::{Deadline, MessageType, Shared, SharedMemory},
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence,
    },
};

/// For what blocks are taken; each has a turnstile, a bit of the flags, and two doorbells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Message,
    Answer,
}

impl Use {
    fn flag(self) -> u32 {
        1 << self as u32
    }

    pub(super) fn turnstile_bell(self) -> u16 {
        2 * self as u16
    }

    fn room_bell(self) -> u16 {
        2 * self as u16 + 1
    }
}

/// How many doorbells senders need.
pub(super) const BELLS: u16 = 4;

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

/// What a caller finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Waiting,
    Answered,
    Lost,
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

    /// Takes a parcel with room for so many bytes; waits for it until the deadline.
    pub(super) fn rent(
        &self,
        me: Session,
        members: &Members,
        repair: &impl Repair,
        len: usize,
        deadline: Deadline,
    ) -> Result<Held> {
        let count = self.plan.blocks_for(len);
        let take = || {
            let (parcel, word) = self.take_parcel(me)?;
            match self.take_blocks(parcel, count, &[self.plan.for_sending()]) {
                Some(chain) => Some(Held { notice: Notice { parcel, generation: word.generation() }, len, chain }),
                None => {
                    self.free_word(parcel, word);
                    None
                }
            }
        };
        self.in_turn(Use::Message, me, members, repair, deadline, take)
    }

    /// Takes more blocks for a parcel that this process holds, if it has not room for so many bytes.
    pub(super) fn enlarge(
        &self,
        held: &mut Held,
        me: Session,
        members: &Members,
        repair: &impl Repair,
        len: usize,
        deadline: Deadline,
    ) -> Result<()> {
        let more = self.plan.blocks_for(len).saturating_sub(held.chain.blocks());
        if more > 0 {
            let ranges = [self.plan.for_answers(), self.plan.for_sending()];
            let take = || self.take_blocks(held.notice.parcel, more, &ranges);
            let chain = self.in_turn(Use::Answer, me, members, repair, deadline, take)?;
            held.chain.merge(chain);
        }
        held.len = len;
        Ok(())
    }

    /// R-sleep in a turnstile (I5): `take` is all or nothing.
    fn in_turn<T>(
        &self,
        purpose: Use,
        me: Session,
        members: &Members,
        repair: &impl Repair,
        deadline: Deadline,
        mut take: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let turnstile = &self.turnstiles[purpose as usize];
        // Whoever died in it held nothing that isn't repaired: its poison means nothing.
        let entered = turnstile.try_take(me)
            || if deadline == Deadline::NOW {
                turnstile.try_take_slowly(me, members, repair)?.is_some()
            } else {
                turnstile.take_contended(me, members, repair, deadline)?.is_some()
            };
        if !entered {
            return Err(Error::Busy);
        }
        let taken = match take() {
            Some(taken) => Ok(taken),
            None => self.wait_for_room(purpose, members, repair, deadline, take),
        };
        turnstile.free(members, false);
        taken
    }

    #[cold]
    fn wait_for_room<T>(
        &self,
        purpose: Use,
        members: &Members,
        repair: &impl Repair,
        deadline: Deadline,
        mut take: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let mut token = Token::none(members, purpose.room_bell());
        loop {
            token.clear_pile()?;
            self.flags.fetch_or(purpose.flag(), SeqCst);
            // SYNC: pairs with the fence in `wake`: either it sees the flag, or we see what it freed.
            fence(SeqCst);
            members.reap_all(repair)?;
            if let Some(taken) = take() {
                token.used(|| false);
                return Ok(taken);
            }
            if deadline.has_passed() || !token.sleep(deadline)? {
                return Err(Error::Busy);
            }
        }
    }

    fn take_parcel(&self, me: Session) -> Option<(usize, Word)> {
        (0..self.words.len()).find_map(|parcel| {
            let word = self.word(parcel);
            let mine = word.with_state(State::Filling).with_holder(me.owner()).with_caller(0);
            (word.state() == Some(State::Free) && self.change(parcel, word, mine)).then_some((parcel, mine))
        })
    }

    /// Takes so many blocks for a parcel of the caller's, or none (I2).
    fn take_blocks(&self, parcel: usize, count: usize, ranges: &[Range<usize>]) -> Option<Chain> {
        let name = Self::name(parcel);
        let mut chain = Chain::default();
        for index in ranges.iter().cloned().flatten() {
            if chain.blocks() == count {
                break;
            }
            let block = &self.blocks[index];
            // SYNC: Acquire pairs with the store in `free_blocks`: who had it before is done with it.
            if block.load(Relaxed) == 0 && block.compare_exchange(0, name, Acquire, Relaxed).is_ok() {
                chain.add(index);
            }
        }
        if chain.blocks() == count {
            return Some(chain);
        }
        chain.indices().for_each(|index| self.blocks[index].store(0, Release));
        None
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
        let word = self.word(notice.parcel);
        if word.generation() != notice.generation || word.state() != Some(State::Ready) {
            return false;
        }
        let mine = word.with_state(State::Filling).with_holder(me.owner()).with_caller(0);
        let is_mine = self.change(notice.parcel, word, mine);
        if is_mine {
            self.free_all(notice.parcel, mine, members);
        }
        is_mine
    }

    /// Takes the parcel that a notice tells of; `None` if it was taken before, or taken back (I4).
    pub(super) fn claim(&self, notice: Notice, me: Session, members: &Members) -> Result<Option<(Held, bool)>> {
        if notice.parcel >= self.words.len() {
            return Ok(None);
        }
        let word = self.word(notice.parcel);
        let mine = word.with_state(State::Held).with_holder(me.owner());
        if word.generation() != notice.generation
            || word.state() != Some(State::Ready)
            || !self.change(notice.parcel, word, mine)
        {
            return Ok(None);
        }
        match self.open(notice) {
            Some(held) => Ok(Some((held, word.caller() != 0))),
            None => {
                self.lose(notice.parcel, members);
                Err(members.damaged("a parcel"))
            }
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

    /// Hands the answer to the caller; returns its slot, or `None` if it has given up, and the parcel is free.
    pub(super) fn answered(&self, held: &Held, members: &Members) -> Option<u32> {
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
    pub(super) fn look(&self, notice: Notice) -> Found {
        let word = self.word(notice.parcel);
        match word.state() {
            _ if word.generation() != notice.generation => Found::Lost,
            Some(State::Answered) => Found::Answered,
            Some(State::Ready | State::Held) => Found::Waiting,
            _ => Found::Lost,
        }
    }

    /// Returns the answer that [`look`](Self::look) has found; [`done`](Self::done) frees it.
    pub(super) fn answer(&self, notice: Notice, members: &Members) -> Result<Held> {
        self.open(notice).ok_or_else(|| members.damaged("an answer"))
    }

    /// Ends a call of this process, however far it is.
    pub(super) fn settle(&self, notice: Notice, me: Session, members: &Members) {
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

    /// Frees a parcel and every block that names it. By I1 the caller of this alone may.
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

    /// Something was freed: wakes who waits for it.
    fn wake(&self, members: &Members) {
        // SYNC: pairs with the fence in `wait_for_room`.
        fence(SeqCst);
        if self.flags.load(Relaxed) != 0 {
            for purpose in [Use::Message, Use::Answer] {
                if self.flags.fetch_and(!purpose.flag(), SeqCst) & purpose.flag() != 0 {
                    // It fails only if the object was removed, which has woken everybody.
                    let _ = members.post(purpose.room_bell());
                }
            }
        }
    }

    /// Takes everything away from a slot whose ALIVE the caller holds; `lost` is told of slots that wait for its answer.
    pub(super) fn repair(&self, slot: u32, members: &Members, mut lost: impl FnMut(u32)) -> Result<()> {
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
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = (MessageType, Notice)> {
        (0..self.words.len()).filter_map(|parcel| {
            let word = self.word(parcel);
            let route = self.words[parcel].route.load(Relaxed).try_into().ok()?;
            let route = MessageType::new(route).ok()?;
            let notice = Notice { parcel, generation: word.generation() };
            (word.state() == Some(State::Ready)).then_some((route, notice))
        })
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

    // The bytes of blocks: by I1 nobody else touches them meanwhile.

    /// Writes bytes into a chain of the caller's, from a position on.
    pub(super) fn write(&self, chain: &Chain, at: usize, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        for (offset, len) in chain.pieces(at, bytes.len(), self.plan.block) {
            let (now, later) = rest.split_at(len);
            self.memory.write(now, self.bytes + offset)?;
            rest = later;
        }
        Ok(())
    }

    /// Reads bytes from a chain of the caller's, from a position on.
    pub(super) fn read(&self, chain: &Chain, at: usize, bytes: &mut [u8]) -> Result<()> {
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
    pub(super) fn read_all(&self, held: &Held) -> Result<Vec<u8>> {
        let mut bytes = vec![0; held.len];
        self.read(&held.chain, 0, &mut bytes)?;
        Ok(bytes)
    }
}

// SAFETY: it consists of atomic integers alone, laid out by C's rules.
#[allow(unsafe_code, reason = "a promise of its layout")]
unsafe impl Shared for Parcel {}
