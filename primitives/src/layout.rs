//! The layout of an object's segment. Only here do its bytes become values.
//!
//! ```text
//! 0                header       magic, version, kind, set, type with its name, name
//! 512              slots        one for each process that may register
//! after them       body         the primitive's own words and values, on a cache line of its own
//! ```
//!
//! - **L1** Before the set is published, its creator alone touches the segment. Afterwards the header never changes,
//!   except for `used`.
//! - **L2** A [`Mapped`] keeps the mapping it points into, and the mapping can't shrink: what was
//!   inside once is inside as long as the value lives.
//! - **L3** A value that other processes wrote is read once and checked, and then the copy is used. Sizes and counts of
//!   the header are not read for any access after the handle was made.
#![allow(unsafe_code, reason = "bytes become values here, and nowhere else")]

use std::{
    fmt,
    ops::Deref,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{
            AtomicI32, AtomicU8, AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

use crate::{
    fingerprint::{Fingerprint, printable},
    name::LONGEST,
    raw::{self, SharedMemory, SharedSafe},
};

/// The beginning of every segment of ours, in every version.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"sysvprim");
/// The version of the layout.
///
/// **Every change of the layout raises it**: of the header, of the slots, of any primitive's body, and of what a word
/// or a semaphore in them means. A program refuses objects of another version, and never guesses.
///
/// | version | since | change |
/// | --- | --- | --- |
/// | 1 | – | the first |
/// | 2 | 0.1.0 | the header has the hash and the text of the type's name, and a ring's `strong` says why |
/// | 3 | 0.1.0 | the header has the identity, which STATE has while the object is live, LIVING, and `used` of a slot is a number |
/// | 4 | 0.1.0 | HELPERS of each slot, waiting rooms with doorbells for each slot, and the word of a lock |
/// | 5 | 0.1.0 | messages of a channel in shared memory, no message queue, and the entries of waiting rooms |
/// | 6 | 0.1.0 | integers in messages have their full size |
/// | 7 | 0.1.0 | claims with limits, delays, and messages that are set aside |
/// | 8 | 0.1.0 | the numbers of an rwlock's `strong` are those of a ring's |
pub(crate) const VERSION: u32 = 8;

/// Where the slots begin.
pub(crate) const SLOTS: usize = 512;
const CACHE_LINE: usize = 128;
/// How many bytes of a type's name there is room for.
const TYPE_NAME: usize = 128;

/// The contents of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) kind: u32,
    pub(crate) max_handles: u32,
    pub(crate) doorbells: u32,
    pub(crate) capacity: u64,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) body: u64,
    /// What STATE of the set is while the object is live.
    pub(crate) identity: u32,
    pub(crate) name: String,
}

/// The header as it lies in memory.
#[repr(C)]
pub(crate) struct Header {
    magic: AtomicU64,
    version: AtomicU32,
    kind: AtomicU32,
    set: AtomicI32,
    used: AtomicU32,
    max_handles: AtomicU32,
    doorbells: AtomicU32,
    identity: AtomicU32,
    capacity: AtomicU64,
    size: AtomicU64,
    align: AtomicU64,
    schema: AtomicU64,
    body: AtomicU64,
    created: AtomicU64,
    /// FNV-1a of the type's whole name in 64 bits, or 0.
    type_hash: AtomicU64,
    /// How many bytes the type's whole name has, of which the first are in `type_name`.
    type_name_len: AtomicU64,
    name_len: AtomicU64,
    type_name: [AtomicU8; TYPE_NAME],
    name: [AtomicU8; LONGEST],
}

const _: () = assert!(size_of::<Header>() <= SLOTS);

// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for Header {}

impl Header {
    /// Writes the magic, and then everything else. From the first word on, the segment is known as ours, so a process
    /// that finds it half-written after a death may remove it. Readers read it only once the set is live, which comes
    /// after.
    pub(crate) fn write(&self, set: i32, description: &Description, created: u64) {
        // SYNC: pairs with the load of the magic in `is_ours`, for a creator that finds this segment in its way.
        self.magic.store(MAGIC, Release);
        self.version.store(VERSION, Relaxed);
        self.kind.store(description.kind, Relaxed);
        self.set.store(set, Relaxed);
        // Relaxed: no other process reads it before the set is published.
        self.used.store(0, Relaxed);
        self.max_handles.store(description.max_handles, Relaxed);
        self.doorbells.store(description.doorbells, Relaxed);
        self.identity.store(description.identity, Relaxed);
        self.capacity.store(description.capacity, Relaxed);
        self.size.store(description.fingerprint.size, Relaxed);
        self.align.store(description.fingerprint.align, Relaxed);
        self.schema.store(description.fingerprint.schema, Relaxed);
        self.body.store(description.body, Relaxed);
        self.created.store(created, Relaxed);
        self.type_hash.store(description.fingerprint.name_hash, Relaxed);
        self.type_name_len.store(write_text(&self.type_name, &description.fingerprint.name), Relaxed);
        self.name_len.store(write_text(&self.name, &description.name), Relaxed);
    }

    pub(crate) fn is_ours(&self) -> bool {
        // SYNC: pairs with the store of the magic in `write`.
        self.magic.load(Acquire) == MAGIC
    }

    pub(crate) fn names_set(&self, set: i32) -> bool {
        self.is_ours() && self.set.load(Relaxed) == set
    }

    /// Returns the id of the set that the segment belongs to.
    pub(crate) fn set(&self) -> i32 {
        self.set.load(Relaxed)
    }

    pub(crate) fn version(&self) -> u32 {
        self.version.load(Relaxed)
    }

    /// Returns whether a process ever registered. A semaphore operation follows every store, and orders it.
    pub(crate) fn is_used(&self) -> bool {
        // SYNC: pairs with the store in `set_used`.
        self.used.load(Acquire) != 0
    }

    pub(crate) fn set_used(&self) {
        // SYNC: pairs with the load in `is_used` of a creator that finds this segment in its way (OB4).
        self.used.store(1, Release);
    }

    pub(crate) fn created(&self) -> u64 {
        self.created.load(Relaxed)
    }

    /// Copies the fields of the header, which may have any value.
    pub(crate) fn describe(&self) -> Description {
        let (name, _) = read_text(&self.name, &self.name_len);
        let (type_name, is_cut) = read_text(&self.type_name, &self.type_name_len);
        let type_name = printable(&type_name);
        Description {
            kind: self.kind.load(Relaxed),
            max_handles: self.max_handles.load(Relaxed),
            doorbells: self.doorbells.load(Relaxed),
            identity: self.identity.load(Relaxed),
            capacity: self.capacity.load(Relaxed),
            fingerprint: Fingerprint {
                size: self.size.load(Relaxed),
                align: self.align.load(Relaxed),
                schema: self.schema.load(Relaxed),
                name_hash: self.type_hash.load(Relaxed),
                name: if is_cut { type_name + "…" } else { type_name },
            },
            body: self.body.load(Relaxed),
            name: String::from_utf8_lossy(&name).into_owned(),
        }
    }
}

/// Writes as much of a text as there is room for, and returns how long the whole is.
fn write_text(to: &[AtomicU8], text: &str) -> u64 {
    to.iter().zip(text.as_bytes()).for_each(|(to, &byte)| to.store(byte, Relaxed));
    text.len() as u64
}

/// Copies a text. `len` may be any number. Returns whether the copy is only the beginning.
fn read_text(from: &[AtomicU8], len: &AtomicU64) -> (Vec<u8>, bool) {
    let len = usize::try_from(len.load(Relaxed)).unwrap_or(usize::MAX);
    let bytes = from.iter().take(len).map(|byte| byte.load(Relaxed)).collect();
    (bytes, len > from.len())
}

/// The registration of a process, for the protocol and for operators.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Slot {
    /// Not 0 from before the first operation of a process until after the last word of the slot was repaired (MB1).
    pub(crate) used: AtomicU32,
    /// For people alone.
    pub(crate) pid: AtomicU32,
    /// For people alone: together with the pid it names the process for good.
    pub(crate) start_time: AtomicU64,
}

// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for Slot {}

/// Returns where the body begins.
pub(crate) fn body_offset(max_handles: u32) -> usize {
    (SLOTS + max_handles as usize * size_of::<Slot>()).next_multiple_of(CACHE_LINE)
}

/// A value in the segment, which keeps the mapping as long as it is needed.
pub(crate) struct Mapped<T: ?Sized> {
    target: NonNull<T>,
    memory: Arc<SharedMemory>,
}

impl<T: ?Sized> Clone for Mapped<T> {
    fn clone(&self) -> Self {
        Self { target: self.target, memory: Arc::clone(&self.memory) }
    }
}

// SAFETY: it gives out shared references to `Shared` types alone, which may cross threads.
unsafe impl<T: ?Sized> Send for Mapped<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized> Sync for Mapped<T> {}

impl<T: SharedSafe> Mapped<T> {
    pub(crate) fn at(memory: &Arc<SharedMemory>, offset: usize) -> raw::Result<Self> {
        let target = NonNull::from(memory.view::<T>(offset)?);
        Ok(Self { target, memory: Arc::clone(memory) })
    }
}

impl<T: SharedSafe> Mapped<[T]> {
    pub(crate) fn slice(memory: &Arc<SharedMemory>, offset: usize, len: usize) -> raw::Result<Self> {
        let target = NonNull::from(memory.slice::<T>(offset, len)?);
        Ok(Self { target, memory: Arc::clone(memory) })
    }
}

impl<T: ?Sized> Deref for Mapped<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by L2 the value is inside the mapping that `memory` keeps.
        unsafe { self.target.as_ref() }
    }
}

impl<T: ?Sized> fmt::Debug for Mapped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapped({:?} of {})", self.target, self.memory.id())
    }
}

/// Finds room for so many values at an offset that suits their alignment.
pub(crate) fn room<T: bytemuck::Pod>(memory: &SharedMemory, offset: usize, count: usize) -> raw::Result<NonNull<T>> {
    // The check is the slice's: the bytes lie in the segment.
    let len = size_of::<T>().saturating_mul(count);
    let bytes: &[AtomicU8] = memory.slice(offset, len)?;
    if len == 0 {
        return Ok(NonNull::dangling());
    }
    // From the mapping and not from the slice: a pointer from the slice could reach the slice's bytes alone.
    let first = memory.as_mut_ptr().wrapping_add(offset).cast::<T>();
    debug_assert_eq!(first.addr(), bytes.as_ptr().addr());
    match NonNull::new(first).filter(|first| first.is_aligned()) {
        Some(first) => Ok(first),
        None => Err(raw::Error::Misaligned { address: offset, align: align_of::<T>() }),
    }
}

/// The memory of a value that a lock guards: plain bytes, touched only by the holder of the lock.
pub(crate) struct ValueCell<T> {
    target: NonNull<T>,
    memory: Arc<SharedMemory>,
}

// SAFETY: it is an address and the mapping it lies in. Access is unsafe, and its callers answer for it.
unsafe impl<T: Send> Send for ValueCell<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for ValueCell<T> {}

impl<T: bytemuck::Pod> ValueCell<T> {
    /// Finds room at an offset that suits the type's alignment.
    pub(crate) fn at(memory: &Arc<SharedMemory>, offset: usize) -> raw::Result<Self> {
        let target = room(memory, offset, 1)?;
        Ok(Self { target, memory: Arc::clone(memory) })
    }

    /// Returns the value.
    ///
    /// # Safety
    ///
    /// No thread, of this process or another, may change it as long as the reference lives.
    #[inline]
    pub(crate) unsafe fn get(&self) -> &T {
        // SAFETY: by L2 it lies in the mapping, and is aligned. Any bits are a `Pod`. The caller answers for other
        // threads.
        unsafe { self.target.as_ref() }
    }

    /// Returns the value, to be changed.
    ///
    /// # Safety
    ///
    /// No other thread, of this process or another, may use it as long as the reference lives.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the caller has exclusive access by a lock")]
    pub(crate) unsafe fn get_mut(&self) -> &mut T {
        // SAFETY: as for `get`.
        unsafe { &mut *self.target.as_ptr() }
    }
}

impl<T> fmt::Debug for ValueCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueCell({:?} of {})", self.target, self.memory.id())
    }
}

/// Returns whether the beginning of a segment was never written.
pub(crate) fn is_blank(memory: &SharedMemory) -> raw::Result<bool> {
    let beginning = memory.read(SLOTS, 0)?;
    Ok(beginning.iter().all(|&byte| byte == 0))
}

impl Description {
    /// Returns how many bytes the segment needs.
    pub(crate) fn segment_size(&self) -> usize {
        body_offset(self.max_handles).saturating_add(usize::try_from(self.body).unwrap_or(usize::MAX))
    }
}

/// Maps the slots. The length is the handle's own (L3).
pub(crate) fn slots(memory: &Arc<SharedMemory>, max_handles: u32) -> raw::Result<Mapped<[Slot]>> {
    Mapped::slice(memory, SLOTS, max_handles as usize)
}
