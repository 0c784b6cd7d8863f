//! The C library's condition variable between processes, with its mutex.

use std::mem::offset_of;

use sysv_ipc::SharedMemory;

#[repr(C)]
struct Memory {
    mutex: libc::pthread_mutex_t,
    condition: libc::pthread_cond_t,
    value: u64,
}

/// A mutex, a condition variable and the value they are for, in shared memory.
#[derive(Clone, Copy)]
pub struct PosixCondition(*mut Memory);

impl PosixCondition {
    /// Makes one in shared memory that nothing else uses there. The value is 0.
    pub fn new(memory: &SharedMemory, offset: usize) -> Self {
        memory.write(&[0; size_of::<Memory>()], offset).expect("it fits");
        let at: *mut Memory = memory.as_mut_ptr().wrapping_add(offset).cast();
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: there is room for the attributes.
        assert_eq!(unsafe { libc::pthread_mutexattr_init(attributes) }, 0);
        // SAFETY: they are initialised.
        assert_eq!(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) }, 0);
        // SAFETY: the mutex lies in mapped memory that nothing else uses yet.
        assert_eq!(unsafe { libc::pthread_mutex_init(at.cast(), attributes) }, 0);
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_condattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: there is room for the attributes.
        assert_eq!(unsafe { libc::pthread_condattr_init(attributes) }, 0);
        // SAFETY: they are initialised.
        assert_eq!(unsafe { libc::pthread_condattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) }, 0);
        // SAFETY: as the mutex.
        assert_eq!(unsafe { libc::pthread_cond_init(condition_of(at), attributes) }, 0);
        Self(at)
    }

    /// Locks, waits while a condition holds on the value, changes it, and wakes all others.
    #[inline]
    pub fn wait_and_change(self, holds: impl Fn(u64) -> bool, change: impl FnOnce(&mut u64)) {
        let (mutex, condition) = (self.0.cast(), condition_of(self.0));
        // SAFETY: `new` initialised it, and the benchmark keeps the memory.
        assert_eq!(unsafe { libc::pthread_mutex_lock(mutex) }, 0);
        // SAFETY: the mutex keeps other users out, except while this process waits.
        while holds(unsafe { (*self.0).value }) {
            // SAFETY: as above, and the mutex is held.
            assert_eq!(unsafe { libc::pthread_cond_wait(condition, mutex) }, 0);
        }
        // SAFETY: the mutex keeps other users out.
        change(unsafe { &mut (*self.0).value });
        // SAFETY: as above, and the mutex is held.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(mutex) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::pthread_cond_broadcast(condition) }, 0);
    }
}

fn condition_of(at: *mut Memory) -> *mut libc::pthread_cond_t {
    at.wrapping_byte_add(offset_of!(Memory, condition)).cast()
}
