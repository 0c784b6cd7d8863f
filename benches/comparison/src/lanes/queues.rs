//! The kernel's message queues: POSIX and System V.

use std::{ffi::CString, io, marker::PhantomData};

use anyhow::{Result, ensure};
use bytemuck::{Zeroable, bytes_of_mut};
use sysv_ipc::MessageQueue;

use super::{Item, Lane, Receiver, Sender, item::number_of};
use crate::harness::objects::{Removed, queue};

/// Calls again while signals interrupt.
fn retry<N: PartialOrd + From<i8>>(what: &str, mut call: impl FnMut() -> N) -> N {
    loop {
        let result = call();
        if result >= N::from(0) {
            return result;
        }
        let error = io::Error::last_os_error();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted, "{what}: {error}");
    }
}

/// A POSIX message queue, which has lost its name.
pub(crate) struct Posix {
    queue: libc::mqd_t,
}

pub(crate) struct PosixEnd<T> {
    queue: libc::mqd_t,
    item: PhantomData<T>,
}

/// How many messages one holds by default.
const POSIX_CAPACITY: libc::c_long = 10;

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<T: Item> Lane<T> for Posix {
    const NAME: &'static str = "POSIX message queue";
    type Sender = PosixEnd<T>;
    type Receiver = PosixEnd<T>;

    fn new(_: usize) -> Result<Self> {
        let name = CString::new(format!("/{}", crate::rows::name("mq")))?;
        // SAFETY: zeroes are valid for a structure of integers.
        let mut limits: libc::mq_attr = unsafe { std::mem::zeroed() };
        (limits.mq_maxmsg, limits.mq_msgsize) = (POSIX_CAPACITY, libc::c_long::try_from(size_of::<T>())?);
        // SAFETY: the name ends with NUL, and the limits live during the call.
        let queue = unsafe {
            libc::mq_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_RDWR, 0o600, &raw mut limits)
        };
        ensure!(queue >= 0, "mq_open: {}", io::Error::last_os_error());
        // SAFETY: as above.
        unsafe { libc::mq_unlink(name.as_ptr()) };
        Ok(Self { queue })
    }

    fn sender(&self) -> Result<PosixEnd<T>> {
        Ok(PosixEnd { queue: self.queue, item: PhantomData })
    }

    fn receiver(&self) -> Result<PosixEnd<T>> {
        <Self as Lane<T>>::sender(self)
    }
}

impl Drop for Posix {
    fn drop(&mut self) {
        // SAFETY: it is open, and the processes that use its number have ended.
        #[allow(unsafe_code, reason = "the C library is called directly")]
        let _ = unsafe { libc::mq_close(self.queue) };
    }
}

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<T: Item> Sender for PosixEnd<T> {
    fn send(&mut self, number: u64) {
        let item = T::new(number);
        let bytes = item.bytes();
        // SAFETY: there are so many bytes.
        retry("mq_send", || unsafe { libc::mq_send(self.queue, bytes.as_ptr().cast(), bytes.len(), 0) });
    }
}

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<T: Item> Receiver for PosixEnd<T> {
    fn receive(&mut self) -> u64 {
        let mut item = T::zeroed();
        let room = bytes_of_mut(&mut item);
        let (start, len) = (room.as_mut_ptr().cast(), room.len());
        // SAFETY: there is room for so many bytes, and any are an item.
        let got = retry("mq_receive", || unsafe { libc::mq_receive(self.queue, start, len, std::ptr::null_mut()) });
        assert_eq!(usize::try_from(got), Ok(len), "an item is cut");
        item.number()
    }
}

/// A System V message queue by its bare calls.
pub(crate) struct SystemV(Removed<MessageQueue>);

impl SystemV {
    pub(crate) fn queue(&self) -> &MessageQueue {
        &self.0
    }
}

/// A message as the C library sees it: the bytes follow the type at once.
#[repr(C)]
struct BareMessage<T: Item> {
    message_type: libc::c_long,
    item: T::Bare,
}

/// Either end, with a message of its own.
pub(crate) struct SystemVEnd<T: Item>(i32, BareMessage<T>);

impl<T: Item> Lane<T> for SystemV {
    const NAME: &'static str = "System V message queue";
    type Sender = SystemVEnd<T>;
    type Receiver = SystemVEnd<T>;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(queue()?))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(SystemVEnd(self.0.id(), BareMessage { message_type: 1, item: T::Bare::zeroed() }))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        <Self as Lane<T>>::sender(self)
    }
}

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<T: Item> Sender for SystemVEnd<T> {
    fn send(&mut self, number: u64) {
        self.1.item = T::new(number).bare();
        let message = (&raw const self.1).cast();
        // SAFETY: the message has so many bytes behind its type.
        retry("msgsnd", || unsafe { libc::msgsnd(self.0, message, size_of::<T>(), 0) });
    }
}

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<T: Item> Receiver for SystemVEnd<T> {
    fn receive(&mut self) -> u64 {
        let message = (&raw mut self.1).cast();
        // SAFETY: there is room for so many bytes behind the type, and any are an item.
        let len = retry("msgrcv", || unsafe { libc::msgrcv(self.0, message, size_of::<T>(), 1, 0) });
        assert_eq!(usize::try_from(len), Ok(size_of::<T>()), "an item is cut");
        number_of(bytemuck::bytes_of(&self.1.item))
    }
}
