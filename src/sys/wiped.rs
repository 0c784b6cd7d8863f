//! A word that the kernel sets to 0 in every child.

use std::sync::atomic::AtomicU32;

#[cfg(target_os = "linux")]
use libc::c_int;
use nix::errno::Errno;

/// A word that is 0 at first. On Linux it has pages of its own, so that nothing else is wiped with it: its size and
/// alignment are those of the largest page of the architecture.
#[cfg_attr(all(target_os = "linux", any(target_arch = "x86", target_arch = "x86_64")), repr(align(4096)))]
#[cfg_attr(all(target_os = "linux", not(any(target_arch = "x86", target_arch = "x86_64"))), repr(align(65536)))]
pub(crate) struct Wiped {
    word: AtomicU32,
}

impl Wiped {
    pub(crate) const fn new() -> Self {
        Self { word: AtomicU32::new(0) }
    }

    #[inline]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Has the kernel wipe the word in every child that gets a copy of the memory, and in the children of those.
    ///
    /// Fails if the kernel can't, or has larger pages.
    #[cfg(target_os = "linux")]
    pub(crate) fn wipe_on_fork(&'static self) -> Result<(), Errno> {
        /// No kernel knows this advice. Old emulators and some sandboxes accept it, and do nothing for any.
        const UNKNOWN: c_int = -1;
        let is_whole = |bytes: usize| bytes.is_multiple_of(super::page_size());
        // An old loader may align a static to 4 KiB only.
        if !is_whole(std::ptr::from_ref(self).addr()) || !is_whole(size_of::<Self>()) || self.advise(UNKNOWN).is_ok() {
            return Err(Errno::EINVAL);
        }
        self.advise(libc::MADV_WIPEONFORK)
    }

    #[cfg(target_os = "linux")]
    fn advise(&'static self, advice: c_int) -> Result<(), Errno> {
        let address = std::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: neither advice changes anything in this process, and the pages hold nothing but this static. A child may
        // find zeroes in it, since they are valid and the word is changed as an atomic alone.
        Errno::result(unsafe { libc::madvise(address, size_of::<Self>(), advice) }).map(drop)
    }

    /// No other system is known to do it.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn wipe_on_fork(&'static self) -> Result<(), Errno> {
        Err(Errno::ENOSYS)
    }
}
