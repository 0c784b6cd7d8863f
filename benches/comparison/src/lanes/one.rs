//! Our ring from one to one.

use anyhow::Result;
use sysv_primitives::spsc;

use super::{Item, Lane, Receiver, Sender, look_again};
use crate::{harness::Kind, rows::name};

/// `LOOKS`: the waiter spins, and never sleeps.
pub(crate) struct One<T: Item, const LOOKS: bool = false>(spsc::Ring<T>);

pub(crate) struct To<T: Item>(spsc::Producer<T>);
pub(crate) struct From<T: Item, const LOOKS: bool>(spsc::Consumer<T>);

impl<T: Item, const LOOKS: bool> Lane<T> for One<T, LOOKS> {
    const NAME: &'static str = "spsc ring";
    const KIND: Kind = Kind::Ours;
    type Sender = To<T>;
    type Receiver = From<T, LOOKS>;

    fn new(capacity: usize) -> Result<Self> {
        Ok(Self(spsc::Ring::options().remove_on_drop(true).create(&name("spsc"), capacity)?))
    }

    fn sender(&self) -> Result<To<T>> {
        Ok(To(self.0.producer()?))
    }

    fn receiver(&self) -> Result<From<T, LOOKS>> {
        Ok(From(self.0.consumer()?))
    }
}

impl<T: Item> Sender for To<T> {
    #[inline]
    fn send(&mut self, number: u64) {
        self.0.push(T::new(number)).expect("the ring stays");
    }
}

impl<T: Item, const LOOKS: bool> Receiver for From<T, LOOKS> {
    #[inline]
    fn receive(&mut self) -> u64 {
        if LOOKS {
            return look_again(|| self.0.try_pop().ok()).number();
        }
        if !T::IS_READ_IN_PLACE {
            return self.0.pop().expect("the ring stays").number();
        }
        let items = self.0.peek(1).expect("the ring stays");
        let number = items.as_slices().0[0].number();
        items.consume_all();
        number
    }
}
