//! A barrier between processes. The death of a participant is told to all others at once.
//!
//! The protocol is that of its [`BarrierState`]. Here is what a user sees of it.
//!
//! | the process dies, or is stopped | the others |
//! | --- | --- |
//! | between two waits, or waiting | dead: those that wait are told at once, and the others at their next wait. Stopped: they wait for it |
//! | as the last one, having passed | pass |
//! | after it dropped its handle | notice nothing |
//!
//! Not promised: that a process is told of the break of a generation if more than 16 generations have ended since. That a thread
//! is told that shares its handle with others, and does not wait while it happens.

mod error;
mod state;
mod word;

use std::{fmt, sync::Arc, time::Duration};

pub use self::error::BarrierError;
use self::{
    state::{Arrived, BarrierState},
    word::{HISTORY, Outcome},
};
use crate::{
    Failure, Member, OpenError, Options, Status,
    fingerprint::Fingerprint,
    layout::Mapped,
    members::{Members, Registration},
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::Settings,
    raw::{self, Deadline, SharedMemory},
    set_layout::Bells,
    sync::{AtomicU32, AtomicU64},
    waiting::{Party, room::Room},
};

const KIND: Kind = Kind::new("barrier", 9, Bells::common(0).and_each(1));

// Where the words lie in the body. The first one is alone on its cache lines.
const WORD: usize = 0;
const NAMES: usize = 128;
const ROOM: usize = 256;

const _: () = assert!(HISTORY as usize * size_of::<AtomicU64>() <= ROOM - NAMES);

fn here_at(max_handles: u32) -> usize {
    ROOM + Room::bytes(max_handles)
}

fn state_at(memory: &Arc<SharedMemory>, body: usize, max_handles: u32, parties: u32) -> raw::Result<BarrierState> {
    Ok(BarrierState {
        word: Mapped::at(memory, body + WORD)?,
        names: Mapped::slice(memory, body + NAMES, HISTORY as usize)?,
        here: Mapped::slice(memory, body + here_at(max_handles), max_handles as usize)?,
        room: Room::at(memory, body + ROOM, max_handles, KIND.bells.of_room(0))?,
        parties,
        next: AtomicU32::new(0),
    })
}

/// A named barrier: a number of processes wait until all of them have arrived.
///
/// Each handle is a participant, from when it is opened until it is dropped. So each process that takes part opens it once,
/// and no other process opens it. Then the barrier can be used again and again: each time that all have arrived is a
/// *generation*.
///
/// **When a participant dies**, at whatever instruction, the generation is broken: those that wait get
/// [`BarrierError::Broken`] at once, which names the member that died, and each of the others gets it at its next wait, once.
/// Afterwards all that are left are in one generation again, and another process can take the place of the dead one. A process
/// that drops its handle breaks nothing. One that ends without dropping it counts as dead.
///
/// A wait that times out takes the arrival back. **While a process is stopped** that has not arrived, others wait, as the barrier
/// is there for. One that has arrived as the last one may hold up those that it had yet to wake.
///
/// Threads may share a handle, and each of them counts. A thread that does not wait when a generation breaks is told only if no
/// other thread of the handle is. A child made by `fork` that waits becomes a participant of its own.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If the last one can't notify
/// the others for want of them, the next call on its handle fails, and they sleep until a member dies or their timeout elapses.
///
/// What a process did before it arrived is seen by all others once they have passed.
///
/// ```
/// use sysv_primitives::Barrier;
///
/// # let name = format!("barrier-example-{}", std::process::id());
/// // In each of the processes, with the same name. Here there is one.
/// let barrier = Barrier::open_or_create(&name, 1)?;
/// for phase in 0..3 {
///     let passed = barrier.wait()?;
///     println!("phase {phase}, leader: {}", passed.is_leader());
/// }
/// barrier.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Barrier {
    object: Object,
    members: Members,
    state: BarrierState,
}

/// What a process learns when it has passed a [`Barrier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Returns whether this caller is the leader of the generation. One of those that passed is: the last one that arrived.
    ///
    /// ```
    /// use sysv_primitives::Barrier;
    ///
    /// # let name = format!("is-leader-example-{}", std::process::id());
    /// let barrier = Barrier::create(&name, 1)?;
    /// assert!(barrier.wait()?.is_leader());
    /// barrier.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn is_leader(self) -> bool {
        self.is_leader
    }
}

impl Barrier {
    /// Returns the options to create or open a barrier with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a barrier for this many participants. As with `std`'s, 0 are 1.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str, participants: u16) -> Result<Self, OpenError> {
        Self::options().create(name, participants)
    }

    /// Opens a barrier that exists, and takes part from its current generation on.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open`](crate::Mutex::open).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a barrier, or creates one for this many participants.
    ///
    /// One that exists keeps their number, unless [`Options::exact`] insists on the one that is given.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create).
    pub fn open_or_create(name: &str, participants: u16) -> Result<Self, OpenError> {
        Self::options().open_or_create(name, participants)
    }

    /// Removes a barrier by its name. A process that has it open gets an error when it would have to wait.
    ///
    /// # Errors
    ///
    /// As [`Mutex::unlink`](crate::Mutex::unlink).
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        object::remove::by_name(name, KIND)
    }

    fn enter(
        options: &Settings,
        name: &str,
        participants: Option<u16>,
        disposition: Disposition,
    ) -> Result<Self, OpenError> {
        let wanted = participants.map(|number| u64::from(number.max(1)));
        let name = Name::new(name)?;
        let max_handles = KIND.max_handles(options, disposition);
        let blueprint = Blueprint {
            kind: KIND,
            name: &name,
            options,
            max_handles,
            capacity: wanted.unwrap_or(1),
            fingerprint: Fingerprint::without_type(options),
            body: (here_at(max_handles) + size_of::<AtomicU64>() * max_handles as usize) as u64,
            // A new segment is zeroes: the first generation.
            fill: &|_, _| Ok(()),
        };
        let (object, (members, state)) = Object::enter(&blueprint, disposition, &|object| {
            let members = object.members()?;
            let (found, max_handles) = (object.description().capacity, object.description().max_handles);
            let parties = u16::try_from(found).ok().filter(|&number| number != 0);
            let parties = parties.ok_or_else(|| object.damaged("the number of participants"))?.into();
            let state = state_at(object.memory(), object.body(), max_handles, parties);
            let state = state.map_err(|error| object.failed(error))?;
            if let Some(wanted) = wanted {
                object.check_option("participants", found, wanted)?;
            }
            let registration = object.register(&members, &state)?;
            if let Registration::Done = registration {
                state.join(members.session(&state)?);
            }
            Ok(((members, state), registration))
        })?;
        Ok(Self { object, members, state })
    }

    /// Arrives, and blocks until all have arrived.
    ///
    /// # Errors
    ///
    /// - [`BarrierError::Broken`] if a participant died, while this one waited or since it waited last.
    /// - [`BarrierError::Failed`] if the barrier was removed, or is corrupt.
    pub fn wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_deadline(Deadline::NEVER)
    }

    /// Arrives if all others have arrived, and passes.
    ///
    /// # Errors
    ///
    /// [`BarrierError::WouldBlock`] if not. Otherwise as [`wait`](Self::wait).
    pub fn try_wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_deadline(Deadline::NOW)
    }

    /// Arrives, and blocks for at most `timeout` until all have arrived.
    ///
    /// # Errors
    ///
    /// [`BarrierError::TimedOut`] if the timeout elapses: the arrival is taken back. Otherwise as [`wait`](Self::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_deadline(Deadline::after(timeout))
    }

    /// Arrives, and blocks until all have arrived, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<BarrierWaitResult, BarrierError> {
        let me = self.members.session(&self.state)?;
        self.state.join(me);
        let party = Party { members: &self.members, repair: &self.state, me };
        let mut arrived = self.state.arrive(deadline != Deadline::NOW, party)?;
        if arrived == Arrived::TooFew {
            // One of those that are missing may be dead.
            party.reap_all()?;
            arrived = self.state.arrive(false, party)?;
        }
        match arrived {
            Arrived::Last => Ok(BarrierWaitResult { is_leader: true }),
            Arrived::TooFew => Err(BarrierError::WouldBlock),
            Arrived::Missed(generation) => Err(self.broken(generation)),
            Arrived::In(generation) => match self.state.wait_for(generation, party, deadline)? {
                Some(Outcome::Complete) => Ok(BarrierWaitResult { is_leader: false }),
                Some(Outcome::Broken) => Err(self.broken(generation)),
                None => Err(BarrierError::TimedOut),
            },
        }
    }

    #[cold]
    fn broken(&self, generation: u32) -> BarrierError {
        let breaker = self.state.breaker(generation);
        let member = breaker.filter(|name| name.slot < self.object.description().max_handles).map(|name| {
            // Another member may have the slot by now.
            let found = self.members.member(name.slot);
            let start_time = if found.pid == name.pid { found.start_time } else { 0 };
            Member { slot: name.slot, pid: name.pid, start_time }
        });
        BarrierError::Broken { object: self.object.name().clone(), member }
    }

    /// Returns for how many participants it is.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.state.parties as usize
    }

    /// Returns how many have arrived and wait, as it was a moment ago.
    ///
    /// It shows the state before repair: a participant that died counts until another one finds it dead.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.state.count() as usize
    }

    /// Returns the members that have the barrier open.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.members.list()
    }

    /// Returns what the barrier is made of.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.object.status()
    }

    /// Removes the barrier, as `unlink` does a file. See [`Mutex::remove`](crate::Mutex::remove).
    ///
    /// # Errors
    ///
    /// As [`Mutex::remove`](crate::Mutex::remove).
    pub fn remove(&self) -> Result<(), Failure> {
        self.object.remove()
    }
}

impl Options<Barrier> {
    /// Creates a [`Barrier`] for this many participants.
    ///
    /// # Errors
    ///
    /// As [`Barrier::create`].
    pub fn create(&self, name: &str, participants: u16) -> Result<Barrier, OpenError> {
        Barrier::enter(&self.settings, name, Some(participants), Disposition::Create)
    }

    /// Opens a [`Barrier`] that exists.
    ///
    /// # Errors
    ///
    /// As [`Barrier::open`].
    pub fn open(&self, name: &str) -> Result<Barrier, OpenError> {
        Barrier::enter(&self.settings, name, None, Disposition::Open)
    }

    /// Opens a [`Barrier`], or creates one for this many participants.
    ///
    /// # Errors
    ///
    /// As [`Barrier::open_or_create`].
    pub fn open_or_create(&self, name: &str, participants: u16) -> Result<Barrier, OpenError> {
        Barrier::enter(&self.settings, name, Some(participants), Disposition::OpenOrCreate)
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("name", &self.object.description().name)
            .field("participants", &self.participants())
            .field("arrived", &self.arrived())
            .finish_non_exhaustive()
    }
}
