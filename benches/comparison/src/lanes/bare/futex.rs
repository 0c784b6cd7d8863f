//! A word to sleep on.

use std::{
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

use anyhow::Result;
use sysv_ipc::SharedMemory;

use super::super::{Lane, Receiver, Sender, Word};
use crate::harness::{Kind, objects::memory};

/// A word that says whether something came, and how many did. The waiter sleeps on it.
pub(crate) struct Futex(Rc<SharedMemory>);

pub(crate) struct FutexEnd(Rc<SharedMemory>);

impl Lane<Word> for Futex {
    const NAME: &'static str = "a bare futex";
    const KIND: Kind = Kind::Limit;
    type Sender = FutexEnd;
    type Receiver = FutexEnd;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(Rc::new(memory(4096)?)))
    }

    fn sender(&self) -> Result<FutexEnd> {
        Ok(FutexEnd(Rc::clone(&self.0)))
    }

    fn receiver(&self) -> Result<FutexEnd> {
        self.sender()
    }
}

impl FutexEnd {
    /// What was sent, with one added, or zero.
    fn word(&self) -> &AtomicU32 {
        self.0.view(0).expect("it fits")
    }

    fn call(&self, operation: libc::c_int, value: u32) {
        let timeout = std::ptr::null::<libc::timespec>();
        // SAFETY: the word is mapped as long as it is borrowed. The call has no other pointers.
        #[allow(unsafe_code, reason = "the system is called directly")]
        unsafe {
            libc::syscall(libc::SYS_futex, self.word().as_ptr(), operation, value, timeout)
        };
    }
}

impl Sender for FutexEnd {
    fn send(&mut self, number: u64) {
        self.word().store(u32::try_from(number % (1 << 31)).expect("it is small") + 1, SeqCst);
        self.call(libc::FUTEX_WAKE, 1);
    }
}

impl Receiver for FutexEnd {
    fn receive(&mut self) -> u64 {
        loop {
            match self.word().swap(0, SeqCst) {
                0 => self.call(libc::FUTEX_WAIT, 0),
                number => return u64::from(number - 1),
            }
        }
    }
}
