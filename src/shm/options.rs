//! How segments are created and opened.

use libc::c_int;
use nix::errno::Errno;

use super::{ReadOnly, Segment, SharedMemory};
use crate::{
    Error, Key, Kind, Limit, Mode, Object, Result, limits,
    open::{Access, Disposition, open_or_create, with_random_key},
    page_size, sys,
};

/// Creates and opens shared memory, as [`std::fs::OpenOptions`] does files.
///
/// Without [`create`](Self::create), an existing segment is opened and nothing of it is changed.
/// Size, mode and fill count only for what this very call created. If a later step fails, what this
/// call created is removed again, and nothing else.
///
/// See [`shmget(2)`](https://man7.org/linux/man-pages/man2/shmget.2.html).
///
/// ```
/// use sysv_ipc::SharedMemoryOptions;
///
/// # let other = SharedMemoryOptions::new().open_random()?;
/// # let key = other.key().expect("it was opened by a key");
/// # other.remove()?;
/// let memory = SharedMemoryOptions::new().create(true).exclusive(true).size(100).init_character(b'.').open(key)?;
/// let reader = SharedMemoryOptions::new().open_read_only(key)?;
/// assert_eq!(reader.read(3, 0)?, b"...");
/// memory.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SharedMemoryOptions {
    disposition: Disposition,
    mode: Mode,
    access: Access,
    size: usize,
    init_character: Option<u8>,
    flags: c_int,
}

impl Default for SharedMemoryOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SharedMemoryOptions {
    /// Returns options that open an existing segment of any size.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            disposition: Disposition { create: false, exclusive: false },
            mode: Mode::PRIVATE,
            access: Access::NONE,
            size: 0,
            init_character: None,
            flags: 0,
        }
    }

    crate::open::open_options_methods!();

    /// Sets the size in bytes: of a new segment, or the least that an existing one must have.
    ///
    /// With 0, the default, any existing segment will do, and an exclusive creation makes one
    /// [page](crate::page_size).
    pub const fn size(&mut self, size: usize) -> &mut Self {
        self.size = size;
        self
    }

    /// Sets the byte that a segment is filled with if this call creates it.
    ///
    /// Unless said it is left as the kernel makes it: all zeroes, and no page used before it is
    /// touched. (Python's `sysv_ipc` fills with blanks, which uses every page at once.)
    /// Others may see the zeroes before. Ignored, as that module does it, if the mode denies the owner
    /// to write.
    pub const fn init_character(&mut self, byte: u8) -> &mut Self {
        self.init_character = Some(byte);
        self
    }

    /// Sets whether a new segment is made of huge pages (`SHM_HUGETLB`).
    ///
    /// Needs `CAP_IPC_LOCK` or membership in `sysctl vm.hugetlb_shm_group`, and huge pages that were
    /// set aside by `sysctl vm.nr_hugepages`.
    #[cfg(target_os = "linux")]
    pub const fn huge_pages(&mut self, huge: bool) -> &mut Self {
        self.flag(libc::SHM_HUGETLB, huge)
    }

    /// Sets whether no swap is reserved for a new segment (`SHM_NORESERVE`).
    #[cfg(target_os = "linux")]
    pub const fn no_reserve(&mut self, no_reserve: bool) -> &mut Self {
        self.flag(libc::SHM_NORESERVE, no_reserve)
    }

    #[cfg(target_os = "linux")]
    const fn flag(&mut self, flag: c_int, on: bool) -> &mut Self {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
        self
    }

    /// Opens or creates a segment and attaches it for reading and writing.
    ///
    /// # Errors
    ///
    /// - [`Error::NotFound`] without `create`, if there is none.
    /// - [`Error::AlreadyExists`] with `exclusive`, if there is one.
    /// - [`Error::SizeMismatch`] if the one that exists is smaller than [`size`](Self::size).
    /// - [`Error::SizeZero`] if a new one would be empty.
    /// - [`Error::LimitReached`] for `SHMMNI`, `SHMMAX` or `SHMALL`; [`Error::OutOfMemory`].
    /// - [`Error::PermissionDenied`] if the access asked for, or the attach, is not granted.
    /// - [`Error::ExclusiveWithoutCreate`], before any system call.
    pub fn open(&self, key: Key) -> Result<SharedMemory> {
        let (segment, created) = self.open_or_create(key)?;
        self.complete(segment, created, |segment| {
            let memory = segment.attach()?;
            if created {
                self.initialise(&memory);
            }
            Ok(memory)
        })
    }

    /// Opens or creates a segment and attaches it for reading alone.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_read_only(&self, key: Key) -> Result<SharedMemory<ReadOnly>> {
        let (segment, created) = self.open_or_create(key)?;
        self.complete(segment, created, |segment| {
            if created && self.init_character.is_some() && self.owner_may_write() {
                self.initialise(&segment.attach()?);
            }
            segment.attach_read_only()
        })
    }

    /// Opens or creates a segment without attaching it; a new one is not filled.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_segment(&self, key: Key) -> Result<Segment> {
        self.open_or_create(key).map(|(segment, _created)| segment)
    }

    /// Creates a segment under a random unused key and attaches it; [`SharedMemory::key`] tells which.
    ///
    /// # Errors
    ///
    /// As an exclusive [`open`](Self::open), and [`Error::NoFreeKey`] after a bounded number of tries.
    pub fn open_random(&self) -> Result<SharedMemory> {
        let exclusive = Self { disposition: Disposition::EXCLUSIVE, ..*self };
        with_random_key(Kind::SharedMemory, |key| exclusive.open(key))
    }

    fn open_or_create(&self, key: Key) -> Result<(Segment, bool)> {
        self.disposition.check()?;
        let new_size = match self.size {
            0 if self.disposition.exclusive => page_size(),
            size => size,
        };
        let (id, created) = open_or_create(
            self.disposition,
            key,
            |flags| get(key, self.size, self.access.flags() | flags),
            |flags| get(key, new_size, self.mode.flags() | self.flags | flags),
        )?;
        Ok((Segment::new(Some(key), id), created))
    }

    /// Does the rest of an opening; if it fails, what this call created goes.
    fn complete<T>(&self, segment: Segment, created: bool, rest: impl FnOnce(&Segment) -> Result<T>) -> Result<T> {
        rest(&segment).inspect_err(|_| {
            if created {
                // The first error is reported; the segment is ours, and removing it is all that is left to do.
                let _ = segment.remove();
            }
        })
    }

    fn initialise(&self, memory: &SharedMemory) {
        if let Some(byte) = self.init_character.filter(|_| self.owner_may_write()) {
            memory.fill(byte);
        }
    }

    fn owner_may_write(&self) -> bool {
        self.mode.bits() & 0o200 != 0
    }
}

/// `shmget`, with what its errno means.
fn get(key: Key, size: usize, flags: c_int) -> Result<c_int> {
    const CALL: &str = "shmget";
    const KIND: Kind = Kind::SharedMemory;
    let object = Object::with_key(KIND, key);
    let creating = flags & sys::IPC_CREAT != 0;
    sys::shmget(key.get(), size, flags).map_err(|errno| match errno {
        #[cfg(target_os = "linux")]
        Errno::EPERM if flags & libc::SHM_HUGETLB != 0 => Error::HugePagesDenied { call: CALL, object },
        Errno::ENOSPC if limits::segments_are_full() => Limit::Shmmni.reached(CALL, object, errno),
        Errno::ENOSPC => Limit::Shmall.reached(CALL, object, errno),
        Errno::EINVAL if creating && size == 0 => Error::SizeZero { kind: KIND },
        Errno::EINVAL if creating => Limit::Shmmax.reached(CALL, object, errno),
        Errno::EINVAL => Error::SizeMismatch { call: CALL, object, requested: size },
        errno => Error::from_errno(CALL, object, errno),
    })
}
