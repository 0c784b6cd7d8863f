//! Making keys: of numbers, of text and of files.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path, str::FromStr};

use crate::{Error, Key, Result};

impl Key {
    /// Makes a key of a number.
    ///
    /// Negative numbers are keys too: `ftok` makes them, and `ipcs` shows them in hexadecimal.
    ///
    /// # Errors
    ///
    /// [`Error::KeyOutOfRange`] for 0, which is [`Key::PRIVATE`] and must be named.
    pub const fn new(number: i32) -> Result<Self> {
        match number {
            0 => Err(Error::KeyOutOfRange { key: 0 }),
            number => Ok(Self::from_raw(number)),
        }
    }

    /// Derives a key from a file that exists and a project number (`ftok`).
    ///
    /// As in the C library, only the lowest 8 bits of the project count, and 0 is allowed. POSIX leaves it unspecified
    /// if those bits are 0, but every system that this crate supports treats such a project as any other.
    ///
    /// The scheme is weak: only 16 bits of the inode and 8 of the device go into the key. So two files can give the
    /// same key, and a file that is deleted and made again gives another key. Prefer a fixed number, or a key that
    /// [`open_random`](crate::SemaphoreOptions::open_random) found.
    ///
    /// See [`ftok(3)`](https://man7.org/linux/man-pages/man3/ftok.3.html).
    ///
    /// # Errors
    ///
    /// - The error of `stat` for the path.
    /// - [`io::ErrorKind::InvalidInput`] for a path with a NUL byte, and for the one combination that gives 0.
    ///   The C library returns that 0, and with it [`Key::PRIVATE`]. The error holds [`Error::KeyOutOfRange`].
    ///
    /// ```
    /// use sysv_ipc::Key;
    ///
    /// assert_eq!(Key::ftok("/", b'j')?, Key::ftok("/", b'j')?);
    /// assert_eq!(Key::ftok("/etc", 0)?, Key::ftok("/etc", 256)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ftok(path: impl AsRef<Path>, project: impl Into<i32>) -> io::Result<Self> {
        let file = fs::metadata(path)?;
        Ok(Self::new(ftok_of(file.dev(), file.ino(), project.into()))?)
    }
}

/// The formula of every system's `ftok`, which a call of that function can't replace: it returns -1
/// both as an error and as a key.
fn ftok_of(device: u64, inode: u64, project: i32) -> i32 {
    let [.., high, low] = inode.to_be_bytes();
    let [.., device] = device.to_be_bytes();
    let [.., project] = project.to_be_bytes();
    i32::from_be_bytes([project, device, high, low])
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

macro_rules! try_from_number {
    ($(#[$doc:meta] $number:ty as $narrow:ty => $key:expr;)*) => {$(
        impl TryFrom<$number> for Key {
            type Error = Error;

            #[$doc]
            fn try_from(number: $number) -> Result<Self> {
                let narrow = <$narrow>::try_from(number)
                    .map_err(|_| Error::KeyOutOfRange { key: number.into() })?;
                Self::new($key(narrow))
            }
        }
    )*};
}

try_from_number! {
    /// Takes the number as it is.
    i32 as i32 => i32::from;
    /// Takes a number that fits in an `i32`.
    i64 as i32 => i32::from;
    /// Takes the 32 bits as `ipcs` prints them: `0xffff_ffff` is -1.
    u32 as u32 => u32::cast_signed;
    /// Takes 32 bits as `ipcs` prints them: `0xffff_ffff` is -1.
    u64 as u32 => u32::cast_signed;
}

#[cfg(test)]
mod tests {
    use super::ftok_of;

    #[test]
    fn ftok_takes_the_lowest_bits_of_each_number() {
        assert_eq!(ftok_of(0x1_ab, 0x1_beef, 0x1_02), 0x02ab_beef);
        assert_eq!(ftok_of(0x0100, 0x1_0000, 0x0100), 0);
        // The C function can't tell this key from an error.
        assert_eq!(ftok_of(0xff, 0xffff, -1), -1);
    }
}
