//! A waiter of an mpmc ring is stopped: by a debugger, by job control, by a limit of processor time. It delays the one
//! item, or the one free slot, for which it was notified. C1, C11, C13.
//!
//! The first waiter is traced, so it stops exactly where its sleep is over: it has taken its wake-up, and has done nothing
//! with it.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use support::{
    Child, LONG, child, memory, name,
    prompt::{PROMPT, join_promptly, promptly, resume, stop},
    step::{Victim, mark},
};
use sysv_primitives::{PopError, PushError, mpmc};

/// The time from one event to the next.
const PACE: Duration = Duration::from_millis(1);

fn ring(name: &str, capacity: usize) -> mpmc::Ring<u64> {
    mpmc::Ring::options().max_handles(12).create(name, capacity).unwrap()
}

fn open(name: &str) -> mpmc::Ring<u64> {
    mpmc::Ring::open(name).unwrap()
}

/// Pops until the ring is closed, and counts.
fn consume(consumer: &mpmc::Consumer<u64>, popped: &AtomicU32) {
    loop {
        match consumer.pop() {
            Ok(_) => popped.fetch_add(1, SeqCst),
            Err(PopError::Closed { .. }) => return,
            Err(error) => panic!("{error}"),
        };
    }
}

/// Pushes until the ring is closed.
fn produce(producer: &mpmc::Producer<u64>) {
    let refused = (0..).find_map(|number| producer.push(number).err());
    assert!(matches!(refused, Some(PushError::Closed { .. })), "{refused:?}");
}

#[test]
fn case_c1_a_stopped_consumer() {
    const ITEMS: u32 = 300;
    let (name, counted) = (name(), memory(4));
    let popped: &AtomicU32 = counted.view(0).unwrap();
    let ring = ring(&name, 512);
    let producer = ring.producer().unwrap();
    let stopped = Victim::start(|| {
        let consumer = open(&name).consumer().unwrap();
        mark();
        consume(&consumer, popped);
    });
    let stopped = stopped.until_asleep();
    let other = child(|| consume(&open(&name).consumer().unwrap(), popped));
    other.until_asleep();
    for number in 0..ITEMS {
        producer.push(number.into()).unwrap();
        thread::sleep(PACE);
    }
    promptly("the other consumer has all items but the one of the stopped consumer", || {
        popped.load(SeqCst) >= ITEMS - 1
    });
    ring.close().unwrap();
    stopped.finish();
    join_promptly("the other consumer is notified that the ring is closed", other);
    assert_eq!(popped.load(SeqCst), ITEMS, "each item came once");
}

#[test]
fn case_c1_a_stopped_producer() {
    const ITEMS: usize = 300;
    let name = name();
    let ring = ring(&name, 4);
    ring.producer().unwrap().push_slice(&[0; 4]).unwrap();
    let consumer = ring.consumer().unwrap();
    let stopped = Victim::start(|| {
        let producer = open(&name).producer().unwrap();
        mark();
        produce(&producer);
    });
    let stopped = stopped.until_asleep();
    let other = child(|| produce(&open(&name).producer().unwrap()));
    other.until_asleep();
    for number in 0..ITEMS {
        let popped = consumer.pop_timeout(PROMPT);
        popped.unwrap_or_else(|error| panic!("the other producer pushes no more after {number} items: {error}"));
        thread::sleep(PACE);
    }
    ring.close().unwrap();
    stopped.finish();
    join_promptly("the other producer is notified that the ring is closed", other);
}

/// Four items are pushed at once, and four consumers wait. The first is stopped.
#[test]
fn case_c1_a_stopped_consumer_of_several_items() {
    let (name, counted) = (name(), memory(4));
    let popped: &AtomicU32 = counted.view(0).unwrap();
    let ring = ring(&name, 8);
    let stopped = Victim::start(|| {
        let consumer = open(&name).consumer().unwrap();
        mark();
        consume(&consumer, popped);
    });
    let stopped = stopped.until_asleep();
    let others = [(); 3].map(|()| {
        child(|| {
            assert!(open(&name).consumer().unwrap().pop().is_ok());
            popped.fetch_add(1, SeqCst);
            support::hold_for_ever()
        })
    });
    others.iter().for_each(Child::until_asleep);
    assert_eq!(ring.producer().unwrap().push_slice(&[1, 2, 3, 4]).unwrap(), 4);
    promptly("three consumers have an item each", || popped.load(SeqCst) >= 3);
    ring.close().unwrap();
    stopped.finish();
    promptly("the fourth item is not lost", || popped.load(SeqCst) == 4);
}

/// One of three consumers is stopped again and again, wherever it is.
#[test]
fn case_c11_a_consumer_that_is_stopped_now_and_then() {
    const STOPS: u32 = 60;
    const ITEMS: u32 = 10;
    let (name, counted) = (name(), memory(4));
    let popped: &AtomicU32 = counted.view(0).unwrap();
    let ring = ring(&name, 64);
    let producer = ring.producer().unwrap();
    let consumers = [(); 3].map(|()| child(|| consume(&open(&name).consumer().unwrap(), popped)));
    let mut pushed = 0;
    let mut push = || {
        pushed += 1;
        producer.push_timeout(0, PROMPT).expect("there is room");
        pushed
    };
    for number in 0..STOPS {
        consumers.iter().for_each(Child::until_asleep);
        let stopped = &consumers[number as usize % 3];
        push();
        let until = Instant::now() + Duration::from_micros(fastrand::u64(..200));
        while Instant::now() < until {}
        stop(stopped);
        for _ in 0..ITEMS {
            let pushed = push();
            thread::sleep(PACE);
            // Beside the item of the stopped consumer.
            promptly(&format!("item {pushed} is popped during stop {number}"), || popped.load(SeqCst) + 1 >= pushed);
        }
        resume(stopped);
        let pushed = push();
        promptly(&format!("nothing is left after stop {number}"), || popped.load(SeqCst) == pushed);
    }
    ring.close().unwrap();
    consumers.into_iter().for_each(|consumer| join_promptly("the ring is closed", consumer));
}

/// The notified consumer is stopped, and another one times out meanwhile. It gets the item that is there.
#[test]
fn case_c13_a_pop_that_times_out_beside_a_stopped_consumer() {
    let name = name();
    let ring = ring(&name, 4);
    let stopped = Victim::start(|| {
        let consumer = open(&name).consumer().unwrap();
        mark();
        assert_eq!(consumer.pop_timeout(LONG).unwrap(), 2);
    });
    let stopped = stopped.until_asleep();
    let timed = child(|| {
        assert_eq!(open(&name).consumer().unwrap().pop_timeout(Duration::from_secs(1)).unwrap(), 1);
    });
    timed.until_asleep();
    let producer = ring.producer().unwrap();
    producer.push(1).unwrap();
    join_promptly("the timed consumer has the item, and ends", timed);
    producer.push(2).unwrap();
    stopped.finish();
}

#[test]
fn case_c13_a_push_that_times_out_beside_a_stopped_producer() {
    let name = name();
    let ring = ring(&name, 1);
    ring.producer().unwrap().push(1).unwrap();
    let stopped = Victim::start(|| {
        let producer = open(&name).producer().unwrap();
        mark();
        producer.push_timeout(3, LONG).unwrap();
    });
    let stopped = stopped.until_asleep();
    let timed = child(|| open(&name).producer().unwrap().push_timeout(2, Duration::from_secs(1)).unwrap());
    timed.until_asleep();
    let consumer = ring.consumer().unwrap();
    assert_eq!(consumer.pop_timeout(PROMPT).unwrap(), 1);
    join_promptly("the timed producer has the room, and ends", timed);
    assert_eq!(consumer.pop_timeout(PROMPT).unwrap(), 2);
    stopped.finish();
    assert_eq!(consumer.pop_timeout(PROMPT).unwrap(), 3);
}

/// A consumer is stopped until its own timeout has elapsed, with its wake-up or without. It gets the item that is there.
#[test]
fn case_c13_a_pop_that_is_stopped_until_after_its_timeout() {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let (name, counted) = (name(), memory(4));
    let got: &AtomicU32 = counted.view(0).unwrap();
    let ring = ring(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for notified_first in [true, false] {
        let is_conclusive = || {
            let begun = Instant::now();
            let timed = child(|| {
                got.store(u32::from(open(&name).consumer().unwrap().pop_timeout(TIMEOUT).is_ok()), SeqCst);
            });
            timed.until_asleep();
            if notified_first {
                producer.push(1).unwrap();
                stop(&timed);
            } else {
                stop(&timed);
                producer.push(1).unwrap();
            }
            // On a slow machine it may have timed out before.
            let is_in_time = begun.elapsed() < TIMEOUT;
            thread::sleep(TIMEOUT);
            resume(&timed);
            join_promptly("the timed consumer ends", timed);
            is_in_time || consumer.try_pop().is_err() && got.load(SeqCst) == 1
        };
        promptly("the consumer is stopped in time", is_conclusive);
        assert_eq!(got.load(SeqCst), 1, "it timed out, and there was an item; {notified_first}");
    }
}
