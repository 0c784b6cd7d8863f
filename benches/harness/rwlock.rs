//! The read-write lock of the C library between processes.

use std::time::Duration;

use sysv_ipc::SharedMemory;

// libc has no declaration of it.
unsafe extern "C" {
    fn pthread_rwlock_timedwrlock(lock: *mut libc::pthread_rwlock_t, end: *const libc::timespec) -> libc::c_int;
}

/// The C library's read-write lock for several processes. None learns of another's death.
#[derive(Clone, Copy)]
pub struct PosixRwLock(*mut libc::pthread_rwlock_t);

impl PosixRwLock {
    /// Makes one in shared memory that nothing else uses there.
    pub fn new(memory: &SharedMemory, offset: usize) -> Self {
        memory.write(&[0; size_of::<libc::pthread_rwlock_t>()], offset).expect("it fits");
        let lock = memory.as_mut_ptr().wrapping_add(offset).cast();
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_rwlockattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: there is room for the attributes.
        assert_eq!(unsafe { libc::pthread_rwlockattr_init(attributes) }, 0);
        // SAFETY: they are initialised.
        assert_eq!(unsafe { libc::pthread_rwlockattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) }, 0);
        // SAFETY: the lock lies in mapped memory that nothing else uses yet.
        assert_eq!(unsafe { libc::pthread_rwlock_init(lock, attributes) }, 0);
        Self(lock)
    }

    #[inline]
    pub fn read_and_unlock(self, inside: impl FnOnce()) {
        self.read();
        inside();
        self.unlock();
    }

    #[inline]
    pub fn write_and_unlock(self, inside: impl FnOnce()) {
        // SAFETY: `new` initialised it, and the benchmark keeps the memory.
        assert_eq!(unsafe { libc::pthread_rwlock_wrlock(self.0) }, 0);
        inside();
        self.unlock();
    }

    #[inline]
    pub fn read(self) {
        // SAFETY: as for writing.
        assert_eq!(unsafe { libc::pthread_rwlock_rdlock(self.0) }, 0);
    }

    /// Locks for writing, and returns whether that was possible in so many whole seconds.
    pub fn write_timeout(self, timeout: Duration) -> bool {
        let mut end = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the structure is ours.
        assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut end) }, 0);
        end.tv_sec += libc::time_t::try_from(timeout.as_secs()).expect("it is short");
        // SAFETY: as for writing. The time is valid.
        unsafe { pthread_rwlock_timedwrlock(self.0, &raw const end) == 0 }
    }

    #[inline]
    pub fn unlock(self) {
        // SAFETY: this thread holds it.
        assert_eq!(unsafe { libc::pthread_rwlock_unlock(self.0) }, 0);
    }
}
