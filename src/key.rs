//! Keys: the kernel-wide names of System V objects.

use std::{ffi::CString, fmt, io, num::NonZero, os::unix::ffi::OsStrExt, path::Path, str::FromStr};

use crate::{Error, Result, sys};

/// A System V key, the kernel-wide name of an object.
///
/// Every kind of object has a key space of its own, and so has every IPC namespace. A key says
/// nothing about who made the object: anyone may create a key first.
///
/// Zero is [`Key::PRIVATE`] and never the result of arithmetic or parsing.
/// See [`ftok(3)`](https://man7.org/linux/man-pages/man3/ftok.3.html) and
/// [`sysvipc(7)`](https://man7.org/linux/man-pages/man7/sysvipc.7.html).
///
/// ```
/// use sysv_ipc::Key;
///
/// let key = Key::new(42)?;
/// assert_eq!(key, "0x2a".parse()?);
/// assert_eq!(key.to_string(), "0x0000002a");
/// assert!(Key::new(0).is_err());
/// assert!(Key::try_from(1_i64 << 32).is_err());
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Key(i32);

impl Key {
    /// Always makes a new object, which no key finds again (`IPC_PRIVATE`).
    ///
    /// Children reach it through the inherited handle, everybody else through its id. Only the
    /// *key* is private: whoever has the id and the permission can use the object.
    pub const PRIVATE: Self = Self(0);

    /// The largest key.
    pub const MAX: Self = Self(i32::MAX);

    /// Makes a key of a number.
    ///
    /// Negative numbers are keys too: `ftok` makes them, and `ipcs` shows them in hexadecimal.
    ///
    /// # Errors
    ///
    /// [`Error::KeyOutOfRange`] for 0, which is [`Key::PRIVATE`] and must be said by name.
    pub const fn new(number: i32) -> Result<Self> {
        match number {
            0 => Err(Error::KeyOutOfRange { key: 0 }),
            number => Ok(Self(number)),
        }
    }

    /// Derives a key from a file that exists and a project number (`ftok`).
    ///
    /// Weak by construction: only 16 bits of the inode and 8 of the device go into it, so two files
    /// can give the same key, and a file that is deleted and made again gives another one. Prefer a
    /// fixed number, or a key that [`open_random`](crate::SemaphoreOptions::open_random) found.
    ///
    /// # Errors
    ///
    /// What `stat` says of the path, or [`io::ErrorKind::InvalidInput`] for a path with a NUL byte
    /// or the one combination that gives 0.
    ///
    /// ```
    /// use std::num::NonZero;
    /// use sysv_ipc::Key;
    ///
    /// let project = NonZero::new(b'j').expect("a letter is not zero");
    /// assert_eq!(Key::ftok("/", project)?, Key::ftok("/", project)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ftok(path: impl AsRef<Path>, project: NonZero<u8>) -> io::Result<Self> {
        let path = CString::new(path.as_ref().as_os_str().as_bytes())?;
        let number = sys::ftok(&path, project.get())?;
        Ok(Self::new(number)?)
    }

    /// Draws a key from the whole positive range, from the system's randomness.
    ///
    /// Whether it is free only an exclusive creation can tell; the options' `open_random` does that.
    pub(crate) fn random() -> io::Result<Self> {
        // Asked of the system each time: what a process keeps, its forks share.
        let bits = getrandom::u32().map_err(io::Error::from)?;
        Ok(Self((bits >> 1).cast_signed().max(1)))
    }

    /// Returns the key as the number that the system calls take.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Returns whether this is [`Key::PRIVATE`].
    #[must_use]
    pub const fn is_private(self) -> bool {
        self.0 == Self::PRIVATE.0
    }

    #[cfg(target_os = "linux")]
    /// A key the kernel reports; 0 there says that the object has none.
    pub(crate) const fn from_raw(number: i32) -> Self {
        Self(number)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_private() {
            return f.write_str("IPC_PRIVATE");
        }
        write!(f, "{:#010x}", self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl FromStr for Key {
    type Err = Error;

    /// Reads a decimal number, or a hexadecimal one as `ipcs` prints it (`0xffffffff` is -1).
    fn from_str(text: &str) -> Result<Self> {
        let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            // A sign would be accepted too.
            Some(digits) if digits.starts_with('+') => None,
            Some(digits) => u32::from_str_radix(digits, 16).ok().map(u32::cast_signed),
            None => text.parse().ok(),
        };
        number.and_then(|number| Self::new(number).ok()).ok_or(Error::KeyUnreadable)
    }
}

macro_rules! try_from_wider {
    ($($wide:ty),*) => {$(
        impl TryFrom<$wide> for Key {
            type Error = Error;

            fn try_from(number: $wide) -> Result<Self> {
                let narrow = i32::try_from(number)
                    .map_err(|_| Error::KeyOutOfRange { key: number.into() })?;
                Self::new(narrow)
            }
        }
    )*};
}

try_from_wider!(i32, i64, u32, u64);
