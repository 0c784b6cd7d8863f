//! The C library's mutex that survives its holders.

use sysv_ipc::SharedMemory;

/// The C library's mutex for several processes that learn of each other's deaths.
#[derive(Clone, Copy)]
pub struct RobustMutex(*mut libc::pthread_mutex_t);

impl RobustMutex {
    /// Makes one in shared memory that nothing else uses there.
    pub fn new(memory: &SharedMemory, offset: usize) -> Self {
        memory.write(&[0; size_of::<libc::pthread_mutex_t>()], offset).expect("it fits");
        let mutex = memory.as_mut_ptr().wrapping_add(offset).cast();
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: there is room for the attributes.
        assert_eq!(unsafe { libc::pthread_mutexattr_init(attributes) }, 0);
        // SAFETY: they are initialised.
        assert_eq!(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) }, 0);
        // SAFETY: the mutex lies in mapped memory that nothing else uses yet.
        assert_eq!(unsafe { libc::pthread_mutex_init(mutex, attributes) }, 0);
        Self(mutex)
    }

    /// Locks it. Returns whether its last holder died, and makes it whole then.
    pub fn lock(self) -> bool {
        // SAFETY: `new` initialised it, and the benchmark keeps the memory.
        match unsafe { libc::pthread_mutex_lock(self.0) } {
            0 => false,
            libc::EOWNERDEAD => {
                // SAFETY: this thread holds it.
                assert_eq!(unsafe { libc::pthread_mutex_consistent(self.0) }, 0);
                true
            }
            error => panic!("it can't be locked: {error}"),
        }
    }

    pub fn unlock(self) {
        // SAFETY: this thread holds it.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0) }, 0);
    }

    #[inline]
    pub fn lock_and_unlock(self, inside: impl FnOnce()) {
        // SAFETY: `new` initialised it, and the benchmark keeps the memory.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.0) }, 0);
        inside();
        // SAFETY: this thread holds it.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0) }, 0);
    }
}
