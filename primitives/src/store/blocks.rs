//! Blocks: the bytes of messages that don't fit into a cell (ST8).
//!
//! A block belongs to one life of a cell, and has its name as the owner word: 0, or the cell plus one and the generation.
//! A response that is written apart has a name of its own. Only
//! the holder of the lock takes blocks. The owner of the cell gives them back by plain stores, or a helper of a dead one by
//! compare-and-swap from the name, so a helper that comes late does not touch the blocks of the cell's next life.
//!
//! - **BL1** The bytes of a block are touched by the process that owns the cell of its name: in FILLING and HELD, and by the
//!   caller in ANSWERED.
//! - **BL2** A taker that finds too few gives back what it has, and frees the lock before it sleeps. So a process that is stopped
//!   while it waits has no block and no lock.
//! - **BL3** Links are checked when they are followed: each block must have the name, and there are no more than the length
//!   needs.
#![allow(unsafe_code, reason = "bytes are copied to and from their addresses")]

use std::{fmt, io, ops::Range, ptr::NonNull, sync::Arc, time::Duration};

use super::word::CellWord;
use crate::{
    failure::Result,
    layout::{Mapped, room},
    lock::Lock,
    members::Repair,
    raw::{self, Deadline, SharedMemory},
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
    },
    waiting::Party,
};

/// How long a process waits for the lock if it does not wait for room. Its holder takes microseconds, unless it is stopped.
const MOST_LOCKED: Duration = Duration::from_millis(50);

/// The blocks of a store.
pub(crate) struct Blocks {
    pub(super) lock: Lock,
    owners: Mapped<[AtomicU64]>,
    /// For each block the next one of its message, plus one.
    next: Mapped<[AtomicU32]>,
    bytes: NonNull<u8>,
    size: usize,
    /// Keeps the mapping.
    memory: Arc<SharedMemory>,
}

// SAFETY: it is an address and the mapping it lies in. By BL1 each block is touched by one owner at a time.
unsafe impl Send for Blocks {}
// SAFETY: as above.
unsafe impl Sync for Blocks {}

/// A cell plus one has 16 bits.
const RESPONSE: u64 = 1 << 16;
const GENERATION_SHIFT: u32 = 17;
const ATTEMPTS_SHIFT: u32 = 43;

/// The life of a cell, as its blocks name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name(u64);

impl Name {
    pub(super) fn of(cell: usize, word: CellWord) -> Self {
        Self(word.generation() << GENERATION_SHIFT | (cell as u64 + 1))
    }

    /// Returns the name of a response that is written apart from its request, in one attempt (CL7).
    pub(super) fn of_response(cell: usize, word: CellWord) -> Self {
        Self(Self::of(cell, word).0 | RESPONSE | u64::from(word.attempts()) << ATTEMPTS_SHIFT)
    }
}

/// The blocks of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    name: Name,
    /// The first block plus one.
    first: u32,
    len: usize,
}

impl Chain {
    pub(super) fn new(name: Name, first: u32, len: usize) -> Self {
        Self { name, first, len }
    }

    pub(super) fn len(self) -> usize {
        self.len
    }

    pub(super) fn first(self) -> u32 {
        self.first
    }
}

impl Blocks {
    pub(super) fn at(
        memory: &Arc<SharedMemory>,
        [owners, next, bytes]: [usize; 3],
        number: usize,
        size: usize,
        lock: Lock,
    ) -> raw::Result<Self> {
        let first = room::<u8>(memory, bytes, number.saturating_mul(size))?;
        let (owners, next) = (Mapped::slice(memory, owners, number)?, Mapped::slice(memory, next, number)?);
        Ok(Self { lock, owners, next, bytes: first, size, memory: Arc::clone(memory) })
    }

    /// Returns how many blocks so many bytes take.
    pub(super) fn needed(&self, len: usize) -> usize {
        len.div_ceil(self.size)
    }

    /// Takes blocks for so many bytes from a part of them. Returns `None` if there are too few.
    pub(super) fn take(
        &self,
        name: Name,
        len: usize,
        from: Range<usize>,
        party: Party<'_, impl Repair>,
        deadline: Deadline,
    ) -> Result<Option<Chain>> {
        if !self.lock_blocks(party, deadline)? {
            return Ok(None);
        }
        let taken = self.take_locked(name, len, from);
        self.unlock_blocks(party);
        Ok(taken)
    }

    pub(super) fn unlock_blocks(&self, party: Party<'_, impl Repair>) {
        self.lock.free(party.me, party.members, false);
    }

    /// Takes the lock. A process that does not wait for room waits for the lock, which is held for a moment: otherwise
    /// it would find blocks taken that another process only holds for a moment. If the holder is stopped, the wait
    /// times out.
    pub(super) fn lock_blocks(&self, party: Party<'_, impl Repair>, deadline: Deadline) -> Result<bool> {
        if self.lock.try_take(party.me) {
            return Ok(true);
        }
        // Microseconds, unless the holder is stopped. So a call that won't wait does wait, but not for long.
        let until = if deadline == Deadline::NOW { Deadline::after(MOST_LOCKED) } else { deadline };
        let taken = self.lock.take_contended(party, until)?;
        if taken.is_some_and(|taken| taken.poisoned) {
            // A process died in here. What it took is named, and its reaper gives it back.
            self.lock.clear_poison();
        }
        Ok(taken.is_some())
    }

    fn take_locked(&self, name: Name, len: usize, from: Range<usize>) -> Option<Chain> {
        let (mut missing, mut first, mut last) = (self.needed(len), 0, None::<usize>);
        let candidates = from.clone().zip(&self.owners[from]);
        for (index, owner) in candidates {
            if missing == 0 {
                break;
            }
            // SYNC: both pair with the SeqCst changes to 0 in `give` and `give_all`: what was read from the block was
            // read before.
            let is_free = owner.load(Acquire) == 0;
            if !is_free || owner.compare_exchange(0, name.0, AcqRel, Relaxed).is_err() {
                continue;
            }
            #[expect(clippy::cast_possible_truncation, reason = "there are far fewer blocks")]
            let link = index as u32 + 1;
            match last {
                Some(last) => self.next[last].store(link, Relaxed),
                None => first = link,
            }
            // Relaxed: the change of the cell's word hands the links on.
            self.next[index].store(0, Relaxed);
            (last, missing) = (Some(index), missing - 1);
        }
        let chain = Chain { name, first, len };
        if missing > 0 {
            // BL2.
            self.give(chain);
            return None;
        }
        Some(chain)
    }

    /// Gives the blocks of a message back. The caller owns its cell.
    pub(super) fn give(&self, chain: Chain) {
        let (mut link, mut left) = (chain.first, self.owners.len());
        while let Some(index) = self.index(link, chain.name) {
            // The link is read before the block is given back: its next owner changes it.
            link = self.next[index].load(Relaxed);
            // SYNC: pairs with the loads in `take_locked`. SeqCst for the fence in `notify_blocks`, and that of a
            // waiter.
            self.owners[index].store(0, SeqCst);
            // ST9: links in corrupt memory may form a circle.
            match left.checked_sub(1) {
                Some(less) => left = less,
                None => return,
            }
        }
    }

    /// Gives every block of a name back, for a dead owner. Returns whether there were any.
    pub(super) fn give_all(&self, name: Name) -> bool {
        // SYNC: as in `give`. By compare-and-swap, as another helper may have given it back, and a message may have it
        // now.
        let is_taken = |owner: &&AtomicU64| owner.load(Acquire) == name.0;
        let give = |owner: &AtomicU64| owner.compare_exchange(name.0, 0, SeqCst, Relaxed).is_ok();
        self.owners.iter().filter(is_taken).filter(|owner| give(owner)).count() > 0
    }

    /// Returns how many blocks of a part are taken.
    pub(super) fn taken(&self, of: Range<usize>) -> usize {
        // Relaxed: a number for operators.
        self.owners[of].iter().filter(|owner| owner.load(Relaxed) != 0).count()
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns the block of a link, if it has the name (BL3).
    fn index(&self, link: u32, name: Name) -> Option<usize> {
        let index = usize::try_from(link.checked_sub(1)?).ok()?;
        // SYNC: pairs with the change in `take_locked`, through the word of the cell that names the block.
        (self.owners.get(index)?.load(Acquire) == name.0).then_some(index)
    }

    /// Returns the bytes of a message, from the beginning on.
    pub(super) fn run(&self, chain: Chain) -> Run<'_> {
        Run { blocks: self, name: chain.name, link: chain.first, at: 0, left: chain.len }
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} blocks of {} bytes in {}", self.owners.len(), self.size, self.memory.id())
    }
}

/// What is left of a message to read or to write. The caller owns its cell.
pub(crate) struct Run<'a> {
    blocks: &'a Blocks,
    name: Name,
    link: u32,
    /// How many bytes of the block were used.
    at: usize,
    left: usize,
}

impl Run<'_> {
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Returns where the next bytes are, and how many, up to so many.
    fn next(&mut self, wanted: usize) -> io::Result<(*mut u8, usize)> {
        // BL3: each link is checked when it is followed, since it may have changed since the last check.
        if self.at == self.blocks.size {
            let index = self.blocks.index(self.link, self.name).ok_or_else(corrupt)?;
            (self.link, self.at) = (self.blocks.next[index].load(Relaxed), 0);
        }
        let index = self.blocks.index(self.link, self.name).ok_or_else(corrupt)?;
        let len = wanted.min(self.left).min(self.blocks.size - self.at);
        // It lies in the bytes of all blocks: `index` is a block's.
        let address = self.blocks.bytes.as_ptr().wrapping_add(index * self.blocks.size + self.at);
        (self.at, self.left) = (self.at + len, self.left - len);
        Ok((address, len))
    }
}

/// The text by which a reader of an error learns what is wrong with a message.
fn corrupt() -> io::Error {
    io::Error::other("the blocks of the message are corrupt")
}

impl io::Read for Run<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() || self.left == 0 {
            return Ok(0);
        }
        let (from, len) = self.next(to.len())?;
        // SAFETY: by BL1 no other process changes these bytes. They lie in the mapping, and `to` has as many.
        unsafe { from.copy_to_nonoverlapping(to.as_mut_ptr(), len) };
        Ok(len)
    }
}

impl io::Write for Run<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if from.is_empty() || self.left == 0 {
            return Ok(0);
        }
        let (to, len) = self.next(from.len())?;
        // SAFETY: by BL1 no other process uses these bytes. They lie in the mapping, and `from` has as many.
        unsafe { to.copy_from_nonoverlapping(from.as_ptr(), len) };
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// Loom compiles this file without a feature, and has no bytes.
#[cfg(all(test, feature = "async"))]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::{
        raw::{Key, SharedMemoryOptions},
        set_layout::Bells,
        waiting::room::Room,
    };

    const NUMBER: usize = 8;
    const SIZE: usize = 16;

    /// Makes blocks in memory that no other process has.
    fn blocks() -> Blocks {
        let memory = SharedMemoryOptions::new().create(true).size(4096).open(Key::PRIVATE).unwrap();
        memory.remove().unwrap();
        let memory = Arc::new(memory);
        let room = Room::at(&memory, 128, 1, Bells::common(0).and_each(1).of_room(0)).unwrap();
        let lock = Lock::new(Mapped::at(&memory, 0).unwrap(), room);
        Blocks::at(&memory, [1024, 2048, 3072], NUMBER, SIZE, lock).unwrap()
    }

    fn take(blocks: &Blocks, name: Name, number: usize) -> Chain {
        blocks.take_locked(name, number * SIZE, 0..NUMBER).expect("there are enough")
    }

    fn filling(lives: u32) -> CellWord {
        (0..lives).fold(CellWord(0), |word, _| word.free().filling(1))
    }

    /// A link was overwritten, so that it leads to the block of another message.
    #[test]
    fn bl3_a_link_to_another_message_is_not_followed() {
        let blocks = blocks();
        let (mine, others) = (take(&blocks, Name::of(0, filling(1)), 2), take(&blocks, Name::of(1, filling(1)), 2));
        blocks.next[mine.first as usize - 1].store(others.first, Relaxed);
        let mut bytes = [0; 2 * SIZE];
        assert!(blocks.run(mine).read_exact(&mut bytes).is_err());
        assert!(blocks.run(others).read_exact(&mut bytes).is_ok());
        blocks.give(mine);
        assert_eq!(blocks.taken(0..NUMBER), 3, "the others are not given back");
    }

    /// A helper is late, and the cell has its next message.
    #[test]
    fn the_blocks_of_the_next_life_are_not_given_back() {
        let blocks = blocks();
        let (dead, next) = (Name::of(0, filling(1)), Name::of(0, filling(2)));
        take(&blocks, dead, 2);
        assert!(blocks.give_all(dead));
        take(&blocks, next, 3);
        assert!(!blocks.give_all(dead));
        assert_eq!(blocks.taken(0..NUMBER), 3);
    }

    /// A helper is late, and the next attempt has begun to write its response.
    #[test]
    fn cl7_the_blocks_of_the_next_attempt_are_not_given_back() {
        let blocks = blocks();
        let attempt = filling(1).ready(1, 2).claimed(3, true);
        let next = attempt.given_back(0).claimed(3, true);
        let request = Name::of(0, attempt);
        assert_eq!(request, Name::of(0, next), "the request is the same");
        take(&blocks, request, 1);
        take(&blocks, Name::of_response(0, next), 2);
        assert!(!blocks.give_all(Name::of_response(0, attempt)));
        assert_eq!(blocks.taken(0..NUMBER), 3);
    }

    /// BL2.
    #[test]
    fn bl2_a_taker_that_finds_too_few_has_none() {
        let blocks = blocks();
        take(&blocks, Name::of(0, filling(1)), 5);
        assert_eq!(blocks.take_locked(Name::of(1, filling(1)), 4 * SIZE, 0..NUMBER), None);
        assert_eq!(blocks.taken(0..NUMBER), 5);
    }
}
