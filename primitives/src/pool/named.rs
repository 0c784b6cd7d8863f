//! How a pool is created, opened and removed, and which members there are.

use std::sync::Arc;

use super::{handle::Pool, shortage::Shortage, spots::Spots, state::PoolState};
use crate::{
    Failure, Member, ObjectName, OpenError, Options, Status, TooManyPermits,
    fingerprint::Fingerprint,
    layout::Mapped,
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::{MOST_PERMITS, Settings},
    raw::{self, SharedMemory, SharedSafe},
    set_layout::Bells,
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed},
    waiting::room::Room,
};

pub(super) const KIND: Kind = Kind::new("pool", 2, Bells::common(0).and_each(2));

// Where the state lies in the body, each word on a cache line of its own.
const FLAG: usize = 0;
pub(super) const TURNSTILE: usize = 128;
pub(super) const LIMIT: usize = 256;
const RECENT: usize = 384;
const SHORTAGE: usize = 512;
pub(super) const ROOMS: usize = 640;

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for Shortage {}

pub(super) fn permits_at(max_handles: u32) -> usize {
    ROOMS + 2 * Room::bytes(max_handles)
}

fn words_at(memory: &Arc<SharedMemory>, body: usize, capacity: usize, max_handles: u32) -> raw::Result<PoolState> {
    let room = |which: u16| {
        let at = body + ROOMS + usize::from(which) * Room::bytes(max_handles);
        Room::at(memory, at, max_handles, KIND.bells.of_room(which))
    };
    let permits = body + permits_at(max_handles);
    Ok(PoolState {
        flag: Mapped::at(memory, body + FLAG)?,
        turnstile: Mapped::at(memory, body + TURNSTILE)?,
        limit: Mapped::at(memory, body + LIMIT)?,
        recent: Mapped::at(memory, body + RECENT)?,
        permits: Spots::new(Mapped::slice(memory, permits, Spots::words(capacity))?, capacity),
        shortage: Mapped::at(memory, body + SHORTAGE)?,
        singles: room(0)?,
        many: room(1)?,
    })
}

impl Pool {
    /// Returns the options to create or open a pool with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a pool of this many permits.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str, permits: u32) -> Result<Self, OpenError> {
        Self::options().create(name, permits)
    }

    /// Opens a pool that exists.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoSuchName`] if there is none. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a pool, whatever its size, or creates one of this many permits.
    ///
    /// A pool outlives its processes, until it is removed or the system restarts. So an existing pool keeps its number
    /// of permits and its capacity, perhaps those of an earlier version of the program. Permits of processes that ended
    /// are free again. To begin anew, [remove the name](Self::unlink) first, or [resize](Self::resize) it. It also
    /// keeps its mode and its number of handles. [`Options::exact`] insists on all that are given.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create), and [`OpenError::TooMany`] above 16,777,216.
    pub fn open_or_create(name: &str, permits: u32) -> Result<Self, OpenError> {
        Self::options().open_or_create(name, permits)
    }

    /// Removes a pool by its name. A handle that is open finds it removed when it would have to wait.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoSuchName`], also while it is being made. [`OpenError::NameCollision`], [`OpenError::Foreign`],
    /// [`OpenError::WrongVersion`] and [`OpenError::Failed`] if the existing object is not known to be this pool, or
    /// the system refuses something. Nothing is removed then.
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        object::remove::by_name(name, KIND)
    }

    fn enter(options: &Settings, name: &str, permits: u32, disposition: Disposition) -> Result<Self, OpenError> {
        let capacity = options.capacity.max(permits);
        // An existing pool is compared with what a new one would have got.
        let planned = capacity;
        if capacity > MOST_PERMITS {
            let object = ObjectName::new(KIND.name, name);
            let (wanted, limit) = (capacity, MOST_PERMITS);
            return Err(TooManyPermits { object, wanted, limit, capacity: limit }.into());
        }
        let name = Name::new(name)?;
        // All permits are free, and no waiter is announced: zeroes say so.
        let fill = |memory: &_, body: usize| {
            Mapped::<AtomicU32>::at(memory, body + LIMIT)?.store(permits, Relaxed);
            Ok(())
        };
        let max_handles = KIND.max_handles(options, disposition);
        let blueprint = Blueprint {
            kind: KIND,
            name: &name,
            options,
            max_handles,
            capacity: capacity.into(),
            fingerprint: Fingerprint::without_type(options),
            body: (permits_at(max_handles) + size_of::<AtomicU32>() * Spots::words(capacity as usize)) as u64,
            fill: &fill,
        };
        let (object, (members, state)) = Object::enter(&blueprint, disposition, &|object| {
            let damaged = || object.damaged("the capacity");
            let capacity = u32::try_from(object.description().capacity).map_err(|_| damaged())?;
            let members = object.members()?;
            // Cut before any size is computed from it: the number comes from memory.
            let (size, handles) = (capacity.min(MOST_PERMITS) as usize, object.description().max_handles);
            let state =
                words_at(object.memory(), object.body(), size, handles).map_err(|error| object.failed(error))?;
            if disposition != Disposition::Open {
                object.check_option("permits", state.limit() as u64, permits.into())?;
                object.check_option("capacity", capacity.into(), planned.into())?;
            }
            let registration = object.register(&members, &state)?;
            Ok(((members, state), registration))
        })?;
        Ok(Self { object, members, state, hint: AtomicU64::new(0) })
    }

    /// Returns the members that have the pool open, without disturbing any of them.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.members.list()
    }

    /// Returns the state of the kernel objects that the pool consists of.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.object.status()
    }

    /// Removes the pool, as `unlink` does a file. See [`Mutex::remove`](crate::Mutex::remove).
    ///
    /// # Errors
    ///
    /// As [`Mutex::remove`](crate::Mutex::remove).
    pub fn remove(&self) -> Result<(), Failure> {
        self.object.remove()
    }
}

impl Options<Pool> {
    /// Sets how many permits the pool has room for, so that a [`resize`](Pool::resize) can raise their number.
    ///
    /// It is fixed when the pool is created. By default, and if it is smaller, as many as it is created with.
    ///
    /// ```
    /// use sysv_primitives::{Pool, PoolError};
    ///
    /// # let name = format!("capacity-example-{}", std::process::id());
    /// let workers = Pool::options().capacity(8).create(&name, 4)?;
    /// workers.resize(8)?;
    /// assert!(matches!(workers.resize(9), Err(PoolError::TooMany(_))));
    /// workers.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn capacity(mut self, permits: u32) -> Self {
        self.settings.capacity = permits;
        self
    }

    /// Creates a [`Pool`] of this many permits.
    ///
    /// # Errors
    ///
    /// As [`Pool::create`].
    pub fn create(&self, name: &str, permits: u32) -> Result<Pool, OpenError> {
        Pool::enter(&self.settings, name, permits, Disposition::Create)
    }

    /// Opens a [`Pool`] that exists.
    ///
    /// # Errors
    ///
    /// As [`Pool::open`].
    pub fn open(&self, name: &str) -> Result<Pool, OpenError> {
        Pool::enter(&self.settings, name, 0, Disposition::Open)
    }

    /// Opens a [`Pool`], or creates one of this many permits.
    ///
    /// # Errors
    ///
    /// As [`Pool::open_or_create`].
    pub fn open_or_create(&self, name: &str, permits: u32) -> Result<Pool, OpenError> {
        Pool::enter(&self.settings, name, permits, Disposition::OpenOrCreate)
    }
}
