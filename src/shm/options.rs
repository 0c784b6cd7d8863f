//! How segments are created and opened.

use libc::c_int;
use nix::errno::Errno;

use super::{
    access::{Access, AnyAccess, ReadOnly},
    memory::SharedMemory,
    segment::Segment,
};
use crate::{
    Error, Key, Limit, Mode, ObjectId, ObjectKind, Result, limits,
    open::{Disposition, Requested, open_or_create, with_random_key},
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
    access: Requested,
    size: usize,
    init_character: Option<u8>,
    flags: c_int,
    /// In bytes. 0 for no huge pages, or for those of the default size.
    huge_page_size: usize,
    custom_flags: c_int,
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
            access: Requested::NONE,
            size: 0,
            init_character: None,
            flags: 0,
            huge_page_size: 0,
            custom_flags: 0,
        }
    }

    crate::open::open_options_methods!();

    /// Sets the size in bytes: of a new segment, or the least that an existing one must have.
    ///
    /// With 0, the default, an existing segment of any size is opened, and an exclusive creation makes one
    /// [page](crate::page_size).
    pub const fn size(&mut self, size: usize) -> &mut Self {
        self.size = size;
        self
    }

    /// Sets the byte that a segment is filled with if this call creates it.
    ///
    /// By default it is left as the kernel makes it: all zeroes, and no page used before it is touched. (Python's
    /// `sysv_ipc` fills with blanks, which uses every page at once.) Other processes may see the zeroes before.
    /// Ignored, as in that module, if the mode denies the owner to write.
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
        self.huge_page_size = 0;
        self.flag(libc::SHM_HUGETLB, huge)
    }

    /// Sets the size in bytes of a new segment's huge pages (`SHM_HUGE_SHIFT`).
    ///
    /// A power of two that the machine has, such as 2 MiB or 1 GiB. `/sys/kernel/mm/hugepages` names all, and how
    /// many pages of each are set aside. Implies [`huge_pages`](Self::huge_pages), which sets the default size.
    ///
    /// See [`shmget(2)`](https://man7.org/linux/man-pages/man2/shmget.2.html).
    ///
    /// ```
    /// use sysv_ipc::{Error, SharedMemoryOptions};
    ///
    /// match SharedMemoryOptions::new().huge_page_size(2 << 20).size(2 << 20).open_random() {
    ///     Ok(memory) => memory.remove()?,
    ///     Err(Error::OutOfMemory { .. } | Error::HugePagesDenied { .. } | Error::NoSuchHugePages { .. }) => {}
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(target_os = "linux")]
    pub const fn huge_page_size(&mut self, bytes: usize) -> &mut Self {
        self.huge_page_size = bytes;
        self.flag(libc::SHM_HUGETLB, true)
    }

    /// Sets whether no swap is reserved for a new segment (`SHM_NORESERVE`).
    #[cfg(target_os = "linux")]
    pub const fn no_reserve(&mut self, no_reserve: bool) -> &mut Self {
        self.flag(libc::SHM_NORESERVE, no_reserve)
    }

    /// Passes flags without a method of their own to the `shmget` that creates.
    ///
    /// Flags of an earlier call are replaced, those of other methods are kept. Permissions, `IPC_CREAT` and
    /// `IPC_EXCL` are dropped, since [`mode`](Self::mode), [`create`](Self::create) and
    /// [`exclusive`](Self::exclusive) decide on them.
    ///
    /// ```
    /// use sysv_ipc::SharedMemoryOptions;
    ///
    /// const SHM_NORESERVE: i32 = 0o10000;
    /// let memory = SharedMemoryOptions::new().custom_flags(SHM_NORESERVE).size(1 << 20).open_random()?;
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[cfg(target_os = "linux")]
    pub const fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.custom_flags = flags & !(0o777 | sys::IPC_CREAT | sys::IPC_EXCL);
        self
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
    /// - [`Error::SizeMismatch`] if the existing segment is smaller than [`size`](Self::size).
    /// - [`Error::SizeZero`] if a new one would be empty.
    /// - [`Error::LimitReached`] for `SHMMNI`, `SHMMAX` or `SHMALL`, and [`Error::OutOfMemory`].
    /// - [`Error::PermissionDenied`] if the access asked for, or the attach, is not granted.
    /// - [`Error::HugePagesDenied`] and [`Error::NoSuchHugePages`] if huge pages are asked for.
    /// - [`Error::ExclusiveWithoutCreate`], before any system call.
    pub fn open(&self, key: Key) -> Result<SharedMemory> {
        self.open_mapped(key, Access::ReadWrite).map(SharedMemory::cast)
    }

    /// Opens or creates a segment and attaches it for reading alone.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_read_only(&self, key: Key) -> Result<SharedMemory<ReadOnly>> {
        self.open_mapped(key, Access::ReadOnly).map(SharedMemory::cast)
    }

    /// Opens or creates a segment and attaches it with a given access.
    ///
    /// For callers that choose the access at run time.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    ///
    /// ```
    /// use sysv_ipc::{Access, Key, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(64).open_as(Key::PRIVATE, Access::ReadWrite)?;
    /// memory.write(b"bytes", 0)?;
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn open_as(&self, key: Key, access: Access) -> Result<SharedMemory<AnyAccess>> {
        self.open_mapped(key, access)
    }

    /// Opens or creates a segment without attaching it. A new segment is not filled.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_segment(&self, key: Key) -> Result<Segment> {
        self.open_or_create(key).map(|(segment, _created)| segment)
    }

    /// Creates a segment under a random unused key and attaches it. [`SharedMemory::key`] returns the key.
    ///
    /// # Errors
    ///
    /// As an exclusive [`open`](Self::open), and [`Error::NoFreeKey`] after a bounded number of tries.
    pub fn open_random(&self) -> Result<SharedMemory> {
        self.random(|options, key| options.open(key))
    }

    /// Creates a segment under a random unused key and attaches it for reading alone.
    ///
    /// # Errors
    ///
    /// As [`open_random`](Self::open_random).
    ///
    /// ```
    /// use sysv_ipc::SharedMemoryOptions;
    ///
    /// // Not even its owner may write.
    /// let memory = SharedMemoryOptions::new().mode(0o400).size(64).open_random_read_only()?;
    /// assert_eq!(memory.read(1, 0)?, [0]);
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn open_random_read_only(&self) -> Result<SharedMemory<ReadOnly>> {
        self.random(|options, key| options.open_read_only(key))
    }

    /// Creates a segment under a random unused key and attaches it with a given access.
    ///
    /// # Errors
    ///
    /// As [`open_random`](Self::open_random).
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(64).open_random_as(Access::ReadWrite)?;
    /// memory.write(b"bytes", 0)?;
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn open_random_as(&self, access: Access) -> Result<SharedMemory<AnyAccess>> {
        self.random(|options, key| options.open_as(key, access))
    }

    /// Creates a segment under a random unused key without attaching it.
    ///
    /// It is not filled.
    ///
    /// # Errors
    ///
    /// As [`open_random`](Self::open_random).
    ///
    /// ```
    /// use sysv_ipc::SharedMemoryOptions;
    ///
    /// let segment = SharedMemoryOptions::new().size(64).open_random_segment()?;
    /// assert_eq!(segment.stat()?.attached, 0);
    /// segment.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn open_random_segment(&self) -> Result<Segment> {
        self.random(|options, key| options.open_segment(key))
    }

    fn random<T>(&self, create: impl Fn(&Self, Key) -> Result<T>) -> Result<T> {
        let exclusive = Self { disposition: Disposition::EXCLUSIVE, ..*self };
        with_random_key(ObjectKind::SharedMemory, |key| create(&exclusive, key))
    }

    /// Opens or creates, attaches and fills. If a later step fails, what this call created is removed.
    fn open_mapped(&self, key: Key, access: Access) -> Result<SharedMemory<AnyAccess>> {
        let (segment, created) = self.open_or_create(key)?;
        self.attach(&segment, created, access).inspect_err(|_| {
            if created {
                // The first error is reported. The segment is ours, so it is removed.
                let _ = segment.remove();
            }
        })
    }

    fn attach(&self, segment: &Segment, created: bool, access: Access) -> Result<SharedMemory<AnyAccess>> {
        let memory = segment.attach_as(access)?;
        if let Some(byte) = self.init_character.filter(|_| created && self.owner_may_write()) {
            match memory.as_read_write() {
                Ok(writable) => writable.fill(byte),
                Err(_read_only) => segment.attach()?.fill(byte),
            }
        }
        Ok(memory)
    }

    fn open_or_create(&self, key: Key) -> Result<(Segment, bool)> {
        self.disposition.check()?;
        let new_flags = self.mode.flags() | self.flags | self.custom_flags | self.huge_page_flags()?;
        let new_size = match self.size {
            0 if self.disposition.exclusive => page_size(),
            size => size,
        };
        let (id, created) = open_or_create(
            self.disposition,
            key,
            |flags| get(key, self.size, self.access.flags() | flags),
            |flags| get(key, new_size, new_flags | flags),
        )?;
        Ok((Segment::new(Some(key), id), created))
    }

    /// The size of huge pages as `shmget` takes it: the power of two, in six bits.
    fn huge_page_flags(&self) -> Result<c_int> {
        match self.huge_page_size {
            0 => Ok(0),
            bytes if bytes.is_power_of_two() => Ok((bytes.ilog2() << HUGE_SHIFT).cast_signed()),
            bytes => {
                let object = ObjectId { kind: ObjectKind::SharedMemory, key: None, id: None };
                Err(Error::NoSuchHugePages { object, bytes })
            }
        }
    }

    fn owner_may_write(&self) -> bool {
        self.mode.bits() & 0o200 != 0
    }
}

/// Where the flags of `shmget` have the size of huge pages (`SHM_HUGE_SHIFT`).
const HUGE_SHIFT: u32 = 26;

/// Returns what an errno means if huge pages were asked for. Returns `None` if it is not about them.
#[cfg(target_os = "linux")]
fn huge_page_error(object: ObjectId, size: usize, flags: c_int, errno: Errno) -> Option<Error> {
    const SIZE_BITS: u32 = 0x3f;
    if flags & libc::SHM_HUGETLB == 0 {
        return None;
    }
    let is_small_enough = || crate::limits().is_ok_and(|limits| size as u64 <= limits.shared_memory.max_size);
    match errno {
        Errno::EPERM => Some(Error::HugePagesDenied { call: "shmget", object }),
        // It is not about the key, since an object is created.
        Errno::ENOENT | Errno::ENODEV => Some(Error::Unsupported { call: "SHM_HUGETLB" }),
        Errno::EINVAL if size > 0 && is_small_enough() => match flags.cast_unsigned() >> HUGE_SHIFT & SIZE_BITS {
            0 => Some(Error::Unsupported { call: "SHM_HUGETLB" }),
            power => Some(Error::NoSuchHugePages { object, bytes: 1_usize.checked_shl(power).unwrap_or(usize::MAX) }),
        },
        _ => None,
    }
}

/// Nowhere else do flags ask for huge pages.
#[cfg(not(target_os = "linux"))]
fn huge_page_error(_object: ObjectId, _size: usize, _flags: c_int, _errno: Errno) -> Option<Error> {
    None
}

/// `shmget`, with what its errno means.
fn get(key: Key, size: usize, flags: c_int) -> Result<c_int> {
    const CALL: &str = "shmget";
    const KIND: ObjectKind = ObjectKind::SharedMemory;
    let object = ObjectId::with_key(KIND, key);
    let creating = flags & sys::IPC_CREAT != 0;
    let meaning = |errno| match errno {
        Errno::ENOSPC if limits::segments_are_full() => Limit::Shmmni.reached(CALL, object, errno),
        Errno::ENOSPC => Limit::Shmall.reached(CALL, object, errno),
        Errno::EINVAL if creating && size == 0 => Error::SizeZero { kind: KIND },
        Errno::EINVAL if creating => Limit::Shmmax.reached(CALL, object, errno),
        Errno::EINVAL => Error::SizeMismatch { call: CALL, object, requested: size },
        errno => Error::from_errno(CALL, object, errno),
    };
    sys::shmget(key.get(), size, flags)
        .map_err(|errno| huge_page_error(object, size, flags, errno).unwrap_or_else(|| meaning(errno)))
}
