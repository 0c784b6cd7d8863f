//! What a state consists of: what is shared, and what each process has of its own.

use super::{
    MOST, Slot,
    at::{At, Goal},
};

/// The most stores that a buffer holds: a count, and taking it back.
pub(super) const BUFFER: usize = 2;

/// The state of a slot in the room of the readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Does not wait.
    #[default]
    Awake,
    /// Waits, and was not called.
    Announced,
    /// Was called, and perhaps not posted.
    Unposted,
    /// Was called and posted.
    Called,
}

/// The words and semaphores of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    pub(super) count: u8,
    pub(super) entry: Entry,
    pub(super) bell: u8,
    pub(super) is_alive: bool,
    pub(super) is_used: bool,
    pub(super) helpers: u8,
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) at: At,
    pub(super) goal: Goal,
    pub(super) slot: Option<Slot>,
    /// The slot that it repairs.
    pub(super) helps: Option<Slot>,
    /// Stores to its count that have not reached memory, the oldest first.
    pub(super) buffer: [Option<u8>; BUFFER],
    /// What is still to be visited: slots, or processes.
    pub(super) unseen: u8,
    /// The readers that it has chosen to be posted, and those of them that wait as they did then.
    pub(super) chosen: u8,
    pub(super) fresh: u8,
    /// No reader has announced itself since it read the flag.
    pub(super) is_current: bool,
    /// A count was not 0.
    pub(super) saw_count: bool,
    pub(super) is_announced: bool,
    pub(super) suspects: bool,
    pub(super) is_woken: bool,
    pub(super) is_late: bool,
    pub(super) is_stopped: bool,
    /// What a helper has read of `inside`, and whether it has freed the word.
    pub(super) was_inside: bool,
    pub(super) has_freed: bool,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RwLockState {
    pub(super) owner: Option<Slot>,
    pub(super) poisoned: bool,
    pub(super) inside: Option<Slot>,
    pub(super) draining: bool,
    pub(super) flag: bool,
    pub(super) bell: u8,
    pub(super) places: [Place; MOST],
    pub(super) processes: [Process; MOST],
    /// A writer died inside.
    pub(super) tainted: bool,
    pub(super) reads: u8,
    pub(super) writes: u8,
    pub(super) joins: u8,
    pub(super) deaths: u8,
    pub(super) stops: u8,
    pub(super) timeouts: u8,
}

pub(super) fn bit(slot: Slot) -> u8 {
    1 << slot
}

impl Process {
    pub(super) fn member(slot: Slot) -> Self {
        Self { at: At::Idle, slot: Some(slot), ..Self::default() }
    }

    pub(super) fn slot(&self) -> usize {
        self.slot.map_or(usize::MAX, usize::from)
    }
}

impl RwLockState {
    pub(super) fn place(&mut self, slot: Slot) -> &mut Place {
        &mut self.places[usize::from(slot)]
    }

    pub(super) fn is_dirty(&self, slot: Slot) -> bool {
        let place = self.places[usize::from(slot)];
        place.is_used && !place.is_alive
    }

    /// Stores a count, which stays in the buffer.
    pub(super) fn store_count(&mut self, index: usize, count: u8) {
        let buffer = &mut self.processes[index].buffer;
        let free = buffer.iter_mut().find(|store| store.is_none()).expect("it is not full");
        *free = Some(count);
    }

    /// The oldest store reaches memory.
    pub(super) fn drain(&mut self, index: usize) {
        let process = &mut self.processes[index];
        if let (Some(count), Some(slot)) = (process.buffer[0], process.slot) {
            process.buffer = [process.buffer[1], None];
            self.place(slot).count = count;
        }
    }

    /// A fence of the process's own, or one that another process asks of it.
    pub(super) fn fence(&mut self, index: usize) {
        (0..BUFFER).for_each(|_| self.drain(index));
    }

    pub(super) fn owns(&self, process: &Process) -> bool {
        process.slot.is_some() && self.owner == process.slot
    }
}
