//! The C library's semaphore between processes.

use std::io;

use sysv_ipc::SharedMemory;

/// A semaphore in shared memory.
#[derive(Clone, Copy)]
pub struct PosixSemaphore(*mut libc::sem_t);

impl PosixSemaphore {
    pub const SIZE: usize = size_of::<libc::sem_t>();

    /// Makes one in shared memory that nothing else uses there.
    pub fn new(memory: &SharedMemory, offset: usize, value: u32) -> Self {
        memory.write(&[0; Self::SIZE], offset).expect("it fits");
        let semaphore = memory.as_mut_ptr().wrapping_add(offset).cast();
        // SAFETY: the memory is mapped, as was seen by writing there, and nothing else uses it.
        assert_eq!(unsafe { libc::sem_init(semaphore, 1, value) }, 0);
        Self(semaphore)
    }

    /// Waits until it is above zero, and takes one.
    #[inline]
    pub fn wait(self) {
        // SAFETY: `new` initialised it, and the benchmark keeps the memory.
        while unsafe { libc::sem_wait(self.0) } != 0 {
            assert_eq!(io::Error::last_os_error().kind(), io::ErrorKind::Interrupted);
        }
    }

    /// Adds one.
    #[inline]
    pub fn post(self) {
        // SAFETY: as in `wait`.
        assert_eq!(unsafe { libc::sem_post(self.0) }, 0);
    }
}
