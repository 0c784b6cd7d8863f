//! How a once lock is created, opened and removed, and which members there are.

use std::sync::Arc;

use bytemuck::Pod;

use super::{OnceLock, state::OnceState};
use crate::{
    Failure, Member, OpenError, Options, Status,
    fingerprint::Fingerprint,
    layout::{Mapped, ValueCell},
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::{Settings, kinds::HasType},
    raw::{self, SharedMemory},
    set_layout::Bells,
    waiting::room::Room,
};

pub(super) const KIND: Kind = Kind::new("once lock", 8, Bells::common(0).and_each(1));

/// How much a value is aligned, at most: the body is aligned to as much.
const ALIGN: usize = 128;

/// Where the room of the waiters lies in the body, behind the word.
pub(super) const ROOM: usize = 128;

/// Where the value lies in the body, behind the room.
fn value_at(max_handles: u32) -> usize {
    ROOM + Room::bytes(max_handles)
}

fn state_at(memory: &Arc<SharedMemory>, body: usize, max_handles: u32) -> raw::Result<OnceState> {
    let room = Room::at(memory, body + ROOM, max_handles, KIND.bells.of_room(0))?;
    Ok(OnceState { word: Mapped::at(memory, body)?, room })
}

impl<T: Pod> HasType for OnceLock<T> {}

impl<T: Pod> OnceLock<T> {
    /// Returns the options to create or open a once lock with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a once lock with its value unset.
    ///
    /// # Errors
    ///
    /// [`OpenError::NameTaken`] if there is one. Otherwise as [`open_or_create`](Self::open_or_create).
    pub fn create(name: &str) -> Result<Self, OpenError> {
        Self::options().create(name)
    }

    /// Opens a once lock that exists.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open`](crate::Mutex::open).
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens a once lock, or creates one with its value unset.
    ///
    /// It outlives its processes, until it is removed or the system restarts. So one that exists may have the value of an
    /// earlier run. To begin anew, [remove the name](Self::unlink) first.
    ///
    /// # Errors
    ///
    /// As [`Mutex::open_or_create`](crate::Mutex::open_or_create).
    pub fn open_or_create(name: &str) -> Result<Self, OpenError> {
        Self::options().open_or_create(name)
    }

    /// Removes a once lock by its name. A process that has it open gets an error when it would have to wait.
    ///
    /// # Errors
    ///
    /// As [`Mutex::unlink`](crate::Mutex::unlink).
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        object::remove::by_name(name, KIND)
    }

    fn enter(options: &Settings, name: &str, disposition: Disposition) -> Result<Self, OpenError> {
        KIND.check_alignment::<T>(name, ALIGN)?;
        let name = Name::new(name)?;
        let max_handles = KIND.max_handles(options, disposition);
        let blueprint = Blueprint {
            kind: KIND,
            name: &name,
            options,
            max_handles,
            capacity: 0,
            fingerprint: Fingerprint::of::<T>(options),
            body: (value_at(max_handles) + size_of::<T>()) as u64,
            // A new segment is zeroes: unset.
            fill: &|_, _| Ok(()),
        };
        let (object, (members, state, value)) = Object::enter(&blueprint, disposition, &|object| {
            let failed = |error| object.failed(error);
            let members = object.members()?;
            let (body, max_handles) = (object.body(), object.description().max_handles);
            let state = state_at(object.memory(), body, max_handles).map_err(failed)?;
            let value = ValueCell::at(object.memory(), body + value_at(max_handles)).map_err(failed)?;
            let registration = object.register(&members, &state)?;
            Ok(((members, state, value), registration))
        })?;
        Ok(Self { object, members, state, value })
    }

    /// Returns the members that have it open.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn members(&self) -> Result<Vec<Member>, Failure> {
        self.members.list()
    }

    /// Returns what it is made of.
    ///
    /// # Errors
    ///
    /// [`Failure::System`] if it was removed.
    pub fn status(&self) -> Result<Status, Failure> {
        self.object.status()
    }

    /// Removes it, as `unlink` does a file. See [`Mutex::remove`](crate::Mutex::remove).
    ///
    /// # Errors
    ///
    /// As [`Mutex::remove`](crate::Mutex::remove).
    pub fn remove(&self) -> Result<(), Failure> {
        self.object.remove()
    }
}

impl<T: Pod> Options<OnceLock<T>> {
    /// Creates a [`OnceLock`] with its value unset.
    ///
    /// # Errors
    ///
    /// As [`OnceLock::create`].
    pub fn create(&self, name: &str) -> Result<OnceLock<T>, OpenError> {
        OnceLock::enter(&self.settings, name, Disposition::Create)
    }

    /// Opens a [`OnceLock`] that exists.
    ///
    /// # Errors
    ///
    /// As [`OnceLock::open`].
    pub fn open(&self, name: &str) -> Result<OnceLock<T>, OpenError> {
        OnceLock::enter(&self.settings, name, Disposition::Open)
    }

    /// Opens a [`OnceLock`], or creates one with its value unset.
    ///
    /// # Errors
    ///
    /// As [`OnceLock::open_or_create`].
    pub fn open_or_create(&self, name: &str) -> Result<OnceLock<T>, OpenError> {
        OnceLock::enter(&self.settings, name, Disposition::OpenOrCreate)
    }
}
