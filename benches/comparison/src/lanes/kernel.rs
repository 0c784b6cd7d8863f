//! The kernel's pipes and Unix sockets.
//!
//! Their buffers hold as much as the rings do, or as much as the system lets an ordinary process have.

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    marker::PhantomData,
    os::{
        fd::AsRawFd,
        unix::net::{UnixDatagram, UnixStream},
    },
};

use anyhow::{Result, ensure};
use bytemuck::bytes_of_mut;

use super::{Item, Lane, Once, Receiver, Sender};

/// How many bytes a pipe holds, which is the most that an ordinary process may have, and how many a socket is asked to hold.
static BUFFER: libc::c_int = 1 << 20;

/// Asks for a large buffer. The system gives as much as it allows, without a word.
pub(crate) fn enlarge(socket: &impl AsRawFd) -> Result<()> {
    let (size, len) = (&raw const BUFFER, libc::socklen_t::try_from(size_of_val(&BUFFER))?);
    // SAFETY: it is an open descriptor, and the size is that long.
    #[allow(unsafe_code, reason = "the C library is called directly")]
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, size.cast(), len) };
    ensure!(result == 0, "SO_SNDBUF: {}", io::Error::last_os_error());
    Ok(())
}

/// Bytes in a row, from which items are cut.
pub(crate) struct Stream<S, T>(S, PhantomData<T>);

impl<S: Write, T: Item> Sender for Stream<S, T> {
    fn send(&mut self, number: u64) {
        self.0.write_all(T::new(number).bytes()).expect("the receiver lives");
    }
}

impl<S: Read, T: Item> Receiver for Stream<S, T> {
    fn receive(&mut self) -> u64 {
        let mut item = T::zeroed();
        self.0.read_exact(bytes_of_mut(&mut item)).expect("the sender lives");
        item.number()
    }
}

pub(crate) struct Pipe(Once<PipeReader>, Once<PipeWriter>);

impl<T: Item> Lane<T> for Pipe {
    const NAME: &'static str = "pipe";
    type Sender = Stream<PipeWriter, T>;
    type Receiver = Stream<PipeReader, T>;

    fn new(_: usize) -> Result<Self> {
        let (reader, writer) = io::pipe()?;
        // SAFETY: it is an open descriptor, and a number.
        #[allow(unsafe_code, reason = "the C library is called directly")]
        let size = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, BUFFER) };
        ensure!(size >= BUFFER, "F_SETPIPE_SZ: {}", io::Error::last_os_error());
        Ok(Self(Once::new(reader), Once::new(writer)))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(Stream(self.1.take()?, PhantomData))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(Stream(self.0.take()?, PhantomData))
    }
}

pub(crate) struct Socket(Once<UnixStream>, Once<UnixStream>);

impl<T: Item> Lane<T> for Socket {
    const NAME: &'static str = "Unix stream socket";
    type Sender = Stream<UnixStream, T>;
    type Receiver = Stream<UnixStream, T>;

    fn new(_: usize) -> Result<Self> {
        let (sender, receiver) = UnixStream::pair()?;
        enlarge(&sender)?;
        Ok(Self(Once::new(sender), Once::new(receiver)))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(Stream(self.0.take()?, PhantomData))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(Stream(self.1.take()?, PhantomData))
    }
}

/// A Unix datagram socket: any number of processes may send, and receive, whole items.
pub(crate) struct Datagrams(UnixDatagram, UnixDatagram);

pub(crate) struct DatagramEnd<T>(UnixDatagram, PhantomData<T>);

impl<T: Item> Lane<T> for Datagrams {
    const NAME: &'static str = "Unix datagram socket";
    type Sender = DatagramEnd<T>;
    type Receiver = DatagramEnd<T>;

    fn new(_: usize) -> Result<Self> {
        let (sender, receiver) = UnixDatagram::pair()?;
        enlarge(&sender)?;
        Ok(Self(sender, receiver))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(DatagramEnd(self.0.try_clone()?, PhantomData))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(DatagramEnd(self.1.try_clone()?, PhantomData))
    }
}

impl<T: Item> Sender for DatagramEnd<T> {
    fn send(&mut self, number: u64) {
        let item = T::new(number);
        let sent = again(|| self.0.send(item.bytes()));
        assert_eq!(sent, size_of::<T>(), "an item is cut");
    }
}

impl<T: Item> Receiver for DatagramEnd<T> {
    fn receive(&mut self) -> u64 {
        let mut item = T::zeroed();
        let got = again(|| self.0.recv(bytes_of_mut(&mut item)));
        assert_eq!(got, size_of::<T>(), "an item is cut");
        item.number()
    }
}

/// Calls again while signals interrupt.
pub(crate) fn again<R>(mut call: impl FnMut() -> io::Result<R>) -> R {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.expect("nothing else stands in the way"),
        }
    }
}
