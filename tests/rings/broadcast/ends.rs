//! A ring that is closed, and the detection of a disconnect at either end.

use std::thread;

use support::{LONG, SHORT, child, hold_for_ever, name, refused};
use sysv_primitives::{PopError, PushError};

use super::{open, ring, subscribed};

#[test]
fn a_closed_ring_is_emptied_first() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    producer.push_slice(&[1, 2, 3]).unwrap();
    producer.close().unwrap();
    assert!(ring.is_closed() && matches!(refused(producer.push(4)), PushError::Closed { item: 4, .. }));
    assert_eq!(subscriber.iter().collect::<Result<Vec<_>, _>>().unwrap(), [1, 2, 3]);
    assert!(matches!(subscriber.pop(), Err(PopError::Closed { .. })));
    let mut late = ring.subscriber().unwrap();
    assert!(matches!(late.pop_timeout(LONG), Err(PopError::Closed { .. })));
}

#[test]
fn closing_wakes_both_sides() {
    let name = name();
    let ring = ring::<u64>(&name, 1);
    let waiting = subscribed(&ring, &name, |mut subscriber| {
        assert!(matches!(subscriber.pop(), Err(PopError::Closed { .. })));
    });
    waiting.until_asleep();
    let other = support::name();
    let full = self::ring::<u64>(&other, 1);
    let _slow = full.subscriber().unwrap();
    let waiting_producer = child(|| {
        let mut producer = open(&other).producer().unwrap();
        producer.push(1).unwrap();
        assert!(matches!(refused(producer.push(2)), PushError::Closed { .. }));
    });
    waiting_producer.until_asleep();
    ring.close().unwrap();
    full.close().unwrap();
    waiting.join();
    waiting_producer.join();
}

/// A subscriber that asked is told at once, whether the producer leaves or dies.
#[test]
fn a_disconnect_is_detected() {
    for dies in [false, true] {
        let name = name();
        let ring = ring::<u64>(&name, 4);
        let subscriber = subscribed(&ring, &name, |mut subscriber| {
            subscriber.detect_disconnect(true);
            assert_eq!(subscriber.pop().unwrap(), 7);
            assert!(matches!(subscriber.pop(), Err(PopError::Disconnected { .. })));
        });
        subscriber.until_asleep();
        child(|| {
            let mut producer = open(&name).producer().unwrap();
            producer.push(7).unwrap();
            thread::sleep(SHORT);
            if dies { std::mem::forget(producer) } else { drop(producer) }
        })
        .join();
        subscriber.join();
        let mut late = ring.subscriber().unwrap();
        late.detect_disconnect(true);
        assert!(!late.has_producer() || dies);
        assert!(matches!(late.try_pop(), Err(PopError::Disconnected { .. })));
    }
}

#[test]
fn a_producer_detects_that_the_subscribers_are_gone() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let mut producer = ring.producer().unwrap();
    producer.detect_disconnect(true);
    (0..10).for_each(|number| producer.try_push(number).expect("none has come yet"));
    let first = subscribed(&ring, &name, |_subscriber| hold_for_ever());
    let second = subscribed(&ring, &name, |subscriber| {
        thread::sleep(SHORT);
        drop(subscriber);
        hold_for_ever()
    });
    let killer = thread::spawn({
        move || {
            thread::sleep(SHORT * 2);
            first.kill();
        }
    });
    // It sleeps for the first one, which is killed.
    let ended = (0..).map(|number| producer.push(number)).find_map(Result::err);
    assert!(matches!(ended, Some(PushError::Disconnected { .. })), "{ended:?}");
    killer.join().unwrap();
    drop(second);
}
