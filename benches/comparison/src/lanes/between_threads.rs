//! Queues between threads of one process: what is had without crossing to another.

use std::sync::Arc;

use anyhow::Result;
use crossbeam_channel as channel;
use crossbeam_queue::ArrayQueue;

use super::{Item, Lane, Once, Receiver, Sender, look_again};
use crate::harness::Kind;

pub(crate) struct Rtrb<T: Item> {
    producer: Once<rtrb::Producer<T>>,
    consumer: Once<rtrb::Consumer<T>>,
}

impl<T: Item> Lane<T> for Rtrb<T> {
    const NAME: &'static str = "rtrb, between threads";
    const KIND: Kind = Kind::Floor;
    type Sender = rtrb::Producer<T>;
    type Receiver = rtrb::Consumer<T>;

    fn new(capacity: usize) -> Result<Self> {
        let (producer, consumer) = rtrb::RingBuffer::new(capacity);
        Ok(Self { producer: Once::new(producer), consumer: Once::new(consumer) })
    }

    fn sender(&self) -> Result<Self::Sender> {
        self.producer.take()
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        self.consumer.take()
    }
}

impl<T: Item> Sender for rtrb::Producer<T> {
    #[inline]
    fn send(&mut self, number: u64) {
        look_again(|| self.push(T::new(number)).ok());
    }
}

impl<T: Item> Receiver for rtrb::Consumer<T> {
    #[inline]
    fn receive(&mut self) -> u64 {
        look_again(|| {
            if !T::IS_READ_IN_PLACE {
                return Some(self.pop().ok()?.number());
            }
            let chunk = self.read_chunk(1).ok()?;
            let number = chunk.as_slices().0[0].number();
            chunk.commit_all();
            Some(number)
        })
    }
}

pub(crate) struct Queue<T: Item>(Arc<ArrayQueue<T>>);

impl<T: Item> Lane<T> for Queue<T> {
    const NAME: &'static str = "crossbeam ArrayQueue, between threads";
    const KIND: Kind = Kind::Floor;
    type Sender = Arc<ArrayQueue<T>>;
    type Receiver = Arc<ArrayQueue<T>>;

    fn new(capacity: usize) -> Result<Self> {
        Ok(Self(Arc::new(ArrayQueue::new(capacity))))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(Arc::clone(&self.0))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(Arc::clone(&self.0))
    }
}

impl<T: Item> Sender for Arc<ArrayQueue<T>> {
    #[inline]
    fn send(&mut self, number: u64) {
        look_again(|| self.push(T::new(number)).ok());
    }
}

impl<T: Item> Receiver for Arc<ArrayQueue<T>> {
    #[inline]
    fn receive(&mut self) -> u64 {
        look_again(|| self.pop()).number()
    }
}

pub(crate) struct Bounded<T: Item>(channel::Sender<T>, channel::Receiver<T>);

impl<T: Item> Lane<T> for Bounded<T> {
    const NAME: &'static str = "crossbeam channel, between threads";
    const KIND: Kind = Kind::Floor;
    type Sender = channel::Sender<T>;
    type Receiver = channel::Receiver<T>;

    fn new(capacity: usize) -> Result<Self> {
        let (sender, receiver) = channel::bounded(capacity);
        Ok(Self(sender, receiver))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(self.0.clone())
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(self.1.clone())
    }
}

impl<T: Item> Sender for channel::Sender<T> {
    #[inline]
    fn send(&mut self, number: u64) {
        channel::Sender::send(self, T::new(number)).expect("the receiver lives");
    }
}

impl<T: Item> Receiver for channel::Receiver<T> {
    #[inline]
    fn receive(&mut self) -> u64 {
        self.recv().expect("the sender lives").number()
    }
}
