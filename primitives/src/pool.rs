//! A counting pool whose permits have identity, and come back exactly when their holder dies.
//!
//! Each permit is one word in the segment: 0, or the slot of its holder plus one. Acquiring is one
//! compare-and-swap of a free word, found by a hint, and releasing one swap to 0.
//!
//! | word | value | meaning | changed by |
//! | --- | --- | --- | --- |
//! | permit | 0 | free | whoever acquires it |
//! | permit | slot + 1 | held | its holder; whoever reaps the slot |
//! | flags | SINGLE | somebody may sleep on the doorbell of single permits | set by who is about to sleep; cleared by who posts |
//! | flags | MANY | the same for several permits at once | as above |
//! | turnstile | as a mutex's | who tries for several at once | as a mutex's |
//! | limit | number | permits below it are given out | `resize` |
//!
//! - **I1** A permit has one holder: words change from free by compare-and-swap alone, and from held by
//!   the holder, or by who claimed the holder's ALIVE (R-own).
//! - **I2** (R-sleep) Who sleeps has set its flag, reaped the dead, and found too little, in this order.
//! - **I3** (R-wake) Who frees a word looks at the flags afterwards, and posts for each that it
//!   clears. Both sides are sequentially consistent: one of them sees the other.
//! - **I4** Who was woken and got a permit posts again if more are free: so one flag is enough for
//!   any number of sleepers.
//! - **I5** Several permits at once are tried for by one caller at a time, the turnstile's holder, and
//!   given back whole if they fall short: so two such callers can't hold what the other needs.
//!
//! | the process dies | what is left | who notices |
//! | --- | --- | --- |
//! | holding permits, one or several | words that name a dead slot | a sleeper, by the obituary; a newcomer that finds too little |
//! | having freed a word, before it posted | a free word | a sleeper, by the obituary |
//! | having taken a post | the event's messenger is gone | the next sleeper, by the obituary |
//! | in the turnstile | a lock that names a dead slot | as with a mutex |
//!
//! Not promised: an order among those who wait; continuous callers for one can starve a caller for many.

use std::{
    fmt,
    sync::atomic::{
        AtomicU32,
        Ordering::{Acquire, Relaxed, SeqCst},
        fence,
    },
    time::Duration,
};

use crate::{
    Error, Member, Options, Result, Status,
    doorbell::Token,
    layout::{Description, Fingerprint, Mapped},
    members::{Members, Repair, Session},
    mutex::Lock,
    name::Name,
    object::{self, Blueprint, Object, Want},
    raw::{Deadline, SharedMemory},
};

const KIND: &str = "pool";
const KIND_NUMBER: u32 = 2;

const SINGLE: u32 = 1;
const MANY: u32 = 2;

const SINGLE_BELL: u16 = 0;
const TURNSTILE_BELL: u16 = 1;
const MANY_BELL: u16 = 2;

// Where the words lie in the body, each on a cache line of its own.
const FLAGS: usize = 0;
const TURNSTILE: usize = 128;
const LIMIT: usize = 256;
const RECENT: usize = 384;
const PERMITS: usize = 512;

/// The most permits a pool may have.
const MOST_PERMITS: u32 = 1 << 24;

/// The pool's words in shared memory.
#[derive(Debug)]
struct Words {
    flags: Mapped<AtomicU32>,
    turnstile: Lock,
    limit: Mapped<AtomicU32>,
    /// Which permit was freed last: where to look first. It may say anything.
    recent: Mapped<AtomicU32>,
    permits: Mapped<[AtomicU32]>,
}

impl Words {
    fn at(memory: &std::sync::Arc<SharedMemory>, body: usize, capacity: usize) -> Result<Self> {
        Ok(Self {
            flags: Mapped::at(memory, body + FLAGS)?,
            turnstile: Lock::new(Mapped::at(memory, body + TURNSTILE)?, TURNSTILE_BELL),
            limit: Mapped::at(memory, body + LIMIT)?,
            recent: Mapped::at(memory, body + RECENT)?,
            permits: Mapped::slice(memory, body + PERMITS, capacity)?,
        })
    }

    /// Returns how many permits are given out; what memory says is cut to what there is.
    #[inline]
    fn limit(&self) -> usize {
        (self.limit.load(Relaxed) as usize).min(self.permits.len())
    }

    #[inline]
    fn claim(&self, index: usize, me: Session) -> bool {
        // SYNC: Acquire pairs with the swap in `free` and in `repair`: what the former holder did is done.
        index < self.limit() && self.permits[index].compare_exchange(0, me.owner(), Acquire, Relaxed).is_ok()
    }

    /// Looks at every permit once, first where one was freed last.
    #[cold]
    fn scan(&self, me: Session) -> Option<usize> {
        let limit = self.limit();
        let start = (self.recent.load(Relaxed) as usize).min(limit);
        let is_free = |index: &usize| self.permits[*index].load(Relaxed) == 0;
        (start..limit).chain(0..start).filter(is_free).find(|&index| self.claim(index, me))
    }

    fn available(&self) -> usize {
        self.permits[..self.limit()].iter().filter(|permit| permit.load(Relaxed) == 0).count()
    }

    /// Frees a permit that this process holds, and wakes who waits for it (I3).
    #[inline]
    fn free(&self, index: usize, members: &Members) {
        #[expect(clippy::cast_possible_truncation, reason = "an index is below the number of permits, a u32")]
        self.recent.store(index as u32, Relaxed);
        // SYNC: SeqCst pairs with the fence in `announce`; it releases what we did to the next holder.
        self.permits[index].swap(0, SeqCst);
        if self.flags.load(SeqCst) != 0 {
            self.wake(members);
        }
    }

    #[cold]
    fn wake(&self, members: &Members) {
        for (flag, bell) in [(SINGLE, SINGLE_BELL), (MANY, MANY_BELL)] {
            if self.flags.fetch_and(!flag, SeqCst) & flag != 0 {
                // It fails only if the object was removed, which has woken everybody.
                let _ = members.post(bell);
            }
        }
    }

    /// Says that we are about to sleep, and reaps the dead (I2).
    fn announce(&self, flag: u32, members: &Members) -> Result<()> {
        self.flags.fetch_or(flag, SeqCst);
        // SYNC: pairs with the swap and the load in `free`: either it sees the flag, or we see the free word.
        fence(SeqCst);
        members.reap_all(self)
    }
}

impl Repair for Words {
    fn repair(&self, slot: u32, members: &Members) -> Result<()> {
        self.turnstile.repair(slot, members)?;
        let mut freed = false;
        for permit in self.permits.iter().filter(|permit| permit.load(Relaxed) == slot + 1) {
            // Nobody but us may change its owner now (R-own).
            permit.swap(0, SeqCst);
            freed = true;
        }
        if freed {
            self.flags.fetch_and(!(SINGLE | MANY), SeqCst);
            members.post(SINGLE_BELL)?;
            members.post(MANY_BELL)?;
        }
        Ok(())
    }
}

/// A named pool of permits between processes: so many at a time, and each knows which it is.
///
/// Permits are numbered from 0: [`Permit::index`] tells which GPU, port or licence it stands for.
///
/// **When a process dies** its permits come back, each exactly once, and whoever waits gets them.
///
/// Handles are for any number of threads; each takes one of the object's slots. A child made by
/// `fork` may go on using the handle; permits stay the parent's.
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
    words: Words,
    /// Which permit this handle freed last: nobody else has touched its cache line, with luck.
    hint: AtomicU32,
}

impl Pool {
    /// Creates a pool of so many permits.
    ///
    /// # Errors
    ///
    /// [`Error::NameTaken`] if there is one; otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str, permits: u32) -> Result<Self> {
        Options::new().create_pool(name, permits, permits)
    }

    /// Opens a pool that exists.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchName`] if there is none; otherwise as [`open_or_create`](Self::open_or_create).
    pub fn open(name: &str) -> Result<Self> {
        Options::new().open_pool(name)
    }

    /// Opens a pool, whatever its size, or creates one of so many permits.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create), and [`Error::TooMany`] above 16,777,216.
    pub fn open_or_create(name: &str, permits: u32) -> Result<Self> {
        Options::new().open_or_create_pool(name, permits, permits)
    }

    /// Removes a pool by its name; whoever has it open finds it removed when it would have to wait.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchName`], or [`Error::Raw`] for what the system refuses.
    pub fn remove_name(name: &str) -> Result<()> {
        object::remove(name, KIND)
    }

    fn enter(options: &Options, name: &str, permits: u32, capacity: u32, want: Want) -> Result<Self> {
        let capacity = capacity.max(permits);
        if capacity > MOST_PERMITS {
            return Err(Error::TooMany { wanted: capacity, limit: MOST_PERMITS, capacity: MOST_PERMITS });
        }
        let mut description = Description::new(&Name::new(name)?, KIND_NUMBER);
        description.max_processes = options.max_processes;
        description.doorbells = 3;
        description.capacity = capacity.into();
        description.fingerprint = Fingerprint { schema: options.schema, ..Fingerprint::default() };
        description.body = (PERMITS + size_of::<AtomicU32>() * capacity as usize) as u64;
        let fill = |memory: &_, body: usize| {
            Mapped::<AtomicU32>::at(memory, body + LIMIT)?.store(permits, Relaxed);
            Ok(())
        };
        let blueprint = Blueprint { kind: KIND, description, options, fill: &fill };
        Object::enter(&blueprint, want, &|object| {
            let damaged = || Error::Damaged { part: "the capacity", id: object.memory().id() };
            let capacity = u32::try_from(object.description().capacity).map_err(|_| damaged())?;
            let members = object.members()?;
            let words = Words::at(object.memory(), object.body(), capacity.min(MOST_PERMITS) as usize)?;
            let registration = object.register(&members, &words)?;
            Ok((Self { object, members, words, hint: AtomicU32::new(0) }, registration))
        })
    }

    /// Acquires a permit; waits as long as it takes.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`] if the pool was removed, [`Error::Damaged`].
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>> {
        self.acquire_deadline(Deadline::NEVER)
    }

    /// Acquires a permit if one is free, or held by the dead.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if none is; otherwise as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>> {
        self.acquire_deadline(Deadline::NOW)
    }

    /// Acquires a permit; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when the time is over; otherwise as [`acquire`](Self::acquire).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>> {
        self.acquire_deadline(Deadline::after(timeout))
    }

    #[inline]
    fn acquire_deadline(&self, deadline: Deadline) -> Result<Permit<'_>> {
        let me = self.members.session(&self.words)?;
        let hint = self.hint.load(Relaxed) as usize;
        if self.words.claim(hint, me) {
            return Ok(self.permit(hint, me));
        }
        let index = match self.words.scan(me) {
            Some(index) => index,
            None if deadline == Deadline::NOW => self.take_from_the_dead(me)?,
            None => self.wait_for_one(me, deadline)?,
        };
        Ok(self.permit(index, me))
    }

    #[inline]
    fn permit(&self, index: usize, session: Session) -> Permit<'_> {
        Permit { pool: self, index, session }
    }

    /// Nothing is free, and the caller won't wait: what the dead have is all there can be.
    #[cold]
    fn take_from_the_dead(&self, me: Session) -> Result<usize> {
        self.members.reap_all(&self.words)?;
        self.words.scan(me).ok_or(Error::Busy)
    }

    /// R-sleep for one permit.
    #[cold]
    fn wait_for_one(&self, me: Session, deadline: Deadline) -> Result<usize> {
        let mut token = Token::none(&self.members, SINGLE_BELL);
        loop {
            token.clear_pile()?;
            self.words.announce(SINGLE, &self.members)?;
            if let Some(index) = self.words.scan(me) {
                // I4.
                token.used(|| self.words.available() > 0);
                return Ok(index);
            }
            if !token.sleep(deadline)? {
                return Err(Error::Busy);
            }
        }
    }

    /// Acquires so many permits at once, all of them or none; waits as long as it takes.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] if the pool could never give that many; otherwise as [`acquire`](Self::acquire).
    pub fn acquire_many(&self, count: u32) -> Result<Permits<'_>> {
        self.acquire_many_deadline(count, Deadline::NEVER)
    }

    /// Acquires so many permits at once if they are free, or held by the dead.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if not, or if somebody else is trying for several; otherwise as
    /// [`acquire_many`](Self::acquire_many).
    pub fn try_acquire_many(&self, count: u32) -> Result<Permits<'_>> {
        self.acquire_many_deadline(count, Deadline::NOW)
    }

    /// Acquires so many permits at once; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when the time is over; otherwise as [`acquire_many`](Self::acquire_many).
    pub fn acquire_many_timeout(&self, count: u32, timeout: Duration) -> Result<Permits<'_>> {
        self.acquire_many_deadline(count, Deadline::after(timeout))
    }

    fn acquire_many_deadline(&self, count: u32, deadline: Deadline) -> Result<Permits<'_>> {
        let me = self.members.session(&self.words)?;
        if count as usize > self.words.limit() {
            return Err(self.too_many(count));
        }
        let turnstile = Turnstile::enter(self, me, deadline)?;
        if let Some(permits) = self.claim_many(me, count as usize) {
            return Ok(permits);
        }
        if deadline == Deadline::NOW {
            self.members.reap_all(&self.words)?;
            return self.claim_many(me, count as usize).ok_or(Error::Busy);
        }
        let mut token = Token::none(&self.members, MANY_BELL);
        loop {
            token.clear_pile()?;
            self.words.announce(MANY, &self.members)?;
            if let Some(permits) = self.claim_many(me, count as usize) {
                token.used(|| false);
                drop(turnstile);
                return Ok(permits);
            }
            if !token.sleep(deadline)? {
                return Err(Error::Busy);
            }
        }
    }

    /// Claims all of so many permits, or gives back what it got (I5).
    fn claim_many(&self, me: Session, count: usize) -> Option<Permits<'_>> {
        if self.words.available() < count {
            return None;
        }
        let mut permits = Permits { pool: self, indices: Vec::with_capacity(count), session: me };
        while permits.indices.len() < count {
            // Dropping what was got so far is a full release of it.
            permits.indices.push(self.words.scan(me)?);
        }
        permits.indices.sort_unstable();
        Some(permits)
    }

    fn too_many(&self, wanted: u32) -> Error {
        let cut = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Error::TooMany { wanted, limit: cut(self.words.limit()), capacity: cut(self.words.permits.len()) }
    }

    /// Returns how many permits are free, as it was a moment ago.
    #[must_use]
    pub fn available(&self) -> usize {
        self.words.available()
    }

    /// Returns how many permits the pool gives out.
    #[must_use]
    pub fn permits(&self) -> usize {
        self.words.limit()
    }

    /// Returns how many permits it may be resized to.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.words.permits.len()
    }

    /// Returns who holds which permit, as it was a moment ago. The dead are listed until somebody
    /// wants what they had.
    #[must_use]
    pub fn holders(&self) -> Vec<(usize, Member)> {
        let holder = |(index, permit): (usize, &AtomicU32)| {
            let slot = self.members.slot_of(permit.load(Relaxed)).ok()?;
            Some((index, self.members.member(slot)))
        };
        self.words.permits.iter().enumerate().filter_map(holder).collect()
    }

    /// Makes the pool give out more or fewer permits, up to its capacity.
    ///
    /// Nothing is taken from anybody: permits above the new limit that are held now are not given
    /// out again once they come back.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] above the capacity it was created with.
    pub fn resize(&self, permits: u32) -> Result<()> {
        if permits as usize > self.words.permits.len() {
            return Err(self.too_many(permits));
        }
        self.words.limit.store(permits, SeqCst);
        if self.words.flags.load(SeqCst) != 0 {
            self.words.wake(&self.members);
        }
        Ok(())
    }

    /// Returns who has the pool open, without disturbing anybody.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>> {
        self.members.list()
    }

    /// Returns what the pool is made of.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`] if it was removed.
    pub fn status(&self) -> Result<Status> {
        self.object.status()
    }

    /// Removes the pool, as `unlink` does a file; see [`Mutex::remove`](crate::Mutex::remove).
    ///
    /// # Errors
    ///
    /// As [`Mutex::remove`](crate::Mutex::remove).
    pub fn remove(&self) -> Result<()> {
        self.object.remove()
    }
}

impl Options {
    /// Creates a [`Pool`] of so many permits, with room for `capacity` of them.
    ///
    /// # Errors
    ///
    /// As [`Pool::create`].
    pub fn create_pool(&self, name: &str, permits: u32, capacity: u32) -> Result<Pool> {
        Pool::enter(self, name, permits, capacity, Want::Create)
    }

    /// Opens a [`Pool`] that exists.
    ///
    /// # Errors
    ///
    /// As [`Pool::open`].
    pub fn open_pool(&self, name: &str) -> Result<Pool> {
        Pool::enter(self, name, 0, 0, Want::Open)
    }

    /// Opens a [`Pool`], or creates one of so many permits, with room for `capacity` of them.
    ///
    /// # Errors
    ///
    /// As [`Pool::open_or_create`].
    pub fn open_or_create_pool(&self, name: &str, permits: u32, capacity: u32) -> Result<Pool> {
        Pool::enter(self, name, permits, capacity, Want::OpenOrCreate)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.members.deregister(&self.words);
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

/// The right to try for several permits at once; one caller has it at a time.
struct Turnstile<'a> {
    pool: &'a Pool,
}

impl<'a> Turnstile<'a> {
    fn enter(pool: &'a Pool, me: Session, deadline: Deadline) -> Result<Self> {
        let (lock, members) = (&pool.words.turnstile, &pool.members);
        // Whoever died in it held nothing that isn't repaired: its poison means nothing.
        let entered = lock.try_take(me)
            || if deadline == Deadline::NOW {
                lock.try_take_slowly(me, members, &pool.words)?.is_some()
            } else {
                lock.take_contended(me, members, &pool.words, deadline)?.is_some()
            };
        if entered { Ok(Self { pool }) } else { Err(Error::Busy) }
    }
}

impl Drop for Turnstile<'_> {
    fn drop(&mut self) {
        self.pool.words.turnstile.free(&self.pool.members, false);
    }
}

/// A permit, held; dropping it gives it back.
///
/// In a child made by `fork`, dropping a permit of the parent's does nothing.
#[must_use = "dropping the permit gives it back"]
pub struct Permit<'a> {
    pool: &'a Pool,
    index: usize,
    session: Session,
}

impl Permit<'_> {
    /// Returns which permit it is, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.session.is_ours() {
            #[expect(clippy::cast_possible_truncation, reason = "an index is below the number of permits, a u32")]
            self.pool.hint.store(self.index as u32, Relaxed);
            self.pool.words.free(self.index, &self.pool.members);
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.index)
    }
}

/// Several permits, held; dropping them gives them back.
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
                self.pool.words.free(index, &self.pool.members);
            }
        }
    }
}

impl fmt::Debug for Permits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permits").field(&self.indices).finish()
    }
}
