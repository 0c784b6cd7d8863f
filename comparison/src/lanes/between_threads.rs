//! Queues between threads of one process: what is had without crossing to another.

use std::{hint::spin_loop, sync::Arc};

use anyhow::Result;
use crossbeam_channel as channel;
use crossbeam_queue::ArrayQueue;

use super::{IN_PLACE, Item, Lane, Once, Receiver, Sender};

pub(crate) struct Rtrb<const WORDS: usize> {
    producer: Once<rtrb::Producer<Item<WORDS>>>,
    consumer: Once<rtrb::Consumer<Item<WORDS>>>,
}

impl<const WORDS: usize> Lane<WORDS> for Rtrb<WORDS> {
    const NAME: &'static str = "rtrb, between threads";
    type Sender = rtrb::Producer<Item<WORDS>>;
    type Receiver = rtrb::Consumer<Item<WORDS>>;

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

impl<const WORDS: usize> Sender for rtrb::Producer<Item<WORDS>> {
    #[inline]
    fn send(&mut self, number: u64) {
        while self.push(Item::new(number)).is_err() {
            spin_loop();
        }
    }
}

impl<const WORDS: usize> Receiver for rtrb::Consumer<Item<WORDS>> {
    #[inline]
    fn receive(&mut self) -> u64 {
        loop {
            if WORDS < IN_PLACE {
                if let Ok(item) = self.pop() {
                    return item.number();
                }
            } else if let Ok(chunk) = self.read_chunk(1) {
                let number = chunk.as_slices().0[0].number();
                chunk.commit_all();
                return number;
            }
            spin_loop();
        }
    }
}

pub(crate) struct Queue<const WORDS: usize>(Arc<ArrayQueue<Item<WORDS>>>);

impl<const WORDS: usize> Lane<WORDS> for Queue<WORDS> {
    const NAME: &'static str = "crossbeam ArrayQueue, between threads";
    type Sender = Arc<ArrayQueue<Item<WORDS>>>;
    type Receiver = Arc<ArrayQueue<Item<WORDS>>>;

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

impl<const WORDS: usize> Sender for Arc<ArrayQueue<Item<WORDS>>> {
    #[inline]
    fn send(&mut self, number: u64) {
        while self.push(Item::new(number)).is_err() {
            spin_loop();
        }
    }
}

impl<const WORDS: usize> Receiver for Arc<ArrayQueue<Item<WORDS>>> {
    #[inline]
    fn receive(&mut self) -> u64 {
        loop {
            if let Some(item) = self.pop() {
                return item.number();
            }
            spin_loop();
        }
    }
}

pub(crate) struct Bounded<const WORDS: usize>(channel::Sender<Item<WORDS>>, channel::Receiver<Item<WORDS>>);

impl<const WORDS: usize> Lane<WORDS> for Bounded<WORDS> {
    const NAME: &'static str = "crossbeam channel, between threads";
    type Sender = channel::Sender<Item<WORDS>>;
    type Receiver = channel::Receiver<Item<WORDS>>;

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

impl<const WORDS: usize> Sender for channel::Sender<Item<WORDS>> {
    #[inline]
    fn send(&mut self, number: u64) {
        channel::Sender::send(self, Item::new(number)).expect("the receiver lives");
    }
}

impl<const WORDS: usize> Receiver for channel::Receiver<Item<WORDS>> {
    #[inline]
    fn receive(&mut self) -> u64 {
        self.recv().expect("the sender lives").number()
    }
}
