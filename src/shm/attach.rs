//! Attaching: where a segment is mapped, and for what.
#![allow(unsafe_code, reason = "segments are mapped here")]

use libc::c_int;
use nix::errno::Errno;

use super::{
    access::{Access, AnyAccess, ReadOnly, ReadWrite},
    memory::SharedMemory,
    segment::Segment,
};
use crate::{Error, Limit, Result, page_size, sys};

/// Where and how a segment is attached (`shmat`).
///
/// [`Segment::attach`] is enough for most. See [`shmat(2)`](https://man7.org/linux/man-pages/man2/shmat.2.html).
///
/// ```
/// use sysv_ipc::{AttachOptions, SharedMemoryOptions};
///
/// let segment = SharedMemoryOptions::new().size(4096).open_random()?.detach();
/// let chosen = { let first = segment.attach()?; first.address() };
/// // Nothing is there any more, so the same address can be asked for; 17 is rounded away.
/// let memory = AttachOptions::new().address(chosen + 17).round(true).attach(&segment)?;
/// assert_eq!(memory.address(), chosen);
/// segment.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AttachOptions {
    address: Option<usize>,
    flags: c_int,
    custom_flags: c_int,
}

impl AttachOptions {
    /// Returns options that leave the address to the kernel.
    #[must_use]
    pub const fn new() -> Self {
        Self { address: None, flags: 0, custom_flags: 0 }
    }

    /// Sets the address, which must be free and aligned to `SHMLBA` (on Linux, to a page).
    pub const fn address(&mut self, address: usize) -> &mut Self {
        self.address = Some(address);
        self
    }

    /// Sets whether the address is rounded down to `SHMLBA` (`SHM_RND`).
    pub const fn round(&mut self, round: bool) -> &mut Self {
        self.flag(sys::SHM_RND, round)
    }

    /// Sets whether the memory may be executed (`SHM_EXEC`). The segment's mode must have an execute bit, which
    /// [`SharedMemoryOptions::mode`](super::SharedMemoryOptions::mode) keeps.
    #[cfg(target_os = "linux")]
    pub const fn execute(&mut self, execute: bool) -> &mut Self {
        self.flag(libc::SHM_EXEC, execute)
    }

    /// Passes flags without a method of their own to `shmat`.
    ///
    /// Flags of an earlier call are replaced, those of other methods are kept. `SHM_RDONLY` and `SHM_REMAP` are
    /// dropped, since the method that attaches decides on them.
    ///
    /// ```
    /// use sysv_ipc::{AttachOptions, SharedMemoryOptions};
    ///
    /// const SHM_EXEC: i32 = 0o100000;
    /// let segment = SharedMemoryOptions::new().mode(0o700).size(4096).open_random_segment()?;
    /// let memory = AttachOptions::new().custom_flags(SHM_EXEC).attach(&segment)?;
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[cfg(target_os = "linux")]
    pub const fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.custom_flags = flags & !(sys::SHM_RDONLY | libc::SHM_REMAP);
        self
    }

    const fn flag(&mut self, flag: c_int, on: bool) -> &mut Self {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
        self
    }

    /// Attaches the segment for reading and writing.
    ///
    /// # Errors
    ///
    /// - [`Error::Removed`]. On Linux a removed segment can be attached as long as any process has it attached.
    /// - [`Error::PermissionDenied`] without permission to read, and here to write.
    /// - [`Error::Misaligned`] and [`Error::AddressUnusable`] for the address.
    /// - [`Error::LimitReached`] for `SHMSEG`, on systems that have it, and [`Error::OutOfMemory`].
    pub fn attach(&self, segment: &Segment) -> Result<SharedMemory<ReadWrite>> {
        self.map(segment, Access::ReadWrite, 0).map(SharedMemory::cast)
    }

    /// Attaches the segment for reading alone (`SHM_RDONLY`).
    ///
    /// Writing through the result doesn't compile.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_read_only(&self, segment: &Segment) -> Result<SharedMemory<ReadOnly>> {
        self.map(segment, Access::ReadOnly, 0).map(SharedMemory::cast)
    }

    /// Attaches the segment with a given access.
    ///
    /// For callers that choose the access at run time.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    ///
    /// ```
    /// use sysv_ipc::{Access, AttachOptions, SharedMemoryOptions};
    ///
    /// let segment = SharedMemoryOptions::new().size(64).open_random_segment()?;
    /// for access in [Access::ReadOnly, Access::ReadWrite] {
    ///     let memory = AttachOptions::new().attach_as(&segment, access)?;
    ///     assert_eq!(memory.write(b"bytes", 0).is_ok(), access == Access::ReadWrite);
    /// }
    /// segment.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn attach_as(&self, segment: &Segment, access: Access) -> Result<SharedMemory<AnyAccess>> {
        self.map(segment, access, 0)
    }

    /// Attaches the segment in place of whatever is mapped at an address (`SHM_REMAP`).
    ///
    /// # Safety
    ///
    /// Nothing may use what is mapped in the whole range that the segment will cover, now or later.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    #[cfg(target_os = "linux")]
    pub unsafe fn attach_over(&self, segment: &Segment, address: usize) -> Result<SharedMemory<ReadWrite>> {
        let mut options = *self;
        options.address(address).map(segment, Access::ReadWrite, libc::SHM_REMAP).map(SharedMemory::cast)
    }

    /// Attaches the segment for reading alone in place of another mapping.
    ///
    /// With the flags `SHM_REMAP` and `SHM_RDONLY`.
    ///
    /// # Safety
    ///
    /// As for [`attach_over`](Self::attach_over).
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    ///
    /// ```
    /// use sysv_ipc::{AttachOptions, SharedMemoryOptions};
    ///
    /// let (old, new) = (
    ///     SharedMemoryOptions::new().size(4096).open_random()?,
    ///     SharedMemoryOptions::new().size(4096).init_character(b'n').open_random()?,
    /// );
    /// let (address, old_segment) = (old.address(), old.segment().clone());
    /// std::mem::forget(old);
    /// // SAFETY: the mapping at the address is not used any more, and its handle is forgotten.
    /// let reader = unsafe { AttachOptions::new().attach_over_read_only(new.segment(), address) }?;
    /// assert_eq!((reader.address(), reader.read(1, 0)?), (address, b"n".to_vec()));
    /// new.remove()?;
    /// old_segment.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[cfg(target_os = "linux")]
    pub unsafe fn attach_over_read_only(&self, segment: &Segment, address: usize) -> Result<SharedMemory<ReadOnly>> {
        let mut options = *self;
        options.address(address).map(segment, Access::ReadOnly, libc::SHM_REMAP).map(SharedMemory::cast)
    }

    /// Attaches the segment with a given access in place of another mapping (`SHM_REMAP`).
    ///
    /// # Safety
    ///
    /// As for [`attach_over`](Self::attach_over).
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    ///
    /// ```
    /// use sysv_ipc::{Access, AttachOptions, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(4096).open_random()?;
    /// let (address, segment) = (memory.address(), memory.segment().clone());
    /// std::mem::forget(memory);
    /// // SAFETY: the mapping at the address is not used any more, and its handle is forgotten.
    /// let again = unsafe { AttachOptions::new().attach_over_as(&segment, address, Access::ReadOnly) }?;
    /// assert!(again.write(b"no", 0).is_err());
    /// segment.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[cfg(target_os = "linux")]
    pub unsafe fn attach_over_as(
        &self,
        segment: &Segment,
        address: usize,
        access: Access,
    ) -> Result<SharedMemory<AnyAccess>> {
        let mut options = *self;
        options.address(address).map(segment, access, libc::SHM_REMAP)
    }

    /// Maps the segment. Only the unsafe methods pass `SHM_REMAP`, and their callers answer for it.
    ///
    /// It takes two system calls: without the second, `IPC_STAT`, the size of the mapping is not known.
    fn map(&self, segment: &Segment, access: Access, remap: c_int) -> Result<SharedMemory<AnyAccess>> {
        // Zero would mean the kernel's choice, or by rounding become the page that null points to.
        let lowest = if self.rounds() { page_size() } else { 1 };
        if let Some(address) = self.address.filter(|&address| address < lowest) {
            return Err(Error::AddressUnusable { object: segment.object(), address });
        }
        // Checked before the call, as the kernel has one errno for this and for an address that is taken.
        let align = page_size();
        if let Some(address) = self.address.filter(|address| !self.rounds() && !address.is_multiple_of(align)) {
            return Err(Error::Misaligned { address, align });
        }
        let read_only = if access == Access::ReadOnly { sys::SHM_RDONLY } else { 0 };
        let flags = self.flags | self.custom_flags | read_only | remap;
        // SAFETY: without SHM_REMAP the call replaces nothing. With it the caller answers for the range.
        let mapped = unsafe { sys::shmat(segment.id(), self.address.unwrap_or(0), flags) };
        let address = mapped.map_err(|errno| self.error(segment, errno))?;
        // SAFETY: `shmat` has mapped the segment here, and nothing else owns the mapping.
        let mut memory = unsafe { SharedMemory::from_mapping(segment.clone(), address, access) };
        // Now that it is mapped, the id can't come to mean another segment, and the size is fixed for good. If the size
        // can't be read, dropping the memory detaches it.
        let size = segment.stat()?.size;
        if isize::try_from(size).is_err() {
            // Rust's pointers can't reach all of it.
            return Err(Error::OutOfMemory { call: "shmat", object: segment.object() });
        }
        // SAFETY: the segment has this size.
        unsafe { memory.set_size(size) };
        Ok(memory)
    }

    const fn rounds(&self) -> bool {
        (self.flags | self.custom_flags) & sys::SHM_RND != 0
    }

    #[cold]
    fn error(&self, segment: &Segment, errno: Errno) -> Error {
        const CALL: &str = "shmat";
        let object = segment.object();
        match (errno, self.address) {
            (Errno::EMFILE, _) => Limit::Shmseg.reached(CALL, object, errno),
            (Errno::EINVAL, Some(address)) if segment.stat().is_ok() => Error::AddressUnusable { object, address },
            (errno, _) => Error::on_id(CALL, object, errno),
        }
    }
}

/// Attaching where the kernel likes.
impl Segment {
    /// Attaches the segment for reading and writing, where the kernel likes.
    ///
    /// # Errors
    ///
    /// As [`AttachOptions::attach`].
    pub fn attach(&self) -> Result<SharedMemory> {
        AttachOptions::new().attach(self)
    }

    /// Attaches the segment for reading alone (`SHM_RDONLY`).
    ///
    /// # Errors
    ///
    /// As [`AttachOptions::attach`].
    pub fn attach_read_only(&self) -> Result<SharedMemory<ReadOnly>> {
        AttachOptions::new().attach_read_only(self)
    }

    /// Attaches the segment with a given access, where the kernel likes.
    ///
    /// # Errors
    ///
    /// As [`AttachOptions::attach`].
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let segment = SharedMemoryOptions::new().size(64).open_random_segment()?;
    /// let memory = segment.attach_as(Access::ReadOnly)?;
    /// assert!(memory.write(b"no", 0).is_err());
    /// segment.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn attach_as(&self, access: Access) -> Result<SharedMemory<AnyAccess>> {
        AttachOptions::new().attach_as(self, access)
    }
}
