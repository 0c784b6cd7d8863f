//! What an attachment allows: fixed by its type, or chosen by a value at run time.

/// The memory may be read and written.
#[derive(Clone, Copy, Debug)]
pub enum ReadWrite {}

/// The memory may only be read.
#[derive(Clone, Copy, Debug)]
pub enum ReadOnly {}

/// The memory may be read, and written if its [`Access`] allows it.
///
/// For callers that choose the access at run time, such as bindings of other languages. [`Access`] has an example.
#[derive(Clone, Copy, Debug)]
pub enum AnyAccess {}

/// What a mapping allows.
///
/// [`ReadWrite`] and [`ReadOnly`] fix it at compile time, and [`AnyAccess`] leaves it to an [`Access`].
pub trait Protection: sealed::Sealed {}
impl Protection for ReadWrite {}
impl Protection for ReadOnly {}
impl Protection for AnyAccess {}

mod sealed {
    pub trait Sealed {
        /// Whether the type alone allows writes.
        const WRITES: bool;
    }

    impl Sealed for super::ReadWrite {
        const WRITES: bool = true;
    }

    impl Sealed for super::ReadOnly {
        const WRITES: bool = false;
    }

    impl Sealed for super::AnyAccess {
        const WRITES: bool = false;
    }
}

/// The access that an attachment has, as a value.
///
/// ```
/// use sysv_ipc::{Access, Error, SharedMemoryOptions};
///
/// let mode = 0o400;
/// let access = if mode & 0o200 == 0 { Access::ReadOnly } else { Access::ReadWrite };
/// let memory = SharedMemoryOptions::new().mode(mode).size(64).open_random_as(access)?;
/// assert_eq!(memory.access(), Access::ReadOnly);
/// assert!(matches!(memory.write(b"no", 0), Err(Error::AttachedReadOnly { .. })));
/// memory.remove()?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// For reading only (`SHM_RDONLY`).
    ReadOnly,
    /// For reading and writing.
    ReadWrite,
}
