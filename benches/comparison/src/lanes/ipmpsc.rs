//! ipmpsc: any number of producers, one consumer, anything that serde knows.

use std::{
    fs,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use ipmpsc::SharedRingBuffer;
use serde_bytes::Bytes;

use super::{Item, Lane, Receiver, Sender, item::number_of};
use crate::rows::name;

/// Its memory is a file's, by a path that both sides know: of a kind that is never written to a disk, if there is one.
pub(crate) struct Ipmpsc {
    file: Scratch,
    buffer: SharedRingBuffer,
}

struct Scratch(PathBuf);

impl Scratch {
    fn path(&self) -> Result<&str> {
        self.0.to_str().context("a path that isn't text")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

pub(crate) struct To<T>(ipmpsc::Sender, PhantomData<T>);
pub(crate) struct From(ipmpsc::Receiver);

impl<T: Item> Lane<T> for Ipmpsc {
    const NAME: &'static str = "ipmpsc";
    type Sender = To<T>;
    type Receiver = From;

    fn new(capacity: usize) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let file = Scratch(directory.join(name("ipmpsc")));
        // In front of each item are its length, and that of its bytes.
        let size = capacity * (size_of::<T>() + 16);
        let buffer = SharedRingBuffer::create(file.path()?, u32::try_from(size)?)?;
        Ok(Self { file, buffer })
    }

    fn sender(&self) -> Result<To<T>> {
        Ok(To(ipmpsc::Sender::new(self.buffer.clone()), PhantomData))
    }

    fn receiver(&self) -> Result<From> {
        Ok(From(ipmpsc::Receiver::new(SharedRingBuffer::open(self.file.path()?)?)))
    }
}

impl<T: Item> Sender for To<T> {
    fn send(&mut self, number: u64) {
        self.0.send(&Bytes::new(T::new(number).bytes())).expect("the receiver lives");
    }
}

impl Receiver for From {
    fn receive(&mut self) -> u64 {
        // What borrows from the ring is read there: without a copy, as its documentation shows.
        let mut context = self.0.zero_copy_context();
        let bytes: &[u8] = context.recv().expect("the sender lives");
        number_of(bytes)
    }
}
