//! Creating and opening a mutex. The first value is written in place, before the object is published.

use std::sync::Arc;

use bytemuck::Pod;

use super::handle::Mutex;
use crate::{
    OpenError, Options,
    fingerprint::Fingerprint,
    first_value::{ALIGN, FirstValue, copy, leave_zeroed},
    layout::{Mapped, ValueCell},
    lock::Lock,
    name::Name,
    object::{Blueprint, Disposition, Kind, Object},
    options::{Settings, kinds::HasType},
    raw::{self, SharedMemory},
    set_layout::Bells,
    waiting::room::Room,
};

pub(super) const KIND: Kind = Kind::new("mutex", 1, Bells::common(0).and_each(2));

/// Where the room of the waiters lies in the body, behind the word.
pub(super) const ROOM: usize = 128;

/// Where the room of the waiters for a condition lies in the body, behind that of the lock.
pub(super) fn conditions_at(max_handles: u32) -> usize {
    ROOM + Room::bytes(max_handles)
}

/// Where the value lies in the body, behind the rooms.
fn value_at(max_handles: u32) -> usize {
    conditions_at(max_handles) + Room::bytes(max_handles)
}

fn lock_at(memory: &Arc<SharedMemory>, body: usize, max_handles: u32) -> raw::Result<Lock> {
    let room = |at, number| Room::at(memory, body + at, max_handles, KIND.bells.of_room(number));
    let lock = Lock::new(Mapped::at(memory, body)?, room(ROOM, 0)?);
    Ok(lock.with_conditions(room(conditions_at(max_handles), 1)?))
}

impl<T: Pod> HasType for Mutex<T> {}

impl<T: Pod> Options<Mutex<T>> {
    /// Creates a [`Mutex`] with a first value.
    ///
    /// # Errors
    ///
    /// As [`Mutex::create`].
    pub fn create(&self, name: &str, value: T) -> Result<Mutex<T>, OpenError> {
        Mutex::enter(&self.settings, name, &mut |first| copy(&value, first), Disposition::Create)
    }

    /// Creates a [`Mutex`], and writes its first value in place. See [`Mutex::create_with`].
    ///
    /// # Errors
    ///
    /// As [`Mutex::create`].
    pub fn create_with(&self, name: &str, mut write: impl FnMut(&mut T)) -> Result<Mutex<T>, OpenError> {
        Mutex::enter(&self.settings, name, &mut write, Disposition::Create)
    }

    /// Creates a [`Mutex`] with a first value that is all zeroes. See [`Mutex::create_zeroed`].
    ///
    /// # Errors
    ///
    /// As [`Mutex::create`].
    pub fn create_zeroed(&self, name: &str) -> Result<Mutex<T>, OpenError> {
        Mutex::enter(&self.settings, name, &mut leave_zeroed, Disposition::Create)
    }

    /// Sets whether a new mutex is given to its waiters in the order in which they came. Off by default.
    ///
    /// By default a running process may take it before a waiter that is just being woken. That is several times faster
    /// where many processes lock at once, and no waiter waits much longer than others: a waiter that has waited for a
    /// millisecond is offered the lock.
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("fair-example-{}", std::process::id());
    /// let turns = Mutex::options().fair(true).create(&name, 0_u64)?;
    /// *turns.lock()? += 1;
    /// turns.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    #[must_use]
    pub fn fair(mut self, fair: bool) -> Self {
        self.settings.fair = fair;
        self
    }

    /// Opens a [`Mutex`] that exists.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open`].
    pub fn open(&self, name: &str) -> Result<Mutex<T>, OpenError> {
        Mutex::enter(&self.settings, name, &mut leave_zeroed, Disposition::Open)
    }

    /// Opens a [`Mutex`], or creates it with a first value.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`].
    pub fn open_or_create(&self, name: &str, value: T) -> Result<Mutex<T>, OpenError> {
        Mutex::enter(&self.settings, name, &mut |first| copy(&value, first), Disposition::OpenOrCreate)
    }

    /// Opens a [`Mutex`], or creates it and writes its first value in place.
    ///
    /// It calls `write` only to create the mutex, as [`Mutex::create_with`] does: perhaps more than once.
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("open-or-create-with-example-{}", std::process::id());
    /// let open = |first| Mutex::options().open_or_create_with(&name, |table: &mut [u32; 1 << 20]| table.fill(first));
    /// let table = open(1)?;
    /// assert_eq!(open(2)?.lock()?[0], 1);
    /// table.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`].
    pub fn open_or_create_with(&self, name: &str, mut write: impl FnMut(&mut T)) -> Result<Mutex<T>, OpenError> {
        Mutex::enter(&self.settings, name, &mut write, Disposition::OpenOrCreate)
    }

    /// Opens a [`Mutex`], or creates it with a first value that is all zeroes.
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("open-or-create-zeroed-example-{}", std::process::id());
    /// let table = Mutex::<[u32; 1 << 20]>::options().open_or_create_zeroed(&name)?;
    /// assert_eq!(table.lock()?[0], 0);
    /// table.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`].
    pub fn open_or_create_zeroed(&self, name: &str) -> Result<Mutex<T>, OpenError> {
        Mutex::enter(&self.settings, name, &mut leave_zeroed, Disposition::OpenOrCreate)
    }
}

impl<T: Pod> Mutex<T> {
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
            if options.fair {
                lock_at(memory, body, max_handles)?.make_fair();
            }
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
            let lock = lock_at(object.memory(), object.body(), max_handles).map_err(failed)?;
            let value = ValueCell::at(object.memory(), object.body() + value_at(max_handles)).map_err(failed)?;
            if disposition != Disposition::Open {
                object.check_option("fair", lock.is_fair().into(), options.fair.into())?;
            }
            let registration = object.register(&members, &lock)?;
            Ok(((members, lock, value), registration))
        });
        first.resume_panic();
        let (object, (members, lock, value)) = entered?;
        Ok(Self { object, members, lock, value })
    }
}
