//! What the hardware allows: memory, and who looks at it.

use std::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Release, SeqCst},
        },
    },
};

use anyhow::Result;
use sysv_ipc::{Key, SharedMemory, SharedMemoryOptions};

use super::{Item, Lane, Receiver, Sender};
use crate::harness::Kind;

/// As far apart as the processor's prefetching reaches.
const APART: usize = 256;

fn memory(size: usize) -> Result<Arc<SharedMemory>> {
    let memory = SharedMemoryOptions::new().size(size).open(Key::PRIVATE)?;
    memory.remove()?;
    Ok(Arc::new(memory))
}

/// A cache line that holds the number of the last item, and no more than one item.
pub(crate) struct Line(Arc<SharedMemory>);

pub(crate) struct LineEnd(Arc<SharedMemory>, u64);

impl Lane<1> for Line {
    const NAME: &'static str = "a bare cache line";
    const KIND: Kind = Kind::Limit;
    type Sender = LineEnd;
    type Receiver = LineEnd;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(memory(4096)?))
    }

    fn sender(&self) -> Result<LineEnd> {
        Ok(LineEnd(Arc::clone(&self.0), 0))
    }

    fn receiver(&self) -> Result<LineEnd> {
        self.sender()
    }
}

impl LineEnd {
    fn word(&self) -> &AtomicU64 {
        self.0.view(0).expect("it fits")
    }
}

/// The upper half says how many were sent, so that the same number can come again; the lower is the number.
impl Sender for LineEnd {
    #[inline]
    fn send(&mut self, number: u64) {
        self.1 += 1;
        self.word().store(self.1 << 32 | number, Release);
    }
}

impl Receiver for LineEnd {
    #[inline]
    fn receive(&mut self) -> u64 {
        self.1 += 1;
        loop {
            let seen = self.word().load(Acquire);
            if seen >> 32 == self.1 & 0xffff_ffff {
                return seen & 0xffff_ffff;
            }
            spin_loop();
        }
    }
}

/// A word that says whether something came, and how many did; whoever waits sleeps on it.
pub(crate) struct Futex(Arc<SharedMemory>);

pub(crate) struct FutexEnd(Arc<SharedMemory>);

impl Lane<1> for Futex {
    const NAME: &'static str = "a bare futex";
    const KIND: Kind = Kind::Limit;
    type Sender = FutexEnd;
    type Receiver = FutexEnd;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(memory(4096)?))
    }

    fn sender(&self) -> Result<FutexEnd> {
        Ok(FutexEnd(Arc::clone(&self.0)))
    }

    fn receiver(&self) -> Result<FutexEnd> {
        self.sender()
    }
}

impl FutexEnd {
    /// What was sent, with one added, or zero.
    fn word(&self) -> &AtomicU32 {
        self.0.view(0).expect("it fits")
    }

    fn call(&self, operation: libc::c_int, value: u32) {
        let timeout = std::ptr::null::<libc::timespec>();
        // SAFETY: the word is mapped as long as it is borrowed; the call has no other pointers.
        #[allow(unsafe_code, reason = "the system is called directly")]
        unsafe {
            libc::syscall(libc::SYS_futex, self.word().as_ptr(), operation, value, timeout)
        };
    }
}

impl Sender for FutexEnd {
    fn send(&mut self, number: u64) {
        self.word().store(u32::try_from(number % (1 << 31)).expect("it is small") + 1, SeqCst);
        self.call(libc::FUTEX_WAKE, 1);
    }
}

impl Receiver for FutexEnd {
    fn receive(&mut self) -> u64 {
        loop {
            match self.word().swap(0, SeqCst) {
                0 => self.call(libc::FUTEX_WAIT, 0),
                number => return u64::from(number - 1),
            }
        }
    }
}

/// Items written and read in shared memory, and an index on either side; each side looks at the other's as seldom as
/// it can.
pub(crate) struct Memory {
    memory: Arc<SharedMemory>,
    capacity: usize,
}

pub(crate) struct MemoryEnd<const WORDS: usize> {
    memory: Arc<SharedMemory>,
    capacity: u64,
    mine: u64,
    theirs: u64,
}

impl<const WORDS: usize> Lane<WORDS> for Memory {
    const NAME: &'static str = "bare memory, and two indexes";
    const KIND: Kind = Kind::Limit;
    type Sender = MemoryEnd<WORDS>;
    type Receiver = MemoryEnd<WORDS>;

    fn new(capacity: usize) -> Result<Self> {
        Ok(Self { memory: memory(4096 + capacity * 8 * WORDS)?, capacity })
    }

    fn sender(&self) -> Result<MemoryEnd<WORDS>> {
        let (memory, capacity) = (Arc::clone(&self.memory), u64::try_from(self.capacity)?);
        Ok(MemoryEnd { memory, capacity, mine: 0, theirs: 0 })
    }

    fn receiver(&self) -> Result<MemoryEnd<WORDS>> {
        self.sender()
    }
}

impl<const WORDS: usize> MemoryEnd<WORDS> {
    fn index(&self, side: usize) -> &AtomicU64 {
        self.memory.view(APART * side).expect("it fits")
    }

    fn place(&self) -> *mut Item<WORDS> {
        let offset = usize::try_from(self.mine % self.capacity).expect("it is below the capacity") * 8 * WORDS;
        self.memory.as_mut_ptr().wrapping_add(4096 + offset).cast()
    }
}

impl<const WORDS: usize> Sender for MemoryEnd<WORDS> {
    #[inline]
    fn send(&mut self, number: u64) {
        while self.mine - self.theirs == self.capacity {
            self.theirs = self.index(1).load(Acquire);
            spin_loop();
        }
        // SAFETY: the place is mapped and aligned, was read by the other side, and is not read again before our index
        // says so.
        #[allow(unsafe_code, reason = "the limit is reached by address")]
        unsafe {
            self.place().write(Item::new(number))
        };
        self.mine += 1;
        self.index(0).store(self.mine, Release);
    }
}

impl<const WORDS: usize> Receiver for MemoryEnd<WORDS> {
    #[inline]
    fn receive(&mut self) -> u64 {
        while self.mine == self.theirs {
            self.theirs = self.index(0).load(Acquire);
            spin_loop();
        }
        // SAFETY: the place is mapped and aligned, was written by the other side, and is not written again before our
        // index says so.
        #[allow(unsafe_code, reason = "the limit is reached by address")]
        let number = unsafe { &*self.place() }.number();
        self.mine += 1;
        self.index(1).store(self.mine, Release);
        number
    }
}
