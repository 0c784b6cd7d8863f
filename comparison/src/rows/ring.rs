//! The rings beside `rtrb`, crossbeam's `ArrayQueue`, iceoryx2 and ipmpsc.
//!
//! `rtrb` and `ArrayQueue` work between threads of one process; all others between processes. Both sides are
//! pinned, each to a processor of its own. Every item carries its number, which is checked.

use std::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
    time::Duration,
};

use super::name;
use crate::{
    harness::{Alternative, compare, gate::Other},
    report::Section,
};
use anyhow::{Context, Result};
use crossbeam_queue::ArrayQueue;
use iceoryx2::{
    port::{publisher::Publisher, subscriber::Subscriber},
    prelude::*,
};
use sysv_ipc::{Key, SharedMemory, SharedMemoryOptions};
use sysv_primitives::{Options, mpmc, spsc};

const CAPACITY: usize = 1024;

type Item<const WORDS: usize> = [u64; WORDS];

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    set_log_level(LogLevel::Error);
    // Threads only after all processes are forked: each part ends its own.
    throughput::<1>(section)?;
    throughput::<8>(section)?;
    throughput::<32>(section)?;
    any_to_any::<1>(section)?;
    any_to_any::<8>(section)?;
    there_and_back(section)
}

fn check(number: u64, expected: u64) {
    assert_eq!(number, expected, "an item is lost");
}

/// One end of each pair of iceoryx2.
struct Ports<T: ZeroCopySend + core::fmt::Debug + 'static> {
    publisher: Option<Publisher<ipc::Service, T, ()>>,
    subscriber: Option<Subscriber<ipc::Service, T, ()>>,
    _node: Node<ipc::Service>,
}

/// Opens a service for items that must not be lost, as its documentation says: without overflow, and the
/// publisher waits for room.
fn iceoryx2<T: ZeroCopySend + core::fmt::Debug + 'static>(name: &str, publishes: bool) -> Result<Ports<T>> {
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let service = node
        .service_builder(&name.try_into()?)
        .publish_subscribe::<T>()
        .max_publishers(1)
        .max_subscribers(1)
        .subscriber_max_buffer_size(CAPACITY)
        .enable_safe_overflow(false)
        .open_or_create()?;
    let mut ports = Ports { publisher: None, subscriber: None, _node: node };
    if publishes {
        ports.publisher = Some(service.publisher_builder().create()?);
    } else {
        ports.subscriber = Some(service.subscriber_builder().buffer_size(CAPACITY).create()?);
    }
    Ok(ports)
}

impl<T: ZeroCopySend + core::fmt::Debug + Copy + 'static> Ports<T> {
    fn send(&self, item: T) {
        let publisher = self.publisher.as_ref().expect("this end publishes");
        let sample = publisher.loan_uninit().expect("there is a sample").write_payload(item);
        sample.send().expect("the subscriber lives");
    }

    fn try_receive(&self) -> Option<T> {
        let subscriber = self.subscriber.as_ref().expect("this end subscribes");
        subscriber.receive().expect("the publisher lives").map(|sample| *sample)
    }

    fn receive(&self) -> T {
        loop {
            if let Some(item) = self.try_receive() {
                return item;
            }
            spin_loop();
        }
    }
}

/// A stream of items from one to one.
fn throughput<const WORDS: usize>(section: &mut Section) -> Result<()>
where
    Item<WORDS>: ZeroCopySend + serde::Serialize + for<'a> serde::Deserialize<'a>,
{
    let ring: spsc::Ring<Item<WORDS>> = Options::new().remove_on_drop(true).create_spsc(&name("spsc"), CAPACITY)?;
    let ours = Other::process(|| {
        let mut consumer = ring.consumer().expect("it is free");
        move |count| (0..count).for_each(|number| check(consumer.pop().expect("the peer lives")[0], number))
    });
    let service = name("iceoryx2");
    let iceoryx2_peer = Other::process(|| {
        let ports = iceoryx2::<Item<WORDS>>(&service, false).expect("it can be opened");
        move |count| (0..count).for_each(|number| check(ports.receive()[0], number))
    });
    let (path, buffer) = ipmpsc::SharedRingBuffer::create_temp(u32::try_from(CAPACITY * (8 * WORDS + 8))?)?;
    let ipmpsc_peer = Other::process(|| {
        let buffer = ipmpsc::SharedRingBuffer::open(&path).expect("it is there");
        let receiver = ipmpsc::Receiver::new(buffer);
        move |count| {
            (0..count).for_each(|number| {
                let item: Item<WORDS> = receive(&receiver);
                check(item[0], number);
            });
        }
    });
    let ports = iceoryx2::<Item<WORDS>>(&service, true).context("iceoryx2")?;
    let sender = ipmpsc::Sender::new(buffer);
    let (mut to_thread, mut from_thread) = rtrb::RingBuffer::<Item<WORDS>>::new(CAPACITY);
    let thread = Other::thread(move |count| {
        for number in 0..count {
            let item = loop {
                match from_thread.pop() {
                    Ok(item) => break item,
                    Err(_) => spin_loop(),
                }
            };
            check(item[0], number);
        }
    });
    let mut producer = ring.producer()?;
    section.add(compare(
        &format!("one to one, items of {} bytes", 8 * WORDS),
        vec![
            Alternative::new("rtrb, between threads", |count| {
                thread.run(count, || {
                    for number in 0..count {
                        while to_thread.push([number; WORDS]).is_err() {
                            spin_loop();
                        }
                    }
                });
            }),
            Alternative::new("spsc ring", |count| {
                ours.run(count, || {
                    (0..count).for_each(|number| producer.push([number; WORDS]).expect("the peer lives"));
                });
            }),
            Alternative::new("iceoryx2 publish/subscribe", |count| {
                iceoryx2_peer.run(count, || (0..count).for_each(|number| ports.send([number; WORDS])));
            }),
            Alternative::new("ipmpsc", |count| {
                ipmpsc_peer.run(count, || {
                    (0..count).for_each(|number| sender.send(&Array([number; WORDS])).expect("the peer lives"));
                });
            }),
        ],
    ));
    Ok(())
}

/// Serde knows arrays up to 32 by length, not by constant.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Array<T>(T);

fn receive<T: for<'a> serde::Deserialize<'a>>(receiver: &ipmpsc::Receiver) -> T {
    receiver.recv().expect("the peer lives")
}

/// A stream of items through a queue that any number may use, by one on each side.
fn any_to_any<const WORDS: usize>(section: &mut Section) -> Result<()>
where
    Item<WORDS>: bytemuck::Pod,
{
    let ring: mpmc::Ring<Item<WORDS>> = Options::new().remove_on_drop(true).create_mpmc(&name("mpmc"), CAPACITY)?;
    let ours = Other::process(|| {
        let consumer = ring.consumer().expect("it can be had");
        move |count| (0..count).for_each(|number| check(consumer.pop().expect("the peer lives")[0], number))
    });
    let queue = Arc::new(ArrayQueue::<Item<WORDS>>::new(CAPACITY));
    let from_thread = Arc::clone(&queue);
    let thread = Other::thread(move |count| {
        for number in 0..count {
            let item = loop {
                match from_thread.pop() {
                    Some(item) => break item,
                    None => spin_loop(),
                }
            };
            check(item[0], number);
        }
    });
    let producer = ring.producer()?;
    section.add(compare(
        &format!("any to any, one on each side, items of {} bytes", 8 * WORDS),
        vec![
            Alternative::new("crossbeam ArrayQueue, between threads", |count| {
                thread.run(count, || {
                    for number in 0..count {
                        while queue.push([number; WORDS]).is_err() {
                            spin_loop();
                        }
                    }
                });
            }),
            Alternative::new("mpmc ring", |count| {
                ours.run(count, || {
                    (0..count).for_each(|number| producer.push([number; WORDS]).expect("the peer lives"));
                });
            }),
        ],
    ));
    Ok(())
}

fn memory() -> Result<SharedMemory> {
    let memory = SharedMemoryOptions::new().size(4096).open(Key::PRIVATE)?;
    memory.remove()?;
    Ok(memory)
}

/// One item there and one back; both sides look all the time.
fn there_and_back(section: &mut Section) -> Result<()> {
    let options = Options::new().remove_on_drop(true);
    let rings: [spsc::Ring<u64>; 2] =
        [options.create_spsc(&name("there"), CAPACITY)?, options.create_spsc(&name("back"), CAPACITY)?];
    let ours = Other::process(|| {
        let mut from = rings[0].consumer().expect("it is free");
        let mut to = rings[1].producer().expect("it is free");
        move |count| {
            for _ in 0..count {
                let ball = loop {
                    match from.try_pop() {
                        Ok(ball) => break ball,
                        Err(_) => spin_loop(),
                    }
                };
                to.try_push(ball).expect("there is room");
            }
        }
    });
    let services = [name("there"), name("back")];
    let iceoryx2_peer = Other::process(|| {
        let from = iceoryx2::<u64>(&services[0], false).expect("it can be opened");
        let to = iceoryx2::<u64>(&services[1], true).expect("it can be opened");
        move |count| (0..count).for_each(|_| to.send(from.receive()))
    });
    let bare = memory()?;
    let line = |side: usize| -> &AtomicU64 { bare.view(256 * side).expect("it fits") };
    let bare_peer = Other::process(|| {
        let mut last = 0;
        move |count| {
            for _ in 0..count {
                last += 1;
                while line(0).load(Acquire) != last {
                    spin_loop();
                }
                line(1).store(last, Release);
            }
        }
    });
    let to_iceoryx2 = iceoryx2::<u64>(&services[0], true)?;
    let from_iceoryx2 = iceoryx2::<u64>(&services[1], false)?;
    // So that each side has found the other.
    std::thread::sleep(Duration::from_millis(100));
    let (mut to, mut from) = (rings[0].producer()?, rings[1].consumer()?);
    let mut last = 0;
    section.add(compare(
        "there and back, both spinning",
        vec![
            Alternative::new("a bare cache line each way", |count| {
                bare_peer.run(count, || {
                    for _ in 0..count {
                        last += 1;
                        line(0).store(last, Release);
                        while line(1).load(Acquire) != last {
                            spin_loop();
                        }
                    }
                });
            }),
            Alternative::new("spsc ring each way", |count| {
                ours.run(count, || {
                    for number in 0..count {
                        to.try_push(number).expect("there is room");
                        let ball = loop {
                            match from.try_pop() {
                                Ok(ball) => break ball,
                                Err(_) => spin_loop(),
                            }
                        };
                        check(ball, number);
                    }
                });
            }),
            Alternative::new("iceoryx2 each way", |count| {
                iceoryx2_peer.run(count, || {
                    for number in 0..count {
                        to_iceoryx2.send(number);
                        check(from_iceoryx2.receive(), number);
                    }
                });
            }),
        ],
    ));
    Ok(())
}
