//! Memory with an access that is chosen at run time: writing may be refused.

use super::{
    access::{Access, AnyAccess, ReadOnly, ReadWrite},
    memory::SharedMemory,
    view::{LoadOnly, SharedSafe},
};
use crate::{Error, Result};

/// Memory with an access that was chosen at run time.
///
/// Reads are those of every `SharedMemory`. Writes fail if it was attached for reading only.
impl SharedMemory<AnyAccess> {
    /// Returns the memory with all methods that write.
    ///
    /// # Errors
    ///
    /// [`Error::AttachedReadOnly`] if it was attached for reading only.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(64).open_random_as(Access::ReadWrite)?;
    /// memory.as_read_write()?.view::<AtomicU32>(0)?.store(7, Relaxed);
    /// assert_eq!(memory.view::<AtomicU32>(0)?.load(Relaxed), 7);
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn as_read_write(&self) -> Result<&SharedMemory<ReadWrite>> {
        match self.access() {
            Access::ReadWrite => Ok(self.cast_ref()),
            Access::ReadOnly => Err(Error::AttachedReadOnly { object: self.segment().object() }),
        }
    }

    /// Turns it into memory that can be written, by its type.
    ///
    /// # Errors
    ///
    /// The memory itself if it was attached for reading only.
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(64).open_random_as(Access::ReadOnly)?;
    /// let memory = memory.into_read_write().unwrap_err();
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn into_read_write(self) -> Result<SharedMemory<ReadWrite>, Self> {
        match self.access() {
            Access::ReadWrite => Ok(self.cast()),
            Access::ReadOnly => Err(self),
        }
    }

    /// Turns it into memory that can only be read, by its type.
    ///
    /// ```
    /// use sysv_ipc::{Access, ReadOnly, SharedMemory, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(64).open_random_as(Access::ReadWrite)?;
    /// let reader: SharedMemory<ReadOnly> = memory.into_read_only();
    /// reader.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    #[must_use]
    pub fn into_read_only(self) -> SharedMemory<ReadOnly> {
        self.cast()
    }

    /// Copies all of `bytes` to `offset`, or nothing.
    ///
    /// # Errors
    ///
    /// [`Error::AttachedReadOnly`], and [`Error::OutOfBounds`] if the bytes don't all fit.
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(8).open_random_as(Access::ReadWrite)?;
    /// memory.write(b"bytes", 3)?;
    /// assert_eq!(memory.read(0, 3)?, b"bytes");
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn write(&self, bytes: &[u8], offset: usize) -> Result<()> {
        self.as_read_write()?.write(bytes, offset)
    }

    /// Copies as many of `bytes` as fit to `offset`, and returns how many those are.
    ///
    /// # Errors
    ///
    /// [`Error::AttachedReadOnly`], and [`Error::OutOfBounds`] if `offset` lies behind the end.
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(8).open_random_as(Access::ReadWrite)?;
    /// assert_eq!(memory.write_truncating(b"bytes", 6)?, 2);
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn write_truncating(&self, bytes: &[u8], offset: usize) -> Result<usize> {
        self.as_read_write()?.write_truncating(bytes, offset)
    }

    /// Sets every byte.
    ///
    /// # Errors
    ///
    /// [`Error::AttachedReadOnly`] if it was attached for reading only.
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(8).open_random_as(Access::ReadWrite)?;
    /// memory.fill(b'-')?;
    /// assert_eq!(memory.read(0, 0)?, b"--------");
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn fill(&self, byte: u8) -> Result<()> {
        self.as_read_write()?.fill(byte);
        Ok(())
    }

    /// Returns the value at `offset`, live, for loading alone.
    ///
    /// [`as_read_write`](Self::as_read_write) has a `view` that stores as well.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`], or [`Error::Misaligned`] if the offset doesn't suit the type.
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(8).open_random_as(Access::ReadWrite)?;
    /// let word = memory.view::<std::sync::atomic::AtomicU32>(4)?;
    /// assert_eq!(word.load(std::sync::atomic::Ordering::Relaxed), 0);
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn view<T: SharedSafe>(&self, offset: usize) -> Result<&LoadOnly<T>> {
        self.load_only(offset)
    }

    /// Returns `len` values at `offset`, live, for loading alone.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view).
    ///
    /// ```
    /// use sysv_ipc::{Access, SharedMemoryOptions};
    ///
    /// let memory = SharedMemoryOptions::new().size(8).open_random_as(Access::ReadWrite)?;
    /// let words = memory.slice::<std::sync::atomic::AtomicU32>(0, 2)?;
    /// assert_eq!(words.len(), 2);
    /// memory.remove()?;
    /// # Ok::<(), sysv_ipc::Error>(())
    /// ```
    pub fn slice<T: SharedSafe>(&self, offset: usize, len: usize) -> Result<&[LoadOnly<T>]> {
        self.load_only_slice(offset, len)
    }
}

impl From<SharedMemory<ReadWrite>> for SharedMemory<AnyAccess> {
    fn from(memory: SharedMemory<ReadWrite>) -> Self {
        memory.cast()
    }
}

impl From<SharedMemory<ReadOnly>> for SharedMemory<AnyAccess> {
    fn from(memory: SharedMemory<ReadOnly>) -> Self {
        memory.cast()
    }
}
