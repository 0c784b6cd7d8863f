//! Our ring from any number to any number.

use anyhow::Result;
use sysv_primitives::{Options, mpmc};

use super::{IN_PLACE, Item, Lane, Receiver, Sender};
use crate::{harness::Kind, rows::name};

/// `LOOKS`: whoever waits looks again and again, and never sleeps.
pub(crate) struct Any<const WORDS: usize, const LOOKS: bool = false>(mpmc::Ring<Item<WORDS>>);

pub(crate) struct To<const WORDS: usize>(mpmc::Producer<Item<WORDS>>);
pub(crate) struct From<const WORDS: usize, const LOOKS: bool>(mpmc::Consumer<Item<WORDS>>);

impl<const WORDS: usize, const LOOKS: bool> Lane<WORDS> for Any<WORDS, LOOKS> {
    const NAME: &'static str = "mpmc ring";
    const KIND: Kind = Kind::Ours;
    type Sender = To<WORDS>;
    type Receiver = From<WORDS, LOOKS>;

    fn new(capacity: usize) -> Result<Self> {
        Ok(Self(Options::new().remove_on_drop(true).create_mpmc(&name("mpmc"), capacity)?))
    }

    fn sender(&self) -> Result<To<WORDS>> {
        Ok(To(self.0.producer()?))
    }

    fn receiver(&self) -> Result<From<WORDS, LOOKS>> {
        Ok(From(self.0.consumer()?))
    }
}

impl<const WORDS: usize> Sender for To<WORDS> {
    #[inline]
    fn send(&mut self, number: u64) {
        self.0.push(Item::new(number)).expect("the ring stays");
    }
}

impl<const WORDS: usize, const LOOKS: bool> Receiver for From<WORDS, LOOKS> {
    #[inline]
    fn receive(&mut self) -> u64 {
        if LOOKS {
            loop {
                match self.0.try_pop() {
                    Ok(item) => return item.number(),
                    Err(_) => std::hint::spin_loop(),
                }
            }
        }
        if WORDS < IN_PLACE {
            return self.0.pop().expect("the ring stays").number();
        }
        self.0.claim().expect("the ring stays").number()
    }
}
