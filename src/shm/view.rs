//! Types that may be read in place while other processes change them.
#![allow(unsafe_code, reason = "the trait is a promise that the compiler can't check")]

use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    Ordering, fence,
};

/// Types that may lie in memory which other processes change at any time.
///
/// The atomic integers, arrays of them, and whatever promises the same.
///
/// # Safety
///
/// - Every pattern of bits is a valid value: other processes may write anything.
/// - Everything reachable through a shared reference is accessed atomically.
/// - The layout is fixed (`#[repr(C)]` or a primitive), without pointers and padding that matters.
pub unsafe trait SharedSafe: Send + Sync + Sized + 'static {}

// SAFETY: an array of values that keep the promise keeps it.
unsafe impl<T: SharedSafe, const N: usize> SharedSafe for [T; N] {}

/// A value in memory that is mapped for reading alone: it can be loaded, and nothing else.
///
/// Storing doesn't compile:
///
/// ```compile_fail,E0599
/// # use std::sync::atomic::{AtomicU32, Ordering};
/// # use sysv_ipc::{ReadOnly, SharedMemory};
/// fn store(memory: &SharedMemory<ReadOnly>) -> sysv_ipc::Result<()> {
///     memory.view::<AtomicU32>(0)?.store(1, Ordering::Relaxed);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct LoadOnly<T>(T);

macro_rules! shared_integers {
    ($($(#[$attribute:meta])* $atomic:ident $integer:ty),* $(,)?) => {$(
        // SAFETY: every pattern of bits is an integer, and all access is atomic.
        unsafe impl SharedSafe for $atomic {}

        $(#[$attribute])*
        impl LoadOnly<$atomic> {
            /// Loads the value.
            #[inline]
            #[must_use]
            pub fn load(&self, ordering: Ordering) -> $integer {
                // On memory that can't be written, Rust promises relaxed loads of up to a word alone.
                let value = self.0.load(Ordering::Relaxed);
                if ordering != Ordering::Relaxed {
                    fence(ordering);
                }
                value
            }
        }
    )*};
}

shared_integers! {
    AtomicI8 i8, AtomicI16 i16, AtomicI32 i32, AtomicIsize isize,
    AtomicU8 u8, AtomicU16 u16, AtomicU32 u32, AtomicUsize usize,
    #[cfg(target_pointer_width = "64")]
    AtomicI64 i64,
    #[cfg(target_pointer_width = "64")]
    AtomicU64 u64,
}
