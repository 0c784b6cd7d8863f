//! ipmpsc: any number of producers, one consumer, anything that serde knows.

use anyhow::Result;
use ipmpsc::SharedRingBuffer;

use super::{Item, Lane, Receiver, Sender};

pub(crate) struct Ipmpsc {
    path: String,
    buffer: SharedRingBuffer,
}

pub(crate) struct To<const WORDS: usize>(ipmpsc::Sender);
pub(crate) struct From<const WORDS: usize>(ipmpsc::Receiver);

impl<const WORDS: usize> Lane<WORDS> for Ipmpsc {
    const NAME: &'static str = "ipmpsc";
    type Sender = To<WORDS>;
    type Receiver = From<WORDS>;

    fn new(capacity: usize) -> Result<Self> {
        let (path, buffer) = SharedRingBuffer::create_temp(u32::try_from(capacity * (8 * WORDS + 16))?)?;
        Ok(Self { path, buffer })
    }

    fn sender(&self) -> Result<To<WORDS>> {
        Ok(To(ipmpsc::Sender::new(self.buffer.clone())))
    }

    fn receiver(&self) -> Result<From<WORDS>> {
        Ok(From(ipmpsc::Receiver::new(SharedRingBuffer::open(&self.path)?)))
    }
}

impl<const WORDS: usize> Sender for To<WORDS> {
    fn send(&mut self, number: u64) {
        self.0.send(&Item::<WORDS>::new(number)).expect("the receiver lives");
    }
}

impl<const WORDS: usize> Receiver for From<WORDS> {
    fn receive(&mut self) -> u64 {
        // What borrows from the ring is read there: without a copy, as its documentation shows.
        let mut context = self.0.zero_copy_context();
        let item: Item<WORDS> = context.recv().expect("the sender lives");
        item.number()
    }
}
