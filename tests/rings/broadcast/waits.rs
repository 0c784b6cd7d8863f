//! How long a wait lasts, what it costs, and that no wake-up is lost.

use std::{
    thread,
    time::{Duration, Instant},
};

use support::{Child, LONG, SHORT, child, name, refused, switches, until};
use sysv_primitives::{Options, RoleError};

use super::{Ring, open, ring, subscribed};

#[test]
fn waits_end_in_time() {
    let name = name();
    let ring = ring::<u64>(&name, 1);
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    let begun = Instant::now();
    assert!(subscriber.pop_timeout(SHORT).unwrap_err().is_busy());
    assert!(subscriber.peek_timeout(1, SHORT).unwrap_err().is_busy());
    producer.push(1).unwrap();
    assert!(refused(producer.push_timeout(2, SHORT)).is_busy());
    assert!(producer.reserve_up_to_timeout(1, SHORT).unwrap_err().is_busy());
    assert!(producer.push_slice_timeout(&[1], SHORT).unwrap_err().is_busy());
    assert!(matches!(ring.producer_timeout(SHORT), Err(RoleError::TimedOut { .. })));
    assert!(begun.elapsed() >= SHORT * 6);
}

#[test]
fn sleepers_use_no_processor_and_one_wake_up() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let sleepers = [(); 3].map(|()| {
        subscribed(&ring, &name, |mut subscriber| {
            assert_eq!(subscriber.pop().unwrap(), 0);
            let before = switches();
            assert_eq!(subscriber.pop().unwrap(), 1);
            let slept = switches() - before;
            // Once for want of an item; and the heavy fence before it may have to wait for another process's.
            assert!((1..=4).contains(&slept), "{slept} times");
        })
    });
    let mut producer = ring.producer().unwrap();
    producer.push(0).unwrap();
    thread::sleep(Duration::from_millis(200));
    producer.push(1).unwrap();
    sleepers.into_iter().for_each(Child::join);
}

/// A subscriber that is not in the way does not wake the producer.
#[test]
fn only_the_slowest_wakes_the_producer() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (mut fast, mut slow) = (ring.subscriber().unwrap(), ring.subscriber().unwrap());
    let producer = child(|| {
        let mut producer = open(&name).producer().unwrap();
        (0..4).for_each(|number| producer.push(number).unwrap());
        let before = switches();
        producer.push(4).unwrap();
        let slept = switches() - before;
        assert!((1..=4).contains(&slept), "{slept} times");
    });
    until(|| fast.len() == 4);
    producer.until_asleep();
    for _ in 0..4 {
        fast.pop().unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    slow.pop().unwrap();
    producer.join();
}

/// The same traffic with every process fencing for itself, or the sleepers for all.
#[test]
fn fences_lose_no_wake_up() {
    for light in [true, false] {
        ping_pong(&Options::new().light_fences(light), 10_000);
    }
}

/// One item at a time there and back, so that each side sleeps or is about to, again and again.
fn ping_pong(options: &Options<Ring>, rounds: u64) {
    let (there, back) = (name(), name());
    let rings = (options.create(&there, 1).unwrap(), options.create(&back, 1).unwrap());
    let mut from = rings.1.subscriber().unwrap();
    let echo = subscribed(&rings.0, &there, |mut subscriber| {
        let mut to = open(&back).producer().unwrap();
        (0..rounds).for_each(|_| to.push(subscriber.pop_timeout(LONG).expect("no wake-up is lost")).unwrap());
    });
    let mut to = rings.0.producer().unwrap();
    for round in 0..rounds {
        // Now and then long enough for the other to fall asleep, or just about.
        (0..fastrand::u32(..if round % 8 == 0 { 4000 } else { 2 })).for_each(|_| std::hint::spin_loop());
        to.push_timeout(round, LONG).expect("no wake-up is lost");
        assert_eq!(from.pop_timeout(LONG).expect("no wake-up is lost"), round);
    }
    echo.join();
}
