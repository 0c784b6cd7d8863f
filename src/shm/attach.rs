//! Attaching: where a segment is mapped, and for what.
#![allow(unsafe_code, reason = "segments are mapped here")]

use libc::c_int;
use nix::errno::Errno;

use super::{ReadOnly, ReadWrite, Segment, SharedMemory, memory::Protection};
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
}

impl AttachOptions {
    /// Returns options that leave the address to the kernel.
    #[must_use]
    pub const fn new() -> Self {
        Self { address: None, flags: 0 }
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

    /// Sets whether the memory may be executed (`SHM_EXEC`); the segment's mode must have an execute
    /// bit, which [`SharedMemoryOptions::mode`](super::SharedMemoryOptions::mode) keeps.
    #[cfg(target_os = "linux")]
    pub const fn execute(&mut self, execute: bool) -> &mut Self {
        self.flag(libc::SHM_EXEC, execute)
    }

    const fn flag(&mut self, flag: c_int, on: bool) -> &mut Self {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
        self
    }

    /// Attaches the segment for reading and writing.
    ///
    /// # Errors
    ///
    /// - [`Error::Removed`]; on Linux a removed segment can be attached as long as somebody has it.
    /// - [`Error::PermissionDenied`] without permission to read, and here to write.
    /// - [`Error::Misaligned`] and [`Error::AddressUnusable`] for the address.
    /// - [`Error::LimitReached`] for `SHMSEG`, on systems that have it; [`Error::OutOfMemory`].
    pub fn attach(&self, segment: &Segment) -> Result<SharedMemory<ReadWrite>> {
        self.map(segment, 0)
    }

    /// Attaches the segment for reading alone (`SHM_RDONLY`).
    ///
    /// Writing through the result doesn't compile.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_read_only(&self, segment: &Segment) -> Result<SharedMemory<ReadOnly>> {
        self.map(segment, sys::SHM_RDONLY)
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
        options.address(address).map(segment, libc::SHM_REMAP)
    }

    /// `SHM_REMAP` comes from `attach_over` alone, whose caller answers for it.
    fn map<A: Protection>(&self, segment: &Segment, flags: c_int) -> Result<SharedMemory<A>> {
        // Zero would mean the kernel's choice, or by rounding become the page that null points to.
        let lowest = if self.rounds() { page_size() } else { 1 };
        if let Some(address) = self.address.filter(|&address| address < lowest) {
            return Err(Error::AddressUnusable { object: segment.object(), address });
        }
        // Asked before the call, as the kernel has one errno for this and for an address that is taken.
        let align = page_size();
        if let Some(address) = self.address.filter(|address| !self.rounds() && !address.is_multiple_of(align)) {
            return Err(Error::Misaligned { address, align });
        }
        // SAFETY: without SHM_REMAP the call replaces nothing; with it the caller answers for the range.
        let mapped = unsafe { sys::shmat(segment.id(), self.address.unwrap_or(0), self.flags | flags) };
        let address = mapped.map_err(|errno| self.error(segment, errno))?;
        // SAFETY: `shmat` has mapped the segment here, and nobody else owns the mapping.
        let mut memory = unsafe { SharedMemory::from_mapping(segment.clone(), address) };
        // Now that it is mapped, the id can't come to mean another segment, and this one's size is
        // fixed for good. If it can't be told, dropping the memory detaches it.
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
        self.flags & sys::SHM_RND != 0
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
