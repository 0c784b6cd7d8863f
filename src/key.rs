//! Keys: the kernel-wide names of System V objects.

use std::{fmt, io};

/// A System V key, the kernel-wide name of an object.
///
/// Every kind of object has a key space of its own, and so has every IPC namespace. A key doesn't identify the creator:
/// any process may create an object with it first.
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
/// assert_eq!(Key::try_from(0xffff_ffff_u32)?, Key::new(-1)?);
/// assert!(Key::try_from(1_i64 << 32).is_err());
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Key(i32);

impl Key {
    /// Always makes a new object, which no key finds again (`IPC_PRIVATE`).
    ///
    /// Children reach it through the inherited handle, and other processes through its id. Only the *key* is private: a
    /// process with the id and the permission can use the object.
    pub const PRIVATE: Self = Self(0);

    /// The smallest key.
    ///
    /// `ipcs` shows it as 0x80000000: in hexadecimal the negative keys follow [`MAX`](Self::MAX).
    ///
    /// ```
    /// # use sysv_ipc::Key;
    /// assert_eq!(Key::MIN.to_string(), "0x80000000");
    /// ```
    pub const MIN: Self = Self(i32::MIN);

    /// The largest key.
    pub const MAX: Self = Self(i32::MAX);

    /// Draws a key from the whole positive range, from the system's randomness.
    ///
    /// Only an exclusive creation can tell whether it is free. The options' `open_random` does that.
    pub(crate) fn random() -> io::Result<Self> {
        // The system is asked each time, since the state of a generator in this process would be shared with its forks.
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

    /// Takes a number that is a key. Of a key that the kernel reports, 0 says that the object has none.
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
