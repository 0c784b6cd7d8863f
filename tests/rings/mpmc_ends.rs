//! The ring for any number of producers and consumers: how it ends, and which waiters are notified.

use std::thread;

use support::{LONG, SHORT, child, name, refused};
use sysv_primitives::{PopError, PushError, Role, mpmc};

fn ring<T: bytemuck::Pod>(name: &str, capacity: usize) -> mpmc::Ring<T> {
    mpmc::Ring::options().max_handles(12).create(name, capacity).unwrap()
}

#[test]
fn a_closed_ring_is_emptied_first_and_wakes_every_waiter() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    ring.producer().unwrap().push_slice(&[1, 2]).unwrap();
    let told = [false, true, false, true];
    let waiting = told.map(|tell| {
        child(|| {
            let mut consumer = ring.consumer().unwrap();
            consumer.detect_disconnect(tell);
            // No waiter is notified of an end as long as this one pushes.
            let _producer = ring.producer().unwrap();
            assert!(consumer.iter().all(|item| item.is_ok()));
            assert!(matches!(consumer.pop(), Err(PopError::Closed { .. })));
        })
    });
    waiting.iter().for_each(support::Child::until_asleep);
    assert!(ring.is_empty());
    ring.close().unwrap();
    waiting.into_iter().for_each(support::Child::join);
    let refused = refused(ring.producer().unwrap().push(3));
    let text = refused.to_string();
    assert!(text.contains(&format!("mpmc ring {:?} was closed, and takes no more items", &*name)), "{text}");
    assert!(matches!(refused, PushError::Closed { item: 3, .. }));
}

/// Some detect a disconnect, some don't: the end reaches all that do, and at once.
#[test]
fn all_that_detect_a_disconnect_are_notified() {
    for dies in [false, true] {
        let name = name();
        let ring = ring::<u64>(&name, 4);
        let deaf =
            [(); 2].map(|()| child(|| assert!(matches!(ring.consumer().unwrap().pop(), Err(PopError::Closed { .. })))));
        let told = [(); 2].map(|()| {
            child(|| {
                let mut consumer = ring.consumer().unwrap();
                consumer.detect_disconnect(true);
                assert!(matches!(consumer.pop(), Err(PopError::Disconnected { .. })));
            })
        });
        deaf.iter().chain(&told).for_each(support::Child::until_asleep);
        let producers = [(); 2].map(|()| {
            child(|| {
                let producer = ring.producer().unwrap();
                thread::sleep(SHORT);
                if dies { std::mem::forget(producer) } else { drop(producer) }
            })
        });
        producers.into_iter().for_each(support::Child::join);
        told.into_iter().for_each(support::Child::join);
        ring.close().unwrap();
        deaf.into_iter().for_each(support::Child::join);
    }
}

#[test]
fn a_producer_learns_that_all_consumers_are_gone() {
    let name = name();
    let ring = ring::<u64>(&name, 1);
    child(|| {
        let consumer = ring.consumer().unwrap();
        assert_eq!(ring.holders(Role::Consumer).len(), 1);
        std::mem::forget(consumer);
    })
    .join();
    let mut producer = ring.producer().unwrap();
    producer.push(1).unwrap();
    producer.detect_disconnect(true);
    let refused = refused(producer.try_push(2));
    assert!(matches!(refused, PushError::Disconnected { item: 2, .. }));
    assert!(ring.holders(Role::Consumer).is_empty());
}

/// Two asked to be notified. The first finds the last item and the end at once. The second must not sleep on.
#[test]
fn the_end_is_passed_on_with_the_last_item() {
    for _ in 0..20 {
        let name = name();
        let ring = ring::<u64>(&name, 4);
        let told = [(); 2].map(|()| {
            child(|| {
                let mut consumer = ring.consumer().unwrap();
                consumer.detect_disconnect(true);
                loop {
                    match consumer.pop_timeout(LONG) {
                        Ok(_) => {}
                        Err(PopError::Disconnected { .. }) => return,
                        Err(error) => panic!("stuck: {error}"),
                    }
                }
            })
        });
        told.iter().for_each(support::Child::until_asleep);
        ring.producer().unwrap().push(1).unwrap();
        told.into_iter().for_each(support::Child::join);
    }
}

/// What was committed before the end comes before the end, also behind one that is still being written.
#[test]
fn the_end_waits_for_a_producer_that_writes() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut slow = producer.reserve().unwrap();
    producer.push_slice(&[2, 3]).unwrap();
    ring.close().unwrap();
    assert!(consumer.try_pop().unwrap_err().is_busy());
    let waiting = [(); 2].map(|()| {
        child(|| {
            let consumer = ring.consumer().unwrap();
            consumer.iter().for_each(|item| assert!((1..=3).contains(&item.unwrap())));
            assert!(matches!(consumer.pop(), Err(PopError::Closed { .. })));
        })
    });
    waiting.iter().for_each(support::Child::until_asleep);
    *slow = 1;
    slow.commit();
    waiting.into_iter().for_each(support::Child::join);
    assert!(ring.is_empty());
}

/// The next one comes before the former leaves: there is a producer at every instant, and no waiter is notified of an end.
#[test]
fn a_side_that_changes_hands_is_not_gone() {
    const ROUNDS: u64 = 3000;
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let batons: Vec<_> = (0..4).map(|_| mpmc::Ring::<u64>::options().max_handles(12).open(&name).unwrap()).collect();
    let first = batons[0].producer().unwrap();
    let watcher = child(|| {
        let mut consumer = ring.consumer().unwrap();
        consumer.detect_disconnect(true);
        loop {
            match consumer.try_pop() {
                Ok(_) => return,
                Err(error) => assert!(error.is_busy(), "{error}"),
            }
        }
    });
    let mut holder = first;
    for round in 0..ROUNDS {
        let next = batons[fastrand::usize(..4)].producer().unwrap();
        drop(std::mem::replace(&mut holder, next));
        if round % 64 == 0 {
            thread::yield_now();
        }
    }
    holder.push(1).unwrap();
    watcher.join();
}
