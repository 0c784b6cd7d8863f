//! Creating and opening a watch.

use std::{cell::RefCell, marker::PhantomData, sync::Arc};

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};

use super::{
    Watch,
    shared::{KIND, Shared},
    state::{Versions, WatchControl, WatchState},
    words,
};
use crate::{
    OpenError, Options,
    attendance::Attachment,
    fingerprint::Fingerprint,
    first_value::{ALIGN, Caught},
    layout::Mapped,
    lock::Lock,
    name::Name,
    object::{Blueprint, Disposition, Object},
    options::{Settings, kinds::HasType},
    raw::{self, SharedMemory, SharedSafe},
    sizes::BUFFERS,
    sync::AtomicU64,
    waiting::room::Room,
};

const WORD: usize = size_of::<u64>();

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for Versions {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: as above.
unsafe impl SharedSafe for WatchControl {}

// Where the state lies in the body. Readers write none of it, so what they load has lines of its own.
pub(super) const VERSIONS: usize = 0;
pub(super) const LOCK: usize = ALIGN;
pub(super) const CONTROL: usize = LOCK + 8;
pub(super) const ATTACHMENTS: usize = 2 * ALIGN;

pub(super) fn rooms_at(max_handles: u32) -> usize {
    (ATTACHMENTS + max_handles as usize * size_of::<Attachment>()).next_multiple_of(ALIGN)
}

/// Where the buffers lie. The first one has the first value.
fn buffers_at(max_handles: u32) -> usize {
    rooms_at(max_handles) + 2 * Room::bytes(max_handles)
}

/// Returns how many words a buffer has: it begins on cache lines of its own.
const fn buffer_words<T>() -> usize {
    size_of::<T>().div_ceil(ALIGN) * (ALIGN / WORD)
}

fn state_at(memory: &Arc<SharedMemory>, body: usize, max_handles: u32, words: usize) -> raw::Result<WatchState> {
    let room = |number: u16| {
        let at = body + rooms_at(max_handles) + usize::from(number) * Room::bytes(max_handles);
        Room::at(memory, at, max_handles, KIND.bells.of_room(number))
    };
    let lock = Lock::new(Mapped::at(memory, body + LOCK)?, room(0)?);
    Ok(WatchState::new(
        (Mapped::at(memory, body + VERSIONS)?, lock, Mapped::at(memory, body + CONTROL)?, room(1)?),
        Mapped::slice(memory, body + ATTACHMENTS, max_handles as usize)?,
        (Mapped::slice(memory, body + buffers_at(max_handles), BUFFERS.saturating_mul(words))?, words),
    ))
}

/// Writes the first value of a new object into its buffer.
type Write<'a> = &'a mut dyn FnMut(&[AtomicU64]);

/// Writes the first value where the caller does so in place. That is private memory, since no reference may point into a buffer.
fn write_with<T: NoUninit + Zeroable>(words: &[AtomicU64], write: &mut impl FnMut(&mut T)) {
    let mut value = words::zeroed();
    write(&mut value);
    words::write(words, &*value);
}

impl<T> HasType for Watch<T> {}

impl<T: CheckedBitPattern + NoUninit> Options<Watch<T>> {
    /// Creates a [`Watch`] with a first value.
    ///
    /// # Errors
    ///
    /// As [`Watch::create`].
    pub fn create(&self, name: &str, value: T) -> Result<Watch<T>, OpenError> {
        Watch::enter(&self.settings, name, &mut |words| words::write(words, &value), Disposition::Create)
    }

    /// Creates a [`Watch`], and writes its first value by a closure; see [`Watch::create_with`].
    ///
    /// # Errors
    ///
    /// As [`Watch::create`].
    pub fn create_with(&self, name: &str, mut write: impl FnMut(&mut T)) -> Result<Watch<T>, OpenError>
    where
        T: Zeroable,
    {
        Watch::enter(&self.settings, name, &mut |words| write_with(words, &mut write), Disposition::Create)
    }

    /// Creates a [`Watch`] with a first value of all zeroes.
    ///
    /// # Errors
    ///
    /// As [`Watch::create`].
    pub fn create_zeroed(&self, name: &str) -> Result<Watch<T>, OpenError>
    where
        T: Zeroable,
    {
        // A new segment is zeroes.
        Watch::enter(&self.settings, name, &mut |_| (), Disposition::Create)
    }

    /// Opens a [`Watch`] that exists.
    ///
    /// # Errors
    ///
    /// As [`Watch::open`].
    pub fn open(&self, name: &str) -> Result<Watch<T>, OpenError> {
        Watch::enter(&self.settings, name, &mut |_| (), Disposition::Open)
    }

    /// Opens a [`Watch`], or creates it with a first value.
    ///
    /// # Errors
    ///
    /// As [`Watch::open_or_create`].
    pub fn open_or_create(&self, name: &str, value: T) -> Result<Watch<T>, OpenError> {
        Watch::enter(&self.settings, name, &mut |words| words::write(words, &value), Disposition::OpenOrCreate)
    }

    /// Opens a [`Watch`], or creates it and writes its first value by a closure, which is called perhaps more than once.
    ///
    /// # Errors
    ///
    /// As [`Watch::open_or_create`].
    pub fn open_or_create_with(&self, name: &str, mut write: impl FnMut(&mut T)) -> Result<Watch<T>, OpenError>
    where
        T: Zeroable,
    {
        Watch::enter(&self.settings, name, &mut |words| write_with(words, &mut write), Disposition::OpenOrCreate)
    }

    /// Opens a [`Watch`], or creates it with a first value that is all zeroes.
    ///
    /// # Errors
    ///
    /// As [`Watch::open_or_create`].
    pub fn open_or_create_zeroed(&self, name: &str) -> Result<Watch<T>, OpenError>
    where
        T: Zeroable,
    {
        Watch::enter(&self.settings, name, &mut |_| (), Disposition::OpenOrCreate)
    }
}

impl<T: CheckedBitPattern + NoUninit> Watch<T> {
    fn enter(options: &Settings, name: &str, write: Write<'_>, disposition: Disposition) -> Result<Self, OpenError> {
        let name = Name::new(name)?;
        let (write, caught) = (RefCell::new(write), Caught::default());
        let max_handles = KIND.max_handles(options, disposition);
        let words = buffer_words::<T>();
        // A new segment is zeroes: version 0, told.
        let fill = |memory: &_, body: usize| {
            let first = Mapped::slice(memory, body + buffers_at(max_handles), words)?;
            caught.catch(|| (write.borrow_mut())(&first))
        };
        let blueprint = Blueprint {
            kind: KIND,
            name: &name,
            options,
            max_handles,
            capacity: 0,
            fingerprint: Fingerprint::of::<T>(options),
            body: buffers_at(max_handles).saturating_add(BUFFERS.saturating_mul(words * WORD)) as u64,
            fill: &fill,
        };
        let entered = Object::enter(&blueprint, disposition, &|object| {
            let members = object.members()?;
            let state = state_at(object.memory(), object.body(), object.description().max_handles, words);
            let state = state.map_err(|error| object.failed(error))?;
            let registration = object.register(&members, &state)?;
            Ok(((members, state), registration))
        });
        caught.resume();
        let (object, (members, state)) = entered?;
        Ok(Self { shared: Arc::new(Shared { object, members, state, value: PhantomData }) })
    }
}
