//! A counting pool of permits that have identity, and come back exactly when their holder dies.
//!
//! The protocol is in [`PoolState`]. Here is its public interface.

mod error;
mod shortage;
mod spots;
mod state;
mod wait;

use std::{fmt, sync::Arc, time::Duration};

pub use self::error::PoolError;
use self::{
    shortage::Shortage,
    spots::{Spot, Spots},
    state::PoolState,
};
use crate::{
    Failure, Member, ObjectName, OpenError, Options, Status, TooManyPermits,
    fingerprint::Fingerprint,
    layout::Mapped,
    members::{Members, Session},
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::{MOST_PERMITS, Settings},
    raw::{self, Deadline, SharedMemory, SharedSafe},
    set_layout::Bells,
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
        fence,
    },
    waiting::{Party, room::Room},
};

const KIND: Kind = Kind::new("pool", 2, Bells::common(0).and_each(2));

// Where the state lies in the body, each word on a cache line of its own.
const FLAG: usize = 0;
const TURNSTILE: usize = 128;
const LIMIT: usize = 256;
const RECENT: usize = 384;
const SHORTAGE: usize = 512;
const ROOMS: usize = 640;

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for Shortage {}

fn permits_at(max_handles: u32) -> usize {
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

/// A named pool of numbered permits between processes.
///
/// Permits are numbered from 0: [`Permit::index`] can stand for a GPU, a port or a licence.
///
/// **When a process dies** its permits come back, each exactly once, and waiters get them.
///
/// Each handle takes one of the object's slots, however many threads share it. A child made by `fork` may go on using
/// the handle. Permits stay the parent's.
///
/// A permit that is released is offered to the waiter that has waited longest, but any process that comes may take it
/// first. Of several callers that wait for [many](Self::acquire_many), the caller that has waited longest comes first.
/// **While a process is stopped**, others wait for the permits that it holds, and for a permit that it was just woken
/// for.
///
/// The process needs write permission to the object, and `semop`, as long as it has the handle. If a release can't
/// notify a waiter for want of them, the next call on the handle fails, and the waiter sleeps until another process
/// releases a permit.
///
/// ```
/// use sysv_primitives::Pool;
///
/// # let name = format!("pool-example-{}", std::process::id());
/// let gpus = Pool::open_or_create(&name, 4)?;
/// let one = gpus.acquire()?;
/// println!("working on GPU {}", one.index());
/// let two = gpus.acquire_many(2)?;
/// assert_eq!(gpus.available(), 1);
/// drop((one, two));
/// gpus.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Pool {
    object: Object,
    members: Members,
    state: PoolState,
    /// Where the permit lies that this handle freed last. Perhaps no other process has touched its cache line since.
    hint: AtomicU64,
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
        let planned = capacity;
        if capacity > MOST_PERMITS {
            let object = ObjectName::new(KIND.name, name);
            let (wanted, limit) = (capacity, MOST_PERMITS);
            return Err(TooManyPermits { object, wanted, limit, capacity: limit }.into());
        }
        let name = Name::new(name)?;
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

    /// Acquires a permit. Blocks until one is available.
    ///
    /// # Errors
    ///
    /// [`PoolError::Failed`] if the pool was removed or is corrupt.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>, PoolError> {
        self.acquire_deadline(Deadline::NEVER)
    }

    /// Acquires a permit if one is free, or held by a dead process.
    ///
    /// # Errors
    ///
    /// [`PoolError::WouldBlock`] if none is. Otherwise as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, PoolError> {
        self.acquire_deadline(Deadline::NOW)
    }

    /// Acquires a permit. Blocks until one is available, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PoolError::TimedOut`] if the timeout elapses. Otherwise as [`acquire`](Self::acquire).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, PoolError> {
        self.acquire_deadline(Deadline::after(timeout))
    }

    /// Acquires a permit. Blocks until one is available, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    #[inline]
    pub fn acquire_deadline(&self, deadline: Deadline) -> Result<Permit<'_>, PoolError> {
        let me = self.members.session(&self.state)?;
        // Relaxed: a hint of this handle's. Any permit will do, and the one that it freed last is probably in its
        // cache.
        let hint = Spot::from_bits(self.hint.load(Relaxed));
        if self.state.claim(hint, me) {
            return Ok(Permit { pool: self, spot: hint, session: me });
        }
        self.acquire_slowly(me, deadline)
    }

    /// Acquires a permit if the one that this handle freed last is taken.
    #[cold]
    fn acquire_slowly(&self, me: Session, deadline: Deadline) -> Result<Permit<'_>, PoolError> {
        let index = match self.state.scan(me) {
            Some(index) => index,
            // No permit is free. Without waiting, only those of dead members can become free.
            None if deadline == Deadline::NOW => {
                self.state.take_from_the_dead(self.party(me))?.ok_or(PoolError::WouldBlock)?
            }
            None => self.state.wait_for_one(self.party(me), deadline)?.ok_or(PoolError::TimedOut)?,
        };
        Ok(Permit { pool: self, spot: self.state.permits.spot(index), session: me })
    }

    /// Acquires `count` permits, all or none. Blocks until they are available.
    ///
    /// Callers that acquire single permits all the time can starve a caller that waits for many.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] if the pool could never give that many. Otherwise as [`acquire`](Self::acquire).
    pub fn acquire_many(&self, count: u32) -> Result<Permits<'_>, PoolError> {
        self.acquire_many_deadline(count, Deadline::NEVER)
    }

    /// Acquires `count` permits if they are free, or held by dead processes.
    ///
    /// # Errors
    ///
    /// [`PoolError::WouldBlock`] if not, or if a process was stopped while it acquires several. Otherwise as
    /// [`acquire_many`](Self::acquire_many).
    pub fn try_acquire_many(&self, count: u32) -> Result<Permits<'_>, PoolError> {
        self.acquire_many_deadline(count, Deadline::NOW)
    }

    /// Acquires `count` permits, all or none. Blocks until they are available, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`PoolError::TimedOut`] if the timeout elapses. Otherwise as [`acquire_many`](Self::acquire_many).
    pub fn acquire_many_timeout(&self, count: u32, timeout: Duration) -> Result<Permits<'_>, PoolError> {
        self.acquire_many_deadline(count, Deadline::after(timeout))
    }

    /// Acquires `count` permits, all or none. Blocks until they are available, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_many_timeout`](Self::acquire_many_timeout).
    pub fn acquire_many_deadline(&self, count: u32, deadline: Deadline) -> Result<Permits<'_>, PoolError> {
        let me = self.members.session(&self.state)?;
        if count as usize > self.state.limit() {
            return Err(self.too_many(count).into());
        }
        let Some(mut indices) = self.state.take_many(self.party(me), count as usize, deadline)? else {
            return Err(if deadline == Deadline::NOW { PoolError::WouldBlock } else { PoolError::TimedOut });
        };
        indices.sort_unstable();
        Ok(Permits { pool: self, indices, session: me })
    }

    fn party(&self, me: Session) -> Party<'_, PoolState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    fn too_many(&self, wanted: u32) -> TooManyPermits {
        let cut = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let object = self.object.name().clone();
        TooManyPermits { object, wanted, limit: cut(self.state.limit()), capacity: cut(self.state.permits.capacity()) }
    }

    /// Returns how many permits are free, as it was a moment ago.
    ///
    /// It shows the state before repair: permits of a process that died count as held. They come back when a waiter
    /// waits, or a call finds too few free permits, also a `try_` form. [`acquire`](Self::acquire) of a permit that is free
    /// repairs nothing.
    ///
    /// ```
    /// use sysv_primitives::Pool;
    ///
    /// # let name = format!("available-example-{}", std::process::id());
    /// let pool = Pool::create(&name, 4)?;
    /// // All permits are wanted, so those of the dead come back, if there are any.
    /// drop(pool.try_acquire_many(4));
    /// assert_eq!(pool.available(), 4);
    /// pool.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn available(&self) -> usize {
        self.state.available()
    }

    /// Returns how many permits the pool gives out.
    #[must_use]
    pub fn permits(&self) -> usize {
        self.state.limit()
    }

    /// Returns how many permits it may be resized to.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.state.permits.capacity()
    }

    /// Returns which member holds which permit, as it was a moment ago.
    ///
    /// It shows the state before repair: a dead process is listed until its permits come back, as with
    /// [`available`](Self::available).
    #[must_use]
    pub fn holders(&self) -> Vec<(usize, Member)> {
        let holder = |index: usize| {
            let permit = self.state.permits.get(self.state.permits.spot(index));
            // Relaxed: a report, as it was a moment ago.
            let slot = self.members.slot_of(permit.load(Relaxed)).ok()?;
            Some((index, self.members.member(slot)))
        };
        (0..self.capacity()).filter_map(holder).collect()
    }

    /// Makes the pool give out more or fewer permits, up to its capacity.
    ///
    /// The capacity was fixed when the pool was created. By default there is room for the first permits alone:
    /// [`Options::capacity`] makes room for growth.
    ///
    /// No permit is taken from its holder. Permits above the new limit that are held now are not given out again once
    /// they come back.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] above the capacity it was created with. [`PoolError::Failed`] if it has the new size, but a
    /// waiter could not be notified.
    pub fn resize(&self, permits: u32) -> Result<(), PoolError> {
        if permits as usize > self.state.permits.capacity() {
            return Err(self.too_many(permits).into());
        }
        // SYNC: pairs with the load in `limit`, through the fences of this process and of the waiter.
        self.state.limit.store(permits, SeqCst);
        // SYNC: pairs with the fence of a waiter's announcement: either it sees the limit, or we see the flag.
        fence(SeqCst);
        // One waiter for each permit that may have been added. A waiter too many checks in vain.
        self.state.notify(permits as usize, &self.members)?;
        Ok(())
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

impl Drop for Pool {
    fn drop(&mut self) {
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.object.description().name)
            .field("permits", &self.permits())
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}

/// A permit. Dropping it releases the permit.
///
/// In a child made by `fork`, dropping a permit of the parent's does nothing.
#[must_use = "dropping the permit gives it back"]
pub struct Permit<'a> {
    pool: &'a Pool,
    spot: Spot,
    session: Session,
}

impl Permit<'_> {
    /// Returns which permit it is, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.spot.index as usize
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.session.is_ours() {
            self.pool.hint.store(self.spot.bits(), Relaxed);
            self.pool.state.free(self.spot, self.session, &self.pool.members);
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.index())
    }
}

/// Several permits. Dropping them releases all of them.
#[must_use = "dropping the permits gives them back"]
pub struct Permits<'a> {
    pool: &'a Pool,
    indices: Vec<usize>,
    session: Session,
}

impl Permits<'_> {
    /// Returns which permits they are, in ascending order.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            for &index in &self.indices {
                self.pool.state.free(self.pool.state.permits.spot(index), self.session, &self.pool.members);
            }
        }
    }
}

impl fmt::Debug for Permits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permits").field(&self.indices).finish()
    }
}
