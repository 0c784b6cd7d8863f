//! Owners and permissions, which all three kinds of object have in common.

use std::time::{Duration, SystemTime};

use crate::{Mode, sys};

/// The owner of an object, its creator, and its permissions.
///
/// A creator keeps control after giving the object away: owner, creator and root may change and
/// remove it.
///
/// ```
/// use sysv_ipc::{Key, Mode, SemaphoreOptions};
///
/// let semaphore = SemaphoreOptions::new().create(true).mode(0o640).open(Key::PRIVATE)?;
/// let permissions = semaphore.permissions()?;
/// assert_eq!(permissions.mode, Mode::new(0o640));
/// assert_eq!(permissions.uid, permissions.cuid);
/// semaphore.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The owner's user id.
    pub uid: u32,
    /// The owner's group id.
    pub gid: u32,
    /// The creator's user id, which never changes.
    pub cuid: u32,
    /// The creator's group id, which never changes.
    pub cgid: u32,
    /// What owner, group and others may do.
    pub mode: Mode,
}

impl Permissions {
    pub(crate) fn from_raw(raw: &libc::ipc_perm) -> Self {
        Self { uid: raw.uid, gid: raw.gid, cuid: raw.cuid, cgid: raw.cgid, mode: Mode::new(sys::mode_of(raw)) }
    }
}

/// Converts the kernel's whole seconds. 0 means that the event has not happened yet.
pub(crate) fn time(seconds: i64) -> Option<SystemTime> {
    match u64::try_from(seconds) {
        Ok(0) | Err(_) => None,
        Ok(seconds) => Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
    }
}

/// Converts a pid that the kernel reports. 0 means that there was no such process yet.
pub(crate) fn pid(raw: libc::pid_t) -> Option<u32> {
    u32::try_from(raw).ok().filter(|&pid| pid != 0)
}

/// The methods that every handle has, its own or those of the handle in its field.
///
/// `IPC_SET` replaces owner and mode together, so a change of one reads the others first. A change by another process
/// in between is lost. The kernel has nothing better.
macro_rules! object_methods {
    ($remove_doc:literal $(, via $($field:ident).+)?) => {
        /// Returns the key it was opened or made with. Returns `None` if the handle was made from an id.
        #[must_use]
        pub fn key(&self) -> Option<$crate::Key> {
            self$($(.$field)+)?.object().key
        }

        /// Returns the kernel's id.
        #[must_use]
        pub fn id(&self) -> i32 {
            self$($(.$field)+)?.id
        }

        /// Returns owner, creator and mode.
        ///
        /// # Errors
        ///
        /// [`Error::Removed`](crate::Error::Removed), or
        /// [`Error::PermissionDenied`](crate::Error::PermissionDenied) without read permission.
        pub fn permissions(&self) -> $crate::Result<$crate::Permissions> {
            Ok(self.stat()?.permissions)
        }

        /// Sets the mode, and keeps the owner.
        ///
        /// Reads the owner first and writes both: a change by another process in between is lost.
        ///
        /// # Errors
        ///
        /// [`Error::Removed`](crate::Error::Removed), or
        /// [`Error::PermissionDenied`](crate::Error::PermissionDenied) unless the caller is owner,
        /// creator or root, and may read.
        pub fn set_mode(&self, mode: u32) -> $crate::Result<()> {
            let current = self.permissions()?;
            self$($(.$field)+)?.set_permissions(current.uid, current.gid, mode)
        }

        /// Gives the object to another user or group. `None` keeps the present one.
        ///
        /// Reads the rest first and writes all: a change by another process in between is lost.
        ///
        /// # Errors
        ///
        /// As [`set_mode`](Self::set_mode).
        pub fn set_owner(&self, uid: Option<u32>, gid: Option<u32>) -> $crate::Result<()> {
            let current = self.permissions()?;
            let (uid, gid) = (uid.unwrap_or(current.uid), gid.unwrap_or(current.gid));
            self$($(.$field)+)?.set_permissions(uid, gid, current.mode.bits())
        }

        /// Sets owner and mode at once, without reading them first: one call, which needs no permission to read
        /// (`IPC_SET`).
        ///
        /// # Errors
        ///
        /// As [`set_mode`](Self::set_mode), and [`Error::System`](crate::Error::System) with `EINVAL`
        /// for a user or group that doesn't exist.
        pub fn set_owner_and_mode(&self, uid: u32, gid: u32, mode: u32) -> $crate::Result<()> {
            self$($(.$field)+)?.set_permissions(uid, gid, mode)
        }

        #[doc = $remove_doc]
        ///
        /// # Errors
        ///
        /// [`Error::Removed`](crate::Error::Removed) if it was removed already, or
        /// [`Error::PermissionDenied`](crate::Error::PermissionDenied) unless the caller is owner, creator or root.
        pub fn remove(&self) -> $crate::Result<()> {
            self$($(.$field)+)?.remove_object()
        }
    };
}
pub(crate) use object_methods;
