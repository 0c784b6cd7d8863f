//! How a barrier is created, opened and removed, and which members there are.

use std::sync::Arc;

use super::{Barrier, state::BarrierState, word::HISTORY};
use crate::{
    Failure, Member, OpenError, Options, Status,
    fingerprint::Fingerprint,
    layout::Mapped,
    members::Registration,
    name::Name,
    object::{self, Blueprint, Disposition, Kind, Object},
    options::Settings,
    raw::{self, SharedMemory},
    set_layout::Bells,
    sync::{AtomicU32, AtomicU64},
    waiting::room::Room,
};

pub(super) const KIND: Kind = Kind::new("barrier", 9, Bells::common(0).and_each(1));

// Where the words lie in the body. The first one is alone on its cache lines.
pub(super) const WORD: usize = 0;
const NAMES: usize = 128;
pub(super) const ROOM: usize = 256;

const _: () = assert!(HISTORY as usize * size_of::<AtomicU64>() <= ROOM - NAMES);

pub(super) fn here_at(max_handles: u32) -> usize {
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

impl Barrier {
    /// Returns the options to create or open a barrier with.
    #[must_use]
    pub const fn options() -> Options<Self> {
        Options::new()
    }

    /// Creates a barrier for this many participants. 0 counts as 1, as in `std`.
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
    /// An existing barrier keeps its number of participants, unless [`Options::exact`] insists on the given one.
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
        // `None` is a plain open, which takes the number that it finds.
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
            // The number comes from memory, and decides when a generation is complete.
            let parties = u16::try_from(found).ok().filter(|&number| number != 0);
            let parties = parties.ok_or_else(|| object.damaged("the number of participants"))?.into();
            let state = state_at(object.memory(), object.body(), max_handles, parties);
            let state = state.map_err(|error| object.failed(error))?;
            if let Some(wanted) = wanted {
                object.check_option("participants", found, wanted)?;
            }
            let registration = object.register(&members, &state)?;
            // Only when registered: a member that is reaped before it joined breaks nothing.
            if let Registration::Done = registration {
                state.join(members.session(&state)?);
            }
            Ok(((members, state), registration))
        })?;
        Ok(Self { object, members, state })
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
