//! A ring with one producer and one consumer at a time: the fastest way from one process to another.
//!
//! Pushing and popping take no system call and no lock. One store publishes an item, and another frees its slot. Both
//! roles are exclusive. If the holder of a role dies, another process can take the role.
//!
//! | a process dies | what happens to items | what happens to its role |
//! | --- | --- | --- |
//! | pushing, before its item is committed | that item is discarded | a waiter for it gets it, or the next process that asks |
//! | having pushed | nothing: they stay | the same |
//! | popping or peeking, before the item is consumed | the next consumer gets it | the same |
//! | having popped | that item is consumed | the same |
//!
//! ```
//! use sysv_primitives::spsc;
//!
//! # let name = format!("spsc-example-{}", std::process::id());
//! let ring = spsc::Ring::open_or_create(&name, 1024)?;
//! let mut producer = ring.producer()?; // in one process
//! let mut consumer = ring.consumer()?; // in another
//! producer.push([1.0_f64, 2.0])?;
//! assert_eq!(consumer.pop()?, [1.0, 2.0]);
//! ring.remove()?;
//! # Ok::<(), sysv_primitives::Error>(())
//! ```
//!
//! This shape has no overwriting push. Such a push would take the oldest item away from the consumer, so the consumer
//! would not own its index, and every pop would need a locked instruction. The [mpmc](crate::mpmc) shape has one.

#[cfg(feature = "async")]
mod asynchronous;
mod at_most;
mod consumer;
mod peek;
mod producer;
pub(crate) mod report;
mod reserve;
mod state;

use std::{fmt, sync::Arc, time::Duration};

use bytemuck::Pod;

use self::state::{SpscControl, SpscState};
pub use self::{consumer::Consumer, peek::Peeked, producer::Producer, reserve::Reservation};
pub use super::Counts;
use super::{Geometry, SharedRing, refusal::Refusal, ring_methods};
use crate::{
    Failure, Member, OpenError, Options, Role, RoleError, Status,
    layout::Mapped,
    lock::Lock,
    members::Session,
    object::{Disposition, Kind},
    raw::{self, Deadline, SharedMemory, SharedSafe},
    set_layout::Bells,
    sync::Ordering::Relaxed,
    waiting::{Party, fence::Fence, room::Room, strong_fences::StrongFences},
};

// Where the state lies in the body. The words that each side writes at every step have cache lines of their own.
const CONTROL: usize = 0;
const ROLES: usize = 64;
const PRODUCER: usize = 128;
const CONSUMER: usize = 256;
/// Where the waiting rooms for the roles begin.
const ROOMS: usize = 384;

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for SpscControl {}

impl super::RingState for SpscState {
    const KIND: Kind = Kind::new("spsc ring", 3, Bells::common(2).and_each(2));

    fn bytes(geometry: Geometry) -> Option<usize> {
        Some(ROOMS + 2 * Room::bytes(geometry.max_handles))
    }

    fn at(memory: &Arc<SharedMemory>, body: usize, geometry: Geometry) -> raw::Result<Self> {
        let control: Mapped<SpscControl> = Mapped::at(memory, body + CONTROL)?;
        let role = |role: Role| {
            let word = Mapped::at(memory, body + ROLES + 4 * role as usize)?;
            let (room, handles) = (ROOMS + role as usize * Room::bytes(geometry.max_handles), geometry.max_handles);
            let room = Room::at(memory, body + room, handles, Self::KIND.bells.of_room(role as u16))?;
            raw::Result::Ok(Lock::new(word, room))
        };
        Ok(Self {
            roles: [role(Role::Producer)?, role(Role::Consumer)?],
            indices: [Mapped::at(memory, body + PRODUCER)?, Mapped::at(memory, body + CONSUMER)?],
            capacity: geometry.capacity as u64,
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
        // Those of the endpoints ended with their roles.
        self.roles.iter().for_each(|role| role.room.dismiss_clerk(members));
    }
}

impl SpscState {
    fn len(&self) -> usize {
        // The consumer's index first: the producer's is never behind it.
        let consumer = self.index(Role::Consumer);
        let distance = self.index(Role::Producer).wrapping_sub(consumer);
        usize::try_from(distance.min(self.capacity)).unwrap_or(usize::MAX)
    }

    fn counts(&self) -> Counts {
        let popped = self.index(Role::Consumer);
        let pushed = self.index(Role::Producer);
        Counts { pushed, popped, taken_over: self.control.taken_over.load(Relaxed).into(), ..Counts::default() }
    }
}

/// A named ring between processes, for one producer and one consumer at a time.
///
/// It is a handle, and gives out the roles. Each opening takes one of the object's slots, however many clones and
/// threads share it. A child made by `fork` may go on using it. The roles that its parent has stay the parent's.
///
/// **When a process dies** its role becomes free, and nothing that was committed is lost: see the [module](self).
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If a push or pop lacks these rights
/// and can't notify a waiter, the next call on the handle fails, and the waiter sleeps until another
/// process pushes or pops.
///
/// Items are [`Pod`]: plain data, without pointers, aligned to at most 4,096 bytes.
///
/// ```
/// use sysv_primitives::{Role, spsc};
///
/// # let name = format!("spsc-ring-example-{}", std::process::id());
/// let ring: spsc::Ring<u64> = spsc::Ring::create(&name, 1000)?;
/// assert_eq!(ring.capacity(), 1024);
/// let producer = ring.producer()?;
/// assert!(ring.try_producer().is_err(), "there is one");
/// assert_eq!(ring.holder(Role::Producer).map(|holder| holder.pid), Some(std::process::id()));
/// ring.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Ring<T: Pod> {
    shared: Arc<SharedRing<T, SpscState>>,
}

ring_methods!("an spsc", spsc, SpscState);

impl<T: Pod> Ring<T> {
    /// Takes the role of the producer. Blocks while another living handle has it.
    ///
    /// So a process can wait to take over: it wakes when the producer is dropped or dies. A thread that already holds the role
    /// would wait
    /// forever.
    ///
    /// # Errors
    ///
    /// [`RoleError::Failed`] if the ring was removed or is corrupt.
    pub fn producer(&self) -> Result<Producer<T>, RoleError> {
        self.producer_deadline(Deadline::NEVER)
    }

    /// Becomes the producer, if no living process is.
    ///
    /// # Errors
    ///
    /// [`RoleError::Taken`] if one is. Otherwise as [`producer`](Self::producer).
    pub fn try_producer(&self) -> Result<Producer<T>, RoleError> {
        self.producer_deadline(Deadline::NOW)
    }

    /// Becomes the producer. Blocks while a living process is, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`RoleError::TimedOut`] if the timeout elapses. Otherwise as [`producer`](Self::producer).
    pub fn producer_timeout(&self, timeout: Duration) -> Result<Producer<T>, RoleError> {
        self.producer_deadline(Deadline::after(timeout))
    }

    /// Becomes the producer. Blocks while a living process is, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`producer_timeout`](Self::producer_timeout).
    pub fn producer_deadline(&self, deadline: Deadline) -> Result<Producer<T>, RoleError> {
        Ok(Producer::new(&self.shared, self.role(Role::Producer, deadline)?)?)
    }

    /// Becomes the consumer. Blocks while a living process is.
    ///
    /// # Errors
    ///
    /// As [`producer`](Self::producer).
    pub fn consumer(&self) -> Result<Consumer<T>, RoleError> {
        self.consumer_deadline(Deadline::NEVER)
    }

    /// Becomes the consumer, if no living process is.
    ///
    /// # Errors
    ///
    /// As [`try_producer`](Self::try_producer).
    pub fn try_consumer(&self) -> Result<Consumer<T>, RoleError> {
        self.consumer_deadline(Deadline::NOW)
    }

    /// Becomes the consumer. Blocks while a living process is, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`producer_timeout`](Self::producer_timeout).
    pub fn consumer_timeout(&self, timeout: Duration) -> Result<Consumer<T>, RoleError> {
        self.consumer_deadline(Deadline::after(timeout))
    }

    /// Becomes the consumer. Blocks while a living process is, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`producer_timeout`](Self::producer_timeout).
    pub fn consumer_deadline(&self, deadline: Deadline) -> Result<Consumer<T>, RoleError> {
        Ok(Consumer::new(&self.shared, self.role(Role::Consumer, deadline)?)?)
    }

    fn role(&self, role: Role, deadline: Deadline) -> Result<Session, RoleError> {
        let SharedRing { members, state, .. } = &*self.shared;
        let session = members.session(state)?;
        if state.take_role(role, Party { members, repair: state, me: session }, deadline)? {
            return Ok(session);
        }
        // The holder may have left by now. Then the pid is 0.
        let (object, pid) = (members.object().clone(), self.holder(role).map_or(0, |holder| holder.pid));
        Err(if deadline == Deadline::NOW {
            RoleError::Taken { object, role, pid }
        } else {
            RoleError::TimedOut { object, role, pid }
        })
    }

    /// Returns the member that has a role, as of a moment ago.
    ///
    /// It shows the state before repair: a holder that died is returned until its role is requested, by
    /// [`try_producer`](Self::try_producer), [`try_consumer`](Self::try_consumer) or their other forms, or until the
    /// other end, if it detects a disconnect, finds the ring full or empty.
    #[must_use]
    pub fn holder(&self, role: Role) -> Option<Member> {
        let SharedRing { members, state, .. } = &*self.shared;
        let slot = members.slot_of(state.roles[role as usize].holder()).ok()?;
        Some(members.member(slot))
    }
}

impl<T: Pod> SharedRing<T, SpscState> {
    /// Takes the mark off an endpoint's generation, and returns the failure that was recorded.
    fn tell_recorded(&self, session: Session, generation: &mut u32) -> Result<(), Failure> {
        if session.is_ours() && std::mem::replace(generation, session.generation()) != session.generation() {
            self.members.session(&self.state)?;
        }
        Ok(())
    }

    /// Returns why a role can't be used here: it is the parent's, or the ring is closed.
    #[cold]
    fn refusal(&self, role: Role, session: Session) -> Refusal {
        if session.is_ours() {
            return Refusal::Closed;
        }
        let what = if role == Role::Producer { "producer" } else { "consumer" };
        Failure::Inherited { object: self.members.object().clone(), what }.into()
    }
}
