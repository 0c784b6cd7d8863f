//! What carries typed values, as lanes.

use std::marker::PhantomData;

use anyhow::Result;
use sysv_ipc::MessageQueue;
use sysv_primitives::{Channel, Message, TypedQueue};

use super::{Job, Plain, channel, job};
use crate::{
    harness::{
        Kind,
        objects::{Removed, queue},
    },
    lanes::{Lane, Lines, Receiver, Sender},
};

/// A value of 64 bytes that has a number.
pub(super) trait Numbered: Message + 'static {
    const IN_CHANNEL: &'static str;
    const IN_QUEUE: &'static str;

    fn new(number: u64) -> Self;
    fn number(&self) -> u64;
}

impl Numbered for Job {
    const IN_CHANNEL: &'static str = "channel";
    const IN_QUEUE: &'static str = "TypedQueue";

    fn new(number: u64) -> Self {
        job(number)
    }

    fn number(&self) -> u64 {
        self.number & !(1 << 40)
    }
}

impl Numbered for Plain {
    const IN_CHANNEL: &'static str = "channel, codec pod";
    const IN_QUEUE: &'static str = "TypedQueue, codec pod";

    fn new(number: u64) -> Self {
        Self { number, rest: [number; 7] }
    }

    fn number(&self) -> u64 {
        self.number
    }
}

/// A channel of such values.
pub(super) struct InChannel<M>(Channel, PhantomData<M>);

/// A kernel queue of such values.
pub(super) struct InQueue<M>(Removed<MessageQueue>, PhantomData<M>);

/// Either end.
pub(super) struct End<C, M>(C, PhantomData<M>);

impl<M: Numbered> Lane<Lines<1>> for InChannel<M> {
    const NAME: &'static str = M::IN_CHANNEL;
    const KIND: Kind = Kind::Ours;
    type Sender = End<Channel, M>;
    type Receiver = End<Channel, M>;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(channel(1 << 20)?, PhantomData))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(End(self.0.clone(), PhantomData))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        self.sender()
    }
}

impl<M: Numbered> Sender for End<Channel, M> {
    #[inline]
    fn send(&mut self, number: u64) {
        self.0.send(&M::new(number)).expect("the peers live");
    }
}

impl<M: Numbered> Receiver for End<Channel, M> {
    #[inline]
    fn receive(&mut self) -> u64 {
        self.0.recv::<M>().expect("it comes").number()
    }
}

impl<M: Numbered> Lane<Lines<1>> for InQueue<M> {
    const NAME: &'static str = M::IN_QUEUE;
    const KIND: Kind = Kind::Ours;
    type Sender = End<TypedQueue, M>;
    type Receiver = End<TypedQueue, M>;

    fn new(_: usize) -> Result<Self> {
        Ok(Self(queue()?, PhantomData))
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(End(TypedQueue::new((*self.0).clone())?, PhantomData))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        self.sender()
    }
}

impl<M: Numbered> Sender for End<TypedQueue, M> {
    #[inline]
    fn send(&mut self, number: u64) {
        self.0.send(&M::new(number)).expect("the peers live");
    }
}

impl<M: Numbered> Receiver for End<TypedQueue, M> {
    #[inline]
    fn receive(&mut self) -> u64 {
        self.0.recv::<M>().expect("it comes").number()
    }
}
