//! shmem-ipc: a ring between processes that don't trust each other, with an eventfd for either side.

use anyhow::Result;
use bytemuck::bytes_of;
use shmem_ipc::sharedring;

use super::{Item, Lane, Once, Receiver, Sender, item::number_of};

/// Whole items go through it, and are read in place.
pub(crate) struct ShmemIpc<T: Item> {
    sender: Once<sharedring::Sender<T::Bare>>,
    receiver: Once<sharedring::Receiver<T::Bare>>,
}

pub(crate) struct To<T: Item>(sharedring::Sender<T::Bare>);
pub(crate) struct From<T: Item>(sharedring::Receiver<T::Bare>);

impl<T: Item> Lane<T> for ShmemIpc<T> {
    const NAME: &'static str = "shmem-ipc";
    type Sender = To<T>;
    type Receiver = From<T>;

    fn new(capacity: usize) -> Result<Self> {
        let sender = sharedring::Sender::new(capacity)?;
        let memory = sender.memfd().as_file().try_clone()?;
        let signals = (sender.empty_signal().try_clone()?, sender.full_signal().try_clone()?);
        let receiver = sharedring::Receiver::open(capacity, memory, signals.0, signals.1)?;
        Ok(Self { sender: Once::new(sender), receiver: Once::new(receiver) })
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(To(self.sender.take()?))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(From(self.receiver.take()?))
    }
}

impl<T: Item> Sender for To<T> {
    #[inline]
    fn send(&mut self, number: u64) {
        let (item, mut is_sent) = (T::new(number).bare(), false);
        loop {
            let write = |room: &mut [T::Bare]| {
                room[0] = item;
                is_sent = true;
                1
            };
            // SAFETY: there is one sender and one receiver, made together.
            #[allow(unsafe_code, reason = "it is how an item is written in place")]
            unsafe { self.0.send_trusted(write) }.expect("the receiver lives");
            if is_sent {
                return;
            }
            self.0.block_until_writable().expect("the receiver lives");
        }
    }
}

impl<T: Item> Receiver for From<T> {
    #[inline]
    fn receive(&mut self) -> u64 {
        let mut number = None;
        loop {
            let read = |items: &[T::Bare]| {
                number = Some(number_of(bytes_of(&items[0])));
                1
            };
            // SAFETY: there is one sender and one receiver, made together.
            #[allow(unsafe_code, reason = "it is how an item is read in place")]
            unsafe { self.0.receive_trusted(read) }.expect("the sender lives");
            if let Some(number) = number {
                return number;
            }
            self.0.block_until_readable().expect("the sender lives");
        }
    }
}
