//! shmem-ipc: a ring between processes that don't trust each other, with an eventfd for either side.

use anyhow::Result;
use shmem_ipc::sharedring;

use super::{Item, Lane, Once, Receiver, Sender};

/// Words go through it, as many for each item as it has; at the end of its memory, which is rounded up to pages, an item
/// goes in two parts.
pub(crate) struct ShmemIpc<const WORDS: usize> {
    sender: Once<sharedring::Sender<u64>>,
    receiver: Once<sharedring::Receiver<u64>>,
}

pub(crate) struct To<const WORDS: usize>(sharedring::Sender<u64>);
pub(crate) struct From<const WORDS: usize>(sharedring::Receiver<u64>);

impl<const WORDS: usize> Lane<WORDS> for ShmemIpc<WORDS> {
    const NAME: &'static str = "shmem-ipc";
    type Sender = To<WORDS>;
    type Receiver = From<WORDS>;

    fn new(capacity: usize) -> Result<Self> {
        let sender = sharedring::Sender::new(capacity * WORDS)?;
        let memory = sender.memfd().as_file().try_clone()?;
        let signals = (sender.empty_signal().try_clone()?, sender.full_signal().try_clone()?);
        let receiver = sharedring::Receiver::open(capacity * WORDS, memory, signals.0, signals.1)?;
        Ok(Self { sender: Once::new(sender), receiver: Once::new(receiver) })
    }

    fn sender(&self) -> Result<Self::Sender> {
        Ok(To(self.sender.take()?))
    }

    fn receiver(&self) -> Result<Self::Receiver> {
        Ok(From(self.receiver.take()?))
    }
}

impl<const WORDS: usize> Sender for To<WORDS> {
    #[inline]
    fn send(&mut self, number: u64) {
        let item = Item::<WORDS>::new(number);
        let mut left = WORDS;
        loop {
            let write = |room: &mut [u64]| {
                let count = room.len().min(left);
                room[..count].copy_from_slice(&item.words()[WORDS - left..][..count]);
                left -= count;
                count
            };
            // SAFETY: there is one sender and one receiver, made together.
            #[allow(unsafe_code, reason = "it is how an item is written in place")]
            let status = unsafe { self.0.send_trusted(write) }.expect("the receiver lives");
            if left == 0 {
                return;
            }
            if status.remaining == 0 {
                self.0.block_until_writable().expect("the receiver lives");
            }
        }
    }
}

impl<const WORDS: usize> Receiver for From<WORDS> {
    #[inline]
    fn receive(&mut self) -> u64 {
        let (mut number, mut left) = (None, WORDS);
        loop {
            let read = |words: &[u64]| {
                let count = words.len().min(left);
                let number = *number.get_or_insert(words[0]);
                let difference = words[..count].iter().fold(0, |difference, word| difference | (word ^ number));
                assert!(difference == 0, "an item is torn");
                left -= count;
                count
            };
            // SAFETY: there is one sender and one receiver, made together.
            #[allow(unsafe_code, reason = "it is how an item is read in place")]
            let status = unsafe { self.0.receive_trusted(read) }.expect("the sender lives");
            if let (Some(number), 0) = (number, left) {
                return number;
            }
            if status.remaining == 0 {
                self.0.block_until_readable().expect("the sender lives");
            }
        }
    }
}
