//! Our ring from one to all.

use anyhow::Result;
use sysv_primitives::broadcast;

use super::{Item, Lane, Receiver, Sender};
use crate::{harness::Kind, rows::name};

/// Lossless: the sender waits for the slowest.
pub(crate) struct All<T: Item>(broadcast::Ring<T>);

pub(crate) struct To<T: Item>(broadcast::Producer<T>);
pub(crate) struct From<T: Item>(broadcast::Subscriber<T>);

impl<T: Item> Lane<T> for All<T> {
    const NAME: &'static str = "broadcast ring";
    const KIND: Kind = Kind::Ours;
    type Sender = To<T>;
    type Receiver = From<T>;

    fn new(capacity: usize) -> Result<Self> {
        Ok(Self(broadcast::Ring::options().remove_on_drop(true).create(&name("broadcast"), capacity)?))
    }

    fn sender(&self) -> Result<To<T>> {
        Ok(To(self.0.producer()?))
    }

    fn receiver(&self) -> Result<From<T>> {
        Ok(From(self.0.subscriber()?))
    }
}

impl<T: Item> Sender for To<T> {
    #[inline]
    fn send(&mut self, number: u64) {
        self.0.push(T::new(number)).expect("the ring stays");
    }
}

impl<T: Item> Receiver for From<T> {
    #[inline]
    fn receive(&mut self) -> u64 {
        if !T::IS_READ_IN_PLACE {
            return self.0.pop().expect("the ring stays").number();
        }
        let items = self.0.peek(1).expect("the ring stays");
        let number = items.as_slices().0[0].number();
        items.consume_all();
        number
    }
}
