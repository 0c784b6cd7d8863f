//! A named mutex with a value, which the death of its holder neither blocks nor corrupts unseen.
//!
//! The word and the value lie in the segment. Locking and unlocking are one atomic operation each;
//! the kernel is asked only by who must wait, and by who finds that somebody waits.
//!
//! The word:
//!
//! | bits | meaning | set by | cleared by |
//! | --- | --- | --- | --- |
//! | 0–15 | 0: free; else the holder's slot plus one | the holder, by compare-and-swap from free | the holder; whoever reaps the holder's slot |
//! | 16 WAITERS | somebody may sleep on the doorbell | who is about to sleep; a holder who has slept | who frees the word, and posts |
//! | 17 POISONED | a holder died or panicked | who reaps; a holder that panics | `clear_poison` |
//!
//! - **I1** Who made the compare-and-swap from free holds the lock until it frees the word, or its
//!   slot is reaped; a slot is reaped only by who claimed its ALIVE (R-own), so not while its process lives.
//! - **I2** A word is never freed with WAITERS set without a post of the doorbell after it, by who
//!   freed it or by the obituary of who died in between.
//! - **I3** Who sleeps has seen a living holder after WAITERS was set; so that holder's unlock or
//!   death comes later and posts.
//! - **I4** Who was woken keeps WAITERS set when it takes the lock, so the next unlock wakes the next one.
//! - **I5** Who took a post and gives up posts one first: an event is never lost with its messenger.
//!
//! | the process dies | what is left | who notices |
//! | --- | --- | --- |
//! | before the compare-and-swap | nothing | – |
//! | holding the lock | a word that names a dead slot | a sleeper, by the obituary; a newcomer, when it finds the holder dead: the lock is poisoned |
//! | having freed the word, before it posted | a free word | a sleeper, by the obituary |
//! | waiting, having set WAITERS | a WAITERS bit too many: one post too many | nobody need |
//! | having taken a post | that event's messenger is gone | the next sleeper, by the obituary |
//!
//! Not promised: an order among those who wait. Re-locking in the same thread waits for ever, as
//! `std`'s mutex may. After `exec` in place the lock stays held until the new program ends.
#![allow(unsafe_code, reason = "the guarded value is reached through its address")]

use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::{
        PoisonError,
        atomic::{
            AtomicU32,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread,
    time::Duration,
};

use bytemuck::Pod;
use crossbeam_utils::Backoff;

use crate::{
    Error, Member, Options, Result, Status,
    doorbell::Token,
    layout::{Description, Fingerprint, Mapped, Place},
    members::{Members, Repair, Session},
    name::Name,
    object::{self, Blueprint, Object, Want},
    raw::Deadline,
};

const KIND: &str = "mutex";
const KIND_NUMBER: u32 = 1;

const OWNER: u32 = 0xffff;
const WAITERS: u32 = 1 << 16;
const POISONED: u32 = 1 << 17;

/// The one doorbell.
const BELL: u16 = 0;

/// Where the value lies in the body, behind the word and on a cache line of its own.
const VALUE: usize = 128;

/// The word alone: locking, unlocking, waiting and repairing.
#[derive(Debug)]
pub(crate) struct Lock {
    word: Mapped<AtomicU32>,
    bell: u16,
}

/// How a lock was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) poisoned: bool,
}

impl Lock {
    pub(crate) fn new(word: Mapped<AtomicU32>, bell: u16) -> Self {
        Self { word, bell }
    }

    #[inline]
    pub(crate) fn try_take(&self, me: Session) -> bool {
        // SYNC: Acquire pairs with the swap in `free` and with the repair of a dead holder.
        self.word.compare_exchange(0, me.owner(), Acquire, Relaxed).is_ok()
    }

    /// Takes the lock if it is free or its holder is dead; `None` if a living process holds it.
    #[cold]
    pub(crate) fn try_take_slowly(
        &self,
        me: Session,
        members: &Members,
        repair: &impl Repair,
    ) -> Result<Option<Taken>> {
        loop {
            match self.take_if_free(me, 0) {
                Ok(taken) => return Ok(Some(taken)),
                Err(word) if self.holder_is_alive(word, members, repair)? => return Ok(None),
                Err(_) => {}
            }
        }
    }

    /// Takes a free word, or returns what it is.
    fn take_if_free(&self, me: Session, waiters: u32) -> Result<Taken, u32> {
        let mut word = self.word.load(Relaxed);
        while word & OWNER == 0 {
            // Keeps the poison, and by I4 the hint that others sleep.
            let mine = me.owner() | word & (POISONED | WAITERS) | waiters;
            // SYNC: as in `try_take`.
            match self.word.compare_exchange_weak(word, mine, Acquire, Relaxed) {
                Ok(_) => return Ok(Taken { poisoned: word & POISONED != 0 }),
                Err(now) => word = now,
            }
        }
        Err(word)
    }

    /// Returns whether a word's holder lives; if it doesn't, the word is repaired when this returns.
    fn holder_is_alive(&self, word: u32, members: &Members, repair: &impl Repair) -> Result<bool> {
        let slot = members.slot_of(word & OWNER)?;
        Ok(members.is_alive(slot)? || !members.reap(slot, repair)?)
    }

    /// Waits for the lock; `None` when the time is over.
    #[cold]
    pub(crate) fn take_contended(
        &self,
        me: Session,
        members: &Members,
        repair: &impl Repair,
        deadline: Deadline,
    ) -> Result<Option<Taken>> {
        if let Some(taken) = self.spin(me) {
            return Ok(Some(taken));
        }
        let mut token = Token::none(members, self.bell);
        loop {
            token.clear_pile()?;
            let waiters = if token.has_slept() { WAITERS } else { 0 };
            let word = match self.take_if_free(me, waiters) {
                Ok(taken) => {
                    // I4: our unlock passes the event on.
                    token.used(|| false);
                    return Ok(Some(taken));
                }
                Err(word) => word,
            };
            if word & WAITERS == 0 && self.word.compare_exchange(word, word | WAITERS, Relaxed, Relaxed).is_err() {
                continue;
            }
            // I3: the holder is looked at after WAITERS was set.
            if !self.holder_is_alive(word, members, repair)? {
                continue;
            }
            if !token.sleep(deadline)? {
                return Ok(None);
            }
        }
    }

    /// Looks again and again for a while before it sleeps, ever less often: waking another processor
    /// costs some ten microseconds, and most holders are done sooner.
    fn spin(&self, me: Session) -> Option<Taken> {
        let backoff = Backoff::new();
        while !backoff.is_completed() {
            match self.take_if_free(me, 0) {
                Ok(taken) => return Some(taken),
                // Others sleep already: the holder's unlock goes to them.
                Err(word) if word & WAITERS != 0 => return None,
                Err(_) => backoff.snooze(),
            }
        }
        None
    }

    /// Frees the word. By I1 it is ours.
    #[inline]
    pub(crate) fn free(&self, members: &Members, poison: bool) {
        // SYNC: Release pairs with the compare-and-swap of the next holder.
        let word = self.word.swap(if poison { POISONED } else { 0 }, Release);
        if word & WAITERS != 0 {
            self.wake(members);
        }
    }

    #[cold]
    fn wake(&self, members: &Members) {
        // It fails only if the object was removed, which has woken everybody.
        let _ = members.post(self.bell);
    }

    /// Takes the word away from a slot whose ALIVE the caller holds (R-own).
    pub(crate) fn repair(&self, slot: u32, members: &Members) -> Result<()> {
        let word = self.word.load(Acquire);
        if word & OWNER != slot + 1 {
            return Ok(());
        }
        // Nobody but us may change the owner; WAITERS may be set meanwhile, so the swap must see it.
        // SYNC: Release hands on what the dead holder had written, as far as it had come.
        let word = self.word.swap(POISONED, Release);
        if word & WAITERS != 0 { members.post(self.bell) } else { Ok(()) }
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.word.load(Relaxed) & POISONED != 0
    }

    pub(crate) fn clear_poison(&self) {
        self.word.fetch_and(!POISONED, Relaxed);
    }

    pub(crate) fn holder(&self) -> u32 {
        self.word.load(Relaxed) & OWNER
    }
}

impl Repair for Lock {
    fn repair(&self, slot: u32, members: &Members) -> Result<()> {
        Self::repair(self, slot, members)
    }
}

/// A named mutex between processes, with the value it guards.
///
/// The value lies in shared memory, so it is a [`Pod`]: plain data, without pointers. With `()`, the
/// default, it is a named lock alone.
///
/// **When a process dies** holding the lock, at whatever instruction, the next one gets it at once,
/// [poisoned](Poisoned): it can look at the value, mend it, and [clear](Mutex::clear_poison) the poison.
/// A panic while the lock is held poisons it as well.
///
/// Handles are for any number of threads; each takes one of the object's slots. A child made by
/// `fork` may go on using the handle; it must not use a guard of its parent's.
///
/// ```
/// use sysv_primitives::Mutex;
///
/// # let name = format!("mutex-example-{}", std::process::id());
/// let counter = Mutex::open_or_create(&name, 0_u64)?;
/// *counter.lock()? += 1;
/// assert_eq!(*counter.lock()?, 1);
/// counter.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct Mutex<T: Pod = ()> {
    object: Object,
    members: Members,
    lock: Lock,
    value: Place<T>,
}

impl<T: Pod> Mutex<T> {
    /// Creates a mutex with a first value.
    ///
    /// # Errors
    ///
    /// [`Error::NameTaken`] if there is one; otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str, value: T) -> Result<Self> {
        Options::new().create_mutex(name, value)
    }

    /// Opens a mutex that exists.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchName`] if there is none; otherwise as [`open_or_create`](Self::open_or_create).
    pub fn open(name: &str) -> Result<Self> {
        Options::new().open_mutex(name)
    }

    /// Opens a mutex, or creates it with a first value.
    ///
    /// However many processes do it at once, and whichever of them die meanwhile: one object comes
    /// of it, and nobody sees half of it.
    ///
    /// # Errors
    ///
    /// - [`Error::BadName`], [`Error::NameCollision`], [`Error::Foreign`], [`Error::ForeignSet`].
    /// - [`Error::WrongVersion`], [`Error::WrongType`], [`Error::Untrusted`].
    /// - [`Error::Full`] if all slots are taken; [`Error::Damaged`], [`Error::Wiped`].
    /// - [`Error::Raw`] for what the system refuses.
    pub fn open_or_create(name: &str, value: T) -> Result<Self> {
        Options::new().open_or_create_mutex(name, value)
    }

    /// Removes a mutex by its name; whoever has it open finds it removed when it would have to wait.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchName`], or [`Error::Raw`] for what the system refuses.
    pub fn remove_name(name: &str) -> Result<()> {
        object::remove(name, KIND)
    }

    fn enter(options: &Options, name: &str, value: T, want: Want) -> Result<Self> {
        let mut description = Description::new(&Name::new(name)?, KIND_NUMBER);
        description.max_processes = options.max_processes;
        description.doorbells = 1;
        description.fingerprint = Fingerprint::of::<T>(options.schema);
        description.body = (VALUE + size_of::<T>()) as u64;
        let fill = |memory: &_, body: usize| {
            let place = Place::<T>::at(memory, body + VALUE)?;
            // SAFETY: the object is not published: nobody else knows it.
            *unsafe { place.get_mut() } = value;
            Ok(())
        };
        let blueprint = Blueprint { kind: KIND, description, options, fill: &fill };
        Object::enter(&blueprint, want, &|object| {
            let members = object.members()?;
            let lock = Lock::new(Mapped::at(object.memory(), object.body())?, BELL);
            let value = Place::at(object.memory(), object.body() + VALUE)?;
            let registration = object.register(&members, &lock)?;
            Ok((Self { object, members, lock, value }, registration))
        })
    }

    /// Locks; waits as long as it takes.
    ///
    /// # Errors
    ///
    /// [`LockError::Poisoned`], with the guard, if a holder died or panicked;
    /// [`LockError::Failed`] if the object was removed or damaged.
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        let me = self.members.session(&self.lock)?;
        if self.lock.try_take(me) {
            return Ok(self.guard(me, false));
        }
        self.lock_contended(me, Deadline::NEVER)
    }

    /// Locks if nobody living holds the lock.
    ///
    /// # Errors
    ///
    /// [`LockError::Busy`] if somebody does; otherwise as [`lock`](Self::lock).
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        let me = self.members.session(&self.lock)?;
        if self.lock.try_take(me) {
            return Ok(self.guard(me, false));
        }
        let taken = self.lock.try_take_slowly(me, &self.members, &self.lock)?;
        self.guard_of(me, taken)
    }

    /// Locks; waits for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`LockError::Busy`] when the time is over; otherwise as [`lock`](Self::lock).
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        let me = self.members.session(&self.lock)?;
        if self.lock.try_take(me) {
            return Ok(self.guard(me, false));
        }
        self.lock_contended(me, Deadline::after(timeout))
    }

    #[cold]
    fn lock_contended(
        &self,
        me: Session,
        deadline: Deadline,
    ) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        let taken = self.lock.take_contended(me, &self.members, &self.lock, deadline)?;
        self.guard_of(me, taken)
    }

    fn guard_of(&self, me: Session, taken: Option<Taken>) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        match taken {
            None => Err(LockError::Busy),
            Some(Taken { poisoned: false }) => Ok(self.guard(me, false)),
            Some(Taken { poisoned: true }) => Err(LockError::Poisoned(Poisoned::new(self.guard(me, true)))),
        }
    }

    #[inline]
    fn guard(&self, me: Session, poisoned: bool) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, session: me, poisoned, panicking: thread::panicking(), not_send: PhantomData }
    }

    /// Returns whether a holder died or panicked, and nobody has cleared that since.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock.is_poisoned()
    }

    /// Declares the value mended. Call it while holding the lock, when the value is right again.
    pub fn clear_poison(&self) {
        self.lock.clear_poison();
    }

    /// Returns who holds the lock, as it was a moment ago.
    #[must_use]
    pub fn holder(&self) -> Option<Member> {
        let slot = self.members.slot_of(self.lock.holder()).ok()?;
        Some(self.members.member(slot))
    }

    /// Returns who has the mutex open, without disturbing anybody.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>> {
        self.members.list()
    }

    /// Returns what the mutex is made of.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`] if it was removed.
    pub fn status(&self) -> Result<Status> {
        self.object.status()
    }

    /// Removes the mutex, as `unlink` does a file: the name is free at once. Whoever has it open may
    /// go on; who waits is told, and so is whoever would have to wait.
    ///
    /// # Errors
    ///
    /// [`Error::Raw`] if it was removed already, or the caller may not.
    pub fn remove(&self) -> Result<()> {
        self.object.remove()
    }
}

impl Options {
    /// Creates a [`Mutex`] with a first value.
    ///
    /// # Errors
    ///
    /// As [`Mutex::create`].
    pub fn create_mutex<T: Pod>(&self, name: &str, value: T) -> Result<Mutex<T>> {
        Mutex::enter(self, name, value, Want::Create)
    }

    /// Opens a [`Mutex`] that exists.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open`].
    pub fn open_mutex<T: Pod>(&self, name: &str) -> Result<Mutex<T>> {
        Mutex::enter(self, name, T::zeroed(), Want::Open)
    }

    /// Opens a [`Mutex`], or creates it with a first value.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`].
    pub fn open_or_create_mutex<T: Pod>(&self, name: &str, value: T) -> Result<Mutex<T>> {
        Mutex::enter(self, name, value, Want::OpenOrCreate)
    }
}

impl<T: Pod> Drop for Mutex<T> {
    fn drop(&mut self) {
        self.members.deregister(&self.lock);
        self.object.remove_if_asked();
    }
}

impl<T: Pod> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex")
            .field("name", &self.object.description().name)
            .field("holder", &self.holder())
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

/// The lock, held: the value can be read and written through it, and dropping it unlocks.
///
/// In a child made by `fork`, dropping a guard of the parent's does nothing.
///
/// It stays in the thread that locked:
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>() {}
/// is_send::<sysv_primitives::MutexGuard<'static, u32>>();
/// ```
#[must_use = "dropping the guard unlocks the mutex"]
pub struct MutexGuard<'a, T: Pod> {
    mutex: &'a Mutex<T>,
    session: Session,
    poisoned: bool,
    /// Whether the thread was panicking already when it locked.
    panicking: bool,
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out shared references to a `Pod`, which threads may share.
unsafe impl<T: Pod + Sync> Sync for MutexGuard<'_, T> {}

impl<T: Pod> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by I1 this process holds the lock, and the guard's borrow keeps others of it out.
        unsafe { self.mutex.value.get() }
    }
}

impl<T: Pod> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; the exclusive borrow keeps this guard's other users out.
        unsafe { self.mutex.value.get_mut() }
    }
}

impl<T: Pod> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.session.is_ours() {
            return;
        }
        let poison = (self.poisoned && self.mutex.is_poisoned()) || (!self.panicking && thread::panicking());
        self.mutex.lock.free(&self.mutex.members, poison);
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A lock that was taken although a former holder died or panicked; the guard is in it.
pub type Poisoned<G> = PoisonError<G>;

/// Why a lock was not simply taken.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LockError<G> {
    /// It is taken, but a former holder died or panicked: the value may be half changed.
    ///
    /// `into_inner` gives the guard; [`Mutex::clear_poison`] ends it once the value is right.
    #[error("a process died or panicked while it held this lock; its value may be half changed")]
    Poisoned(Poisoned<G>),
    /// Somebody living holds it, and the caller's time is over or was none.
    #[error("the lock is held by another")]
    Busy,
    /// The object was removed, is damaged, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// For `?` in functions that don't mend: the guard is dropped, and the lock free again, still poisoned.
impl<G> From<LockError<G>> for Error {
    fn from(error: LockError<G>) -> Self {
        match error {
            LockError::Poisoned(_) => Self::Poisoned,
            LockError::Busy => Self::Busy,
            LockError::Failed(error) => error,
        }
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned(_) => f.write_str("Poisoned(..)"),
            Self::Busy => f.write_str("Busy"),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}
