//! How an rwlock is created, opened and removed, and which members there are.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use bytemuck::Pod;

#[cfg(feature = "async")]
use super::futures::WriteFutures;
use super::{
    handle::RwLock,
    state::{Reading, RwControl, RwState},
};
use crate::{
    Failure, Member, OpenError, Options, Status,
    fingerprint::Fingerprint,
    first_value::{ALIGN, FirstValue, copy, leave_zeroed},
    layout::{Mapped, ValueCell},
    lock::Lock,
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::{
        Settings,
        kinds::{HasFences, HasType},
    },
    raw::{self, SharedMemory, SharedSafe},
    set_layout::Bells,
    waiting::{fence::Fence, room::Room, strong_fences::StrongFences},
};

/// One doorbell for the writer that waits for readers, and of each slot one to write and one to read.
pub(super) const KIND: Kind = Kind::new("rwlock", 6, Bells::common(1).and_each(2));

/// Where the words lie in the body: the lock's first, with the control beside it on one cache line.
pub(super) const CONTROL: usize = 8;
const FLAG: usize = ALIGN;
pub(super) const WRITERS: usize = 2 * ALIGN;

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for RwControl {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: as above.
unsafe impl SharedSafe for Reading {}

pub(super) fn readers_at(max_handles: u32) -> usize {
    WRITERS + Room::bytes(max_handles)
}

pub(super) fn reading_at(max_handles: u32) -> usize {
    readers_at(max_handles) + Room::bytes(max_handles)
}

/// Where the value lies in the body, behind the counts.
fn value_at(max_handles: u32) -> usize {
    reading_at(max_handles) + max_handles as usize * size_of::<Reading>()
}

fn state_at(memory: &Arc<SharedMemory>, body: usize, max_handles: u32) -> raw::Result<RwState> {
    let control: Mapped<RwControl> = Mapped::at(memory, body + CONTROL)?;
    let writers = Room::at(memory, body + WRITERS, max_handles, KIND.bells.of_room(0))?;
    Ok(RwState {
        lock: Lock::new(Mapped::at(memory, body)?, writers),
        flag: Mapped::at(memory, body + FLAG)?,
        readers: Room::at(memory, body + readers_at(max_handles), max_handles, KIND.bells.of_room(1))?,
        reading: Mapped::slice(memory, body + reading_at(max_handles), max_handles as usize)?,
        fence: Fence::choose(control.strong.load(Relaxed) != 0),
        control,
    })
}

impl<T: Pod> HasFences for RwLock<T> {}
impl<T: Pod> HasType for RwLock<T> {}

impl<T: Pod> RwLock<T> {
    /// Returns the options to create or open a lock with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a lock with a first value.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str, value: T) -> Result<Self, OpenError> {
        Self::options().create(name, value)
    }

    /// Creates a lock, and writes its first value in place.
    ///
    /// The value is never on the stack, so it may be of any size. See [`Mutex::create_with`](crate::Mutex::create_with).
    ///
    /// ```
    /// use sysv_primitives::RwLock;
    ///
    /// # let name = format!("rwlock-with-example-{}", std::process::id());
    /// let table = RwLock::create_with(&name, |table: &mut [u32; 1 << 20]| table.fill(7))?;
    /// assert_eq!(table.read()?[99], 7);
    /// table.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_with(name: &str, write: impl FnMut(&mut T)) -> Result<Self, OpenError> {
        Self::options().create_with(name, write)
    }

    /// Creates a lock with a first value of all zeroes, and never on the stack.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_zeroed(name: &str) -> Result<Self, OpenError> {
        Self::options().create_zeroed(name)
    }

    /// Opens a lock that exists.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoSuchName`] if there is none. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a lock, or creates it with a first value.
    ///
    /// Any number of processes may call it at once, and any of them may die: exactly one object is created, and no process
    /// sees it half made. One that exists keeps its value, perhaps that of an earlier run. See
    /// [`Mutex::open_or_create`](crate::Mutex::open_or_create).
    ///
    /// # Errors
    ///
    /// Those of [`Mutex::open_or_create`](crate::Mutex::open_or_create). [`OpenError::OtherOptions`] compares
    /// [`light_fences`](Options::light_fences) as well.
    pub fn open_or_create(name: &str, value: T) -> Result<Self, OpenError> {
        Self::options().open_or_create(name, value)
    }

    /// Removes a lock by its name. A process that has it open gets an error when it would have to wait.
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
        write: &mut dyn FnMut(&mut T),
        disposition: Disposition,
    ) -> Result<Self, OpenError> {
        KIND.check_alignment::<T>(name, ALIGN)?;
        let name = Name::new(name)?;
        let first = FirstValue::new(write);
        let max_handles = KIND.max_handles(options, disposition);
        let fill = |memory: &_, body: usize| {
            let why = StrongFences::choose(options).map_or(0, |why| why as u32);
            state_at(memory, body, max_handles)?.control.strong.store(why, Relaxed);
            first.write(&ValueCell::at(memory, body + value_at(max_handles))?)
        };
        let blueprint = Blueprint {
            kind: KIND,
            name: &name,
            options,
            max_handles,
            capacity: 0,
            fingerprint: Fingerprint::of::<T>(options),
            body: (value_at(max_handles) + size_of::<T>()) as u64,
            fill: &fill,
        };
        let entered = Object::enter(&blueprint, disposition, &|object| {
            let members = object.members()?;
            let failed = |error| object.failed(error);
            let max_handles = object.description().max_handles;
            let state = state_at(object.memory(), object.body(), max_handles).map_err(failed)?;
            let value = ValueCell::at(object.memory(), object.body() + value_at(max_handles)).map_err(failed)?;
            let is_light = state.control.strong.load(Relaxed) != StrongFences::AsAskedFor as u32;
            object.check_option("light_fences", is_light.into(), options.light_fences.into())?;
            let registration = object.register(&members, &state)?;
            Ok(((members, state, value), registration))
        });
        // A panic of the caller's closure goes on only now, when nothing half made is left.
        first.resume_panic();
        let (object, (members, state, value)) = entered?;
        Ok(Self {
            object,
            members,
            state,
            value,
            favoured: AtomicUsize::new(0),
            #[cfg(feature = "async")]
            writers: WriteFutures::default(),
        })
    }

    /// Returns the members that have the lock open. It takes no lock.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.members.list()
    }

    /// Returns what the lock is made of.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.object.status()
    }

    /// Removes the lock, as `unlink` does a file: the name is free at once. A process that has it open may
    /// go on. A caller that waits, or would have to, gets an error.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed already, or the caller may not.
    pub fn remove(&self) -> Result<(), Failure> {
        self.object.remove()
    }
}

impl<T: Pod> Options<RwLock<T>> {
    /// Creates an [`RwLock`] with a first value.
    ///
    /// # Errors
    ///
    /// As [`RwLock::create`].
    pub fn create(&self, name: &str, value: T) -> Result<RwLock<T>, OpenError> {
        RwLock::enter(&self.settings, name, &mut |first| copy(&value, first), Disposition::Create)
    }

    /// Creates an [`RwLock`], and writes its first value in place. See [`RwLock::create_with`].
    ///
    /// # Errors
    ///
    /// As [`RwLock::create`].
    pub fn create_with(&self, name: &str, mut write: impl FnMut(&mut T)) -> Result<RwLock<T>, OpenError> {
        RwLock::enter(&self.settings, name, &mut write, Disposition::Create)
    }

    /// Creates an [`RwLock`] with a first value of all zeroes. See [`RwLock::create_zeroed`].
    ///
    /// # Errors
    ///
    /// As [`RwLock::create`].
    pub fn create_zeroed(&self, name: &str) -> Result<RwLock<T>, OpenError> {
        RwLock::enter(&self.settings, name, &mut leave_zeroed, Disposition::Create)
    }

    /// Opens an [`RwLock`] that exists.
    ///
    /// # Errors
    ///
    /// As [`RwLock::open`].
    pub fn open(&self, name: &str) -> Result<RwLock<T>, OpenError> {
        RwLock::enter(&self.settings, name, &mut leave_zeroed, Disposition::Open)
    }

    /// Opens an [`RwLock`], or creates it with a first value.
    ///
    /// # Errors
    ///
    /// As [`RwLock::open_or_create`].
    pub fn open_or_create(&self, name: &str, value: T) -> Result<RwLock<T>, OpenError> {
        RwLock::enter(&self.settings, name, &mut |first| copy(&value, first), Disposition::OpenOrCreate)
    }

    /// Opens an [`RwLock`], or creates it and writes its first value in place.
    ///
    /// It calls `write` only to create the lock, as [`RwLock::create_with`] does: perhaps more than once.
    ///
    /// # Errors
    ///
    /// As [`RwLock::open_or_create`].
    pub fn open_or_create_with(&self, name: &str, mut write: impl FnMut(&mut T)) -> Result<RwLock<T>, OpenError> {
        RwLock::enter(&self.settings, name, &mut write, Disposition::OpenOrCreate)
    }

    /// Opens an [`RwLock`], or creates it with a first value that is all zeroes.
    ///
    /// # Errors
    ///
    /// As [`RwLock::open_or_create`].
    pub fn open_or_create_zeroed(&self, name: &str) -> Result<RwLock<T>, OpenError> {
        RwLock::enter(&self.settings, name, &mut leave_zeroed, Disposition::OpenOrCreate)
    }
}
