//! Memory, and nothing else.

use std::{
    marker::PhantomData,
    rc::Rc,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
};

use anyhow::Result;
use sysv_ipc::SharedMemory;

use super::super::{Item, Lane, Receiver, Sender, look_again};
use crate::harness::{APART, Kind, objects::memory};

/// Items written and read in shared memory, and an index on either side. Each side looks at the other's as seldom as
/// it can. It does less than the rings: no process can sleep, or be found dead.
pub(crate) struct Memory {
    memory: Rc<SharedMemory>,
    capacity: usize,
}

pub(crate) struct MemoryEnd<T> {
    memory: Rc<SharedMemory>,
    /// A power of two.
    capacity: u64,
    mine: u64,
    theirs: u64,
    item: PhantomData<T>,
}

impl<T: Item> Lane<T> for Memory {
    const NAME: &'static str = "bare memory, and two indexes";
    const KIND: Kind = Kind::Floor;
    type Sender = MemoryEnd<T>;
    type Receiver = MemoryEnd<T>;

    fn new(capacity: usize) -> Result<Self> {
        let capacity = capacity.next_power_of_two();
        Ok(Self { memory: Rc::new(memory(4096 + capacity * size_of::<T>())?), capacity })
    }

    fn sender(&self) -> Result<MemoryEnd<T>> {
        let (memory, capacity) = (Rc::clone(&self.memory), u64::try_from(self.capacity)?);
        Ok(MemoryEnd { memory, capacity, mine: 0, theirs: 0, item: PhantomData })
    }

    fn receiver(&self) -> Result<MemoryEnd<T>> {
        self.sender()
    }
}

impl<T: Item> MemoryEnd<T> {
    fn index(&self, side: usize) -> &AtomicU64 {
        self.memory.view(APART * side).expect("it fits")
    }

    fn place(&self) -> *mut T {
        #[expect(clippy::cast_possible_truncation, reason = "it is below the capacity")]
        let place = (self.mine & (self.capacity - 1)) as usize;
        self.memory.as_mut_ptr().wrapping_add(4096 + place * size_of::<T>()).cast()
    }

    /// Waits until the other side's index has moved away from here.
    #[inline]
    fn wait_until_not(&mut self, side: usize, here: u64) {
        if self.theirs == here {
            self.theirs = look_again(|| Some(self.index(side).load(Acquire)).filter(|&theirs| theirs != here));
        }
    }
}

impl<T: Item> Sender for MemoryEnd<T> {
    #[inline]
    fn send(&mut self, number: u64) {
        self.wait_until_not(1, self.mine.wrapping_sub(self.capacity));
        // SAFETY: the place is mapped and aligned, was read by the other side, and is not read again before our index
        // says so.
        #[allow(unsafe_code, reason = "the floor is reached by address")]
        unsafe {
            self.place().write(T::new(number))
        };
        self.mine += 1;
        self.index(0).store(self.mine, Release);
    }
}

impl<T: Item> Receiver for MemoryEnd<T> {
    #[inline]
    fn receive(&mut self) -> u64 {
        self.wait_until_not(0, self.mine);
        // SAFETY: the place is mapped and aligned, was written by the other side, and is not written again before our
        // index says so.
        #[allow(unsafe_code, reason = "the floor is reached by address")]
        let number = unsafe { &*self.place() }.number();
        self.mine += 1;
        self.index(1).store(self.mine, Release);
        number
    }
}
