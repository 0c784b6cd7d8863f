//! What each subscriber gets: every item from when it joined, in order, one by one, in slices or in place.

use std::{thread, time::Duration};

use support::{Child, LONG, SHORT, child, name, refused};
use sysv_primitives::{Options, PopError, PushError, broadcast};

use super::{lagging, open, ring, subscribed};

#[test]
fn every_subscriber_gets_every_item_in_order() {
    let name = name();
    let ring = ring::<u64>(&name, 16);
    let all = |mut subscriber: broadcast::Subscriber<u64>| {
        (0..10_000).for_each(|expected| assert_eq!(subscriber.pop_timeout(LONG).unwrap(), expected));
    };
    let subscribers = [(); 3].map(|()| subscribed(&ring, &name, all));
    let mut producer = ring.producer().unwrap();
    (0..10_000).for_each(|number| producer.push_timeout(number, LONG).unwrap());
    subscribers.into_iter().for_each(Child::join);
    assert_eq!(ring.counts().pushed, 10_000);
    assert!(ring.subscribers().is_empty() && !producer.has_subscriber());
}

#[test]
fn a_subscriber_begins_with_what_is_pushed_next() {
    let name = name();
    let ring = ring::<u64>(&name, 2);
    let mut producer = ring.producer().unwrap();
    (0..7).for_each(|number| producer.try_push(number).expect("without subscribers there is always room"));
    let mut first = ring.subscriber().unwrap();
    producer.try_push(7).unwrap();
    let mut second = ring.subscriber().unwrap();
    producer.try_push(8).unwrap();
    assert_eq!(first.try_iter().collect::<Result<Vec<_>, _>>().unwrap(), [7, 8]);
    assert!(refused(producer.try_push(9).and_then(|()| producer.try_push(10))).is_busy(), "the second has two");
    assert_eq!(second.try_iter().collect::<Result<Vec<_>, _>>().unwrap(), [8, 9]);
}

#[test]
fn the_slowest_holds_the_producer_up_and_nothing_else() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (mut fast, mut slow) = (ring.subscriber().unwrap(), ring.subscriber().unwrap());
    let mut producer = ring.producer().unwrap();
    assert_eq!(producer.push_slice(&[0, 1, 2, 3, 4, 5]).unwrap(), 4);
    assert_eq!(fast.try_iter().count(), 4);
    let (full, late) = (refused(producer.try_push(4)), refused(producer.push_timeout(4, SHORT)));
    assert!(matches!((full, late), (PushError::Full(4), PushError::TimedOut(4))));
    let lags: Vec<u64> = ring.subscribers().into_iter().map(|(_, lag)| lag).collect();
    assert_eq!((lags, ring.len(), producer.slots()), (vec![0, 4], 4, 0));
    assert_eq!(slow.pop().unwrap(), 0);
    producer.try_push(4).unwrap();
    drop(slow);
    assert_eq!((ring.len(), producer.slots()), (1, 3));
}

#[test]
fn slices_go_round_the_end() {
    let name = name();
    let ring = ring::<u32>(&name, 8);
    let mut producer = ring.producer().unwrap();
    let mut subscribers = [ring.subscriber().unwrap(), ring.subscriber().unwrap()];
    let (mut next, mut expected) = (0, [0, 0]);
    for _ in 0..1000 {
        let items: Vec<u32> = (next..next + fastrand::u32(0..12)).collect();
        match producer.try_push_slice(&items) {
            Ok(count) => next += u32::try_from(count).unwrap(),
            Err(error) => assert!(error.is_busy() && ring.len() == 8),
        }
        for (subscriber, expected) in subscribers.iter_mut().zip(&mut expected) {
            let mut room = vec![0; fastrand::usize(1..12)];
            match subscriber.try_pop_slice(&mut room) {
                Ok(count) => room[..count].iter().for_each(|&item| {
                    assert_eq!(item, *expected);
                    *expected += 1;
                }),
                Err(error) => assert!(error.is_busy() && *expected == next),
            }
        }
    }
    assert!(expected.iter().all(|&popped| popped > 100));
}

#[test]
fn in_place_in_both_modes() {
    for is_lagging in [false, true] {
        let name = name();
        let ring = if is_lagging { lagging::<u64>(&name, 32) } else { ring::<u64>(&name, 32) };
        let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
        let mut other = ring.subscriber().unwrap();
        let mut places = producer.reserve_up_to(3).unwrap();
        assert_eq!(places.len(), 3);
        places.as_mut_slices().0[0] = 10;
        places[1] = 11;
        places[2] = 99;
        assert_eq!(places[1], 11);
        places.commit(2);
        drop(producer.reserve_up_to(2).unwrap());
        let peeked = subscriber.peek(100).unwrap();
        assert_eq!((peeked.len(), peeked.as_slices().0, peeked[1]), (2, &[10, 11][..], 11));
        peeked.consume(1);
        drop(subscriber.peek(1).unwrap());
        assert_eq!((subscriber.pop().unwrap(), other.pop().unwrap()), (11, 10));
        assert_eq!(producer.push_slice(&[]).unwrap(), 0);
        assert_eq!(subscriber.pop_slice(&mut []).unwrap(), 0);
    }
}

#[test]
fn subscribers_join_and_leave_while_items_flow() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    let steady = subscribed(&ring, &name, |mut subscriber| {
        (0..30_000).for_each(|expected| assert_eq!(subscriber.pop_timeout(LONG).unwrap(), expected));
    });
    let passing = [(); 2].map(|()| {
        child(|| {
            let ring = open(&name);
            for _ in 0..300 {
                let mut subscriber = ring.subscriber().unwrap();
                let mut last = None;
                for _ in 0..fastrand::u32(..20) {
                    match subscriber.pop_timeout(LONG) {
                        Ok(found) => assert!(last.replace(found).is_none_or(|last| found == last + 1)),
                        Err(PopError::Closed { .. }) => return,
                        Err(error) => panic!("stuck: {error}"),
                    }
                }
            }
        })
    });
    let mut producer = ring.producer().unwrap();
    (0..30_000).for_each(|number| producer.push_timeout(number, LONG).expect("all of them go on"));
    producer.close().unwrap();
    steady.join();
    passing.into_iter().for_each(Child::join);
}

/// Threads of one process, each with a subscriber, share a slot and a doorbell.
#[test]
fn threads_of_one_process_are_subscribers_each() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let mut subscribers = [(); 3].map(|()| ring.subscriber().unwrap());
    let producer = child(|| {
        let mut producer = open(&name).producer().unwrap();
        for number in 0..3_000 {
            if number % 100 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            producer.push_timeout(number, LONG).unwrap();
        }
    });
    thread::scope(|scope| {
        for subscriber in &mut subscribers {
            scope.spawn(|| {
                (0..3_000).for_each(|expected| assert_eq!(subscriber.pop_timeout(LONG).unwrap(), expected));
            });
        }
    });
    producer.join();
}

#[test]
fn types_of_no_size_and_of_great_alignment() {
    #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Zeroable, bytemuck::Pod)]
    #[repr(C, align(512))]
    struct Page([u8; 512]);
    for is_lagging in [false, true] {
        let (empty, pages) = (name(), name());
        let options = Options::<broadcast::Ring<()>>::new().max_handles(2);
        let ring = options.lagging(is_lagging).create(&empty, 1 << 20).unwrap();
        let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
        assert_eq!((producer.push_slice(&[(); 3]).unwrap(), subscriber.peek(9).unwrap().len()), (3, 3));
        let options = Options::<broadcast::Ring<Page>>::new().max_handles(2);
        let ring = options.lagging(is_lagging).create(&pages, 2).unwrap();
        let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
        producer.push(Page([7; 512])).unwrap();
        assert_eq!(subscriber.pop().unwrap(), Page([7; 512]));
    }
}
