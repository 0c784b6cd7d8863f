//! A ring with any number of producers and consumers: each item goes to one consumer.
//!
//! Every slot of the ring names its owner, so what a dead process had claimed is found and repaired.
//!
//! | a process dies | what happens to items |
//! | --- | --- |
//! | pushing, before its item is committed | that item is discarded, and its slot is skipped |
//! | having pushed | nothing: they stay |
//! | popping, or holding a [`Claimed`], before the item is consumed | the next consumer gets it |
//! | having popped | that item is consumed |
//!
//! Items come out in the order in which their slots were claimed. An item that was taken over from a dead consumer
//! comes at most a lap of the ring late.
//!
//! | a living process is stopped | what it holds up |
//! | --- | --- |
//! | in a push, while it writes its item: some 40 instructions | the items behind it, until the ring is full |
//! | with a [`Reservation`] | the same |
//! | with a [`Claimed`] | that item; the end of the ring, for consumers that wait for it |
//! | waiting, asleep | nothing: another waiter is woken |
//! | woken | at most the item, or the free slot, that it was woken for |
//!
//! ```
//! use sysv_primitives::mpmc;
//!
//! # let name = format!("mpmc-example-{}", std::process::id());
//! let ring = mpmc::Ring::open_or_create(&name, 1024)?;
//! let producer = ring.producer()?; // in any process
//! let consumer = ring.consumer()?; // in any process
//! producer.push(7_u64)?;
//! let job = consumer.claim()?;
//! assert_eq!(*job, 7); // if we died here, the next consumer would get it
//! job.done();
//! ring.remove()?;
//! # Ok::<(), sysv_primitives::Error>(())
//! ```

#[cfg(feature = "async")]
mod asynchronous;
mod consumer;
mod control;
mod endpoint;
mod ends;
mod producer;
pub(crate) mod report;
mod state;
mod word;

use std::{fmt, sync::Arc};

use bytemuck::Pod;

pub use self::{
    consumer::{Claimed, Consumer},
    producer::{Producer, Reservation},
};
use self::{control::MpmcControl, state::MpmcState};
pub use super::Counts;
use super::{Geometry, SharedRing, ring_methods};
use crate::{
    Failure, Member, OpenError, Options, Role, Status,
    attendance::Attachment,
    layout::Mapped,
    object::{Disposition, Kind},
    raw::{self, SharedMemory, SharedSafe},
    set_layout::Bells,
    sync::{
        AtomicU64,
        Ordering::{Acquire, Relaxed},
    },
    waiting::{fence::Fence, room::Room, strong_fences::StrongFences},
};

// Where the state lies in the body. Each word that is written often has cache lines of its own.
const CONTROL: usize = 0;
const TAIL: usize = 128;
const HEAD: usize = 256;
const ATTACHMENTS: usize = 384;

fn rooms_at(geometry: Geometry) -> usize {
    (ATTACHMENTS + geometry.max_handles as usize * size_of::<Attachment>()).next_multiple_of(super::CACHE_LINES)
}

fn slots_at(geometry: Geometry) -> usize {
    rooms_at(geometry) + 2 * Room::bytes(geometry.max_handles)
}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for MpmcControl {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: as above.
unsafe impl SharedSafe for Attachment {}

impl super::RingState for MpmcState {
    const KIND: Kind = Kind::new("mpmc ring", 4, Bells::common(0).and_each(2));

    fn bytes(geometry: Geometry) -> Option<usize> {
        slots_at(geometry).checked_add(geometry.capacity.checked_mul(size_of::<AtomicU64>())?)
    }

    fn at(memory: &Arc<SharedMemory>, body: usize, geometry: Geometry) -> raw::Result<Self> {
        let control: Mapped<MpmcControl> = Mapped::at(memory, body + CONTROL)?;
        let room = |role: Role| {
            let at = body + rooms_at(geometry) + role as usize * Room::bytes(geometry.max_handles);
            Room::at(memory, at, geometry.max_handles, Self::KIND.bells.of_room(role as u16))
        };
        Ok(Self {
            rooms: [room(Role::Producer)?, room(Role::Consumer)?],
            tail: Mapped::at(memory, body + TAIL)?,
            head: Mapped::at(memory, body + HEAD)?,
            attachments: Mapped::slice(memory, body + ATTACHMENTS, geometry.max_handles as usize)?,
            slots: Mapped::slice(memory, body + slots_at(geometry), geometry.capacity)?,
            shift: geometry.capacity.trailing_zeros(),
            fence: Fence::choose(control.strong.load(Relaxed) != 0),
            control,
        })
    }

    fn demand_strong_fences(&self, why: StrongFences) {
        self.control.strong.store(why as u32, Relaxed);
    }

    fn strong_fences(&self) -> u32 {
        self.control.strong.load(Relaxed)
    }

    #[cfg(feature = "async")]
    fn dismiss_clerks(&self, members: &crate::members::Members) {
        self.end_clerks(members);
    }
}

impl MpmcState {
    /// Returns how many items there are. `head` may pass `tail` for a moment. Requeued items behind `head` are not
    /// counted.
    fn len(&self) -> usize {
        // SYNC: both pair with the compare-and-swaps in `help`. `head` is read first, so the length is rather too large
        // than too small.
        let head = self.head.load(Acquire);
        let distance = self.tail.load(Acquire).wrapping_sub(head);
        if distance.cast_signed() < 0 {
            0
        } else {
            usize::try_from(distance).map_or(0, |len| len.min(self.slots.len()))
        }
    }

    /// Returns whether an endpoint of a role is attached, dead or alive.
    fn has_any(&self, role: Role) -> bool {
        self.attachments.iter().any(|attachment| attachment.has(role))
    }

    // SYNC: the indices pair with the compare-and-swaps in `help`. Relaxed: the others are numbers for operators.
    fn counts(&self) -> Counts {
        Counts {
            popped: self.head.load(Acquire),
            pushed: self.tail.load(Acquire),
            skipped: self.control.skipped.load(Relaxed),
            taken_over: self.control.taken_over.load(Relaxed),
            overwritten: self.control.overwritten.load(Relaxed),
        }
    }
}

/// A named ring between processes, for any number of producers and consumers.
///
/// It is a handle, and gives out producers and consumers. Each opening takes one of the object's slots,
/// however many clones and threads share it. A child made by `fork` may go on using all of them.
///
/// **When a process dies** nothing that was committed is lost, and what it had claimed is repaired: see the
/// [module](self).
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If a push or pop lacks these rights
/// and can't notify a waiter, the next call on the handle fails, and the waiter sleeps until another
/// process pushes or pops.
///
/// Items are [`Pod`]: plain data, without pointers, aligned to at most 4,096 bytes.
///
/// ```
/// use sysv_primitives::{
///     bytemuck::{Pod, Zeroable},
///     mpmc,
/// };
///
/// #[derive(Clone, Copy, Pod, Zeroable)]
/// #[bytemuck(crate = "sysv_primitives::bytemuck")]
/// #[repr(C)]
/// struct Job {
///     number: u64,
///     priority: u64,
/// }
///
/// # let name = format!("mpmc-ring-example-{}", std::process::id());
/// let ring: mpmc::Ring<Job> = mpmc::Ring::create(&name, 1000)?;
/// assert_eq!(ring.capacity(), 1024);
/// let (producer, consumer) = (ring.producer()?, ring.consumer()?);
/// producer.push(Job { number: 7, priority: 1 })?;
/// assert_eq!((consumer.len(), producer.slots(), producer.has_consumer()), (1, 1023, true));
/// let job = consumer.claim()?;
/// job.requeue(); // for the next claim
/// assert_eq!(consumer.pop()?.number, 7);
/// ring.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Ring<T: Pod> {
    shared: Arc<SharedRing<T, MpmcState>>,
}

ring_methods!("an mpmc", mpmc, MpmcState);

impl<T: Pod> Ring<T> {
    /// Makes a producer.
    ///
    /// # Errors
    ///
    /// In a child made by `fork`, as [`open`](Self::open); elsewhere none.
    pub fn producer(&self) -> Result<Producer<T>, Failure> {
        Producer::new(&self.shared)
    }

    /// Makes a consumer.
    ///
    /// # Errors
    ///
    /// As [`producer`](Self::producer).
    pub fn consumer(&self) -> Result<Consumer<T>, Failure> {
        Consumer::new(&self.shared)
    }

    /// Returns the members that have producers, or consumers, as of a moment ago.
    ///
    /// It shows the state before repair: a member that died is listed until a process waits for the ring, or a `try_`
    /// form that detects a disconnect finds it full or empty.
    #[must_use]
    pub fn holders(&self, role: Role) -> Vec<Member> {
        let attachments = (0..).zip(&*self.shared.state.attachments).filter(|(_, attachment)| attachment.has(role));
        attachments.map(|(slot, _)| self.shared.members.member(slot)).collect()
    }
}
