//! Sending and receiving on each lane. An item begins with its number, or with as much of it as it has room for.

use std::{
    fs::{File, OpenOptions},
    hint::black_box,
    io::{Read, Write},
};

use sysv_primitives::{
    Channel, Route, mpmc,
    raw::{MessageBuffer, MessageQueue, MessageType, Selector},
    spsc,
};

use crate::failed::{Failed, Result};

/// The end that sends.
pub(super) trait Transmit {
    fn send(&mut self, number: u64) -> Result<()>;
}

/// The end that receives.
pub(super) trait Obtain {
    /// Returns the number of the item.
    fn receive(&mut self) -> Result<u64>;
}

/// Puts a number at the beginning of an item.
fn mark(item: &mut [u8], number: u64) {
    let len = item.len().min(8);
    item[..len].copy_from_slice(&number.to_le_bytes()[..len]);
}

fn number_of(item: &[u8]) -> u64 {
    let mut number = [0; 8];
    let len = item.len().min(8);
    number[..len].copy_from_slice(&black_box(item)[..len]);
    u64::from_le_bytes(number)
}

macro_rules! ring_ends {
    ($shape:ident, $sender:ident, $receiver:ident) => {
        pub(super) struct $sender<const SLOT: usize> {
            producer: $shape::Producer<[u8; SLOT]>,
            item: [u8; SLOT],
        }

        impl<const SLOT: usize> $sender<SLOT> {
            pub(super) fn open(name: &str) -> Result<Self> {
                let ring = $shape::Ring::<[u8; SLOT]>::open(name).map_err(Failed::refused)?;
                Ok(Self { producer: ring.producer().map_err(Failed::refused)?, item: [7; SLOT] })
            }
        }

        impl<const SLOT: usize> Transmit for $sender<SLOT> {
            fn send(&mut self, number: u64) -> Result<()> {
                mark(&mut self.item, number);
                self.producer.push(self.item).map_err(|error| Failed::refused(error.to_string()))
            }
        }

        pub(super) struct $receiver<const SLOT: usize>($shape::Consumer<[u8; SLOT]>);

        impl<const SLOT: usize> $receiver<SLOT> {
            pub(super) fn open(name: &str) -> Result<Self> {
                let ring = $shape::Ring::<[u8; SLOT]>::open(name).map_err(Failed::refused)?;
                Ok(Self(ring.consumer().map_err(Failed::refused)?))
            }
        }

        impl<const SLOT: usize> Obtain for $receiver<SLOT> {
            fn receive(&mut self) -> Result<u64> {
                Ok(number_of(&self.0.pop().map_err(Failed::refused)?))
            }
        }
    };
}

ring_ends!(spsc, SpscSender, SpscReceiver);
ring_ends!(mpmc, MpmcSender, MpmcReceiver);

const ROUTE: Route = Route::new(1);

pub(super) struct ChannelSender {
    channel: Channel,
    item: Vec<u8>,
}

impl ChannelSender {
    pub(super) fn open(name: &str, size: usize) -> Result<Self> {
        Ok(Self { channel: Channel::open(name).map_err(Failed::refused)?, item: vec![7; size] })
    }
}

impl Transmit for ChannelSender {
    fn send(&mut self, number: u64) -> Result<()> {
        mark(&mut self.item, number);
        self.channel.send_raw(ROUTE, &self.item).map_err(Failed::refused)
    }
}

pub(super) struct ChannelReceiver(Channel);

impl ChannelReceiver {
    pub(super) fn open(name: &str) -> Result<Self> {
        Ok(Self(Channel::open(name).map_err(Failed::refused)?))
    }
}

impl Obtain for ChannelReceiver {
    fn receive(&mut self) -> Result<u64> {
        Ok(number_of(&self.0.recv_raw(ROUTE).map_err(Failed::refused)?))
    }
}

fn queue_of(id: &str) -> Result<MessageQueue> {
    let id = id.parse().map_err(|_| Failed::Usage(format!("no id of a queue: {id}")))?;
    Ok(MessageQueue::from_id(id)?)
}

pub(super) struct QueueSender {
    queue: MessageQueue,
    message: MessageBuffer,
}

impl QueueSender {
    pub(super) fn open(id: &str, size: usize) -> Result<Self> {
        Ok(Self { queue: queue_of(id)?, message: MessageBuffer::new(MessageType::ONE, &vec![7; size]) })
    }
}

impl Transmit for QueueSender {
    fn send(&mut self, number: u64) -> Result<()> {
        mark(self.message.bytes_mut(), number);
        Ok(self.queue.send(&self.message)?)
    }
}

pub(super) struct QueueReceiver {
    queue: MessageQueue,
    message: MessageBuffer,
}

impl QueueReceiver {
    pub(super) fn open(id: &str, size: usize) -> Result<Self> {
        Ok(Self { queue: queue_of(id)?, message: MessageBuffer::with_capacity(MessageType::ONE, size) })
    }
}

impl Obtain for QueueReceiver {
    fn receive(&mut self) -> Result<u64> {
        self.queue.receive_into(&mut self.message, Selector::Any)?;
        Ok(number_of(self.message.bytes()))
    }
}

pub(super) struct PipeSender {
    pipe: File,
    item: Vec<u8>,
}

impl PipeSender {
    pub(super) fn open(path: &str, size: usize) -> Result<Self> {
        Ok(Self { pipe: OpenOptions::new().write(true).open(path)?, item: vec![7; size] })
    }
}

impl Transmit for PipeSender {
    fn send(&mut self, number: u64) -> Result<()> {
        mark(&mut self.item, number);
        Ok(self.pipe.write_all(&self.item)?)
    }
}

pub(super) struct PipeReceiver {
    pipe: File,
    item: Vec<u8>,
}

impl PipeReceiver {
    pub(super) fn open(path: &str, size: usize) -> Result<Self> {
        Ok(Self { pipe: File::open(path)?, item: vec![0; size] })
    }
}

impl Obtain for PipeReceiver {
    fn receive(&mut self) -> Result<u64> {
        self.pipe.read_exact(&mut self.item)?;
        Ok(number_of(&self.item))
    }
}
