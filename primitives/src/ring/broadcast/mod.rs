//! A ring in which every subscriber gets every item.
//!
//! There is one producer at a time, and any number of subscribers, as many as the ring has [handles](crate::Options::max_handles) at most. A subscriber
//! begins with the item that is pushed next. Pushing and popping take no system call and no lock: one store publishes an
//! item for all, and each subscriber says by a store of its own how far it is.
//!
//! | mode | a slow subscriber | a dead one |
//! | --- | --- | --- |
//! | lossless, the default | holds the producer up once the ring is full | is removed by the producer that waits for it |
//! | [lagging](crate::Options::lagging) | learns how many items it missed, by [`PopError::Lagged`](crate::PopError::Lagged) | is never waited for |
//!
//! | a process dies | what happens to items | what happens to its role |
//! | --- | --- | --- |
//! | pushing, before its item is committed | that item is discarded | a waiter for it gets it, or the next process that asks |
//! | having pushed | nothing: they stay for each subscriber | the same |
//! | as a subscriber, at any instruction | the others get all of them | its cursor is free |
//!
//! | a living process is stopped | what it holds up |
//! | --- | --- |
//! | as a subscriber of a lossless ring | the producer, once the ring is full of what it has not popped. With a timeout, the push fails with [`PushError::TimedOut`](crate::PushError::TimedOut) |
//! | while it joins a lossless ring | the same |
//! | as a subscriber of a lagging ring | nothing |
//! | as the producer | the subscribers, which have no new items |
//! | waiting, or woken | as above |
//!
//! ```
//! use sysv_primitives::broadcast;
//!
//! # let name = format!("broadcast-example-{}", std::process::id());
//! let ring = broadcast::Ring::open_or_create(&name, 1024)?;
//! let mut producer = ring.producer()?; // in one process
//! let (mut first, mut second) = (ring.subscriber()?, ring.subscriber()?); // in any others
//! producer.push(7_u64)?;
//! assert_eq!((first.pop()?, second.pop()?), (7, 7));
//! ring.remove()?;
//! # Ok::<(), sysv_primitives::Error>(())
//! ```
//!
//! Not promised: that a subscriber gets what was pushed before it joined, and that items are kept while there is none.

#[cfg(feature = "async")]
mod asynchronous;
mod copy;
mod peeked;
mod producer;
pub(crate) mod report;
mod reservation;
mod state;
mod subscriber;
mod wait;
mod word;

use std::{fmt, sync::Arc, time::Duration};

use bytemuck::Pod;

pub use self::{peeked::Peeked, producer::Producer, reservation::Reservation, subscriber::Subscriber};
use self::{
    state::{BroadcastControl, BroadcastState, Cursor},
    word::{CursorWord, MOST_ITEMS},
};
pub use super::Counts;
use super::{Geometry, SharedRing, refusal::Refusal, ring_methods};
use crate::{
    Failure, Member, OpenError, Options, Role, RoleError, Status,
    layout::Mapped,
    lock::Lock,
    members::Session,
    object::{Disposition, Kind},
    options::Settings,
    raw::{self, Deadline, SharedMemory, SharedSafe},
    set_layout::Bells,
    sync::Ordering::Relaxed,
    waiting::{Party, fence::Fence, room::Room, strong_fences::StrongFences},
};

// Where the state lies in the body. Each word that is written often has cache lines of its own.
const CONTROL: usize = 0;
const ROLE: usize = 64;
const TAIL: usize = 128;
const WINDOW: usize = 256;
const CURSORS: usize = 384;

const _: () = assert!(size_of::<BroadcastControl>() <= ROLE);

fn rooms_at(geometry: Geometry) -> usize {
    CURSORS + geometry.max_handles as usize * size_of::<Cursor>()
}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for BroadcastControl {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it is an atomic integer, with unused bytes behind it.
unsafe impl SharedSafe for Cursor {}

impl super::RingState for BroadcastState {
    const KIND: Kind = Kind::new("broadcast ring", 11, Bells::common(1).and_each(2));

    fn bytes(geometry: Geometry) -> Option<usize> {
        let bytes = rooms_at(geometry) + 2 * Room::bytes(geometry.max_handles);
        (geometry.capacity <= MOST_ITEMS).then_some(bytes)
    }

    fn at(memory: &Arc<SharedMemory>, body: usize, geometry: Geometry) -> raw::Result<Self> {
        let control: Mapped<BroadcastControl> = Mapped::at(memory, body + CONTROL)?;
        let room = |room: u16| {
            let at = body + rooms_at(geometry) + usize::from(room) * Room::bytes(geometry.max_handles);
            Room::at(memory, at, geometry.max_handles, Self::KIND.bells.of_room(room))
        };
        Ok(Self {
            role: Lock::new(Mapped::at(memory, body + ROLE)?, room(0)?),
            subscribers: room(1)?,
            tail: Mapped::at(memory, body + TAIL)?,
            window: Mapped::at(memory, body + WINDOW)?,
            cursors: Mapped::slice(memory, body + CURSORS, geometry.max_handles as usize)?,
            capacity: geometry.capacity as u64,
            fence: Fence::choose(control.strong.load(Relaxed) != 0),
            is_lagging: control.lagging.load(Relaxed) != 0,
            control,
        })
    }

    fn prepare(&self, settings: &Settings) {
        // Relaxed: the object can't be seen yet.
        self.control.lagging.store(settings.lagging.into(), Relaxed);
    }

    fn own_option(&self, settings: &Settings) -> Option<(&'static str, u64, u64)> {
        Some(("lagging", self.is_lagging.into(), settings.lagging.into()))
    }

    fn demand_strong_fences(&self, why: StrongFences) {
        self.control.strong.store(why as u32, Relaxed);
    }

    fn strong_fences(&self) -> u32 {
        self.control.strong.load(Relaxed)
    }

    #[cfg(feature = "async")]
    fn dismiss_clerks(&self, members: &crate::members::Members) {
        // That of a producer ended with its role.
        self.subscribers.dismiss_clerk(members);
        self.role.room.dismiss_clerk(members);
    }
}

impl BroadcastState {
    /// Returns how many items the slowest subscriber has still to pop. 0 if there is none.
    fn len(&self) -> usize {
        let behind = self.taken().map(|word| self.lag(word)).max();
        usize::try_from(behind.unwrap_or(0)).unwrap_or(usize::MAX)
    }

    /// Returns how many items a subscriber has still to pop.
    fn lag(&self, word: CursorWord) -> u64 {
        // The tail is read after the cursor, so it is never behind it.
        word.behind(self.tail()).min(self.capacity)
    }

    fn counts(&self) -> Counts {
        let pushed = self.tail();
        let popped = pushed.wrapping_sub(self.len() as u64);
        Counts { pushed, popped, overwritten: self.control.missed.load(Relaxed), ..Counts::default() }
    }
}

/// A named ring between processes in which every subscriber gets every item.
///
/// It is a handle, and gives out the producer's role and subscribers. Each opening takes one of the object's slots, however
/// many clones, threads and subscribers share it. A child made by `fork` may go on using it. The producer and the subscribers of
/// the parent stay the parent's.
///
/// [`len`](Self::len) is how many items the slowest subscriber has not popped yet. In [`counts`](Self::counts), `popped` is
/// where that subscriber is, and `overwritten` counts an item for each subscriber that missed it.
///
/// **When a process dies** its role becomes free, its subscribers hold up no other process, and nothing that was committed is lost: see the
/// [module](self).
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If a push or pop lacks these rights
/// and can't notify a waiter, the next call on the handle fails, and the waiter sleeps until another
/// process pushes or pops.
///
/// Items are [`Pod`]: plain data, without pointers, aligned to at most 4,096 bytes.
///
/// ```
/// use sysv_primitives::{PopError, broadcast};
///
/// # let name = format!("broadcast-ring-example-{}", std::process::id());
/// let ring = broadcast::Ring::options().lagging(true).create(&name, 4)?;
/// let (mut producer, mut subscriber) = (ring.producer()?, ring.subscriber()?);
/// (1..=6_u64).try_for_each(|reading| producer.push(reading))?;
/// assert!(matches!(subscriber.pop(), Err(PopError::Lagged { missed: 2 })));
/// assert_eq!(subscriber.pop()?, 3);
/// ring.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Ring<T: Pod> {
    shared: Arc<SharedRing<T, BroadcastState>>,
}

ring_methods!("a broadcast", broadcast, BroadcastState);

impl<T: Pod> Options<Ring<T>> {
    /// Sets whether the producer of a new ring overwrites items that subscribers have not popped. Off by default.
    ///
    /// The producer then never waits. A subscriber that is further behind than the ring has room for gets
    /// [`PopError::Lagged`](crate::PopError::Lagged), and goes on with the oldest item that is left. An eighth of the ring may be
    /// cleared for the items that are written next, so a subscriber that is never further behind than seven eighths of the capacity
    /// misses nothing.
    #[must_use]
    pub fn lagging(mut self, lagging: bool) -> Self {
        self.settings.lagging = lagging;
        self
    }
}

impl<T: Pod> Ring<T> {
    /// Returns whether the producer overwrites items that subscribers have not popped.
    #[must_use]
    pub fn is_lagging(&self) -> bool {
        self.shared.state.is_lagging
    }

    /// Adds a subscriber, which gets every item that is pushed from now on.
    ///
    /// # Errors
    ///
    /// [`Failure::TooManyHandles`] if there are as many subscribers as the ring may have handles.
    /// [`Failure::System`] if the ring was removed.
    pub fn subscriber(&self) -> Result<Subscriber<T>, Failure> {
        let SharedRing { members, state, .. } = &*self.shared;
        let session = members.session(state)?;
        let mut joined = state.join(session, members)?;
        if joined.is_none() {
            // Perhaps the dead have some.
            Party { members, repair: state, me: session }.reap_all()?;
            joined = state.join(session, members)?;
        }
        match joined {
            Some(joined) => Ok(Subscriber::new(&self.shared, session, joined)),
            None => {
                let max_handles = u32::try_from(state.cursors.len()).unwrap_or(u32::MAX);
                Err(Failure::TooManyHandles { object: members.object().clone(), max_handles })
            }
        }
    }

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
        let SharedRing { members, state, .. } = &*self.shared;
        let session = members.session(state)?;
        if state.take_role(Party { members, repair: state, me: session }, deadline)? {
            return Ok(Producer::new(&self.shared, session));
        }
        // The holder may have left by now. Then the pid is 0.
        let (object, role) = (members.object().clone(), Role::Producer);
        let pid = self.holder().map_or(0, |holder| holder.pid);
        Err(match deadline == Deadline::NOW {
            true => RoleError::Taken { object, role, pid },
            false => RoleError::TimedOut { object, role, pid },
        })
    }

    /// Returns the member that has the producer's role, as of a moment ago.
    ///
    /// It shows the state before repair: a holder that died is returned until its role is requested, or until a subscriber that
    /// detects a
    /// disconnect finds no item.
    #[must_use]
    pub fn holder(&self) -> Option<Member> {
        let SharedRing { members, state, .. } = &*self.shared;
        let slot = members.slot_of(state.role.holder()).ok()?;
        Some(members.member(slot))
    }

    /// Returns the member of each subscriber, and how many items it has not popped yet, as of a moment ago.
    ///
    /// So it shows which process holds the producer up, or lags. It shows the state before repair: a subscriber that died is listed
    /// until a process waits for the ring, or finds no room.
    #[must_use]
    pub fn subscribers(&self) -> Vec<(Member, u64)> {
        let SharedRing { members, state, .. } = &*self.shared;
        let of = |word: CursorWord| {
            let slot = members.slot_of(word.owner()).ok()?;
            Some((members.member(slot), state.lag(word)))
        };
        state.taken().filter_map(of).collect()
    }
}

impl<T: Pod> SharedRing<T, BroadcastState> {
    /// Takes the mark off an endpoint's generation, and returns the failure that was recorded.
    fn tell_recorded(&self, session: Session, generation: &mut u32) -> Result<(), Failure> {
        if session.is_ours() && std::mem::replace(generation, session.generation()) != session.generation() {
            self.members.session(&self.state)?;
        }
        Ok(())
    }

    /// Returns why an endpoint can't be used here: it is the parent's, or the ring is closed.
    #[cold]
    fn refusal(&self, what: &'static str, session: Session) -> Refusal {
        if session.is_ours() {
            return Refusal::Closed;
        }
        Failure::Inherited { object: self.members.object().clone(), what }.into()
    }
}
