//! Lanes: each way to carry items from one side to another, used as its own documentation advises.
//!
//! A sender makes an item in its own memory and hands it over; a receiver reads all of it, in place where the lane lets
//! it. Every item says in each of its words which number it is, and that is checked. (Items of some KiB that are made in
//! shared memory word by word are slower with every lane where lines cross slowly between processors, twice as slow or
//! more: a copy needs not fetch a line that it overwrites.)

mod any;
mod bare;
mod between_threads;
mod iceoryx;
mod kernel;
mod multi_producer;
mod one;
mod shmem;

use std::{
    cell::RefCell,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytemuck::{Pod, Zeroable};
use hdrhistogram::Histogram;
use iceoryx2::prelude::ZeroCopySend;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(crate) use any::Any;
pub(crate) use bare::{Futex, Line, Memory};
pub(crate) use between_threads::{Bounded, Queue, Rtrb};
pub(crate) use iceoryx::Iceoryx;
pub(crate) use kernel::{Pipe, Posix, Socket, SystemV};
pub(crate) use multi_producer::Ipmpsc;
pub(crate) use one::One;
pub(crate) use shmem::ShmemIpc;

use crate::harness::{Alternative, Kind, gate::Other};

/// From so many words on an item is read in place by those who can; smaller ones are taken out.
const IN_PLACE: usize = 64;

/// What is carried.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(crate) struct Item<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Item<WORDS> {
    #[inline]
    pub(crate) fn new(number: u64) -> Self {
        Self([number; WORDS])
    }

    /// Reads all of it, and returns its number.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        let number = self.0[0];
        assert!(self.0.iter().fold(0, |difference, word| difference | (word ^ number)) == 0, "an item is torn");
        number
    }

    fn words(&self) -> &[u64; WORDS] {
        &self.0
    }

    fn bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }
}

// SAFETY: it is an array of integers, which means the same in every process.
#[allow(unsafe_code, reason = "a promise that the derive can't make for any number of words")]
unsafe impl<const WORDS: usize> ZeroCopySend for Item<WORDS> {}

impl<const WORDS: usize> Serialize for Item<WORDS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.bytes())
    }
}

impl<'de, const WORDS: usize> Deserialize<'de> for Item<WORDS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        bytemuck::try_pod_read_unaligned(bytes).map_err(|_| de::Error::invalid_length(bytes.len(), &"an item"))
    }
}

/// Where items are put.
pub(crate) trait Sender {
    /// Makes the item of this number, and sends it; waits for room as the lane does.
    fn send(&mut self, number: u64);
}

/// Where items come out.
pub(crate) trait Receiver {
    /// Waits for an item as the lane does, reads it, and returns its number.
    fn receive(&mut self) -> u64;
}

/// A way from one side to the other, for items of so many words.
pub(crate) trait Lane<const WORDS: usize>: Sized {
    const NAME: &'static str;
    const KIND: Kind = Kind::Rival;
    type Sender: Sender;
    type Receiver: Receiver;

    /// Makes one for so many items; whoever forks afterwards shares it.
    fn new(capacity: usize) -> Result<Self>;

    /// Opens the sending end, once in each process.
    fn sender(&self) -> Result<Self::Sender>;

    /// Opens the receiving end, once in each process.
    fn receiver(&self) -> Result<Self::Receiver>;
}

/// An end that was made together with the other, and is taken once.
struct Once<T>(RefCell<Option<T>>);

impl<T> Once<T> {
    fn new(value: T) -> Self {
        Self(RefCell::new(Some(value)))
    }

    fn take(&self) -> Result<T> {
        self.0.borrow_mut().take().context("this end is taken")
    }
}

fn serve(mut receiver: impl Receiver) -> impl FnMut(u64) {
    move |count| (0..count).for_each(|number| assert_eq!(receiver.receive(), number, "an item is lost"))
}

fn drive<'a, const WORDS: usize, L: Lane<WORDS>>(lane: &L, other: Other) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
{
    let mut sender = lane.sender().context(L::NAME)?;
    let run = move |count| other.run(count, || (0..count).for_each(|number| sender.send(number)));
    Ok(Alternative::new(L::NAME, run).kind(L::KIND))
}

/// Items from this process to another.
pub(crate) fn stream<'a, const WORDS: usize, L: Lane<WORDS> + 'a>(capacity: usize) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
{
    let lane = L::new(capacity).context(L::NAME)?;
    let other = Other::process(|| serve(lane.receiver().expect("it can be had")));
    let alternative = drive(&lane, other)?;
    Ok(alternative.keeping(lane))
}

/// Items from this thread to another.
pub(crate) fn stream_to_thread<'a, const WORDS: usize, L: Lane<WORDS>>(capacity: usize) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
    L::Receiver: Send + 'static,
{
    let lane = L::new(capacity).context(L::NAME)?;
    drive(&lane, Other::thread(serve(lane.receiver()?)))
}

/// Trips of more than a minute are noted as one.
const LONGEST: u64 = 60_000_000_000;

/// Sends items one by one, each to a receiver that has had a while to fall asleep.
pub(crate) fn send_to_sleeper<const WORDS: usize, L: Lane<WORDS>>(count: u64) {
    let lane = L::new(16).expect("it can be made");
    let other = Other::process(|| serve(lane.receiver().expect("it can be had")));
    let mut sender = lane.sender().expect("it can be had");
    other.run(count, || {
        for number in 0..count {
            thread::sleep(Duration::from_millis(2));
            sender.send(number);
        }
    });
}

/// How long each single trip took.
pub(crate) type Trips = Rc<RefCell<Histogram<u64>>>;

/// One item there and one back, again and again.
pub(crate) struct ThereAndBack<'a> {
    pub(crate) alternative: Alternative<'a>,
    pub(crate) trips: Trips,
}

fn echo(mut from: impl Receiver, mut to: impl Sender) -> impl FnMut(u64) {
    move |count| (0..count).for_each(|_| to.send(from.receive()))
}

/// Something with an answer, again and again: `once` is told the number, and comes back with the answer.
pub(crate) fn timed<'a>(
    name: &str,
    kind: Kind,
    other: Other,
    mut once: impl FnMut(u64) + 'a,
) -> Result<ThereAndBack<'a>> {
    let trips = Trips::new(RefCell::new(Histogram::new_with_bounds(1, LONGEST, 3)?));
    let noted = Rc::clone(&trips);
    let alternative = Alternative::new(name, move |count| {
        let mut noted = noted.borrow_mut();
        other.run(count, || {
            for number in 0..count {
                let begun = Instant::now();
                once(number);
                noted.saturating_record(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
            }
        });
    });
    Ok(ThereAndBack { alternative: alternative.kind(kind), trips })
}

fn trips<'a, const WORDS: usize, L: Lane<WORDS>>(there: &L, back: &L, other: Other) -> Result<ThereAndBack<'a>>
where
    L::Sender: 'a,
    L::Receiver: 'a,
{
    let (mut to, mut from) = (there.sender().context(L::NAME)?, back.receiver().context(L::NAME)?);
    timed(L::NAME, L::KIND, other, move |number| {
        to.send(number);
        assert_eq!(from.receive(), number, "an item is lost");
    })
}

/// Between this process and one on that processor.
pub(crate) fn there_and_back<'a, const WORDS: usize, L: Lane<WORDS> + 'a>(
    processor: usize,
) -> Result<ThereAndBack<'a>> {
    let (there, back) = (L::new(16).context(L::NAME)?, L::new(16).context(L::NAME)?);
    let other = Other::process_on(processor, || {
        echo(there.receiver().expect("it can be had"), back.sender().expect("it can be had"))
    });
    let ThereAndBack { alternative, trips } = trips(&there, &back, other)?;
    Ok(ThereAndBack { alternative: alternative.keeping((there, back)), trips })
}

/// Between this thread and another.
pub(crate) fn there_and_back_by_thread<'a, const WORDS: usize, L: Lane<WORDS>>() -> Result<ThereAndBack<'a>>
where
    L::Sender: Send + 'static,
    L::Receiver: Send + 'static,
{
    let (there, back) = (L::new(16)?, L::new(16)?);
    let other = Other::thread(echo(there.receiver()?, back.sender()?));
    trips(&there, &back, other)
}
