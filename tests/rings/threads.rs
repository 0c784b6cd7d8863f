//! Threads that wait through one handle share its slot, and so its doorbell: each of them hears of what concerns it.

use std::{sync::mpsc, thread, time::Duration};

use support::{LONG, Waiters, child, exit_now, name, prompt::PROMPT, until_rings};
use sysv_primitives::{PopError, mpmc};

/// Every thread gets one item, whatever thread sleeps for all.
#[test]
fn as_many_items_as_threads_wait() {
    const THREADS: u64 = 12;
    let name = name();
    let ring = mpmc::Ring::<u64>::create(&name, 4).unwrap();
    let (consumer, producer) = (ring.consumer().unwrap(), ring.producer().unwrap());
    thread::scope(|scope| {
        let (popped, items) = mpsc::channel();
        for _ in 0..THREADS {
            let (consumer, popped) = (consumer.clone(), popped.clone());
            scope.spawn(move || popped.send(consumer.pop_timeout(LONG).unwrap()).unwrap());
        }
        until_rings(ring.status().unwrap().set, Waiters::FOR_ITEMS);
        // One after the other: the next one comes when the last was popped, and finds another thread asleep, or none yet.
        let mut all: Vec<u64> = (0..THREADS)
            .map(|item| {
                producer.push(item).unwrap();
                items.recv_timeout(PROMPT).expect("a thread is notified")
            })
            .collect();
        all.sort_unstable();
        assert_eq!(all, (0..THREADS).collect::<Vec<_>>());
    });
}

/// A burst: several items come while the thread that sleeps for all is woken for the first.
#[test]
fn a_burst_for_threads_that_wait() {
    const THREADS: u64 = 8;
    let name = name();
    let ring = mpmc::Ring::<u64>::create(&name, 16).unwrap();
    let (consumer, producer) = (ring.consumer().unwrap(), ring.producer().unwrap());
    for _ in 0..50 {
        thread::scope(|scope| {
            let (popped, items) = mpsc::channel();
            for _ in 0..THREADS {
                let (consumer, popped) = (consumer.clone(), popped.clone());
                scope.spawn(move || popped.send(consumer.pop_timeout(LONG).unwrap()).unwrap());
            }
            until_rings(ring.status().unwrap().set, Waiters::FOR_ITEMS);
            (0..THREADS).for_each(|item| producer.push(item).unwrap());
            (0..THREADS).for_each(|_| assert!(items.recv_timeout(PROMPT).is_ok(), "a thread sleeps beside an item"));
        });
    }
}

/// Only some threads detect disconnection, and the one that sleeps for all does not.
#[test]
fn the_end_reaches_the_threads_that_asked_for_it() {
    for dies in [false, true] {
        let name = name();
        let ring = mpmc::Ring::<u64>::create(&name, 4).unwrap();
        let plain = ring.consumer().unwrap();
        let producer = child(|| {
            let producer = mpmc::Ring::<u64>::open(&name).unwrap().producer().unwrap();
            producer.push(1).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            if dies { exit_now(0) } else { drop(producer) }
        });
        assert_eq!(plain.pop_timeout(LONG).unwrap(), 1);
        thread::scope(|scope| {
            let (told, ends) = mpsc::channel();
            let leads = scope.spawn(|| plain.pop_timeout(LONG));
            until_rings(ring.status().unwrap().set, Waiters::FOR_ITEMS);
            for detects in [false, true, false, true] {
                let (mut consumer, told) = (plain.clone(), told.clone());
                consumer.detect_disconnect(detects);
                scope.spawn(move || told.send((detects, consumer.pop_timeout(LONG).map_err(|error| error.is_end()))));
            }
            for _ in 0..2 {
                let first = ends.recv_timeout(PROMPT).expect("the threads that asked are told");
                assert_eq!(first, (true, Err(true)));
            }
            ring.close().unwrap();
            assert!(matches!(leads.join().unwrap(), Err(PopError::Closed { .. })));
            for _ in 0..2 {
                assert_eq!(ends.recv_timeout(PROMPT).expect("every thread is told"), (false, Err(true)));
            }
        });
        producer.join();
    }
}
