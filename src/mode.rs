//! Permission bits.

use std::fmt;

/// Permission bits of an object, as `chmod` has them.
///
/// Execute bits matter to `AttachOptions::execute` alone. Shown in octal, the way they are read.
///
/// ```
/// use sysv_ipc::Mode;
///
/// let mode = Mode::new(0o640);
/// assert_eq!(mode.to_string(), "0640");
/// assert_eq!(format!("{mode:?}"), "Mode(0640)");
/// assert_eq!(Mode::new(0o7777), Mode::new(0o777));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mode(u16);

impl Mode {
    /// Read and write for the owner alone, the default.
    pub const PRIVATE: Self = Self(0o600);

    /// Keeps the nine permission bits and drops all others.
    ///
    /// In the kernel's calls mode and flags share one number. A mode that holds only permissions can't turn into a
    /// flag.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        Self((bits & 0o777) as u16)
    }

    /// Returns the bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    pub(crate) fn flags(self) -> libc::c_int {
        self.0.into()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mode({self})")
    }
}
