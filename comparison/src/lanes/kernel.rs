//! What the kernel offers: a pipe, a Unix socket, a POSIX and a System V message queue.

use std::{
    ffi::CString,
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::unix::net::UnixStream,
};

use anyhow::{Result, ensure};
use bytemuck::{Zeroable, bytes_of_mut};
use sysv_ipc::{Key, MessageQueue, MessageQueueOptions};

use super::{Item, Lane, Once, Receiver, Sender};

/// Bytes in a row, from which items are cut.
pub(crate) struct Stream<S, const WORDS: usize>(S);

impl<S: Write, const WORDS: usize> Sender for Stream<S, WORDS> {
    fn send(&mut self, number: u64) {
        self.0.write_all(Item::<WORDS>::new(number).bytes()).expect("the receiver lives");
    }
}

impl<S: Read, const WORDS: usize> Receiver for Stream<S, WORDS> {
    fn receive(&mut self) -> u64 {
        let mut item = Item::<WORDS>::zeroed();
        self.0.read_exact(bytes_of_mut(&mut item)).expect("the sender lives");
        item.number()
    }
}

pub(crate) struct Pipe(Once<PipeReader>, Once<PipeWriter>);

impl<const WORDS: usize> Lane<WORDS> for Pipe {
    const NAME: &'static str = "pipe";
    type Sender = Stream<PipeWriter, WORDS>;
    type Receiver = Stream<PipeReader, WORDS>;

    fn new(_: usize) -> Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self(Once::new(reader), Once::new(writer)))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(Stream(self.1.take()?))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(Stream(self.0.take()?))
    }
}

pub(crate) struct Socket(Once<UnixStream>, Once<UnixStream>);

impl<const WORDS: usize> Lane<WORDS> for Socket {
    const NAME: &'static str = "Unix stream socket";
    type Sender = Stream<UnixStream, WORDS>;
    type Receiver = Stream<UnixStream, WORDS>;

    fn new(_: usize) -> Result<Self> {
        let (sender, receiver) = UnixStream::pair()?;
        Ok(Self(Once::new(sender), Once::new(receiver)))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(Stream(self.0.take()?))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(Stream(self.1.take()?))
    }
}

/// A POSIX message queue, which has lost its name.
#[derive(Clone, Copy)]
pub(crate) struct Posix<const WORDS: usize>(libc::mqd_t);

/// How many messages one holds where nobody raised it.
const POSIX_CAPACITY: libc::c_long = 10;

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<const WORDS: usize> Lane<WORDS> for Posix<WORDS> {
    const NAME: &'static str = "POSIX message queue";
    type Sender = Self;
    type Receiver = Self;

    fn new(_: usize) -> Result<Self> {
        let name = CString::new(format!("/{}", crate::rows::name("mq")))?;
        // SAFETY: zeroes are valid for a structure of integers.
        let mut limits: libc::mq_attr = unsafe { std::mem::zeroed() };
        (limits.mq_maxmsg, limits.mq_msgsize) = (POSIX_CAPACITY, libc::c_long::try_from(8 * WORDS)?);
        // SAFETY: the name ends with NUL, and the limits live during the call.
        let queue = unsafe {
            libc::mq_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_RDWR, 0o600, &raw mut limits)
        };
        ensure!(queue >= 0, "mq_open: {}", io::Error::last_os_error());
        // SAFETY: as above.
        unsafe { libc::mq_unlink(name.as_ptr()) };
        Ok(Self(queue))
    }

    fn sender(&self) -> Result<Self> {
        Ok(*self)
    }

    fn receiver(&self) -> Result<Self> {
        Ok(*self)
    }
}

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<const WORDS: usize> Sender for Posix<WORDS> {
    fn send(&mut self, number: u64) {
        let item = Item::<WORDS>::new(number);
        // SAFETY: there are so many bytes.
        let sent = unsafe { libc::mq_send(self.0, item.bytes().as_ptr().cast(), size_of_val(&item), 0) };
        assert_eq!(sent, 0, "mq_send: {}", io::Error::last_os_error());
    }
}

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<const WORDS: usize> Receiver for Posix<WORDS> {
    fn receive(&mut self) -> u64 {
        let mut item = Item::<WORDS>::zeroed();
        let room = bytes_of_mut(&mut item);
        // SAFETY: there is room for so many bytes, and any are an item.
        let len = unsafe { libc::mq_receive(self.0, room.as_mut_ptr().cast(), room.len(), std::ptr::null_mut()) };
        assert_eq!(usize::try_from(len), Ok(room.len()), "mq_receive: {}", io::Error::last_os_error());
        item.number()
    }
}

/// A System V message queue by its bare calls; it is removed in the end.
pub(crate) struct SystemV(MessageQueue);

impl SystemV {
    pub(crate) fn queue(&self) -> &MessageQueue {
        &self.0
    }
}

impl Drop for SystemV {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}

/// A message as the C library sees it.
#[repr(C)]
pub(crate) struct BareMessage<const WORDS: usize> {
    message_type: libc::c_long,
    item: Item<WORDS>,
}

/// Either end, with a message of its own.
pub(crate) struct SystemVEnd<const WORDS: usize>(i32, BareMessage<WORDS>);

impl<const WORDS: usize> Lane<WORDS> for SystemV {
    const NAME: &'static str = "System V message queue";
    type Sender = SystemVEnd<WORDS>;
    type Receiver = SystemVEnd<WORDS>;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(MessageQueueOptions::new().open(Key::PRIVATE)?))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(SystemVEnd(self.0.id(), BareMessage { message_type: 1, item: Item::zeroed() }))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        <Self as Lane<WORDS>>::sender(self)
    }
}

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<const WORDS: usize> Sender for SystemVEnd<WORDS> {
    fn send(&mut self, number: u64) {
        self.1.item = Item::new(number);
        // SAFETY: the message has so many bytes behind its type.
        let sent = unsafe { libc::msgsnd(self.0, (&raw const self.1).cast(), 8 * WORDS, 0) };
        assert_eq!(sent, 0, "msgsnd: {}", io::Error::last_os_error());
    }
}

#[allow(unsafe_code, reason = "the C library is called directly")]
impl<const WORDS: usize> Receiver for SystemVEnd<WORDS> {
    fn receive(&mut self) -> u64 {
        // SAFETY: there is room for so many bytes behind the type, and any are an item.
        let len = unsafe { libc::msgrcv(self.0, (&raw mut self.1).cast(), 8 * WORDS, 1, 0) };
        assert_eq!(usize::try_from(len), Ok(8 * WORDS), "msgrcv: {}", io::Error::last_os_error());
        self.1.item.number()
    }
}
