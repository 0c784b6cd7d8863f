//! The C library's barrier between processes.

use sysv_ipc::SharedMemory;

/// A barrier in shared memory.
#[derive(Clone, Copy)]
pub struct PosixBarrier(*mut libc::pthread_barrier_t);

impl PosixBarrier {
    /// Makes one for so many processes in shared memory that nothing else uses there.
    pub fn new(memory: &SharedMemory, offset: usize, processes: u32) -> Self {
        memory.write(&[0; size_of::<libc::pthread_barrier_t>()], offset).expect("it fits");
        let barrier = memory.as_mut_ptr().wrapping_add(offset).cast();
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_barrierattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: there is room for the attributes.
        assert_eq!(unsafe { libc::pthread_barrierattr_init(attributes) }, 0);
        // SAFETY: they are initialised.
        assert_eq!(unsafe { libc::pthread_barrierattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) }, 0);
        // SAFETY: the barrier lies in mapped memory that nothing else uses yet.
        assert_eq!(unsafe { libc::pthread_barrier_init(barrier, attributes, processes) }, 0);
        Self(barrier)
    }

    /// Waits for all others.
    #[inline]
    pub fn wait(self) {
        // SAFETY: `new` initialised it, and the benchmark keeps the memory.
        let waited = unsafe { libc::pthread_barrier_wait(self.0) };
        assert!(waited == 0 || waited == libc::PTHREAD_BARRIER_SERIAL_THREAD);
    }
}
