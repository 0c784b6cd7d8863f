//! The C library's mutex and condition variable between processes.

use sysv_ipc::SharedMemory;

/// A condition variable with its mutex, for several processes. None learns of another's death.
#[derive(Clone, Copy)]
pub struct PosixCondition {
    mutex: *mut libc::pthread_mutex_t,
    condition: *mut libc::pthread_cond_t,
}

impl PosixCondition {
    /// How much memory it takes.
    pub const SIZE: usize = size_of::<libc::pthread_mutex_t>() + size_of::<libc::pthread_cond_t>();

    /// Makes one in shared memory that nothing else uses there.
    pub fn new(memory: &SharedMemory, offset: usize) -> Self {
        memory.write(&[0; Self::SIZE], offset).expect("it fits");
        let mutex: *mut libc::pthread_mutex_t = memory.as_mut_ptr().wrapping_add(offset).cast();
        let condition = mutex.wrapping_add(1).cast();
        let mut of_mutex = std::mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let of_mutex = of_mutex.as_mut_ptr();
        // SAFETY: there is room for the attributes.
        assert_eq!(unsafe { libc::pthread_mutexattr_init(of_mutex) }, 0);
        // SAFETY: they are initialised.
        assert_eq!(unsafe { libc::pthread_mutexattr_setpshared(of_mutex, libc::PTHREAD_PROCESS_SHARED) }, 0);
        // SAFETY: the mutex lies in mapped memory that nothing else uses yet.
        assert_eq!(unsafe { libc::pthread_mutex_init(mutex, of_mutex) }, 0);
        let mut of_condition = std::mem::MaybeUninit::<libc::pthread_condattr_t>::uninit();
        let of_condition = of_condition.as_mut_ptr();
        // SAFETY: there is room for the attributes.
        assert_eq!(unsafe { libc::pthread_condattr_init(of_condition) }, 0);
        // SAFETY: they are initialised.
        assert_eq!(unsafe { libc::pthread_condattr_setpshared(of_condition, libc::PTHREAD_PROCESS_SHARED) }, 0);
        // SAFETY: the condition lies behind the mutex.
        assert_eq!(unsafe { libc::pthread_cond_init(condition, of_condition) }, 0);
        Self { mutex, condition }
    }

    /// Changes what it guards, and wakes those that wait.
    #[inline]
    pub fn change(self, change: impl FnOnce()) {
        self.lock();
        change();
        // SAFETY: `new` initialised it, and the benchmark keeps the memory.
        assert_eq!(unsafe { libc::pthread_cond_broadcast(self.condition) }, 0);
        self.unlock();
    }

    /// Waits until what it guards is as it is to be.
    #[inline]
    pub fn wait_until(self, is_met: impl Fn() -> bool) {
        self.lock();
        while !is_met() {
            // SAFETY: as for changing; this thread holds the mutex.
            assert_eq!(unsafe { libc::pthread_cond_wait(self.condition, self.mutex) }, 0);
        }
        self.unlock();
    }

    /// Waits while something holds, changes it, and wakes those that wait after it unlocked.
    #[inline]
    pub fn wait_and_change(self, holds: impl Fn() -> bool, change: impl FnOnce()) {
        self.lock();
        while holds() {
            // SAFETY: as for changing, and this thread holds the mutex.
            assert_eq!(unsafe { libc::pthread_cond_wait(self.condition, self.mutex) }, 0);
        }
        change();
        self.unlock();
        // SAFETY: as for changing.
        assert_eq!(unsafe { libc::pthread_cond_broadcast(self.condition) }, 0);
    }

    fn lock(self) {
        // SAFETY: as for changing.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.mutex) }, 0);
    }

    fn unlock(self) {
        // SAFETY: this thread holds it.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.mutex) }, 0);
    }
}
