//! Rings beside what the kernel and the hardware offer. Rivals are in `comparison/`.
#![allow(unsafe_code, reason = "the bare limits are reached by address")]

mod harness;

use std::{
    hint::{black_box, spin_loop},
    io::{Read, Write},
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Release, SeqCst},
    },
};

use harness::{Alternative, Peer, compare, gate::Other};
use sysv_ipc::{Key, MessageBuffer, MessageQueueOptions, MessageType, Selector, SharedMemory, SharedMemoryOptions};
use sysv_primitives::{Error, Options, mpmc, spsc};

const CAPACITY: usize = 1024;

fn name(what: &str) -> String {
    format!("bench-ring-{}-{what}-{:x}", std::process::id(), fastrand::u32(..))
}

fn options() -> Options {
    Options::new().remove_on_drop(true)
}

fn new_spsc<T: bytemuck::Pod>(capacity: usize) -> spsc::Ring<T> {
    options().create_spsc(&name("spsc"), capacity).expect("the name is ours")
}

fn new_mpmc<T: bytemuck::Pod>(capacity: usize) -> mpmc::Ring<T> {
    options().create_mpmc(&name("mpmc"), capacity).expect("the name is ours")
}

fn memory(size: usize) -> SharedMemory {
    let memory = SharedMemoryOptions::new().size(size).open(Key::PRIVATE).expect("memory can be had");
    memory.remove().expect("it is ours");
    memory
}

fn main() -> Result<(), Error> {
    one_by_one::<8>()?;
    one_by_one::<64>()?;
    one_by_one::<512>()?;
    one_by_one::<8000>()?;
    slices::<1024>();
    slices::<8192>();
    slices::<65_536>();
    there_and_back_spinning();
    there_and_back_sleeping();
    crowds();
    Ok(())
}

/// The same items from one process to another, one by one.
fn one_by_one<const SIZE: usize>() -> Result<(), Error> {
    let (ring, any) = (new_spsc::<[u8; SIZE]>(CAPACITY), new_mpmc::<[u8; SIZE]>(CAPACITY));
    let queue = MessageQueueOptions::new().max_message_size(SIZE).open_random()?;
    let (mut from_pipe, mut to_pipe) = std::io::pipe().expect("a pipe can be had");
    let _peers = [
        Peer::start(|| {
            let mut consumer = ring.consumer().expect("it is free");
            while consumer.pop().is_ok() {}
        }),
        Peer::start(|| {
            let consumer = any.consumer().expect("it can be had");
            while consumer.pop().is_ok() {}
        }),
        Peer::start(|| {
            let mut buffer = MessageBuffer::new(MessageType::ONE, &[0; SIZE]);
            while queue.receive_into(&mut buffer, Selector::Any).is_ok() {}
        }),
        Peer::start(|| {
            let mut item = [0; SIZE];
            while from_pipe.read_exact(&mut item).is_ok() {}
        }),
    ];
    let mut producer = ring.producer()?;
    let any_producer = any.producer()?;
    let message = MessageBuffer::new(MessageType::ONE, &[1; SIZE]);
    compare(
        &format!("items of {SIZE} bytes, from process to process"),
        vec![
            Alternative::new("spsc ring", |count| {
                (0..count).for_each(|_| producer.push([1; SIZE]).expect("the peer lives"));
                while !ring.is_empty() {
                    spin_loop();
                }
            }),
            Alternative::new("mpmc ring", |count| {
                (0..count).for_each(|_| any_producer.push([1; SIZE]).expect("the peer lives"));
                while !any.is_empty() {
                    spin_loop();
                }
            }),
            Alternative::new("System V message queue", |count| {
                (0..count).for_each(|_| queue.send(&message).expect("the peer lives"));
            }),
            Alternative::new("pipe", |count| {
                (0..count).for_each(|_| to_pipe.write_all(&[1; SIZE]).expect("the peer lives"));
            }),
        ],
    );
    queue.remove()?;
    Ok(())
}

/// Blocks of bytes: beside one copy in and one copy out on two processors, which is all that memory can do.
fn slices<const SIZE: usize>() {
    const BLOCKS: usize = 16;
    let ring = new_spsc::<u8>(SIZE * BLOCKS);
    let bare = memory(SIZE * BLOCKS + 4096);
    let index = |side: usize| -> &AtomicU64 { bare.view(SIZE * BLOCKS + 1024 * side).expect("it fits") };
    let block = |number: u64| {
        let offset = usize::try_from(number).unwrap_or(0) % BLOCKS * SIZE;
        bare.as_mut_ptr().wrapping_add(offset)
    };
    let ours = Other::process(|| {
        let mut consumer = ring.consumer().expect("it is free");
        let mut bytes = vec![0; SIZE];
        move |count| {
            let mut left = usize::try_from(count).expect("it is small") * SIZE;
            while left > 0 {
                left -= consumer.pop_slice(&mut bytes).expect("the peer lives");
                black_box(&mut bytes);
            }
        }
    });
    let theirs = Other::process(|| {
        let mut bytes = vec![0_u8; SIZE];
        let mut number = 0;
        move |count| {
            for _ in 0..count {
                while index(0).load(Acquire) <= number {
                    spin_loop();
                }
                // SAFETY: the block was written, and is not written again before our index says so.
                unsafe { block(number).copy_to_nonoverlapping(bytes.as_mut_ptr(), SIZE) };
                black_box(&mut bytes);
                number += 1;
                index(1).store(number, Release);
            }
        }
    });
    let mut producer = ring.producer().expect("it is free");
    let mut number = 0;
    let bytes = vec![1_u8; SIZE];
    compare(
        &format!("{SIZE} bytes in and out"),
        vec![
            Alternative::new("two memcpys, and an index each", |count| {
                theirs.run(count, || {
                    for _ in 0..count {
                        while index(1).load(Acquire) + (BLOCKS as u64) <= number {
                            spin_loop();
                        }
                        // SAFETY: the block was read, and is not read again before our index says so.
                        unsafe { block(number).copy_from_nonoverlapping(bytes.as_ptr(), SIZE) };
                        number += 1;
                        index(0).store(number, Release);
                    }
                });
            }),
            Alternative::new("spsc push_slice and pop_slice", |count| {
                ours.run(count, || {
                    for _ in 0..count {
                        let mut rest = &bytes[..];
                        while !rest.is_empty() {
                            rest = &rest[producer.push_slice(rest).expect("the peer lives")..];
                        }
                    }
                });
            }),
        ],
    );
}

/// One item there and one back, both sides looking all the time.
fn there_and_back_spinning() {
    let bare = memory(4096);
    let line = |side: usize| -> &AtomicU64 { bare.view(256 * side).expect("it fits") };
    let (there, back) = (new_spsc::<u64>(CAPACITY), new_spsc::<u64>(CAPACITY));
    let (any_there, any_back) = (new_mpmc::<u64>(CAPACITY), new_mpmc::<u64>(CAPACITY));
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
    let peer = Other::process(|| {
        let (mut from, mut to) = (there.consumer().expect("it is free"), back.producer().expect("it is free"));
        move |count| (0..count).for_each(|_| to.try_push(look(|| from.try_pop())).expect("there is room"))
    });
    let any_peer = Other::process(|| {
        let (from, to) = (any_there.consumer().expect("it is there"), any_back.producer().expect("it is there"));
        move |count| (0..count).for_each(|_| to.try_push(look(|| from.try_pop())).expect("there is room"))
    });
    let (mut to, mut from) = (there.producer().expect("it is free"), back.consumer().expect("it is free"));
    let (any_to, any_from) = (any_there.producer().expect("it is there"), any_back.consumer().expect("it is there"));
    let mut last = 0;
    compare(
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
                peer.run(count, || {
                    for number in 0..count {
                        to.try_push(number).expect("there is room");
                        assert_eq!(look(|| from.try_pop()), number);
                    }
                });
            }),
            Alternative::new("mpmc ring each way", |count| {
                any_peer.run(count, || {
                    for number in 0..count {
                        any_to.try_push(number).expect("there is room");
                        assert_eq!(look(|| any_from.try_pop()), number);
                    }
                });
            }),
        ],
    );
}

/// Looks again and again until there is something.
fn look(mut look: impl FnMut() -> Result<u64, Error>) -> u64 {
    loop {
        match look() {
            Ok(found) => return found,
            Err(_) => spin_loop(),
        }
    }
}

fn futex(word: &AtomicU32, operation: libc::c_int, value: u32) {
    let timeout = std::ptr::null::<libc::timespec>();
    // SAFETY: the word is mapped as long as it is borrowed; the call has no other pointers.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, timeout) };
}

/// Waits by a futex until the word is not zero, and makes it zero.
fn sleep_on(word: &AtomicU32) {
    while word.swap(0, SeqCst) == 0 {
        futex(word, libc::FUTEX_WAIT, 0);
    }
}

fn wake(word: &AtomicU32) {
    word.store(1, SeqCst);
    futex(word, libc::FUTEX_WAKE, 1);
}

/// One item there and one back, each side asleep until it comes: on one processor, where nothing comes while one looks.
fn there_and_back_sleeping() {
    let bare = memory(4096);
    let line = |side: usize| -> &AtomicU32 { bare.view(256 * side).expect("it fits") };
    for (processor, title) in [(0, "there and back, asleep, on one processor"), (1, "there and back, asleep, on two")] {
        let (there, back) = (new_spsc::<u64>(CAPACITY), new_spsc::<u64>(CAPACITY));
        let (any_there, any_back) = (new_mpmc::<u64>(CAPACITY), new_mpmc::<u64>(CAPACITY));
        let queues = [(); 2].map(|()| MessageQueueOptions::new().open_random().expect("a queue can be had"));
        let message = MessageBuffer::new(MessageType::ONE, &[0; 8]);
        let _peers = [
            Peer::start_on(processor, || {
                loop {
                    sleep_on(line(0));
                    wake(line(1));
                }
            }),
            Peer::start_on(processor, || {
                let (mut from, mut to) = (there.consumer().expect("it is free"), back.producer().expect("it is free"));
                while let Ok(ball) = from.pop() {
                    to.push(ball).expect("there is room");
                }
            }),
            Peer::start_on(processor, || {
                let (from, to) =
                    (any_there.consumer().expect("it is there"), any_back.producer().expect("it is there"));
                while let Ok(ball) = from.pop() {
                    to.push(ball).expect("there is room");
                }
            }),
            Peer::start_on(processor, || {
                let mut buffer = message.clone();
                while queues[0].receive_into(&mut buffer, Selector::Any).is_ok() {
                    queues[1].send(&buffer).expect("there is room");
                }
            }),
        ];
        let (mut to, mut from) = (there.producer().expect("it is free"), back.consumer().expect("it is free"));
        let (any_to, any_from) =
            (any_there.producer().expect("it is there"), any_back.consumer().expect("it is there"));
        let mut buffer = message.clone();
        compare(
            title,
            vec![
                Alternative::new("a futex each way", |count| {
                    for _ in 0..count {
                        wake(line(0));
                        sleep_on(line(1));
                    }
                }),
                Alternative::new("spsc ring each way", |count| {
                    for number in 0..count {
                        to.push(number).expect("there is room");
                        from.pop().expect("the peer lives");
                    }
                }),
                Alternative::new("mpmc ring each way", |count| {
                    for number in 0..count {
                        any_to.push(number).expect("there is room");
                        any_from.pop().expect("the peer lives");
                    }
                }),
                Alternative::new("System V message queue each way", |count| {
                    for _ in 0..count {
                        queues[0].send(&message).expect("there is room");
                        queues[1].receive_into(&mut buffer, Selector::Any).expect("the peer lives");
                    }
                }),
            ],
        );
        queues.iter().for_each(|queue| queue.remove().expect("it is ours"));
    }
}

/// More and more processes on one ring: what it does in all, for each item.
fn crowds() {
    let rings: Vec<mpmc::Ring<[u64; 8]>> = (0..4).map(|_| new_mpmc(CAPACITY)).collect();
    let counters = memory(4096);
    let (begin, done) = (
        |ring: usize| -> &AtomicU32 { counters.view(512 * ring).expect("it fits") },
        |ring: usize| -> &AtomicU64 { counters.view(512 * ring + 256).expect("it fits") },
    );
    let mut peers = Vec::new();
    for (index, ring) in rings.iter().enumerate() {
        for number in 0..1_usize << index {
            peers.push(Peer::start_on(1, || {
                harness::unpin();
                let consumer = ring.consumer().expect("it can be had");
                while consumer.pop().is_ok() {
                    done(index).fetch_add(1, SeqCst);
                }
            }));
            if number > 0 {
                peers.push(Peer::start_on(0, || {
                    harness::unpin();
                    let producer = ring.producer().expect("it can be had");
                    let mut served = 0;
                    loop {
                        // The upper half numbers the rounds, the lower half says how many items.
                        let order = begin(index).load(Acquire);
                        if order == served {
                            futex(begin(index), libc::FUTEX_WAIT, order);
                            continue;
                        }
                        served = order;
                        (0..order >> 8).for_each(|_| producer.push([1; 8]).expect("the peers live"));
                    }
                }));
            }
        }
    }
    let alternatives = rings.iter().enumerate().map(|(index, ring)| {
        let producer = ring.producer().expect("it can be had");
        let producers = 1_u64 << index;
        let mut round = 0;
        Alternative::new(format!("{producers} producers, {producers} consumers"), move |count| {
            round = (round + 1) & 0xff;
            let each = u32::try_from(count.div_ceil(producers)).expect("it is small");
            let before = done(index).load(SeqCst);
            begin(index).store(each << 8 | round, SeqCst);
            futex(begin(index), libc::FUTEX_WAKE, i32::MAX.unsigned_abs());
            (0..each).for_each(|_| producer.push([1; 8]).expect("the peers live"));
            while done(index).load(SeqCst) < before + u64::from(each) * producers {
                std::thread::yield_now();
            }
        })
    });
    compare("mpmc ring, items of 64 bytes, time for one of all", alternatives.collect());
}
